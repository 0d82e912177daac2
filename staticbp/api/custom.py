"""Operations with derivatives of the user's own: `custom_vjp`, `custom_jvp`, `nondifferentiable`."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

import numpy as np

from staticbp.api.arguments import Statics, parameter_names, title
from staticbp.api.compiling import Compiled
from staticbp.api.function import Bound, P, R, name_of
from staticbp.api.rules import Call, Definition
from staticbp.errors import ArgumentError, StructureError
from staticbp.trace.names import defined_at, here

Rule = TypeVar("Rule", bound=Callable[..., Any])


class Custom(Compiled[P, R]):
    """A function whose derivative is given, and not derived.  What the kinds of them have in common."""

    def __init__(self, function: Callable[..., Any], nondiff_argnums: tuple[int, ...] = (), **rules: Any) -> None:
        super().__init__(function, nondiff_argnums=nondiff_argnums, **rules)
        self._statics = Statics.of(function, nondiff_argnums, ())
        self._fixed = frozenset() if self._statics is None else self._statics.positions
        self._definition = self._define()

    def _define(self) -> Definition:
        """What the operation is made of."""
        return Definition(title(self.__wrapped__), self.__wrapped__, fixed=self._fixed)

    def _set_rules(self, **rules: Callable[..., Any]) -> None:
        """Give the operation its rule, once: what has been compiled with it would not know of another."""
        if any(self._options.get(name) is not None for name in rules):
            raise ArgumentError(
                f"{title(self)} has its rule already",
                src=here().src,
                advice="Define the function again to give it another.",
            )
        self._options.update(rules)
        self.__reads__ = tuple(rules.values())  # for guards: what the rules read is frozen with the rest
        self._forget()
        self._definition = self._define()

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        args = self._positional(args, kwargs)
        names = parameter_names(self.__wrapped__, len(args))
        return Call(self._definition, name_of(self.__wrapped__), args, names).record()

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments by position, which is how rules are given them; defaults filled in."""
        signature = _signature(self.__wrapped__)
        if signature is not None:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if kwargs:
            raise ArgumentError(
                f"{title(self)} was given {', '.join(sorted(kwargs))} by name; rules take their arguments by position",
                src=here().src or defined_at(self.__wrapped__),
                advice="Let the function take it by position too.",
            )
        return args

    def _without_statics(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]:
        """Of the arguments that are not differentiated those are static that can be: arrays are not."""
        if self._statics is None:
            return args, kwargs, ()
        static = Statics(
            frozenset(i for i in self._statics.positions if i < len(args) and _has_hash(args[i])),
            frozenset(name for name in self._statics.names if _has_hash(kwargs.get(name))),
        )
        return static.take(args, kwargs)

    def _others(self) -> Sequence[Callable[..., Any]]:
        return (*self.__dict__.get("__reads__", ()), *super()._others())

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else Bound(self, instance)


class CustomVjp(Custom[P, R]):
    """A function with a reverse rule.  Made by `custom_vjp`."""

    def _define(self) -> Definition:
        forward, backward = self._options.get("forward"), self._options.get("backward")
        function, fixed = self.__wrapped__, self._fixed
        if forward is None or backward is None:
            return Definition(title(function), function, fixed=fixed, refusal="has no rule: call its defvjp")

        def reverse(*args: Any) -> tuple[Any, Callable[[Any], Any]]:
            value, residuals = _pair(forward, forward(*args), "the value and what the backward rule wants of it")
            given = [arg for i, arg in enumerate(args) if i in fixed]
            return value, lambda cotangent: backward(*given, residuals, cotangent)

        return Definition(title(function), function, reverse=reverse, rule=backward, fixed=fixed)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set the rule.

        Parameters
        ----------
        forward : callable
            ``forward(*args) -> (value, residuals)``: the value again, and whatever `backward` wants.
        backward : callable
            ``backward(*nondiff_args, residuals, cotangent) -> cotangents``: a tuple, for each argument that is
            differentiated its cotangent, with the structure, shapes and dtypes of the argument; None is zero.
        """
        self._set_rules(forward=forward, backward=backward)


class CustomJvp(Custom[P, R]):
    """A function with a forward rule.  Made by `custom_jvp`."""

    def _define(self) -> Definition:
        rule = self._options.get("rule")
        function, fixed = self.__wrapped__, self._fixed
        if rule is None:
            return Definition(title(function), function, fixed=fixed, refusal="has no rule: call its defjvp")

        def forward(args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
            given = [arg for i, arg in enumerate(args) if i in fixed]
            primals = tuple(arg for i, arg in enumerate(args) if i not in fixed)
            return _pair(rule, rule(*given, primals, tangents), "the value and its tangent")

        return Definition(title(function), function, forward=forward, rule=rule, fixed=fixed)

    def defjvp(self, rule: Rule) -> Rule:
        """Set the rule; may be used as a decorator.

        Parameters
        ----------
        rule : callable
            ``rule(*nondiff_args, primals, tangents) -> (value, tangent)``: linear in the tangents, which have the
            structure, shapes and dtypes of the primals, as the tangent has those of the value.
        """
        self._set_rules(rule=rule)
        return rule


class NonDifferentiable(Custom[P, R]):
    """A function that derivatives are refused for.  Made by `nondifferentiable`."""

    def _define(self) -> Definition:
        return Definition(title(self.__wrapped__), self.__wrapped__, refusal="is marked as not differentiable")


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """The parameters of a function; None for what is written in C."""
    try:
        return None if isinstance(function, np.ufunc) else inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _pair(rule: Callable[..., Any], result: Any, what: str) -> tuple[Any, Any]:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise StructureError(
            f"{title(rule)} returns a {type(result).__name__}, where a pair is expected: {what}", src=defined_at(rule)
        )
    return result[0], result[1]


def _positions(argnums: int | Sequence[int]) -> tuple[int, ...]:
    numbers = argnums if isinstance(argnums, Sequence) else (argnums,)
    return tuple(map(operator.index, numbers))


@overload
def custom_vjp(function: Callable[P, R], *, nondiff_argnums: int | Sequence[int] = ()) -> CustomVjp[P, R]: ...
@overload
def custom_vjp(
    function: None = None, *, nondiff_argnums: int | Sequence[int] = ()
) -> Callable[[Callable[P, R]], CustomVjp[P, R]]: ...
def custom_vjp(function: Callable[..., Any] | None = None, *, nondiff_argnums: int | Sequence[int] = ()) -> Any:
    """A function with a reverse rule of one's own: given with ``f.defvjp(forward, backward)``.

    The rule is an ordinary function of traced values, so it is compiled with what is around it, batched by `vmap`,
    and can be differentiated again.  Forward mode (`jvp`) is its transpose, if it is linear in the cotangent.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.
    nondiff_argnums : int or sequence of int, optional
        Arguments that are not differentiated: options, functions, indexes.  The backward rule is given them first.

    Returns
    -------
    CustomVjp
        The function, which compiles when it is called; its ``defvjp`` sets the rule.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        When the function is called, if a cotangent is not of the type of its argument.
    NotDifferentiableError
        If a derivative is asked for with respect to a value that the function reads from around it.

    See Also
    --------
    custom_jvp : A forward rule.
    Op : Value and pullback side by side.
    testing.check_grads : Holds rules against differences.

    Examples
    --------
    A derivative that is clipped on its way back:

    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1.0, 1.0),))
    >>> bp.grad(lambda x: 100.0 * clipped(x))(2.0)
    np.float64(1.0)
    """
    numbers = _positions(nondiff_argnums)

    def decorate(function: Callable[..., Any]) -> Any:
        return CustomVjp(function, numbers)

    return decorate if function is None else decorate(function)


@overload
def custom_jvp(function: Callable[P, R], *, nondiff_argnums: int | Sequence[int] = ()) -> CustomJvp[P, R]: ...
@overload
def custom_jvp(
    function: None = None, *, nondiff_argnums: int | Sequence[int] = ()
) -> Callable[[Callable[P, R]], CustomJvp[P, R]]: ...
def custom_jvp(function: Callable[..., Any] | None = None, *, nondiff_argnums: int | Sequence[int] = ()) -> Any:
    """A function with a forward rule of one's own: given with ``f.defjvp(rule)``.

    Reverse mode is the transpose of the rule, which is linear in its tangents, so one rule does for both.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.
    nondiff_argnums : int or sequence of int, optional
        Arguments that are not differentiated.  The rule is given them first.

    Returns
    -------
    CustomJvp
        The function, which compiles when it is called; its ``defjvp`` sets the rule.

    See Also
    --------
    custom_vjp : A reverse rule.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.custom_jvp
    ... def softplus(x):
    ...     return np.logaddexp(x, 0.0)
    >>> @softplus.defjvp
    ... def softplus_jvp(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return softplus(x), bp.special.expit(x) * dx
    >>> bp.grad(softplus)(0.0), bp.grad(bp.grad(softplus))(0.0)
    (np.float64(0.5), np.float64(0.25))
    """
    numbers = _positions(nondiff_argnums)

    def decorate(function: Callable[..., Any]) -> Any:
        return CustomJvp(function, numbers)

    return decorate if function is None else decorate(function)


def nondifferentiable(function: Callable[P, R]) -> NonDifferentiable[P, R]:
    """A function that has no derivative: asking for one is an error that names it, not a silent zero.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.

    Returns
    -------
    NonDifferentiable
        The function, which compiles when it is called.

    See Also
    --------
    stop_gradient : A derivative of zero, on purpose.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.nondifferentiable
    ... def levels(x):
    ...     return np.round(x * 8) / 8
    >>> levels(0.3)
    np.float64(0.25)
    >>> bp.grad(lambda x: levels(x) * x)(0.3)
    Traceback (most recent call last):
    ...
    staticbp.errors.NotDifferentiableError: levels is marked as not differentiable, and its derivative is asked for ...
    """
    return NonDifferentiable(function)


__all__ = ["CustomJvp", "CustomVjp", "NonDifferentiable", "custom_jvp", "custom_vjp", "nondifferentiable"]
