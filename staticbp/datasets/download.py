"""Files fetched once from public mirrors, checked, and kept in a directory of the user's.

A mirror is not trusted: what arrives counts only when its contents have the SHA-256 that this package states.
The digest is of the contents, not of the ``.gz`` around them, since a mirror may have compressed them anew. A
file appears under its own name only when it is whole and checked, so that neither an interrupted transfer nor
two processes downloading at once can leave a bad one.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Final, NamedTuple

from staticbp.datasets.idx import read_contents
from staticbp.errors import DatasetError

try:
    from tqdm import tqdm
except ImportError:  # an extra: staticbp[examples] brings it
    tqdm = None

_CHUNK_BYTES: Final = 1 << 16
_TIMEOUT_SECONDS: Final = 30.0
_COMPRESSION_SLACK: Final = 1 << 16  # data that do not compress become a little longer by compression


class RemoteFile(NamedTuple):
    """A file as the mirrors name it, with the digest and the size of its decompressed contents."""

    name: str
    sha256: str
    size: int


class _MirrorError(Exception):
    """A mirror did not deliver the file; another one may."""


def data_directory(dataset: str) -> Path:
    """Where the downloads of a dataset are kept.

    A directory named after the dataset, in ``$STATICBP_DATA_DIR`` if that is set, else in
    ``staticbp/datasets`` of the XDG cache (``$XDG_CACHE_HOME``, or ``~/.cache``).
    """
    try:
        chosen = os.environ.get("STATICBP_DATA_DIR")
        if chosen:
            return Path(chosen).expanduser() / dataset
        cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not cache.is_absolute():  # XDG says to ignore a relative path
            cache = Path.home() / ".cache"
    except RuntimeError as error:
        raise DatasetError(
            f"there is no directory to keep the dataset {dataset!r} in: {error}",
            advice="Set STATICBP_DATA_DIR to a directory that you can write to.",
        ) from error
    return cache / "staticbp" / "datasets" / dataset


def fetch(file: RemoteFile, mirrors: Sequence[str], directory: Path) -> bytes:
    """The decompressed contents of a file, downloaded unless an intact copy is in ``directory``.

    Parameters
    ----------
    file : RemoteFile
        What to fetch.
    mirrors : sequence of str
        Addresses ending in ``/`` to which the file's name is appended; tried in turn.
    directory : pathlib.Path
        Where the copy is kept; made if it does not exist.

    Raises
    ------
    DatasetError
        If no mirror delivers the file (with the reason for each), or if the copy cannot be written.
    """
    kept = directory / file.name
    if kept.is_file():
        with suppress(DatasetError):  # a damaged copy is as good as none
            return _verified_contents(kept, str(kept), file)
    failures = []
    for mirror in mirrors:
        try:
            return _download(mirror + file.name, file, kept)
        except _MirrorError as error:
            failures.append(f"\n    {error}")
    raise DatasetError(
        f"{file.name} could not be downloaded:{''.join(failures)}",
        advice=f"If you have the file, put it into {directory}.",
    )


def _download(url: str, file: RemoteFile, kept: Path) -> bytes:
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(kept) as (stream, path):
            for chunk in _received(url, file):
                stream.write(chunk)
            stream.flush()
            try:
                return _verified_contents(path, url, file)
            except DatasetError as error:
                raise _MirrorError(error.what) from error
    except OSError as error:  # the network's errors have become a _MirrorError by now
        raise DatasetError(
            f"{file.name} cannot be kept in {kept.parent}: {error.strerror or error}",
            advice="Set STATICBP_DATA_DIR to a directory that you can write to.",
        ) from error


@contextmanager
def _replacing(target: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A temporary file and its path: it takes the target's place, or goes if the block fails."""
    descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream, path
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


def _received(url: str, file: RemoteFile) -> Iterator[bytes]:
    """What the mirror sends, chunk by chunk; every way for it to fail is a :class:`_MirrorError`."""
    request = urllib.request.Request(url, headers={"User-Agent": "staticbp"})
    received = 0
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            announced: int | None = response.length
            for chunk in _shown(iter(partial(response.read, _CHUNK_BYTES), b""), file.name, announced):
                received += len(chunk)
                if received > file.size + _COMPRESSION_SLACK:
                    raise _MirrorError(f"{url} sends more than the {file.size} bytes that the file holds")
                yield chunk
    except urllib.error.HTTPError as error:
        with error:  # it is a response as well, and holds the connection
            raise _MirrorError(f"{url} answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _MirrorError(f"{url} is out of reach: {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _MirrorError(f"{url} broke off after {received} bytes: {error!r}") from error
    # http.client takes a connection that closes early for the end of the file.
    if announced is not None and received < announced:
        raise _MirrorError(f"{url} broke off after {received} of {announced} bytes")


def _shown(chunks: Iterator[bytes], name: str, total: int | None) -> Iterator[bytes]:
    """The same chunks, with a progress bar if there is a terminal to show it on, and tqdm to draw it."""
    if tqdm is None:
        yield from chunks
        return
    on_terminal_only = None
    with tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=on_terminal_only) as bar:
        for chunk in chunks:
            bar.update(len(chunk))
            yield chunk


def _verified_contents(path: Path, name: str, file: RemoteFile) -> bytes:
    contents = read_contents(path, name, limit=file.size)
    digest = hashlib.sha256(contents).hexdigest()
    if digest != file.sha256:
        raise DatasetError(f"{name} is not the file wanted: the SHA-256 of its contents is {digest}, not {file.sha256}")
    return contents
