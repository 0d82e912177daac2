"""The command `staticbp`: what it understands, and who does it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from staticbp.commands import benchmarks, caches, doctor, showing
from staticbp.errors import StaticbpError
from staticbp.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, or 1 when something is wrong.

    Examples
    --------
    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except StaticbpError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `staticbp … | head`
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="staticbp", description="Look at what staticbp compiles, stores and runs on.")
    parser.add_argument("--version", action="version", version=f"staticbp {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (showing, benchmarks, caches, doctor):
        module.add_to(commands)
    return parser
