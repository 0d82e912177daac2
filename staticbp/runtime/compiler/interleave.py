"""How many vectors of a loop are computed at once. Imported only to compile.

A polynomial is a chain of operations of which each waits for the one before. A processor looks ahead by a hundred
operations or so for others that it could do meanwhile, and one step of a loop over such chains has more than that. So
several vectors are computed together, operation by operation: on an AVX2 core four of them take a quarter less time.

A short loop along the rows of arrays is left by LLVM as so many scalar steps one after another, which it then does
not find the vectors in. Such a loop is asked to be a few vectors at once, which come to no loop at all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

CHAINS = frozenset(
    {"arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cosh", "erf", "erfc", "exp"}
    | {"exp2", "expit", "expit_slope", "expm1", "hypot", "log", "log10", "log1p", "log2", "logaddexp", "pow", "sinh"}
    | {"tanh"}
)
"""The functions of `vecmath` that are long chains."""

FEWEST_STEPS = 48  # a loop of less would leave too much to its end, which is computed otherwise
MOST_CHAINS = 8  # in the steps that are taken together: beyond, compiling takes longer than is gained


def vectors_at_once(body: Sequence[ast.stmt], steps: int) -> int:
    """How many vectors' steps to take together, in a loop of at least so many steps.

    Examples
    --------
    >>> body = ast.parse("y[i] = vm.tanh(x[i])").body
    >>> vectors_at_once(body, 1000), vectors_at_once(body, 10), vectors_at_once(ast.parse("y[i] = x[i]").body, 1000)
    (4, 1, 1)
    """
    if steps < FEWEST_STEPS or any(isinstance(stmt, ast.For | ast.While | ast.If) for stmt in body):
        return 1
    called = [node.func for stmt in body for node in ast.walk(stmt) if isinstance(node, ast.Call)]
    chains = sum(isinstance(function, ast.Attribute) and function.attr in CHAINS for function in called)
    return next((count for count in (4, 2) if 0 < chains * count <= MOST_CHAINS), 1)


def vectors_of_a_row(steps: int, lanes: int) -> int:
    """How many vectors to take together in a short loop along rows: all, or a part that goes into all; 0 for others.

    Examples
    --------
    >>> vectors_of_a_row(16, 4), vectors_of_a_row(32, 4), vectors_of_a_row(12, 4), vectors_of_a_row(10, 4)
    (4, 4, 1, 0)
    """
    vectors, rest = divmod(steps, lanes)
    if rest or vectors < 2 or steps >= FEWEST_STEPS:
        return 0
    return next(count for count in (4, 2, 1) if vectors % count == 0)


def arrays_along(body: Sequence[ast.stmt], index: str) -> set[str]:
    """The arrays that a loop over `index` runs along, one element behind the other; none if there is anything else.

    Sums are a part of it; a value that a step takes from the one before is not.

    Examples
    --------
    >>> sorted(arrays_along(ast.parse("y[i, j] = x[i, j] * w[i]").body, "j"))
    ['x', 'y']
    >>> arrays_along(ast.parse("y[i, j] = x[j, i]").body, "j")
    set()
    """
    found: set[str] = set()
    nodes = [node for stmt in body for node in ast.walk(stmt)]
    subscripts = [node for node in nodes if isinstance(node, ast.Subscript)]
    places = {id(node) for subscript in subscripts for node in ast.walk(subscript.slice)}
    if any(isinstance(node, ast.stmt) and not isinstance(node, ast.Assign | ast.AugAssign) for node in nodes):
        return set()
    if any(isinstance(node, ast.Name) and node.id == index and id(node) not in places for node in nodes):
        return set()
    for subscript in subscripts:
        parts = subscript.slice.elts if isinstance(subscript.slice, ast.Tuple) else [subscript.slice]
        along = isinstance(parts[-1], ast.Name) and parts[-1].id == index if parts else False
        if any(index in _names(part) for part in (parts[:-1] if along else parts)):
            return set()
        if along and isinstance(subscript.value, ast.Name):
            found.add(subscript.value.id)
        elif isinstance(subscript.ctx, ast.Store):
            return set()
    return set() if _is_carried(body) else found


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _is_carried(body: Sequence[ast.stmt]) -> bool:
    """Whether a step takes a value from the one before that is no sum."""
    assigned = {target.id for stmt in body for target in _targets(stmt) if isinstance(target, ast.Name)}
    for stmt in body:
        targets = {target.id for target in _targets(stmt) if isinstance(target, ast.Name)}
        read = _names(stmt.value) if isinstance(stmt, ast.Assign | ast.AugAssign) else set()
        if isinstance(stmt, ast.AugAssign):
            read |= targets
        if read & assigned and not _is_sum(stmt):
            return True
        assigned -= targets
    return False


def _targets(stmt: ast.stmt) -> Iterator[ast.expr]:
    if isinstance(stmt, ast.Assign):
        yield from stmt.targets
    elif isinstance(stmt, ast.AugAssign):
        yield stmt.target


def _is_sum(stmt: ast.stmt) -> bool:
    """``s = vm.radd(s, x)``."""
    match stmt:
        case ast.Assign(
            targets=[ast.Name(id=name)],
            value=ast.Call(func=ast.Attribute(attr="radd"), args=[ast.Name(id=first), term]),
        ):
            return name == first and name not in _names(term)
    return False
