"""Numba's kernels for modules that Numba does not compile. Imported only to compile.

A kernel that Numba has been told of (`type_callable`, `lower_builtin`) is looked up in its tables directly. What
those tables hold of Python and NumPy besides takes longer to import than a gradient to compile.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.cpu import CPUContext
from numba.core.typing.context import BaseContext
from numba.core.typing.templates import builtin_registry

from staticbp.runtime.compiler.numbers import IrValue, Kind, Unknown


class _Typing(BaseContext):
    """Numba's knowledge of types: none, for kernels bring their own."""

    def _load_builtins(self) -> None:
        pass


class _Library(JITCodeLibrary):
    """LLVM code that is optimised as a whole, and once: of Numba's rounds only those that make code faster.

    Loops gain by a round over each function before (a stencil runs in two thirds of the time), a function without
    branches does not, and there is no counting of references in this code that would have to be inlined first.
    """

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout
        for function in module.functions:
            if len(list(function.blocks)) > 1:
                passes, builder = self._codegen._function_pass_manager()
                passes.run(function, builder)

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class _Target(CPUContext):
    """Numba's knowledge of code: of numbers, and not of all else in Python and NumPy, which takes long to import."""

    def init(self) -> None:
        super().init()
        self._internal_codegen._library_class = _Library

    def load_additional_registries(self) -> None:
        importlib.import_module("numba.cpython.numbers")


@cache
def target() -> Any:
    """What Numba's own target is, for modules of numbers and kernels."""
    made = _Target(_Typing())
    made.refresh()
    return made


@cache
def _kernels(count: int) -> dict[int, Any]:
    """The types of functions that are known to Numba, of which there are so many, by the identity of the function."""
    return {id(function): kind for function, kind in builtin_registry.globals}


@cache
def kernel(function: Any, kinds: tuple[Kind, ...]) -> tuple[Any, Callable[..., IrValue]]:
    """Numba's signature and code for a kernel on arguments of these types."""
    context = target()
    found = _kernels(len(builtin_registry.globals)).get(id(function))
    signature = found and found.get_call_type(context.typing_context, kinds, {})
    if not signature:
        raise Unknown(repr(function))
    context.refresh()  # kernels may have been declared meanwhile
    return signature, context.get_function(found, signature)
