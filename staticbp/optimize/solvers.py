"""SciPy's solvers, given compiled derivatives and any structure to start from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.optimize

import staticbp as bp
from staticbp.errors import ArgumentError
from staticbp.optimize.flat import Flat, flattened

Array = np.ndarray[Any, Any]

WITHOUT_DERIVATIVES = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
WITH_HESSIAN = frozenset({"dogleg", "trust-exact"})
WITH_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
ROOTS_WITH_JACOBIAN = frozenset({"hybr", "lm"})


def minimize(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: str | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """A minimum of a function, by ``scipy.optimize.minimize``.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns a number.
    x0 : structure
        Where to start: a number, an array of any shape, a record or any structure of them.
    args : sequence, optional
        Further arguments of the function, structures as well.
    method : str, optional
        One of SciPy's.  Those that take them are given the gradient, the Hessian (dogleg, trust-exact) or products with
        it (Newton-CG, trust-ncg, trust-krylov, trust-constr), compiled.
    bounds : optional
        For a number or a vector what SciPy takes.  For any other structure a pair of the least and the largest values,
        each like `x0`, or a number for all; None is no bound, and within a structure an infinity.
    constraints : optional
        As SciPy takes them: dicts of ``type`` and ``fun``, or `scipy.optimize.NonlinearConstraint`.  The functions in
        them are functions of a structure, and get compiled derivatives, the latter in place of its own.
    tol, options : optional
        Handed on.
    callback : callable, optional
        Handed on; its `x` is a structure.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result; `x` and the gradient `jac` are structures like `x0`.  A matrix, such as ``hess_inv``, has the
        order of ``bp.tree.ravel(x)``.

    Raises
    ------
    NonScalarGradError
        If the function does not return one number.  Errors of the function itself pass through as they are.

    See Also
    --------
    least_squares : For sums of squares.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.record
    ... class Line:
    ...     slope: float
    ...     start: float
    >>> x = np.arange(4.0)
    >>> misfit = lambda line, y: np.sum(np.log1p((line.slope * x + line.start - y) ** 2))
    >>> found = bp.optimize.minimize(misfit, Line(0.0, 0.0), args=(np.array([1.0, 3.0, 5.0, 90.0]),))
    >>> round(float(found.x.slope), 1), round(float(found.x.start), 1)
    (2.0, 1.0)
    """
    flat, start = flattened(function, x0, scalar=True)
    name = (method or "").lower()
    given = flat.arguments(args)
    keywords: dict[str, Any] = {"jac": name not in WITHOUT_DERIVATIVES}
    compute = flat.value_and_grad if keywords["jac"] else flat.value

    def fun(x: Array) -> Any:
        return compute(x, *given)

    if name in WITH_HESSIAN:
        keywords["hess"] = lambda x: flat.hessian(x, *given)
    if name in WITH_PRODUCTS:
        keywords["hessp"] = lambda x, direction: flat.product(x, np.asarray(direction, np.float64), *given)
    result = scipy.optimize.minimize(
        fun,
        start,
        method=method,
        bounds=bounds_of(bounds, x0),
        constraints=_constraints(constraints, x0),
        tol=tol,
        callback=None if callback is None else _reporting(callback, flat),
        options=None if options is None else dict(options),
        **keywords,
    )
    return _structured(result, flat, start, ("x", "jac"))


def least_squares(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    bounds: Any = None,
    **options: Any,
) -> Any:
    """A minimum of a sum of squares, by ``scipy.optimize.least_squares``.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns the residuals: an array or a structure of them.
    x0 : structure
        Where to start: a number, an array of any shape, a record or any structure of them.
    args : sequence, optional
        Further arguments of the function, structures as well.
    bounds : optional
        A pair of the least and the largest values: each like `x0`, or a number for all, infinite for none.
    **options
        Handed on: ``method``, ``loss``, ``f_scale``, ``max_nfev`` and so on.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result; `x` and `grad` are structures like `x0`.  The residuals `fun` and their Jacobian `jac` have the
        order of ``bp.tree.ravel``.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> decay = lambda p, y: p["height"] * np.exp(-p["rate"] * t) - y
    >>> found = bp.optimize.least_squares(decay, {"height": 1.0, "rate": 1.0}, args=(3.0 * np.exp(-2.0 * t),))
    >>> found.x["height"].round(6), found.x["rate"].round(6)
    (np.float64(3.0), np.float64(2.0))
    """
    flat, start = flattened(function, x0, scalar=False)
    given = flat.arguments(args)
    if bounds is not None:
        limits = bounds_of(bounds, x0)
        options["bounds"] = (limits.lb, limits.ub) if isinstance(limits, scipy.optimize.Bounds) else limits
    if options.get("callback") is not None:
        options["callback"] = _reporting(options["callback"], flat)
    result = scipy.optimize.least_squares(
        lambda x: flat.value(x, *given), start, jac=lambda x: flat.jacobian(x, *given), **options
    )
    return _structured(result, flat, start, ("x", "grad"))


def root(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: str = "hybr",
    *,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """A zero of a system of equations, by ``scipy.optimize.root``.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns as many numbers as there are in `x`: an array or a structure of them.
    x0 : structure
        Where to start: a number, an array of any shape, a record or any structure of them.
    args : sequence, optional
        Further arguments of the function, structures as well.
    method : str, optional
        One of SciPy's; ``hybr`` and ``lm`` are given the Jacobian, compiled.
    tol, options : optional
        Handed on.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result; `x` is a structure like `x0`.

    See Also
    --------
    find_zero : Of one number, step by step.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> circle_and_line = lambda p: (p["x"] ** 2 + p["y"] ** 2 - 25.0, p["x"] - p["y"] + 1.0)
    >>> found = bp.optimize.root(circle_and_line, {"x": 1.0, "y": 1.0})
    >>> found.x["x"].round(9), found.x["y"].round(9)
    (np.float64(3.0), np.float64(4.0))
    """
    flat, start = flattened(function, x0, scalar=False)
    given = flat.arguments(args)
    keywords: dict[str, Any] = {}
    if method.lower() in ROOTS_WITH_JACOBIAN:
        keywords["jac"] = lambda x: flat.jacobian(x, *given)
    result = scipy.optimize.root(
        lambda x: flat.value(x, *given),
        start,
        method=method,
        tol=tol,
        options=None if options is None else dict(options),
        **keywords,
    )
    return _structured(result, flat, start, ("x",))


# ---- what goes in and out ---------------------------------------------------------------------------------------


def _structured(result: Any, flat: Flat, start: Array, names: Sequence[str]) -> Any:
    for name in names:
        value = result.get(name)
        if isinstance(value, np.ndarray) and value.shape == start.shape:
            result[name] = flat.unravel(value)
    return result


def bounds_of(bounds: Any, x0: Any) -> Any:
    """Bounds for the vector that SciPy sees."""
    if bounds is None or isinstance(bounds, scipy.optimize.Bounds) or np.ndim(_plain(x0)) <= 1:
        return bounds
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        raise ArgumentError(
            "the bounds of a structure are a pair: its least values and its largest",
            advice="Write bounds=(lower, upper), each a structure like x0 or a number.",
        )
    least, most = bounds
    return scipy.optimize.Bounds(_limits(least, x0, -np.inf), _limits(most, x0, np.inf))


def _plain(x0: Any) -> Any:
    """A number or an array as it is; a matrix of any kind in place of a structure."""
    return x0 if isinstance(x0, np.ndarray | np.generic | int | float) else np.empty((0, 0))


def _limits(limit: Any, x0: Any, without: float) -> Array:
    leaves, structure = bp.tree.flatten(x0)
    if limit is None or np.ndim(_plain(limit)) == 0:
        limits = [without if limit is None else limit] * len(leaves)
    else:
        limits = _matching(limit, structure)
    return np.concatenate(
        [np.broadcast_to(b, np.shape(leaf)).reshape(-1) for b, leaf in zip(limits, leaves, strict=True)]
    )


def _matching(limit: Any, structure: Any) -> list[Any]:
    """The leaves of a structure of bounds."""
    found, given = bp.tree.flatten(limit)
    if given != structure:
        raise ArgumentError(
            f"the bounds are {given}, where x0 is {structure}",
            advice="Give each bound the structure of x0; where there is none, np.inf or -np.inf.",
        )
    return found


def _constraints(constraints: Any, x0: Any) -> Any:
    several = constraints if isinstance(constraints, tuple | list) else [constraints]
    return [_constraint(constraint, x0) for constraint in several]


def _constraint(constraint: Any, x0: Any) -> Any:
    if isinstance(constraint, Mapping):
        flat, _ = flattened(constraint["fun"], x0, scalar=False)
        args = flat.arguments(constraint.get("args", ()))
        return {
            "jac": lambda x, *_: flat.jacobian(x, *args),
            **constraint,
            "fun": lambda x, *_: flat.value(x, *args),
        }
    if isinstance(constraint, scipy.optimize.NonlinearConstraint):
        flat, _ = flattened(constraint.fun, x0, scalar=False)
        args = flat.arguments(())
        return scipy.optimize.NonlinearConstraint(
            lambda x: flat.value(x, *args),
            constraint.lb,
            constraint.ub,
            jac=lambda x: flat.jacobian(x, *args),
            hess=lambda x, weights: flat.weighted_hessian(x, weights, *args),
            keep_feasible=constraint.keep_feasible,
        )
    return constraint


def _reporting(callback: Callable[..., Any], flat: Flat) -> Callable[..., Any]:
    """A callback that is shown structures."""
    try:
        whole = set(inspect.signature(callback).parameters) == {"intermediate_result"}
    except (TypeError, ValueError):  # written in C, without a signature
        whole = False

    def with_result(intermediate_result: Any) -> Any:
        shown = scipy.optimize.OptimizeResult(intermediate_result)
        shown.x = flat.unravel(np.array(shown.x))
        return callback(intermediate_result=shown)

    def with_x(x: Array, *rest: Any) -> Any:
        return callback(flat.unravel(np.array(x)), *rest)

    return with_result if whole else with_x
