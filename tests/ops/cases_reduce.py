"""Cases of reductions, averages, running totals and order."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(5)
X = RNG.uniform(0.3, 2.0, (2, 3, 4)) * RNG.choice([-1.0, 1.0], (2, 3, 4))
MATRIX = X[0]
VECTOR = X[0, 0]
ZEROS = np.array([[0.0, 2.0, 3.0, -1.5, 0.5], [0.0, 0.0, 1.0, 2.0, 4.0], [1.0, 2.0, 0.0, 0.5, 0.25]])
TIED = np.array([[1.0, 2.0, 2.0], [2.0, 0.0, -1.0]])
EMPTY = np.zeros((0, 3))
SCALAR = np.float64(1.7)
BYTES = np.array([[200, 100], [3, 250]], np.uint8)
INTS = np.array([[3, -1, 2], [0, 5, -7]], np.int32)
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, True, True]])
WEIGHTS = np.array([0.5, 1.0, 0.25, 2.0])

EVERYWHERE = {
    "sum": np.sum,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "ptp": np.ptp,
    "any": np.any,
    "all": np.all,
    "count_nonzero": np.count_nonzero,
}

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    case
    for name, function in EVERYWHERE.items()
    for case in [
        (f"{name}/all", function, (X,)),
        (f"{name}/vector", function, (VECTOR,)),
        (f"{name}/float32", function, (X.astype(np.float32),)),
        (f"{name}/first", lambda x, f=function: f(x, axis=0), (X,)),
        (f"{name}/last", lambda x, f=function: f(x, axis=-1), (X,)),
        (f"{name}/two", lambda x, f=function: f(x, axis=(0, -1)), (X,)),
        (f"{name}/none", lambda x, f=function: f(x, axis=()), (X,) if name != "std" else (X[:0],)),
        (f"{name}/keepdims", lambda x, f=function: f(x, axis=1, keepdims=True), (X,)),
        (f"{name}/keepdims-all", lambda x, f=function: f(x, keepdims=True), (MATRIX,)),
        (f"{name}/int32", function, (INTS,)),
        (f"{name}/uint8", lambda x, f=function: f(x, axis=0), (BYTES,)),
        (f"{name}/empty", lambda x, f=function: f(x, axis=1), (EMPTY,)),
    ]
]
CASES += [(f"{n}/scalar", f, (SCALAR,)) for n, f in EVERYWHERE.items() if n not in ("std", "count_nonzero")]
CASES += [(f"{n}/bool", f, (MASK,)) for n, f in EVERYWHERE.items() if n != "ptp"]
CASES += [
    ("sum/nothing", np.sum, (EMPTY,)),
    ("prod/nothing", np.prod, (EMPTY,)),
    ("sum/dtype", lambda x: np.sum(x, dtype=np.float32), (MATRIX,)),
    ("sum/initial", lambda x: np.sum(x, axis=0, initial=2.5), (MATRIX,)),
    ("sum/where", lambda x: np.sum(x, axis=0, where=MASK), (MATRIX,)),
    ("prod/where", lambda x: np.prod(x, axis=1, where=MASK, initial=3.0), (MATRIX,)),
    ("prod/zeros", lambda x: np.prod(x, axis=1), (ZEROS,)),
    ("prod/zeros-all", lambda x: np.prod(x[:, 1:]), (ZEROS,)),
    ("prod/inner-axis", lambda x: np.prod(x, axis=(2, 0)), (X,)),
    ("max/ties-off-axis", lambda x: np.max(x, axis=0), (np.array([[1.0, 2.0], [3.0, -2.0]]),)),
    ("max/initial", lambda x: np.max(x, axis=0, initial=0.4), (MATRIX,)),
    ("min/initial", lambda x: np.min(x, axis=0, initial=0.4), (MATRIX,)),
    ("any/where", lambda x: np.any(x, axis=1, where=MASK), (MATRIX > 0,)),
    ("all/where", lambda x: np.all(x, axis=1, where=MASK), (MATRIX > 0,)),
    ("mean/dtype", lambda x: np.mean(x, dtype=np.float64), (MATRIX.astype(np.float32),)),
    ("var/ddof", lambda x: np.var(x, axis=0, ddof=1), (MATRIX,)),
    ("std/correction", lambda x: np.std(x, axis=1, correction=1, keepdims=True), (MATRIX,)),
    ("var/mean", lambda x: np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)), (MATRIX,)),
    ("average/plain", lambda x: np.average(x, axis=1), (MATRIX,)),
    ("average/vector", lambda x, w: np.average(x, axis=1, weights=w), (MATRIX, WEIGHTS)),
    ("average/matrix", lambda x, w: np.average(x, weights=w), (MATRIX, np.abs(MATRIX))),
    ("average/axes", lambda x, w: np.average(x, axis=(2, 0), weights=w), (X, np.abs(X[:, 0]).T)),
    ("average/returned", lambda x, w: np.average(x, axis=1, weights=w, returned=True), (MATRIX, WEIGHTS)),
    ("average/int", lambda x: np.average(x, axis=0, weights=[1, 3]), (INTS,)),
    ("add.reduce", np.add.reduce, (X,)),
    ("multiply.accumulate", np.multiply.accumulate, (MATRIX,)),
    ("subtract.outer", np.subtract.outer, (VECTOR, MATRIX)),
    # running totals
    ("cumsum/flat", np.cumsum, (MATRIX,)),
    ("cumsum/first", lambda x: np.cumsum(x, axis=0), (X,)),
    ("cumsum/last", lambda x: np.cumsum(x, axis=-1), (X,)),
    ("cumsum/float32", lambda x: np.cumsum(x, axis=-1), (X.astype(np.float32),)),
    ("cumsum/scalar", np.cumsum, (SCALAR,)),
    ("cumsum/uint8", lambda x: np.cumsum(x, axis=1), (BYTES,)),
    ("cumsum/empty", lambda x: np.cumsum(x, axis=0), (EMPTY,)),
    ("cumprod/flat", np.cumprod, (MATRIX,)),
    ("cumprod/first", lambda x: np.cumprod(x, axis=0), (X,)),
    ("cumprod/middle", lambda x: np.cumprod(x, axis=1), (X,)),
    ("cumprod/zeros", lambda x: np.cumprod(x, axis=1), (ZEROS,)),
    ("cumprod/one", lambda x: np.cumprod(x, axis=0), (ZEROS[:1],)),
    ("cumprod/int", lambda x: np.cumprod(x, axis=1), (INTS,)),
    # order
    ("argmax/all", np.argmax, (X,)),
    ("argmax/axis", lambda x: np.argmax(x, axis=1), (X,)),
    ("argmax/ties", lambda x: np.argmax(x, axis=-1, keepdims=True), (TIED,)),
    ("argmax/nan", lambda x: np.argmax(x, axis=0), (np.array([[1.0, np.nan], [np.nan, np.nan]]),)),
    ("argmax/bool", lambda x: np.argmax(x, axis=1), (MASK,)),
    ("argmax/int", lambda x: np.argmax(x, axis=0), (INTS,)),
    ("argmin/all", lambda x: np.argmin(x, keepdims=True), (X,)),
    ("argmin/axis", lambda x: np.argmin(x, axis=2), (X,)),
    ("argmin/scalar", np.argmin, (SCALAR,)),
    ("sort/vector", np.sort, (VECTOR,)),
    ("sort/first", lambda x: np.sort(x, axis=0), (X,)),
    ("sort/last", np.sort, (X,)),
    ("sort/flat", lambda x: np.sort(x, axis=None), (MATRIX,)),
    ("sort/int", np.sort, (INTS,)),
    ("sort/float32", lambda x: np.sort(x, axis=1), (MATRIX.astype(np.float32),)),
    ("argsort/vector", np.argsort, (VECTOR,)),
    ("argsort/stable", lambda x: np.argsort(x, axis=1, kind="stable"), (TIED,)),
    ("argsort/first", lambda x: np.argsort(x, axis=0), (X,)),
]
