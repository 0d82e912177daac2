"""`record`, `static`, `register`: structures of the user's own, with arithmetic leaf by leaf."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform, overload

import numpy as np

from staticbp.core.primitive import Traced
from staticbp.core.tree import KINDS, STATIC, Kind, flatten, map_leaves, register_dataclass, register_kind
from staticbp.errors import ArgumentError, StructureError
from staticbp.trace.names import here

C = TypeVar("C", bound=type)


def static(*, default: Any = dataclasses.MISSING, default_factory: Any = dataclasses.MISSING) -> Any:
    """A field that belongs to the structure: not traced, not differentiated, not touched by arithmetic.

    Parameters
    ----------
    default, default_factory
        As for `dataclasses.field`.

    Returns
    -------
    dataclasses.Field
        For the body of a `record` or dataclass.  Its values must be hashable; functions are compiled for each.

    Examples
    --------
    >>> import staticbp as bp
    >>> @bp.record
    ... class Power:
    ...     scale: float
    ...     exponent: int = bp.static(default=2)
    >>> bp.grad(lambda p, x: p.scale * x**p.exponent)(Power(3.0), 2.0)
    Power(scale=np.float64(4.0), exponent=2)
    """
    options = {"default": default, "default_factory": default_factory}
    given = {name: value for name, value in options.items() if value is not dataclasses.MISSING}
    return dataclasses.field(metadata={STATIC: True}, **given)


@overload
def record(cls: C) -> C: ...
@overload
def record(cls: None = None, *, kw_only: bool = False) -> Callable[[C], C]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, static))
def record(cls: Any = None, *, kw_only: bool = False) -> Any:
    """Make a class a record: a frozen dataclass that is a structure, with arithmetic leaf by leaf.

    Records of one structure are added, subtracted, multiplied, divided and raised to powers field by field, and with
    numbers; all of it works alike on plain and on traced values.  ``==`` is one answer, not an array of them: whether
    two records have one structure, static fields included, the same shapes, and equal numbers.  As always ``1 == 1.0``,
    and NaN is not equal to itself.  Where a program makes a record its ``__post_init__`` may check it; what functions
    are handed and return is put together without, as the leaves may be traced then, or derivatives.

    Parameters
    ----------
    cls : type
        A class with annotated fields: arrays, numbers, structures of them, or `static`.
    kw_only : bool, optional
        As for `dataclasses.dataclass`.

    Returns
    -------
    type
        The class.

    See Also
    --------
    replace, update : Copies with other values in some places.
    register : The same for a class that is no dataclass.
    staticbp.tree.zeros_like, staticbp.tree.ones_like : The zero and the one.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.record
    ... class Line:
    ...     slope: np.ndarray
    ...     start: float
    >>> line = Line(np.array([1.0, 2.0]), 3.0)
    >>> line - 0.5 * line
    Line(slope=array([0.5, 1. ]), start=1.5)
    >>> bp.grad(lambda line, x: np.sum(line.slope * x) + line.start)(line, 10.0)
    Line(slope=array([10., 10.]), start=np.float64(1.0))
    """

    def decorate(cls: Any) -> Any:
        if not isinstance(cls, type):
            raise ArgumentError(f"record is given a {type(cls).__name__}, and makes records of classes", src=here().src)
        made: Any = dataclasses.dataclass(frozen=True, eq=False, kw_only=kw_only)(cls)
        for name, method in _METHODS.items():
            if name not in vars(cls):
                setattr(made, name, method)
        register_dataclass(made)
        return made

    return decorate if cls is None else decorate(cls)


@overload
def register(
    cls: C,
    /,
    *,
    leaves: Callable[[Any], Any],
    make: Callable[..., Any],
    static: Callable[[Any], Any] | None = None,
    zero: Callable[[Any], Any] | None = None,
    add: Callable[[Any, Any], Any] | None = None,
    one: Callable[[Any], Any] | None = None,
) -> C: ...
@overload
def register(
    cls: None = None,
    /,
    *,
    leaves: Callable[[Any], Any],
    make: Callable[..., Any],
    static: Callable[[Any], Any] | None = None,
    zero: Callable[[Any], Any] | None = None,
    add: Callable[[Any, Any], Any] | None = None,
    one: Callable[[Any], Any] | None = None,
) -> Callable[[C], C]: ...
def register(
    cls: Any = None,
    /,
    *,
    leaves: Callable[[Any], Any],
    make: Callable[..., Any],
    static: Callable[[Any], Any] | None = None,
    zero: Callable[[Any], Any] | None = None,
    add: Callable[[Any, Any], Any] | None = None,
    one: Callable[[Any], Any] | None = None,
) -> Any:
    """Make values of a class structures, by saying what their leaves are.

    From then on they can be arguments, results, carries of loops, parts of records, whatever a record can be.  Their
    leaves are what is traced and differentiated: a derivative with respect to such a value is a value of the same
    class, made of the derivatives with respect to its leaves.  Records are structures already, and so are dataclasses.

    Parameters
    ----------
    cls : type
        A class of values that do not change.  Left out, `register` is a decorator.
    leaves : callable
        ``leaves(value)``: the numbers and arrays that `value` keeps; one, or any structure of them.
    make : callable
        ``make(leaves)``, or ``make(leaves, static)`` if there is a `static`: the value that keeps these leaves.  It
        stores them as they are, be they numbers, traced values or derivatives, and checks nothing.
    static : callable, optional
        ``static(value)``: the rest of the value.  It belongs to the structure, and must have a hash.
    zero, one : callable, optional
        ``zero(value)`` and ``one(value)``: what `staticbp.tree.zeros_like` and `ones_like` are to give; values whose
        leaves are 0 and 1, if left out.
    add : callable, optional
        ``add(a, b)``: what `staticbp.tree.add` is to give; the sum leaf by leaf, if left out.  Derivatives are always
        added leaf by leaf: in the leaves a derivative is linear, whatever numbers the class makes of them.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ArgumentError
        For a class that is a structure or a number already, and, when a value is first used, if `make` does not keep
        the very leaves that it is given.

    Examples
    --------
    Numbers that are kept by their logarithms, and so can be tiny:

    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.register(
    ...     leaves=lambda p: p.log,
    ...     make=lambda log: Tiny(log),
    ...     zero=lambda p: Tiny(-np.inf),
    ...     add=lambda p, q: Tiny(np.logaddexp(p.log, q.log)),
    ...     one=lambda p: Tiny(0.0),
    ... )
    ... class Tiny:
    ...     def __init__(self, log):
    ...         self.log = log
    ...     def __mul__(self, other):
    ...         return Tiny(self.log + other.log)
    ...     def __repr__(self):
    ...         return f"Tiny(exp({self.log:.1f}))"
    >>> p = Tiny(-2000.0)
    >>> p * p, bp.tree.add(p, p), bp.tree.add(p, bp.tree.zeros_like(p))
    (Tiny(exp(-4000.0)), Tiny(exp(-1999.3)), Tiny(exp(-2000.0)))
    >>> bp.compile(lambda p: p * p)(p)
    Tiny(exp(-4000.0))
    >>> bp.grad(lambda p: (p * p).log)(p).log
    np.float64(2.0)
    """

    def decorate(cls: Any) -> Any:
        if not isinstance(cls, type):
            raise ArgumentError(f"register takes a class, not {cls!r}", src=here().src)
        if cls in KINDS or dataclasses.is_dataclass(cls) or issubclass(cls, _NOT_TO_REGISTER):
            raise ArgumentError(
                f"{cls.__name__} is a number or a structure already",
                src=here().src,
                advice="What is to be different goes into a class of its own, and fields that are no leaves are "
                "marked `= bp.static()`.",
            )
        register_kind(cls, Kind(leaves, make, static, zero, add, one))
        return cls

    return decorate if cls is None else decorate(cls)


_NOT_TO_REGISTER = (Traced, np.ndarray, np.generic, bool, int, float, complex, str, tuple, list, dict, type(None))


# ---- arithmetic -------------------------------------------------------------------------------------------------


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Traced | np.ndarray):
        return value.aval.ndim == 0 if isinstance(value, Traced) else value.ndim == 0
    return isinstance(value, bool | int | float | complex | np.generic)


def _leafwise(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """``function(left, right)`` leaf by leaf; at least one of the two is a record."""
    if _is_scalar(right):
        return map_leaves(lambda leaf: function(leaf, right), left)
    if _is_scalar(left):
        return map_leaves(lambda leaf: function(left, leaf), right)
    if type(left) is not type(right):
        return NotImplemented
    leaves, structure = flatten(left)
    others, other_structure = flatten(right)
    if structure != other_structure:
        raise StructureError(
            f"arithmetic of records of different structures: {structure} and {other_structure}", src=here().src
        )
    return structure.unflatten([function(a, b) for a, b in zip(leaves, others, strict=True)])


def _binary(function: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    def forward(self: Any, other: Any) -> Any:
        return _leafwise(function, self, other)

    def reflected(self: Any, other: Any) -> Any:
        return _leafwise(function, other, self)

    return forward, reflected


def _unary(function: Callable[[Any], Any]) -> Any:
    def apply(self: Any) -> Any:
        return map_leaves(function, self)

    return apply


def _equal(self: Any, other: Any) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    if self is other:
        return True
    leaves, structure = flatten(self)
    others, other_structure = flatten(other)
    return structure == other_structure and all(bool(np.array_equal(a, b)) for a, b in zip(leaves, others, strict=True))


def _hash(self: Any) -> int:
    return hash((type(self), *(getattr(self, field.name) for field in dataclasses.fields(self))))


def _methods() -> dict[str, Any]:
    methods: dict[str, Any] = {
        "__neg__": _unary(operator.neg),
        "__pos__": _unary(operator.pos),
        "__abs__": _unary(operator.abs),
        "__eq__": _equal,
        "__hash__": _hash,
        "__array_ufunc__": None,  # NumPy's scalars and arrays leave arithmetic with records to the records
    }
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
        methods[f"__{name}__"], methods[f"__r{name}__"] = _binary(getattr(operator, name))
    for name, method in methods.items():
        if callable(method):
            method.__name__ = name
    return methods


_METHODS = _methods()
