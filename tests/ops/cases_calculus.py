"""Cases of differences, convolutions and polynomials."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(24)
X = RNG.normal(size=(4, 5, 3))
VECTOR = RNG.normal(size=5)
SHORT = RNG.normal(size=3)
PLACES = np.array([0.0, 0.4, 1.0, 2.0])
ANGLES = np.cumsum(RNG.uniform(0, 4, (3, 6)), axis=1) % 6.28
TURNS = np.array([0, 1, 2, 3, 0, 1, 3, 1, 4, 0])
A, B = RNG.normal(size=(2, 4, 3)), RNG.normal(size=(4, 3))

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    (f"{name}/{mode} {n} and {m}", lambda x, y, f=function, k=mode: f(x, y, k), (VECTOR[:n], RNG.normal(size=m)))
    for name, function in {"convolve": np.convolve, "correlate": np.correlate}.items()
    for mode in ("full", "same", "valid")
    for n, m in ((5, 3), (3, 4), (1, 2))
]
CASES += [
    ("correlate/by default", np.correlate, (VECTOR, SHORT)),
    ("convolve/int", np.convolve, (np.arange(4), np.arange(3))),
    ("convolve/float32", np.convolve, (VECTOR.astype(np.float32), SHORT.astype(np.float32))),
    ("convolve/mixed", np.convolve, (np.arange(4), SHORT.astype(np.float32))),
    ("gradient", np.gradient, (X[:, :, 0],)),
    ("gradient/axis", lambda x: np.gradient(x, axis=1), (X,)),
    ("gradient/step", lambda x: np.gradient(x, 2.0, axis=(0, -1)), (X,)),
    ("gradient/places", lambda x, h: np.gradient(x, h, axis=0), (X[..., 0], PLACES)),
    ("gradient/second order", lambda x, h: np.gradient(x, h, edge_order=2), (X[:, 0, 0], PLACES)),
    ("gradient/second order steps", lambda x: np.gradient(x, 0.5, edge_order=2), (VECTOR,)),
    ("gradient/three samples", lambda x, h: np.gradient(x, h, edge_order=2), (X[:3, 0, 0], PLACES[:3])),
    ("gradient/two samples", lambda x, h: np.gradient(x, h), (X[:2, 0, 0], PLACES[:2])),
    ("gradient/int", np.gradient, (np.arange(5) ** 2,)),
    ("gradient/float32", np.gradient, (SHORT.astype(np.float32),)),
    ("unwrap", np.unwrap, (ANGLES,)),
    ("unwrap/axis", lambda x: np.unwrap(x, axis=0, discont=4.0), (ANGLES,)),
    ("unwrap/period", lambda x: np.unwrap(x, period=1.0), (ANGLES,)),
    ("unwrap/int even", lambda x: np.unwrap(x, period=4), (TURNS,)),
    ("unwrap/int odd", lambda x: np.unwrap(x, period=5), (TURNS,)),
    ("unwrap/float32", np.unwrap, (ANGLES.astype(np.float32),)),
    ("cross", np.cross, (A, B)),
    ("cross/axes", lambda x, y: np.cross(x, y, axisa=0, axisc=0), (B.T.copy(), B)),
    ("cross/axis", lambda x, y: np.cross(x, y, axis=0), (B.T.copy(), B.T.copy())),
    ("linalg.cross", np.linalg.cross, (A, A[::-1].copy())),
    ("ediff1d/ends", lambda x: np.ediff1d(x, to_end=[1, 2.0], to_begin=-3.0), (B,)),
    ("polyval", np.polyval, (VECTOR, X[0])),
    ("polyval/int", np.polyval, (np.arange(3), np.arange(4))),
    ("polyval/number", lambda p: np.polyval(p, 0.3), (VECTOR.astype(np.float32),)),
    ("polyadd", np.polyadd, (VECTOR, SHORT)),
    ("polysub", np.polysub, (SHORT, VECTOR)),
    ("polymul", np.polymul, (VECTOR, SHORT)),
    ("polyder", np.polyder, (VECTOR,)),
    ("polyder/twice", lambda p: np.polyder(p, 2), (VECTOR,)),
    ("polyder/int", np.polyder, (np.arange(1, 5),)),
    ("polyint", np.polyint, (VECTOR,)),
    ("polyint/constants", lambda p: np.polyint(p, 2, [3, 1]), (VECTOR,)),
    ("polyint/int", np.polyint, (np.arange(1, 4),)),
    ("poly", np.poly, (SHORT,)),
    ("roots", lambda p: abs(np.roots(p) ** 2).sum(), (VECTOR + np.array([2.0, 0, 0, 0, 0]),)),
    ("roots/int", lambda p: np.sum(np.roots(p)).real, (np.arange(1, 5),)),
    ("roots/of a line", lambda p: np.roots(p).real, (VECTOR[:2],)),
    ("roots/of a number", lambda p: np.roots(p).real, (VECTOR[:1],)),
    ("polyfit", lambda x, y: np.polyfit(x, y, 2), (VECTOR, VECTOR**3)),
    ("polyfit/weights", lambda x, y, w: np.polyfit(x, y, 1, w=w), (VECTOR, A[0, :, 0].repeat(2)[:5], VECTOR**2 + 1)),
    ("polyfit/columns", lambda y: np.polyfit([0.0, 1.0, 2.5, 3.0], y, 1), (A[0],)),
]
