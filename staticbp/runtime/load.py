"""Generated text to functions: from the store, or compiled by Numba and stored.

`compile_module` is all that the layer above needs. With ``STATICBP_JIT=0`` in the environment it executes the
very same text as Python, so that a debugger steps through it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import linecache
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from staticbp.errors import GeneratedCodeError
from staticbp.runtime import kernelcode, keys, native, store, whitelist
from staticbp.runtime.frame import framed
from staticbp.runtime.objectcode import LinkError, ObjectCode, link
from staticbp.runtime.spec import Convention, Frame, Spec

__all__ = [
    "JIT",
    "Frame",
    "Spec",
    "compile_module",
    "inspect_module",
    "njit_module",
    "pseudo_filename",
    "written_module",
]

JIT = os.environ.get("STATICBP_JIT", "1") != "0"
"""Whether generated code is compiled. Decided at import, as it is for the kernels that the code calls."""

LOG = logging.getLogger("staticbp.load")


class _Outcome(threading.local):
    """`how` says what the last `compile_module` in this thread did, in words."""

    how: str = ""


OUTCOME = _Outcome()


def compile_module(
    source: str,
    entries: Mapping[str, Convention],
    *,
    fastmath: bool = False,
    parallel: bool = False,
    release_gil: bool = True,
) -> dict[str, Callable[..., Any]]:
    r"""Make functions of the text of a generated module.

    Parameters
    ----------
    source : str
        The text. What it may contain is said in :mod:`staticbp.runtime.whitelist`.
    entries : mapping of str to sequence of Spec, or Frame
        The functions wanted, each with the types of its arguments, or with the frame that it is called by.
    fastmath, parallel : bool
        Numba's options. Without ``fastmath`` every operation means what it means in NumPy.
    release_gil : bool
        Whether other threads may run while a function does. It costs 30 ns a call: a function that takes less
        than a microsecond is better off without.

    Returns
    -------
    dict of str to callable
        The functions by name; each returns its status, or by a `Frame` its results. Compiled ones check the number
        and types of their arguments (exactly ``numpy.ndarray``, and as specified), but without a `Frame` neither
        their shapes nor whether they overlap: the code trusts its caller there, and writes where it is told.

    Raises
    ------
    GeneratedCodeError
        When the text is outside the grammar, or Numba does not compile it.

    Examples
    --------
    >>> text = "def double(x):\n    for i in range(x.shape[0]):\n        x[i] = x[i] * 2\n    return 0"
    >>> double = compile_module(text, {"double": [Spec(np.float64, 1, array=True)]})["double"]
    >>> x = np.array([1.0, 2.5])
    >>> double(x)
    0
    >>> x
    array([2., 5.])
    """
    filename = register_source(source, next(iter(entries)))
    if not JIT:
        namespace = _checked_and_executed(source, filename, entries)
        OUTCOME.how = "not compiled: STATICBP_JIT=0"
        return {name: framed(_quiet(namespace[name]), convention) for name, convention in entries.items()}
    flags = {"fastmath": fastmath, "parallel": parallel, "release_gil": release_gil}
    shelf = store.default() if native.storable(source) else None
    key = _key(source, entries, flags, filename)
    found = _stored(shelf, key)
    if found is not None:
        OUTCOME.how = "found in the store"
        return found[1]
    code, functions = _compile(source, entries, flags, filename)
    stored = code is not None and code.storable and shelf is not None and shelf.save(key, code.to_bytes())
    OUTCOME.how = "compiled and stored" if stored else "compiled, and not stored"
    return functions


def njit_module(
    source: str, entries: Mapping[str, Convention], *, fastmath: bool = False, parallel: bool = False
) -> dict[str, Callable[..., Any]]:
    """The functions as Numba's dispatchers, to be called from code that Numba compiles; not stored.

    The arguments are those of :func:`compile_module`.
    """
    filename = register_source(source, next(iter(entries)))
    flags = {"fastmath": fastmath, "parallel": parallel, "release_gil": True}
    return _in_memory(source, entries, flags, filename)


def written_module(source: str, entries: Mapping[str, Convention]) -> Mapping[str, Any]:
    """The functions as LLVM code that is not optimised yet (see `jit.Compiled`), to be put into that of others.

    The arguments are those of :func:`compile_module`.
    """
    jit, filename = _jit(), register_source(source, next(iter(entries)))
    tree = whitelist.check(source, filename)
    _check_entries(tree, filename, entries)
    execute = functools.partial(_execute, tree, source, filename, jit.prepare)
    try:
        made: Mapping[str, Any] = jit.written(tree, _module_name(source), execute, entries)
    except jit.CompilationError as error:
        raise native.blamed(source, error) or GeneratedCodeError(f"{filename}: {error}") from None
    return made


def inspect_module(
    source: str,
    entries: Mapping[str, Convention],
    *,
    fastmath: bool = False,
    parallel: bool = False,
    release_gil: bool = True,
    lines: bool = False,
) -> ObjectCode:
    """The machine code of a module, to look at: see its ``llvm_text`` and ``assembly_text``.

    The arguments are those of :func:`compile_module`. What is stored is not compiled again, unless the code is to
    know which `lines` of the text it comes from: that is never stored.
    """
    flags = {"fastmath": fastmath, "parallel": parallel, "release_gil": release_gil}
    filename = register_source(source, next(iter(entries)))
    found = None if lines else _stored(store.default(), _key(source, entries, flags, filename))
    if found is not None:
        return found[0]
    code, _ = _compile(source, entries, flags, filename, lines)
    if code is None:
        raise GeneratedCodeError(f"{filename} has no machine code to show: {_jit().unavailable or 'see the log'}")
    return code


def pseudo_filename(source: str, name: str) -> str:
    """The name that stands for the text in tracebacks and debuggers; the same in every process.

    Examples
    --------
    >>> pseudo_filename("def loss_grad(x): ...", "loss_grad")
    '<staticbp loss_grad af91aade>'
    """
    return f"<staticbp {name} {hashlib.sha256(source.encode()).hexdigest()[:8]}>"


def register_source(source: str, name: str) -> str:
    """Make the text known to tracebacks, debuggers and `inspect`, and return the name it is known by."""
    filename = pseudo_filename(source, name)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return filename


def _key(source: str, entries: Mapping[str, Convention], flags: Mapping[str, bool], filename: str) -> str:
    try:
        return keys.module_key(source, entries, flags)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise GeneratedCodeError(f"{filename}: generated code does not parse: {error}") from None


def _stored(shelf: store.Store | None, key: str) -> tuple[ObjectCode, dict[str, Callable[..., Any]]] | None:
    payload = None if shelf is None else shelf.load(key)
    if shelf is None or payload is None:
        return None
    try:
        code = ObjectCode.from_bytes(payload)
        return code, _linked(code)
    except Exception:  # whatever is wrong with a stored file, compiling again is the answer
        LOG.debug("stored code is of no use", exc_info=True)
        shelf.reject(key)
        return None


def _linked(code: ObjectCode) -> dict[str, Callable[..., Any]]:
    try:
        return link(code, kernelcode.find)
    except LinkError:
        # Some kernels call Numba's runtime, which is not there before Numba is imported.
        return link(code, functools.partial(kernelcode.find, otherwise=_jit().find_symbol))


def _compile(
    source: str, entries: Mapping[str, Convention], flags: Mapping[str, bool], filename: str, lines: bool = False
) -> tuple[ObjectCode | None, dict[str, Callable[..., Any]]]:
    """Compile, and link what was compiled, the way the next process will."""
    jit = _jit()
    if jit.unavailable is None:
        tree = whitelist.check(source, filename)
        _check_entries(tree, filename, entries)
        try:
            execute = functools.partial(_execute, tree, source, filename, jit.prepare)
            named = filename if lines else None
            code = jit.compile_object(tree, _module_name(source), execute, entries, **flags, filename=named)
            return code, _linked(code)
        except jit.CompilationError as error:
            raise native.blamed(source, error) or GeneratedCodeError(f"{filename}: {error}") from None
        except Exception as error:  # Numba's inside is not as supposed: its documented side will do
            LOG.warning("%s is compiled in memory only, and slower to call: %r", filename, error)
            LOG.debug("compiling to object code", exc_info=True)
    found = _in_memory(source, entries, flags, filename)
    return None, {name: framed(found[name], convention) for name, convention in entries.items()}


def _in_memory(
    source: str, entries: Mapping[str, Convention], flags: Mapping[str, bool], filename: str
) -> dict[str, Callable[..., Any]]:
    jit = _jit()
    namespace = _checked_and_executed(source, filename, entries, jit.prepare)
    try:
        functions: dict[str, Callable[..., Any]] = jit.compile_in_memory(namespace, entries, **flags)
    except jit.CompilationError as error:
        raise native.blamed(source, error) or GeneratedCodeError(f"{filename}: {error}") from None
    return functions


def _jit() -> Any:
    """The compiler, and with it Numba: half a second that a process with a full store does not spend."""
    return importlib.import_module("staticbp.runtime.compiler.jit")


def _module_name(source: str) -> str:
    """The name of the module, which becomes part of symbols that have to be unique."""
    return f"staticbp.generated_{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def _checked_and_executed(
    source: str, filename: str, entries: Iterable[str], prepare: Callable[..., Any] | None = None
) -> dict[str, Any]:
    """The globals of the module, once its text is found to be in order."""
    tree = whitelist.check(source, filename)
    _check_entries(tree, filename, entries)
    return _execute(tree, source, filename, prepare)


def _check_entries(tree: ast.Module, filename: str, entries: Iterable[str]) -> None:
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for entry in entries:
        if entry not in defined:
            raise GeneratedCodeError(f"{filename} defines no function {entry!r}")


def _execute(tree: ast.Module, source: str, filename: str, prepare: Callable[..., Any] | None = None) -> dict[str, Any]:
    """The globals of the module; `prepare` makes them, and the tree, fit to be compiled."""
    namespace: dict[str, Any] = {"__name__": _module_name(source), "__file__": filename}
    if prepare is not None:
        tree = prepare(tree, namespace)
    exec(compile(tree, filename, "exec", dont_inherit=True), namespace)
    return namespace


def _quiet(function: Callable[..., int]) -> Callable[..., int]:
    """The function run as compiled code runs: NumPy neither warns nor raises about overflow and the like."""

    @functools.wraps(function)
    def run(*args: Any) -> int:
        with np.errstate(all="ignore"):
            return function(*args)

    return run
