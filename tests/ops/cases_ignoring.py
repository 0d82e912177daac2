"""Cases of reductions that leave something out: NaN, or what a mask does not choose."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

RNG = np.random.default_rng(21)
X = RNG.normal(size=(3, 4))
HOLES = X.copy()
HOLES[0, 1] = HOLES[2, 3] = np.nan
NOTHING = X.copy()
NOTHING[0, 1] = np.nan
NOTHING[2] = np.nan
INTS = np.array([[3, -1, 2], [0, 5, -7]])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, True, True]])
TWO_EACH = np.array([[True, False, True, True], [True, True, False, False], [False, True, True, False]])


def without_warning(function: Callable[..., Any], x: Any, **options: Any) -> Any:
    """What NumPy gives, and warns of: nothing is left of a row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(x, **options)


REDUCTIONS = {
    "nansum": np.nansum,
    "nanprod": np.nanprod,
    "nanmean": np.nanmean,
    "nanvar": np.nanvar,
    "nanstd": np.nanstd,
    "nanmax": np.nanmax,
    "nanmin": np.nanmin,
    "nanmedian": np.nanmedian,
}

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    case
    for name, function in REDUCTIONS.items()
    for case in [
        (f"{name}/all", function, (X,)),
        (f"{name}/first", lambda x, f=function: f(x, axis=0), (X,)),
        (f"{name}/axes", lambda x, f=function: f(x, axis=(0, -1), keepdims=True), (X.reshape(3, 2, 2),)),
        (f"{name}/holes", lambda x, f=function: f(x, axis=0), (HOLES,)),
        (f"{name}/holes-keepdims", lambda x, f=function: f(x, axis=1, keepdims=True), (HOLES,)),
        (f"{name}/nothing-left", partial(without_warning, function, axis=1), (NOTHING,)),  # type: ignore[arg-type]
        (f"{name}/float32", lambda x, f=function: f(x, axis=1), (HOLES.astype(np.float32),)),
        (f"{name}/int", lambda x, f=function: f(x, axis=0), (INTS,)),
    ]
]
# A derivative by an element that is there, of an array that also holds NaN: the argument itself is smooth.
CASES += [
    (f"{name}/derivative beside NaN", lambda x, f=function: f(np.where(MASK, x, np.nan), axis=0), (X,))
    for name, function in REDUCTIONS.items()
]
CASES += [
    ("nancumsum", np.nancumsum, (HOLES,)),
    ("nancumsum/axis", lambda x: np.nancumsum(x, axis=1), (X,)),
    ("nancumprod", lambda x: np.nancumprod(x, axis=0), (HOLES,)),
    ("nancumprod/flat", np.nancumprod, (X,)),
    ("nanargmax", np.nanargmax, (HOLES,)),
    ("nanargmax/axis", lambda x: np.nanargmax(x, axis=1, keepdims=True), (HOLES,)),
    ("nanargmin", lambda x: np.nanargmin(x, axis=0), (HOLES,)),
    ("nanargmin/int", lambda x: np.nanargmin(x, axis=0), (INTS,)),
    ("nanvar/ddof", lambda x: np.nanvar(x, axis=1, ddof=1), (HOLES,)),
    ("nanstd/too few", partial(without_warning, np.nanstd, axis=1, ddof=3), (HOLES,)),
    ("nansum/initial", lambda x: np.nansum(x, axis=0, initial=2.0, where=MASK), (HOLES,)),
    ("mean/where", lambda x: np.mean(x, axis=1, where=TWO_EACH), (X,)),
    ("mean/where-broadcast", lambda x: np.mean(x, where=[True, False, True, True], keepdims=True), (X,)),
    ("mean/where-float32", lambda x: np.mean(x, axis=0, where=MASK), (X.astype(np.float32),)),
    ("var/where", lambda x: np.var(x, axis=1, where=TWO_EACH, ddof=1), (X,)),
    ("std/where", lambda x: np.std(x, axis=1, where=TWO_EACH), (X,)),
    ("var/where beside NaN", lambda x: np.var(x, axis=0, where=~np.isnan(HOLES)), (HOLES,)),
    ("max/where", lambda x: np.max(x, axis=1, where=MASK, initial=0.5), (X,)),
    ("min/where", lambda x: np.min(x, axis=0, where=MASK, initial=0.5), (X,)),
    ("max/where-int", lambda x: np.max(x, axis=1, where=[True, False, True], initial=-3), (INTS,)),
    ("max/where-bool", lambda x: np.max(x, axis=1, where=MASK, initial=False), (X > 0,)),
    ("min/where-bool", lambda x: np.min(x, axis=1, where=MASK, initial=True), (X > 0,)),
]
