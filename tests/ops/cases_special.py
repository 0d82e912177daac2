"""Cases of `staticbp.special`."""

from typing import Any

import numpy as np

from staticbp import special

RNG = np.random.default_rng(7)
X = RNG.uniform(-2, 2, (3, 4))
UNIT = RNG.uniform(0.1, 0.9, 5)
POSITIVE = RNG.uniform(0.2, 2.0, (3, 4))
HUGE = np.array([[1e300, -1e300, 3.0], [-1e300, -1e300, -1e300], [1.0, 2.0, 3.0]])
MASKED = np.array([[0.5, -np.inf, 1.5], [-np.inf, 2.0, -np.inf]])
INTS = np.array([[1, 2, 3], [3, 0, -2]])
SCALAR = np.float64(0.3)

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    case
    for name, function in {
        "logsumexp": special.logsumexp,
        "softmax": special.softmax,
        "log_softmax": special.log_softmax,
    }.items()
    for case in [
        (f"{name}/all", function, (X,)),
        (f"{name}/vector", function, (X[0],)),
        (f"{name}/rows", lambda x, f=function: f(x, axis=-1), (X,)),
        (f"{name}/columns", lambda x, f=function: f(x, axis=0), (X,)),
        (f"{name}/axes", lambda x, f=function: f(x, axis=(0, 2)), (X.reshape(3, 2, 2),)),
        (f"{name}/scalar", function, (SCALAR,)),
        (f"{name}/int", lambda x, f=function: f(x, axis=1), (INTS,)),
        (f"{name}/float32", lambda x, f=function: f(x, axis=1), (X.astype(np.float32),)),
    ]
]
CASES += [
    ("logsumexp/keepdims", lambda x: special.logsumexp(x, axis=1, keepdims=True), (X,)),
    ("logsumexp/weights", lambda x, b: special.logsumexp(x, axis=1, b=b), (X, POSITIVE)),
    ("logit", special.logit, (UNIT,)),
    ("logit/float32", special.logit, (UNIT.astype(np.float32),)),
    ("log_expit", special.log_expit, (X,)),
    ("entr", special.entr, (UNIT,)),
    ("softplus", lambda x: np.logaddexp(0, x), (X,)),
]
