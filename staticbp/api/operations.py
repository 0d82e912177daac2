"""Operations as values: what they compute and how cotangents flow back, side by side, composed by operators."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from staticbp.api.arguments import title
from staticbp.api.custom import Custom
from staticbp.api.function import describe, made
from staticbp.api.reverse import Gradient, Vjp
from staticbp.api.rules import Definition
from staticbp.errors import ArgumentError, StructureError
from staticbp.trace.names import defined_at, here


class Op(Custom[..., Any]):
    """A differentiable operation: a value, and beside it the way back.

    An `Op` is called like a function.  In traced code it becomes a part of what is traced: it is compiled with it,
    its pullback with the derivative.  Operations are composed with ``@`` and ``>>``, and added, multiplied and so on
    point by point.

    Parameters
    ----------
    function : callable
        ``function(*args) -> (value, pullback)``, where ``pullback(cotangent)`` is the cotangent of the argument, or a
        tuple of them where there are several.  A cotangent has the structure, shapes and dtypes of its argument; None
        is zero.

    See Also
    --------
    custom_vjp : The same in two functions.
    primitive : An operation whose inside is not traced.

    Examples
    --------
    Haskell's ``(#>!)`` and ``(<.>!)``:

    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.Op
    ... def apply(m, v):
    ...     return m @ v, lambda g: (np.outer(g, v), m.T @ g)
    >>> @bp.Op
    ... def dot(x, y):
    ...     return x @ y, lambda g: (g * y, g * x)
    >>> apply
    <Op apply(m, v)>
    >>> m, v = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0])
    >>> apply(m, v)
    array([21., 43.])

    Composed with a pair of operations, it takes what both of them give:

    >>> form = dot @ (apply, lambda m, v: v)
    >>> form
    <Op dot @ (apply, function)>
    >>> form(m, v), form.grad(m, v)[1]
    (np.float64(451.0), array([52., 85.]))
    """

    __array_ufunc__ = None  # so that NumPy's scalars leave their operators to those below

    _text: str  # how it is written
    _chained = False  # whether that is a chain of @, to which one more may be appended without brackets

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        super().__init__(function, **options)
        self._text = _written(function)

    def _define(self) -> Definition:
        function = self.__wrapped__

        def both(*args: Any) -> tuple[Any, Callable[[Any], Any]]:
            result = function(*args)
            if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
                raise StructureError(
                    f"the operation {title(function)} returns a {type(result).__name__}, not a value and a pullback",
                    src=defined_at(function),
                    advice="Return a pair: the value, and a function from its cotangent to those of the arguments; "
                    "bp.Op.lift makes an operation of a function that returns the value alone.",
                )
            return result

        def reverse(*args: Any) -> tuple[Any, Callable[[Any], Any]]:
            value, pullback = both(*args)
            return value, lambda cotangent: (pullback(cotangent),) if len(args) == 1 else pullback(cotangent)

        return Definition(title(function), lambda *args: both(*args)[0], reverse=reverse, rule=function)

    # -- derivatives ------------------------------------------------------------------------------------------
    @property
    def argnums(self) -> int | tuple[int, ...]:
        """What `grad` and `vjp` differentiate with respect to: all arguments."""
        names = _parameters(self)
        if names is None:
            raise ArgumentError(
                f"{self!r} takes any number of arguments",
                src=here().src,
                advice="Write bp.grad(op, argnums=...) or bp.vjp(op, ...), which say how many it is given.",
            )
        return 0 if len(names) == 1 else tuple(range(len(names)))

    @cached_property
    def vjp(self) -> Vjp:
        """``op.vjp(*args)``: the value, and the pullback."""
        return made(Vjp, self, argnums=self.argnums, has_aux=False)

    @cached_property
    def grad(self) -> Gradient:
        """``op.grad(*args)``: the gradient of an operation that gives one number, or a tuple of them."""
        return made(Gradient, self, argnums=self.argnums, has_aux=False, with_value=False)

    @cached_property
    def value_and_grad(self) -> Gradient:
        """``op.value_and_grad(*args)``: both."""
        return made(Gradient, self, argnums=self.argnums, has_aux=False, with_value=True)

    # -- operations made otherwise ----------------------------------------------------------------------------
    @staticmethod
    def lift(function: Callable[..., Any]) -> Op:
        """An operation made of any function: its derivative is worked out as ever.

        Examples
        --------
        >>> import numpy as np
        >>> import staticbp as bp
        >>> (bp.Op.lift(np.log) @ np.cosh).grad(0.5), np.tanh(0.5)
        (np.float64(0.46211715726), np.float64(0.46211715726))
        """
        return function if isinstance(function, Op) else Lifted(function)

    @staticmethod
    def const(value: Any) -> Op:
        """An operation that gives the same whatever it is given, and lets nothing flow back.

        Examples
        --------
        >>> import staticbp as bp
        >>> five = bp.Op.const(5.0)
        >>> five, five(1.0, 2.0), bp.grad(five)(3.0)
        (<Op const(5.0)>, 5.0, np.float64(0.0))
        """

        def const(*args: Any) -> Any:
            return value

        return Lifted(const, text=f"const({_shown(value)})")

    @staticmethod
    def identity() -> Op:
        """The operation that gives what it is given.

        Examples
        --------
        >>> import staticbp as bp
        >>> bp.Op.identity().grad(3.0)
        np.float64(1.0)
        """

        def identity(x: Any) -> Any:
            return x

        return Lifted(identity, text="identity")

    @staticmethod
    def iso(there: Callable[..., Any], back: Callable[[Any], Any]) -> Op:
        """Another way to write the same: `back`, which undoes `there`, takes its cotangents back too.

        That is right for what only arranges values anew, as a record of two vectors and one vector; `back` gives the
        argument, or a tuple of all arguments where there are several.

        Examples
        --------
        >>> import numpy as np
        >>> import staticbp as bp
        >>> joined = bp.Op.iso(lambda x, y: np.stack([x, y]), lambda both: (both[0], both[1]))
        >>> bp.vjp(joined, 1.0, 2.0)[1](np.array([3.0, 4.0]))
        (np.float64(3.0), np.float64(4.0))
        """

        @functools.wraps(there)
        def both(*args: Any) -> tuple[Any, Callable[[Any], Any]]:
            return there(*args), back

        op = Op(both)
        op._text = f"iso({_written(there)}, {_written(back)})"
        op.__reads__ = (there, back)
        return op

    @staticmethod
    def lens(path: str) -> Op:
        """The operation that reads a part of a structure; its cotangent is that of the whole, zero elsewhere.

        Parameters
        ----------
        path : str
            Names of fields, keys and positions, with dots between them: ``"layers.0.weights"``.

        Examples
        --------
        >>> import staticbp as bp
        >>> bp.Op.lens("b.1").grad({"a": 1.0, "b": [2.0, 3.0]})
        {'a': np.float64(0.0), 'b': [np.float64(0.0), np.float64(1.0)]}
        """

        def lens(whole: Any) -> Any:
            return functools.reduce(_part, path.split("."), whole)

        return Lifted(lens, text=f"lens({path!r})")

    @staticmethod
    def pack() -> Op:
        """The operation that gives the tuple of what it is given.

        Examples
        --------
        >>> import staticbp as bp
        >>> bp.Op.pack()(1.0, 2.0)
        (np.float64(1.0), np.float64(2.0))
        """

        def pack(*args: Any) -> Any:
            return args

        return Lifted(pack, text="pack")

    @staticmethod
    def no_gradient(function: Callable[..., Any]) -> Op:
        """An operation that can be computed, and refuses a derivative.

        Examples
        --------
        >>> import numpy as np
        >>> import staticbp as bp
        >>> bp.Op.no_gradient(np.floor)(2.5)
        np.float64(2.0)
        """
        return Refusing(function)

    # -- composition ------------------------------------------------------------------------------------------
    def __matmul__(self, inner: Any) -> Op:
        """``f @ g`` is f after g; ``f @ (g, h)`` gives f the values of g and h for the same arguments."""
        return _composed(self, inner)

    def __rmatmul__(self, outer: Any) -> Op:
        return _composed(Op.lift(outer), self) if callable(outer) else NotImplemented

    def __rshift__(self, outer: Any) -> Op:
        """``g >> f`` is f after g."""
        return _composed(Op.lift(outer), self) if callable(outer) else NotImplemented

    def __rrshift__(self, inner: Any) -> Op:
        return _composed(self, inner)

    def __add__(self, other: Any) -> Op:
        return _pointwise(operator.add, "+", self, other)

    def __radd__(self, other: Any) -> Op:
        return _pointwise(operator.add, "+", other, self)

    def __sub__(self, other: Any) -> Op:
        return _pointwise(operator.sub, "-", self, other)

    def __rsub__(self, other: Any) -> Op:
        return _pointwise(operator.sub, "-", other, self)

    def __mul__(self, other: Any) -> Op:
        return _pointwise(operator.mul, "*", self, other)

    def __rmul__(self, other: Any) -> Op:
        return _pointwise(operator.mul, "*", other, self)

    def __truediv__(self, other: Any) -> Op:
        return _pointwise(operator.truediv, "/", self, other)

    def __rtruediv__(self, other: Any) -> Op:
        return _pointwise(operator.truediv, "/", other, self)

    def __pow__(self, other: Any) -> Op:
        return _pointwise(operator.pow, "**", self, other)

    def __rpow__(self, other: Any) -> Op:
        return _pointwise(operator.pow, "**", other, self)

    def __neg__(self) -> Op:
        op = Lifted(_signed_like(self, lambda *args: -self(*args)), text=f"-{_bracketed(self)}")
        op.__reads__ = (self,)
        return op

    def __repr__(self) -> str:
        names = _parameters(self) if self._text.isidentifier() else None
        return f"<Op {self._text}({', '.join(names)})>" if names else f"<Op {self._text}>"


class Lifted(Op):
    """An operation without a rule of its own: a function, or operations composed."""

    def __init__(self, function: Callable[..., Any], text: str | None = None, **options: Any) -> None:
        super().__init__(function, text=text, **options)
        self._text = text or _written(function)
        if text is not None:
            self.__name__ = self.__qualname__ = function.__name__ = text  # a function of this module

    def _define(self) -> Definition:
        return Definition(title(self.__wrapped__), self.__wrapped__)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)


class Refusing(Op):
    """An operation that derivatives are refused for."""

    def _define(self) -> Definition:
        return Definition(title(self.__wrapped__), self.__wrapped__, refusal="is an operation without a gradient")


def _composed(outer: Op, inner: Any) -> Op:
    """`outer` after one operation, or after several of the same arguments."""
    several = isinstance(inner, tuple | list)
    parts = [_operation(part) for part in (inner if several else (inner,))]
    if not parts:
        raise ArgumentError(f"{outer!r} is composed with no operation at all", src=here().src)
    wanted = _parameters(outer)
    if wanted is not None and len(wanted) != len(parts):
        count = len(wanted)
        raise ArgumentError(
            f"{outer!r} takes {count} argument{'s' if count > 1 else ''}, and is composed with {len(parts)} operations",
            src=here().src,
            advice="Write f @ (g, h) with an operation for each argument of f.",
        )

    def composed(*args: Any) -> Any:
        return outer(*(part(*args) for part in parts))

    inside = ", ".join(part._text for part in parts)
    left = outer._text if outer._chained else _bracketed(outer)
    text = f"{left} @ {f'({inside})' if several else _bracketed(parts[0])}"
    op = Lifted(_signed_like(parts[0], composed), text=text)
    op._chained = True
    op.__reads__ = (outer, *parts)
    return op


def _pointwise(function: Callable[[Any, Any], Any], sign: str, left: Any, right: Any) -> Op:
    """Two operations of the same arguments, and what an operator makes of their values."""
    first, second = _operation(left), _operation(right)

    def pointwise(*args: Any) -> Any:
        return function(first(*args), second(*args))

    like = second if first._text.startswith("const(") else first
    text = f"{_bracketed(first)} {sign} {_bracketed(second)}"
    op = Lifted(_signed_like(like, pointwise), text=text)
    op.__reads__ = (first, second)
    return op


def _operation(value: Any) -> Op:
    """An operation, a function or a constant as an operation."""
    return Op.lift(value) if callable(value) else Op.const(value)


def _parameters(op: Op) -> list[str] | None:
    """What the arguments of an operation are called; None when there may be more or fewer of them."""
    function = op.__wrapped__
    if isinstance(function, np.ufunc):
        return ["x", "y", "z"][: function.nin]
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        return None
    if any(p.kind is p.VAR_POSITIONAL or p.default is not p.empty for p in parameters):
        return None
    return [p.name for p in parameters]


def _signed_like(op: Op, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with parameters called like those of `op`."""
    names = _parameters(op)
    if names is not None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in names]
        )
    return function


def _part(whole: Any, name: str) -> Any:
    if isinstance(whole, dict):
        return whole[name]
    return whole[int(name)] if name.lstrip("-").isdigit() else getattr(whole, name)


def _written(function: Callable[..., Any]) -> str:
    return function._text if isinstance(function, Op) else describe(function).partition("(")[0]


def _bracketed(op: Op) -> str:
    text = op._text
    atomic = text.isidentifier() or (text.endswith(")") and " @ " not in text and text.partition("(")[0].isidentifier())
    return text if atomic else f"({text})"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 24 and "\n" not in text else type(value).__name__


__all__ = ["Op"]
