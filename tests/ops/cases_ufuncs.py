"""Cases of the methods of ufuncs."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(28)
X = RNG.normal(size=(5, 3))
POSITIVE = np.abs(X) + 0.5
INTS = np.array([[3, 5, 1], [6, 2, 7]])
MASK = X > 0

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("add.reduce/axis", lambda x: np.add.reduce(x, axis=1, keepdims=True), (X,)),
    ("add.reduce/all", lambda x: np.add.reduce(x, axis=None, initial=2.0), (X,)),
    ("add.reduce/where", lambda x: np.add.reduce(x, where=MASK), (X,)),
    ("multiply.reduce/dtype", lambda x: np.multiply.reduce(x, dtype=np.float32), (X,)),
    ("maximum.reduce", np.maximum.reduce, (X,)),
    ("minimum.reduce/initial", lambda x: np.minimum.reduce(x, axis=1, initial=0.1), (X,)),
    ("logical_and.reduce", np.logical_and.reduce, (MASK,)),
    ("logaddexp.reduce", lambda x: np.logaddexp.reduce(x, axis=1), (X,)),
    ("hypot.reduce", np.hypot.reduce, (X,)),
    ("fmax.reduce", lambda x: np.fmax.reduce(x, axis=1, initial=0.0), (X,)),
    ("subtract.reduce", np.subtract.reduce, (X,)),
    ("divide.reduce", lambda x: np.divide.reduce(x, axis=-1, keepdims=True), (POSITIVE,)),
    ("power.reduce/initial", lambda x: np.power.reduce(x, initial=1.5), (POSITIVE[:2] / 2,)),
    ("bitwise_xor.reduce", lambda n: np.bitwise_xor.reduce(n, axis=1), (INTS,)),
    ("bitwise_or.reduce/nothing", lambda n: np.bitwise_or.reduce(n), (INTS[:0],)),
    ("add.accumulate", lambda x: np.add.accumulate(x, axis=1), (X,)),
    ("maximum.accumulate", np.maximum.accumulate, (X,)),
    ("maximum.accumulate/axis", lambda x: np.maximum.accumulate(x, axis=1), (X,)),
    ("logaddexp.accumulate", np.logaddexp.accumulate, (X,)),
    ("subtract.accumulate", lambda x: np.subtract.accumulate(x, axis=-1), (X,)),
    ("add.reduceat", lambda x: np.add.reduceat(x, [0, 3, 1, 4]), (X,)),
    ("multiply.reduceat", lambda x: np.multiply.reduceat(x, [0, 2], axis=1), (X,)),
    ("divide.outer", np.divide.outer, (X[0], POSITIVE)),
    ("maximum.outer", np.maximum.outer, (X[0], X[1])),
]
