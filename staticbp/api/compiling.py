"""`compile`, `differentiable` and `stop_gradient`."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

from staticbp import api
from staticbp.api.arguments import Argnums, Statics, positions
from staticbp.api.donation import donated_arguments, donated_positions, pair
from staticbp.api.forms import Call
from staticbp.api.forward import Jvp
from staticbp.api.function import Function, P, R, made
from staticbp.api.reverse import Gradient, Vjp
from staticbp.api.sizes import Axes, DynamicAxes, axes_of
from staticbp.compilation import Compilation, Outputs
from staticbp.core.graph import Graph
from staticbp.core.primitive import Traced
from staticbp.core.tree import map_leaves
from staticbp.ops.control import stop_gradient as stop
from staticbp.runtime.dispatch import Donated

if TYPE_CHECKING:
    from staticbp.api.flow import ControlFlow

T = TypeVar("T")


class Compiled(Function[P, R]):
    """A function that runs compiled.  Made by `compile`."""

    def __init__(
        self,
        function: Callable[P, R],
        static_argnums: int | tuple[int, ...] = (),
        static_argnames: str | tuple[str, ...] = (),
        donate_argnums: int | tuple[int, ...] = (),
        dynamic_axes: Axes | bool = True,
        **options: Any,
    ) -> None:
        given = {"static_argnums": static_argnums, "static_argnames": static_argnames, **options}
        given |= {} if donate_argnums == () else {"donate_argnums": donate_argnums}
        given |= {} if dynamic_axes is True else {"dynamic_axes": dynamic_axes}
        super().__init__(function, **given)
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
        dynamic_axes: Axes | bool = True,
    ) -> None:
        super().__init__(function, static_argnums, static_argnames, (), dynamic_axes, argnums=argnums, has_aux=has_aux)
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


def _names(argnames: str | Sequence[str]) -> str | tuple[str, ...]:
    return argnames if isinstance(argnames, str) else tuple(argnames)


@overload
def compile(
    function: Callable[P, R],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    dynamic_axes: DynamicAxes = None,
    donate_argnums: int | Sequence[int] = (),
    control_flow: ControlFlow = "structured",
) -> Compiled[P, R]: ...
@overload
def compile(
    function: None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    dynamic_axes: DynamicAxes = None,
    donate_argnums: int | Sequence[int] = (),
    control_flow: ControlFlow = "structured",
) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...
def compile(
    function: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    dynamic_axes: DynamicAxes = None,
    donate_argnums: int | Sequence[int] = (),
    control_flow: ControlFlow = "structured",
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
    dynamic_axes : mapping or False, optional
        Which sizes differ from call to call: ``{"X": {0: "n"}, "y": {0: "n"}}`` names an axis of each argument, by
        the name of the argument or of a leaf in it (``"batch.images"``).  One compilation serves every n of 2 and
        more; sizes of one name have to be the same in a call.  Without it that is found out when the function is
        called with a second list of shapes; False has it compiled for each.
    donate_argnums : int or sequence of int, optional
        Arguments whose arrays are given up to the call.  Each array is written over with the one in its place in the
        result, and *is* that result: the same object, changed.  Its place is in the first part of the result with the
        structure, shapes and dtypes of the argument.  Numbers have nothing to donate.  A structure whose leaves are all
        such arrays may come back itself.
    control_flow : {"structured", "python"}, optional
        With "python", `if`, `while` and `for` in the text of the function may depend on traced values, with `break`,
        `continue` and early `return`: they become `cond`, `while_loop`, `fori_loop` and `fold`.  What does not depend
        on traced values is Python's, as ever.  What cannot be rewritten is refused by its line.

    Returns
    -------
    Compiled
        The compiled function, which takes and returns what `function` does.

    Raises
    ------
    ConcreteSizeError
        When called with a size that is declared in `dynamic_axes` and needed as a number: by `range`, say.
    DonationError
        When called with a donated array that is read-only, strided, not of the machine's byte order, or shares memory
        with another argument or a captured array; and if nothing in the result can take its place.

    Notes
    -----
    What needs the size of an axis as a number (`range(x.shape[0])`, `if len(x) > 3`, plain ``np.zeros(x.shape)``) is
    compiled for each size, unless the axis is in `dynamic_axes`; many such sizes are warned of.

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

    One compilation for batches of every size:

    >>> @bp.compile(dynamic_axes={"x": {0: "n"}})
    ... def centred(x):
    ...     return x - np.sum(x, axis=0) / x.shape[0]
    >>> centred(np.array([1.0, 3.0])), centred(np.array([[1.0], [2.0], [6.0]])[:, 0])
    (array([-1.,  1.]), array([-2., -1.,  3.]))

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
    numbers, names, donated = positions(static_argnums), _names(static_argnames), positions(donate_argnums)
    axes = axes_of(dynamic_axes)

    def decorate(function: Callable[..., Any]) -> Any:
        return made(
            Compiled,
            _in_control(function, control_flow),
            static_argnums=numbers,
            static_argnames=names,
            donate_argnums=donated,
            dynamic_axes=axes,
        )

    return decorate if function is None else decorate(function)


@overload
def differentiable(
    function: Callable[P, R],
    argnums: int | Sequence[int] = 0,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    has_aux: bool = False,
    dynamic_axes: DynamicAxes = None,
    control_flow: ControlFlow = "structured",
) -> Differentiable[P, R]: ...
@overload
def differentiable(
    function: None = None,
    argnums: int | Sequence[int] = 0,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    has_aux: bool = False,
    dynamic_axes: DynamicAxes = None,
    control_flow: ControlFlow = "structured",
) -> Callable[[Callable[P, R]], Differentiable[P, R]]: ...
def differentiable(
    function: Callable[..., Any] | None = None,
    argnums: int | Sequence[int] = 0,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    has_aux: bool = False,
    dynamic_axes: DynamicAxes = None,
    control_flow: ControlFlow = "structured",
) -> Any:
    """Compile a function, and its derivatives when they are asked for.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.
    argnums : int or sequence of int, optional
        The positional arguments that derivatives are taken with respect to; negative ones count from the end.
    static_argnums, static_argnames, dynamic_axes : optional
        Arguments that are not traced, and sizes that differ from call to call; see `compile`.
    has_aux : bool, optional
        Whether the function returns ``(value, aux)``: `aux`, any structure, is handed on, not differentiated.
    control_flow : {"structured", "python"}, optional
        Whether loops and branches of Python's may depend on traced values; see `compile`.

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

    Loops and branches of Python's, over traced values:

    >>> @bp.differentiable(control_flow="python")
    ... def root(a):
    ...     x = a
    ...     while abs(x * x - a) > 1e-12:
    ...         x = 0.5 * (x + a / x)
    ...     return x
    >>> root.grad(4.0)
    np.float64(0.25)
    """
    numbers, statics, names = positions(argnums), positions(static_argnums), _names(static_argnames)
    axes = axes_of(dynamic_axes)

    def decorate(function: Callable[..., Any]) -> Any:
        return made(
            Differentiable,
            _in_control(function, control_flow),
            argnums=numbers,
            static_argnums=statics,
            static_argnames=names,
            has_aux=has_aux,
            dynamic_axes=axes,
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


def _in_control(function: Callable[..., Any], control_flow: ControlFlow) -> Callable[..., Any]:
    """The function that is traced for one of the user's: itself, or as it has been rewritten."""
    return function if control_flow == "structured" else api.flow.in_control(function, control_flow)
