"""One workload, all its entrants: started, compared, timed, measured for memory."""

import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import agreement
from bench.contestant import make_inputs
from bench.results import Result
from bench.rounds import Broken, Contestant, in_turn, missing
from bench.workload import Workload, settings_of

REFEREE = "numpy"


@dataclass(frozen=True)
class Options:
    """How carefully to measure: how many rounds, and how many seconds a reading shall take."""

    rounds: int = 5
    seconds: float = 0.1
    quick: bool = False
    threads: int | None = None  # else as many as there are processors
    only: tuple[str, ...] = ()  # these entrants, else all
    without: tuple[str, ...] = ()  # but not these, unless they are asked for
    data: str | None = None  # a directory of the MNIST files


QUICK = Options(rounds=3, seconds=0.03, quick=True, without=("torch", "torch, compiled", "autograd"))

Tick = Callable[[str], object]


def entrants_of(workload: Workload, options: Options) -> list[str]:
    if options.only:
        return [name for name in workload.entrants if name in options.only]
    return [name for name in workload.entrants if name not in options.without]


def left_out(workload: Workload, options: Options) -> dict[str, str]:
    """Who is not run, by choice."""
    names = set(workload.entrants) - set(entrants_of(workload, options))
    return {name: "left out of this run" for name in workload.entrants if name in names}


def turns(workload: Workload, options: Options) -> int:
    """How often ``tick`` will be called."""
    return len(entrants_of(workload, options)) * (options.rounds + 2)


def run_in_turn(workload: Workload, options: Options, tick: Tick, **overridden: Any) -> Result:
    """Time a workload. Who is missing, breaks off or computes something else is left out, and named."""
    names = entrants_of(workload, options)
    settings = settings_of(workload, quick=options.quick, **overridden)
    if workload.family == "mnist":
        settings["data"] = options.data
    threads = options.threads or workload.threads
    result = Result(workload.name, {}, missing=left_out(workload, options), threads=threads, settings=settings)
    with tempfile.TemporaryDirectory(prefix="staticbp-bench-") as directory, ExitStack() as stack:
        inputs = Path(directory, "inputs")
        inputs.write_bytes(pickle.dumps(make_inputs(workload.family, settings)))

        def start(name: str, *extra: str) -> tuple[Contestant, Path]:
            path = Path(directory, f"{len(list(Path(directory).iterdir()))}.npz")
            path.touch()
            told = [workload.family, workload.job, name, str(inputs), f"--answer={path}"]
            told += [f"--first={workload.brief[name]}"] if name in workload.brief else []
            contestant = Contestant(
                name,
                ["bench.contestant", *told, f"--seconds={options.seconds}", *extra],
                threads=threads,
            )
            return stack.enter_context(contestant), path

        referee, truth = start(REFEREE, "--wide")
        started: dict[str, tuple[Contestant, Path]] = {}
        for name in names:
            if why := missing(name):
                result.missing[name] = why
            else:
                started[name] = start(name)
        referee.ask("answer")
        expected = agreement.load(truth)
        ready = []
        for name, (contestant, path) in started.items():
            tick(name)
            if why := objection(contestant, path, expected, str(settings["dtype"]), result.gaps):
                result.excluded[name] = why
            else:
                ready.append(contestant)
        result.times, broken = in_turn(ready, options.rounds, tick=tick)
        result.excluded |= broken
        for contestant in ready:
            tick(contestant.name)
            if contestant.name in broken:
                continue
            try:
                result.memory[contestant.name] = contestant.ask("memory")
                result.kernels[contestant.name] = contestant.ask("kernels")
            except Broken as error:
                result.excluded[contestant.name] = f"{error}, when it was asked for its memory"
    return result


def objection(contestant: Contestant, path: Path, expected: Sequence[Any], dtype: str, gaps: dict[str, float]) -> str:
    """Why a contestant cannot be timed, or nothing; notes how far off its answer is."""
    try:
        reply: Mapping[str, bool] = contestant.ask("answer")
    except Broken as error:
        return str(error)
    if reply["yardstick"]:
        return ""
    found = agreement.load(path)
    gaps[contestant.name] = agreement.gap(found, expected)
    return agreement.complaint(found, expected, dtype)
