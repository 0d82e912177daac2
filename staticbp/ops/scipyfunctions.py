"""SciPy's functions as operations: how they are found, evaluated and typed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np

from staticbp.errors import DtypeError
from staticbp.ops.families import Domain, Elementwise, elementwise
from staticbp.ops.options import is_traced
from staticbp.ops.registry import REAL, SCIPY, ufunc_dtypes

F = TypeVar("F", bound=Callable[..., Any])


@cache
def load(name: str) -> Callable[..., Any]:
    """SciPy's special function of that name, or the ufunc behind it."""
    module = "scipy.special._ufuncs" if name.startswith("_") else "scipy.special"
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def scipy_ufunc(name: str) -> Callable[..., Any]:
    """SciPy's ufunc of that name, imported when it is first called.

    ``scipy.special`` takes longer to import than a compiled gradient takes to load, and only the interpreter
    and plain values ever ask for it.
    """

    def evaluate(*args: Any) -> Any:
        return load(name)(*args)

    evaluate.__name__ = name
    return evaluate


def or_from(module: str) -> Callable[[F], F]:
    """What traced values get from the decorated function, plain ones get from that of its name in a module."""

    def choose(function: F) -> F:
        @wraps(function)
        def either(*args: Any, **kwargs: Any) -> Any:
            if is_traced(*args, *kwargs.values()):
                return function(*args, **kwargs)
            return getattr(importlib.import_module(module), function.__name__)(*args, **kwargs)

        return either  # type: ignore[return-value]  # the same signature

    return choose


or_scipy = or_from("scipy.special")


def implements_scipy(function: F) -> F:
    """Register a function as what traced values do for SciPy's ufunc of the same name."""
    SCIPY[getattr(function, "name", None) or function.__name__] = function
    return function


def scipy_dtypes(name: str) -> Callable[..., tuple[np.dtype[Any], ...]]:
    """The promotion of one of SciPy's ufuncs; only real numbers are compiled."""

    def resolve(*tokens: Any) -> tuple[np.dtype[Any], ...]:
        dtypes = ufunc_dtypes(load(name))(*tokens)  # type: ignore[arg-type]
        if any(dtype.kind == "c" for dtype in dtypes):
            raise DtypeError(f"scipy.special.{name} of complex numbers is not compiled")
        return dtypes

    return cache(resolve)


def special(
    name: str,
    partials: Callable[..., Any] | str,
    *,
    kernel: str | None = None,
    domain: Domain | tuple[Domain, ...] = REAL,
    dtypes: Callable[..., tuple[np.dtype[Any], ...]] | None = None,
    cost: int = 60,
) -> Elementwise:
    """Declare one of SciPy's functions of numbers: its partial derivatives, as in `elementwise`."""
    arity = len(domain) if isinstance(domain, tuple) else 1
    operands = ", ".join(("{x}", "{y}", "{z}")[:arity])
    return implements_scipy(
        elementwise(
            name,
            numpy=scipy_ufunc(name),
            domain=domain,
            partials=partials,
            expr=f"vm.{kernel or name}({operands})",
            dtypes=dtypes or scipy_dtypes(name),
            cost=cost,
        )
    )
