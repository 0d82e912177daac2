"""What functions need that stand on Numba alone: checks of arguments, and kernels in LLVM's language.

`export` copies all of this from the line on into the file that it writes, so nothing here may need staticbp.
"""

# ---- support ----------------------------------------------------------------------------------------------------

import inspect
import types as python
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, sigutils
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import get_cython_function_address, intrinsic, lower_builtin, overload, type_callable
from numba.np.arrayobj import make_array, populate_array
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


def _is_contiguous(array: Any) -> bool:
    return isinstance(array, types.Array) and array.layout == "C"


def _element_type(dtype: Any) -> Any:
    """The type that ``np.float64`` and the like stand for in an argument."""
    return getattr(dtype, "instance_type", None) or getattr(dtype, "dtype", None)


def _view(context: Any, builder: Any, result: Any, source: Any, data: Any, shape: Sequence[Any]) -> Any:
    """An array over the memory of another."""
    itemsize = context.get_abi_sizeof(context.get_data_type(result.dtype))
    strides: list[Any] = []
    stride = context.get_constant(types.intp, itemsize)
    for extent in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, extent)
    array = make_array(result)(context, builder)
    data = builder.bitcast(data, array.data.type)
    populate_array(array, data, shape, strides, itemsize, source.meminfo, source.parent)
    return impl_ret_borrowed(context, builder, result, array._getvalue())


@intrinsic
def view(_: Any, array: Any, dtype: Any) -> Any:
    """``array.view(dtype)`` of a vector."""
    element = _element_type(dtype)
    if not _is_contiguous(array) or array.ndim != 1 or element is None:
        return None
    result = array.copy(dtype=element)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = make_array(array)(context, builder, args[0])
        itemsize = context.get_abi_sizeof(context.get_data_type(element))
        nbytes = builder.mul(source.nitems, source.itemsize)
        count = builder.sdiv(nbytes, context.get_constant(types.intp, itemsize))
        return _view(context, builder, result, source, source.data, [count])

    return result(array, dtype), generate


@intrinsic
def carve(_: Any, work: Any, start: Any, stop: Any, dtype: Any) -> Any:
    """``work[start:stop].view(dtype)`` of a vector of bytes, for constants within it."""
    element = _element_type(dtype)
    if not _is_contiguous(work) or work.ndim != 1 or work.dtype != types.uint8 or element is None:
        return None
    result = work.copy(dtype=element)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = make_array(work)(context, builder, args[0])
        itemsize = context.get_abi_sizeof(context.get_data_type(element))
        count = builder.sdiv(builder.sub(args[2], args[1]), context.get_constant(types.intp, itemsize))
        return _view(context, builder, result, source, builder.gep(source.data, [args[1]]), [count])

    return result(work, types.intp, types.intp, dtype), generate


@intrinsic
def reshaped(_: Any, array: Any, shape: Any) -> Any:
    """``array.reshape(shape)``, for a shape of the same size."""
    if not _is_contiguous(array) or not isinstance(shape, types.BaseTuple):
        return None
    result = array.copy(ndim=len(shape))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = make_array(array)(context, builder, args[0])
        items = cgutils.unpack_tuple(builder, args[1], len(shape))
        extents = [context.cast(builder, item, kind, types.intp) for item, kind in zip(items, shape, strict=True)]
        return _view(context, builder, result, source, source.data, extents)

    return result(array, shape), generate


def with_code(text: str, modules: dict[str, dict[str, list[tuple[str, str]]]]) -> list[Any]:
    """Modules of functions whose code is in LLVM's language: by name, the signatures that each has, and symbols."""
    calling: weakref.WeakSet[Any] = weakref.WeakSet()

    def include(library: Any) -> None:
        """Put the kernels into the code of a library before any of it is optimised, as if they stood there."""

        def add(module: Any) -> None:
            code = llvm.parse_assembly(cgutils.normalize_ir_text(str(module)))
            code.name = module.name
            code.link_in(llvm.parse_assembly(text))
            passes = llvm.create_new_module_pass_manager()
            passes.add_always_inliner_pass()
            machine = llvm.Target.from_default_triple().create_target_machine()
            passes.run(code, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
            library.add_llvm_module(code)

        if library not in calling:
            calling.add(library)
            library.add_ir_module = add

    def define(module: Any, name: str, signatures: list[tuple[str, str]]) -> None:
        known = [(*sigutils.normalize_signature(signature), symbol) for signature, symbol in signatures]
        counts = [len(wanted) for wanted, _, _ in known]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = inspect.Signature(
            [
                inspect.Parameter(f"x{i}", kind, default=inspect.Parameter.empty if i < min(counts) else None)
                for i in range(max(counts))
            ]
        )

        def run(*args: Any) -> Any:
            raise NotImplementedError("a function for code that Numba compiles")

        def choose(args: tuple[Any, ...]) -> Any:
            """The signature and the symbol for arguments of these types."""
            for alike in (_is_alike, _is_convertible):
                for wanted, result, symbol in known:
                    if len(wanted) == len(args) and all(map(alike, args, wanted)):
                        taken = [a if isinstance(a, types.Array) else w for a, w in zip(args, wanted, strict=True)]
                        return result(*taken), symbol
            return None

        def typing(context: Any) -> Callable[..., Any]:
            def typed(*args: Any) -> Any:
                found = choose(tuple(types.unliteral(arg) for arg in args if arg is not None))
                return found and found[0]

            typed.__signature__ = parameters  # type: ignore[attr-defined]  # which Numba looks at
            return typed

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            include(context.active_code_library)
            is_void = signature.return_type == types.none
            result = ir.VoidType() if is_void else context.get_value_type(signature.return_type)
            wanted = ir.FunctionType(result, [value.type for value in args])
            called = cgutils.get_or_insert_function(builder.module, wanted, choose(signature.args)[1])
            made = builder.call(called, args)
            return context.get_dummy_value() if is_void else made

        type_callable(run)(typing)
        lower_builtin(run, types.VarArg(types.Any))(lower)
        setattr(module, name, run)

    made = []
    for title, functions in modules.items():
        made.append(python.ModuleType(title))
        for name, signatures in functions.items():
            define(made[-1], name, signatures)
    return made


def _is_alike(given: Any, wanted: Any) -> bool:
    """Whether an argument of one type is what is wanted."""
    if not isinstance(wanted, types.Array):
        return bool(given == wanted)
    return isinstance(given, types.Array) and given.copy(readonly=True) == wanted.copy(readonly=True)


def _is_convertible(given: Any, wanted: Any) -> bool:
    """Whether it can be made that."""
    return _is_alike(given, wanted) or (isinstance(given, types.Number) and isinstance(wanted, types.Number))


def link(module: str, *routines: str) -> None:
    """Make routines of SciPy's BLAS or LAPACK known by the symbols that kernels call them by."""
    for name in routines:
        llvm.add_symbol(f"staticbp_{name}", get_cython_function_address(f"scipy.linalg.{module}", name))
