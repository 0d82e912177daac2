"""Run many random calls or programs: ``python -m tests.fuzz WHAT FIRST COUNT``.

WHAT is ``calls`` (against NumPy, by the interpreter and the generated text), ``compiled`` (the same, compiled),
``autograd`` or ``jax`` (gradients of calls), or ``assignments`` (programs of views and assignments).  What differs is
printed with its seed; the outcomes are counted in the end.
"""

import sys
from collections import Counter
from collections.abc import Callable

from tests.fuzz import assignments, calls, gradients

CHECKS: dict[str, Callable[[int], str]] = {
    "calls": lambda seed: calls.check(calls.drawn(seed)),
    "compiled": lambda seed: calls.check(calls.drawn(seed), compiled=True),
    "autograd": lambda seed: gradients.check(calls.drawn(seed, smooth=True)),
    "jax": lambda seed: gradients.check(calls.drawn(seed, smooth=True), "jax"),
    "assignments": lambda seed: assignments.check(seed, derivatives=seed % 2 == 0),
}


def main(what: str, first: int, count: int) -> int:
    """Check `count` seeds from `first` on; how many differ."""
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count):
        try:
            outcome = CHECKS[what](seed)
        except Exception as error:  # noqa: BLE001  an error is a difference like any other
            outcome = "different"
            shown = assignments.Program(seed) if what == "assignments" else calls.drawn(seed, what in gradients.PEERS)
            sys.stdout.write(
                f"seed {seed}: {shown}\n    {type(error).__name__}: {' '.join(str(error).split())[:300]}\n"
            )
            sys.stdout.flush()
        outcomes[outcome] += 1
    for outcome, times in outcomes.most_common():
        sys.stdout.write(f"{times:7} {outcome}\n")
    return outcomes["different"]


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])) else 0)
