"""Random programs with nested control flow, held against JAX or autograd: value, gradient, Hessian-vector product.

``python -m tests.fuzz.control_flow 0:5000`` tries these seeds through the interpreter, ``0:5000:10 --compiled`` every
tenth compiled. ``--against jax`` needs JAX (extra: bench), and has what it traced computed by NumPy, which takes a
third of a second a program; ``--against xla`` has it compiled, which takes some seconds.

``--wide`` takes programs of more kinds: `tests/fuzz/wider.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.core.tree import leaves_of
from tests.fuzz.libraries import LIBRARIES, OURS, Library
from tests.fuzz.programs import Program
from tests.fuzz.wider import WIDE

TOLERANCE = 1e-9


def computed(program: Callable[..., Any], args: Sequence[Any], directions: Sequence[Any], compiled: bool) -> list[Any]:
    """Value, gradients and Hessian-vector products by staticbp."""

    def joint(args: Any, directions: Any) -> Any:
        with_gradient = bp.value_and_grad(program, tuple(range(len(args))))
        (value, gradient), (_, product) = bp.jvp(with_gradient, args, directions)
        return value, gradient, product

    function, given = bp.compile(joint), (tuple(args), tuple(directions))
    if compiled:
        return leaves_of(function(*given))
    call = function._call(given, {})
    return interpret(function._compilation(call).graph, call.leaves)


def disagreement(program: Program, library: Library, *, compiled: bool = False) -> str | None:
    """What is wrong with a program; None when nothing is."""
    assert library.expected is not None
    wanted = library.expected(program.in_terms_of(library), program.arguments, program.directions)
    try:
        found = computed(program.in_terms_of(OURS), program.arguments, program.directions, compiled)
    except Exception:  # noqa: BLE001 - whatever is wrong, the next program is tried
        return traceback.format_exc(limit=-6)
    for position, (ours, exact) in enumerate(zip(found, wanted, strict=True)):
        if not np.all(np.isfinite(exact)) and np.all(np.isfinite(ours)):
            continue  # at a point where the others have no derivative, and staticbp has the one that it documents
        size = max(1.0, float(np.max(np.abs(exact), initial=0.0)))
        worst = float(np.max(np.abs(ours - exact), initial=0.0)) / size
        if not worst <= TOLERANCE or np.shape(ours) != np.shape(exact):
            return f"result {position} of {len(wanted)} differs by {worst:.1e}"
    return None


def main() -> int:
    """Try the seeds of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", help="such as 0:5000, or 0:5000:10 for every tenth")
    parser.add_argument("--compiled", action="store_true", help="run machine code, and not the interpreter")
    parser.add_argument("--wide", action="store_true", help="programs of more kinds")
    parser.add_argument("--against", choices=LIBRARIES, default="autograd")
    options = parser.parse_args()
    seeds = range(*map(int, options.seeds.split(":")))
    library, start, wrong = LIBRARIES[options.against](), time.perf_counter(), 0
    for tried, seed in enumerate(seeds, 1):
        program = Program(seed, WIDE if options.wide else None)
        fault = disagreement(program, library, compiled=options.compiled)
        if fault is not None:
            wrong += 1
            print(f"{seed}: {fault}", flush=True)  # noqa: T201 - a command
        if tried % 50 == 0:
            print(f"... {tried} to {seed}: {wrong} wrong, {time.perf_counter() - start:.0f} s", flush=True)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
