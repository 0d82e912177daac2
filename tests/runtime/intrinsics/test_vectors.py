"""Loops of the runtime's own kernels, as LLVM is told of them."""

import platform

import llvmlite.binding as llvm
import pytest
from llvmlite import ir

from staticbp.runtime.intrinsics import vectors
from staticbp.runtime.objectcode import target_machine


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="directives of an assembler for x86-64")
def test_loops_begin_a_cache_line():
    module = ir.Module()
    module.triple = llvm.get_process_triple()
    kind = ir.FunctionType(ir.VoidType(), [ir.DoubleType().as_pointer(), vectors.SIZE])
    function = ir.Function(module, kind, "halve")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    values, count = function.args
    with vectors.loop(builder, vectors.SIZE(0), count) as index:
        place = builder.gep(values, [index])
        builder.store(builder.fmul(builder.load(place), ir.DoubleType()(0.5)), place)
    builder.ret_void()
    assembly = target_machine().emit_assembly(llvm.parse_assembly(str(module)))
    before, _, after = assembly.partition(".p2align\t6")
    assert "halve:" in before
    assert "mulsd" in after
