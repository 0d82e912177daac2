"""What derivatives are where there is none: at kinks, jumps and tips.

The table is documentation (`docs/ops.md` prints it) and test in one: each entry is a function, a point, and the
gradient that staticbp gives there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.ops import special

Point = float | tuple[float, ...]


@dataclass(frozen=True)
class Convention:
    """The gradient of `function`, written `text`, at a point where mathematics leaves it open."""

    text: str
    function: Callable[..., Any]
    at: tuple[Point, ...]
    gradient: tuple[Point, ...]
    why: str


TIES = "ties share equally"
JUMP = "piecewise constant: zero, at its jumps too"
TIP = "the tip of a cone has slope zero"
LIMIT = "the limit"
PRODUCT = "the product of the others, without dividing"

CONVENTIONS = (
    Convention("np.abs(x)", lambda x: np.abs(x), (0.0,), (0.0,), "the middle of -1 and 1"),
    Convention("np.sign(x)", lambda x: np.sign(x), (0.0,), (0.0,), JUMP),
    Convention("np.floor(x)", lambda x: np.floor(x), (2.0,), (0.0,), JUMP),
    Convention("np.round(x)", lambda x: np.round(x), (0.5,), (0.0,), JUMP),
    Convention("x // y", lambda x, y: x // y, (6.0, 3.0), (0.0, 0.0), JUMP),
    Convention("x % y", lambda x, y: x % y, (6.0, 3.0), (1.0, -2.0), "as between its jumps"),
    Convention("np.heaviside(x, y)", lambda x, y: np.heaviside(x, y), (0.0, 0.5), (0.0, 1.0), JUMP),
    Convention("np.copysign(x, y)", lambda x, y: np.copysign(x, y), (0.0, -1.0), (0.0, 0.0), "as np.abs"),
    Convention("np.maximum(x, y)", lambda x, y: np.maximum(x, y), (1.0, 1.0), (0.5, 0.5), TIES),
    Convention("np.minimum(x, y)", lambda x, y: np.minimum(x, y), (1.0, 1.0), (0.5, 0.5), TIES),
    Convention("np.fmax(x, y)", lambda x, y: np.fmax(x, y), (1.0, 1.0), (0.5, 0.5), TIES),
    Convention("np.fmax(x, y)", lambda x, y: np.fmax(x, y), (1.0, math.nan), (1.0, 0.0), "a NaN never wins np.fmax"),
    Convention("np.maximum(x, 0)", lambda x: np.maximum(x, 0), (0.0,), (0.5,), TIES),
    Convention("np.clip(x, 0, 1)", lambda x: np.clip(x, 0, 1), (1.0,), (0.5,), TIES),
    Convention("np.max(x)", lambda x: np.max(x), ((3.0, 1.0, 3.0),), ((0.5, 0.0, 0.5),), TIES),
    Convention("np.min(x)", lambda x: np.min(x), ((1.0, 1.0, 1.0, 1.0),), ((0.25, 0.25, 0.25, 0.25),), TIES),
    Convention(
        "np.sort(x)[0]", lambda x: np.sort(x)[0], ((2.0, 2.0),), ((1.0, 0.0),), "equal elements keep their order"
    ),
    Convention("x ** 0", lambda x: x**0, (0.0,), (0.0,), "a constant"),
    Convention("x ** 1", lambda x: x**1, (0.0,), (1.0,), "a straight line"),
    Convention("x ** y", lambda x, y: x**y, (0.0, 0.0), (0.0, 0.0), "0 ** 0 counts as the constant 1"),
    Convention("x ** y", lambda x, y: x**y, (0.0, 2.0), (0.0, 0.0), LIMIT),
    Convention("np.sqrt(x)", lambda x: np.sqrt(x), (0.0,), (math.inf,), LIMIT),
    Convention("np.log(x)", lambda x: np.log(x), (0.0,), (math.inf,), LIMIT),
    Convention("np.hypot(x, y)", lambda x, y: np.hypot(x, y), (0.0, 0.0), (0.0, 0.0), TIP),
    Convention("np.linalg.norm(x)", lambda x: np.linalg.norm(x), ((0.0, 0.0),), ((0.0, 0.0),), TIP),
    Convention("np.std(x)", lambda x: np.std(x), ((2.0, 2.0, 2.0),), ((0.0, 0.0, 0.0),), TIP),
    Convention("np.sinc(x)", lambda x: np.sinc(x), (0.0,), (0.0,), LIMIT),
    Convention("np.prod(x)", lambda x: np.prod(x), ((0.0, 2.0, 3.0),), ((6.0, 0.0, 0.0),), PRODUCT),
    Convention("np.cumprod(x)[2]", lambda x: np.cumprod(x)[2], ((2.0, 0.0, 3.0),), ((0.0, 6.0, 0.0),), PRODUCT),
    Convention(
        "np.logaddexp(x, y)",
        lambda x, y: np.logaddexp(x, y),
        (-math.inf, -math.inf),
        (0.5, 0.5),
        TIES,
    ),
    Convention(
        "special.logsumexp(x)",
        lambda x: special.logsumexp(x),
        ((-math.inf, 1.0, 1.0),),
        ((0.0, 0.5, 0.5),),
        "minus infinity contributes nothing",
    ),
    Convention("special.xlogy(x, y)", lambda x, y: special.xlogy(x, y), (0.0, 2.0), (math.log(2), 0.0), LIMIT),
    Convention("special.xlogy(x, y)", lambda x, y: special.xlogy(x, y), (0.0, 0.0), (-math.inf, 0.0), LIMIT),
    Convention("special.entr(x)", lambda x: special.entr(x), (0.0,), (math.inf,), LIMIT),
)
