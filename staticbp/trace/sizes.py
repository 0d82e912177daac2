"""Symbolic sizes in the hands of the user's program: ``x.shape[0]`` where the batch size differs from call to call.

Sums, differences and products of sizes are sizes again; what else is computed of one is a traced number, as in
``np.sum(x) / x.shape[0]``.  Comparisons are answered where the answer is the same for all sizes.  Whatever needs the
number itself (`range`, `if n > 3`, plain ``np.zeros(n)``) raises a `ConcreteSizeError` that names the line.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Traced
from staticbp.core.shape import Dim, DimExpr, Extent
from staticbp.errors import ConcreteSizeError
from staticbp.ops import catalog
from staticbp.ops.sizes import number
from staticbp.trace.names import here

_POLYNOMIALS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.negative: operator.neg,
}


def held(dim: Dim) -> int | Size:
    """A dimension as the user's program may have it."""
    return Size(dim) if isinstance(dim, DimExpr) else dim


def dim_of(value: Any) -> Dim | None:
    """The dimension that a number of the user's is, or None."""
    if isinstance(value, Extent | DimExpr):
        return value.dim if isinstance(value, Extent) else value
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None


def _polynomial(combine: Callable[[Any, Any], Dim], ufunc: np.ufunc) -> tuple[Any, Any]:
    """An operation whose result is a size again, where the other operand is one; and the same reflected."""

    def forward(self: Size, other: Any) -> Any:
        dim = dim_of(other)
        return _computed(ufunc, self, other) if dim is None else held(combine(self.dim, dim))

    def reflected(self: Size, other: Any) -> Any:
        dim = dim_of(other)
        return _computed(ufunc, other, self) if dim is None else held(combine(dim, self.dim))

    return forward, reflected


def _traced(ufunc: np.ufunc) -> tuple[Any, Any]:
    """An operation whose result is a traced number; and the same reflected."""
    return lambda self, other: _computed(ufunc, self, other), lambda self, other: _computed(ufunc, other, self)


def _computed(ufunc: np.ufunc, *operands: Any) -> Any:
    """A ufunc of numbers, some of them sizes; traced values and arrays do what they do with a number."""
    if not all(isinstance(x, Extent | Traced | np.ndarray | np.generic | bool | int | float) for x in operands):
        return NotImplemented
    return catalog.elementwise_of(ufunc).weakly(*operands)


def _comparison(holds: Callable[[Dim, Dim], bool | None], symbol: str, ufunc: np.ufunc) -> Any:
    """A comparison of sizes, answered if all sizes have one answer; one with a traced value is traced."""

    def compare(self: Size, other: Any) -> Any:
        dim = dim_of(other)
        if dim is not None:
            known = holds(self.dim, dim)
            return self.refuse(f"the comparison {self.dim} {symbol} {dim}") if known is None else known
        if isinstance(other, float):
            return self.refuse(f"the comparison {self.dim} {symbol} {other}")
        return _computed(ufunc, self, other)

    return compare


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _equal(left: Dim, right: Dim) -> bool | None:
    if shapes.same((left,), (right,)):
        return True
    apart = shapes.at_least(left, right + 1) or shapes.at_least(right, left + 1)
    return False if apart else None


def _converted(to: str) -> Any:
    def convert(self: Size, *_: Any, **__: Any) -> NoReturn:
        self.refuse(to)

    return convert


class Size(Extent):
    """A size that is not known while the function is traced; see the module."""

    __slots__ = ()
    __array_priority__ = 500.0

    def refuse(self, purpose: str) -> NoReturn:
        """Raise the error that says what needs the number, and where."""
        raise ConcreteSizeError(
            f"{purpose} needs the size {self.dim}, which differs from call to call",
            src=here().src,
            advice="Leave the axis out of dynamic_axes to have the function compiled for each size, or write what "
            "holds for all of them: arithmetic with x.shape[0], operations on whole axes, np.zeros_like.",
        )

    __add__, __radd__ = _polynomial(operator.add, np.add)
    __sub__, __rsub__ = _polynomial(operator.sub, np.subtract)
    __mul__, __rmul__ = _polynomial(operator.mul, np.multiply)
    __truediv__, __rtruediv__ = _traced(np.true_divide)
    __mod__, __rmod__ = _traced(np.remainder)
    __pow__, __rpow__ = _traced(np.power)
    __rfloordiv__ = _traced(np.floor_divide)[1]
    __lt__ = _comparison(lambda a, b: _not(shapes.at_least(a, b)), "<", np.less)
    __le__ = _comparison(lambda a, b: shapes.at_least(b, a), "<=", np.less_equal)
    __gt__ = _comparison(lambda a, b: _not(shapes.at_least(b, a)), ">", np.greater)
    __ge__ = _comparison(lambda a, b: shapes.at_least(a, b), ">=", np.greater_equal)
    __eq__ = _comparison(_equal, "==", np.equal)
    __ne__ = _comparison(lambda a, b: _not(_equal(a, b)), "!=", np.not_equal)

    def __floordiv__(self, other: Any) -> Any:
        dim = dim_of(other)
        exact = None if dim is None else shapes.divide(self.dim, dim)
        return _computed(np.floor_divide, self, other) if exact is None else held(exact)

    def __neg__(self) -> int | Size:
        return held(-self.dim)

    def __pos__(self) -> Size:
        return self

    def __abs__(self) -> Size:
        return self

    def __hash__(self) -> int:
        return hash(self.dim)

    def __bool__(self) -> bool:
        return bool(self != 0)

    __int__ = _converted("int()")
    __float__ = _converted("float()")
    __complex__ = _converted("complex()")
    __index__ = _converted("range(), an index or a plain NumPy function")
    __iter__ = _converted("iteration")
    __round__ = __trunc__ = __floor__ = __ceil__ = _converted("rounding")
    __array__ = _converted("a plain NumPy array")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            self.refuse(f"np.{ufunc.__name__}.{method}")
        dims = [dim_of(x) for x in inputs]
        if ufunc in _POLYNOMIALS and None not in dims:
            return held(_POLYNOMIALS[ufunc](*dims))
        return catalog.NUMPY[ufunc](*(number(x.dim) if isinstance(x, Extent) else x for x in inputs))

    def __str__(self) -> str:
        return str(self.dim)

    def __repr__(self) -> str:
        return f"<size {self.dim}>"

    def __format__(self, spec: str) -> str:
        if spec:
            self.refuse(f"format(..., {spec!r})")
        return str(self)
