"""``staticbp inspect``: what a function in a file is compiled to."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import staticbp
from staticbp.api.inspecting import MODES
from staticbp.errors import CommandError
from staticbp.inspection.text import PARTS


def add_to(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "inspect",
        help="show the graph, the generated code, the cost, … of a function in a file",
        description="Trace and show a function. The arguments are Python, evaluated with the names of the file and np.",
        epilog='Example: staticbp inspect model.py:loss --args "np.ones(3), 2.0" --show source cost',
    )
    parser.add_argument("function", metavar="FILE:NAME", help="a function in a Python file")
    parser.add_argument("--args", default="", metavar="EXPR", help="its arguments, separated by commas")
    parser.add_argument("--of", choices=MODES, default="grad", help="what of it to show (default: grad)")
    parser.add_argument("--show", nargs="+", choices=PARTS, default=["graph", "source"], help="which parts")
    parser.add_argument("--html", metavar="FILE", help="write a page with all of it instead")
    parser.add_argument("--open", action="store_true", help="open that page in the browser")
    parser.add_argument("--draw", metavar="FILE", help="draw the graph: .svg, .png, .dot or .mmd")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the parts asked for."""
    function, names = load(options.function)
    args = evaluated(options.args, names)
    inspection = staticbp.inspect(function, *args, mode=options.of)
    if options.draw:
        inspection.draw(options.draw)
        print(f"drawn: {options.draw}")
    if options.html:
        inspection.save_html(options.html)
        print(f"written: {options.html}")
        if options.open:
            webbrowser.open(Path(options.html).resolve().as_uri())
    if options.html or options.draw:
        return 0
    inspection.show(*options.show)
    return 0


def load(place: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that ``FILE:NAME`` names, and the names of its module."""
    file, colon, name = place.rpartition(":")
    path = Path(file)
    if not colon or not path.is_file():
        raise CommandError(f"{place}: there is no such file", advice="Write FILE:NAME, such as model.py:loss.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CommandError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # it may import its neighbours, as if it had been run
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        known = ", ".join(sorted(key for key, value in vars(module).items() if callable(value) and key[0] != "_"))
        raise CommandError(f"{path} has no function {name!r}", advice=f"It has {known}." if known else None)
    return found, vars(module)


def evaluated(text: str, names: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments that an expression gives."""
    try:
        values = eval(f"({text},)" if text.strip() else "()", {"np": np, **names})  # the user's own words
    except Exception as error:  # noqa: BLE001  # whatever the user's expression raises is told as it is
        raise CommandError(f"--args {text!r}: {type(error).__name__}: {error}") from None
    return tuple(values)
