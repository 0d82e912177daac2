"""The key of a compiled module in the store: a digest of all that decides what its machine code is.

No Numba is imported for it, nor anything compiled.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Mapping
from types import CodeType

import llvmlite
import numpy as np

from staticbp.runtime import native
from staticbp.runtime.objectcode import host
from staticbp.runtime.spec import Convention, convention_token
from staticbp.version import __version__


def code_digest(source: str) -> str:
    r"""A digest of what a module does, whatever its comments, the words of its docstring, layout and line numbers.

    It is taken of the bytecode, which is also what Numba compiles from.

    Examples
    --------
    >>> plain = code_digest("'One.'\ndef f(x):\n    return x + 1")
    >>> plain == code_digest("'Another.'\n\ndef f(x):\n    return (x  +  1)  # comment")
    True
    >>> plain == code_digest("'One.'\ndef f(x):\n    return x + 1.0")
    False
    """
    digest = hashlib.sha256()
    pending = [compile(source, "<key>", "exec", dont_inherit=True, optimize=2)]  # without docstrings
    while pending:
        code = pending.pop()
        constants = [item for item in code.co_consts if not isinstance(item, CodeType)]
        pending += [item for item in code.co_consts if isinstance(item, CodeType)]
        names = (code.co_name, code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        for part in (code.co_code, repr(names).encode(), repr(counts).encode(), repr(constants).encode()):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def module_key(source: str, entries: Mapping[str, Convention], flags: Mapping[str, bool]) -> str:
    """The key of a compiled module: the same for what gives the same machine code, and only then."""
    signatures = [f"{name}({convention_token(convention)})" for name, convention in entries.items()]
    parts = [
        *surroundings(),
        code_digest(source),
        *signatures,
        *native.digests(source),
        *(f"{name}={flags[name]}" for name in sorted(flags)),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def surroundings() -> tuple[str, ...]:
    """What machine code depends on besides the module: versions, kernels, the CPU, Numba's settings."""
    harmless = ("NUMBA_CACHE", "NUMBA_DEBUG", "NUMBA_DUMP", "NUMBA_NUM_THREADS", "NUMBA_THREADING")
    settings = [
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if name.startswith("NUMBA_") and not name.startswith(harmless)
    ]
    return (
        f"staticbp {__version__}",
        f"runtime {_sources_digest(os.path.dirname(__file__))}",
        f"numba {_numba_version()}",
        f"llvmlite {llvmlite.__version__}",
        f"numpy {np.__version__}",
        f"python {sys.implementation.cache_tag} {platform.python_version()}",
        *host(),
        *settings,
    )


# Modules of the runtime that no machine code depends on.
_INERT = frozenset(
    {"direct.py", "directcode.py", "dispatch.py", "gate.py", "keys.py", "load.py", "memory.py", "store.py"}
    | {"whitelist.py"}
)


def _sources_digest(root: str) -> str:
    """A digest of the kernels that code links, and of the modules that compile it."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py") and name not in _INERT:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    content = file.read()
                digest.update(f"{os.path.relpath(path, root)} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _numba_version() -> str:
    """Numba's version, without importing it; importlib.metadata would take 30 ms too."""
    spec = importlib.util.find_spec("numba")
    if spec is None or not spec.submodule_search_locations:
        return "none"  # what is stored runs without it
    folder = spec.submodule_search_locations[0]
    try:
        with open(os.path.join(folder, "_version.py"), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        numba = importlib.import_module("numba")
        return str(numba.__version__)
