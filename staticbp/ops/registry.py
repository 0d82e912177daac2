"""What all declarations share: the register of operations, domains of definition, dtype rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import numpy as np

from staticbp.core.aval import Aval, dtype_name
from staticbp.core.primitive import Primitive
from staticbp.errors import DtypeError, UnsupportedFunctionError

PRIMITIVES: dict[str, Primitive] = {}
NUMPY: dict[Callable[..., Any], Callable[..., Any]] = {}  # NumPy's function -> ours, for the tracer's protocols
SCIPY: dict[str, Callable[..., Any]] = {}  # the same for SciPy's ufuncs, by name: importing them all is slow

F = TypeVar("F", bound=Callable[..., Any])


class Domain(Enum):
    """Where an operation's derivative exists; the generated tests draw from it."""

    REAL = (-3.0, 3.0)
    POSITIVE = (0.2, 4.0)
    UNIT = (-0.9, 0.9)
    NONZERO = (0.3, 3.0)  # of either sign
    ABOVE_ONE = (1.2, 4.0)
    BOOLEAN = (0.0, 1.0)
    INTEGER = (-5.0, 5.0)
    FRACTION = (0.1, 0.9)
    ORDER = (2.0, 4.0)  # integers, by which there is no derivative


REAL, POSITIVE, UNIT, NONZERO, ABOVE_ONE = (
    Domain.REAL,
    Domain.POSITIVE,
    Domain.UNIT,
    Domain.NONZERO,
    Domain.ABOVE_ONE,
)

ZERO = "zero"  # `partials=ZERO`: piecewise constant, nothing flows back


@dataclass(frozen=True)
class Unknown:
    """A partial derivative that there is, but that is not known here: to ask for it is an error, which says why."""

    why: str


def implements(*functions: Callable[..., Any]) -> Callable[[F], F]:
    """Register the decorated function as what traced values do for NumPy's `functions`."""

    def register(ours: F) -> F:
        for function in functions:
            NUMPY[function] = ours
        return ours

    return register


OPTION_ADVICE = {
    "out": "Use the result instead.",
    "where": "Select with np.where before or after.",
    "dtype": "Convert with .astype(dtype).",
}


def refuse(function: str, **options: Any) -> None:
    """Raise `UnsupportedFunctionError` for the first option of a NumPy function that was given a value."""
    for name, value in options.items():
        if name == "device" and value == "cpu":  # where all of NumPy's arrays are
            continue
        if value is not None and value is not np._NoValue:
            raise UnsupportedFunctionError(
                f"{function} with {name}= is not supported on traced values", advice=OPTION_ADVICE.get(name)
            )


def in_order(x: Aval) -> Aval:
    """`x`, unless it is complex: NumPy's order of complex numbers is not one that a derivative could follow."""
    if x.is_complex:
        raise DtypeError(
            "the order of complex numbers is not supported on traced values",
            advice="Compare np.abs(x), x.real or x.imag.",
        )
    return x


def declare(op: Primitive) -> None:
    """Enter an operation into the register."""
    if op.name in PRIMITIVES:
        raise ValueError(f"operation {op.name} is declared twice")
    PRIMITIVES[op.name] = op


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple of results from one result or several."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def ufunc_dtypes(ufunc: np.ufunc) -> Callable[..., tuple[np.dtype[Any], ...]]:
    """The promotion of a ufunc, as NumPy itself resolves it."""

    @cache
    def resolve(*tokens: Any) -> tuple[np.dtype[Any], ...]:
        if all(token is int for token in tokens):
            tokens = (np.dtype(np.int64),) * len(tokens)  # NumPy compares two Python ints as objects
        try:
            dtypes = ufunc.resolve_dtypes((*tokens, *(None,) * ufunc.nout))
        except TypeError:
            names = " and ".join(dtype_name(t) if isinstance(t, np.dtype) else t.__name__ for t in tokens)
            raise DtypeError(f"np.{ufunc.__name__} is not defined for {names}") from None
        return tuple(dtypes[: ufunc.nin + 1])

    return resolve


def same_dtypes(*tokens: Any) -> tuple[np.dtype[Any], ...]:
    """All operands and the result in the common dtype."""
    dtype = np.result_type(*(token(0) if isinstance(token, type) else token for token in tokens))
    return (dtype,) * (len(tokens) + 1)


def float_dtypes(*tokens: Any) -> tuple[np.dtype[Any], ...]:
    """All operands and the result in the common dtype, integers as float64."""
    dtype = same_dtypes(*tokens)[0]
    return (dtype if dtype.kind in "fc" else np.dtype(np.float64),) * (len(tokens) + 1)
