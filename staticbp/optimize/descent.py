"""Ways downhill and uphill: gradient descent, by samples and by conjugate directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any, TypeVar

import numpy as np

import staticbp as bp
from staticbp.errors import ArgumentError, NumericalError
from staticbp.optimize.iterates import dot, largest, limited, moved, same

T = TypeVar("T")

PATIENCE = 10  # steps that went well, after which the next one is twice as long


def gradient_descent(
    function: Callable[..., Any],
    start: T,
    args: Sequence[Any] = (),
    *,
    rate: float = 0.1,
    adaptive: bool = True,
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[T]:
    """Iterates downhill, along the gradient.

    Parameters
    ----------
    function : callable
        ``function(point, *args)`` returns a number.
    start : structure
        The first iterate: an array, a number, a record or any structure of them.
    args : sequence, optional
        Further arguments of the function.
    rate : float, optional
        The length of a step, in gradients: of the first one, when the rate is adaptive.
    adaptive : bool, optional
        Whether a step that does not lead downhill is taken back and tried again at half the rate, and ten that do
        double it.
    tolerance : float, optional
        The iteration ends where no element of the gradient is larger, and where a step leads nowhere.
    max_steps : int, optional
        The most steps; by default there is no limit.

    Yields
    ------
    structure
        `start`, and what each step leads to.

    Raises
    ------
    NumericalError
        If the function is not finite at the start.

    See Also
    --------
    minimize : SciPy's minimisers, which take far fewer steps.

    Notes
    -----
    Haskell's ``Numeric.AD.gradientDescent`` chooses its rates in the same way, but takes steps on the level too, and so
    does not always end.

    Examples
    --------
    >>> import staticbp as bp
    >>> list(bp.optimize.gradient_descent(lambda x: x * x, 8.0, rate=0.25, max_steps=3))
    [8.0, np.float64(4.0), np.float64(2.0), np.float64(1.0)]
    >>> bowl = lambda p: (p["x"] - 1.0) ** 2 + 5.0 * (p["y"] + 2.0) ** 2
    >>> point = bp.optimize.last(bp.optimize.gradient_descent(bowl, {"x": 0.0, "y": 0.0}, tolerance=1e-9))
    >>> point["x"].round(6), point["y"].round(6)
    (np.float64(1.0), np.float64(-2.0))
    """
    return limited(_along_gradient(function, start, args, -1.0, rate, adaptive, tolerance), max_steps)


def gradient_ascent(
    function: Callable[..., Any],
    start: T,
    args: Sequence[Any] = (),
    *,
    rate: float = 0.1,
    adaptive: bool = True,
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[T]:
    """Iterates uphill, along the gradient.

    Parameters
    ----------
    function, start, args, rate, adaptive, tolerance, max_steps
        As for `gradient_descent`.

    Yields
    ------
    structure
        `start`, and what each step leads to.

    Examples
    --------
    >>> import staticbp as bp
    >>> list(bp.optimize.gradient_ascent(lambda x: -x * x, 8.0, rate=0.25, adaptive=False, max_steps=3))
    [8.0, np.float64(4.0), np.float64(2.0), np.float64(1.0)]
    """
    return limited(_along_gradient(function, start, args, 1.0, rate, adaptive, tolerance), max_steps)


def _along_gradient(
    function: Callable[..., Any],
    start: T,
    args: Sequence[Any],
    sign: float,
    rate: float,
    adaptive: bool,
    tolerance: float,
) -> Iterator[T]:
    value_and_grad = bp.value_and_grad(function, has_aux=False)
    point, good = start, 0
    value, slope = value_and_grad(point, *args)
    _require_finite(function, value)
    yield point
    while largest(slope) > tolerance:
        after = moved(point, slope, sign * rate)
        if same(after, point):
            return
        value_after, slope_after = value_and_grad(after, *args)
        # What is not a number is too far as well, and what is no better does not count as progress.
        if adaptive and not sign * value_after > sign * value:
            rate, good = rate / 2, 0
            continue
        point, value, slope = after, value_after, slope_after
        yield point
        good += 1
        if adaptive and good == PATIENCE:
            rate, good = rate * 2, 0


def stochastic_gradient_descent(
    function: Callable[..., Any],
    start: T,
    samples: Iterable[Any],
    args: Sequence[Any] = (),
    *,
    rate: float | Callable[[int], float] = 0.001,
    epochs: int | None = None,
    max_steps: int | None = None,
) -> Iterator[T]:
    """Iterates downhill, along the gradients for one sample after the other.

    Parameters
    ----------
    function : callable
        ``function(point, sample, *args)`` returns a number.
    start : structure
        The first iterate.
    samples : iterable
        Structures of arrays and numbers; for two arrays of inputs and targets, ``zip(inputs, targets)``.
    args : sequence, optional
        Further arguments of the function.
    rate : float or callable, optional
        The length of a step, in gradients, or a function from the number of the step, from 0, to that.
    epochs : int, optional
        How often to go through all samples; by default there is no limit.
    max_steps : int, optional
        The most steps; by default there is no limit.

    Yields
    ------
    structure
        `start`, and what each sample leads to.

    See Also
    --------
    staticbp.fold : All the steps as one compiled loop, for samples that are all in memory.

    Notes
    -----
    Haskell's ``Numeric.AD.stochasticGradientDescent``, which goes round its samples for ever at a rate of 0.001.

    Examples
    --------
    >>> import staticbp as bp
    >>> misfit = lambda w, sample: (w * sample[0] - sample[1]) ** 2
    >>> samples = [(1.0, 2.0), (2.0, 4.0)]
    >>> list(bp.optimize.stochastic_gradient_descent(misfit, 0.0, samples, rate=0.125, epochs=1))
    [0.0, np.float64(0.5), np.float64(2.0)]
    """
    if epochs is not None and epochs < 0:
        raise ArgumentError(f"{epochs} epochs: there cannot be less than none")
    kept = list(samples)
    rounds = cycle(kept) if epochs is None else (sample for _ in range(epochs) for sample in kept)
    gradient = bp.grad(function, has_aux=False)

    def iterates() -> Iterator[T]:
        point = start
        yield point
        for number, sample in enumerate(rounds):
            length = rate(number) if callable(rate) else rate
            point = moved(point, gradient(point, sample, *args), -length)
            yield point

    return limited(iterates(), max_steps)


def conjugate_gradient_descent(
    function: Callable[..., Any],
    start: T,
    args: Sequence[Any] = (),
    *,
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[T]:
    """Iterates downhill, each along a direction in which the steps before it have left something to gain.

    Parameters
    ----------
    function, start, args, tolerance, max_steps
        As for `gradient_descent`.

    Yields
    ------
    structure
        `start`, and what each step leads to.

    Raises
    ------
    NumericalError
        If the function is not finite at the start.

    Notes
    -----
    The nonlinear method of Polak and Ribière, which begins anew with the gradient where its directions stop being
    conjugate (Nocedal and Wright, *Numerical Optimization*, section 5.2).  How far to go in a direction Newton's method
    finds, from the first two derivatives along it (see `staticbp.jet`); where it leads uphill the step is halved until
    it does not.  Of Haskell's ``Numeric.AD.conjugateGradientDescent`` the search along the line is the same; its
    directions are those of Fletcher and Reeves.

    Examples
    --------
    A bowl of two dimensions takes two steps:

    >>> import numpy as np
    >>> import staticbp as bp
    >>> bowl = lambda p: p[0] ** 2 + 10.0 * p[1] ** 2 + p[0] * p[1]
    >>> points = list(bp.optimize.conjugate_gradient_descent(bowl, np.array([3.0, -1.0]), max_steps=2))
    >>> np.abs(points[-1]).max() < 1e-12
    np.True_
    """
    return limited(_conjugate(function, start, args, -1.0, tolerance), max_steps)


def conjugate_gradient_ascent(
    function: Callable[..., Any],
    start: T,
    args: Sequence[Any] = (),
    *,
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[T]:
    """Iterates uphill, each along a direction in which the steps before it have left something to gain.

    Parameters
    ----------
    function, start, args, tolerance, max_steps
        As for `gradient_descent`.

    Yields
    ------
    structure
        `start`, and what each step leads to.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> peak = lambda p: 1.0 - p[0] ** 2 - p[1] ** 2
    >>> bp.optimize.last(bp.optimize.conjugate_gradient_ascent(peak, np.array([3.0, -1.0])))
    array([0., 0.])
    """
    return limited(_conjugate(function, start, args, 1.0, tolerance), max_steps)


def _conjugate(
    function: Callable[..., Any], start: T, args: Sequence[Any], sign: float, tolerance: float
) -> Iterator[T]:
    value_and_grad = bp.value_and_grad(function, has_aux=False)
    point = start
    value, slope = value_and_grad(point, *args)
    _require_finite(function, value)
    direction, steepest = bp.tree.map(lambda g: sign * g, slope), True
    yield point
    while largest(slope) > tolerance:
        found = _search(function, point, args, sign, direction, sign * value)
        if found is None and steepest:
            return
        if found is None:
            direction, steepest = bp.tree.map(lambda g: sign * g, slope), True
            continue
        point = found
        yield point
        before = slope
        value, slope = value_and_grad(point, *args)
        gain = dot(slope, slope) - dot(slope, before)
        share = max(float(gain / dot(before, before)), 0.0)
        towards = bp.tree.map(lambda g: sign * g, slope)
        direction, steepest = moved(towards, direction, share), share == 0.0
        if not sign * dot(slope, direction) > 0.0:
            direction, steepest = towards, True


def _search(
    function: Callable[..., Any], point: Any, args: Sequence[Any], sign: float, direction: Any, best: Any
) -> Any:
    """A better point along a line, near the best one if the line is a parabola; None if there is none."""
    still = [(None, None)] * len(args)
    far = 0.0
    for _ in range(20):
        here = moved(point, direction, far)
        _, (slope, bend) = bp.jet(function, (here, *args), ((direction, None), *still), has_aux=False)
        # Where the line does not bend the right way there is no peak to go for: as far again.
        step = -slope / bend if sign * bend < 0 else max(2 * far, 1.0) - far
        if not np.isfinite(step) or far + step in (far, 0.0):
            break
        far = far + float(step)
        if abs(step) <= 1e-6 * abs(far):
            break
    while far != 0.0:
        after = moved(point, direction, far)
        if same(after, point):
            return None
        value = sign * function_value(function, after, args)
        if value > best:
            return after
        far = far / 2
    return None


def function_value(function: Callable[..., Any], point: Any, args: Sequence[Any]) -> Any:
    """The value of a function, compiled."""
    return bp.compile(function)(point, *args)


def _require_finite(function: Callable[..., Any], value: Any) -> None:
    if not np.isfinite(value):
        name = getattr(function, "__name__", type(function).__name__)
        raise NumericalError(f"{name} is {value} at the start", advice="Start where the function is finite.")
