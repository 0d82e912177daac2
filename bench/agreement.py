"""Do all libraries compute the same? Their answers are held against NumPy's by hand, in double precision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.workload import Array

# Of the largest element of an array; the answer by hand is computed in double precision from the same inputs. In
# float32 what is compared are sums of up to a million terms and networks after a hundred steps.
TOLERANCES = {"float64": 1e-9, "float32": 2e-4}


def load(path: Path) -> list[Array]:
    with np.load(path) as stored:
        return [stored[f"arr_{number}"] for number in range(len(stored.files))]


def gap(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest difference in any array, as a share of that array's largest element; infinite for other shapes.

    >>> gap([np.array([1.0, 2.0])], [np.array([1.0, 2.5])])
    0.2
    """
    if [leaf.shape for leaf in found] != [leaf.shape for leaf in expected]:
        return float("inf")
    return max((leaf_gap(a, b) for a, b in zip(found, expected, strict=True)), default=0.0)


def leaf_gap(found: Array, expected: Array) -> float:
    largest = float(np.abs(expected).max(initial=0.0))
    difference: Any = np.abs(np.asarray(found, np.float64) - expected)
    worst = float(difference.max(initial=0.0)) / (largest or 1.0)
    return worst if np.isfinite(worst) else float("inf")


def complaint(found: Sequence[Array], expected: Sequence[Array], dtype: str) -> str:
    """What is wrong with an answer, or nothing: its types, its shapes, its values."""
    others = sorted({str(leaf.dtype) for leaf in found} - {dtype})
    if others:
        return f"computes in {', '.join(others)} where {dtype} was asked for"
    distance = gap(found, expected)
    if np.isinf(distance):
        return "answers with other shapes, or with values that are not finite"
    if distance > TOLERANCES[dtype]:
        return f"is off by {distance:.1e} of the largest element, where {TOLERANCES[dtype]:.0e} is allowed"
    return ""
