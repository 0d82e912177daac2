"""An image that was blurred: the gradient of how far a guess, blurred by Fourier transforms, is from what was seen."""

from typing import NamedTuple

import numpy as np

from bench.workload import Array


class Inputs(NamedTuple):
    """``image`` and ``seen`` are (side, side); ``blur`` is the transform of the point spread, (side, side // 2 + 1)."""

    image: Array
    seen: Array
    blur: Array


def inputs(dtype: str, side: int) -> Inputs:
    rng = np.random.default_rng(0)
    distance = np.minimum(np.arange(side), side - np.arange(side))
    spread = np.exp(-0.5 * np.add.outer(distance**2, distance**2) / 9.0)
    blur = np.ascontiguousarray(np.fft.rfft2(spread / spread.sum()).real)  # real, as the spread is symmetric
    image, seen = rng.random((2, side, side))
    return Inputs(image.astype(dtype), seen.astype(dtype), blur.astype(dtype))
