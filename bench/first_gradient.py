"""From the start of a process to its first gradient of an MNIST network: imports, tracing, machine code and all.

staticbp finds its machine code in its store, as every process but the first does. JAX competes as it comes, and
with its compilation cache switched on and filled.
"""

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.rounds import environment, in_turn, table


class Program:
    """A program that prints the squared norm of the gradient as soon as it has it, run anew for each question."""

    def __init__(self, name: str, module: str, extra: Mapping[str, str]) -> None:
        self.name = name
        self.command = [sys.executable, "-m", module]
        self.environment = environment(extra)

    def ask(self, word: str) -> float:
        """For ``time`` the seconds until the answer is there, for ``answer`` the answer."""
        start = time.perf_counter()
        with subprocess.Popen(self.command, env=self.environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            reply = process.stdout.readline()
            seconds = time.perf_counter() - start
        if process.returncode != 0:
            raise SystemExit(f"{self.name} broke off with status {process.returncode}")
        return seconds if word == "time" else float(reply)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.first_gradient", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="(%(default)s)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="staticbp-bench-") as directory:
        jax_cache = {
            "JAX_COMPILATION_CACHE_DIR": str(Path(directory, "jax")),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        programs = [
            Program("staticbp", "bench.contestants.first_staticbp", {"STATICBP_CACHE_DIR": f"{directory}/store"}),
            Program("jax", "bench.contestants.first_jax", {}),
            Program("jax, cached", "bench.contestants.first_jax", jax_cache),
        ]
        answers = {program.name: program.ask("answer") for program in programs}  # fills store and cache
        expected = answers["staticbp"]
        if not all(math.isclose(answer, expected, rel_tol=1e-5) for answer in answers.values()):
            raise SystemExit(f"the gradients differ: {answers}")
        times = in_turn(programs, args.rounds)
    print(
        table("from the start of a process to its first gradient, 784-300-100-10, float32", times, scale=1e3, unit="ms")
    )


if __name__ == "__main__":
    main()
