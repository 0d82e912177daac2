"""What generated code may say. Its parsed text is checked against this before any of it is executed.

The grammar (Python's, less everything not named here)::

    module    = docstring? (import | constant | function)*
    import    = "import numpy as np" | "from staticbp.runtime import" kernels
    constant  = NAME "=" expr
    function  = "def" NAME "(" NAME, … "):" statement+
    statement = target ("=" | "+=" …) expr | "for" target "in" counted: … | "while" … | "if" … | call
              | "return" expr | "pass" | "break" | "continue"
    counted   = [threads "."] "range(…)" | blas "." "gemm_rows(…)"
    target    = NAME | expr "[" index "]" | target, …
    expr      = NAME | number | True | False | None | expr op expr | expr "if" expr "else" expr
              | expr "[" index "]" | expr "." ATTRIBUTE | call | expr, …
    call      = callee "(" expr, …, NAME "=" expr, … ")"
    callee    = FUNCTION | BUILTIN | "np." NUMPY | kernels "." NAME | expr "." METHOD

Every name has to be bound in the module, or be one of a few builtins; none may rebind an import or a builtin.
Nothing that starts with an underscore is an attribute.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from typing import NoReturn

import numpy as np

from staticbp.errors import GeneratedCodeError

BUILTINS = frozenset({"range", "min", "max", "abs", "len", "int", "float", "bool", "complex"})

KERNEL_MODULES = frozenset({"blas", "clock", "fft", "kernels", "linalg", "native", "threads", "vecmath"})
"""The modules of staticbp.runtime whose functions generated code may call."""


@functools.cache
def numpy_names() -> frozenset[str]:
    """The names of NumPy that generated code may use: its functions of numbers, its dtypes, its constants."""
    named = vars(np).items()
    return frozenset(
        {"newaxis", "empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "arange"}
        | {name for name, value in named if isinstance(value, np.ufunc | float)}
        | {name for name, value in named if isinstance(value, type) and issubclass(value, np.number | np.bool_)}
    )


ATTRIBUTES = frozenset({"shape", "size", "ndim", "dtype", "itemsize", "strides", "T", "real", "imag"})
METHODS = frozenset({"view", "reshape", "ravel", "copy", "fill", "astype", "conjugate"})

_PLAIN_EXPRESSIONS = (
    ast.BoolOp,
    ast.UnaryOp,
    ast.Compare,
    ast.IfExp,
    ast.Subscript,
    ast.Slice,
    ast.Tuple,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.expr_context,
)


def check(source: str, filename: str = "<generated>") -> ast.Module:
    r"""Parse generated code and make sure that it keeps to the grammar.

    Parameters
    ----------
    source : str
        The text of the module.
    filename : str
        The name that errors give.

    Returns
    -------
    ast.Module
        The parsed text.

    Raises
    ------
    GeneratedCodeError
        When anything in it is outside the grammar.

    Examples
    --------
    >>> isinstance(check("def f(x):\n    return 0"), ast.Module)
    True
    >>> check("def f(x):\n    return open(x)")
    Traceback (most recent call last):
    ...
    staticbp.errors.GeneratedCodeError: <generated>:2: the name 'open' is not bound here
      at return open(x)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise GeneratedCodeError(f"{filename}: generated code does not parse: {error}") from error
    _Checker(source, filename).module(tree)
    return tree


class _Checker:
    """One check of one module."""

    def __init__(self, source: str, filename: str) -> None:
        self.lines = source.splitlines()
        self.filename = filename
        self.modules: dict[str, str] = {}  # alias -> numpy, or a module of kernels
        self.top: set[str] = set()
        self.local: set[str] = set()

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        line = getattr(node, "lineno", 0)
        text = self.lines[line - 1].strip() if 0 < line <= len(self.lines) else None
        raise GeneratedCodeError(f"{self.filename}:{line}: {why}", src=text)

    # ---- names ----

    def bind(self, node: ast.AST, name: str, scope: set[str]) -> None:
        if name in BUILTINS or name in self.modules:
            self.refuse(node, f"{name!r} is taken")
        if name.startswith("__") or not name.isidentifier():
            self.refuse(node, f"{name!r} is not a name for generated code")
        scope.add(name)

    def use(self, node: ast.Name) -> None:
        if node.id not in self.local and node.id not in self.top and node.id not in BUILTINS:
            self.refuse(node, f"the name {node.id!r} is not bound here")

    # ---- statements ----

    def module(self, tree: ast.Module) -> None:
        body = tree.body[1:] if tree.body and _is_docstring(tree.body[0]) else tree.body
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.imports(node)
        for function in functions:
            self.bind(function, function.name, self.top)
        for node in body:
            if isinstance(node, ast.Assign):
                self.targets(node.targets, self.top)
                self.expression(node.value)
            elif isinstance(node, ast.FunctionDef):
                self.function(node)
            elif not isinstance(node, ast.Import | ast.ImportFrom):
                self.refuse(node, f"{_kind(node)} does not belong at the top of a module")

    def imports(self, node: ast.Import | ast.ImportFrom) -> None:
        for name in node.names:
            alias = name.asname or name.name
            if isinstance(node, ast.Import):
                allowed = name.name == "numpy" and alias == "np"
            else:
                allowed = node.module == "staticbp.runtime" and not node.level and name.name in KERNEL_MODULES
            if not allowed or alias in BUILTINS or alias.startswith("_") or alias in self.modules:
                self.refuse(node, "an import that generated code does not need")
            self.modules[alias] = name.name

    def function(self, node: ast.FunctionDef) -> None:
        args = node.args
        extra = (
            *args.posonlyargs,
            *args.kwonlyargs,
            *args.defaults,
            *args.kw_defaults,
            args.vararg,
            args.kwarg,
        )
        if any(extra) or node.decorator_list or node.returns or getattr(node, "type_params", None):
            self.refuse(node, "a function has plain parameters and nothing else")
        self.local = set()
        for arg in args.args:
            if arg.annotation:
                self.refuse(node, "parameters are not annotated")
            self.bind(node, arg.arg, self.local)
        for name in _assigned(node.body):
            self.bind(name, name.id, self.local)
        self.block(node.body[1:] if _is_docstring(node.body[0]) else node.body)
        self.local = set()

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for node in statements:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                self.targets(targets, self.local)
                self.expression(value)
            case ast.AugAssign(target=target, value=value):
                self.targets([target], self.local)
                self.expression(value)
            case ast.For(
                target=target,
                iter=ast.Call(
                    func=ast.Name(id="range")
                    | ast.Attribute(value=ast.Name(id="threads"), attr="range")
                    | ast.Attribute(value=ast.Name(id="blas"), attr="gemm_rows")
                ) as extent,
                orelse=[],
            ):
                self.targets([target], self.local)
                self.expression(extent)
                self.block(node.body)
            case ast.While(test=test, orelse=[]):
                self.expression(test)
                self.block(node.body)
            case ast.If(test=test):
                self.expression(test)
                self.block(node.body)
                self.block(node.orelse)
            case ast.Return(value=value):
                if value is not None:
                    self.expression(value)
            case ast.Expr(value=ast.Call() as call):
                self.expression(call)
            case ast.Pass() | ast.Break() | ast.Continue():
                pass
            case _:
                self.refuse(node, f"{_kind(node)} is not a statement of generated code")

    def targets(self, targets: Iterable[ast.expr], scope: set[str]) -> None:
        for target in targets:
            match target:
                case ast.Name(id=name):
                    self.bind(target, name, scope)
                case ast.Subscript():
                    self.expression(target)
                case ast.Tuple(elts=parts):
                    self.targets(parts, scope)
                case _:
                    self.refuse(target, f"{_kind(target)} is not assigned to")

    # ---- expressions ----

    def expression(self, node: ast.AST) -> None:
        match node:
            case ast.Name():
                self.use(node)
            case ast.Constant(value=value):
                if not (value is None or isinstance(value, bool | int | float | complex)):
                    self.refuse(node, f"the constant {value!r} is not a number")
            case ast.Call(func=function, args=args, keywords=keywords):
                self.callee(function)
                for arg in args:
                    self.expression(arg)
                for keyword in keywords:
                    if keyword.arg is None:
                        self.refuse(node, "arguments are not unpacked")
                    self.expression(keyword.value)
            case ast.Attribute():
                self.attribute(node, ATTRIBUTES)
            case ast.BinOp(left=left, right=right):
                self.expression(left)
                self.expression(right)
            case _ if isinstance(node, _PLAIN_EXPRESSIONS):
                for child in ast.iter_child_nodes(node):
                    self.expression(child)
            case _:
                self.refuse(node, f"{_kind(node)} is not an expression of generated code")

    def callee(self, function: ast.expr) -> None:
        match function:
            case ast.Name(id=name) if name in self.local:
                self.refuse(function, f"{name!r} is a value, and values are not called")
            case ast.Name():
                self.use(function)
            case ast.Attribute():
                self.attribute(function, METHODS)
            case _:
                self.refuse(function, f"{_kind(function)} is not called")

    def attribute(self, node: ast.Attribute, allowed: frozenset[str]) -> None:
        owner = node.value
        if node.attr.startswith("_"):
            self.refuse(node, f"the attribute {node.attr!r} is private")
        if isinstance(owner, ast.Name) and owner.id in self.modules:
            if self.modules[owner.id] == "numpy" and node.attr not in numpy_names():
                self.refuse(node, f"np.{node.attr} is not for generated code")
            return
        if node.attr not in allowed:
            self.refuse(node, f"the attribute {node.attr!r} is not for generated code")
        self.expression(owner)


def _assigned(statements: Iterable[ast.stmt]) -> Iterator[ast.Name]:
    """The names that statements, and those within them, assign to: no expression of generated code does."""
    for node in statements:
        match node:
            case ast.Assign(targets=targets):
                yield from _named(targets)
            case ast.AugAssign(target=target):
                yield from _named([target])
            case ast.For(target=target, body=body):
                yield from _named([target])
                yield from _assigned(body)
            case ast.While(body=body):
                yield from _assigned(body)
            case ast.If(body=body, orelse=orelse):
                yield from _assigned(body)
                yield from _assigned(orelse)


def _named(targets: Iterable[ast.expr]) -> Iterator[ast.Name]:
    for target in targets:
        if isinstance(target, ast.Name):
            yield target
        elif isinstance(target, ast.Tuple):
            yield from _named(target.elts)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _kind(node: ast.AST) -> str:
    return f"{type(node).__name__.lower()} syntax"
