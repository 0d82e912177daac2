"""Fourier transforms of any size, by calls of the loops behind ``np.fft``. Imported only to compile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.numpy_support import as_dtype

from staticbp.runtime import inner_loops
from staticbp.runtime.intrinsics.lapack import call_strided

IrValue = Any

_PARTS = {types.complex64: types.float32, types.complex128: types.float64}
_SIZE = ir.IntType(64)


def call(
    context: Any,
    builder: Any,
    name: str,
    kinds: Sequence[Any],
    data: Sequence[IrValue],
    n: int,
    counts: tuple[IrValue, IrValue],
) -> None:
    """Transform all vectors of `n` elements along the axis before which and behind which there are so many others."""
    outer, inner = counts
    dtype, made = kinds[0].dtype, kinds[1].dtype
    part = _PARTS.get(dtype, dtype)
    half = n // 2 + 1
    given, gotten = {"rfft": (n, half), "irfft": (half, n)}.get(name, (n, n))
    size, other = (_SIZE(as_dtype(kind).itemsize) for kind in (dtype, made))
    factor = cgutils.alloca_once_value(builder, ir.Constant(context.get_value_type(part), 1))
    found = {"rfft": "rfft_n_odd" if n % 2 else "rfft_n_even"}.get(name, name)
    loop = inner_loops.inner_loop(f"fft.{found}", as_dtype(dtype).char + as_dtype(part).char)
    # Where vectors do not lie side by side one call does all of them, and NumPy prepares itself only once.
    alone = builder.icmp_signed("==", inner, _SIZE(1))
    turns, count = builder.select(alone, _SIZE(1), outer), builder.select(alone, outer, inner)
    steps = [builder.select(alone, builder.mul(_SIZE(m), step), step) for m, step in ((given, size), (gotten, other))]
    cores = [builder.mul(inner, step) for step in (size, other)]
    starts = [builder.bitcast(pointer, ir.IntType(8).as_pointer()) for pointer in (data[0], factor, data[1])]
    with cgutils.for_range(builder, turns, intp=_SIZE) as turn:
        distances = [
            builder.mul(turn.index, builder.mul(_SIZE(m), c)) for m, c in zip((given, gotten), cores, strict=True)
        ]
        places = [
            builder.gep(start, [distance])
            for start, distance in zip(starts, (distances[0], _SIZE(0), distances[1]), strict=True)
        ]
        extents = [count, _SIZE(given), _SIZE(gotten)]
        call_strided(builder, loop, places, extents, [steps[0], _SIZE(0), steps[1], *cores])
