"""SciPy's ``integrate``: differential equations, and integrals of samples, through which derivatives flow.

While a function is traced these are ours; else they are SciPy's own, as everything is that is not defined here.

Examples
--------
>>> import numpy as np
>>> import staticbp as bp
>>> from staticbp.scipy import integrate
>>> def population(rate):
...     return integrate.odeint(lambda y, t: rate * y, 1.0, np.array([0.0, 1.0]))[-1, 0]
>>> round(float(bp.grad(population)(0.0)), 6)
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from staticbp.core.primitive import Builder
from staticbp.errors import ShapeError
from staticbp.numpy import asarray
from staticbp.ops.registry import refuse
from staticbp.scipy._elsewhere import advised
from staticbp.scipy._rungekutta import Slope, solved
from staticbp.trace.tracer import located

__all__ = ["cumulative_trapezoid", "fixed_quad", "odeint", "simpson", "trapezoid"]

F = TypeVar("F", bound=Callable[..., Any])


def __getattr__(name: str) -> Any:
    return advised("integrate", name)


def __dir__() -> list[str]:
    return sorted({*dir(import_module("scipy.integrate")), *__all__})


def _while_tracing(function: F) -> F:
    """`function` while something is traced, else SciPy's: what is integrated may read traced values from anywhere."""
    ours = located(function)

    @wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        if Builder.innermost() is None:
            return getattr(import_module("scipy.integrate"), function.__name__)(*args, **kwargs)
        return ours(*args, **kwargs)

    return either  # type: ignore[return-value]  # the same signature


# ---- differential equations --------------------------------------------------------------------------------


@_while_tracing
def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    ml: Any = None,
    mu: Any = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: Any = 0.0,
    hmax: Any = 0.0,
    hmin: Any = 0.0,
    ixpr: Any = 0,
    mxstep: int = 0,
    mxhnil: Any = 0,
    mxordn: Any = 12,
    mxords: Any = 5,
    printmessg: Any = 0,
    tfirst: bool = False,
) -> Any:
    """The solution of ``dy/dt = func(y, t, *args)`` from ``y(t[0]) = y0``, at the times `t`.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args)``: how fast each of the numbers of `y` changes, an array or a list of as many numbers.
    y0 : array of shape (n,) or number
        Where the solution begins.
    t : array of shape (m,)
        The times, rising or falling; the first is that of `y0`.
    args : tuple, optional
        What else `func` is given: any structures.
    rtol, atol : float or array of shape (n,), optional
        The error that a step may make in `y`: ``rtol * abs(y) + atol``, each 1.49012e-8 by default.
    h0, hmax : float, optional
        The size of the first step, and that of the largest; zero leaves them open.
    mxstep : int, optional
        The most steps between two of the times, by default 10000.
    tfirst : bool, optional
        Whether it is ``func(t, y, *args)``.
    Dfun, col_deriv, ml, mu, ixpr, mxhnil, mxordn, mxords, printmessg
        Of the method that SciPy takes; without effect.

    Returns
    -------
    array of shape (m, n), float64
        The solution, a row for each time; NaN from where on it could not be followed in so many steps.

    Raises
    ------
    staticbp.errors.UnsupportedFunctionError
        For `full_output`, `tcrit` and `hmin`.
    staticbp.errors.ShapeError
        When `func` does not return as many numbers as there are in `y0`.

    Notes
    -----
    By the explicit method of Dormand and Prince (1980) of order 5, in steps as long as the error allows.  Equations
    that are stiff take it many steps.

    The derivatives are those of the steps that were taken, whose sizes count as constants (E. Hairer, S. P. Nørsett
    and G. Wanner, *Solving Ordinary Differential Equations I*, 1993, II.6), and so are those of the solution, as
    exact as the solution is.  They flow to `y0`, `t`, `args` and whatever `func` reads, in every mode and to any order;
    in reverse mode the steps are taken again from places that were kept, so memory does not grow with their number.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> from staticbp.scipy import integrate
    >>> @bp.differentiable
    ... def swing(w):  # a spring, let go at 1: cos(w * t)
    ...     return integrate.odeint(lambda y, t: [y[1], -w * w * y[0]], [1.0, 0.0], np.array([0.0, 2.0]))[-1, 0]
    >>> round(float(swing(3.0) - np.cos(6.0)), 6), round(float(swing.grad(3.0) + 2.0 * np.sin(6.0)), 6)
    (0.0, 0.0)
    """
    refuse("scipy.integrate.odeint", full_output=full_output or None, tcrit=tcrit, hmin=hmin or None)
    start, times = np.atleast_1d(asarray(y0, np.float64)), asarray(t, np.float64)
    if start.ndim != 1 or times.ndim != 1:
        raise ShapeError(f"odeint takes vectors as y0 and t, not arrays of shapes {start.shape} and {times.shape}")
    slope = _slope(func, start.shape, args if isinstance(args, tuple) else (args,), tfirst)
    allowed = tuple(1.49012e-8 if tolerance is None else asarray(tolerance, np.float64) for tolerance in (rtol, atol))
    return solved(slope, start, times, allowed, first=h0, largest=hmax, most=mxstep or 10_000)


def _slope(func: Callable[..., Any], shape: tuple[Any, ...], args: tuple[Any, ...], tfirst: bool) -> Slope:
    """How fast the state changes, as a function of state and time that returns a vector."""

    def slope(y: Any, t: Any) -> Any:
        rate = np.atleast_1d(asarray(func(t, y, *args) if tfirst else func(y, t, *args), np.float64))
        if rate.shape != shape:
            raise ShapeError(
                f"odeint: {getattr(func, '__name__', 'func')} returns an array of shape {rate.shape} for a y of "
                f"shape {shape}"
            )
        return rate

    return slope


# ---- integrals of samples, and of functions by fixed samples -------------------------------------------------


@_while_tracing
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples by straight lines, as `numpy.trapezoid`."""
    return np.trapezoid(asarray(y), None if x is None else asarray(x), dx, axis)


def _samples(y: Any, x: Any, axis: int) -> tuple[Any, Any]:
    """The samples along the last axis, and the distances between their places, if these are given."""
    values = np.moveaxis(asarray(y), axis, -1)
    if x is None:
        return values, None
    places = asarray(x)
    if places.ndim not in (1, values.ndim):
        raise ShapeError(f"places of shape {places.shape} for samples of shape {values.shape}")
    steps = np.diff(places if places.ndim == 1 else np.moveaxis(places, axis, -1), axis=-1)
    if steps.shape[-1] != values.shape[-1] - 1:
        raise ShapeError(f"{places.shape[axis if places.ndim > 1 else 0]} places for {values.shape[-1]} samples")
    return values, steps


@_while_tracing
def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    """The integrals of samples up to each of them by straight lines, as `scipy.integrate.cumulative_trapezoid`.

    Parameters
    ----------
    y : array
        The samples.
    x : array, optional
        Their places, a vector or in the shape of `y`.
    dx : float, optional
        The distance between them, where `x` is not given.
    axis : int, optional
        The axis to integrate along.
    initial : {None, 0}, optional
        What to put before the first integral.

    Returns
    -------
    array
        The integrals, one less than there are samples unless `initial` is given.

    Examples
    --------
    >>> cumulative_trapezoid([0.0, 1.0, 2.0], initial=0)
    array([0. , 0.5, 2. ])
    """
    refuse("scipy.integrate.cumulative_trapezoid", initial=initial or None)
    values, steps = _samples(y, x, axis)
    sums = np.cumsum((dx if steps is None else steps) * (values[..., 1:] + values[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    return np.moveaxis(sums, -1, axis)


@_while_tracing
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples by parabolas, as `scipy.integrate.simpson`.

    Parameters
    ----------
    y : array
        The samples.
    x : array, optional
        Their places, a vector or in the shape of `y`.
    dx : float, optional
        The distance between them, where `x` is not given.
    axis : int, optional
        The axis to integrate along.

    Returns
    -------
    array
        The integrals: `y` without that axis.

    Notes
    -----
    An even number of samples leaves an interval over, which gets a part of the parabola through the last three
    (K. V. Cartwright 2017, equation 8).

    Examples
    --------
    >>> float(simpson([0.0, 1.0, 4.0, 9.0]))
    9.0
    """
    values, steps = _samples(y, x, axis)
    count = values.shape[-1]
    if steps is None:
        steps = dx * np.ones(count - 1)
    if count == 2:
        return steps[..., 0] * (values[..., 0] + values[..., 1]) / 2.0
    last = count - 2 if count % 2 else count - 3  # where no parabola begins any more
    first, middle, final = (values[..., i : last + i : 2] for i in range(3))
    a, b = steps[..., 0:last:2], steps[..., 1 : last + 1 : 2]
    whole = a + b
    parabolas = whole / 6 * ((2 - b / a) * first + whole * whole / (a * b) * middle + (2 - a / b) * final)
    total = np.sum(parabolas, axis=-1)
    if count % 2:
        return total
    a, b = steps[..., -2], steps[..., -1]
    return (
        total
        + (2 * b * b + 3 * a * b) / (6 * (a + b)) * values[..., -1]
        + (b * b + 3 * a * b) / (6 * a) * values[..., -2]
        - b**3 / (6 * a * (a + b)) * values[..., -3]
    )


@_while_tracing
def fixed_quad(func: Callable[..., Any], a: Any, b: Any, args: tuple[Any, ...] = (), n: int = 5) -> tuple[Any, None]:
    """The integral of a function from `a` to `b` by Gauss and Legendre's rule, as `scipy.integrate.fixed_quad`.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` of a vector of places, which are the last axis of what it returns.
    a, b : float
        The bounds, which are finite.
    args : tuple, optional
        What else `func` is given.
    n : int, optional
        The number of places; polynomials of degree ``2 * n - 1`` are integrated exactly.

    Returns
    -------
    integral : array or number
        The integral.
    nothing : None
        As SciPy has it.

    Examples
    --------
    >>> round(float(fixed_quad(np.exp, 0.0, 1.0, n=8)[0] - np.e), 12)
    -1.0
    """
    nodes, weights = np.polynomial.legendre.leggauss(n)
    places = (b - a) * (nodes + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(weights * asarray(func(places, *args)), axis=-1), None
