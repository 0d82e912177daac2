"""Dormand and Prince's method for ordinary differential equations, in traced loops: what is behind `odeint`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.api.compiling import stop_gradient
from staticbp.api.iteration import while_loop
from staticbp.api.loops import scan

Slope = Callable[[Any, Any], Any]  # of the state, a vector, and of the time
Tolerances = tuple[Any, ...]  # relative, absolute

# J. R. Dormand and P. J. Prince, "A family of embedded Runge-Kutta formulae", 1980: nodes and weights of the stages, of
# which the last is the result, so that its slope is the first of the next step; and the weights of the error.
NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def solved(slope: Slope, start: Any, times: Any, tolerances: Tolerances, *, first: Any, largest: Any, most: int) -> Any:
    """The states at all times, the first of which is that of the start; sizes of steps that are zero are left open."""
    rate = slope(start, times[0])
    size = first or _first_size(start, rate, tolerances)

    def onward(carry: tuple[Any, Any, Any], span: tuple[Any, Any]) -> tuple[tuple[Any, Any, Any], Any]:
        carry = _followed(slope, carry, span, tolerances, largest, most)
        return carry, carry[0]

    _, states = scan(onward, (start, rate, stop_gradient(size)), (times[:-1], times[1:]))
    return np.concatenate([start[None], states])


def _first_size(y: Any, rate: Any, tolerances: Tolerances) -> Any:
    """A hundredth of the time in which the state would change as much as it is (Hairer et al. 1993, II.4)."""
    allowed = _allowed(y, tolerances)
    here, speed = _norm(y / allowed), _norm(rate / allowed)
    tiny = (here < 1e-5) | (speed < 1e-5)
    return np.where(tiny, 1e-6, 0.01 * here / np.where(tiny, 1.0, speed))


def _allowed(y: Any, tolerances: Tolerances) -> Any:
    relative, absolute = tolerances
    return absolute + relative * np.abs(y)


def _norm(x: Any) -> Any:
    return np.sqrt(np.mean(np.square(x)))


def _followed(
    slope: Slope, carry: tuple[Any, Any, Any], span: tuple[Any, Any], tolerances: Tolerances, largest: Any, most: int
) -> tuple[Any, Any, Any]:
    """State, slope and size of the next step at the end of a span; NaN, and no step, where that was not reached."""
    begin, end = span
    way = np.sign(end - begin)

    def going(state: tuple[Any, ...]) -> Any:
        t, _, _, size, count = state
        return (t != end) & (count < most) & (t + way * size != t)

    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        t, y, rate, size, count = state
        size = stop_gradient(size)
        last = size >= np.abs(end - t)
        h = np.where(last, end - t, way * size)
        after, rate_after, error = _step(slope, t, y, rate, h)
        missed = stop_gradient(_norm(error / _allowed(np.maximum(np.abs(y), np.abs(after)), tolerances)))
        good = missed <= 1.0
        # What is not finite may be so because the step was too long.
        factor = np.where(missed < np.inf, np.clip(0.9 * np.maximum(missed, 1e-10) ** -0.2, 0.2, 10.0), 0.2)
        wished = np.abs(h) * factor
        wished = np.where(good & last, np.maximum(wished, size), wished)  # a span's end says nothing of the next
        if largest:
            wished = np.minimum(wished, largest)
        t, y = np.where(good, np.where(last, end, t + h), t), np.where(good, after, y)
        return t, y, np.where(good, rate_after, rate), stop_gradient(wished), count + 1

    y, rate, size = carry
    t, y, rate, size, _ = while_loop(going, step, (begin, y, rate, size, 0))
    reached = t == end
    return np.where(reached, y, np.nan), rate, np.where(reached, size, 0.0)


def _step(slope: Slope, t: Any, y: Any, rate: Any, h: Any) -> tuple[Any, Any, Any]:
    """The state after a step, its slope, and an estimate of the error."""
    slopes, after = [rate], y
    for node, weights in zip(NODES, STAGES, strict=True):
        after = y + h * _combined(weights, slopes)
        slopes.append(slope(after, t + node * h))
    return after, slopes[-1], h * _combined(ERROR, slopes)


def _combined(weights: Sequence[float], slopes: Sequence[Any]) -> Any:
    return sum(weight * rate for weight, rate in zip(weights, slopes, strict=True) if weight)
