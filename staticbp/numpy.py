"""NumPy itself, with the constructors that NumPy gives no hook for.

``from staticbp import numpy as np`` gives NumPy's own objects under NumPy's own names.  Only the functions
below differ, and only where traced values are concerned: NumPy asks arrays what ``np.sin(x)`` means, but not
what ``np.array([x, y])`` means.

Examples
--------
>>> from staticbp import numpy as np
>>> np.pi, np.array([1.0, 2.0]) + np.zeros(2)
(3.141592653589793, array([1., 2.]))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core.aval import Aval, check_dtype
from staticbp.core.primitive import Builder, Value, value_aval
from staticbp.errors import UnsupportedFunctionError
from staticbp.ops.joining import stack
from staticbp.ops.linear import fill
from staticbp.ops.movement import astype, filled
from staticbp.ops.options import as_shape, fresh, is_traced, refuse_order, traced
from staticbp.ops.registry import refuse
from staticbp.ops.shape import reshaped
from staticbp.ops.views import view_of


def __getattr__(name: str) -> Any:
    return getattr(np, name)


def __dir__() -> list[str]:
    return sorted({*dir(np), *__all__})


def _built(value: Any) -> Value:
    """The array of nested lists, the innermost of which may hold traced values."""
    if isinstance(value, list | tuple):
        return stack([_built(part) for part in value]) if is_traced(value) else traced(value)
    return traced(value)


# ---- arrays of given values --------------------------------------------------------------------------------


def array(
    object: Any,  # noqa: A002
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    **options: Any,
) -> Any:
    """As `numpy.array`; lists, nested at will, may hold traced values.

    Examples
    --------
    >>> import staticbp as bp
    >>> from staticbp import numpy as np
    >>> array([[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]])
    """
    if not is_traced(object):
        return np.array(object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin, **options)
    refuse_order("np.array", order)
    refuse("np.array", **options)
    value = _built(object)
    if dtype is not None:
        value = astype(value, dtype, copy=False)

    def with_axes(x: Value) -> Value:
        shape = value_aval(x).shape
        return reshaped(x, (1,) * (ndmin - len(shape)) + shape)

    spread = with_axes(value)
    if copy:
        return fresh(spread) if spread is object else spread
    return view_of(object, spread, with_axes) if value is object else spread


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: bool | None = None, **options: Any) -> Any:
    """As `numpy.asarray`; lists, nested at will, may hold traced values."""
    if not is_traced(a):
        return np.asarray(a, dtype, order, copy=copy, **options)
    return array(a, dtype, copy=copy, order=order, **options)


def asanyarray(a: Any, dtype: Any = None, order: Any = None, *, copy: bool | None = None, **options: Any) -> Any:
    """As `numpy.asanyarray`; lists, nested at will, may hold traced values."""
    if not is_traced(a):
        return np.asanyarray(a, dtype, order, copy=copy, **options)
    return array(a, dtype, copy=copy, order=order, **options)


def ascontiguousarray(a: Any, dtype: Any = None, **options: Any) -> Any:
    """As `numpy.ascontiguousarray`; lists, nested at will, may hold traced values."""
    if not is_traced(a):
        return np.ascontiguousarray(a, dtype, **options)
    return array(a, dtype, copy=None, ndmin=1, **options)


class _Joiner:
    """`numpy.r_` or `numpy.c_`, whose brackets may hold traced values."""

    def __init__(self, name: str, axis: int, rank: int) -> None:
        self._plain = getattr(np, name)
        self._name = f"np.{name}"
        self._axis = axis
        self._rank = rank

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not is_traced(items):
            return self._plain[key]
        if isinstance(items[0], str):
            raise UnsupportedFunctionError(
                f"{self._name} with directions in a string is not supported on traced values",
                advice="Write np.concatenate or np.stack with an axis.",
            )
        parts = [np.r_[item] if isinstance(item, slice) else _built(item) for item in items]
        return np.concatenate([self._raised(part) for part in parts], axis=self._axis)

    def _raised(self, part: Any) -> Any:
        """A part of at least as many axes as the result: of a vector in `numpy.c_`, a column."""
        shape = value_aval(part).shape
        return part if len(shape) >= self._rank else np.reshape(part, (-1,) + (1,) * (self._rank - 1))

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"<{self._name}>"


r_ = _Joiner("r_", 0, 1)
c_ = _Joiner("c_", -1, 2)

# ---- arrays of one value -----------------------------------------------------------------------------------
#
# While a function is traced these are traced from the start, so that `y = np.zeros(3); y += x` adds.


def zeros(shape: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    """As `numpy.zeros`, traced while a function is being traced.

    Examples
    --------
    >>> zeros((2, 2))
    array([[0., 0.],
           [0., 0.]])
    """
    if Builder.innermost() is None:
        return np.zeros(shape, dtype, order, **options)
    return _constant("np.zeros", 0, shape, dtype, order, options)


def ones(shape: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    """As `numpy.ones`, traced while a function is being traced."""
    if Builder.innermost() is None:
        return np.ones(shape, dtype, order, **options)
    return _constant("np.ones", 1, shape, dtype, order, options)


def empty(shape: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    """As `numpy.empty`, traced while a function is being traced, and then zeros."""
    if Builder.innermost() is None:
        return np.empty(shape, dtype, order, **options)
    return _constant("np.empty", 0, shape, dtype, order, options)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    """As `numpy.full`, traced while a function is being traced; so may be the value."""
    if Builder.innermost() is None:
        return np.full(shape, fill_value, dtype, order, **options)
    refuse_order("np.full", order)
    refuse("np.full", **options)
    value = _built(fill_value)
    kind = value_aval(value).dtype if dtype is None else check_dtype(np.dtype(dtype), "the result of np.full")
    return filled(value, Aval(as_shape(shape), kind))


def _constant(name: str, number: int, shape: Any, dtype: Any, order: str, options: dict[str, Any]) -> Value:
    refuse_order(name, order)
    refuse(name, **options)
    kind = check_dtype(np.dtype(np.float64 if dtype is None else dtype), f"the result of {name}")
    return fill(number, Aval(as_shape(shape), kind))


# ---- ranges ------------------------------------------------------------------------------------------------


def arange(*args: Any, **options: Any) -> Any:
    """As `numpy.arange`; its bounds are known when the function is traced."""
    if is_traced(*args, *options.values()):
        raise UnsupportedFunctionError(
            "np.arange with traced bounds: the size of the result would not be known",
            advice="Write start + step * np.arange(n), with n known.",
        )
    return np.arange(*args, **options)


__all__ = [
    "arange",
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "c_",
    "empty",
    "full",
    "ones",
    "r_",
    "zeros",
]
