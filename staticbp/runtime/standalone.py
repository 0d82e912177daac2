"""What functions need that stand on Numba alone: checks of arguments, and code in LLVM's language.

`export` copies all of this into the file that it writes, so nothing here may need staticbp.
"""

import inspect
import weakref
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import get_cython_function_address, lower_builtin, overload, type_callable
from numba.np.arrayobj import make_array
from numba.np.numpy_support import from_dtype


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """A function that Numba compiles, supposing that no array which it writes to shares memory with another one."""
    made = numba.njit(**{"error_model": "numpy", "nogil": True, **options})(function)
    compiler: Any = getattr(made, "_compiler", None)  # in a Numba without it, sums may be rounded otherwise
    customise = getattr(compiler, "_customize_flags", None)
    if customise is not None:

        def customised(flags: Any) -> Any:
            flags = customise(flags)
            flags.noalias = True
            return flags

        compiler._customize_flags = customised
    return made


def argument(function: str, name: str, dtype: Any, shape: tuple[int, ...]) -> Callable[..., Any]:
    """A function that gives one argument of another as generated code takes it, and refuses what does not fit."""
    dtype = np.dtype(dtype)
    wanted = f"an array of {dtype} and shape {shape}" if shape else f"a number that {dtype} can hold"
    text = f"{function}: {name} has to be {wanted}"

    def take(value: Any) -> Any:
        raise NotImplementedError("a function for code that Numba compiles")

    def choose(value: Any) -> Callable[..., Any]:
        found = types.unliteral(value)
        if not shape:
            return _number(found, dtype, text)
        if not isinstance(found, types.Array) or found.dtype != from_dtype(dtype) or found.ndim != len(shape):
            raise TypingError(f"{text}, and is {found}")
        return _array(found, shape, f"{text}, and has another shape")

    overload(take)(choose)
    return take


def _number(found: Any, dtype: np.dtype[Any], text: str) -> Callable[..., Any]:
    """What makes a number of one, or of an array without axes."""
    kinds = [types.Boolean, types.Integer, types.Float, types.Complex][: {"b": 1, "f": 3, "c": 4}.get(dtype.kind, 2)]
    element = found.dtype if isinstance(found, types.Array) and not found.ndim else found
    if not isinstance(element, tuple(kinds)):
        raise TypingError(f"{text}, and is {found}")
    convert = dtype.type

    def number(value: Any) -> Any:
        return convert(value)

    def only_element(value: Any) -> Any:
        return convert(value[()])

    return number if element is found else only_element


def _array(found: Any, shape: tuple[int, ...], message: str) -> Callable[..., Any]:
    """What lets an array of the right shape pass, or a contiguous copy of it."""

    def as_it_is(value: Any) -> Any:
        if value.shape != shape:
            raise ValueError(message)
        return value

    def copied(value: Any) -> Any:
        if value.shape != shape:
            raise ValueError(message)
        return value.copy()

    return as_it_is if found.layout == "C" and found.aligned else copied


def code_of(symbol: str, count: int, text: str) -> Callable[..., Any]:
    """A function of so many arguments that is code in LLVM's language: it takes their addresses and gives a status."""
    calling: weakref.WeakSet[Any] = weakref.WeakSet()

    def include(library: Any) -> None:
        """Put the code into that of a library before any of it is optimised, as if it had been written there."""

        def add(module: Any) -> None:
            code = llvm.parse_assembly(cgutils.normalize_ir_text(str(module)))
            code.name = module.name
            code.link_in(llvm.parse_assembly(text))
            library.add_llvm_module(code)

        if library not in calling:
            calling.add(library)
            library.add_ir_module = add

    def run(*args: Any) -> Any:
        raise NotImplementedError("a function for code that Numba compiles")

    def typed(context: Any) -> Callable[..., Any]:
        def typing(*args: Any) -> Any:
            return types.int64(*args)

        names = [inspect.Parameter(f"x{i}", inspect.Parameter.POSITIONAL_OR_KEYWORD) for i in range(count)]
        typing.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]  # which Numba looks at
        return typing

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        include(context.active_code_library)
        pointer = ir.IntType(8).as_pointer()
        given = zip(signature.args, args, strict=True)
        places = [builder.bitcast(_place(context, builder, kind, value), pointer) for kind, value in given]
        wanted = ir.FunctionType(ir.IntType(64), [pointer] * len(places))
        return builder.call(cgutils.get_or_insert_function(builder.module, wanted, symbol), places)

    type_callable(run)(typed)
    lower_builtin(run, types.VarArg(types.Any))(lower)
    return run


def _place(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Where the elements of an array lie, or a copy of a number."""
    if isinstance(kind, types.Array):
        return make_array(kind)(context, builder, value).data
    place = cgutils.alloca_once(builder, context.get_data_type(kind))
    context.pack_value(builder, kind, value, place)
    return place


def link(module: str, routines: dict[str, str]) -> None:
    """Make routines of an extension of SciPy's known by the symbols that kernels call them by."""
    for symbol, name in routines.items():
        llvm.add_symbol(symbol, get_cython_function_address(module, name))


def link_each(address: Callable[[str], int | None], *symbols: str) -> None:
    """Make functions known by the symbols that kernels call them by, and whose addresses a function tells."""
    for symbol in symbols:
        found = address(symbol)
        if found is None:
            raise ImportError(f"nothing here is {symbol}; another NumPy than this file was written with?")
        llvm.add_symbol(symbol, found)
