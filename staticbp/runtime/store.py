"""Machine code on disk: what one process compiled, the next one loads.

One file for each compiled module, in a directory of the user's own (``STATICBP_CACHE_DIR``, else ``staticbp``
in the XDG cache). Its name is its key (:mod:`staticbp.runtime.keys`). A file is ::

    staticbp 1 <key> <length of the payload> <SHA-256 of the payload>
    <payload>

and what does not agree with its first line to the letter is not looked at: it is a miss, and removed. Nothing
here raises: a store that cannot be read or written costs a compilation, never a call.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

FORMAT = "staticbp 1"
SUFFIX = ".code"
DEFAULT_LIMIT = 1 << 30
STALE_AFTER = 3600.0  # seconds after which the temporary file of a killed writer is swept up
WORTH_TOUCHING = 86400.0  # a hit renews the age of a file at most once a day

LOG = logging.getLogger("staticbp.store")


@dataclass(slots=True)
class Stats:
    """What the stores of this process have done so far."""

    hits: int = 0
    misses: int = 0
    saves: int = 0
    rejected: int = 0


stats = Stats()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A module on disk: its key, its size in bytes, and when it was written or last used (seconds, as `time.time`)."""

    key: str
    size: int
    mtime: float


class Store:
    """A directory of compiled modules.

    Parameters
    ----------
    directory : path-like
        Where the files are. It is made when something is saved.
    limit : int
        The most bytes it may hold; the oldest files go first.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(tempfile.mkdtemp())
    >>> store.save("ab12", b"machine code")
    True
    >>> store.load("ab12")
    b'machine code'
    >>> store.load("cd34") is None
    True
    """

    def __init__(self, directory: str | os.PathLike[str], limit: int = DEFAULT_LIMIT) -> None:
        self.directory = Path(directory)
        self.limit = limit

    def path(self, key: str) -> Path:
        return self.directory / (key + SUFFIX)

    def refusal(self) -> str | None:
        """Why the directory is not to be trusted, or None: code that others could have written is not run."""
        try:
            facts = os.stat(self.directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"cannot be looked at ({error.strerror})"
        if not stat.S_ISDIR(facts.st_mode):
            return "is not a directory"
        return _foreign(facts)

    def load(self, key: str) -> bytes | None:
        """The payload that was saved under a key, or None."""
        payload = self._read(key) if self._trusted() else None
        if payload is None:
            stats.misses += 1
        else:
            stats.hits += 1
        return payload

    def save(self, key: str, payload: bytes) -> bool:
        """Keep a payload, and say whether that could be done."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._trusted():
                return False
            self._write(key, payload)
        except OSError as error:
            _warn_once(f"{self.directory}: compiled code could not be stored ({error.strerror}); it stays in memory")
            return False
        stats.saves += 1
        self._prune()
        return True

    def files(self) -> list[StoredFile]:
        """The modules that are there, whole or not."""
        found = []
        try:
            with os.scandir(self.directory) as listing:
                for item in listing:
                    if item.name.endswith(SUFFIX):
                        facts = item.stat(follow_symlinks=False)
                        found.append(StoredFile(item.name.removesuffix(SUFFIX), facts.st_size, facts.st_mtime))
        except OSError as error:
            LOG.debug("listing %s: %s", self.directory, error)
        return found

    def remove(self, key: str) -> bool:
        """Remove a module, and say whether it is gone."""
        _remove(self.path(key))
        return not self.path(key).exists()

    def reject(self, key: str) -> None:
        """Take back a hit: what was loaded turned out to be of no use."""
        stats.hits -= 1
        stats.misses += 1
        self._discard(key)

    def _discard(self, key: str) -> None:
        stats.rejected += 1
        LOG.debug("rejected %s", self.path(key))
        _remove(self.path(key))

    def _trusted(self) -> bool:
        reason = self.refusal()
        if reason is not None:
            _warn_once(f"{self.directory} {reason}: compiled code is neither read from it nor stored in it")
        return reason is None

    def _read(self, key: str) -> bytes | None:
        try:
            handle = os.open(self.path(key), os.O_RDONLY | _NO_FOLLOW | _BINARY)
        except FileNotFoundError:
            return None
        except OSError:
            self._discard(key)
            return None
        try:
            facts = os.fstat(handle)
            content = _read_all(handle, facts.st_size) if _foreign(facts) is None else b""
        except OSError:
            content = b""
        finally:
            os.close(handle)
        header, newline, payload = content.partition(b"\n")
        if not newline or header != _header(key, payload):
            self._discard(key)
            return None
        if time.time() - facts.st_mtime > WORTH_TOUCHING:
            _touch(self.path(key))
        return payload

    def _write(self, key: str, payload: bytes) -> None:
        temporary = self.directory / f"{key}.{os.getpid()}.{os.urandom(6).hex()}.tmp"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o600)
        try:
            try:
                _write_all(handle, _header(key, payload) + b"\n")
                _write_all(handle, payload)
            finally:
                os.close(handle)
            os.replace(temporary, self.path(key))
        except BaseException:
            _remove(temporary)
            raise

    def _prune(self) -> None:
        """Remove the oldest files until the rest fits, and what killed writers left behind."""
        now = time.time()
        files: list[tuple[float, int, str]] = []
        try:
            with os.scandir(self.directory) as listing:
                for item in listing:
                    facts = item.stat(follow_symlinks=False)
                    if item.name.endswith(SUFFIX):
                        files.append((facts.st_mtime, facts.st_size, item.path))
                    elif item.name.endswith(".tmp") and now - facts.st_mtime > STALE_AFTER:
                        _remove(item.path)
        except OSError as error:  # another process may be pruning too
            LOG.debug("pruning %s: %s", self.directory, error)
        excess = sum(size for _, size, _ in files) - self.limit
        for _, size, path in sorted(files):
            if excess <= 0:
                break
            _remove(path)
            excess -= size


_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def _header(key: str, payload: bytes) -> bytes:
    return f"{FORMAT} {key} {len(payload)} {hashlib.sha256(payload).hexdigest()}".encode()


def _foreign(facts: os.stat_result) -> str | None:
    """Why others could have written it, or None. On Windows the user's profile is guarded by access lists."""
    if not hasattr(os, "geteuid"):
        return None
    if facts.st_uid != os.geteuid():
        return "belongs to another user"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "is writable by others (chmod go-w)"
    return None


def _read_all(handle: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(handle, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def _touch(path: str | os.PathLike[str]) -> None:
    try:
        os.utime(path)
    except OSError as error:
        LOG.debug("%s keeps its age: %s", path, error)


def _remove(path: str | os.PathLike[str]) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        LOG.debug("%s is not removed: %s", path, error)


# ---- the user's store ----


def default() -> Store | None:
    """The store that the environment names, or None when its size is set to 0."""
    return _opened(default_directory(), os.environ.get("STATICBP_CACHE_SIZE", ""))


def default_directory() -> str:
    """Where compiled code is kept: ``STATICBP_CACHE_DIR``, else ``staticbp`` in the XDG cache."""
    own = os.environ.get("STATICBP_CACHE_DIR")
    if own:
        return os.path.abspath(os.path.expanduser(own))
    shared = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(shared if os.path.isabs(shared) else os.path.expanduser("~/.cache"), "staticbp")


@functools.lru_cache(maxsize=8)
def _opened(directory: str, size: str) -> Store | None:
    limit = parse_size(size) if size else DEFAULT_LIMIT
    if limit is None:
        _warn_once(f"STATICBP_CACHE_SIZE={size!r} is not a size such as 500M or 2G; {DEFAULT_LIMIT} bytes are used")
        limit = DEFAULT_LIMIT
    return Store(directory, limit) if limit else None


def parse_size(text: str) -> int | None:
    """A number of bytes, with the suffix K, M, G or none; None for anything else.

    Examples
    --------
    >>> parse_size("500M"), parse_size("4096"), parse_size("much")
    (524288000, 4096, None)
    """
    number, unit = text[:-1], text[-1:].upper()
    shift = {"K": 10, "M": 20, "G": 30}.get(unit)
    if shift is None:
        number, shift = text, 0
    return int(number) << shift if number.isascii() and number.isdigit() else None


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the user's store.

    Parameters
    ----------
    directory : str
        Where it is.
    reason : str or None
        Why it is not used; None when it is.
    files, size : int
        How many modules it holds, and how many bytes.
    """

    directory: str
    reason: str | None
    files: int
    size: int


def status() -> Status:
    """What there is to say about the user's store, for diagnosis."""
    directory, store = default_directory(), default()
    if store is None:
        return Status(directory, "STATICBP_CACHE_SIZE is 0", 0, 0)
    files = store.files()
    return Status(directory, store.refusal(), len(files), sum(file.size for file in files))


@functools.cache
def _warn_once(message: str) -> None:
    LOG.warning(message)
