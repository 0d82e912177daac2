"""The user's own kernels: functions that Numba compiles as they stand, called by name from generated code.

Each is an attribute of this module: ``native.smooth(x, y, out)`` computes ``out[...] = smooth(x, y)``.  Compiled, it
is a function of Numba's, linked into the module that calls it.  The text of a module holds only the name, so what a
kernel does is a part of the module's key (`digests`), as far as it can be known.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from staticbp.errors import DtypeError, GeneratedCodeError, ShapeError
from staticbp.trace.names import defined_at

JIT = os.environ.get("STATICBP_JIT", "1") != "0"

_USES = re.compile(r"\bnative\.(\w+)\(")
_BY_VALUE = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype)


@dataclass(frozen=True, eq=False)
class NativeKernel:
    """A function of the user's as generated code calls it.

    Parameters
    ----------
    name : str
        What it is called there: its own name, with a number if another has it.
    function : callable
        The function in Python.
    compiled : callable
        What Numba compiles: the function, or the user's own dispatcher of it.
    n_ins : int
        How many arrays and numbers it takes.
    numbers : tuple of bool
        Which of its results are numbers: they are left in arrays of one element.
    in_place : bool
        Whether it writes its results into its last parameters, rather than returning them.
    digest : str or None
        Of all that its machine code depends on; None when that cannot be known.
    """

    name: str
    function: Callable[..., Any]
    compiled: Any
    n_ins: int
    numbers: tuple[bool, ...]
    in_place: bool
    digest: str | None

    def __str__(self) -> str:
        return self.name

    def call(self, ins: Sequence[Any], types: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> tuple[Any, ...]:
        """The results by Python; refuses those that are not of the given shapes and dtypes."""
        outs = [np.empty(shape, dtype) for shape, dtype in types]
        if self.in_place:
            self.function(*ins, *outs)
            return tuple(outs)
        result = self.function(*ins)
        results = result if len(outs) > 1 else (result,)
        for out, found, number in zip(outs, results, self.numbers, strict=True):
            array, wanted = np.asarray(found), () if number else out.shape
            if array.shape != wanted:
                raise ShapeError(
                    f"{self.name} returns an array of shape {array.shape}, where its `result` says {wanted}",
                    src=defined_at(self.function),
                )
            if not np.can_cast(array.dtype, out.dtype, "same_kind"):
                raise DtypeError(
                    f"{self.name} returns {array.dtype}, where its `result` says {out.dtype}",
                    src=defined_at(self.function),
                )
            out[...] = array
        return tuple(outs)


_kernels: dict[str, NativeKernel] = {}
_writers: dict[str, Callable[..., None]] = {}
_lock = threading.Lock()


def register(
    function: Callable[..., Any], name: str, n_ins: int, numbers: tuple[bool, ...], in_place: bool
) -> NativeKernel:
    """The kernel for a function, or for a dispatcher of Numba's; the same one when it is asked for again."""
    plain = getattr(function, "py_func", function)
    digest = _digest(function)
    with _lock:
        for number in itertools.count(1):
            wish = name if number == 1 else f"{name}_{number}"
            known = _kernels.get(wish)
            if known is None:
                kernel = _kernels[wish] = NativeKernel(wish, plain, function, n_ins, numbers, in_place, digest)
                return kernel
            alike = known.digest == digest and (digest is not None or known.compiled is function)
            if alike and (known.n_ins, known.numbers, known.in_place) == (n_ins, numbers, in_place):
                return known
    raise AssertionError("there is always another number")


def __getattr__(name: str) -> Callable[..., None]:
    """The function that generated code calls: ``native.smooth(x, y, out)``."""
    kernel = _kernels.get(name)
    if kernel is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _writers:
        _writers[name] = _writer(kernel)
    return _writers[name]


def _writer(kernel: NativeKernel) -> Callable[..., None]:
    """A function that leaves the kernel's results in arrays."""
    if not JIT:

        def write(*args: Any) -> None:
            ins, outs = args[: kernel.n_ins], args[kernel.n_ins :]
            for out, value in zip(outs, kernel.call(ins, [(o.shape, o.dtype) for o in outs]), strict=True):
                out[...] = value

        return write
    numba: Any = importlib.import_module("numba")
    compiled = kernel.compiled
    if isinstance(compiled, FunctionType):
        compiled = numba.njit(error_model="numpy", nogil=True)(compiled)
    ins = [f"x{i}" for i in range(kernel.n_ins)]
    outs = [f"out{i}" for i in range(len(kernel.numbers))]
    results = [f"result{i}" for i in range(len(kernel.numbers))]
    if kernel.in_place:
        lines = [f"kernel({', '.join([*ins, *outs])})"]
    else:
        lines = [f"{', '.join(results)} = kernel({', '.join(ins)})"]
        for out, result, number in zip(outs, results, kernel.numbers, strict=True):
            if number:
                lines += [f"{out}[0] = {result}"]
            else:
                lines += [f"if {result}.shape != {out}.shape:", "    raise ValueError(wrong_shape)"]
                lines += [f"{out}[...] = {result}"]
    body = "\n".join(f"    {line}" for line in lines)
    text = f"def write({', '.join([*ins, *outs])}):\n{body}\n"
    wrong = f"{kernel.name} returns an array of another shape than its `result` says"
    namespace: dict[str, Any] = {"kernel": compiled, "np": np, "wrong_shape": wrong, "__name__": __name__}
    exec(compile(text, f"<staticbp native {kernel.name}>", "exec"), namespace)
    namespace["write"].__name__ = kernel.name
    return numba.njit(error_model="numpy", nogil=True)(namespace["write"])


# ---- what a module depends on -----------------------------------------------------------------------------------


def used(source: str) -> list[NativeKernel]:
    """The kernels that the text of a module calls."""
    return [_kernels[name] for name in sorted(set(_USES.findall(source))) if name in _kernels]


def digests(source: str) -> list[str]:
    """What the machine code of a module depends on besides its text, on account of the user's kernels."""
    return [f"native {kernel.name} {kernel.digest}" for kernel in used(source)]


def storable(source: str) -> bool:
    """Whether all that the machine code of a module depends on is known, so that the next process may have it."""
    return all(kernel.digest is not None for kernel in used(source))


def blamed(source: str, error: Exception) -> GeneratedCodeError | None:
    """The error for a module that Numba does not compile, when it may be for a kernel of the user's."""
    kernels = used(source)
    if not kernels:
        return None
    names = " or ".join(kernel.name for kernel in kernels)
    told = [line.strip() for line in str(error).splitlines() if line.strip()]
    shown = next((line for line in told[1:] if not line.startswith(("Failed", "File", "-", "During"))), told[0])
    return GeneratedCodeError(
        f"Numba does not compile {names}: {shown}",
        src=defined_at(kernels[0].function),
        advice="The function of a primitive is compiled by Numba as it stands: write it in the Python that Numba "
        "compiles, or as a bp.custom_vjp, whose value is traced.",
    )


def _digest(function: Any) -> str | None:
    digest = hashlib.sha256()
    try:
        _describe(function, digest.update, set())
    except _Unknown:
        return None
    return digest.hexdigest()


class _Unknown(Exception):
    """A value of which nobody can say whether the next process has the same."""


def _describe(value: Any, update: Callable[[bytes], None], seen: set[int]) -> None:
    """Feed to `update` whatever the machine code of a function, or of one that reads this value, depends on."""
    if id(value) in seen:
        update(b"again")
        return
    seen.add(id(value))
    options = getattr(value, "targetoptions", None)
    value = getattr(value, "py_func", value)
    if options is not None:
        update(repr(sorted(options.items())).encode())
    match value:
        case FunctionType():
            _describe_function(value, update, seen)
        case np.ndarray():
            update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
        case tuple():
            update(b"(")
            for item in value:
                _describe(item, update, seen)
            update(b")")
        case ModuleType() | np.ufunc() | BuiltinFunctionType():
            update(f"{getattr(value, '__module__', '')} {value.__name__}".encode())
        case type() if value.__module__ in ("builtins", "numpy"):
            update(f"{value.__module__} {value.__name__}".encode())
        case _ if isinstance(value, _BY_VALUE):
            update(f"{type(value).__name__} {value!r}".encode())
        case _:
            raise _Unknown


def _describe_function(function: FunctionType, update: Callable[[bytes], None], seen: set[int]) -> None:
    pending = [function.__code__]
    names: set[str] = set()
    while pending:
        code = pending.pop()
        pending += [item for item in code.co_consts if isinstance(item, CodeType)]
        plain = [item for item in code.co_consts if not isinstance(item, CodeType)]
        update(code.co_code + repr((plain, code.co_names, code.co_varnames, code.co_argcount)).encode())
        names.update(code.co_names)
    for cell in function.__closure__ or ():
        _describe(cell.cell_contents, update, seen)
    _describe(function.__defaults__ or (), update, seen)
    for name in sorted(names & function.__globals__.keys()):
        update(name.encode())
        _describe(function.__globals__[name], update, seen)
