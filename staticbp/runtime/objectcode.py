"""Machine code as it is stored, and how it becomes functions.

Whether a module was compiled a moment ago or comes from the store, its functions are made here, from the same
bytes, in the same way: there is no second path that only the next process would take.

Every module is linked into a library of its own (LLVM's ORC), which shares no symbol with any other: code
compiled by different processes may use the same internal names for different things.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import json
import os
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

from staticbp.runtime import symbols

METH_FASTCALL = 0x80

_SIZES = struct.Struct("<III")  # of the description, the object file and the compressed LLVM bitcode


class LinkError(Exception):
    """Object code that cannot be linked in this process."""


@dataclass(frozen=True, slots=True)
class ObjectCode:
    """A compiled module.

    Parameters
    ----------
    entries : dict of str to str
        The symbol of the entry of each function.
    imports : tuple of str
        The symbols that are looked up by name in the process that links it.
    image : bytes
        The object file.
    packed_bitcode : bytes
        The optimised LLVM module that it was made from, compressed; for inspection.
    storable : bool
        False when the code contains addresses of this process.
    """

    entries: dict[str, str]
    imports: tuple[str, ...]
    image: bytes
    packed_bitcode: bytes
    storable: bool = True

    def to_bytes(self) -> bytes:
        """What the store keeps."""
        description = json.dumps({"entries": self.entries, "imports": self.imports}).encode()
        parts = (description, self.image, self.packed_bitcode)
        return _SIZES.pack(*map(len, parts)) + b"".join(parts)

    @classmethod
    def from_bytes(cls, payload: bytes) -> ObjectCode:
        """The inverse of :meth:`to_bytes`."""
        sizes = _SIZES.unpack_from(payload)
        starts = list(itertools.accumulate(sizes, initial=_SIZES.size))
        if starts[-1] != len(payload):
            raise ValueError("the parts do not add up to the whole")
        description, image, packed_bitcode = (payload[a:b] for a, b in itertools.pairwise(starts))
        facts = json.loads(description)
        return cls(facts["entries"], tuple(facts["imports"]), image, packed_bitcode)

    def llvm_text(self) -> str:
        """The optimised LLVM module, in LLVM's language."""
        return str(self._module())

    def assembly_text(self) -> str:
        """The machine code, in the assembler's language."""
        text: str = new_target_machine().emit_assembly(self._module())
        return text

    def _module(self) -> Any:
        return llvm.parse_bitcode(zlib.decompress(self.packed_bitcode), llvm.create_context())


@functools.cache
def host() -> tuple[str, str, str]:
    """The target triple, the name and the features of the CPU that code is made for.

    ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` choose another one, as they do for Numba.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name = os.environ.get("NUMBA_CPU_NAME")
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = "" if name == "generic" else llvm.get_host_cpu_features().flatten()
    return llvm.get_process_triple(), name or llvm.get_host_cpu_name(), features


def new_target_machine(effort: int = 3) -> Any:
    """A target machine for this computer; with less effort it is done sooner, and its code slower.

    Position-independent code of the small model addresses its constants relative to the instruction; the
    linker adds the stubs for functions that lie far away.
    """
    triple, cpu, features = host()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=effort, reloc="pic", codemodel="default", jit=False
    )


@functools.cache
def target_machine() -> Any:
    """The target machine that emits code; kept, for making one takes a millisecond."""
    return new_target_machine()


_LINKING = threading.Lock()
_LIBRARY_NUMBER = itertools.count(1)


@functools.cache
def engine() -> Any:
    """What links code into this process."""
    # Takes its target machine over, so it gets one of its own.
    return llvm.create_lljit_compiler(new_target_machine(), use_jit_link=True, suppress_errors=True)


class _MethodDef(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


_new_function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(
    ("PyCFunction_NewEx", ctypes.pythonapi)
)


def new_builtin(name: str, address: int, flags: int, owner: Callable[[object], object]) -> Callable[..., Any]:
    """A builtin function of the code at an address.

    Its ``self`` is made by `owner`, of the function's definition, which has to live as long.
    """
    method = _MethodDef(name.encode(), address, flags, b"Compiled by staticbp.")
    made: Callable[..., Any] = _new_function(ctypes.addressof(method), owner(method), None)
    return made


class CompiledCode:
    """What a function needs for as long as it lives: its definition, and the library its code is in."""

    def __init__(self, name: str, library: Any, method: object) -> None:
        self.name = name
        self.library = library
        self.method = method

    def __repr__(self) -> str:
        return f"<compiled code of {self.name}>"


def link(code: ObjectCode, find: Callable[[str], int | None] = symbols.address) -> dict[str, Callable[..., int]]:
    """Load the code into this process and return its functions.

    They are builtin functions that CPython calls directly (the vectorcall protocol, no argument tuple). Each
    checks the number and the types of its arguments, which costs a nanosecond or two.

    Parameters
    ----------
    code : ObjectCode
        The module.
    find : callable, optional
        Gives the address of an imported symbol.

    Returns
    -------
    dict of str to callable
        The functions by name. The code stays loaded until the last one is gone.
    """
    library = load(code, find)
    functions: dict[str, Callable[..., int]] = {}
    for name, symbol in code.entries.items():
        owner = functools.partial(CompiledCode, name, library)
        functions[name] = new_builtin(name, library[symbol], METH_FASTCALL, owner)
    return functions


def load(code: ObjectCode, find: Callable[[str], int | None] = symbols.address) -> Any:
    """The code in this process, as a library that gives the addresses of its entries by their symbols.

    It stays as long as the library is referred to.
    """
    builder = llvm.JITLibraryBuilder().add_object_img(code.image).add_current_process()
    for name in code.imports:
        where = find(name)
        if where is None:
            raise LinkError(f"no symbol {name!r} in this process")
        builder.import_symbol(name, where)
    for symbol in code.entries.values():
        builder.export_symbol(symbol)
    with _LINKING:
        try:
            return builder.link(engine(), f"staticbp{next(_LIBRARY_NUMBER)}")
        except RuntimeError as error:
            raise LinkError(str(error)) from error
