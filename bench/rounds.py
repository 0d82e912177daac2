"""Libraries in processes of their own, started, asked, and timed in turn. While one works the others wait."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self

from bench.workload import library_of, variant_of

ROOT = Path(__file__).resolve().parent.parent

# An exported choice of BLAS kernels belongs to the machine that it was made on, and slows some libraries only.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

# What tells the libraries how many threads to use; XLA looks at the processors that the process may run on.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "STATICBP_NUM_THREADS",
)
PAUSE = 0.05  # seconds between two turns: threads that spin for more work sleep by then (OpenBLAS's after 27 ms)

# Not every entrant is the name of what it imports.
IMPORTS = {"openblas": "numpy", "memory": "numba"}


class Broken(Exception):
    """A contestant ended before it had replied; says how."""


def processors() -> list[int]:
    """Those that this process may run on, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def environment(threads: int | None = None, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of a contestant: this process's own, without pins, and where ``bench`` and staticbp are found."""
    wanted = {name: value for name, value in os.environ.items() if name not in PINS}
    path = [str(ROOT), *filter(None, [wanted.get("PYTHONPATH")])]
    limits = dict.fromkeys(THREADS, str(threads)) if threads else {}
    return {**wanted, **limits, "PYTHONPATH": os.pathsep.join(path), "JAX_PLATFORMS": "cpu", **(extra or {})}


def on(threads: int | None) -> list[str]:
    """The start of a command that keeps to as many processors as there are threads."""
    if not threads or not hasattr(os, "sched_setaffinity"):
        return [sys.executable]
    chosen = processors()[:threads]
    code = "import os, runpy, sys; os.sched_setaffinity(0, {}); sys.argv = sys.argv[1:]"
    return [
        sys.executable,
        "-c",
        f"{code.format(chosen)}; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)",
    ]


def missing(entrant: str) -> str:
    """Why an entrant cannot take part here, or nothing."""
    name = library_of(entrant)
    if importlib.util.find_spec(IMPORTS.get(name, name)) is None:
        return f"{name} is not installed"
    if (name, variant_of(entrant)) == ("torch", "compiled"):
        compilers = [os.environ.get("CXX", "g++"), "clang++"]
        if not any(map(shutil.which, compilers)):
            return "torch.compile finds no C++ compiler"
    return ""


class Timed(Protocol):
    """Whatever replies to ``ask("time")`` with seconds."""

    name: str

    def ask(self, word: str) -> Any: ...


class Contestant:
    """A process that replies to words with JSON."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        threads: int | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        start = on(threads)
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with the process)
        self.process = subprocess.Popen(
            [*start, *(["-m"] if len(start) == 1 else []), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
            env=environment(threads, extra),
        )

    def ask(self, word: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # then there is no reply either
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            status = self.process.wait()
            self.said.seek(0)
            last = self.said.read().strip().splitlines()[-1:]
            raise Broken(f"broke off with status {status}: {''.join(last) or 'nothing was said'}")
        return json.loads(reply)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):
            self.process.communicate()  # closes its input, at which it ends
        self.said.close()


def in_turn(
    contestants: Sequence[Timed], rounds: int, *, tick: Callable[[str], object] = lambda name: None
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds by contestant, after one round that does not count, and who broke off.

    Each round begins with another contestant. ``tick`` is told whose turn it is.
    """
    times: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    broken: dict[str, str] = {}
    for number in range(rounds + 1):
        shift = number % max(len(contestants), 1)
        for contestant in [*contestants[shift:], *contestants[:shift]]:
            tick(contestant.name)
            if contestant.name in broken:
                continue
            time.sleep(PAUSE)
            try:
                seconds = contestant.ask("time")
            except Broken as error:
                broken[contestant.name] = str(error)
                del times[contestant.name]
                continue
            if number > 0:
                times[contestant.name].append(seconds)
    return times, broken
