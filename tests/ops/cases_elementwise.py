"""Cases of functions that are made of elementwise operations, and of powers by constants."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(6)
X = RNG.uniform(0.2, 2.0, (2, 3)) * np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])
Y = RNG.uniform(0.3, 1.5, 3)
POSITIVE = np.abs(X)
INTS = np.array([-7, -1, 0, 2, 15, 25, 155])
BYTES = np.array([0, 3, 128, 255], np.uint8)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.5])
MASK = np.array([True, False, True])

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    (f"x ** {n}", lambda x, n=n: x**n, (POSITIVE,)) for n in (0, 1, 2, 3, 4, 7, -1, -2, 0.5, 2.5)
]
CASES += [(f"x ** {n} of float32", lambda x, n=n: x**n, (POSITIVE.astype(np.float32),)) for n in (2, 3, -1.5)]
CASES += [(f"x ** {n} of negative", lambda x, n=n: x**n, (X,)) for n in (0, 1, 2, 3, 4, -1, -3)]
CASES += [(f"x ** {n} of int", lambda x, n=n: x**n, (INTS,)) for n in (0, 1, 2, 5, 13)]
CASES += [
    ("2 ** x", lambda x: 2**x, (X,)),
    ("2.5 ** x of float32", lambda x: 2.5**x, (X.astype(np.float32),)),
    ("float ** int array", lambda x, n: x**n, (X[0], np.array([2, 0, 3]))),
    ("float_power", np.float_power, (POSITIVE.astype(np.float32), Y.astype(np.float32))),
    ("reciprocal", np.reciprocal, (X,)),
    ("reciprocal/int", np.reciprocal, (np.array([1, -1, 2, -5]),)),
    ("positive", np.positive, (X,)),
    ("fabs", np.fabs, (X,)),
    ("fabs/int", np.fabs, (INTS,)),
    ("divmod", np.divmod, (X, Y)),
    ("divmod/int", lambda x: divmod(x, 4), (INTS,)),
    ("operators", lambda x, y: (-x + y) * 2 - y / 3 + abs(x) % y - x // y, (X, Y)),
    ("reflected", lambda x: (1 - x) * (2 / x) + 3 // x + 5 % x, (X,)),
    ("bits", lambda n: (n & 6 | 1) ^ (~n >> 1) << 2, (INTS,)),
    ("heaviside", np.heaviside, (SPECIAL, np.float64(0.25))),
    ("heaviside/smooth", np.heaviside, (X, Y)),
    ("clip", lambda x: np.clip(x, -0.5, 1.0), (X,)),
    ("clip/arrays", lambda x, y: np.clip(x, -y, y), (X, Y)),
    ("clip/low", lambda x: x.clip(0.1), (X,)),
    ("clip/high", lambda x: np.clip(x, None, 0.1), (X,)),
    ("clip/keywords", lambda x: np.clip(x, max=0.5, min=-0.5), (X,)),
    ("clip/int", lambda n: np.clip(n, 0, 9), (INTS,)),
    ("clip/int-float", lambda n: np.clip(n, 0.5, 9.5), (INTS,)),
    ("deg2rad", np.deg2rad, (X,)),
    ("rad2deg", np.degrees, (X,)),
    ("deg2rad/int", np.radians, (INTS,)),
    ("sinc", np.sinc, (X,)),
    ("sinc/near zero", np.sinc, (np.array([1e-9, 0.04, -0.047, 0.048, 1e-4]),)),
    ("sinc/int", np.sinc, (INTS,)),
    ("round", np.round, (np.array([0.4, 0.6, 1.5001, -2.4999]),)),
    ("round/decimals", lambda x: np.round(x, 2), (X,)),
    ("round/tens", lambda x: np.around(x * 100, -1), (X,)),
    ("round/int", np.round, (INTS,)),
    ("round/int-tens", lambda n: np.round(n, -1), (INTS,)),
    ("fix", np.fix, (X,)),
    ("modf", np.modf, (X,)),
    ("modf/special", np.modf, (SPECIAL,)),
    ("nan_to_num", np.nan_to_num, (SPECIAL,)),
    ("nan_to_num/values", lambda x: np.nan_to_num(x, nan=1.0, posinf=2.0, neginf=3.0), (SPECIAL,)),
    ("nan_to_num/float32", np.nan_to_num, (SPECIAL.astype(np.float32),)),
    ("nan_to_num/int", np.nan_to_num, (INTS,)),
    ("logaddexp2", np.logaddexp2, (X, Y)),
    ("isclose", lambda x, y: np.isclose(x, y, rtol=0.5), (X, Y)),
    ("isclose/special", lambda x: np.isclose(x, SPECIAL[::-1]), (SPECIAL,)),
    ("isclose/nan", lambda x: np.isclose(x, x, equal_nan=True), (SPECIAL,)),
    ("allclose", np.allclose, (X, X + 1e-12)),
    ("array_equal", np.array_equal, (X, X + 0)),
    ("array_equal/nan", lambda x: np.array_equal(x, x), (SPECIAL,)),
    ("array_equal/equal nan", lambda x: np.array_equal(x, x, equal_nan=True), (SPECIAL,)),
    ("isposinf", np.isposinf, (SPECIAL,)),
    ("isneginf", np.isneginf, (SPECIAL,)),
    ("isnan/int", np.isnan, (INTS,)),
    ("isfinite/int", np.isfinite, (INTS,)),
    ("compare/int beyond", lambda b: (b < 300, b > -1, b == 300, b <= -5, b != 256), (BYTES,)),
    ("logic/float", lambda x: np.logical_and(x, x > 0) | np.logical_not(x), (SPECIAL,)),
    ("where/broadcast", lambda c, x: np.where(c, x, 0), (MASK, X)),
    ("where/number", lambda n, x: np.where(n, x, 1.5), (np.array([0, 2, 0]), X.astype(np.float32))),
    ("where/int", lambda c: np.where(c, 1, 2.5), (MASK,)),
    ("fmax/nan", np.fmax, (SPECIAL, SPECIAL[::-1])),
    ("maximum/scalar", lambda x: np.maximum(x, 0), (X,)),
    ("captured", lambda x: x * POSITIVE + Y, (X.astype(np.float32),)),
    ("weak", lambda x: 2 * (x + 1) / 3, (X.astype(np.float32),)),
    ("frexp", np.frexp, (X,)),
    ("frexp/special", np.frexp, (np.append(SPECIAL, [5e-324, 1e-310, 1e308, np.nextafter(1.0, 0.0), 2.0**-1022]),)),
    ("frexp/float32", np.frexp, (SPECIAL.astype(np.float32),)),
    ("ldexp", lambda x: np.ldexp(x, 3), (X,)),
    ("ldexp/ends", lambda n: np.ldexp(0.75, n), (np.array([-1074, -1022, 1024, 1023, -2000, 4000]),)),
    ("ldexp/float32", np.ldexp, (X.astype(np.float32), np.array([-3, 0, 100], np.int32))),
    ("array_equiv", np.array_equiv, (X, X[0])),
    ("array_equiv/shapes", lambda x: np.array_equiv(x, np.ones(2)), (X,)),
]
