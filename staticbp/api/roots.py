"""`fixed_point` and `argmin`: solutions that loops find, and that are differentiated as solutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar, cast

import numpy as np

from staticbp.api import tree
from staticbp.api.branches import Arm, cond
from staticbp.api.function import Function, describe, made, name_of
from staticbp.api.implicit import custom_root
from staticbp.api.iteration import while_loop
from staticbp.api.jacobians import hessian
from staticbp.api.reverse import grad
from staticbp.core.primitive import value_aval
from staticbp.errors import ArgumentError
from staticbp.trace.names import here

T = TypeVar("T")

DAMPING = 1e-3  # of the first step of Newton's method, and what it starts with again when one led upwards


class FixedPoint(Function[..., Any]):
    """A function that is applied until nothing changes.  `fixed_point` calls it with a first guess and parameters."""

    def __init__(self, function: Callable[..., Any], tolerance: float | None = None, max_steps: int = 1000) -> None:
        super().__init__(function, tolerance=tolerance, max_steps=max_steps)
        self._statics = None
        self.tolerance = tolerance
        self.max_steps = max_steps

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_fixed_point"

    def _description(self) -> str:
        return f"fixed point of {describe(self.__wrapped__)}"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        guess, *parameters = args
        function = self.__wrapped__

        def change(x: Any) -> Any:
            return _minus(function(x, *parameters), x)

        def solve(_: Any, x: Any) -> Any:
            return self._repeated(lambda x: function(x, *parameters), x)

        # With z = g(z) + z - y the linear equation g(z) = y is one of a fixed point too, and its steps contract as
        # those of the function do (B. Christianson, "Reverse accumulation and attractive fixed points", 1994).
        def tangent_solve(operator: Any, right: Any) -> Any:
            def step(z: Any) -> Any:
                return tree.map(lambda a, b, c: a + b - c, operator(z), z, right)

            return self._repeated(step, tree.map(lambda leaf: -leaf, right))

        return custom_root(change, guess, solve, tangent_solve)

    def _repeated(self, step: Callable[[Any], Any], start: Any) -> Any:
        """``step(step(... start))`` as long as it makes a difference; nan where it goes on making one."""

        def settled(before: Any, after: Any) -> Any:
            return _largest(_minus(after, before)) <= _tolerance(self.tolerance, start) * (1 + _largest(after))

        def going(state: Any) -> Any:
            before, after, steps = state
            return (steps < self.max_steps) & np.logical_not(settled(before, after))

        def advance(state: Any) -> Any:
            _, after, steps = state
            return after, step(after), steps + 1

        before, after, _ = while_loop(going, advance, (start, step(start), 1))
        return _or_nan(settled(before, after), after)


class Argmin(Function[..., Any]):
    """A function and how it is minimised.  `argmin` calls it with a first guess and parameters."""

    def __init__(
        self,
        function: Callable[..., Any],
        solve: Arm | None = None,
        tolerance: float | None = None,
        max_steps: int = 100,
    ) -> None:
        super().__init__(function, solve=solve, tolerance=tolerance, max_steps=max_steps)
        self._statics = None
        self.solve = solve
        self.tolerance = tolerance
        self.max_steps = max_steps

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_argmin"

    def _description(self) -> str:
        return f"argmin of {describe(self.__wrapped__)}"

    def _others(self) -> Sequence[Callable[..., Any]]:
        return [] if self.solve is None else [self.solve.function]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        guess, *parameters = args
        function = self.__wrapped__
        solve = self._newton if self.solve is None else self.solve.function

        def value(x: Any) -> Any:
            return function(x, *parameters)

        return custom_root(grad(value), guess, lambda _, x: solve(value, x))

    def _newton(self, function: Callable[[Any], Any], start: Any) -> Any:
        """Newton's method, whose Hessian gets a multiple of the identity added as long as steps lead upwards.

        D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963.
        """
        vector, unravel = tree.ravel(start)
        dtype = value_aval(vector).dtype
        unit = np.eye(*np.shape(vector), dtype=dtype)

        def flat(x: Any) -> Any:
            return function(unravel(x))

        def slope(x: Any) -> Any:
            return grad(flat)(x)

        def going(state: Any) -> Any:
            _, _, slopes, _, steps = state
            return (steps < self.max_steps) & (np.max(np.abs(slopes)) > limit)

        def advance(state: Any) -> Any:
            x, value, slopes, damping, steps = state
            new = x - np.linalg.solve(hessian(flat)(x) + damping * unit, slopes)
            reached = flat(new)

            def down() -> Any:
                return new, reached, slope(new), damping / 8

            def up() -> Any:
                return x, value, slopes, np.maximum(8 * damping, dtype.type(DAMPING))

            return *cond(reached <= value, down, up), steps + 1

        first = slope(vector)
        limit = _tolerance(self.tolerance, start) * (1 + np.max(np.abs(first)))
        x, _, slopes, *_ = while_loop(going, advance, (vector, flat(vector), first, dtype.type(DAMPING), 0))
        return _or_nan(np.max(np.abs(slopes)) <= limit, unravel(x))


def _minus(left: Any, right: Any) -> Any:
    return tree.map(lambda a, b: a - b, left, right)


def _largest(values: Any) -> Any:
    """The largest absolute value in a structure."""
    return reduce(np.maximum, [np.max(np.abs(leaf)) for leaf in tree.leaves(values)])


def _tolerance(given: float | None, like: Any) -> float:
    """What counts as no change: some thousands of roundings, unless it is said."""
    dtypes = [value_aval(leaf).dtype for leaf in tree.leaves(like)]
    return float(max(np.finfo(dtype).eps for dtype in dtypes) ** 0.8) if given is None else given


def _or_nan(good: Any, values: Any) -> Any:
    return tree.map(lambda leaf: np.where(good, leaf, value_aval(leaf).dtype.type(np.nan)), values)


def _check(name: str, tolerance: float | None, max_steps: int) -> None:
    if (tolerance is not None and not tolerance > 0) or max_steps < 1:
        raise ArgumentError(
            f"{name} is given tolerance={tolerance} and max_steps={max_steps}",
            src=here().src,
            advice="Both are greater than 0.",
        )


def fixed_point(
    function: Callable[..., T], guess: T, *parameters: Any, tolerance: float | None = None, max_steps: int = 1000
) -> T:
    """The ``x`` that a function leaves as it is, ``x = function(x, *parameters)``, found by applying it repeatedly.

    Its derivatives are those of the solution, by the implicit function theorem: they need neither the steps nor their
    memory, and of every order.  Their linear equations are solved by the same kind of steps.

    Parameters
    ----------
    function : callable
        ``function(x, *parameters)``, of the structure, shapes and dtypes of ``x``; a contraction near the fixed point.
        Derivatives flow to the parameters, and to what it reads from around it.
    guess : structure
        Where to begin: floats.  Nothing flows back to it.
    *parameters : structures
        Further arguments of the function.
    tolerance : float, optional
        A step that changes nothing by more than this times ``1 + max |x|`` is the last.  By default some thousand
        roundings: 3e-13 for float64, 3e-6 for float32.
    max_steps : int, optional
        How often the function is applied at most.

    Returns
    -------
    x : structure
        The fixed point; nan if so many steps did not come to it.

    See Also
    --------
    custom_root : Any equation, with any solver; `optimize.fixed_point` : watching the steps.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def dottie(a):
    ...     return bp.fixed_point(lambda x, a: np.cos(a * x), 0.5, a)
    >>> dottie(1.0).round(9), dottie.grad(1.0).round(6)
    (np.float64(0.739085133), np.float64(-0.297474))
    """
    _check("fixed_point", tolerance, max_steps)
    return cast(T, made(FixedPoint, function, tolerance=tolerance, max_steps=max_steps)(guess, *parameters))


def argmin(
    function: Callable[..., Any],
    guess: T,
    *parameters: Any,
    solve: Callable[[Callable[[T], Any], T], T] | None = None,
    tolerance: float | None = None,
    max_steps: int = 100,
) -> T:
    """Where a function is least, as a function of its parameters, with derivatives of every order.

    There the gradient is zero, so this is the `custom_root` of the gradient, and one linear equation with the Hessian
    is what a derivative takes.

    Parameters
    ----------
    function : callable
        ``function(x, *parameters)`` returns a number; its Hessian in ``x`` is positive definite at the minimum.
        Derivatives flow to the parameters, and to what it reads from around it.
    guess : structure
        Where to begin: floats.  Nothing flows back to it.
    *parameters : structures
        Further arguments of the function.
    solve : callable, optional
        ``solve(value, guess) -> x`` minimises ``value(x)``.  By default Newton's method, damped where it would lead
        upwards, with the Hessian written down: for some hundreds of unknowns.
    tolerance : float, optional
        The method stops where no slope exceeds this times one more than the largest slope at the guess.  By default
        3e-13 for float64, 3e-6 for float32.
    max_steps : int, optional
        How many steps it takes at most.

    Returns
    -------
    x : structure
        The minimum; nan if so many steps did not come to it.

    See Also
    --------
    custom_root : The theorem; `optimize.minimize` : SciPy's solvers, outside of compiled functions.

    Examples
    --------
    Ridge regression, and how its coefficient changes with the penalty:

    >>> import numpy as np
    >>> import staticbp as bp
    >>> x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
    >>> def penalised(w, penalty):
    ...     return np.sum((w * x - y) ** 2) + penalty * w**2
    >>> @bp.differentiable
    ... def fitted(penalty):
    ...     return bp.argmin(penalised, 0.0, penalty)
    >>> fitted(3.0).round(9), fitted.grad(3.0).round(9)  # 17 / (14 + penalty)
    (np.float64(1.0), np.float64(-0.058823529))
    """
    _check("argmin", tolerance, max_steps)
    solver = None if solve is None else Arm(solve)
    return cast(T, made(Argmin, function, solve=solver, tolerance=tolerance, max_steps=max_steps)(guess, *parameters))
