"""``x[mask]`` by a mask that is traced: elements whose number nobody knows, to be computed with and assigned again.

``x[x > 0] *= 2`` takes the elements, doubles them and assigns them.  As long as nothing but operations element by
element are asked for, and an assignment under the same mask, the elements that are left out can be computed too.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, SrcLine
from staticbp.core.primitive import Traced, value_aval
from staticbp.errors import ShapeError, StaticbpError, TracedIndexError
from staticbp.ops import mutation
from staticbp.ops.families import Elementwise
from staticbp.ops.linear import Linear, broadcast_to
from staticbp.ops.options import fresh, traced
from staticbp.ops.registry import NUMPY
from staticbp.ops.shape import reshaped
from staticbp.trace.names import here
from staticbp.trace.operands import placed

_ADVICE = "Write np.where(mask, x, 0), which keeps the shape, with zeros in place of the rest."


def is_traced_mask(key: Any) -> bool:
    """Whether a key is a boolean array whose values are not known."""
    return isinstance(key, Traced) and key.aval.dtype.kind == "b" and key.aval.ndim > 0


def _spread(mask: Traced, x: Any) -> Any:
    """A mask of the leading axes of `x` as one of all its elements."""
    shape, rank = value_aval(x).shape, mask.aval.ndim
    if not shapes.same(shape[:rank], mask.aval.shape):
        raise TracedIndexError(
            f"boolean index did not match the array: its shape is {shapes.text(shape)}, that of the mask "
            f"{shapes.text(mask.aval.shape)}"
        )
    return traced(broadcast_to(reshaped(mask, (*mask.aval.shape, *(1,) * (len(shape) - rank))), shape))


def assign(x: Traced, mask: Traced, value: Any) -> None:
    """``x[mask] = value``."""
    condition = _spread(mask, x)
    mutation.check_writable(x)
    if isinstance(value, Selection):
        value = value.under(mask)
    else:
        value = traced(value)
        free = x.aval.ndim - mask.aval.ndim  # the axes behind those of the mask
        shape = value_aval(value).shape
        if len(shape) > free and not shapes.same(shape[: len(shape) - free], (1,) * (len(shape) - free)):
            raise TracedIndexError(
                f"a value of shape {shapes.text(shape)} assigned by a traced mask: how many elements the mask picks "
                "is not known",
                advice="Write np.where(mask, value, x), with a value of the shape of x.",
            )
    try:
        value = mutation.fitted(value, x.aval)
    except ShapeError as error:
        raise ShapeError(f"{error} under a mask") from None
    mutation.write(x, np.where(condition, value, fresh(x)))


def _same(mask: Traced, other: Traced) -> bool:
    """Whether two masks are one value, or are computed alike from the same values, as ``x > 0`` is each time."""
    definitions: dict[Atom, Eqn] = {}

    def equal(a: Atom, b: Atom) -> bool:
        if a is b or a == b:
            return True
        if not definitions:
            definitions.update((out, eqn) for eqn in mask.builder.eqns for out in eqn.outs)
        first, second = (definitions.get(atom) for atom in (a, b))
        if first is None or second is None or first.op is not second.op or first.params != second.params:
            return False
        return isinstance(first.op, Elementwise | Linear) and all(map(equal, first.ins, second.ins))

    return equal(mask.atom, other.atom)


def _operators(ufunc: np.ufunc) -> tuple[Any, Any]:
    """``s + x`` and ``x + s`` by a ufunc."""

    def forward(self: Selection, other: Any) -> Selection:
        return self._apply(ufunc, self, other)

    def reflected(self: Selection, other: Any) -> Selection:
        return self._apply(ufunc, other, self)

    return forward, reflected


class Selection:
    """The elements ``x[mask]``: what they are, and, where the mask is False, anything."""

    __slots__ = ("_array", "_mask", "_source")
    __array_priority__ = 2000.0
    __hash__ = object.__hash__

    def __init__(self, array: Traced, mask: Traced, source: SrcLine | None = None) -> None:
        _spread(mask, array)
        self._array: Traced = fresh(array)
        self._mask: Traced = fresh(mask)
        self._source = source or here().src

    def under(self, mask: Traced) -> Traced:
        """The array that holds these elements where `mask` is True, if it is the mask they were taken by."""
        if not _same(mask, self._mask):
            raise TracedIndexError(
                "elements taken by one traced mask are assigned by another", advice="Keep the mask: m = x > 0."
            )
        return self._array

    def _refusal(self, what: str = "") -> TracedIndexError:
        return TracedIndexError(
            f"a traced boolean mask{what}: the size of x[mask] would depend on its values",
            src=self._source,
            advice=_ADVICE,
        )

    def _whole(self, other: Any) -> Any:
        """An operand as an array of the shape of the whole."""
        if isinstance(other, Selection):
            if not _same(other._mask, self._mask):
                raise self._refusal(" beside another")
            return other._array
        if isinstance(other, list | tuple) or np.ndim(other) > self._array.aval.ndim - self._mask.aval.ndim:
            raise self._refusal(" beside an array of known size")
        return other

    def _apply(self, ufunc: np.ufunc, *operands: Any) -> Selection:
        operation = NUMPY.get(ufunc)
        if not isinstance(operation, Elementwise):
            raise self._refusal()
        try:
            result = operation.weakly(*map(self._whole, operands))
        except StaticbpError as error:
            raise placed(error) from None
        return Selection(result, self._mask, self._source)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise self._refusal()
        return self._apply(ufunc, *inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        own = _REDUCTIONS.get(function)
        if own is None or len(args) != 1 or kwargs:
            raise self._refusal()
        return own(self)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise self._refusal()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._refusal()

    def __len__(self) -> int:
        raise self._refusal()

    def __iter__(self) -> NoReturn:
        raise self._refusal()

    def __getitem__(self, key: Any) -> NoReturn:
        raise self._refusal()

    def __bool__(self) -> NoReturn:
        raise self._refusal()

    __add__, __radd__ = _operators(np.add)
    __sub__, __rsub__ = _operators(np.subtract)
    __mul__, __rmul__ = _operators(np.multiply)
    __truediv__, __rtruediv__ = _operators(np.true_divide)
    __floordiv__, __rfloordiv__ = _operators(np.floor_divide)
    __mod__, __rmod__ = _operators(np.remainder)
    __pow__, __rpow__ = _operators(np.power)
    __and__, __rand__ = _operators(np.bitwise_and)
    __or__, __ror__ = _operators(np.bitwise_or)
    __xor__, __rxor__ = _operators(np.bitwise_xor)
    __lt__, __gt__ = _operators(np.less)
    __le__, __ge__ = _operators(np.less_equal)

    def __neg__(self) -> Selection:
        return self._apply(np.negative, self)

    def __abs__(self) -> Selection:
        return self._apply(np.absolute, self)

    def __invert__(self) -> Selection:
        return self._apply(np.invert, self)

    def sum(self) -> Any:
        """As `ndarray.sum`, of all elements."""
        return np.sum(self._elsewhere(0))

    def prod(self) -> Any:
        """As `ndarray.prod`, of all elements."""
        return np.prod(self._elsewhere(1))

    def mean(self) -> Any:
        """As `ndarray.mean`, of all elements."""
        return np.sum(self._elsewhere(0)) / np.sum(_spread(self._mask, self._array))

    def _elsewhere(self, number: int) -> Any:
        zero: Any = traced(self._array.aval.dtype.type(number))
        whole: Any = self._array
        present = _spread(self._mask, self._array)
        return np.where(present, whole, zero)


_REDUCTIONS = {np.sum: Selection.sum, np.prod: Selection.prod, np.mean: Selection.mean}

__all__ = ["Selection", "assign", "is_traced_mask"]
