"""Index arithmetic for lowerings: how the elements of a result are found among those of its operands.

An index is affine in the loop indexes as long as it can be, so that the writer and LLVM see plain strides;
once it is read from memory (a gather), it is an integer expression like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from staticbp.core.aval import BOOL, INT64
from staticbp.core.schedule import Affine, Apply, Const, Expr, Index, expr_dtype
from staticbp.core.shape import Dim


def along(start: Dim, step: int, index: Index) -> Index:
    """The index ``start + step * index``."""
    if isinstance(index, Affine):
        return index * step + start
    scaled: Index = index if step == 1 else Apply("{0} * {1}", (index, integer(step)), INT64)
    return scaled if start == 0 else Apply("{0} + {1}", (scaled, Affine(start)), INT64)


def integer(number: int) -> Const:
    """An integer constant."""
    return Const(np.int64(number))


def compare(operator: str, left: Index, right: Index) -> Expr:
    """A comparison of two indexes."""
    return Apply(f"{{0}} {operator} {{1}}", (left, right), BOOL)


def all_of(conditions: Sequence[Expr]) -> Expr | None:
    """Whether all conditions hold; None when there are none."""
    if not conditions:
        return None
    return reduce(lambda left, right: Apply("{0} & {1}", (left, right), BOOL), conditions)


def guarded(condition: Expr | None, value: Expr, other: Expr) -> Expr:
    """`value` where the condition holds, `other` elsewhere; `value` is not read there."""
    if condition is None:
        return value
    return Apply("{1} if {0} else {2}", (condition, value, other), expr_dtype(value))


def wrapped(index: Index, extent: Dim) -> Index:
    """An index that may be negative, counted from the front."""
    return Apply("{0} + {1} if {0} < 0 else {0}", (index, Affine(extent)), INT64)


def zero(dtype: np.dtype[np.generic]) -> Const:
    """The zero of a dtype."""
    return Const(dtype.type(0))
