"""Zeros, inverses, fixed points and extrema of functions of one number, by Newton's and by Halley's method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

import staticbp as bp
from staticbp.errors import ArgumentError, NumericalError
from staticbp.optimize.iterates import limited

Method = Literal["newton", "halley"]
Number = np.floating[Any]


def find_zero(
    function: Callable[..., Any],
    start: float,
    args: Sequence[Any] = (),
    *,
    method: Method = "newton",
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[Number]:
    """Iterates towards a zero of a function of one number.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns a number.
    start : float
        The first iterate.
    args : sequence, optional
        Further arguments of the function.
    method : {"newton", "halley"}, optional
        Newton's method follows the tangent, ``x - f/f'``; Halley's bends with the second derivative,
        ``x - 2·f·f'/(2·f'² - f·f'')``, and triples the number of right digits in a step where Newton's doubles it.
    tolerance : float, optional
        A step ends the iteration that is no larger, in absolute terms.  By default one does that leads nowhere: to the
        iterate that was left, or to the one before.
    max_steps : int, optional
        The most steps; by default there is no limit, and where the function has no zero there is no end.

    Yields
    ------
    number
        `start`, and what each step leads to, in the dtype of the start.

    Raises
    ------
    NumericalError
        Where a step cannot be taken: the derivative is 0, or something is not finite.

    See Also
    --------
    root : Zeros of systems of equations, by SciPy.

    Notes
    -----
    Haskell's ``Numeric.AD.Newton.findZero`` and ``Numeric.AD.Halley.findZero``.  Function and derivatives come from one
    compiled call a step.

    Examples
    --------
    >>> import staticbp as bp
    >>> [float(x) for x in bp.optimize.find_zero(lambda x: x * x - 4.0, 1.0)]
    [1.0, 2.5, 2.05, 2.000609756097561, 2.0000000929222947, 2.000000000000002, 2.0]
    >>> [float(x) for x in bp.optimize.find_zero(lambda x: x * x - 4.0, 1.0, method="halley")]
    [1.0, 1.8571428571428572, 1.9997967892704736, 1.9999999999994755, 2.0]
    """
    levels = _derivatives(function, args, method, 0)
    return _iterate("find_zero", levels, start, method, tolerance, max_steps)


def inverse(
    function: Callable[..., Any],
    start: float,
    value: float,
    args: Sequence[Any] = (),
    *,
    method: Method = "newton",
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[Number]:
    """Iterates towards a number where a function has a given value.

    Parameters
    ----------
    function, start, args, method, tolerance, max_steps
        As for `find_zero`.
    value : float
        What the function is to return.

    Yields
    ------
    number
        `start`, and what each step leads to.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.optimize.last(bp.optimize.inverse(np.sqrt, 1.0, 10.0))
    np.float64(100.0)
    """
    found = _derivatives(function, args, method, 0)

    def levels(x: Number) -> Sequence[Any]:
        y, *slopes = found(x)
        return y - value, *slopes

    return _iterate("inverse", levels, start, method, tolerance, max_steps)


def fixed_point(
    function: Callable[..., Any],
    start: float,
    args: Sequence[Any] = (),
    *,
    method: Method = "newton",
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[Number]:
    """Iterates towards a number that a function returns unchanged.

    Parameters
    ----------
    function, start, args, method, tolerance, max_steps
        As for `find_zero`.

    Yields
    ------
    number
        `start`, and what each step leads to.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.optimize.last(bp.optimize.fixed_point(np.cos, 1.0))
    np.float64(0.7390851332151607)
    """
    found = _derivatives(function, args, method, 0)

    def levels(x: Number) -> Sequence[Any]:
        y, slope, *bends = found(x)
        return y - x, slope - 1, *bends

    return _iterate("fixed_point", levels, start, method, tolerance, max_steps)


def extremum(
    function: Callable[..., Any],
    start: float,
    args: Sequence[Any] = (),
    *,
    method: Method = "newton",
    tolerance: float = 0.0,
    max_steps: int | None = None,
) -> Iterator[Number]:
    """Iterates towards a number where the derivative of a function is zero.

    Parameters
    ----------
    function, start, args, method, tolerance, max_steps
        As for `find_zero`.

    Yields
    ------
    number
        `start`, and what each step leads to: to a minimum, a maximum or neither, whichever is near.

    See Also
    --------
    minimize : Minima of functions of many numbers, by SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.optimize.last(bp.optimize.extremum(np.cos, 3.0, method="halley"))
    np.float64(3.141592653589793)
    """
    levels = _derivatives(function, args, method, 1)
    return _iterate("extremum", levels, start, method, tolerance, max_steps)


def _derivatives(
    function: Callable[..., Any], args: Sequence[Any], method: Method, lowest: int
) -> Callable[[Number], Sequence[Any]]:
    if method not in _STEPS:
        raise ArgumentError(f"method {method!r} is neither 'newton' nor 'halley'")
    order = lowest + (1 if method == "newton" else 2)
    towers = bp.diffs(function, order, has_aux=False)
    return lambda x: towers(x, *args)[lowest:]


def _newton(x: Number, y: Any, slope: Any) -> Any:
    return x - y / slope


def _halley(x: Number, y: Any, slope: Any, bend: Any) -> Any:
    return x - 2 * y * slope / (2 * slope * slope - y * bend)


_STEPS: dict[str, Callable[..., Any]] = {"newton": _newton, "halley": _halley}


def _iterate(
    name: str,
    levels: Callable[[Number], Sequence[Any]],
    start: Any,
    method: Method,
    tolerance: float,
    max_steps: int | None,
) -> Iterator[Number]:
    step = _STEPS[method]

    def iterates() -> Iterator[Number]:
        x: Any = start if isinstance(start, np.generic) else np.float64(start)
        before = x
        while True:
            yield x
            found = levels(x)
            if found[0] == 0:
                return
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                after = x.dtype.type(step(x, *found))
            if not np.isfinite(after):
                numbers = ", ".join(str(number) for number in found)
                raise NumericalError(
                    f"{name} cannot go on from {x}: the function and its derivatives are {numbers} there",
                    advice="Start somewhere else.",
                )
            if after in (x, before):
                return
            if abs(after - x) <= tolerance:
                yield after
                return
            before, x = x, after

    return limited(iterates(), max_steps)
