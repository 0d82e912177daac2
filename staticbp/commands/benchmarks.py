"""``staticbp bench``: how long a function takes, compiled and differentiated, beside NumPy; what the machine can do."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import staticbp
from staticbp.commands.showing import evaluated, load
from staticbp.errors import CommandError, StaticbpError
from staticbp.inspection.machine import measured_anew
from staticbp.inspection.profile import duration
from staticbp.inspection.table import table
from staticbp.inspection.timing import in_turn

SUITE = Path("bench", "__main__.py")  # of the project's own benchmarks, in a checkout of it


def add_to(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "bench",
        help="time a function in a file, beside NumPy; or run the project's benchmarks",
        description="Times a function, its gradient, and the same function run by NumPy, in turn. Without a function "
        "it runs the project's own benchmarks, which are in a checkout of it.",
        epilog='Example: staticbp bench model.py:loss --args "np.ones(3), 2.0" --profile',
    )
    parser.add_argument("function", nargs="?", metavar="FILE:NAME", help="a function in a Python file")
    parser.add_argument("--args", default="", metavar="EXPR", help="its arguments, separated by commas")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure for, about (default: 1)")
    parser.add_argument("--profile", action="store_true", help="show where the time of the gradient goes, too")
    parser.add_argument("--machine", action="store_true", help="measure anew what the machine can do at most")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was measured."""
    if options.machine:
        print(measured_anew())
        return 0
    if options.function is None:
        return _suite()
    function, names = load(options.function)
    args = evaluated(options.args, names)
    calls = contestants(function, args)
    times = in_turn([*calls.values()], options.seconds)
    rows = [(name, duration(seconds), f"{seconds / times[0]:.2f}") for name, seconds in zip(calls, times, strict=True)]
    print(table(("", "a call", f"of {next(iter(calls))}"), rows, left=(0,)))
    if options.profile:
        derivative = _gradient(function)
        print(f"\n{staticbp.profile(derivative, *args, seconds=options.seconds)}")
    return 0


def contestants(function: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, Callable[[], object]]:
    """What is timed, by name: the function by NumPy where that can run it, compiled, and its gradient if it has one."""
    plain = getattr(function, "__wrapped__", function)
    calls: dict[str, Callable[[], object]] = {"NumPy": partial(plain, *args)}
    try:
        plain(*args)
    except (StaticbpError, TypeError, ValueError):  # made for traced values only
        calls.clear()
    calls["compiled"] = partial(function if plain is not function else staticbp.compile(function), *args)
    gradient = partial(_gradient(function), *args)
    try:
        gradient()
    except StaticbpError:
        return calls  # it is no function of floats to one number
    return calls | {"gradient": gradient}


def _gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.grad if hasattr(function, "grad") else staticbp.grad(function)


def _suite() -> int:
    """Run the benchmarks of the project, where they are."""
    if not SUITE.is_file():
        raise CommandError(
            "the project's benchmarks are not in this directory",
            advice="Name a function to time, FILE:NAME; or run this in a checkout of staticbp, whose bench/ has them.",
        )
    return subprocess.run([sys.executable, "-m", "bench"], check=False).returncode
