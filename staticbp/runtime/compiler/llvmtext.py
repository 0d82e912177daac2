"""Compiled functions as text in LLVM's language, for code that is not staticbp's. Imported only to write it.

It is the code that is compiled here, before any of it is optimised.  Whoever has it optimised by the same LLVM, for
the same processor, gets the same machine code, and so the same bits.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.np.arrayobj import make_array, populate_array

from staticbp.core import shape as shapes
from staticbp.runtime.compiler.entry import numba_type
from staticbp.runtime.compiler.jit import ADDRESS, linked
from staticbp.runtime.inner_loops import is_of_loops
from staticbp.runtime.load import written_module
from staticbp.runtime.spec import WORK, Frame, Spec
from staticbp.runtime.symbols import BLAS_PREFIX, SPECIAL_PREFIX, blas_routines, lapack_routines, special_routine
from staticbp.runtime.team import REST, SHARE

RAISED = -1
"""The status of a function in which a kernel of the user's has raised an exception."""

_POINTER = ir.IntType(8).as_pointer()
_SIZE = ir.IntType(64)


class LlvmText(NamedTuple):
    """A function as text.

    Parameters
    ----------
    llvm : str
        The LLVM module.
    symbol : str
        The function in it, ``i64 (ptr, ...)``: it takes the addresses of elements and of numbers.
    routines : dict
        By extension module of SciPy's the symbols of its routines that are called, and what it calls those.
    loops : list of str
        The symbols of NumPy's inner loops that are called.
    is_shared : bool
        Whether something is shared out to threads.
    others : list of str
        What only this process finds.
    """

    llvm: str
    symbol: str
    routines: dict[str, dict[str, str]]
    loops: list[str]
    is_shared: bool
    others: list[str]


@global_compiler_lock
def llvm_text(source: str, name: str, frame: Frame) -> LlvmText:
    """The function `name` of a generated module as text; the shapes in its frame are known."""
    made = written_module(source, {name: frame})[name]
    whole = linked(made.library)
    whole.link_in(llvm.parse_assembly(_by_address(made, name, frame)))
    declared = {item.name for item in (*whole.functions, *whole.global_variables) if item.is_declaration}
    digest = hashlib.sha256(_tidied(str(whole)).encode()).hexdigest()[:12]
    for item in (*whole.functions, *whole.global_variables):
        if not item.is_declaration:  # the functions of two texts in one module of Numba's are not to be taken for one
            item.name = f"{item.name}.{digest}"
            if item.linkage.name == "external":
                item.linkage = "linkonce_odr"
    text = _optimised_alone(_tidied(str(whole)), f"{made.function.llvm_func_name}.{digest}")
    routines = _routines(declared)
    loops = sorted(filter(is_of_loops, declared))
    known = {*loops, SHARE, REST, *(symbol for names in routines.values() for symbol in names)}
    others = [name for name in declared - known if name.startswith("staticbp")] + ADDRESS.findall(text)
    is_shared = bool(declared & {SHARE, REST})
    return LlvmText(text, f"{name}.{digest}", routines, loops, is_shared, sorted(others))


def _by_address(made: Any, name: str, frame: Frame) -> str:
    """A function of addresses that calls the one of Numba's arrays and numbers."""
    context = made.context
    module = context.create_module(name)
    specs = [replace(spec, shape=(frame.workspace,)) if spec is WORK else spec for spec in frame.parameters]
    function = ir.Function(module, ir.FunctionType(_SIZE, [_POINTER] * len(specs)), name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    callee = ir.Function(
        module,
        context.call_conv.get_function_type(made.function.restype, made.function.argtypes),
        made.function.llvm_func_name,
    )
    values = [_argument(context, builder, spec, place) for spec, place in zip(specs, function.args, strict=True)]
    status, result = context.call_conv.call_function(
        builder, callee, made.function.restype, made.function.argtypes, values
    )
    builder.ret(builder.select(status.is_error, _SIZE(RAISED), result))
    return cgutils.normalize_ir_text(str(module))


def _argument(context: Any, builder: Any, spec: Spec, place: Any) -> Any:
    """The array or the number at an address."""
    kind = numba_type(spec)
    if not isinstance(kind, types.Array):
        return context.unpack_value(builder, kind, builder.bitcast(place, context.get_data_type(kind).as_pointer()))
    array = make_array(kind)(context, builder)
    shape = shapes.static_shape(spec.shape or (), "a function for other code")
    strides = [_SIZE(spec.dtype.itemsize * math.prod(shape[axis + 1 :])) for axis in range(spec.ndim)]
    data = builder.bitcast(place, array.data.type)
    populate_array(array, data, list(map(_SIZE, shape)), strides, spec.dtype.itemsize, meminfo=None)
    return array._getvalue()


def _routines(symbols: Iterable[str]) -> dict[str, dict[str, str]]:
    """The routines of SciPy's that symbols stand for, and what SciPy calls them, by the module that has them."""
    found: dict[str, dict[str, str]] = {}
    for symbol in sorted(symbols):
        name: str | None = None
        if symbol.startswith(SPECIAL_PREFIX):
            module, name = "scipy.special.cython_special", special_routine(symbol)
        elif symbol.startswith(BLAS_PREFIX):
            routine = symbol.removeprefix(BLAS_PREFIX)
            for module, routines in (("cython_blas", blas_routines()), ("cython_lapack", lapack_routines())):
                if routine in routines:
                    module, name = f"scipy.linalg.{module}", routine
                    break
        if name is not None:
            found.setdefault(module, {})[symbol] = name
    return found


def _optimised_alone(text: str, symbol: str) -> str:
    """The text, its function marked not to be optimised for what calls it, which llvmlite has no way to do."""
    head = rf"^(define .*@{re.escape(symbol)}\(.*\)) ((#\d+ )?\{{)$"
    return re.sub(head, r"\1 noinline \2", text, flags=re.MULTILINE)


def _tidied(text: str) -> str:
    """The text of a module without what belongs to this machine or says nothing."""
    lines = [line for line in text.splitlines() if not line.startswith(("; ModuleID", "source_filename"))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
