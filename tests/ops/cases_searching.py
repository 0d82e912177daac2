"""Cases of looking things up in sorted arrays, and of order by several keys."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(23)
SORTED = np.sort(RNG.normal(size=9))
VALUES = RNG.normal(size=(3, 4))
VALUES[0, 0] = SORTED[3]
STEPS = np.array([1, 2, 2, 2, 5])
ENDING_IN_NAN = np.array([1.0, 2.0, np.nan, np.nan])
WITH_NAN = np.array([0.0, 2.0, np.nan, 3.0])
POINTS = np.sort(RNG.uniform(0, 5, 6))
HEIGHTS = RNG.normal(size=6)
AT = RNG.uniform(-1, 6, (2, 5))
KEYS = RNG.integers(0, 3, (3, 4, 2))
X = RNG.normal(size=(3, 5))

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    case
    for side in ("left", "right")
    for case in [
        *(
            (f"searchsorted/{side} of {n}", lambda a, v, s=side: np.searchsorted(a, v, s), (SORTED[:n], VALUES))
            for n in (0, 1, 2, 3, 8, 9)
        ),
        (f"searchsorted/{side} int", lambda a, v, s=side: np.searchsorted(a, v, s), (STEPS, np.arange(7))),
        (f"searchsorted/{side} nan", lambda a, v, s=side: np.searchsorted(a, v, s), (ENDING_IN_NAN, WITH_NAN)),
        (f"searchsorted/{side} scalar", lambda v, s=side: np.searchsorted([1, 2, 3], v, s), (np.float64(2),)),
    ]
]
CASES += [
    ("searchsorted/sorter", lambda a, v: np.searchsorted(a, v, sorter=[2, 1, 0]), (np.array([3.0, 2.0, 1.0]), VALUES)),
    ("digitize", np.digitize, (VALUES, SORTED)),
    ("digitize/right", lambda x: np.digitize(x, SORTED, right=True), (VALUES,)),
    ("digitize/descending", lambda x: np.digitize(x, SORTED[::-1]), (VALUES,)),
    ("digitize/descending right", lambda x, a: np.digitize(x, a, right=True), (VALUES, SORTED[::-1].copy())),
    ("interp", np.interp, (AT, POINTS, HEIGHTS)),
    ("interp/ends", lambda x: np.interp(x, POINTS, HEIGHTS, left=-1.0, right=2.0), (AT,)),
    ("interp/period", lambda x, y: np.interp(x, POINTS, y, period=4.0), (AT, HEIGHTS)),
    ("interp/one point", lambda x: np.interp(x, [1.0], [3.0]), (AT,)),
    ("interp/float32", lambda x: np.interp(x, POINTS, HEIGHTS), (AT.astype(np.float32),)),
    ("interp/special", lambda x: np.interp(x, POINTS, HEIGHTS), (np.array([np.nan, np.inf, -np.inf, *POINTS]),)),
    ("isin", lambda x: np.isin(x, [2, 3]), (np.arange(5),)),
    ("isin/float", lambda x: np.isin(x, [2.5, 1], invert=True), (np.arange(5),)),
    ("isin/nothing", lambda x: np.isin(x, []), (np.arange(5),)),
    ("partition/middle", lambda x: np.partition(x, 2, axis=1)[:, 2], (X,)),
    ("partition/flat", lambda x: np.partition(x, [3, -1], axis=None)[[3, -1]], (X,)),
    ("argpartition", lambda x: np.take_along_axis(x, np.argpartition(x, 1, axis=1), 1)[:, 1], (X,)),
    ("lexsort", lambda x, y: np.lexsort((x, y)), (np.array([3, 1, 2, 1]), np.array([1.0, 1.0, 0.0, 0.0]))),
    ("lexsort/array", lambda x: np.lexsort(x, axis=0), (KEYS,)),
    ("sort_complex", lambda x, y: np.sort_complex(x + 1j * y).imag, (X.round().astype(int), X[:, ::-1].copy())),
    ("sort_complex/of real", lambda x: np.sort_complex(x).real, (X,)),
    ("sort_complex/of small", lambda x: np.sort_complex(x).real, (np.arange(5, 0, -1, dtype=np.int16),)),
    ("histogram2d", lambda x, y, w: np.histogram2d(x, y, (3, 4), weights=w), (AT[0], AT[1], AT[0] * 2)),
    ("histogram2d/edges", lambda x, y: np.histogram2d(x, y, np.array([0.0, 1.0, 2.5, 4.0])), (AT[0], AT[1])),
    ("histogram2d/both", lambda x, y: np.histogram2d(x, y, [2, np.array([0, 2.5])]), (AT[0], AT[1])),
    ("histogramdd", lambda x: np.histogramdd(x, 2, [(-1, 3), (0, 2), (-2, 2)])[0], (VALUES[:, :3],)),
    ("histogramdd/vector", lambda x: np.histogramdd(x, (3,), density=True)[0], (SORTED,)),
    ("histogramdd/density", lambda x, w: np.histogramdd(list(x), 2, density=True, weights=w)[0], (AT, POINTS[:5])),
]
