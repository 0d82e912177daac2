"""The kernels that a generated module calls, as text in LLVM's language. Imported only to export.

Numba is asked which kernels it finds in the text, and on arguments of which types; the code of each is then written
into a function of its own, as it would have been written into the module that calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core import ir as numba_ir
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from staticbp.runtime import team
from staticbp.runtime.symbols import BLAS_PREFIX, blas_routines, lapack_routines

# Kernels share nothing out where there is no team, and have nobody to send to sleep.
_ALONE = f"""
define linkonce_odr void @{team.SHARE}(ptr %body, ptr %arguments, i64 %count, i64 %grain) alwaysinline {{
  call void %body(ptr %arguments, i64 0, i64 %count)
  ret void
}}
define linkonce_odr void @{team.REST}() alwaysinline {{ ret void }}
"""


class KernelText(NamedTuple):
    """Kernels as text: the LLVM module; by kernel its signatures and symbols; and what is called without being in it.

    Those are routines of SciPy's ``cython_blas`` and ``cython_lapack``, and others, which only staticbp finds.
    """

    llvm: str
    signatures: dict[str, dict[str, list[tuple[str, str]]]]
    routines: dict[str, list[str]]
    others: list[str]


@global_compiler_lock
def kernel_text(dispatcher: Any, aliases: dict[str, str]) -> KernelText:
    """The kernels that a compiled function calls; `aliases` tells what their modules are called in its text."""
    context = cpu_target.target_context
    library = context.codegen().create_library("kernels")
    module = context.create_module("kernels")
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    with context.push_code_library(library):
        for kind, signature in _calls(dispatcher):
            function = kind.typing_key
            alias = aliases.get(function.__module__)
            if alias is None:
                continue
            symbols = found.setdefault(alias, {}).setdefault(function.__name__, [])
            name = f"{alias}.{function.__name__}.{len(symbols) + 1}"
            text = _signature_text(signature)
            if text not in [known for known, _ in symbols]:
                symbols.append((text, name))
                _write(context, module, name, kind, signature)
    whole = llvm.parse_assembly(cgutils.normalize_ir_text(str(module)))
    for linked in library._linking_libraries:
        whole.link_in(linked._get_module_for_linking(), preserve=True)
    declared = {item.name for item in (*whole.functions, *whole.global_variables) if item.is_declaration}
    if declared & {team.SHARE, team.REST}:
        whole.link_in(llvm.parse_assembly(_ALONE))
    named = {name.removeprefix(BLAS_PREFIX) for name in declared if name.startswith(BLAS_PREFIX)}
    known = {"cython_blas": blas_routines(), "cython_lapack": lapack_routines() if named else {}}
    routines = {module: sorted(named & names.keys()) for module, names in known.items()}
    linked = {BLAS_PREFIX + name for names in routines.values() for name in names} | {team.SHARE, team.REST}
    others = sorted(name for name in declared - linked if name.startswith("staticbp"))
    return KernelText(_tidied(str(whole)), found, routines, others)


def _calls(dispatcher: Any) -> Iterable[tuple[Any, Any]]:
    """The functions known to Numba that are called, with the signatures that it settled on."""
    for result in dispatcher.overloads.values():
        annotation = result.type_annotation
        for call, signature in annotation.calltypes.items():
            if isinstance(call, numba_ir.Expr) and call.op == "call":
                kind = annotation.typemap[call.func.name]
                if isinstance(kind, types.Function):
                    yield kind, signature


def _write(context: Any, module: Any, name: str, kind: Any, signature: Any) -> None:
    """A function of a kernel's code."""
    is_void = signature.return_type == types.none
    result = ir.VoidType() if is_void else context.get_value_type(signature.return_type)
    function = ir.Function(module, ir.FunctionType(result, list(map(context.get_value_type, signature.args))), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("alwaysinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    if any(hasattr(template, "_overload_func") for template in kind.templates):
        body = _by_convention(context, module, f"{name}.body", kind, signature)
        _, value = context.call_conv.call_function(
            builder, body, signature.return_type, signature.args, function.args
        )  # whose status says nothing: no kernel raises
    else:
        value = context.get_function(kind, signature)(builder, function.args)
    if is_void:
        builder.ret_void()
    else:
        builder.ret(value)


def _by_convention(context: Any, module: Any, name: str, kind: Any, signature: Any) -> Any:
    """The code of a kernel that Numba compiled, in a function such as Numba's own are."""
    convention = context.call_conv
    made = ir.Function(module, convention.get_function_type(signature.return_type, signature.args), name)
    made.linkage = "linkonce_odr"
    builder = ir.IRBuilder(made.append_basic_block("entry"))
    args = context.get_arg_packer(signature.args).from_arguments(builder, convention.get_arguments(made))
    value = context.get_function(kind, signature)(builder, args)
    convention.return_value(builder, value)
    return made


def _signature_text(signature: Any) -> str:
    """A signature as Numba reads it."""
    result = "void" if signature.return_type == types.none else _type_text(signature.return_type)
    return f"{result}({', '.join(map(_type_text, signature.args))})"


def _type_text(kind: Any) -> str:
    kind = types.unliteral(kind)
    if not isinstance(kind, types.Array):
        return str(kind)
    extents: Sequence[str] = [*[":"] * (kind.ndim - 1), "::1"]
    return f"{kind.dtype}[{', '.join(extents)}]"


def _tidied(text: str) -> str:
    """The text of a module without what belongs to this machine or says nothing."""
    lines = [line for line in text.splitlines() if not line.startswith(("; ModuleID", "source_filename"))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
