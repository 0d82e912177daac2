"""Derivatives of every order: `diff`, `diffs`, `taylor` in one variable, and `jet` along a curve."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal

from staticbp.api.arguments import Argnums, parameter_names, title
from staticbp.api.casting import fitted
from staticbp.api.forward import tangent_tree
from staticbp.api.function import Function, made, name_of, origin
from staticbp.api.staging import Differentiated, differentiated, with_respect_to
from staticbp.compilation import lifted
from staticbp.core.primitive import Value, value_aval
from staticbp.core.tree import flatten, path_texts
from staticbp.errors import ArgumentError, StructureError
from staticbp.ops.linear import fill, zeros
from staticbp.trace.names import defined_at, here
from staticbp.transforms.rules import RULES
from staticbp.transforms.series import Coefficients, expand

Gives = Literal["derivative", "derivatives", "coefficients"]


class Tower(Function[..., Any]):
    """The derivatives of a function of one number up to an order.  Made by `diff` and `diffs`; `taylor` calls it."""

    def __init__(
        self,
        function: Callable[..., Any],
        order: int,
        argnum: int = 0,
        has_aux: bool = False,
        gives: Gives = "derivatives",
    ) -> None:
        super().__init__(function, order=order, argnum=argnum, has_aux=has_aux, gives=gives)
        self.order = order
        self.argnum = argnum
        self.has_aux = has_aux
        self.gives = gives

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_{self.gives}"

    def _description(self) -> str:
        ordered = "derivative" if self.order == 1 else f"derivative of order {self.order}"
        what = {
            "derivative": ordered,
            "derivatives": f"value and derivatives to order {self.order}",
            "coefficients": f"Taylor coefficients to order {self.order}",
        }
        return f"{what[self.gives]} of {with_respect_to(self.__wrapped__, self.argnum)}"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        made_of = differentiated(function, args, kwargs, self.argnum, self.has_aux)
        leaves = made_of.chosen.leaves
        if len(leaves) != 1 or value_aval(leaves[0]).shape:
            shown = "a structure" if len(leaves) != 1 else f"an array of shape {value_aval(leaves[0]).shape}"
            raise ArgumentError(
                f"argument {self.argnum} of {title(function)} is {shown}, and derivatives of an order are with respect "
                "to one number",
                src=here().src or defined_at(origin(function)),
                advice="bp.jacobian and bp.hessian take arrays and structures; bp.jet goes along a curve through them.",
            )
        aval = value_aval(leaves[0]).strong()
        # To order 0 there is nothing but the value.
        curve: list[Value | None] = [fill(1, aval), *[None] * self.order][: self.order]
        levels, aux = _levels(made_of, [curve], self.order)
        if self.gives != "coefficients":
            levels = [_times(level, math.factorial(k)) for k, level in enumerate(levels)]
        trees = [tangent_tree(made_of.staged.outputs, level) for level in levels[1:]]
        output = made_of.staged.outputs.join(levels[0])[0]
        found = [output, *trees]
        result = found[-1] if self.gives == "derivative" else found
        return (result, aux) if self.has_aux else result


class Jet(Function[..., Any]):
    """A function of primals and series.  `jet` calls it."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> None:
        super().__init__(function, argnums=argnums, has_aux=has_aux)
        self._statics = None
        self.argnums = argnums
        self.has_aux = has_aux

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_jet"

    def _description(self) -> str:
        return f"derivatives of {with_respect_to(self.__wrapped__, self.argnums)} along a curve"

    def _argument_names(self, count: int) -> list[str]:
        return ["primals", "series"][:count]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        primals, series = args
        made_of = differentiated(function, tuple(primals), kwargs, self.argnums, self.has_aux)
        curves = _curves(function, primals, series)
        order = len(series[0]) if series else 0
        levels, aux = _levels(made_of, curves, order)
        derivatives = [_times(level, math.factorial(k)) for k, level in enumerate(levels)]
        output = made_of.staged.outputs.join(levels[0])[0]
        moved = [tangent_tree(made_of.staged.outputs, level) for level in derivatives[1:]]
        return (output, moved, aux) if self.has_aux else (output, moved)


def _curves(function: Callable[..., Any], primals: Sequence[Any], series: Any) -> list[Coefficients]:
    """For each leaf of the primals its Taylor coefficients after the value."""
    orders = [len(derivatives) for derivatives in series]
    if len(orders) != len(primals) or len(set(orders)) > 1:
        raise ArgumentError(
            f"jet of {title(function)} takes a series of the same length for each of its {len(primals)} primals, and "
            f"was given {len(orders)}, of {', '.join(map(str, orders)) or 'no'} derivatives",
            src=here().src,
            advice="Give for each primal as many derivatives; None where there is none.",
        )
    names = parameter_names(function, len(primals))
    return [curve for parts in zip(names, primals, series, strict=True) for curve in _curve(function, *parts)]


def _curve(
    function: Callable[..., Any], name: str, primal: Any, derivatives: Sequence[Any]
) -> list[list[Value | None]]:
    leaves, structure = flatten(primal)
    paths = path_texts(primal, name)
    curves: list[list[Value | None]] = [[] for _ in leaves]
    for k, derivative in enumerate(derivatives, start=1):
        given, found = flatten(derivative)
        if derivative is not None and found != structure:
            raise StructureError(
                f"the derivative of order {k} of {name}, for {title(function)}, is {found}, not {structure}",
                src=here().src,
                advice="Give derivatives of the structure of the primal; None where there is none.",
            )
        for position, (curve, leaf, path) in enumerate(zip(curves, leaves, paths, strict=True)):
            if derivative is None:
                curve.append(None)
                continue
            value = fitted(given[position], value_aval(leaf).strong(), f"the derivative of order {k} of {path}")
            curve.append(value if k == 1 else value / math.factorial(k))
    return curves


def _levels(made_of: Differentiated, curves: Sequence[Coefficients], order: int) -> tuple[list[list[Value]], Any]:
    """For each order the Taylor coefficients of all outputs; and aux."""
    staged = made_of.staged
    ins: list[Coefficients] = [[x, *curve] for x, curve in zip(made_of.chosen.leaves, curves, strict=True)]
    ins += [[captured] for captured in staged.captures]
    outs = expand(RULES, staged.graph, ins, order)
    values = lifted([out[0] for out in outs])
    later = [
        lifted([zeros(value) if (c := out[k]) is None else c for value, out in zip(values, outs, strict=True)])
        for k in range(1, order + 1)
    ]
    return [values, *later], staged.outputs.join(values)[1]


def _times(values: Sequence[Value], factor: int) -> list[Value]:
    return [value if factor == 1 or not value_aval(value).is_float else value * factor for value in values]


def diff(function: Callable[..., Any], order: int = 1, *, argnum: int = 0, has_aux: bool | None = None) -> Tower:
    """The derivative of a function of one number, of any order, by forward mode.

    Parameters
    ----------
    function : callable
        A function of a number, and of whatever else, that returns any structure.
    order : int, optional
        How often to differentiate.  The cost of the derivative grows with the square of it.
    argnum : int, optional
        The position of the number to differentiate with respect to.
    has_aux : bool, optional
        Whether `function` returns ``(output, aux)``; by default what `function` was decorated with.

    Returns
    -------
    Tower
        A compiled function of the same arguments that returns a structure like the output; with aux,
        ``(derivative, aux)``.

    Raises
    ------
    ArgumentError
        When called, if the argument is not a single number.

    See Also
    --------
    diffs : All derivatives up to an order.
    grad : With respect to arrays and structures, of functions that return one number.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.diff(np.sin)(0.0)
    np.float64(1.0)
    >>> bp.diff(lambda t: (t**3, np.array([1.0, 2.0]) * t), order=2)(5.0)
    (np.float64(30.0), array([0., 0.]))
    """
    return _tower(function, order, argnum, has_aux, "derivative")


def diffs(function: Callable[..., Any], order: int, *, argnum: int = 0, has_aux: bool | None = None) -> Tower:
    """The value of a function of one number, and its derivatives up to an order.

    Parameters
    ----------
    function, order, argnum, has_aux
        As for `diff`.

    Returns
    -------
    Tower
        A compiled function of the same arguments.  It returns a list of ``order + 1`` structures like the output:
        the value, the derivative, the derivative of that, and so on; with aux, ``(derivatives, aux)``.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.diffs(lambda x: x**3, 3)(2.0)
    [np.float64(8.0), np.float64(12.0), np.float64(12.0), np.float64(6.0)]
    """
    return _tower(function, order, argnum, has_aux, "derivatives")


def _tower(function: Callable[..., Any], order: int, argnum: int, has_aux: bool | None, gives: Gives) -> Tower:
    times = operator.index(order)
    if times < 0:
        raise ArgumentError(f"a derivative of order {times} of {title(function)}: orders count from 0", src=here().src)
    aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
    return made(Tower, function, order=times, argnum=operator.index(argnum), has_aux=bool(aux), gives=gives)


def taylor(function: Callable[..., Any], x: Any, order: int) -> list[Any]:
    """The Taylor series of a function of one number around a point.

    Parameters
    ----------
    function : callable
        A function of one number that returns any structure.
    x : float
        Where to expand it.
    order : int
        The highest power.

    Returns
    -------
    list
        ``order + 1`` structures like the output: ``function(x + dx)`` is the sum of ``coefficients[k] * dx**k``, but
        for a rest of higher order.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.taylor(lambda x: 1 / (1 - x), 0.0, 3)
    [np.float64(1.0), np.float64(1.0), np.float64(1.0), np.float64(1.0)]
    >>> np.polynomial.Polynomial(bp.taylor(np.exp, 0.0, 17))(1.0).round(12)
    np.float64(2.718281828459)
    """
    coefficients: list[Any] = _tower(function, order, 0, False, "coefficients")(x)
    return coefficients


def jet(
    function: Callable[..., Any],
    primals: Sequence[Any],
    series: Sequence[Sequence[Any]],
    *,
    has_aux: bool | None = None,
) -> Any:
    """The output of a function whose arguments move along a curve, and its derivatives along that.

    Where `jvp` takes the velocity of the arguments and gives that of the output, this takes and gives the
    accelerations as well, and whatever comes after.

    Parameters
    ----------
    function : callable
        Any function of arrays, numbers and structures of them.
    primals : sequence
        Its arguments: where the curve is at its beginning.
    series : sequence
        For each argument its derivatives along the curve, from the first: each a structure like the argument, of
        anything castable to its leaves, or None for zeros.  All arguments have as many.
    has_aux : bool, optional
        Whether `function` returns ``(output, aux)``; by default what `function` was decorated with.

    Returns
    -------
    output : structure
        What `function` returns.
    series : list
        Its derivatives along the curve, from the first, as many as were given: structures like the output.
    aux : structure
        Only with aux.

    See Also
    --------
    diffs : Along the number that is the only argument.

    Notes
    -----
    Derivatives are not divided by factorials.  All of them are computed in one pass over the function, by the
    arithmetic of power series (Griewank and Walther, *Evaluating Derivatives*, chapter 13).

    Examples
    --------
    The square of the distance along a curve that starts at (1, 0) with a velocity of (0, 2):

    >>> import numpy as np
    >>> import staticbp as bp
    >>> start, curve = np.array([1.0, 0.0]), [np.array([0.0, 2.0]), np.array([-1.0, 0.0])]
    >>> bp.jet(lambda p: p @ p, (start,), (curve,))
    (np.float64(1.0), [np.float64(0.0), np.float64(6.0)])
    """
    if not isinstance(primals, tuple | list) or not isinstance(series, tuple | list):
        raise ArgumentError(
            f"jet of {title(function)} takes a tuple of primals and a tuple of series, not a "
            f"{type(primals).__name__} and a {type(series).__name__}",
            src=here().src,
        )
    aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
    numbers = tuple(range(len(primals)))
    return made(Jet, function, argnums=numbers, has_aux=bool(aux))(tuple(primals), tuple(map(tuple, series)))
