"""What a loop is made of besides functions: steps of reductions, selection without a branch, bit patterns."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from staticbp.runtime.vecmath.arithmetic import larger_integer, smaller_integer
from staticbp.runtime.vecmath.lane import IrValue, Lane, intrinsic
from staticbp.runtime.vecmath.register import bitcast_kernel, number_kernel, select_kernel


def _reassociated(instruction: str) -> Any:
    def emit(accumulator: Lane, x: Lane) -> Lane:
        builder = accumulator.builder
        return Lane(builder, getattr(builder, instruction)(accumulator.value, x.value, flags=("reassoc",)))

    return emit


_sum, _product = _reassociated("fadd"), _reassociated("fmul")


@number_kernel(operator.add, arity=2, integers=lambda n, x, y: n.builder.add(x, y))
def radd(accumulator: Lane, x: Lane) -> Lane:
    """`accumulator + x` in a reduction, whose order LLVM may change so as to vectorise it."""
    return _sum(accumulator, x)


@number_kernel(operator.mul, arity=2, integers=lambda n, x, y: n.builder.mul(x, y))
def rmul(accumulator: Lane, x: Lane) -> Lane:
    """`accumulator * x` in a reduction, whose order LLVM may change so as to vectorise it."""
    return _product(accumulator, x)


@number_kernel(np.maximum, arity=2, integers=larger_integer)
def rmax(accumulator: Lane, x: Lane) -> Lane:
    """The maximum in a reduction, in the one form that propagates NaN and that LLVM vectorises."""
    return intrinsic("maximum", accumulator, x)


@number_kernel(np.minimum, arity=2, integers=smaller_integer)
def rmin(accumulator: Lane, x: Lane) -> Lane:
    """The minimum in a reduction, in the one form that propagates NaN and that LLVM vectorises."""
    return intrinsic("minimum", accumulator, x)


def _select_twin(condition: Any, yes: Any, no: Any) -> Any:
    dtype = np.result_type(np.asarray(yes).dtype, np.asarray(no).dtype)
    return dtype.type(yes if condition else no)


@select_kernel(_select_twin)
def sel(builder: Any, condition: IrValue, yes: IrValue, no: IrValue) -> IrValue:
    """`yes` or `no`, both of which are evaluated: a choice without a branch."""
    return builder.select(condition, yes, no)


def _bits_twin(x: Any) -> Any:
    x = np.asarray(x)
    return x.view(np.int32 if x.dtype == np.float32 else np.int64)[()]


def _from_bits_twin(x: Any) -> Any:
    x = np.asarray(x)
    return x.view(np.float32 if x.dtype == np.int32 else np.float64)[()]


bits = bitcast_kernel(_bits_twin, "bits", "The bit pattern of a float as an integer of the same width.", to_float=False)
from_bits = bitcast_kernel(_from_bits_twin, "from_bits", "The float with the bit pattern of an integer.", to_float=True)
