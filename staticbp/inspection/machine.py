"""What the machine can do at most: operations and bytes a second, measured once and kept beside the stored code."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from staticbp.inspection.table import quantity
from staticbp.runtime import store, team
from staticbp.runtime.load import compile_module
from staticbp.runtime.objectcode import host
from staticbp.runtime.spec import Spec

LOG = logging.getLogger("staticbp.profile")

FORMAT = 1  # of the file; another one is measured anew
SIDES = (256, 1024)  # rows of the matrices that are multiplied: by kernels of our own, and by the BLAS
ELEMENTS = 1 << 18  # whose exponentials are taken
SIZES = tuple(1 << bits for bits in range(14, 27, 2))  # bytes, from the first cache to main memory
LEAST = 1 << 24  # bytes that are gone through in one trial
TRIALS = 9

_SOURCE = '''"""What the machine can do at most."""

import numpy as np

from staticbp.runtime import blas, threads
from staticbp.runtime import vecmath as vm


def multiply(a, b, c):
    blas.gemm(a, b, c)
    return 0


def exponentials(x, y):
    for i in threads.range(x.shape[0], 4096):
        y[i] = vm.exp(x[i])
    return 0


def stream(x, y, times):
    for t in range(times):
        for i in range(x.shape[0]):
            y[i] = 0.5 * y[i] + x[i]
    return 0


def shared_stream(x, y):
    for i in threads.range(x.shape[0], 8192):
        y[i] = 0.5 * y[i] + x[i]
    return 0
'''


@dataclass(frozen=True, slots=True)
class Peaks:
    """The most that this machine does in a second, with all the threads that staticbp uses.

    Attributes
    ----------
    processor : str
        Its name, and what code is compiled for.
    threads : int
        The threads that loops and products are shared out to.
    flops : dict of str to float
        Floating-point operations by dtype: those of a product of matrices.
    functions : dict of str to float
        Exponentials by dtype.
    bandwidth : dict of int to float
        Bytes by the size of what is read and written over and over: that of a cache is higher than that of memory.
    """

    processor: str
    threads: int
    flops: dict[str, float]
    functions: dict[str, float]
    bandwidth: dict[int, float]

    def seconds(self, flops: int, functions: int, nbytes: int, dtype: str) -> dict[str, float]:
        """The least time that each kind of work takes, by kind.

        Examples
        --------
        >>> peaks = Peaks("a processor", 1, {"float64": 1e9}, {"float64": 1e8}, {4096: 1e10, 65536: 1e9})
        >>> peaks.seconds(2000, 0, 8000, "float64")
        {'arithmetic': 2e-06, 'functions': 0.0, 'memory': 8e-06}
        """
        reached = next(
            (rate for size, rate in self.bandwidth.items() if nbytes <= size), [*self.bandwidth.values()][-1]
        )
        kind = dtype if dtype in self.flops else "float64"
        return {
            "arithmetic": flops / self.flops[kind],
            "functions": functions / self.functions[kind],
            "memory": nbytes / reached,
        }

    def __str__(self) -> str:
        rates = [f"{quantity(rate)}flop/s {kind}" for kind, rate in self.flops.items()]
        rates += [f"{quantity(rate)}exp/s {kind}" for kind, rate in self.functions.items()]
        sizes = [f"{quantity(rate)}B/s within {quantity(size)}B" for size, rate in self.bandwidth.items()]
        return (
            f"{self.processor}, {self.threads} thread{'s' * (self.threads > 1)}: {', '.join(rates)}; "
            f"{', '.join(sizes[::2])}"
        )


def peaks() -> Peaks:
    """The peaks of this machine: as they were measured before, or measured now, which takes a second or two."""
    return _read(_place()) or measured_anew()


def _place() -> Path:
    return Path(store.default_directory()) / "machine.json"


def measured_anew() -> Peaks:
    """The peaks, measured now and kept: those of before may be from a machine that was busy."""
    return _keep(measure(), _place())


def measure() -> Peaks:
    """Measure the peaks: the best of several trials."""
    flops, functions = {}, {}
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        flops[dtype.name] = max(2 * side**3 / _best(_multiplying(side, dtype)) for side in SIDES)
        functions[dtype.name] = ELEMENTS / _best(_exponentials(dtype))
    bandwidth = {size: _streaming(size) for size in SIZES}
    return Peaks(_processor(), team.threads_wanted(), flops, functions, bandwidth)


def _processor() -> str:
    return " ".join(host()[:2])


def _best(run: Callable[[], object]) -> float:
    """The least time of several runs, after a first one."""
    run()
    times = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _compiled(name: str, *types: Spec) -> Callable[..., Any]:
    return compile_module(_SOURCE, {name: types})[name]


def _multiplying(side: int, dtype: np.dtype[Any]) -> Callable[[], object]:
    run = _compiled("multiply", *[Spec(dtype, 2, array=True)] * 3)
    a, b, c = (np.ones((side, side), dtype) for _ in range(3))
    return lambda: run(a, b, c)


def _exponentials(dtype: np.dtype[Any]) -> Callable[[], object]:
    run = _compiled("exponentials", *[Spec(dtype, 1, array=True)] * 2)
    x, y = np.linspace(-3, 3, ELEMENTS).astype(dtype), np.empty(ELEMENTS, dtype)
    return lambda: run(x, y)


def _streaming(size: int) -> float:
    """Bytes a second, where so many are gone through over and over: each step reads two numbers and writes one."""
    count = size // 16
    vector = Spec(np.float64, 1, array=True, shape=(count,))
    alone = _compiled("stream", vector, vector, Spec(np.int64, 0, array=False))
    shared = _compiled("shared_stream", vector, vector)
    x, y, times = np.ones(count), np.ones(count), max(1, LEAST // size)
    return 24 * count / min(_best(lambda: alone(x, y, times)) / times, _best(lambda: shared(x, y)))


def _read(place: Path) -> Peaks | None:
    """What was measured on this machine, and with as many threads."""
    try:
        facts = json.loads(place.read_text(encoding="utf-8"))
        if facts.pop("format") != FORMAT:
            return None
        facts["bandwidth"] = {int(size): rate for size, rate in facts["bandwidth"].items()}
        found = Peaks(**facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if (found.processor, found.threads) == (_processor(), team.threads_wanted()) else None


def _keep(found: Peaks, place: Path) -> Peaks:
    """Write what was measured where it is looked for; where that cannot be done it is measured again."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"format": FORMAT, **asdict(found)}, indent=1), encoding="utf-8")
        os.replace(temporary, place)
    except OSError as error:
        LOG.debug("%s is not written: %s", place, error)
    return found
