"""The processor's counter of ticks, as Numba's and ours compile `clock.lap`. Imported only to compile."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import Signature
from numba.extending import lower_builtin, type_callable

from staticbp.runtime.laps import LAPS, SYMBOL

_WORD = ir.IntType(64)


def _x86(builder: Any) -> Any:
    """The counter once all earlier instructions are done; later ones may have begun."""
    both = _intrinsic(builder, ir.LiteralStructType([_WORD, ir.IntType(32)]), "llvm.x86.rdtscp", ())
    return builder.extract_value(both, 0)


def _aarch64(builder: Any) -> Any:
    """The counter, behind a barrier that all earlier instructions have to reach first."""
    _intrinsic(builder, ir.VoidType(), "llvm.aarch64.isb", (ir.Constant(ir.IntType(32), 15),))
    return _intrinsic(builder, _WORD, "llvm.readsteadycounter", ())


# No access of memory is moved across a reading.
_READINGS = {"x86_64": _x86, "aarch64": _aarch64}


def _architecture() -> str:
    name = llvm.get_process_triple().split("-")[0]
    return "aarch64" if name.startswith("arm64") else name


def _intrinsic(builder: Any, result: Any, name: str, operands: tuple[Any, ...]) -> Any:
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)


def _type_lap(part: Any) -> Signature | None:
    return types.void(types.int64) if isinstance(part, types.Integer) else None


def _lower_lap(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    (part,) = args
    now = _READINGS[_architecture()](builder)
    laps = builder.module.globals.get(SYMBOL) or ir.GlobalVariable(builder.module, _WORD, SYMBOL)
    place = builder.add(builder.shl(part, _WORD(1)), _WORD(1))
    with builder.if_then(builder.icmp_signed(">=", part, _WORD(0))):
        total, count = (builder.gep(laps, [builder.add(place, _WORD(n))]) for n in (0, 1))
        elapsed = builder.sub(now, builder.load(laps))
        builder.store(builder.add(builder.load(total), elapsed), total)
        builder.store(builder.add(builder.load(count), _WORD(1)), count)
    builder.store(now, laps)
    return context.get_dummy_value()


def register(lap: Any) -> None:
    """Tell Numba what the Python function is when compiled; it stays Python's on other processors."""
    if _architecture() in _READINGS:
        llvm.add_symbol(SYMBOL, LAPS.ctypes.data)
        type_callable(lap)(lambda context: _type_lap)
        lower_builtin(lap, types.Integer)(_lower_lap)
