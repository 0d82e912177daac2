"""``staticbp cache``: what is stored, how large it is, whether it is whole; and to be rid of it."""

from __future__ import annotations

import argparse
import time
from typing import Any

from staticbp.inspection.table import quantity, table
from staticbp.runtime import store
from staticbp.runtime.objectcode import ObjectCode

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def add_to(commands: Any) -> None:
    """Add the command and its actions to a parser."""
    parser = commands.add_parser("cache", help="list, measure, verify or clear the compiled code on disk")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, run, text in (
        ("list", listed, "each compiled module: its functions, size and age"),
        ("size", size, "how much there is, and where"),
        ("verify", verify, "look whether each file is what its first line says; damaged ones are removed"),
        ("clear", clear, "remove all of it; it is compiled again when it is needed"),
    ):
        actions.add_parser(name, help=text).set_defaults(run=run)


def listed(options: argparse.Namespace) -> int:
    """Print a line for each module, the latest first."""
    shelf = _shelf()
    now = time.time()
    rows = []
    for file in sorted(shelf.files(), key=lambda file: -file.mtime):
        payload = shelf.load(file.key)
        names = "damaged" if payload is None else ", ".join(ObjectCode.from_bytes(payload).entries)
        rows.append((file.key[:12], names, quantity(file.size) + "B", _age(now - file.mtime)))
    if not rows:
        print(f"{shelf.directory} is empty")
        return 0
    print(table(("module", "functions", "size", "age"), rows, left=(0, 1)))
    return 0


def size(options: argparse.Namespace) -> int:
    """Print where the store is and how much it holds."""
    status = store.status()
    print(f"{status.directory}: {status.files} modules, {quantity(status.size)}B")
    if status.reason is not None:
        print(f"It is not used: {status.reason}.")
        return 1
    return 0


def verify(options: argparse.Namespace) -> int:
    """Read every file as a process that needs it would."""
    shelf = _shelf()
    keys = [file.key for file in shelf.files()]
    damaged = [key for key in keys if shelf.load(key) is None]
    for key in damaged:
        print(f"damaged and removed: {key[:12]}")
    print(f"{len(keys) - len(damaged)} of {len(keys)} modules are whole")
    return 1 if damaged else 0


def clear(options: argparse.Namespace) -> int:
    """Remove every module."""
    shelf = _shelf()
    files = shelf.files()
    removed = sum(shelf.remove(file.key) for file in files)
    print(f"removed {removed} of {len(files)} modules, {quantity(sum(file.size for file in files))}B")
    return 0 if removed == len(files) else 1


def _shelf() -> store.Store:
    """The store, also when code is not stored at present."""
    return store.default() or store.Store(store.default_directory())


def _age(seconds: float) -> str:
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
