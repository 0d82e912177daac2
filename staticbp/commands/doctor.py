"""``staticbp doctor``: what staticbp runs on here, what is wrong with it, and what to do about each."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import staticbp
from staticbp.runtime import store, symbols, team
from staticbp.runtime.compiler import jit
from staticbp.runtime.load import JIT
from staticbp.runtime.objectcode import host
from staticbp.version import __version__

PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "optree")
# Variables that make OpenBLAS take other kernels, or other block sizes, than it would choose for this processor.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
WIDTHS = (("avx512f", "AVX-512", "zmm", 64), ("avx2", "AVX2", "ymm", 32), ("neon", "NEON", r"v\d+\.", 16))
COSTLY = 1.15  # times as long: a pin that costs this much is worth a word

# A product of the size of a small network's layer, timed in a process that has its own environment.
_TIMING = """
import statistics, sys, time
import numpy as np
from scipy.linalg.blas import sgemm
a = np.asfortranarray(np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32))
for _ in range(5): sgemm(1.0, a, a)
times = []
for _ in range(30):
    start = time.perf_counter()
    sgemm(1.0, a, a)
    times.append(time.perf_counter() - start)
print(statistics.median(times))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is to say of one thing; with advice, something is wrong with it."""

    topic: str
    text: str
    advice: str | None = None

    def __str__(self) -> str:
        mark = "ok" if self.advice is None else "!!"
        return f"{mark}  {self.topic:14}{self.text}" + (f"\n    {'':14}-> {self.advice}" if self.advice else "")


def add_to(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("doctor", help="versions, BLAS, threads, processor, cache: and what to do about each")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print all findings; the status is 1 when there is something to do."""
    something = 0
    for finding in findings():
        print(finding)
        something |= finding.advice is not None
    return something


def findings() -> Iterator[Finding]:
    """Everything, from the outside in."""
    yield _versions()
    yield _compiler()
    yield _processor()
    yield _vector_maths()
    yield from _blas()
    yield _threads()
    yield _cache()


def _versions() -> Finding:
    found = [f"{name} {_version(name)}" for name in PACKAGES]
    missing = [name for name in PACKAGES if _version(name) == "missing"]
    text = f"staticbp {__version__}, Python {platform.python_version()}, " + ", ".join(found)
    return Finding("versions", text, f"pip install {' '.join(missing)}" if missing else None)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _compiler() -> Finding:
    if not JIT:
        return Finding(
            "compiler", "STATICBP_JIT=0: generated code runs as Python", "unset STATICBP_JIT, unless you debug"
        )
    if jit.unavailable is not None:
        advice = "it works, but each process compiles anew; install a version of Numba that staticbp knows"
        return Finding("compiler", f"Numba's interface has changed: {jit.unavailable}", advice)
    return Finding("compiler", "Numba and LLVM, machine code can be stored")


def _processor() -> Finding:
    triple, name, features = host()
    kinds = [label for flag, label, _, _ in WIDTHS if f"+{flag}" in features.split(",")]
    kinds += ["NEON"] if triple.startswith("aarch64") else []
    text = f"{name} ({triple}), {kinds[0] if kinds else 'no wide vectors'}, {team.available_cores()} core(s) to use"
    chosen = [var for var in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES") if var in os.environ]
    advice = f"unset {' and '.join(chosen)}, unless code for another processor is wanted" if chosen else None
    return Finding("processor", text, advice)


def _vector_maths() -> Finding:
    """Whether a loop over exp is vectorised, seen in the machine code."""
    if not JIT:
        return Finding("vector maths", "not compiled")
    code = staticbp.inspect(lambda x: np.exp(x), np.ones(1000)).asm
    for flag, label, register, nbytes in WIDTHS:
        if re.search(rf"\b\w*mul\w*\s.*{register}", code):
            text = (
                f"own kernels, {label} found in the loop of exp: {nbytes // 8} float64 or {nbytes // 4} float32 at once"
            )
            wider = [name for other, name, _, size in WIDTHS if size > nbytes and f"+{other}" in host()[2].split(",")]
            if flag == "avx2" and wider:
                text += " (LLVM prefers it to AVX-512 on this processor)"
            return Finding("vector maths", text)
    return Finding("vector maths", "the loop of exp is not vectorised", "please report it with this whole output")


def _blas() -> Iterator[Finding]:
    libraries = _libraries()
    if libraries is None:
        yield Finding("BLAS", "SciPy's", "pip install threadpoolctl, and doctor says which kernels run")
    for library in libraries or ():
        text = f"{library.get('internal_api')} {library.get('version')}, kernels {library.get('architecture')}, "
        yield Finding("BLAS", text + f"{library.get('num_threads')} thread(s), {os.path.basename(library['filepath'])}")
    pins = {name: os.environ[name] for name in PINS if name in os.environ}
    if pins:
        yield _pinned(pins)


def _libraries() -> list[dict[str, Any]] | None:
    """The BLAS libraries of this process, once SciPy's is loaded; None when nobody can tell."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return None
    symbols.blas_routines()
    found = importlib.import_module("threadpoolctl").threadpool_info()
    return [library for library in found if library.get("user_api") == "blas"]


def _pinned(pins: dict[str, str]) -> Finding:
    """What the user's choice of kernels costs against OpenBLAS's own, by a measurement in turns."""
    names = " and ".join(f"{name}={value}" for name, value in pins.items())
    free = {name: value for name, value in os.environ.items() if name not in PINS}
    runs = [(_timed(dict(os.environ)), _timed(free)) for _ in range(3)]
    pinned, unpinned = (statistics.median(column) for column in zip(*runs, strict=True))
    ratio = pinned / unpinned
    text = f"{names}: a product of 512 x 512 float32 takes {ratio:.2f} times as long as with OpenBLAS's own choice"
    if ratio < COSTLY:
        return Finding("BLAS kernels", text)
    return Finding("BLAS kernels", text, f"unset {' '.join(pins)}")


def _timed(environment: dict[str, str]) -> float:
    done = subprocess.run([sys.executable, "-c", _TIMING], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _threads() -> Finding:
    count = team.threads_wanted()
    text = f"loops and products are shared by {count} thread(s)"
    limits = [name for name in ("STATICBP_NUM_THREADS", "OMP_NUM_THREADS") if name in os.environ]
    if limits and count < min(team.available_cores(), team.MOST):
        return Finding(
            "threads", f"{text}, because of {' and '.join(limits)}", f"unset {' '.join(limits)} to use all cores"
        )
    return Finding("threads", text)


def _cache() -> Finding:
    status = store.status()
    text = f"{status.directory}: {status.files} modules, {status.size / 1e6:.1f} MB"
    if status.reason is not None:
        return Finding("cache", f"{text}; not used: {status.reason}", "without it every process compiles anew: mend it")
    shelf = store.default()
    damaged = [file.key for file in shelf.files() if shelf.load(file.key) is None] if shelf else []
    if damaged:
        return Finding("cache", f"{text}; {len(damaged)} damaged, removed", "look after the disk if that comes back")
    return Finding("cache", text)
