"""``control_flow="python"``: what `if`, `while` and `for` come to, of Python or of the graph, by what they are given.

`trace.flow` has rewritten the user's function into calls of the functions here.  As long as nothing that they decide by
is traced they do what Python would do; so static conditions, loops over lists and the like cost nothing.
"""

from __future__ import annotations

import ast
import builtins
import collections
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from types import CellType, FunctionType, MethodType, SimpleNamespace
from typing import Any, Literal, cast

import numpy as np

from staticbp.api.branches import cond
from staticbp.api.function import Function
from staticbp.api.home import Home
from staticbp.api.iteration import fori_loop, while_loop
from staticbp.api.loops import fold
from staticbp.api.variables import Names, State, Unset, filled, kept, require_same, settled
from staticbp.core.primitive import Traced, value_aval
from staticbp.errors import ArgumentError, ControlFlowError
from staticbp.trace.flow import FLOW, Refusal, rewrite
from staticbp.trace.jumps import RESULT
from staticbp.trace.names import defined_at, here
from staticbp.trace.origin import short_file
from staticbp.trace.source import source_file

ControlFlow = Literal["structured", "python"]


def is_traced(value: Any) -> bool:
    """Whether a value is known only when the compiled code runs."""
    return isinstance(value, Traced)


# ---- branches ---------------------------------------------------------------------------------------------------


def branch(test: Any, yes: Callable[[], State], no: Callable[[], State], names: Names, line: int) -> State:
    """``if test: …  else: …``, whose branches give the variables that are read later."""
    if not is_traced(test):
        return yes() if test else no()
    if not names:
        return ()
    one, other = yes(), no()  # what this adds to the graph is not needed, and goes
    require_same(names, one, other, line)
    fixed = {i: a for i, (a, b) in enumerate(zip(one, other, strict=True)) if a is b or _is_unset(a, b)}

    def chosen(arm: Callable[[], State], elsewhere: State) -> Callable[[], State]:
        return lambda: tuple(filled(value, elsewhere[i]) for i, value in enumerate(arm()) if i not in fixed)

    computed = iter(cond(test, chosen(yes, other), chosen(no, one)))
    return tuple(fixed[i] if i in fixed else next(computed) for i in range(len(names)))


def _is_unset(one: Any, other: Any) -> bool:
    return isinstance(one, Unset) and isinstance(other, Unset)


def ending(test: Any, yes: Callable[[], Any], no: Callable[[], Any], line: int) -> Any:
    """``if test: return …  else: return …``."""
    if not is_traced(test):
        return yes() if test else no()
    one, other = yes(), no()
    if (one is None) != (other is None):
        raise ControlFlowError(
            f"line {line} decides whether the function returns something, when the compiled code runs",
            src=here().src,
            advice="Return a value whichever way it goes.",
        )
    require_same((RESULT,), (one,), (other,), line)
    return cond(test, yes, no)


def choice(test: Any, yes: Callable[[], Any], no: Callable[[], Any], line: int) -> Any:
    """``yes if test else no``."""
    if not is_traced(test):
        return yes() if test else no()
    return cond(test, yes, no)


def both(*parts_and_line: Any) -> Any:
    """``a and b``: what follows one that is false is not computed."""
    return _logic(parts_and_line, stops_at=False)


def either(*parts_and_line: Any) -> Any:
    """``a or b``: what follows one that is true is not computed."""
    return _logic(parts_and_line, stops_at=True)


def _logic(parts_and_line: Sequence[Any], *, stops_at: bool) -> Any:
    *parts, line = parts_and_line
    value = parts[0]()
    if len(parts) == 1:
        return value
    if not is_traced(value):
        return value if bool(value) == stops_at else _logic([*parts[1:], line], stops_at=stops_at)

    def rest() -> Any:
        found = _logic([*parts[1:], line], stops_at=stops_at)
        return _truth(found) if is_traced(found) else np.bool_(found)

    decided = np.bool_(stops_at)
    truth = _truth(value)
    return cond(truth, lambda: decided, rest) if stops_at else cond(truth, rest, lambda: decided)


def negation(value: Any) -> Any:
    """``not value``."""
    return np.logical_not(_truth(value)) if is_traced(value) else not value


def _truth(value: Any) -> Any:
    aval = value_aval(value)
    if aval.shape or aval.dtype != np.bool_:
        raise ControlFlowError(
            f"and, or and not take truth values, and are given {aval.strong()}",
            src=here().src,
            advice="Compare it: x != 0, np.any(x > 0).",
        )
    return value


def _require_single(test: Any) -> None:
    aval = value_aval(test)
    if aval.shape:
        raise ControlFlowError(
            f"a while loop takes a single truth value, and is given {aval.strong()}",
            src=here().src,
            advice="Reduce it by np.any or np.all.",
        )


# ---- loops ------------------------------------------------------------------------------------------------------


def loop(test: Callable[..., Any], body: Callable[..., State], state: State, names: Names, line: int) -> State:
    """``while test: body``, from the step on at which the test is traced in the graph."""
    while True:
        going_on = test(*state)
        if is_traced(going_on):
            _require_single(going_on)
            break
        if not going_on:
            return state
        state = body(*state)
    state = settled(names, state, lambda: body(*state), line)
    variables = _variables(names)

    def step(state: State) -> State:
        return variables(kept(names, state, body(*state), line))

    return _carried(names, state, lambda carry: while_loop(lambda s: test(*s), step, carry))


def each(rows: Any, body: Callable[..., State], state: State, names: Names, stop: str | None, line: int) -> State:
    """``for item in rows: body``; `stop` is the variable that ends it, if something does."""
    position = names.index(stop) if stop is not None else None

    def stopped(state: State) -> Any:
        return False if position is None else state[position]

    if isinstance(rows, Rows) or is_traced(rows):
        rows = rows if isinstance(rows, Rows) else Rows(len(rows), rows.__getitem__, rows)
        return _each_of(rows, body, state, names, stopped, line)
    items = list(rows)
    for number, item in enumerate(items):
        ended = stopped(state)
        if is_traced(ended):
            return _each_further(items[number:], body, state, names, stopped, line)
        if ended:
            break
        state = body(item, *state)
    return state


def _each_further(
    items: Sequence[Any],
    body: Callable[..., State],
    state: State,
    names: Names,
    stopped: Callable[[State], Any],
    line: int,
) -> State:
    """The rest of a loop that something traced may end."""
    if all(isinstance(item, int) for item in items) and len(set(map(operator.sub, items[1:], items))) <= 1:
        first, step = items[0], items[1] - items[0] if len(items) > 1 else 1
        return _each_of(Rows(len(items), lambda k: first + k * step), body, state, names, stopped, line)
    for item in items:
        before = state

        def go_on(item: Any = item, before: State = before) -> State:
            return body(item, *before)

        def rest(before: State = before) -> State:
            return before

        state = branch(negation(stopped(state)), go_on, rest, names, line)
    return state


def _each_of(
    rows: Rows,
    body: Callable[..., State],
    state: State,
    names: Names,
    stopped: Callable[[State], Any],
    line: int,
) -> State:
    """A loop of the graph."""
    count: Any = rows.count
    if not names or (not is_traced(count) and count <= 0):
        return state
    state = settled(names, state, lambda: body(rows.row(0 * count), *state), line)
    variables = _variables(names)

    def step(row: Any, state: State) -> State:
        return variables(kept(names, state, body(row, *state), line))

    if stopped(state) is False and all(not name.startswith("__stop") for name in names):
        if rows.arrays is not None:
            return _carried(names, state, lambda carry: fold(lambda s, row: step(row, s), carry, rows.arrays))
        if not is_traced(count):
            return _carried(names, state, lambda carry: fori_loop(0, count, lambda k, s: step(rows.row(k), s), carry))
    counting = _variables((*names, "number"))

    def test(carry: State) -> Any:
        *variables, number = carry
        ended = stopped(tuple(variables))
        return number < count if ended is False else np.logical_and(number < count, np.logical_not(ended))

    def counted(carry: State) -> State:
        *variables, number = carry
        return counting((*step(rows.row(number), tuple(variables)), number + 1))

    return _carried(names, state, lambda carry: while_loop(test, counted, counting((*carry, 0)))[:-1])


def _carried(names: Names, state: State, run: Callable[[State], State]) -> State:
    started = _variables(names)(np.bool_(value) if isinstance(value, bool) else value for value in state)
    return run(started) if names else state


@cache
def _variables(names: Names) -> Callable[[Iterable[Any]], State]:
    """Makes a tuple of these variables, which has them as its fields: they are called so in generated code."""
    # collections.namedtuple: typing's wants fields that are known when types are checked.
    named: Callable[..., Any] = collections.namedtuple  # noqa: PYI024
    made = named("Variables", [name.strip("_") for name in names], rename=True)
    return cast(Callable[[Iterable[Any]], State], made._make)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a loop of the graph goes over: how many items, which is the k-th, and the arrays that have them."""

    count: Any
    row: Callable[[Any], Any]
    arrays: Any = None


def range_of(function: Callable[..., Any], *bounds: Any) -> Any:
    """``range(…)``, whose bounds may be traced."""
    if function is not builtins.range or not any(map(is_traced, bounds)):
        return function(*bounds)
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    if is_traced(step):
        raise ControlFlowError(
            "the step of a range is known only when the compiled code runs",
            src=here().src,
            advice="Loop over range(n), and multiply.",
        )
    for bound in (start, stop, step):
        aval = value_aval(bound)
        if aval.shape or aval.dtype.kind not in "iu":
            raise ControlFlowError(
                f"range is given {aval}, where an integer is expected",
                src=here().src,
                advice="Write range(x.astype(int)) for a number x, or for item in x: for an array.",
            )
    if step == 0:
        raise ControlFlowError("the step of a range is 0", src=here().src)
    count = (stop - start + (step - 1 if step > 0 else step + 1)) // step
    return Rows(np.maximum(count, 0), lambda k: start + k * step)


def zip_of(function: Callable[..., Any], *parts: Any) -> Any:
    """``zip(…)`` of arrays, of which one is traced."""
    if function is not builtins.zip or not any(is_traced(part) for part in parts):
        return function(*parts)
    if not all(isinstance(part, Traced | np.ndarray) for part in parts):
        return function(*parts)
    count = min(len(part) for part in parts)
    arrays = tuple(part[:count] for part in parts)
    return Rows(count, lambda k: tuple(array[k] for array in arrays), arrays)


def enumerate_of(function: Callable[..., Any], rows: Any, start: int = 0) -> Any:
    """``enumerate(…)`` of an array or of what `zip` and `range` give."""
    if function is not builtins.enumerate or not (is_traced(rows) or isinstance(rows, Rows)):
        return function(rows, start)
    rows = rows if isinstance(rows, Rows) else Rows(len(rows), rows.__getitem__, rows)
    arrays = None if rows.arrays is None else (np.arange(start, start + rows.count), rows.arrays)
    return Rows(rows.count, lambda k: (k + start, rows.row(k)), arrays)


HELPERS = SimpleNamespace(
    unset=Unset,
    branch=branch,
    ending=ending,
    choice=choice,
    both=both,
    either=either,
    negation=negation,
    loop=loop,
    each=each,
    range_of=range_of,
    zip_of=zip_of,
    enumerate_of=enumerate_of,
)
"""What a rewritten function calls, by the names that `trace.flow` uses."""


# ---- functions --------------------------------------------------------------------------------------------------


def in_control(function: Callable[..., Any], control_flow: ControlFlow) -> Callable[..., Any]:
    """The function that is traced for one of the user's with ``control_flow="python"``: it has been rewritten."""
    if control_flow != "python":
        raise ArgumentError(
            f"control_flow={control_flow!r} is not known",
            src=here().src,
            advice='Write control_flow="python" to have if, while and for rewritten, or leave it out.',
        )
    made = Home.of(function).made
    if "python" not in made:
        made["python"] = _rewritten(function)
    return made["python"]  # type: ignore[no-any-return]


def _rewritten(function: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(function, MethodType):
        return MethodType(_rewritten(function.__func__), function.__self__)
    if isinstance(function, Function) or not isinstance(function, FunctionType):
        raise _no_source(function, "is no plain Python function")
    code = function.__code__
    file = source_file(code.co_filename, function.__globals__)
    tree = _definition(file.lines, code.co_firstlineno, code.co_name)
    if tree is None:
        raise _no_source(function, "has no source text, or is a lambda")
    new = rewrite(tree, Refusal(short_file(code.co_filename), file.lines))
    new.returns, new.args.defaults, new.args.kw_defaults = None, [], [None] * len(new.args.kwonlyargs)
    for arg in ast.walk(new.args):
        if isinstance(arg, ast.arg):
            arg.annotation = None
    outer = [*code.co_freevars, FLOW]
    arguments = ast.arguments([], [ast.arg(name) for name in outer], None, [], [], None, [])
    made = ast.Return(ast.Name(new.name, ast.Load()))
    factory = ast.FunctionDef(name="factory", args=arguments, body=[new, made], decorator_list=[])
    module = ast.fix_missing_locations(ast.Module([factory], []))
    namespace: dict[str, Any] = {}
    exec(compile(module, code.co_filename, "exec", dont_inherit=True), function.__globals__, namespace)
    text = namespace["factory"](*[None] * len(outer)).__code__
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    cells[FLOW] = CellType(HELPERS)
    closure = tuple(cells[name] for name in text.co_freevars)
    whole = FunctionType(text, function.__globals__, function.__name__, function.__defaults__, closure)
    whole.__kwdefaults__ = function.__kwdefaults__
    whole.__qualname__, whole.__module__, whole.__doc__ = function.__qualname__, function.__module__, function.__doc__
    whole.__annotations__ = function.__annotations__
    return whole


def _definition(lines: Sequence[str], first: int, name: str) -> ast.FunctionDef | None:
    """The definition that begins, with its decorators, at a line."""
    try:
        tree = ast.parse("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if begin == first:
                return node
    return None


def _no_source(function: Callable[..., Any], why: str) -> ControlFlowError:
    name = getattr(function, "__name__", type(function).__name__)
    return ControlFlowError(
        f'control_flow="python" rewrites the source of a function, and {name} {why}',
        src=defined_at(function),
        advice="Define it with def, in a file or a notebook.",
    )
