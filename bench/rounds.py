"""Libraries in processes of their own, timed in turn.

Such a *contestant* reads words from its standard input, ``answer`` or ``time``, and replies to each with a line of
JSON: what it has computed, or the seconds that it took to compute it once more. While one works the others wait.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol, Self

ROOT = Path(__file__).resolve().parent.parent

# An exported choice of BLAS kernels belongs to the machine that it was made on, and slows some libraries only.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of a contestant: this process's own, without pins, and where ``bench`` and staticbp are found."""
    wanted = {name: value for name, value in os.environ.items() if name not in PINS}
    path = [str(ROOT), *filter(None, [wanted.get("PYTHONPATH")])]
    return {**wanted, "PYTHONPATH": os.pathsep.join(path), "JAX_PLATFORMS": "cpu", **(extra or {})}


class Timed(Protocol):
    """Whatever replies to ``ask("time")`` with seconds."""

    name: str

    def ask(self, word: str) -> Any: ...


class Contestant:
    """One library at work in its own process."""

    def __init__(self, name: str, arguments: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(extra),
        )

    def ask(self, word: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # then there is no reply either
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise SystemExit(f"{self.name} broke off with status {self.process.wait()}")
        return json.loads(reply)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # closes its input, at which it ends


def serve(replies: Mapping[str, Callable[[], Any]]) -> None:
    """Answer what is asked on standard input, until it ends. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        answers.write(json.dumps(replies[line.strip()]()) + "\n")
        answers.flush()


def in_turn(contestants: Sequence[Timed], rounds: int) -> dict[str, list[float]]:
    """Seconds by contestant, after one round that does not count. Each round begins with another contestant."""
    times: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds + 1):
        shift = number % len(contestants)
        for contestant in [*contestants[shift:], *contestants[:shift]]:
            seconds = contestant.ask("time")
            if number > 0:
                times[contestant.name].append(seconds)
    return times


def compete(
    starts: Iterable[Callable[[], Contestant]], rounds: int, agree: Callable[[dict[str, Any]], None]
) -> dict[str, list[float]]:
    """Start the contestants, see that their answers agree, and time them."""
    with ExitStack() as stack:
        contestants = [stack.enter_context(start()) for start in starts]
        agree({contestant.name: contestant.ask("answer") for contestant in contestants})
        return in_turn(contestants, rounds)


def table(title: str, times: Mapping[str, Sequence[float]], *, scale: float, unit: str) -> str:
    """Medians, fastest and slowest, and the ratio to the first, one line for each contestant."""
    own, *_ = times
    base = statistics.median(times[own])
    width = max(map(len, times))
    lines = [title]
    for name, seconds in times.items():
        median, ratio = statistics.median(seconds), statistics.median(seconds) / base
        spread = f"{min(seconds) * scale:.4g} to {max(seconds) * scale:.4g}"
        lines.append(f"  {name:<{width}}  {median * scale:8.4g} {unit}  ({spread})  {ratio:5.2f} × {own}")
    return "\n".join(lines)
