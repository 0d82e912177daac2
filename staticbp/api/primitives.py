"""`primitive`: an operation whose inside is not traced, but compiled by Numba as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from staticbp.api.arguments import parameter_names, title
from staticbp.api.custom import Custom
from staticbp.api.rules import Definition
from staticbp.compilation import identifier, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype
from staticbp.core.graph import Var
from staticbp.core.primitive import Traced, Value, bind, value_aval
from staticbp.errors import ArgumentError, StructureError
from staticbp.ops.linear import operand, reshape
from staticbp.ops.native import native
from staticbp.runtime.native import register
from staticbp.trace.names import defined_at, here


class NativeOperation(Custom[..., Any]):
    """A kernel as an operation.  Made by `primitive`."""

    def _define(self) -> Definition:
        vjp: Callable[..., Any] | None = self._options.get("vjp")
        jvp: Callable[..., Any] | None = self._options.get("jvp")
        function, name = self.__wrapped__, title(self.__wrapped__)

        def reverse(*args: Any) -> tuple[Any, Callable[[Any], Any]]:
            assert vjp is not None
            out = self._run(*args)  # which has this rule again, for the next derivative

            def pullback(cotangent: Any) -> Any:
                bars = vjp(cotangent, out, *args)
                return bars if isinstance(bars, tuple) or len(args) != 1 else (bars,)

            return out, pullback

        def forward(args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
            assert jvp is not None
            out = self._run(*args)
            return out, jvp(tangents, out, *args)

        return Definition(
            name,
            self._value,
            reverse=None if vjp is None else reverse,
            forward=None if jvp is None else forward,
            rule=vjp or jvp or function,
            refusal="is a primitive without vjp and jvp",
        )

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        # Of the parameters of a function that works in place the last are for the results.
        return args if self._options.get("in_place") and not kwargs else super()._positional(args, kwargs)

    def _value(self, *args: Any) -> Any:
        """Record a call of the kernel."""
        function = self.__wrapped__
        names = parameter_names(function, len(args))
        for name, arg in zip(names, args, strict=True):
            if not isinstance(arg, Traced | np.ndarray | np.generic | bool | int | float):
                raise ArgumentError(
                    f"{name} of the primitive {title(function)} is a {type(arg).__name__}, neither array nor number",
                    src=here().src or defined_at(function),
                    advice="Let a function around it take the structure apart, and hand its arrays over one by one.",
                )
        values = [operand(arg) for arg in args]
        stands = [_stand_in(value_aval(value)) for value in values]
        rule = self._options.get("result")
        given = next(iter(stands), None) if rule is None else rule(*stands)
        parts = tuple(given) if isinstance(given, tuple | list) else (given,)
        out = tuple(map(self._result_type, parts))
        kernel = register(
            function,
            identifier(title(function)),
            len(args),
            tuple(not aval.shape for aval in out),
            bool(self._options.get("in_place")),
        )
        results = lifted(bind(native, values, {"kernel": kernel, "out": tuple(map(_in_memory, out))}))
        for value in results:
            if isinstance(value, Traced) and isinstance(value.atom, Var) and value.atom.name.endswith(native.name):
                value.atom.name = f"{value.atom.name.removesuffix(native.name)}{kernel.name}"
        outs = [x if aval.shape else reshape(x, shape=()) for x, aval in zip(results, out, strict=True)]
        return tuple(outs) if isinstance(given, tuple | list) else outs[0]

    def _result_type(self, given: Any) -> Aval:
        if not isinstance(given, np.ndarray | np.generic | bool | int | float):
            raise StructureError(
                f"the `result` of {title(self.__wrapped__)} gives a {type(given).__name__}, not an array or a number",
                src=defined_at(self.__wrapped__),
                advice="It takes arrays like the arguments, and returns an array like the result (or a tuple of them): "
                "only shapes and dtypes count.",
            )
        array = np.asarray(given)
        return Aval(array.shape, check_dtype(array.dtype, f"the result of {title(self.__wrapped__)}"))


def _in_memory(aval: Aval) -> Aval:
    """The type of the array that a kernel leaves a result in: for a number one of one element."""
    return aval if aval.shape else Aval((1,), aval.dtype)


def _stand_in(aval: Aval) -> Any:
    """Zeros of a type; an array of them takes no memory."""
    number: Value = aval.dtype.type(0)
    return np.broadcast_to(number, shapes.static_shape(aval.shape, "primitive")) if aval.shape else number


@overload
def primitive(
    function: Callable[..., Any],
    result: Callable[..., Any] | None = None,
    *,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    in_place: bool = False,
) -> NativeOperation: ...
@overload
def primitive(
    function: None = None,
    result: Callable[..., Any] | None = None,
    *,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    in_place: bool = False,
) -> Callable[[Callable[..., Any]], NativeOperation]: ...
def primitive(
    function: Callable[..., Any] | None = None,
    result: Callable[..., Any] | None = None,
    *,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    in_place: bool = False,
) -> Any:
    """An operation whose inside is not traced: loops, branches and assignments, compiled by Numba as they stand.

    It becomes a call in the generated code, compiled and stored with it.  It must not change its arguments, nor
    anything else.  When a number that it reads from around it has changed, it is compiled again.

    Parameters
    ----------
    function : callable
        A function of arrays and numbers, in the Python that Numba compiles; or a function that ``numba.njit`` has
        made.  Arrays are C-contiguous when it is called.
    result : callable, optional
        The shape and dtype of what it returns: given arrays like the arguments, an array or number like the result,
        or a tuple of them.  By default the result is like the first argument.
    vjp : callable, optional
        ``vjp(cotangent, out, *args)``: the cotangents of the arguments, a tuple, None for zero.  It is traced.
    jvp : callable, optional
        ``jvp(tangents, out, *args)``: the tangent of the result.  It is traced.  One of the two is enough; without
        either there is no derivative.
    in_place : bool, optional
        Whether the function writes its results into arrays that it is given as its last arguments, numbers into
        arrays of one element.  That saves it from making any.

    Returns
    -------
    NativeOperation
        The operation.  Under `vmap` it is called in a loop.

    See Also
    --------
    custom_vjp, Op : Operations that are traced, and fused with what is around them.

    Notes
    -----
    The machine code is kept in the store unless the function reads something whose contents cannot be told from those
    that it will have in the next process: a module's function, a number and an array can, an object cannot.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> def leaky(x, rate):
    ...     out = np.empty_like(x)
    ...     level = 0.0
    ...     for i in range(len(x)):
    ...         level = max(level + x[i] - rate, 0.0)  # a bucket with a hole
    ...         out[i] = level
    ...     return out
    >>> bucket = bp.primitive(leaky, lambda x, rate: x)
    >>> bucket(np.array([1.0, 0.5, 0.0, 3.0]), 0.75)
    array([0.25, 0.  , 0.  , 2.25])

    With a derivative:

    >>> @bp.primitive(vjp=lambda g, out, x: 3 * g * x * x)
    ... def cube(x):
    ...     return x**3
    >>> bp.grad(lambda x: np.sum(cube(x)))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """

    def decorate(function: Callable[..., Any]) -> Any:
        made = NativeOperation(function, result=result, vjp=vjp, jvp=jvp, in_place=in_place)
        made.__reads__ = tuple(rule for rule in (result, vjp, jvp) if rule is not None)
        return made

    return decorate if function is None else decorate(function)


def from_numba(
    kernel: Callable[..., Any],
    result: Callable[..., Any] | None = None,
    *,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    in_place: bool = False,
) -> NativeOperation:
    """An operation made of a function that ``numba.njit`` has compiled: generated code calls it directly.

    Parameters
    ----------
    kernel : callable
        What ``numba.njit`` gave.
    result, vjp, jvp, in_place
        As for `primitive`.

    Returns
    -------
    NativeOperation
        The operation.

    Examples
    --------
    >>> import numba
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @numba.njit
    ... def largest_gap(x):
    ...     gap = 0.0
    ...     for i in range(1, len(x)):
    ...         gap = max(gap, x[i] - x[i - 1])
    ...     return gap
    >>> gap = bp.from_numba(largest_gap, lambda x: np.float64(0))
    >>> bp.compile(lambda x: 2.0 * gap(x))(np.array([0.0, 1.0, 4.0, 5.0]))
    np.float64(6.0)
    """
    if not hasattr(kernel, "py_func"):
        raise ArgumentError(
            "from_numba makes operations of functions that numba.njit has compiled, and is given something else",
            src=here().src,
            advice="Compile it first, with numba.njit(f), or make it a primitive with bp.primitive.",
        )
    return primitive(kernel, result, vjp=vjp, jvp=jvp, in_place=in_place)


__all__ = ["NativeOperation", "from_numba", "primitive"]
