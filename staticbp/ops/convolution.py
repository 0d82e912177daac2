"""Convolutions and correlations, in one dimension and in several.

Two operations are enough, for each is among the derivatives of the other: the whole convolution of two arrays,
``out[k] = sum(x[i] * y[k - i])``, and the inner part of their correlation, ``out[i] = sum(x[i + j] * y[j])``.  Both go
along the last axes; those before are a batch, of the same sizes in both operands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.lowering import Choose, Reader, Reduce, Scatter
from staticbp.core.primitive import Params, Value, value_aval
from staticbp.core.schedule import Affine, Apply, Expr, Index
from staticbp.core.shape import Dim, Shape
from staticbp.errors import ShapeError, UnsupportedFunctionError
from staticbp.ops.families import Bilinear, bilinear
from staticbp.ops.linear import batch_operand, broadcast_to
from staticbp.ops.movement import axes_of, reversed_along
from staticbp.ops.options import alike_arrays, traced
from staticbp.ops.registry import implements
from staticbp.ops.shape import permuted, reshaped, sliced

LONGEST_KERNEL = 64  # elements: what is shorter is unrolled

# ---- the two operations ------------------------------------------------------------------------------------


def _split(x: Aval, axes: int) -> tuple[Shape, Shape]:
    """The shape of the batch, and that along which the operation goes."""
    return x.shape[: x.ndim - axes], x.shape[x.ndim - axes :]


def _check(name: str, x: Aval, y: Aval, axes: int) -> tuple[Shape, Shape, Shape]:
    batch, long = _split(x, axes)
    other, short = _split(y, axes)
    if x.dtype != y.dtype or not shapes.same(batch, other):
        raise ShapeError(f"{name} of {x} and {y}: dtypes or leading axes differ")
    return batch, long, short


def _convolve_aval(x: Aval, y: Aval, axes: int) -> Aval:
    batch, left, right = _check("convolve", x, y, axes)
    return Aval((*batch, *(shapes.total((n, m, -1)) for n, m in zip(left, right, strict=True))), x.dtype)


def _correlate_aval(x: Aval, y: Aval, axes: int) -> Aval:
    batch, long, short = _check("correlate", x, y, axes)
    inner = tuple(shapes.total((n, shapes.negate(m), 1)) for n, m in zip(long, short, strict=True))
    if shapes.is_static(inner) and any(shapes.static(n) < 0 for n in inner):
        raise ShapeError(f"correlate of {x} and {y}: the second is the longer one")
    return Aval((*batch, *inner), x.dtype)


def _sum(i: Index, j: Index) -> Index:
    if isinstance(i, Affine) and isinstance(j, Affine):
        return i + j
    return Apply("{0} + {1}", (i, j), INT64)


def _windows(x: Any, shape: Sequence[int], axes: int) -> Any:
    """All parts of an array that have a shape, along its last axes."""
    return np.lib.stride_tricks.sliding_window_view(x, tuple(shape), axis=tuple(range(-axes, 0)))


def _correlate_numpy(x: Any, y: Any, axes: int) -> Any:
    short = np.shape(y)[np.ndim(y) - axes :]
    spread = np.reshape(y, (*np.shape(y)[: np.ndim(y) - axes], *(1 for _ in short), *short))
    return np.sum(_windows(x, short, axes) * spread, axis=tuple(range(-axes, 0)), dtype=x.dtype)


def _convolve_numpy(x: Any, y: Any, axes: int) -> Any:
    rim = [(0, 0)] * (np.ndim(x) - axes) + [(m - 1, m - 1) for m in np.shape(y)[np.ndim(y) - axes :]]
    return _correlate_numpy(np.pad(x, rim), np.flip(y, tuple(range(-axes, 0))), axes)


def _pair_shape(in_avals: Sequence[Aval], params: Params) -> Shape:
    return (*in_avals[0].shape, *_split(in_avals[1], params["axes"])[1])


def _places(index: Sequence[Index], axes: int) -> tuple[tuple[Index, ...], tuple[Index, ...], tuple[Index, ...]]:
    """The indexes of the batch and of the places in each of the two operands."""
    rank = len(index) - 2 * axes
    return tuple(index[:rank]), tuple(index[rank : rank + axes]), tuple(index[rank + axes :])


def _convolve_target(
    read: Reader, index: Sequence[Index], in_avals: Sequence[Aval], params: Params
) -> tuple[Index, ...]:
    batch, i, j = _places(index, params["axes"])
    return (*batch, *map(_sum, i, j))


def _convolve_value(read: Reader, index: Sequence[Index], params: Params) -> Expr:
    batch, i, j = _places(index, params["axes"])
    left, right = read(0, (*batch, *i)), read(1, (*batch, *j))
    return Apply("{0} * {1}", (left, right), left.dtype)  # type: ignore[union-attr]


def _correlate_domain(in_avals: Sequence[Aval], params: Params) -> Sequence[tuple[Dim, bool]]:
    whole = _correlate_aval(in_avals[0], in_avals[1], params["axes"]).shape
    return [*((n, False) for n in whole), *((m, True) for m in _split(in_avals[1], params["axes"])[1])]


def _correlate_element(read: Reader, index: Sequence[Index], params: Params) -> Expr:
    batch, i, j = _places(index, params["axes"])
    left, right = read(0, (*batch, *map(_sum, i, j))), read(1, (*batch, *j))
    return Apply("{0} * {1}", (left, right), left.dtype)  # type: ignore[union-attr]


def _correlate_loops(in_avals: Sequence[Aval], params: Params) -> Reduce:
    """Sums of many terms may be added up in any order; of few, one vector is made of several sums instead."""
    count = shapes.size(_split(in_avals[1], params["axes"])[1])
    is_long = in_avals[0].dtype.kind == "f" and not (isinstance(count, int) and count <= LONGEST_KERNEL)
    combine = "vm.radd({0}, {1})" if is_long else "{0} + {1}"
    return Reduce(combine, lambda dtype: dtype.type(0), _correlate_domain, _correlate_element)


def _batched(op: Bilinear, size: Dim, ins: Sequence[Value], batched: Sequence[bool], axes: int) -> Value:
    x, y = (batch_operand(v, size, b) for v, b in zip(ins, batched, strict=True))
    return op(x, y, axes=axes)


convolve: Bilinear = bilinear(
    "convolve",
    aval=_convolve_aval,
    numpy=_convolve_numpy,
    transposes=(
        lambda ct, y, axes: correlate(ct, y, axes=axes),
        lambda ct, x, axes: correlate(ct, x, axes=axes),
    ),
    batch=lambda size, ins, batched, axes: _batched(convolve, size, ins, batched, axes),
    lower=Scatter(domain=_pair_shape, target=_convolve_target, value=_convolve_value),
)

correlate: Bilinear = bilinear(
    "correlate",
    aval=_correlate_aval,
    numpy=_correlate_numpy,
    transposes=(
        lambda ct, y, axes: convolve(ct, y, axes=axes),
        lambda ct, x, axes: correlate(x, ct, axes=axes),
    ),
    batch=lambda size, ins, batched, axes: _batched(correlate, size, ins, batched, axes),
    lower=Choose(_correlate_loops),
)

# ---- NumPy's and SciPy's functions ---------------------------------------------------------------------------


def _middle(x: Value, shape: Sequence[Dim]) -> Value:
    """The part of a shape in the middle of the last axes of an array."""
    whole = value_aval(x).shape
    rank = len(whole) - len(shape)
    starts = [
        (shapes.static(n, "a convolution") - shapes.static(m)) // 2 for n, m in zip(whole[rank:], shape, strict=True)
    ]
    return sliced(x, (*(0 for _ in range(rank)), *starts), (1,) * len(whole), (*whole[:rank], *shape))


def _in_mode(name: str, x: Value, y: Value, axes: int, mode: Any, like: Sequence[Dim]) -> Value:
    """The convolution of two arrays of as many axes, or the part of it that a mode names."""
    left = shapes.static_shape(value_aval(x).shape[-axes:], name)
    right = shapes.static_shape(value_aval(y).shape[-axes:], name)
    if mode == "valid":
        if all(n >= m for n, m in zip(left, right, strict=True)):
            return correlate(x, _flipped(y, axes), axes=axes)
        if all(n <= m for n, m in zip(left, right, strict=True)):
            return correlate(y, _flipped(x, axes), axes=axes)
        raise ShapeError(f"{name} with mode='valid' takes arrays of which one is at least as large in every axis")
    whole = convolve(x, y, axes=axes)
    if mode == "full":
        return whole
    if mode == "same":
        return _middle(whole, like)
    raise UnsupportedFunctionError(f"{name} has no mode {mode!r}", advice="There are 'full', 'same' and 'valid'.")


def _flipped(x: Value, axes: int) -> Value:
    rank = value_aval(x).ndim
    return reversed_along(x, range(rank - axes, rank))


def _vectors(name: str, a: Any, v: Any) -> tuple[Value, Value]:
    x, y = alike_arrays(a, v)
    x, y = (reshaped(traced(value), (-1,)) if not value_aval(value).ndim else traced(value) for value in (x, y))
    for value in (x, y):
        shape = value_aval(value).shape
        if len(shape) != 1 or shape == (0,):
            raise ShapeError(f"{name} takes vectors that are not empty, not an array of shape {shapes.text(shape)}")
    return x, y


_MODES = {"v": "valid", "s": "same", "f": "full", 0: "valid", 1: "same", 2: "full"}


@implements(np.convolve)
def np_convolve(a: Any, v: Any, mode: Any = "full") -> Value:
    """As `np.convolve`."""
    x, y = _vectors("np.convolve", a, v)
    lengths = [shapes.static(value_aval(value).shape[0], "np.convolve") for value in (x, y)]
    return _in_mode("np.convolve", x, y, 1, _MODES.get(mode, mode), (max(lengths),))


@implements(np.correlate)
def np_correlate(a: Any, v: Any, mode: Any = "valid") -> Value:
    """As `np.correlate`."""
    x, y = _vectors("np.correlate", a, v)
    n, m = (shapes.static(value_aval(value).shape[0], "np.correlate") for value in (x, y))
    mode = _MODES.get(mode, mode)
    if n < m:  # NumPy exchanges the two, and turns the result round
        return np.conjugate(_flipped(np_correlate(y, x, mode), 1))
    return _in_mode("np.correlate", x, np.conjugate(_flipped(y, 1)), 1, mode, (n,))


def signal_convolve(
    in1: Any,
    in2: Any,
    mode: str = "full",
    method: str = "auto",
    *,
    axes: Any = None,
    dot_axes: Any = ((), ()),
) -> Value:
    """As `scipy.signal.convolve`; `axes` and `dot_axes` are those of autograd's function of that name."""
    x, y = (traced(value) for value in alike_arrays(in1, in2))
    ranks = value_aval(x).ndim, value_aval(y).ndim
    if axes is None and not any(dot_axes):
        if ranks[0] != ranks[1]:
            raise ShapeError(f"convolve takes arrays of as many dimensions, not of {ranks[0]} and {ranks[1]}")
        if not ranks[0]:
            return x * y
        return _in_mode("scipy.signal.convolve", x, y, ranks[0], mode, value_aval(x).shape)
    return _over_axes(x, y, mode, axes, dot_axes)


def _over_axes(x: Value, y: Value, mode: str, axes: Any, dot_axes: Any) -> Value:
    """Convolved along pairs of axes and summed over others; the axes that remain come first, those of `x` before."""
    operands = (x, y)
    shape = [value_aval(value).shape for value in operands]
    summed = [axes_of(dot, len(s)) for dot, s in zip(dot_axes, shape, strict=True)]
    if axes is None:
        along = [tuple(d for d in range(len(s)) if d not in dot) for s, dot in zip(shape, summed, strict=True)]
    else:
        along = [axes_of(pair, len(s)) for pair, s in zip(axes, shape, strict=True)]
    free = [tuple(d for d in range(len(s)) if d not in (*a, *t)) for s, a, t in zip(shape, along, summed, strict=True)]
    sizes = [tuple(shape[k][d] for d in free[k]) for k in (0, 1)]
    dots = [tuple(shape[k][d] for d in summed[k]) for k in (0, 1)]
    lengths = [tuple(shape[k][d] for d in along[k]) for k in (0, 1)]
    if len(lengths[0]) != len(lengths[1]) or not shapes.same(*dots):
        raise ShapeError("convolve takes as many axes of both arrays, and axes to be summed over of the same sizes")
    left, right = (permuted(v, (*f, *t, *a)) for v, f, t, a in zip(operands, free, summed, along, strict=True))
    batch = (*sizes[0], *sizes[1], *dots[0])
    left = reshaped(left, (*sizes[0], *(1 for _ in sizes[1]), *dots[0], *lengths[0]))
    left, right = (traced(broadcast_to(v, (*batch, *n))) for v, n in zip((left, right), lengths, strict=True))
    result = _in_mode("convolve", left, right, len(lengths[0]), mode, lengths[0])
    first = len(sizes[0]) + len(sizes[1])
    return np.sum(result, axis=tuple(range(first, first + len(dots[0]))))


def signal_correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Value:
    """As `scipy.signal.correlate` of real arrays."""
    x, y = (traced(value) for value in alike_arrays(in1, in2))
    shape, other = value_aval(x).shape, value_aval(y).shape
    if len(shape) != len(other):
        raise ShapeError(f"correlate takes arrays of as many dimensions, not of {len(shape)} and {len(other)}")
    if mode == "valid" and math.prod(shapes.static_shape(shape, "correlate")) < math.prod(
        shapes.static_shape(other, "correlate")
    ):
        return _flipped(signal_correlate(y, x, mode), len(shape))
    return signal_convolve(x, _flipped(y, len(shape)), mode)
