"""The process of one library at work: ``python -m bench.contestant FAMILY JOB ENTRANT INPUTS ...``.

Inputs are a file that another process has written them to, or the settings to make them from, as JSON.

It reads words from its standard input and replies to each with a line of JSON:

- ``answer``: writes the arrays that it computes to the file it was told, and whether it is a yardstick
- ``time``: seconds a step, over as many runs as fill the time it was told
- ``memory``: the bytes that a run needs beyond what was there before, and the peak of the process
- ``kernels``: the BLAS and OpenMP libraries that it has loaded
"""

import argparse
import importlib
import itertools
import json
import math
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from bench.workload import Job, library_of, variant_of

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PAGE = 1024


def serve(replies: Mapping[str, Callable[[], Any]]) -> None:
    """Answer what is asked on standard input, until it ends. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        answers.write(json.dumps(replies[line.strip()]()) + "\n")
        answers.flush()


def widened(value: Any) -> Any:
    """The same inputs in double precision, for the answer that the others are measured by."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype.kind == "f" else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(widened, value))
    if isinstance(value, list | tuple):
        return type(value)(map(widened, value))
    return value


def make_inputs(family: str, settings: Mapping[str, Any]) -> Any:
    return importlib.import_module(f"bench.workloads.{family}").inputs(**settings)


def load_inputs(family: str, text: str) -> Any:
    if text.startswith("{"):
        return make_inputs(family, json.loads(text))
    with Path(text).open("rb") as file:
        return pickle.load(file)


def prepare(family: str, job: str, entrant: str, inputs: Any) -> Job:
    """The job of an entrant."""
    module = importlib.import_module(f"bench.workloads.{family}.by_{library_of(entrant)}")
    variant = variant_of(entrant)
    made: Job = getattr(module, job)(inputs, *([variant] if variant else []))
    return made


class Stopwatch:
    """Times a job. The first reading finds out how many runs fill the ``seconds`` that a reading shall take.

    A reading begins with half as many runs again that do not count: threads that slept while others had their turn are
    awake then, and what they work on is in the caches.
    """

    def __init__(self, job: Job, seconds: float) -> None:
        self.job = job
        self.seconds = seconds
        self.runs = 0

    def read(self) -> float:
        if not self.runs:
            self.job.run()  # whatever is done once only
            once = max(elapsed(self.job.run, 1), 1e-7)
            if once > self.seconds:
                self.runs = 1
                return once / self.job.steps
            few = max(1, math.ceil(min(self.seconds, 0.01) / once))
            self.runs = max(1, math.ceil(self.seconds * few / elapsed(self.job.run, few)))
        elapsed(self.job.run, math.ceil(self.runs / 2))
        return elapsed(self.job.run, self.runs) / (self.runs * self.job.steps)


def elapsed(run: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in itertools.repeat(None, times):
        run()
    return time.perf_counter() - start


def memory(job: Job) -> dict[str, int | None]:
    """In bytes: ``run`` is what a run adds, at its height, to what is held before it; ``peak`` that of the process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else PAGE)
    added = None
    job.run()
    with suppress(OSError):  # only Linux can forget a peak
        RESET.write_text("5")
        before = resident()["VmRSS"]
        job.run()
        added = max(0, resident()["VmHWM"] - before)
    return {"run": added, "peak": peak}


def resident() -> dict[str, int]:
    fields = (line.split() for line in STATUS.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) * PAGE for words in fields if words and words[0].startswith("Vm")}


def kernels() -> list[str]:
    """Each numeric library that is loaded, with the processor that its kernels are written for and its threads."""
    found = set()
    for library in threadpool_info():
        words = [library["internal_api"], library.get("version"), library.get("architecture")]
        found.add(" ".join(map(str, filter(None, words))) + f", threads: {library['num_threads']}")
    return sorted(found)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.contestant")
    for name in ("family", "job", "entrant", "inputs"):
        parser.add_argument(name)
    parser.add_argument("--answer", required=True, help="the file to write the answer to")
    parser.add_argument("--seconds", type=float, default=0.1, help="of a reading")
    parser.add_argument("--wide", action="store_true", help="compute in double precision, whatever the inputs are")
    parser.add_argument("--first", type=int, help="of the samples, no more than so many")
    args = parser.parse_args(argv)
    inputs = load_inputs(args.family, args.inputs)
    inputs = inputs.first(args.first) if args.first else inputs
    job = prepare(args.family, args.job, args.entrant, widened(inputs) if args.wide else inputs)
    watch = Stopwatch(job, args.seconds)

    def answer() -> dict[str, Any]:
        if job.answer is None:
            return {"yardstick": True}
        np.savez(args.answer, *(np.asarray(leaf) for leaf in job.answer()))
        return {"yardstick": False}

    serve({"answer": answer, "time": watch.read, "memory": lambda: memory(job), "kernels": kernels})


if __name__ == "__main__":
    main()
