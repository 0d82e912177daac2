"""Reading and writing IDX, the format in which MNIST is published.

An IDX file is a header and the elements of one array, in C order, all of it big-endian::

    file   = 0 0 dtype n_dims  length * n_dims  element * product of the lengths
    dtype  = 0x08 uint8 | 0x09 int8 | 0x0B int16 | 0x0C int32 | 0x0D float32 | 0x0E float64      (one byte)
    n_dims = one byte                     length = four bytes, unsigned

A file may be compressed by gzip or xz.  Its first bytes tell, whatever its name ends in: programs that fetch
files (browsers above all) like to decompress a ``.gz`` and leave the name as it was.
"""

from __future__ import annotations

import gzip
import io
import lzma
import math
import struct
import zlib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from staticbp.errors import DatasetError

_DTYPES: Final[dict[int, np.dtype[Any]]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES: Final = {dtype: code for code, dtype in _DTYPES.items()}

_GZIP_MAGIC: Final = b"\x1f\x8b"
_XZ_MAGIC: Final = b"\xfd7zXZ\x00"


def read_idx(path: Path | Traversable) -> NDArray[Any]:
    """The array that an IDX file holds.

    Parameters
    ----------
    path : pathlib.Path or importlib.resources.abc.Traversable
        The file, plain or compressed by gzip or xz.

    Returns
    -------
    numpy.ndarray
        A new, writable array in native byte order.

    Raises
    ------
    DatasetError
        If the file cannot be read, or is not a whole, valid IDX file; says which file, and why.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     file = Path(directory) / "small-idx2-short"
    ...     n_bytes = file.write_bytes(encode_idx(np.array([[1, 2], [3, 4]], np.int16)))
    ...     read_idx(file)
    array([[1, 2],
           [3, 4]], dtype=int16)
    """
    return decode_idx(read_contents(path, str(path)), str(path))


def read_contents(path: Path | Traversable, name: str, limit: int | None = None) -> bytes:
    """The contents of a file, decompressed where its first bytes say gzip or xz.

    Parameters
    ----------
    path : pathlib.Path or importlib.resources.abc.Traversable
        The file.
    name : str
        What an error calls it.
    limit : int, optional
        The most bytes to expect.  Anything longer is cut off one byte later, long enough to be noticed: a
        small file can decompress to more than fits in memory.
    """
    n_bytes = -1 if limit is None else limit + 1
    try:
        stored = path.read_bytes()
        if stored.startswith(_GZIP_MAGIC):
            with gzip.GzipFile(fileobj=io.BytesIO(stored)) as stream:
                return stream.read(n_bytes)
        if stored.startswith(_XZ_MAGIC):
            with lzma.LZMAFile(io.BytesIO(stored)) as stream:
                return stream.read(n_bytes)
    except EOFError as error:
        raise DatasetError(f"{name} is truncated: its compressed data ends before its end mark") from error
    except (zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DatasetError(f"{name} is corrupt and does not decompress: {error}") from error
    except OSError as error:
        raise DatasetError(f"{name} cannot be read: {error.strerror or error}") from error
    return stored if limit is None else stored[: limit + 1]


def decode_idx(contents: bytes, name: str) -> NDArray[Any]:
    """The array that the bytes of an IDX file stand for; an error calls the file ``name``.

    Examples
    --------
    >>> decode_idx(bytes([0, 0, 0x08, 1, 0, 0, 0, 3, 7, 8, 9]), "three-idx1-ubyte")
    array([7, 8, 9], dtype=uint8)
    """
    if len(contents) < 4:
        raise DatasetError(f"{name} is truncated: {len(contents)} bytes are no IDX header")
    zeros, code, n_dims = struct.unpack(">HBB", contents[:4])
    if zeros != 0:
        raise DatasetError(
            f"{name} is not an IDX file: it begins with {contents[:4]!r}, not with two zero bytes",
            advice="A web page saved in place of the file begins like that; download the file again."
            if contents.lstrip().startswith(b"<")
            else None,
        )
    if code not in _DTYPES:
        known = ", ".join(f"0x{code:02X} ({dtype.name})" for code, dtype in _DTYPES.items())
        raise DatasetError(f"{name} is not an IDX file: 0x{code:02X} is not among the dtype codes {known}")
    dtype = _DTYPES[code]
    header = 4 + 4 * n_dims
    if len(contents) < header:
        raise DatasetError(f"{name} is truncated: it ends inside its header, at byte {len(contents)} of {header}")
    shape = struct.unpack(f">{n_dims}I", contents[4:header])

    announced = math.prod(shape) * dtype.itemsize
    present = len(contents) - header
    what = f"its header announces {_times(shape)} {dtype.name} elements, {announced} bytes"
    if present < announced:
        raise DatasetError(f"{name} is truncated: {what}, but only {present} bytes follow")
    if present > announced:
        raise DatasetError(f"{name} is not a valid IDX file: {what}, but {present - announced} bytes are left over")
    try:
        elements = np.frombuffer(contents, dtype, offset=header).reshape(shape)
    except ValueError as error:  # e.g. 200 dimensions, or lengths whose product overflows beside a zero
        raise DatasetError(f"{name} is not a valid IDX file: no array has the shape {_times(shape)}") from error
    return elements.astype(dtype.newbyteorder("="))  # a copy: what np.frombuffer gives is read-only


def encode_idx(array: NDArray[Any]) -> bytes:
    """The bytes of the IDX file that holds ``array``.

    Examples
    --------
    >>> encode_idx(np.array([7, 8, 9], np.uint8)).hex(" ", 4)
    '000008 01000000 03070809'
    """
    dtype = array.dtype.newbyteorder(">")
    if dtype not in _CODES:
        raise DatasetError(f"an IDX file cannot hold {array.dtype.name} elements")
    header = struct.pack(f">HBB{array.ndim}I", 0, _CODES[dtype], array.ndim, *array.shape)
    return header + array.astype(dtype).tobytes()


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if shape else "1"
