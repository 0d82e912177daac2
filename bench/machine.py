"""Where it was measured: the processor, the system, and the versions of everything."""

import datetime as dt
import importlib.metadata
import os
import platform
import re
from pathlib import Path

from bench.rounds import PINS, processors
from staticbp.version import __version__

PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "jax", "jaxlib", "torch", "pytensor", "autograd", "casadi")
VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON"), ("sve", "SVE"))
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def describe() -> dict[str, str]:
    """What a reader has to know of it, a line each."""
    found = {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "processor": processor(),
        "processors used": str(len(processors())),
        "caches": caches(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(versions()),
        "dropped from the environment": ", ".join(name for name in PINS if name in os.environ),
    }
    return {name: text for name, text in found.items() if text}


def processor() -> str:
    """Its name, and the widest vectors that it has."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    text = information.read_text(encoding="utf-8")
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    has = set(flags[1].split()) if flags else set()
    vectors = next((label for flag, label in VECTORS if flag in has), "")
    return ", ".join(filter(None, [name[1] if name else platform.machine(), vectors]))


def caches() -> str:
    """Those that the first processor sees.

    A virtual machine may share the last of them with others.
    """
    levels = []
    for index in sorted(CACHES.glob("index*")):
        kind, level, size = ((index / part).read_text().strip() for part in ("type", "level", "size"))
        if kind != "Instruction":
            levels.append(f"L{level} {size}")
    return ", ".join(levels)


def versions() -> list[str]:
    """Of staticbp and of all that competes, as far as they are installed."""
    found = [f"staticbp {__version__}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
