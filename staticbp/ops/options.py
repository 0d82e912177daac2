"""What NumPy's functions share in their arguments: shapes, integers, operands in a common dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from staticbp.core.aval import check_dtype, promote
from staticbp.core.primitive import Builder, Traced, Value, lift, value_aval
from staticbp.core.shape import DimExpr, Shape
from staticbp.ops.linear import operand, recorded, to_dtype
from staticbp.ops.registry import refuse

F = TypeVar("F", bound=Callable[..., Any])


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
    if isinstance(shape, DimExpr):
        return (shape,)
    if not isinstance(shape, Sequence | np.ndarray):
        return (int(shape.__index__()),)
    return tuple(dim if isinstance(dim, DimExpr) else int(dim.__index__()) for dim in shape)


def as_ints(numbers: Any) -> tuple[int, ...]:
    """One integer or a sequence of them as a tuple."""
    if hasattr(numbers, "__index__") and not getattr(numbers, "ndim", 0):
        return (int(numbers.__index__()),)
    return tuple(int(number.__index__()) for number in numbers)


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


def view_of(x: Value, result: Any) -> Any:
    """`result`, an array or several, marked as sharing the memory of `x`, as it would in NumPy."""
    for part in result if isinstance(result, tuple | list) else (result,):
        if isinstance(x, Traced) and isinstance(part, Traced) and part is not x and part.aval.ndim:
            part.base = x
    return result


def returns_view(function: F) -> F:
    """For a function of NumPy's that gives a view of its first argument: what is written to one changes both."""

    @wraps(function)
    def viewing(*args: Any, **options: Any) -> Any:
        x = args[0] if args else next(iter(options.values()), None)
        return view_of(x, function(*args, **options))

    return viewing  # type: ignore[return-value]  # the same signature


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
