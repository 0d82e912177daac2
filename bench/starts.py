"""Programs that run once: from the start of a process to its first gradient, and the time to compile a large one.

A *cold* program finds every cache of its library empty; a *warm* one finds them as its last run left them. That is
staticbp's store, and for JAX its persistent compilation cache, which has to be switched on.
"""

import json
import math
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.match import Options, Tick, entrants_of, left_out
from bench.results import Result
from bench.rounds import Broken, environment, missing, on
from bench.workload import Workload, library_of, settings_of, variant_of

CACHED = "cached"
TOLERANCE = 1e-5  # relative, of a squared norm in float32
LIMIT = 300  # seconds


class Program:
    """One library's program, run anew for each reading."""

    def __init__(self, workload: Workload, entrant: str, caches: Path, options: Options, *words: str) -> None:
        self.name = entrant
        self.caches = caches
        self.threads = options.threads
        self.inner = workload.family == "growth"  # it takes its own time
        module = f"bench.programs.{workload.job}_{library_of(entrant)}"
        self.command = [*on(options.threads), *([] if options.threads else ["-m"]), module, *words]
        self.runs = 0

    def environment(self, *, cold: bool) -> dict[str, str]:
        """Bytecode is kept, whatever this machine says: every installed program has its own compiled."""
        self.runs += cold
        caches = self.caches / library_of(self.name) / str(self.runs)
        found = environment(self.threads, {"STATICBP_CACHE_DIR": str(caches / "store")})
        if variant_of(self.name) == CACHED:
            found |= {
                "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
        found.pop("PYTHONDONTWRITEBYTECODE", None)
        return found

    def run(self, *, cold: bool) -> tuple[float, float]:
        """The answer, and the seconds until it was there."""
        wanted = self.environment(cold=cold)
        start = time.perf_counter()
        with (
            tempfile.TemporaryFile("w+") as said,
            subprocess.Popen(self.command, env=wanted, stdout=subprocess.PIPE, stderr=said, text=True) as process,
        ):
            assert process.stdout is not None
            reply = process.stdout.readline()
            seconds = time.perf_counter() - start
            status = process.wait(LIMIT)
            said.seek(0)
            last = said.read().strip().splitlines()[-1:]
        if not reply or status != 0:
            raise Broken(f"broke off with status {status}: {''.join(last) or 'nothing was said'}")
        told = json.loads(reply)
        return told["answer"], told["seconds"] if self.inner else seconds


def rounds_of(workload: Workload, options: Options) -> int:
    return min(options.rounds, int(settings_of(workload, quick=options.quick).get("rounds", options.rounds)))


def turns(workload: Workload, options: Options) -> int:
    return len(entrants_of(workload, options)) * (rounds_of(workload, options) + 1)


def run_in_turn(workload: Workload, options: Options, tick: Tick) -> Result:
    """Time a workload whose job is a program."""
    settings = settings_of(workload, quick=options.quick)
    missing = left_out(workload, options)
    result = Result(workload.name, {}, missing=missing, threads=options.threads, settings=settings)
    cold = bool(settings["cold"])
    with tempfile.TemporaryDirectory(prefix="staticbp-bench-") as directory:
        programs = list(taking_part(workload, options, Path(directory), result))
        answers: dict[str, float] = {}
        for number in range(rounds_of(workload, options) + (not cold)):
            for program in [*programs[number % len(programs) :], *programs[: number % len(programs)]]:
                tick(program.name)
                if program.name in result.excluded:
                    continue
                try:
                    answers[program.name], seconds = program.run(cold=cold)
                except Broken as error:
                    result.excluded[program.name] = str(error)
                    continue
                if cold or number > 0:  # the first round of the warm fills caches
                    result.times.setdefault(program.name, []).append(seconds)
    exclude_who_differs(answers, result)
    order = [name for name in workload.entrants if name in result.times]
    result.times = {name: result.times[name] for name in order if name not in result.excluded}
    return result


def taking_part(workload: Workload, options: Options, caches: Path, result: Result) -> Iterator[Program]:
    words = [str(result.settings["operations"])] if "operations" in result.settings else []
    for name in entrants_of(workload, options):
        if why := missing(name):
            result.missing[name] = why
        else:
            yield Program(workload, name, caches, options, *words)


def exclude_who_differs(answers: dict[str, float], result: Result) -> None:
    """Whoever is far from the median of the answers."""
    if not answers:
        return
    middle = sorted(answers.values())[len(answers) // 2]
    for name, answer in answers.items():
        if not math.isclose(answer, middle, rel_tol=TOLERANCE):
            result.excluded[name] = f"answers {answer} where the others have {middle}"
