"""The processor's counter of ticks, as Numba's and ours compile `clock.lap`. Imported only to compile."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import Signature
from numba.extending import lower_builtin, type_callable

_WORD = ir.IntType(64)

# All earlier instructions are done before the counter is read, and no access of memory is moved across.
_READINGS = {
    "x86_64": (("llvm.x86.sse2.lfence", ()), "llvm.readcyclecounter"),
    "aarch64": (("llvm.aarch64.isb", (ir.Constant(ir.IntType(32), 15),)), "llvm.readsteadycounter"),
}


def _architecture() -> str:
    name = llvm.get_process_triple().split("-")[0]
    return "aarch64" if name.startswith("arm64") else name


def _reading(builder: Any) -> Any:
    (fence, operands), counter = _READINGS[_architecture()]
    _intrinsic(builder, ir.VoidType(), fence, operands)
    return _intrinsic(builder, _WORD, counter, ())


def _intrinsic(builder: Any, result: Any, name: str, operands: tuple[Any, ...]) -> Any:
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)


def _type_lap(laps: Any, part: Any) -> Signature | None:
    fitting = isinstance(laps, types.Array) and laps.dtype == types.int64 and laps.ndim == 1
    return types.void(laps, types.int64) if fitting and isinstance(part, types.Integer) else None


def _lower_lap(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    laps, part = args
    array = context.make_array(signature.args[0])(context, builder, laps)
    place = builder.add(builder.shl(part, _WORD(1)), _WORD(1))
    now = _reading(builder)
    with builder.if_then(builder.icmp_signed(">=", part, _WORD(0))):
        total, count = (builder.gep(array.data, [builder.add(place, _WORD(n))], inbounds=True) for n in (0, 1))
        elapsed = builder.sub(now, builder.load(array.data))
        builder.store(builder.add(builder.load(total), elapsed), total)
        builder.store(builder.add(builder.load(count), _WORD(1)), count)
    builder.store(now, array.data)
    return context.get_dummy_value()


def register(lap: Any) -> None:
    """Tell Numba what the Python function is when compiled; it stays Python's on other processors."""
    if _architecture() in _READINGS:
        type_callable(lap)(lambda context: _type_lap)
        lower_builtin(lap, types.Array, types.Integer)(_lower_lap)
