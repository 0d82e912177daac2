"""Calls that share regions of compiled code out to the team of threads (see `team`). Imported only to compile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils

from staticbp.runtime.team import REST, SHARE, address

Value = Any

_SIZE = ir.IntType(64)
_POINTER = ir.IntType(8).as_pointer()
_BODY = ir.FunctionType(ir.VoidType(), [_POINTER, _SIZE, _SIZE])
_SHARE = ir.FunctionType(ir.VoidType(), [_BODY.as_pointer(), _POINTER, _SIZE, _SIZE])

for _symbol in (SHARE, REST):
    llvm.add_symbol(_symbol, address(_symbol))


def share(
    builder: Value,
    count: Value,
    grain: Value,
    name: str,
    write: Callable[..., None],
    captured: Sequence[Value],
) -> None:
    """Call a function in parts: `write` gets a builder, the part's bounds and the captured values, and writes its body.

    All modules that have a function of this name have the same.
    """
    module = builder.module
    record = ir.LiteralStructType([value.type for value in captured])
    body = module.globals.get(name)
    if body is None:
        body = ir.Function(module, _BODY, name)
        body.linkage = "linkonce_odr"
        for attribute in ("noinline", "nounwind"):
            body.attributes.add(attribute)
        inside = ir.IRBuilder(body.append_basic_block("entry"))
        memory = inside.bitcast(body.args[0], record.as_pointer())
        values = [inside.load(inside.gep(memory, [_index(0), _index(i)])) for i in range(len(captured))]
        write(inside, body.args[1], body.args[2], *values)
        inside.ret_void()
    zero, one = _SIZE(0), _SIZE(1)
    count = builder.select(builder.icmp_signed("<", count, zero), zero, count)
    grain = builder.select(builder.icmp_signed("<", grain, one), one, grain)
    memory = cgutils.alloca_once(builder, record)
    for i, value in enumerate(captured):
        builder.store(value, builder.gep(memory, [_index(0), _index(i)]))
    function = cgutils.get_or_insert_function(module, _SHARE, SHARE)
    builder.call(function, [body, builder.bitcast(memory, _POINTER), count, grain])


def rest(builder: Value) -> None:
    """Let the workers sleep: threads that are not ours are about to compute."""
    builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), []), REST), [])


def _index(number: int) -> Value:
    return ir.Constant(ir.IntType(32), number)
