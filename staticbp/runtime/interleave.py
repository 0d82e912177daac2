"""How many vectors of a loop are computed at once. Imported only to compile.

A polynomial is a chain of operations of which each waits for the one before. A processor looks ahead by a hundred
operations or so for others that it could do meanwhile, and one step of a loop over such chains has more than that. So
several vectors are computed together, operation by operation: on an AVX2 core four of them take a quarter less time.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

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
