"""Functions with a rare slow path, in scalar and in vector form.

A branch inside a loop keeps LLVM from vectorising it. So a function that needs one is emitted as a function
of its own, together with vector variants that take the slow path when any lane needs it; the attribute
`vector-function-abi-variant` tells the loop vectoriser about them, as it is told of a vendor's vector maths
library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from staticbp.runtime.vecmath.lane import Lane, Mask

# Lanes of the variants: what fits registers of 128, 256 and 512 bits.
_LANES = {64: (2, 4, 8), 32: (4, 8, 16)}


def set_attribute(function: Any, attribute: str) -> None:
    """Give a function an attribute that llvmlite need not know."""
    # llvmlite refuses attributes that it has not heard of; underneath is a plain set of words.
    set.add(function.attributes, attribute)


def _define(
    function: Any, fast: Callable[[Lane], Lane], rare: Callable[[Lane], Mask], slow: Callable[[Lane], Lane]
) -> None:
    function.linkage = "weak_odr"  # kept although nothing calls it yet, and the same in every module
    for attribute in ("noinline", "nounwind"):
        function.attributes.add(attribute)
    set_attribute(function, "memory(none)")
    set_attribute(function, "willreturn")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    x = Lane(builder, function.args[0])
    mask = rare(x).value
    if isinstance(mask.type, ir.VectorType):
        lanes = ir.IntType(mask.type.count)
        mask = builder.icmp_unsigned("!=", builder.bitcast(mask, lanes), ir.Constant(lanes, 0))
    fast_block, slow_block = function.append_basic_block("fast"), function.append_basic_block("slow")
    builder.cbranch(mask, slow_block, fast_block)
    builder.position_at_end(fast_block)
    builder.ret(fast(x).value)
    builder.position_at_end(slow_block)
    builder.ret(slow(x).value)


def call_guarded(
    name: str,
    x: Lane,
    fast: Callable[[Lane], Lane],
    rare: Callable[[Lane], Mask],
    slow: Callable[[Lane], Lane],
) -> Lane:
    """Call `fast`, or `slow` where `rare` holds, as a function called `name` that LLVM can vectorise."""
    builder, kind = x.builder, x.value.type
    module = builder.module
    width = x.format.width
    full_name = f"staticbp_{name}_f{width}"
    function = module.globals.get(full_name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(kind, [kind]), full_name)
        variants = []
        for lanes in _LANES[width]:
            vector = ir.VectorType(kind, lanes)
            variant = ir.Function(module, ir.FunctionType(vector, [vector]), f"{full_name}x{lanes}")
            _define(variant, fast, rare, slow)
            variants.append(f"_ZGV_LLVM_N{lanes}v_{full_name}({variant.name})")
        _define(function, fast, rare, slow)
        set_attribute(function, f'"vector-function-abi-variant"="{",".join(variants)}"')
    return Lane(builder, builder.call(function, [x.value]))
