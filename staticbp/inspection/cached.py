"""Where the machine code of a call lies, and whether it is there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from staticbp.inspection.table import quantity
from staticbp.runtime import native, store
from staticbp.runtime.keys import module_key
from staticbp.runtime.load import JIT
from staticbp.runtime.spec import Convention


@dataclass(frozen=True, slots=True)
class Cached:
    """The place of a module in the store.

    Attributes
    ----------
    key : str
        The digest of all that the machine code depends on; the name of its file.
    path : pathlib.Path or None
        Where the file is, or would be; None where nothing is stored.
    hit : bool
        Whether a call would find it there.
    reason : str
        Why, or why not.
    size : int
        Its bytes.
    """

    key: str
    path: Path | None
    hit: bool
    reason: str
    size: int = 0

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{'hit' if self.hit else 'miss'}: {self.reason}",
                f"key   {self.key}",
                *([f"file  {self.path}"] if self.path is not None else []),
            ]
        )


def cached(source: str, name: str, convention: Convention, *, releases_gil: bool) -> Cached:
    """Where the module is that `runtime.load.compile_module` would look for."""
    key = module_key(source, {name: convention}, {"fastmath": False, "parallel": False, "release_gil": releases_gil})
    if not JIT:
        return Cached(key, None, False, "nothing is compiled: STATICBP_JIT=0")
    if not native.storable(source):
        return Cached(
            key, None, False, "it calls a kernel that reads more than its arguments, and is kept in memory only"
        )
    shelf = store.default()
    if shelf is None:
        return Cached(key, None, False, "nothing is stored: STATICBP_CACHE_SIZE is 0")
    path, refusal = shelf.path(key), shelf.refusal()
    if refusal is not None:
        return Cached(key, path, False, f"the directory {refusal}")
    try:
        facts = path.stat()
    except OSError:
        return Cached(key, path, False, "this code has not been stored by these versions, for this processor")
    age = max(0.0, time.time() - facts.st_mtime)
    text = f"{quantity(facts.st_size)}B, stored or last used {quantity(age / 60).strip()} minutes ago"
    return Cached(key, path, True, text, facts.st_size)
