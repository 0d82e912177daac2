"""Kernels that many modules call, as machine code of their own: compiled once for a machine, linked by symbol.

A product in tiles or a sort takes LLVM longer than most modules that call one.  Such a kernel depends on nothing but
its name, which says what it computes with, and on what all machine code depends on.  So it has a file of its own in the
store, under a key made of those, and is loaded into a process when the first module that calls it is.  Where the file
is missing or damaged, the module that needs it counts as missing too: both are compiled again.

It stays loaded until the process ends.  Numba is not imported here: `jit` writes and compiles what is missing.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from staticbp.runtime import keys, store, symbols
from staticbp.runtime.objectcode import LinkError, ObjectCode, load

PREFIX = "staticbp.kernel."
"""What the symbols of these kernels begin with."""

LOG = logging.getLogger("staticbp.kernels")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A kernel of this process."""

    code: ObjectCode
    address: int


_LOADED: dict[str, _Loaded] = {}
_LOCK = threading.RLock()


def find(symbol: str, otherwise: Callable[[str], int | None] = symbols.address) -> int | None:
    """The address of a symbol that a module imports, be it of a kernel or of anything else; None if there is none.

    Examples
    --------
    >>> find("cos") == symbols.address("cos"), find("staticbp.kernel.unheard_of")
    (True, None)
    """
    return _address(symbol) if symbol.startswith(PREFIX) else otherwise(symbol)


def provide(symbol: str, make: Callable[[], ObjectCode]) -> None:
    """See to it that a kernel is loaded and stored, before a module that calls it is; `make` compiles it if need be."""
    with _LOCK:
        if _address(symbol) is None:
            _load(symbol, make())
        shelf = store.default()
        if shelf is not None and not shelf.path(key(symbol)).exists():
            shelf.save(key(symbol), _LOADED[symbol].code.to_bytes())


def key(symbol: str) -> str:
    """The key of a kernel in the store."""
    return hashlib.sha256("\n".join([*keys.surroundings(), symbol]).encode()).hexdigest()


def _address(symbol: str) -> int | None:
    """Where a kernel lies in this process, into which it is loaded if it is in the store."""
    with _LOCK:
        if symbol not in _LOADED:
            shelf = store.default()
            payload = None if shelf is None else shelf.load(key(symbol))
            if shelf is None or payload is None:
                return None
            try:
                _load(symbol, ObjectCode.from_bytes(payload))
            except Exception:  # whatever is wrong with a stored file, compiling again is the answer
                LOG.debug("the stored code of %s is of no use", symbol, exc_info=True)
                shelf.reject(key(symbol))
                return None
        return _LOADED[symbol].address


def _load(symbol: str, code: ObjectCode) -> None:
    if symbol not in code.entries.values():
        raise LinkError(f"code that has no {symbol!r}")
    library = load(code)
    # Modules call it until the process ends, after the interpreter has let go of everything else.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
    _LOADED[symbol] = _Loaded(code, library[symbol])
