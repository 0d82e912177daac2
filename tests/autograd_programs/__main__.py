"""Time the programs beside autograd: ``python -m tests.autograd_programs [NAMES]`` prints a table.

Each library runs each program in a process of its own, in turn, for some rounds.  A program is run once before it is
timed, which is when staticbp compiles.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
import warnings

from tests.autograd_programs import NAMES, for_staticbp, run, source

PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
STEPS = 20
SECONDS = 0.5  # that a program is repeated for


def timed(library: str, name: str) -> float:
    """Seconds a step, the median of several runs of a program."""
    text = source(name)
    program = run(name, for_staticbp(text) if library == "staticbp" else text)
    program.main(STEPS)
    times: list[float] = []
    while sum(times) < SECONDS or len(times) < 3:
        start = time.perf_counter()
        program.main(STEPS)
        times.append(time.perf_counter() - start)
    return statistics.median(times) / STEPS


def in_a_process(library: str, name: str) -> float:
    """The same, in a new process without the variables that pin kernels of BLAS."""
    environment = {key: value for key, value in os.environ.items() if key not in PINS}
    command = [sys.executable, "-W", "ignore", "-m", "tests.autograd_programs", "--one", library, name]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the programs beside autograd.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs; all of them if none is given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("LIBRARY", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        warnings.simplefilter("ignore")
        print(timed(*options.one))
        return
    print("| program | autograd | staticbp | times as fast |")
    print("| --- | ---: | ---: | ---: |")
    for name in options.names or NAMES:
        pairs = [(in_a_process("autograd", name), in_a_process("staticbp", name)) for _ in range(options.rounds)]
        theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(their / our for their, our in pairs)
        print(f"| {name.replace('_', ' ')} | {1e3 * theirs:.3f} ms | {1e3 * ours:.4f} ms | {ratio:.0f} |", flush=True)


if __name__ == "__main__":
    main()
