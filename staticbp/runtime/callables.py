"""Functions for code that is not staticbp's: Numba's, and callbacks for libraries in C. Imported only to make one."""

from __future__ import annotations

import importlib
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba
import numpy as np

from staticbp.runtime import standalone
from staticbp.runtime.entry import numba_type
from staticbp.runtime.kerneltext import KernelText, kernel_text
from staticbp.runtime.load import njit_module, pseudo_filename
from staticbp.runtime.spec import Spec
from staticbp.runtime.standalone import argument, compiled

Array = np.ndarray[Any, Any]


def njit_function(
    text: str,
    name: str,
    generated: tuple[str, str, Sequence[Spec]],
    takers: Mapping[str, tuple[str, np.dtype[Any], tuple[int, ...]]],
    constants: Mapping[str, Array],
) -> Any:
    """The function `name` of a text as a function of Numba's.

    Parameters
    ----------
    text, name : str
        The text, which calls the generated function, and the name of the function in it.
    generated : tuple
        The generated module, the name of its function, what it is called in the text, and the types it takes.
    takers : mapping
        What the text calls to check an argument: the name of that, its dtype and shape.
    constants : mapping of str to array
        The captured arrays.
    """
    return compiled(_executed(text, name, generated, takers, constants))


def callback(
    text: str,
    name: str,
    generated: tuple[str, str, Sequence[Spec]],
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
    generated: tuple[str, str, Sequence[Spec]],
    takers: Mapping[str, tuple[str, np.dtype[Any], tuple[int, ...]]],
    constants: Mapping[str, Array],
) -> Callable[..., Any]:
    source, kernel, specs = generated
    filename = pseudo_filename(text, name)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"np": np, "carray": numba.carray, "__name__": "staticbp.standalone"}
    namespace[kernel] = njit_module(source, {kernel: specs})[kernel]
    namespace |= {taker: argument(name, *known) for taker, known in takers.items()}
    namespace |= constants
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


# ---- files ------------------------------------------------------------------------------------------------------

KERNEL_MODULES = {
    "staticbp.runtime.vecmath": "vm",
    "staticbp.runtime.blas": "blas",
    "staticbp.runtime.kernels": "kernels",
}
"""The modules of kernels, with what generated code calls them."""

LINE = "# ---- support"


def support_text() -> str:
    """The functions of `standalone`, as they stand in a file that needs nothing of staticbp."""
    text = inspect.getsource(standalone)
    return text[text.index(LINE) :]


def support_names() -> frozenset[str]:
    """The names that are taken in such a file."""
    return frozenset(vars(standalone))


def versions() -> str:
    """The packages that such a file needs, as they are here."""
    named = [(name, importlib.import_module(name).__version__) for name in ("numpy", "scipy", "numba")]
    return ", ".join(f"{name} {version}" for name, version in named)


def kernels_called(source: str, name: str, specs: Sequence[Spec]) -> KernelText:
    """The kernels that the function `name` of a generated module calls."""
    namespace: dict[str, Any] = dict(vars(standalone))
    exec(compile(source, pseudo_filename(source, name), "exec", dont_inherit=True), namespace)
    dispatcher = compiled(namespace[name])
    dispatcher.compile(tuple(map(numba_type, specs)))
    return kernel_text(dispatcher, KERNEL_MODULES)
