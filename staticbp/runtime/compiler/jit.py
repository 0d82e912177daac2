"""The text's functions, compiled by Numba to one object file. Imported only to compile.

Of Numba's undocumented side this uses what its own ahead-of-time compiler uses (`compile_extra`, a library of
LLVM code), and the calling convention. Should a release of Numba change them, :data:`unavailable` says so, or
compiling raises, and :func:`compile_in_memory`, which needs the documented interface only, takes over: slower
calls, nothing stored, the same results.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numba
from numba.core import codegen, compiler, types
from numba.core.codegen import RuntimeLinker
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaError, NumbaWarning
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.np.ufunc import parallel as threads

from staticbp.runtime import kernelcode, symbols
from staticbp.runtime.compiler import regions, views
from staticbp.runtime.compiler.entry import entry_symbol, layout_is_known, numba_type, write_entry
from staticbp.runtime.compiler.numbers import Unknown
from staticbp.runtime.compiler.target import target
from staticbp.runtime.compiler.translate import translate
from staticbp.runtime.intrinsics.vectors import APART, Fill
from staticbp.runtime.objectcode import ObjectCode, target_machine
from staticbp.runtime.spec import Convention, parameters_of
from staticbp.runtime.standalone import compiled

LOG = logging.getLogger("staticbp.jit")

# Addresses of this process inside the code: it must not be stored.
ADDRESS = re.compile(r"numba\.dynamic\.globals|inttoptr \(i64 \d{5,}")

# The arrays that an entry passes have no owner (a null pointer), and where nothing is allocated there are no
# others: counting references to owners does nothing then. Linked in first, these take the place of Numba's.
_NO_COUNTING = """
define void @NRT_incref(ptr %owner) alwaysinline { ret void }
define void @NRT_decref(ptr %owner) alwaysinline { ret void }
"""


def _probe() -> str | None:
    if not layout_is_known():
        return "NumPy lays out its arrays in an unknown way"
    context = cpu_target.target_context
    needed = (
        (context.call_conv, "call_function"),
        (context.call_conv, "get_function_type"),
        (context, "insert_const_string"),
        (context, "get_value_type"),
        (cpu_target.options, "parse_as_flags"),
        (compiler, "compile_extra"),
        (compiler.Flags, "no_compile"),
        (compiler.CompileResult, "fndesc"),
        (compiler.CompileResult, "library"),
        (codegen.CPUCodeLibrary, "finalize"),
        (codegen.CPUCodeLibrary, "_finalize_final_module"),
        (codegen.CPUCodeLibrary, "_optimize_final_module"),
        (codegen.CPUCodeLibrary, "_optimize_functions"),
    )
    missing = [name for owner, name in needed if not hasattr(owner, name)]
    return f"Numba {numba.__version__} has no {', '.join(missing)} where expected" if missing else None


unavailable: str | None = _probe()
"""Why object code cannot be made here; None when it can."""


class CompilationError(Exception):
    """Numba refuses the text; the message is Numba's."""


def prepare(tree: ast.Module, namespace: dict[str, Any]) -> ast.Module:
    """The syntax tree as it is executed to be compiled, and in the globals what it needs for that."""
    namespace.update(views.FUNCTIONS)
    namespace.update(regions.FUNCTIONS)
    return regions.with_regions(regions.with_rows(views.with_known_views(tree)))


def compile_object(
    tree: ast.Module,
    name: str,
    execute: Callable[[], dict[str, Any]],
    entries: Mapping[str, Convention],
    *,
    fastmath: bool,
    parallel: bool,
    release_gil: bool,
    filename: str | None = None,
) -> ObjectCode:
    """Compile functions of a module, each for one signature, to object code.

    Parameters
    ----------
    tree : ast.Module
        The text of the module, found to be in order.
    name : str
        The name of the module.
    execute : callable
        Gives the globals of the executed module, which only Numba asks for; `prepare` has had its way with them.
    entries : mapping of str to sequence of Spec, or Frame
        The functions wanted, and how each is called.
    fastmath, parallel : bool
        Numba's options.
    release_gil : bool
        Whether the entries release the GIL.
    filename : str, optional
        What the text is called, for the code to know which lines of it it comes from: as far as Numba is not needed.
    """
    # LLVM modules share one context with everything that Numba compiles, hence the lock.
    with global_compiler_lock, _importable(name):
        with _kernels_apart() as kernels:
            results = written(tree, name, execute, entries, fastmath=fastmath, parallel=parallel, filename=filename)
        whole = _optimised(list(dict.fromkeys(made.library for made in results.values())))
        for wanted, made in results.items():
            entry = write_entry(made.context, made.function, wanted, entries[wanted], release_gil=release_gil)
            whole.link_in(llvm.parse_assembly(entry))
            whole.get_function(made.function.llvm_func_name).name = f"body.{wanted}"
        code = _object_code(whole, {name: entry_symbol(name) for name in entries})
        for symbol in kernels.keys() & set(code.imports):
            kernelcode.provide(symbol, partial(_compiled_kernel, symbol, kernels[symbol]))
        return code


def _compiled_kernel(symbol: str, write: Fill) -> ObjectCode:
    """A kernel that many modules call as a module of its own."""
    module = target().create_module(symbol)
    write(module)
    library = target().codegen().create_library(symbol)
    library.add_ir_module(module)
    return _object_code(_optimised([library]), {symbol.removeprefix(kernelcode.PREFIX): symbol})


@contextmanager
def _kernels_apart() -> Iterator[dict[str, Fill]]:
    """Leave large kernels out of what is written, and say which."""
    kernels: dict[str, Fill] = {}
    token = APART.set(kernels)
    try:
        yield kernels
    finally:
        APART.reset(token)


def _optimised(libraries: Sequence[Any]) -> Any:
    """What libraries hold as one LLVM module, optimised."""
    for library in libraries:
        _finalise(library)
    modules = [library._final_module for library in libraries]
    whole = llvm.parse_assembly("" if any(map(_allocates, modules)) else _NO_COUNTING)
    for module in modules:
        whole.link_in(module)
    return whole


def _allocates(module: Any) -> bool:
    """Whether code calls functions of Numba's runtime that only code which allocates arrays calls."""
    return any(name.startswith("NRT_") and name != "NRT_MemInfo_call_dtor" for name in _imports(module))


def _object_code(whole: Any, entries: dict[str, str]) -> ObjectCode:
    """Machine code of an optimised module, of which others see the entries only."""
    _finish(whole, set(entries.values()))
    return ObjectCode(
        entries,
        tuple(sorted(_imports(whole))),
        target_machine().emit_object(whole),
        zlib.compress(whole.as_bitcode()),
        storable=ADDRESS.search(str(whole)) is None,
    )


def written(
    tree: ast.Module,
    name: str,
    execute: Callable[[], dict[str, Any]],
    entries: Mapping[str, Convention],
    *,
    fastmath: bool = False,
    parallel: bool = False,
    filename: str | None = None,
) -> dict[str, Compiled]:
    """The functions of a module as LLVM code, not yet optimised; the parameters are those of `compile_object`."""
    with global_compiler_lock, _importable(name):
        results = None if fastmath or parallel else _translated(tree, name, entries, filename)
        if results is None:
            dispatchers = _decorate(execute(), fastmath=fastmath, parallel=parallel, no_cpython_wrapper=True)
            token = APART.set(None)  # Numba loads the functions that are called, and knows of no kernels elsewhere
            try:
                results = {wanted: _lowered(dispatchers[wanted], how) for wanted, how in entries.items()}
            finally:
                APART.reset(token)
        return results


def linked(library: Any) -> llvm.ModuleRef:
    """What a library that is not yet optimised holds, with all that it links."""
    whole = llvm.parse_assembly(str(library._final_module))
    for other in library._linking_libraries:
        whole.link_in(other._get_module_for_linking(), preserve=True)
    _resolve_recursion(whole, _reachable(library))
    return whole


def compile_in_memory(
    namespace: dict[str, Any],
    entries: Mapping[str, Convention],
    *,
    fastmath: bool,
    parallel: bool,
    release_gil: bool,
) -> dict[str, Callable[..., int]]:
    """The functions compiled as Numba documents it, where its inside is not as supposed."""
    dispatchers = _decorate(namespace, fastmath=fastmath, parallel=parallel, nogil=release_gil)
    for name, convention in entries.items():
        with _importable(namespace["__name__"]), _refusals(name):
            dispatchers[name].compile(_signature(convention))
        dispatchers[name].disable_compile()
    return {name: dispatchers[name] for name in entries}


def find_symbol(name: str) -> int | None:
    """The address of a symbol that may belong to Numba's runtime: its memory manager, its threads."""
    rtsys.initialize(cpu_target.target_context)
    found = symbols.address(name)
    if found is None:
        threads._launch_threads()
        found = symbols.address(name)
    return found


def _decorate(namespace: dict[str, Any], **options: bool) -> dict[str, Any]:
    """Make the module's functions Numba's, in place; each is compiled when a signature asks for it."""
    if numba.config.DISABLE_JIT:
        raise CompilationError("NUMBA_DISABLE_JIT is set; STATICBP_JIT=0 runs generated code uncompiled")
    functions = {name: value for name, value in namespace.items() if isinstance(value, FunctionType)}
    dispatchers = {
        name: compiled(function, boundscheck=False, no_cfunc_wrapper=True, **options)
        for name, function in functions.items()
    }
    namespace.update(dispatchers)
    return dispatchers


def _signature(convention: Convention) -> Any:
    return types.int64(*map(numba_type, parameters_of(convention)))


class Compiled(NamedTuple):
    """A function as LLVM code: the context it was made in, its description, and the library it is in."""

    context: Any
    function: Any
    library: Any


def _translated(
    tree: ast.Module, name: str, entries: Mapping[str, Convention], filename: str | None
) -> dict[str, Compiled] | None:
    """The functions without Numba's compiler; None when it is needed."""
    try:
        signatures = {wanted: parameters_of(how) for wanted, how in entries.items()}
        library, functions = translate(tree, name, signatures, filename)
    except Unknown as reason:
        LOG.debug("%s is compiled by Numba: %s", name, reason)
        return None
    return {wanted: Compiled(target(), function, library) for wanted, function in functions.items()}


def _lowered(dispatcher: Any, convention: Convention) -> Compiled:
    """The function compiled as far as LLVM code: machine code is made of the whole module, once."""
    flags = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, dispatcher.targetoptions)
    flags.no_compile = True
    flags.noalias = True  # what generated code writes, its results and its workspace, nothing else shares
    signature = _signature(convention)
    with _refusals(dispatcher.__name__):
        result = compiler.compile_extra(
            cpu_target.typing_context,
            cpu_target.target_context,
            dispatcher.py_func,
            args=signature.args,
            return_type=signature.return_type,
            flags=flags,
            locals={},
        )
    return Compiled(result.target_context, result.fndesc, result.library)


def _finalise(library: Any) -> None:
    # On this object only: recursion is resolved before optimisation, and Numba does not load the code.
    library._optimize_final_module = lambda: _optimise(library)
    library._finalize_final_module = lambda: None
    library.finalize()


def _optimise(library: Any) -> None:
    _resolve_recursion(library._final_module, _reachable(library))
    type(library)._optimize_final_module(library)


def _resolve_recursion(module: Any, libraries: Iterable[Any]) -> None:
    """Define the variables through which Numba's functions call themselves, or each other in circles.

    Numba sets them when it loads the code. The function meant may have been inlined wherever it was called by its
    name, and so be defined in its own library only.
    """
    while True:
        missing = {
            item.name.removeprefix(RuntimeLinker.PREFIX)
            for item in module.global_variables
            if item.is_declaration and item.name.startswith(RuntimeLinker.PREFIX)
        }
        if not missing:
            return
        for name in sorted(missing):
            home = next((library for library in libraries if _defines(library._final_module, name)), None)
            if home is not None and not _defines(module, name):
                module.link_in(home._get_module_for_linking(), preserve=True)
            slot = RuntimeLinker.PREFIX + name
            text = f'declare void @"{name}"()\n@"{slot}" = linkonce_odr constant ptr @"{name}"\n'
            module.link_in(llvm.parse_assembly(text))


def _defines(module: Any, name: str) -> bool:
    return any(item.name == name and not item.is_declaration for item in module.functions)


def _reachable(library: Any) -> list[Any]:
    """The libraries that a library links, and those that they link."""
    found: list[Any] = []
    pending = [library]
    while pending:
        for linked in pending.pop()._linking_libraries:
            if linked not in found:
                found.append(linked)
                pending.append(linked)
    return found


@contextmanager
def _importable(name: str) -> Iterator[None]:
    """Let Numba find the module that a function says it is of, which it names recursive functions by."""
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        sys.modules.pop(name, None)


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Numba's errors as ours; its advice to the author of a Numba function is for nobody here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaWarning)
            yield
    except NumbaError as error:
        raise CompilationError(f"Numba does not compile {name}(): {error}") from None


def _finish(module: Any, exported: set[str]) -> None:
    """Hide everything but the entries, and drop what nobody calls."""
    for item in (*module.functions, *module.global_variables):
        if not item.is_declaration and item.name not in exported:
            item.linkage = "internal"
            item.visibility = "default"
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_global_opt_pass()
    passes.add_dead_arg_elimination_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.add_constant_merge_pass()
    builder = llvm.create_pass_builder(target_machine(), llvm.create_pipeline_tuning_options())
    passes.run(module, builder)
    module.verify()


def _imports(module: Any) -> set[str]:
    return {
        item.name
        for item in (*module.functions, *module.global_variables)
        if item.is_declaration and not item.name.startswith("llvm.")
    }
