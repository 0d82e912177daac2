"""What `fft` is when compiled: calls of the loops behind ``np.fft``. Imported only to compile."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable
from numba.np.numpy_support import as_dtype

from staticbp.runtime import inner_loops
from staticbp.runtime.lapack import Stack, call_loop

# Numba's types and llvmlite's values carry no type information.
NumbaType = Any
IrValue = Any

_PARTS = {types.complex64: types.float32, types.complex128: types.float64}


def _lower(names: tuple[str, ...], context: Any, builder: Any, signature: Any, args: Any) -> IrValue:
    """A loop for all sizes, or one for the even and one for the odd."""
    x, out = (Stack(context, builder, (kind, arg), 1) for kind, arg in zip(signature.args, args, strict=True))
    part = _PARTS.get(x.dtype, x.dtype)
    factor = Stack(context, builder, (signature.args[0], args[0]), 1)
    factor.shape, factor.is_shared = [], True
    factor.data = cgutils.alloca_once_value(builder, ir.Constant(context.get_value_type(part), 1))
    letters = as_dtype(x.dtype).char + as_dtype(part).char
    count = x.count(builder)
    loops = [inner_loops.inner_loop(f"fft.{name}", letters) for name in names]
    if len(loops) == 1:
        call_loop(builder, loops[0], count, (x, factor, out))
        return context.get_dummy_value()
    is_odd = builder.trunc(x.shape[0], ir.IntType(1))
    with builder.if_else(is_odd) as branches:
        for loop, branch in zip(reversed(loops), branches, strict=True):
            with branch:
                call_loop(builder, loop, count, (x, factor, out))
    return context.get_dummy_value()


def register(kernels: Mapping[str, Any]) -> None:
    """Tell Numba what the functions of `fft` are when compiled."""
    is_real, is_complex = {types.float32, types.float64}, set(_PARTS)
    for name, loops, taken, given in (
        ("fft", ("fft",), is_complex, is_complex),
        ("ifft", ("ifft",), is_complex, is_complex),
        ("rfft", ("rfft_n_even", "rfft_n_odd"), is_real, is_complex),
        ("irfft", ("irfft",), is_complex, is_real),
    ):
        _declare(kernels[name], loops, taken, given)


def _declare(function: Any, loops: tuple[str, ...], taken: set[NumbaType], given: set[NumbaType]) -> None:
    def typer(x: Any, out: Any) -> Any:
        for kind, dtypes in ((x, taken), (out, given)):
            if not isinstance(kind, types.Array) or kind.layout != "C" or not kind.ndim or kind.dtype not in dtypes:
                return None
        return types.void(x, out)

    typer.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # by which Numba binds arguments
    type_callable(function)(lambda context: typer)
    lower_builtin(function, types.Array, types.Array)(partial(_lower, loops))
