"""`compile`, `differentiable` and `stop_gradient`."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar, overload

from staticbp.api.arguments import Argnums, Statics
from staticbp.api.donation import donated_arguments, donated_positions, pair
from staticbp.api.forward import Jvp
from staticbp.api.function import Call, Function, P, R, made
from staticbp.api.reverse import Gradient, Vjp
from staticbp.compilation import Compilation, Outputs
from staticbp.core.graph import Graph
from staticbp.core.primitive import Traced
from staticbp.core.tree import map_leaves
from staticbp.ops.control import stop_gradient as stop
from staticbp.runtime.dispatch import Donated

T = TypeVar("T")


class Compiled(Function[P, R]):
    """A function that runs compiled.  Made by `compile`."""

    def __init__(
        self,
        function: Callable[P, R],
        static_argnums: int | tuple[int, ...] = (),
        static_argnames: str | tuple[str, ...] = (),
        donate_argnums: int | tuple[int, ...] = (),
        **options: Any,
    ) -> None:
        given = {"static_argnums": static_argnums, "static_argnames": static_argnames, **options}
        super().__init__(function, **given, **({} if donate_argnums == () else {"donate_argnums": donate_argnums}))
        self._statics = Statics.of(function, static_argnums, static_argnames)
        self._donated = donated_positions(function, donate_argnums, self._statics)

    def _donate(self, call: Call) -> Callable[[Outputs, Graph], tuple[Donated, ...]] | None:
        if not self._donated:
            return None
        arguments = donated_arguments(self.__wrapped__, self._donated, call.args, call.kwargs)
        return lambda outputs, graph: pair(self.__wrapped__, arguments, outputs, graph)

    def __reduce__(self) -> Any:
        try:
            found = operator.attrgetter(self.__qualname__)(sys.modules[self.__module__])
        except (AttributeError, KeyError):
            found = None
        return self.__qualname__ if found is self else super().__reduce__()  # as functions are pickled: by name


class Differentiable(Compiled[P, R]):
    """A function that runs compiled and has compiled derivatives.  Made by `differentiable`.

    Attributes
    ----------
    argnums : int or tuple of int
        The arguments that derivatives are taken with respect to.
    has_aux : bool
        Whether the function returns ``(value, aux)``, of which only the first is differentiated.
    """

    def __init__(
        self,
        function: Callable[P, R],
        argnums: Argnums = 0,
        static_argnums: int | tuple[int, ...] = (),
        static_argnames: str | tuple[str, ...] = (),
        has_aux: bool = False,
    ) -> None:
        super().__init__(function, static_argnums, static_argnames, argnums=argnums, has_aux=has_aux)
        self.argnums = argnums
        self.has_aux = has_aux

    def _both_passes(self, call: Call) -> tuple[Callable[[], Compilation], ...]:
        vjp: Vjp = self.vjp
        return vjp._both_passes(call)

    @cached_property
    def grad(self) -> Gradient:
        """The gradient, shaped like the argument; see `staticbp.grad`."""
        return made(Gradient, self, argnums=self.argnums, has_aux=self.has_aux, with_value=False)

    @cached_property
    def value_and_grad(self) -> Gradient:
        """Value and gradient in one; see `staticbp.value_and_grad`."""
        return made(Gradient, self, argnums=self.argnums, has_aux=self.has_aux, with_value=True)

    @cached_property
    def vjp(self) -> Vjp:
        """``f.vjp(*args)``: the output, and the pullback from cotangents to gradients; see `staticbp.vjp`.

        The pullback returns what `grad` returns: one gradient, or a tuple for a tuple of argnums.
        """
        return made(Vjp, self, argnums=self.argnums, has_aux=self.has_aux)

    @cached_property
    def jvp(self) -> Jvp:
        """``f.jvp(args, tangents)``: the output and its tangent; see `staticbp.jvp`.

        `args` is the tuple of all positional arguments; `tangents` has the shape of what `grad` returns.
        """
        return made(Jvp, self, argnums=self.argnums, has_aux=self.has_aux)


def _numbers(argnums: int | Sequence[int]) -> Argnums:
    """Argument positions as an int or a tuple of ints."""
    return operator.index(argnums) if not isinstance(argnums, Sequence) else tuple(map(operator.index, argnums))


def _names(argnames: str | Sequence[str]) -> str | tuple[str, ...]:
    return argnames if isinstance(argnames, str) else tuple(argnames)


@overload
def compile(
    function: Callable[P, R],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
) -> Compiled[P, R]: ...
@overload
def compile(
    function: None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...
def compile(
    function: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
) -> Any:
    """Compile a function: traced once for each signature, run as machine code from then on.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them, which may use any other function of staticbp.
    static_argnums : int or sequence of int, optional
        Arguments that are not traced: the function is compiled for each of their values.  They must be hashable.
    static_argnames : str or sequence of str, optional
        The same by name.
    donate_argnums : int or sequence of int, optional
        Arguments whose arrays are given up to the call.  Each array is written over with the one in its place in the
        result, and *is* that result: the same object, changed.  Its place is in the first part of the result with the
        structure, shapes and dtypes of the argument.  Numbers have nothing to donate.

    Returns
    -------
    Compiled
        The compiled function, which takes and returns what `function` does.

    Raises
    ------
    DonationError
        When called with a donated array that is read-only, strided, not of the machine's byte order, or shares memory
        with another argument or a captured array; and if nothing in the result can take its place.

    Notes
    -----
    A call that ends in an error, or is interrupted, leaves donated arrays partly updated.  Within another compiled
    function nothing is donated: what happens to memory there, the compiler decides.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.compile
    ... def rms(x):
    ...     return np.sqrt(np.mean(x * x))
    >>> rms(np.array([3.0, 4.0, 5.0, 6.0]))
    np.float64(4.636809247747852)

    With options:

    >>> @bp.compile(static_argnames="times")
    ... def repeated(x, times):
    ...     for _ in range(times):
    ...         x = x * x
    ...     return x
    >>> repeated(2.0, times=3)
    np.float64(256.0)

    A step that allocates nothing, since its result takes the place of its argument:

    >>> @bp.compile(donate_argnums=0)
    ... def step(x, rate):
    ...     return x - rate * x
    >>> x = np.ones(3)
    >>> step(x, 0.5) is x
    True
    >>> x
    array([0.5, 0.5, 0.5])
    """
    numbers, names, donated = _numbers(static_argnums), _names(static_argnames), _numbers(donate_argnums)

    def decorate(function: Callable[..., Any]) -> Any:
        return made(Compiled, function, static_argnums=numbers, static_argnames=names, donate_argnums=donated)

    return decorate if function is None else decorate(function)


@overload
def differentiable(
    function: Callable[P, R],
    argnums: int | Sequence[int] = 0,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    has_aux: bool = False,
) -> Differentiable[P, R]: ...
@overload
def differentiable(
    function: None = None,
    argnums: int | Sequence[int] = 0,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    has_aux: bool = False,
) -> Callable[[Callable[P, R]], Differentiable[P, R]]: ...
def differentiable(
    function: Callable[..., Any] | None = None,
    argnums: int | Sequence[int] = 0,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    has_aux: bool = False,
) -> Any:
    """Compile a function, and its derivatives when they are asked for.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.
    argnums : int or sequence of int, optional
        The positional arguments that derivatives are taken with respect to; negative ones count from the end.
    static_argnums, static_argnames : optional
        Arguments that are not traced; see `compile`.
    has_aux : bool, optional
        Whether the function returns ``(value, aux)``: `aux`, any structure, is handed on, not differentiated.

    Returns
    -------
    Differentiable
        The compiled function, with the compiled functions ``f.grad``, ``f.value_and_grad``, ``f.vjp`` and ``f.jvp``;
        each, and ``f`` itself, has ``.inspect(*args)``.

    Notes
    -----
    Methods may be decorated.  The ``self`` of a record or dataclass is an argument like any other, number 0; that of
    any other object is not counted, and its attributes are compared at each call: the function is traced again when
    one has changed.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def loss(w, x, t):
    ...     return np.sum((x @ w - t) ** 2)
    >>> w, x, t = np.zeros(2), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0])
    >>> loss(w, x, t)
    np.float64(2.0)
    >>> loss.grad(w, x, t)
    array([ -8., -12.])
    >>> value, pullback = loss.vjp(w, x, t)
    >>> pullback(0.5)
    array([-4., -6.])
    """
    numbers, statics, names = _numbers(argnums), _numbers(static_argnums), _names(static_argnames)

    def decorate(function: Callable[..., Any]) -> Any:
        return made(
            Differentiable,
            function,
            argnums=numbers,
            static_argnums=statics,
            static_argnames=names,
            has_aux=has_aux,
        )

    return decorate if function is None else decorate(function)


def compiled(function: Callable[..., Any]) -> Function[..., Any]:
    """A function as one of staticbp's: itself where it is one."""
    return (
        function if isinstance(function, Function) else made(Compiled, function, static_argnums=(), static_argnames=())
    )


def stop_gradient(value: T) -> T:
    """The same value, through which no derivative flows.

    Parameters
    ----------
    value : structure
        A number, an array or a structure of them.

    Returns
    -------
    structure
        The same, constant to every derivative.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.grad(lambda x: x * bp.stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    return map_leaves(lambda x: stop.weakly(x) if isinstance(x, Traced) else x, value)  # type: ignore[no-any-return]
