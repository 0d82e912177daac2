"""`save` and `load`: structures of numbers in files of the open format safetensors.

A file holds each leaf under its path (``layers.0.weights``), which is how other programs read them.  What belongs to
the structure and is no number is told in the metadata, under `KEY`: by path the class of each record, and the text of
each static value.  Nothing in a file is ever executed.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from staticbp.core.packages import optional
from staticbp.core.primitive import Traced
from staticbp.core.tree import KINDS, flatten, is_number, parts_of, walk
from staticbp.errors import (
    ArgumentError,
    DtypeError,
    SavedFileError,
    ShapeError,
    StructureError,
)
from staticbp.trace.names import here

T = TypeVar("T")

KEY = "staticbp"
_DTYPES = "?bhilqBHILQefd"  # the dtypes that a file can hold, by their characters


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Save a structure of numbers and arrays in a file, in the open format safetensors.

    Parameters
    ----------
    path : str or path
        Where to; a file that is there is replaced when the new one is whole, and not before.
    tree : structure
        Any structure of numbers and arrays.  Names in the file are paths, such as ``layers.0.weights``.

    Raises
    ------
    MissingPackageError
        Without the package safetensors (the extra ``staticbp[io]``).
    DtypeError
        For a leaf whose dtype the format does not have.
    ArgumentError
        For traced values, and for two leaves of one name.
    FileNotFoundError
        If there is no such folder to save in.

    See Also
    --------
    load : The way back.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import staticbp as bp
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> bp.save(path, {"weights": np.array([[1.0, 2.0]]), "rate": 0.5})
    >>> bp.load(path, like={"weights": np.zeros((1, 2)), "rate": 0.0})
    {'weights': array([[1., 2.]]), 'rate': 0.5}
    """
    arrays = {name: _array(name, leaf) for name, leaf in _leaves(tree).items()}
    metadata = {KEY: json.dumps(_description(tree), ensure_ascii=False)}
    _write(Path(path), _library("safetensors.numpy").save(arrays, metadata))


def load(path: str | os.PathLike[str], *, like: T) -> T:
    """Load what `save` has saved, or another program in the same format.

    Parameters
    ----------
    path : str or path
        The file.
    like : structure
        One of the structure that is wanted, with leaves of the same shapes and dtypes; its numbers do not matter.

    Returns
    -------
    structure
        Of the structure of `like`, with numbers of the kinds that `like` has.

    Raises
    ------
    StructureError
        If a leaf is missing in the file or has no place in `like`, or if a static field or the class of a record
        differs.  The classes and static fields of files that other programs wrote are not known, and not checked.
    ShapeError, DtypeError
        If the shape or dtype of a leaf differs.
    SavedFileError
        If the file is damaged, or of another format.
    FileNotFoundError
        If there is none.
    MissingPackageError
        Without the package safetensors (the extra ``staticbp[io]``).

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import staticbp as bp
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> bp.save(path, {"weights": np.ones(3)})
    >>> bp.load(path, like={"weights": np.ones(4)})
    Traceback (most recent call last):
    staticbp.errors.ShapeError: weights has the shape (3,) in ...net.safetensors, and (4,) in `like`
      at ...
    """
    file = os.fspath(path)
    wanted = _leaves(like)
    arrays, description = _read(file)
    _require_same_description(description, _description(like), file)
    missing = [name for name in wanted if name not in arrays]
    extra = [name for name in sorted(arrays) if name not in wanted]
    if missing or extra:
        said = [f"{file} has no {_listed(missing)}"] if missing else []
        said += [f"`like` has no {_listed(extra)}, which the file has"] if extra else []
        raise StructureError(", and ".join(said), src=here().src)
    leaves = [_checked(name, arrays[name], leaf, file) for name, leaf in wanted.items()]
    return cast(T, flatten(like)[1].unflatten(leaves))


# ---- leaves -----------------------------------------------------------------------------------------------------


def _leaves(tree: Any) -> dict[str, Any]:
    """The leaves by name, in their order."""
    leaves, _ = flatten(tree)
    names = [".".join(map(str, steps)) or "value" for steps, value in walk(tree) if is_number(value)]
    found = dict(zip(names, leaves, strict=True))
    if len(found) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ArgumentError(f"two leaves are called {twice!r}", src=here().src, advice="Rename a key.")
    return found


def _array(name: str, leaf: Any) -> Any:
    if isinstance(leaf, Traced):
        raise ArgumentError(
            f"{name} is a traced value, which has no numbers to save",
            src=here().src,
            advice="Return it from the compiled function, and save what that returns.",
        )
    array = np.asarray(leaf)
    if array.dtype.char not in _DTYPES:
        raise DtypeError(f"{name} has dtype {array.dtype}, which the format safetensors does not have", src=here().src)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)


def _checked(name: str, array: Any, leaf: Any, file: str) -> Any:
    """A loaded array as a leaf of the kind that `like` has."""
    aval = leaf.aval if isinstance(leaf, Traced) else np.asarray(leaf)
    if array.shape != aval.shape:
        raise ShapeError(f"{name} has the shape {array.shape} in {file}, and {aval.shape} in `like`", src=here().src)
    if array.dtype != aval.dtype.newbyteorder("="):
        raise DtypeError(
            f"{name} is {array.dtype} in {file}, and {aval.dtype} in `like`",
            src=here().src,
            advice=f"Load it as {array.dtype}, and convert what was loaded with bp.tree.map.",
        )
    if isinstance(leaf, np.ndarray):
        return array
    return array[()] if isinstance(leaf, np.generic) else array.item()


# ---- what is no number ------------------------------------------------------------------------------------------


def _description(tree: Any) -> dict[str, dict[str, str]]:
    """The classes of records and the static values, by path."""
    classes: dict[str, str] = {}
    static: dict[str, str] = {}
    for steps, value in walk(tree):
        place = ".".join(map(str, steps))
        kind, parts = KINDS.get(type(value)), parts_of(value)
        if kind is not None or (parts is not None and not isinstance(value, list | dict) and type(value) is not tuple):
            classes[place] = type(value).__qualname__.rpartition(".<locals>.")[2]
        if kind is not None and kind.static is not None:
            static[f"{place} (static)"] = _said(kind.static(value))
        if parts is not None:
            static |= {".".join((*map(str, steps), name)): _said(parts.values[name]) for name in sorted(parts.statics)}
        elif kind is None and value is not None and not is_number(value):
            static[place] = _said(value)
    return {"classes": classes, "static": static}


def _said(value: Any) -> str:
    """A static value as a text that is the same in every process."""
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, type) or callable(value):
        named = value if hasattr(value, "__qualname__") else type(value)
        return f"{named.__module__}.{named.__qualname__}"
    text = repr(value)
    return f"a {type(value).__qualname__}" if f"{id(value):x}" in text else text  # an address says nothing


def _require_same_description(found: Any, wanted: dict[str, dict[str, str]], file: str) -> None:
    """Compare what both sides say of a place; places that only one has are told by the leaves."""
    if found is None:
        return
    for what, advice in (("classes", None), ("static", "Load it with the static values that it was saved with.")):
        for place in sorted(found[what].keys() & wanted[what].keys()):
            if found[what][place] != wanted[what][place]:
                raise StructureError(
                    f"{place or 'the whole'} is {found[what][place]} in {file}, and {wanted[what][place]} in `like`",
                    src=here().src,
                    advice=advice,
                )


# ---- files ------------------------------------------------------------------------------------------------------


def _library(name: str) -> Any:
    return optional(name, "bp.save and bp.load", "io")


def _write(path: Path, contents: bytes) -> None:
    """Write a file that is there when it is whole."""
    if not path.parent.is_dir():  # an error of writing would name the temporary file
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to save in", str(path.parent))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        temporary.write_bytes(contents)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _read(file: str) -> tuple[dict[str, Any], Any]:
    library = _library("safetensors")
    with open(file, "rb"):  # the builtin says best what is wrong with a path
        pass
    try:
        with library.safe_open(file, framework="numpy") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
            text = (opened.metadata() or {}).get(KEY)
    except (library.SafetensorError, TypeError, ValueError) as error:
        raise SavedFileError(f"{file} is damaged, or no file in the format safetensors: {error}") from None
    return arrays, None if text is None else _described_in(text, file)


def _described_in(text: str, file: str) -> Any:
    try:
        description = json.loads(text)
        return {what: dict(description[what]) for what in ("classes", "static")}
    except (ValueError, TypeError, KeyError):
        raise SavedFileError(f"the metadata of {file} are damaged") from None


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
