"""Kernels that long stretches of code call. Imported only to compile.

Written out wherever it is called, a polynomial is what LLVM can make vectors of, in loops. A stretch of thousands of
statements gains nothing by that, and most of the code that there is to optimise would be copies of a few polynomials.
There each becomes a function: 600 calls of tanh took 10 us instead of 7, and 4 s to compile instead of 15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from staticbp.runtime.compiler.numbers import IrValue
from staticbp.runtime.compiler.target import target

BRIEF = 8  # instructions of a kernel that are no more than a call of it would be


class Outlined:
    """The kernels of numbers that a module has functions of."""

    def __init__(self, module: Any, name: str) -> None:
        self._module = module
        self._name = name
        self._made: dict[Any, Any] = {}
        self._count = 0

    def call(self, builder: Any, kernel: Any, signature: Any, write: Callable[..., Any], values: Sequence[Any]) -> Any:
        """What `write(builder, values)` gives, by a call of a function, unless it is brief or wants to know a value."""
        if not values or not all(_is_number(value) for value in values):
            return write(builder, values)
        key = kernel, signature
        if key not in self._made:
            self._made[key] = self._function(kernel.__name__, signature, write, [value.type for value in values])
        function = self._made[key]
        return write(builder, values) if function is None else builder.call(function, values)

    def _function(self, kernel: str, signature: Any, write: Callable[..., Any], kinds: Sequence[Any]) -> Any:
        """The function of a kernel; None for a brief one."""
        result = target().get_value_type(signature.return_type)
        alone = ir.Module(context=ir.Context())
        trial = ir.Function(alone, ir.FunctionType(result, kinds), "trial")
        write(ir.IRBuilder(trial.append_basic_block("entry")), trial.args)
        if sum(len(block.instructions) for block in trial.blocks) <= BRIEF:
            return None
        made = self.new_function(kernel, kinds, result)
        builder = ir.IRBuilder(made.append_basic_block("entry"))
        builder.ret(write(builder, made.args))
        return made

    def new_function(self, name: str, kinds: Sequence[Any], result: Any = None) -> Any:
        """A function that is called and not written out, still empty."""
        self._count += 1
        kind = ir.FunctionType(result or ir.VoidType(), kinds)
        made = ir.Function(self._module, kind, f"{self._name}.{name}.{self._count}")
        made.linkage = "internal"
        for attribute in ("noinline", "nounwind"):
            made.attributes.add(attribute)
        return made


def _is_number(value: IrValue | Any) -> bool:
    """Whether an argument is a number that only the call of the function knows."""
    scalar = isinstance(getattr(value, "type", None), ir.IntType | ir.FloatType | ir.DoubleType)
    return scalar and not isinstance(value, ir.Constant)
