"""What NumPy's functions share in their arguments: shapes, integers, operands in a common dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core.aval import check_dtype, promote
from staticbp.core.graph import Lit
from staticbp.core.primitive import Builder, Traced, Value, lift, value_aval
from staticbp.core.shape import Dim, DimExpr, Extent, Shape
from staticbp.ops.linear import operand, recorded, to_dtype
from staticbp.ops.registry import refuse


def given(option: Any) -> bool:
    """Whether the caller gave an option that is left out as None or as NumPy's own mark.

    Examples
    --------
    >>> given(None), given(0)
    (False, True)
    """
    return option is not None and option is not np._NoValue


def refuse_order(function: str, order: str | None) -> None:
    """Raise unless `order` is row by row: "K" and "A" are that for the arrays that are traced."""
    refuse(function, order=None if order in ("C", "K", "A", None) else order)


def as_shape(shape: Any) -> Shape:
    """NumPy's `shape` argument, a number or a sequence of them, as a tuple."""
    return tuple(map(as_dim, shape if isinstance(shape, Sequence | np.ndarray) else (shape,)))


def as_dim(value: Any) -> Dim:
    """An integer or a symbolic size as a dimension."""
    if isinstance(value, Extent):
        return value.dim
    return value if isinstance(value, DimExpr) else int(value.__index__())


def as_ints(numbers: Any) -> tuple[int, ...]:
    """One integer or a sequence of them as a tuple."""
    if hasattr(numbers, "__index__") and not getattr(numbers, "ndim", 0):
        return (int(numbers.__index__()),)
    return tuple(int(number.__index__()) for number in numbers)


def is_traced(*values: Any) -> bool:
    """Whether any of the values is traced, or a sequence that holds one that is."""
    return any(
        is_traced(*value) if isinstance(value, tuple | list) else isinstance(value, Traced | Lit) for value in values
    )


def traced(value: Any) -> Value:
    """A value as an array with operators: traced while a function is being traced."""
    value = recorded(operand(value))
    return value if isinstance(value, Traced) else lift(to_dtype(value, value_aval(value).dtype))


def in_dtype(value: Any, dtype: Any) -> Value:
    """A value converted to `dtype`, as an array that operators and shape functions take."""
    value = recorded(operand(value))
    return lift(to_dtype(value, check_dtype(np.dtype(dtype), "the result")))


def fresh(value: Value) -> Value:
    """The same value under an object of its own, as NumPy's functions that copy return it."""
    builder = Builder.innermost()
    return value if builder is None else builder.wrap(builder.atom(value))


def alike(*values: Any) -> list[Value]:
    """The values in their common dtype; a Python scalar takes that of what it meets."""
    operands = [recorded(operand(value)) for value in values]
    dtype, _ = promote([value_aval(value) for value in operands])
    return [lift(to_dtype(value, check_dtype(dtype, "the result"))) for value in operands]


def alike_arrays(*values: Any) -> list[Value]:
    """The values in their common dtype, each counted as an array of its own: a Python float is float64."""
    operands = [recorded(operand(value)) for value in values]
    dtype = np.result_type(*(value_aval(value).dtype for value in operands))
    return [lift(to_dtype(value, check_dtype(dtype, "the result"))) for value in operands]
