"""Functions for code that is not staticbp's: Numba's, and callbacks for libraries in C. Imported only to make one."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import linecache
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numba
import numpy as np

from staticbp.runtime import capsules, inner_loops, standalone, team
from staticbp.runtime.compiler import jit
from staticbp.runtime.compiler.llvmtext import llvm_text
from staticbp.runtime.load import njit_module, pseudo_filename
from staticbp.runtime.spec import Frame
from staticbp.runtime.standalone import argument, code_of, compiled

Array = np.ndarray[Any, Any]


def njit_function(
    text: str,
    name: str,
    generated: tuple[str, str, Frame],
    takers: Mapping[str, tuple[str, np.dtype[Any], tuple[int, ...]]],
    constants: Mapping[str, Array],
) -> Any:
    """The function `name` of a text as a function of Numba's.

    Parameters
    ----------
    text, name : str
        The text, which calls the generated function, and the name of the function in it.
    generated : tuple
        The generated module, the name of its function there and in the text, and how it is called.
    takers : mapping
        What the text calls to check an argument: the name of that, its dtype and shape.
    constants : mapping of str to array
        The captured arrays.
    """
    return compiled(_executed(text, name, generated, takers, constants))


def callback(
    text: str,
    name: str,
    generated: tuple[str, str, Frame],
    constants: Mapping[str, Array],
    *,
    single: bool,
) -> Any:
    """The function of C's numbers as SciPy takes it; the parameters are those of `njit_function`."""
    signature = "float64(float64)" if single else "float64(intc, CPointer(float64))"
    function = _executed(text, name, generated, {}, constants)
    made = numba.cfunc(signature, error_model="numpy", nopython=True)(function)
    low_level: Any = importlib.import_module("scipy").LowLevelCallable
    return low_level(made.ctypes), made


def _executed(
    text: str,
    name: str,
    generated: tuple[str, str, Frame],
    takers: Mapping[str, tuple[str, np.dtype[Any], tuple[int, ...]]],
    constants: Mapping[str, Array],
) -> Callable[..., Any]:
    source, kernel, frame = generated
    filename = pseudo_filename(text, name)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"np": np, "carray": numba.carray, "__name__": "staticbp.standalone"}
    if jit.unavailable is None:
        code = llvm_text(source, kernel, frame)
        namespace[kernel] = code_of(code.symbol, len(frame.parameters), code.llvm)
    else:
        namespace[kernel] = njit_module(source, {kernel: frame})[kernel]
    namespace |= {taker: argument(name, *known) for taker, known in takers.items()}
    namespace |= constants
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


# ---- files ------------------------------------------------------------------------------------------------------

LOOPS = (capsules, inner_loops)
TEAM = (team,)
"""The modules of which a file has a copy if kernels call NumPy's loops, or if threads share something."""


def support_text(module: ModuleType) -> str:
    """The functions of a module, as they stand in a file that needs nothing of staticbp."""
    text = inspect.getsource(module)
    (docstring, *_) = ast.parse(text).body
    title = (module.__doc__ or "").splitlines()[0]
    code = "\n".join(text.splitlines()[docstring.end_lineno :])
    code = re.sub(r"^from (__future__|staticbp)\b.*\n", "", code, flags=re.MULTILINE)
    return f"# ---- support: {title}\n\n{code.strip()}"


@functools.cache
def support_names() -> frozenset[str]:
    """The names that are taken in such a file."""
    return frozenset().union(*map(vars, (standalone, *LOOPS, *TEAM)))


def versions() -> str:
    """The packages that such a file needs, as they are here."""
    named = [(name, importlib.import_module(name).__version__) for name in ("numpy", "scipy", "numba")]
    return ", ".join(f"{name} {version}" for name, version in named)


__all__ = [
    "LOOPS",
    "TEAM",
    "callback",
    "llvm_text",
    "njit_function",
    "standalone",
    "support_names",
    "support_text",
    "versions",
]
