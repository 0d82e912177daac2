"""Python's control flow over traced values: `if`, `while` and `for` become calls of functions.

A function is taken from its source, rewritten as a syntax tree, and compiled again under the same file name and with
the same lines and columns; so errors, names and generated code speak of what the user wrote.  The method is that of
AutoGraph (Moldovan et al., AutoGraph: imperative-style coding with graph-based performance, SysML 2019)::

    while abs(f(x)) > tol:          def test(x): return abs(f(x)) > tol
        x = x - f(x) / df(x)        def body(x): x = x - f(x) / df(x); return (x,)
                                    (x,) = flow.loop(test, body, (x,), ('x',), 3)

First `jumps` removes `break`, `continue` and `return` inside loops: what comes after one moves into the other branch of
the `if` that it stands in.  Then each statement becomes a call, which hands over the variables that it assigns and that
are read later.  Whether a loop is one of the graph or of Python is decided by the functions that are called, by what
they are given.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from staticbp.core.graph import SrcLine
from staticbp.errors import ControlFlowError
from staticbp.trace.jumps import without_jumps

FLOW = "__flow"
"""What the functions that are called are found by."""

_REFUSED: dict[type[ast.AST], str] = {
    ast.Yield: "yield",
    ast.YieldFrom: "yield from",
    ast.Await: "await",
    ast.AsyncFor: "async for",
    ast.AsyncWith: "async with",
    ast.Try: "try",
    ast.TryStar: "try",
    ast.With: "with",
    ast.Match: "match",
    ast.Global: "global",
    ast.Nonlocal: "nonlocal",
    ast.Delete: "del",
    ast.NamedExpr: ":=",
    ast.ClassDef: "class",
    ast.Import: "import",
    ast.ImportFrom: "import",
}


class Refusal:
    """Raises the error for what cannot be rewritten, with its line."""

    def __init__(self, file: str, lines: Sequence[str]) -> None:
        self.file, self.lines = file, lines

    def __call__(self, node: ast.AST, what: str, advice: str) -> NoReturn:
        line = getattr(node, "lineno", 0)
        text = self.lines[line - 1].strip() if 0 < line <= len(self.lines) else ""
        src = SrcLine(self.file, line, text)
        raise ControlFlowError(f'control_flow="python" does not rewrite {what}', src=src, advice=advice)


def rewrite(function: ast.FunctionDef, refuse: Refusal) -> ast.FunctionDef:
    """The definition of a function with calls of `FLOW` in the place of its control flow."""
    _check(function, refuse)
    function = copy.deepcopy(function)
    function.decorator_list = []
    function.body = without_jumps(function.body)
    writer = _Writer(refuse)
    body = writer.block(function.body, set())
    parameters = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
    unset = [_unset(function, name) for name in sorted(writer.states - parameters)]
    function.body = unset + (body or [ast.Pass()])
    return ast.fix_missing_locations(function)


# ---- what is not rewritten --------------------------------------------------------------------------------------


def _check(function: ast.FunctionDef, refuse: Refusal) -> None:
    for node in _own(function.body):
        for kind, text in _REFUSED.items():
            if isinstance(node, kind):
                refuse(node, text, "Move it into a function of its own, which this one calls.")
        if isinstance(node, ast.For | ast.While) and node.orelse:
            refuse(node.orelse[0], "the else of a loop", "Keep whether the loop was left early in a variable.")
        if isinstance(node, ast.For) and not isinstance(node.target, ast.Name | ast.Tuple):
            refuse(node, "a loop over an element or attribute", "Give the item a name, and assign in the body.")
    _check_closures(function, refuse)


def _check_closures(function: ast.FunctionDef, refuse: Refusal) -> None:
    """An inner function that reads what a later loop or branch assigns would read the wrong value inside of it."""
    blocks = [node for node in _own(function.body) if isinstance(node, ast.For | ast.While | ast.If)]
    for inner in _own(function.body):
        if not isinstance(inner, ast.FunctionDef | ast.Lambda):
            continue
        read = loads(inner)
        for block in blocks:
            changed = read & stores(block.body + block.orelse)
            inside = any(node is inner for node in ast.walk(block))
            if changed and not inside and block.lineno > inner.lineno:
                name = min(changed)
                refuse(
                    inner,
                    f"an inner function that reads {name}, which line {block.lineno} changes",
                    f"Hand {name} to it as an argument.",
                )


def _own(statements: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a function but those of the functions inside of it, whose definitions are."""
    for node in statements:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own(list(ast.iter_child_nodes(node)))


# ---- which variables --------------------------------------------------------------------------------------------


def loads(node: ast.AST | None) -> set[str]:
    """The names that are read, those in inner functions too."""
    if node is None:
        return set()
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def stores(statements: Sequence[ast.AST]) -> set[str]:
    """The names that are assigned, and of the arrays whose elements are."""
    found: set[str] = set()
    for node in _own(statements):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Subscript(ctx=ast.Store()):
                found |= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            case ast.FunctionDef(name=name):
                found.add(name)
    return found


def live(statements: Sequence[ast.stmt], after: set[str]) -> set[str]:
    """The variables whose values matter before these statements, where those in `after` matter behind them."""
    for node in reversed(statements):
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                after = live(body, after) | live(orelse, after) | loads(test)
            case ast.While() | ast.For():
                after = at_head(node, after) | loads(node.iter if isinstance(node, ast.For) else None)
            case ast.Return(value=value):
                after = loads(value)
            case ast.AugAssign(target=target):
                after = after | loads(node) | {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
            case ast.FunctionDef(name=name):
                after = (after - {name}) | loads(node)
            case _:
                after = (after - _plain_stores(node)) | loads(node)
    return after


def at_head(loop: ast.While | ast.For, after: set[str]) -> set[str]:
    """The variables whose values matter each time that a loop begins a step, or ends."""
    if isinstance(loop, ast.While):
        after = after | loads(loop.test)
        return after | live(loop.body, after | live(loop.body, after))
    targets = stores([loop.target])
    inside = live(loop.body, after) - targets
    return after | (live(loop.body, after | inside) - targets)


def _plain_stores(node: ast.stmt) -> set[str]:
    return {n.id for n in _own([node]) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


# ---- the calls --------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the calls of one function; notes the variables that they hand over."""

    def __init__(self, refuse: Refusal) -> None:
        self.refuse = refuse
        self.states: set[str] = set()
        self.number = itertools.count(1)
        self.expressions = _Expressions()

    def block(self, statements: Sequence[ast.stmt], after: set[str]) -> list[ast.stmt]:
        """Statements, where the variables in `after` matter behind them."""
        written: list[ast.stmt] = []
        for node in reversed(statements):
            before = live([node], after)
            written = self.statement(node, after) + written
            after = before
        return written

    def statement(self, node: ast.stmt, after: set[str]) -> list[ast.stmt]:
        match node:
            case ast.If() if any(isinstance(n, ast.Return) for n in _own([node])):
                return self.returning(node)
            case ast.If():
                return self.branch(node, after)
            case ast.While():
                return self.loop(node, after)
            case ast.For():
                return self.each(node, after)
            case ast.FunctionDef():
                return [node]
            case _:
                return [self.expressions.visit(node)]

    def returning(self, node: ast.If) -> list[ast.stmt]:
        """A branch that the function ends with, whichever way it goes."""
        arms = [self.arm(node, body, set(), None) for body in (node.body, node.orelse)]
        call = _call(node, "ending", self.test(node), *(_name(node, arm.name) for arm in arms), _line(node))
        return [*arms, _at(node, ast.Return(call))]

    def branch(self, node: ast.If, after: set[str]) -> list[ast.stmt]:
        outs = sorted(stores(node.body + node.orelse) & after)
        self.states |= set(outs)
        arms = [self.arm(node, body, after, outs) for body in (node.body, node.orelse)]
        names = _constant(node, tuple(outs))
        call = _call(node, "branch", self.test(node), *(_name(node, arm.name) for arm in arms), names, _line(node))
        return [*arms, _unpacked(node, outs, call)]

    def arm(self, node: ast.If, body: Sequence[ast.stmt], after: set[str], outs: list[str] | None) -> ast.FunctionDef:
        """A branch as a function, whose parameters have their present values as defaults."""
        own = stores(body)
        given = sorted((own & live(body, after)) | set(outs or ()))
        self.states |= set(given)
        written = self.block(body, after)
        if outs is not None:
            written = [*written, _at(node, ast.Return(_tuple(node, outs)))]
        written = written or [_at(node, ast.Pass())]
        arguments = _arguments(node, given, defaults=True)
        first = body[0] if body else node
        made: ast.FunctionDef = _at(first, _function(self.fresh("if", node), arguments, written))
        return made

    def loop(self, node: ast.While, after: set[str]) -> list[ast.stmt]:
        state = sorted(stores(node.body) & at_head(node, after))
        self.states |= set(state)
        test = _function(
            self.fresh("test", node), _arguments(node, state), [_at(node.test, ast.Return(self.test(node)))]
        )
        inside = at_head(node, after)
        written = [*self.block(node.body, inside), _at(node, ast.Return(_tuple(node, state)))]
        body = _function(self.fresh("while", node), _arguments(node, state), written)
        functions = [_at(node, test), _at(node, body)]
        names = [_name(node, f.name) for f in functions]
        call = _call(node, "loop", *names, _tuple(node, state), _constant(node, tuple(state)), _line(node))
        return [*functions, _unpacked(node, state, call)]

    def each(self, node: ast.For, after: set[str]) -> list[ast.stmt]:
        stop = getattr(node, "stop", None)
        inside = at_head(node, after) | ({stop} if stop else set())
        state = sorted((stores(node.body) | stores([node.target])) & inside)
        self.states |= set(state)
        item = f"{FLOW}_item"
        taken = _at(node.target, ast.Assign([node.target], _name(node.target, item)))
        written = [taken, *self.block(node.body, inside), _at(node, ast.Return(_tuple(node, state)))]
        body = _at(node, _function(self.fresh("for", node), _arguments(node, [item, *state]), written))
        rows = _Iterables().visit(self.expressions.visit(node.iter))
        names = [_tuple(node, state), _constant(node, tuple(state)), _constant(node, stop), _line(node)]
        call = _call(node, "each", rows, _name(node, body.name), *names)
        return [body, _unpacked(node, state, call)]

    def test(self, node: ast.If | ast.While) -> ast.expr:
        test: ast.expr = self.expressions.visit(node.test)
        return test

    def fresh(self, kind: str, node: ast.stmt) -> str:
        return f"{kind}_in_line_{node.lineno}_{next(self.number)}"


class _Expressions(ast.NodeTransformer):
    """Logic that asks for the truth of a value: ``and``, ``or``, ``not``, ``a < b < c``, ``a if c else b``."""

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda  # type: ignore[assignment]

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        values = [_lambda(value) for value in node.values]
        return _call(node, "both" if isinstance(node.op, ast.And) else "either", *values, _line(node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        return _call(node, "negation", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        if len(node.ops) == 1:
            return node
        sides = [node.left, *node.comparators]
        parts = [
            _lambda(_at(node, ast.Compare(copy.deepcopy(left), [op], [copy.deepcopy(right)])))
            for (left, right), op in zip(itertools.pairwise(sides), node.ops, strict=True)
        ]
        return _call(node, "both", *parts, _line(node))

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        return _call(node, "choice", node.test, _lambda(node.body), _lambda(node.orelse), _line(node))


class _Iterables(ast.NodeTransformer):
    """What a loop goes over: ranges whose bounds are traced, and arrays that are."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("range", "zip", "enumerate"):
            return _call(node, f"{node.func.id}_of", node.func, *node.args) if not node.keywords else node
        return node


# ---- syntax -----------------------------------------------------------------------------------------------------


def _at(place: ast.AST, node: Any) -> Any:
    return ast.copy_location(node, place)


def _name(place: ast.AST, name: str, context: ast.expr_context | None = None) -> Any:
    return _at(place, ast.Name(name, context or ast.Load()))


def _constant(place: ast.AST, value: Any) -> Any:
    return _at(place, ast.Constant(value))


def _line(place: ast.AST) -> Any:
    return _constant(place, getattr(place, "lineno", 0))


def _tuple(place: ast.AST, names: Sequence[str], context: ast.expr_context | None = None) -> Any:
    return _at(place, ast.Tuple([_name(place, n, context) for n in names], context or ast.Load()))


def _call(place: ast.AST, name: str, *args: ast.expr) -> Any:
    function = _at(place, ast.Attribute(_name(place, FLOW), name, ast.Load()))
    # Python puts the call of an attribute where that ends, which is the last line of a loop.
    function.end_lineno, function.end_col_offset = function.lineno, function.col_offset
    return _at(place, ast.Call(function, list(args), []))


def _lambda(value: ast.expr) -> Any:
    return _at(value, ast.Lambda(ast.arguments([], [], None, [], [], None, []), value))


def _unpacked(place: ast.AST, names: Sequence[str], call: ast.expr) -> Any:
    """An assignment of what a call returns to names."""
    return _at(place, ast.Assign([_tuple(place, names, ast.Store())], call) if names else ast.Expr(call))


def _arguments(place: ast.AST, names: Sequence[str], *, defaults: bool = False) -> ast.arguments:
    values = [_name(place, name) for name in names] if defaults else []
    return ast.arguments([], [_at(place, ast.arg(name)) for name in names], None, [], [], None, values)


def _function(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    return ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[])


def _unset(place: ast.stmt, name: str) -> ast.stmt:
    made: ast.stmt = _at(
        place, ast.Assign([_name(place, name, ast.Store())], _call(place, "unset", _constant(place, name)))
    )
    return made
