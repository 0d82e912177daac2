"""Copies across the rows, in strips: loops that write along rows of an array and read down columns of another.

Column by column, each element that is read brings a whole line of the cache with it, of which the rest is gone by
the time it is wanted; and LLVM gathers vectors out of such elements by more code than takes a second to compile. So
``for i: for j: y[i, j] = x[j, i]`` is made, on the way to machine code, a loop over strips of a few `i`, over `j`, and
over the `i` of the strip: both arrays are then gone through in whole lines. The text stays two loops.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from copy import copy

from staticbp.runtime.compiler.interleave import CHAINS

WIDTH = 8  # steps of a strip: as many float64 as a line of the cache holds
SHORTEST = 8  # steps of an inner loop for which it is worth it


def in_strips(function: ast.FunctionDef) -> ast.FunctionDef:
    """A function of generated text with its copies across rows taken in strips.

    Examples
    --------
    >>> lines = ("def f(x, y):", " for i in range(20):", "  for j in range(9):", "   y[i, j] = x[j, i]")
    >>> print(ast.unparse(in_strips(ast.parse(chr(10).join(lines)).body[0])))
    def f(x, y):
        for __i in range(2):
            for j in range(9):
                for i in range(8 * __i, 8 * __i + 8):
                    y[i, j] = x[j, i]
        for i in range(16, 20):
            for j in range(9):
                y[i, j] = x[j, i]
    """
    made = copy(function)
    made.body = list(_rewritten(function.body, _owners(function.body)))
    return made


def _owners(body: Sequence[ast.stmt]) -> dict[str, str]:
    """The array that each view by ``reshape`` shows."""
    found: dict[str, str] = {}
    for node in body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=view)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="reshape")),
            ):
                found[view] = found.get(owner, owner)
    return found


def _rewritten(body: Sequence[ast.stmt], owners: Mapping[str, str]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.For):
            loops = _perfect_nest(node)
            if _is_copy(loops, owners):
                yield from map(ast.fix_missing_locations, _strips(loops))
                continue
        if isinstance(node, ast.For | ast.While | ast.If):
            node = copy(node)
            node.body = list(_rewritten(node.body, owners))
            node.orelse = list(_rewritten(node.orelse, owners))
        yield node


def _perfect_nest(loop: ast.For) -> list[ast.For]:
    """A loop, and the loops that are all there is in it and in each other."""
    loops = [loop]
    while len(loops[-1].body) == 1 and isinstance(inner := loops[-1].body[0], ast.For):
        loops.append(inner)
    return loops


def _is_copy(loops: Sequence[ast.For], owners: Mapping[str, str]) -> bool:
    """Whether the order of the steps is nobody's business, and that of the elements read is along the outermost."""
    indexes = [_index(loop) for loop in loops]
    if len(loops) < 2 or None in indexes or any(_steps(loop) is None for loop in loops):
        return False
    if any(_is_shared(loop) for loop in loops[1:]) or not all(_is_long(loop) for loop in (loops[0], loops[-1])):
        return False
    body = loops[-1].body
    return _is_across(body, str(indexes[0]), str(indexes[-1])) and _is_free(body, [str(i) for i in indexes], owners)


def _index(loop: ast.For) -> str | None:
    return loop.target.id if isinstance(loop.target, ast.Name) else None


def _steps(loop: ast.For) -> ast.expr | None:
    """The number of steps of ``range(n)`` or ``threads.range(n, grain)``."""
    match loop.iter:
        case ast.Call(func=ast.Name(id="range"), args=[steps]) | ast.Call(func=ast.Attribute(), args=[steps, *_]):
            return steps
    return None


def _is_shared(loop: ast.For) -> bool:
    return isinstance(loop.iter, ast.Call) and isinstance(loop.iter.func, ast.Attribute)


def _is_long(loop: ast.For) -> bool:
    steps = _steps(loop)
    return not isinstance(steps, ast.Constant) or (isinstance(steps.value, int) and steps.value >= SHORTEST)


def _is_across(body: Sequence[ast.stmt], outer: str, inner: str) -> bool:
    """Whether an array is read along the outer index, one element behind the other, and down along the inner one."""
    return any(
        outer in _names(last) and inner not in _names(last) and any(inner in _names(part) for part in rest)
        for node in _nodes(body)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        for *rest, last in [_parts(node)]
    )


def _is_free(body: Sequence[ast.stmt], indexes: Sequence[str], owners: Mapping[str, str]) -> bool:
    """Whether each step writes to an element of its own, computes little, and reads nothing that another one writes."""
    written: dict[str, str] = {}
    for stmt in body:
        if not isinstance(stmt, ast.Assign) or not isinstance(stmt.targets[0], ast.Subscript):
            return False
        place = stmt.targets[0]
        own = {part.id for part in _parts(place) if isinstance(part, ast.Name)}
        if not isinstance(place.value, ast.Name) or not own.issuperset(indexes):
            return False
        written[owners.get(place.value.id, place.value.id)] = ast.unparse(place)
    for node in _nodes(body):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in CHAINS:
                return False
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Load()):
                if written.get(owners.get(name, name), place_of := ast.unparse(node)) != place_of:
                    return False
    return True


def _nodes(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    for stmt in body:
        yield from ast.walk(stmt)


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _parts(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _strips(loops: Sequence[ast.For]) -> Iterator[ast.For]:
    """The nest in strips of its outermost loop, and what is left of that."""
    outermost, innermost = loops[0], loops[-1]
    name, steps = _index(outermost), _steps(outermost)
    assert name is not None
    assert steps is not None
    strip = f"__{name}"
    count, whole, rest = _divided(steps)
    within = ast.parse(f"range({WIDTH} * {strip}, {WIDTH} * {strip} + {WIDTH})", mode="eval").body
    strips = _loop(outermost, name, within, innermost.body)
    for loop in reversed(loops[1:]):
        strips = _loop(loop, str(_index(loop)), loop.iter, [strips])
    yield _loop(outermost, strip, _extent(outermost, count), [strips])
    if rest:
        yield _loop(outermost, name, ast.Call(ast.Name("range", ast.Load()), [whole, steps], []), outermost.body)


def _divided(steps: ast.expr) -> tuple[ast.expr, ast.expr, bool]:
    """The number of whole strips, that of the steps in them, and whether others may be left."""
    if isinstance(steps, ast.Constant) and isinstance(steps.value, int):
        count = steps.value // WIDTH
        return ast.Constant(count), ast.Constant(count * WIDTH), steps.value % WIDTH > 0
    strips = ast.BinOp(steps, ast.FloorDiv(), ast.Constant(WIDTH))
    return strips, ast.BinOp(ast.Constant(WIDTH), ast.Mult(), strips), True


def _extent(loop: ast.For, count: ast.expr) -> ast.expr:
    """The range of a loop, over so many strips instead of steps."""
    assert isinstance(loop.iter, ast.Call)
    match loop.iter.args[1:]:
        case [ast.Constant(value=int(grain))]:
            grains: list[ast.expr] = [ast.Constant(-(-grain // WIDTH))]
        case grains:
            pass
    return ast.Call(loop.iter.func, [count, *grains], [])


def _loop(like: ast.For, index: str, extent: ast.expr, body: list[ast.stmt]) -> ast.For:
    return ast.copy_location(ast.For(ast.Name(index, ast.Store()), extent, body, []), like)
