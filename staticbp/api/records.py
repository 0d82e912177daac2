"""`record`, `static`, `replace`: structures of the user's own, with arithmetic leaf by leaf."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform, overload

import numpy as np

from staticbp.core.primitive import Traced
from staticbp.core.tree import STATIC, flatten, map_leaves, register_dataclass
from staticbp.errors import ArgumentError, StructureError
from staticbp.trace.names import here

T = TypeVar("T")
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
    numbers; all of it works alike on plain and on traced values.  ``==`` asks whether two records are equal in every
    element.

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
    replace : A copy with some fields changed.
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
        made = dataclasses.dataclass(frozen=True, eq=False, kw_only=kw_only)(cls)
        for name, method in _METHODS.items():
            if name not in vars(cls):
                setattr(made, name, method)
        register_dataclass(made)
        return made

    return decorate if cls is None else decorate(cls)


def replace(record: T, /, **changes: Any) -> T:
    """A copy of a record with other values in some fields.

    Parameters
    ----------
    record : record or dataclass
        It stays as it is.
    **changes
        The new values by field.

    Returns
    -------
    record
        Of the same class.

    Examples
    --------
    >>> import staticbp as bp
    >>> @bp.record
    ... class Point:
    ...     x: float
    ...     y: float
    >>> bp.replace(Point(1.0, 2.0), y=5.0)
    Point(x=1.0, y=5.0)
    """
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise ArgumentError(f"replace takes a record or a dataclass, not a {type(record).__name__}", src=here().src)
    names = [field.name for field in dataclasses.fields(record)]
    for name in changes:
        if name not in names:
            raise StructureError(
                f"{type(record).__name__} has no field {name!r}: its fields are {', '.join(names)}", src=here().src
            )
    return dataclasses.replace(record, **changes)


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
