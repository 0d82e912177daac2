"""Discrete Fourier transforms: NumPy's ``fft``, in terms of four that are linear and unscaled.

Those of complex numbers are along any axis, which is counted from the last one, so that batches come in front; those of
real numbers, which give and take one half of what there is to know, are along the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.lowering import Kernel
from staticbp.core.primitive import Params, Value, value_aval
from staticbp.core.schedule import Call, Ref, Stmt
from staticbp.core.shape import Dim
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.complex import as_complex
from staticbp.ops.linear import Linear, fill, linear, real_dtype
from staticbp.ops.lowering import integer
from staticbp.ops.options import as_ints, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import concatenate, embed, move_axis, sliced

# ---- the primitives ----------------------------------------------------------------------------------------


def _call(kernel: str) -> Kernel:
    def emit(ins: Sequence[Ref], outs: Sequence[Ref], params: Params) -> list[Stmt]:
        (x,), (out,) = ins, outs
        axis = params.get("axis", -1)
        real_side = out if kernel == "fft.irfft" else x
        n = shapes.static(real_side.shape[axis], "a Fourier transform")
        numbers = map(integer, [n] if axis == -1 else [n, len(x.shape) + axis])
        return [Call(kernel, (x, out, *numbers), reads=(x,), writes=(out,))]

    return Kernel(emit)


def _same(x: Aval, axis: int) -> Aval:
    if not x.is_complex or not -x.ndim <= axis < 0:
        raise DtypeError(f"a Fourier transform of {x}")
    return x


fft: Linear = linear(
    "fft",
    aval=_same,
    numpy=lambda x, axis: np.fft.fft(x, axis=axis),
    transpose=lambda ct, x, axis: fft(ct, axis=axis),
    batch=lambda ins, size, axis: (ins, {"axis": axis}),
    lower=_call("fft.fft"),
)

ifft: Linear = linear(
    "ifft",
    aval=_same,
    numpy=lambda x, axis: np.fft.ifft(x, axis=axis, norm="forward"),
    transpose=lambda ct, x, axis: ifft(ct, axis=axis),
    batch=lambda ins, size, axis: (ins, {"axis": axis}),
    lower=_call("fft.ifft"),
)


def _rfft_aval(x: Aval) -> Aval:
    if x.is_complex or not x.ndim:
        raise DtypeError(f"a Fourier transform of real numbers, of {x}")
    half = shapes.static(x.shape[-1], "a Fourier transform of real numbers") // 2 + 1
    return Aval((*x.shape[:-1], half), np.result_type(x.dtype, np.complex64))


def _weighted(x: Value, n: int, between: float) -> Value:
    """The first half of a transform of `n` elements; those that stand for a mirror image too, times a factor."""
    *leading, _ = value_aval(x).shape
    alone, pairs = (Aval((*leading, size), real_dtype(value_aval(x).dtype)) for size in (1, (n - 1) // 2))
    parts = [fill(1, alone), fill(between, pairs), *([] if n % 2 else [fill(1, alone)])]
    return x * concatenate(*(traced(part) for part in parts), axis=len(leading)) if n > 1 else x


def _rfft_transpose(ct: Value, x: Value) -> Value:
    """The real part of the transform of ``ct`` with zeros behind it: half of what it is with its mirror image there."""
    n = shapes.static(value_aval(x).shape[-1], "a Fourier transform of real numbers")
    return irfft(_weighted(np.conjugate(ct), n, 0.5), n=n)


rfft: Linear = linear(
    "rfft",
    aval=_rfft_aval,
    numpy=np.fft.rfft,
    transpose=_rfft_transpose,
    batch=lambda ins, size: (ins, {}),
    lower=_call("fft.rfft"),
)


def _irfft_aval(x: Aval, n: int) -> Aval:
    if not x.is_complex or not x.ndim or x.shape[-1] != n // 2 + 1:
        raise ShapeError(f"an inverse Fourier transform to {n} real numbers, of {x}")
    return Aval((*x.shape[:-1], n), real_dtype(x.dtype))


def _irfft_transpose(ct: Value, x: Value, n: int) -> Value:
    """``conj(rfft(ct))``, twice over where an element stands for its mirror image too."""
    return _weighted(np.conjugate(rfft(ct)), n, 2.0)


irfft: Linear = linear(
    "irfft",
    aval=_irfft_aval,
    numpy=lambda x, n: np.fft.irfft(x, n, norm="forward"),
    transpose=_irfft_transpose,
    batch=lambda ins, size, n: (ins, {"n": n}),
    lower=_call("fft.irfft"),
)


# ---- one axis ----------------------------------------------------------------------------------------------


def resized(x: Value, n: Dim, axis: int = -1) -> Value:
    """An axis cut off, or with zeros behind it, to `n` elements."""
    shape = value_aval(x).shape
    place = axis % len(shape)
    if shapes.same((shape[place],), (n,)):
        return x
    before, after = shapes.static_shape((shape[place], n), "a Fourier transform")
    if after < 1:
        raise ShapeError(f"a Fourier transform to {n} elements")
    starts, steps = tuple(0 for _ in shape), tuple(1 for _ in shape)
    wanted = (*shape[:place], after, *shape[place + 1 :])
    return sliced(x, starts, steps, wanted) if after < before else embed(x, starts=starts, steps=steps, shape=wanted)


def _factor(function: str, norm: str | None, n: int, inverse: bool) -> float:
    """What NumPy multiplies the sum by."""
    kinds = {None: inverse, "backward": inverse, "forward": not inverse}
    if norm == "ortho":
        return 1 / sqrt(n)
    if norm not in kinds:
        raise ShapeError(f"np.fft.{function} with norm={norm!r}: there are 'backward', 'ortho' and 'forward'")
    return 1 / n if kinds[norm] else 1.0


def _floats(a: Any) -> Value:
    x = traced(a)
    if not value_aval(x).ndim:
        raise ShapeError("a Fourier transform of a number")
    return x if value_aval(x).is_float else x.astype(np.float64)


def _scaled(x: Value, factor: float) -> Value:
    return x if factor == 1 else x * factor


def _along(transform: Callable[[Value], Value], x: Value, axis: int) -> Value:
    """A transform along an axis."""
    rank = value_aval(x).ndim
    place = shapes.normalize_axis(axis, rank)
    return move_axis(transform(move_axis(x, place, rank - 1)), rank - 1, place)


def _size(x: Value, n: Any, what: str, axis: int = -1) -> int:
    size = shapes.static(value_aval(x).shape[axis], what) if n is None else int(n.__index__())
    if size < 1:
        raise ShapeError(f"{what} of {size} elements")
    return size


def _complex(function: str, a: Any, n: Any, axis: int, norm: str | None, inverse: bool) -> Value:
    x = _floats(a)
    rank = value_aval(x).ndim
    place = shapes.normalize_axis(axis, rank) - rank
    count = _size(x, n, f"np.fft.{function}", place)
    found = (ifft if inverse else fft)(resized(as_complex(x), count, place), axis=place)
    return _scaled(found, _factor(function, norm, count, inverse))


def _to_half(function: str, a: Any, n: Any, axis: int, norm: str | None, inverse: bool = False) -> Value:
    def transform(x: Value) -> Value:
        count = _size(x, n, f"np.fft.{function}")
        return _scaled(rfft(resized(x, count)), _factor(function, norm, count, inverse))

    x = _floats(a)
    if value_aval(x).is_complex:
        raise DtypeError(f"np.fft.{function} takes real numbers", advice="Write np.fft.fft(x).")
    return _along(transform, x, axis)


def _from_half(function: str, a: Any, n: Any, axis: int, norm: str | None, inverse: bool = True) -> Value:
    def transform(x: Value) -> Value:
        size = shapes.static(value_aval(x).shape[-1], f"np.fft.{function}")
        count = _size(x, 2 * (size - 1) if n is None else n, f"np.fft.{function}")
        return _scaled(irfft(resized(as_complex(x), count // 2 + 1), n=count), _factor(function, norm, count, inverse))

    return _along(transform, _floats(a), axis)


@implements(np.fft.fft)
def fft_(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.fft`."""
    refuse("np.fft.fft", out=out)
    return _complex("fft", a, n, axis, norm, False)


@implements(np.fft.ifft)
def ifft_(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.ifft`."""
    refuse("np.fft.ifft", out=out)
    return _complex("ifft", a, n, axis, norm, True)


@implements(np.fft.rfft)
def rfft_(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.rfft`."""
    refuse("np.fft.rfft", out=out)
    return _to_half("rfft", a, n, axis, norm)


@implements(np.fft.irfft)
def irfft_(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.irfft`."""
    refuse("np.fft.irfft", out=out)
    return _from_half("irfft", a, n, axis, norm)


@implements(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.hfft`."""
    refuse("np.fft.hfft", out=out)
    return _from_half("hfft", np.conjugate(_floats(a)), n, axis, norm, inverse=False)


@implements(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.ihfft`."""
    refuse("np.fft.ihfft", out=out)
    return np.conjugate(_to_half("ihfft", a, n, axis, norm, inverse=True))


# ---- several axes ------------------------------------------------------------------------------------------


def _axes(x: Value, s: Any, axes: Any) -> list[tuple[Any, int]]:
    """Pairs of a size, or None, and an axis."""
    rank = value_aval(x).ndim
    sizes = None if s is None else [None if n == -1 else n for n in as_ints(s)]
    if axes is None:
        places = list(range(rank)) if sizes is None else list(range(rank - len(sizes), rank))
    else:
        places = list(as_ints(axes))
    if sizes is None:
        sizes = [None] * len(places)
    if len(sizes) != len(places):
        raise ShapeError(f"a Fourier transform to sizes {s} along axes {axes}")
    return list(zip(sizes, places, strict=True))


def _complex_n(function: str, a: Any, s: Any, axes: Any, norm: str | None, inverse: bool) -> Value:
    x = _floats(a)
    for n, axis in reversed(_axes(x, s, axes)):
        x = _complex(function, x, n, axis, norm, inverse)
    return x


@implements(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.fftn`."""
    refuse("np.fft.fftn", out=out)
    return _complex_n("fftn", a, s, axes, norm, False)


@implements(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.ifftn`."""
    refuse("np.fft.ifftn", out=out)
    return _complex_n("ifftn", a, s, axes, norm, True)


@implements(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.fft2`."""
    return fftn(a, s, axes, norm, out)


@implements(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.ifft2`."""
    return ifftn(a, s, axes, norm, out)


@implements(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.rfftn`."""
    refuse("np.fft.rfftn", out=out)
    x = _floats(a)
    *others, (n, axis) = _axes(x, s, axes)
    x = _to_half("rfftn", x, n, axis, norm)
    for size, place in reversed(others):
        x = _complex("rfftn", x, size, place, norm, False)
    return x


@implements(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.irfftn`."""
    refuse("np.fft.irfftn", out=out)
    x = _floats(a)
    *others, (n, axis) = _axes(x, s, axes)
    for size, place in others:
        x = _complex("irfftn", x, size, place, norm, True)
    return _from_half("irfftn", x, n, axis, norm)


@implements(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.rfft2`."""
    return rfftn(a, s, axes, norm, out)


@implements(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None) -> Value:
    """As `np.fft.irfft2`."""
    return irfftn(a, s, axes, norm, out)


# ---- the order of frequencies ------------------------------------------------------------------------------


def _rolled(x: Any, axes: Any, back: bool) -> Value:
    value = traced(x)
    shape = value_aval(value).shape
    places = range(len(shape)) if axes is None else [shapes.normalize_axis(a, len(shape)) for a in as_ints(axes)]
    for place in places:
        half = shapes.static(shape[place], "np.fft.fftshift") // 2
        value = np.roll(value, -half if back else half, axis=place)
    return value


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Value:
    """As `np.fft.fftshift`."""
    return _rolled(x, axes, False)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Value:
    """As `np.fft.ifftshift`."""
    return _rolled(x, axes, True)
