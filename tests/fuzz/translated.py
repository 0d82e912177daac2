"""Functions of NumPy, SciPy and staticbp as functions of JAX: the same code, with JAX's modules where it has others."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as scipys

import staticbp as bp
from staticbp.core.primitive import Primitive
from staticbp.scipy import linalg, special, stats
from staticbp.scipy.stats import _Named


class Missing(Exception):
    """JAX has no such function."""


MODULES: tuple[tuple[types.ModuleType, str], ...] = (
    (np, "jax.numpy"),
    (np.linalg, "jax.numpy.linalg"),
    (np.fft, "jax.numpy.fft"),
    (scipys, "jax.scipy.special"),
    (special, "jax.scipy.special"),
    (bp.special, "jax.scipy.special"),
    (linalg, "jax.scipy.linalg"),
    (stats, "jax.scipy.stats"),
)

# Operations that are called something else there, or are a part of something.
OTHERWISE = {
    "psi": "jax.scipy.special.digamma",
    "stop_gradient": "jax.lax.stop_gradient",
    "modulus": "jax.numpy.abs",
    "sqrt_of_sum": "jax.numpy.sqrt",
    "softplus": "jax.nn.softplus",
    "log_expit": "jax.nn.log_sigmoid",
    "softmax": "jax.nn.softmax",
    "log_softmax": "jax.nn.log_softmax",
}


class Function:
    """A function of JAX that takes lists of numbers as arrays, as NumPy does."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *args: Any, **options: Any) -> Any:
        try:
            return self.function(*args, **options)
        except TypeError as error:
            if "requires ndarray or scalar arguments" not in str(error):
                raise
        return self.function(
            *(np.asarray(arg) if isinstance(arg, list) else arg for arg in args),
            **{name: np.asarray(arg) if isinstance(arg, list) else arg for name, arg in options.items()},
        )

    def __getattr__(self, name: str) -> Any:  # methods of ufuncs, of distributions
        if not hasattr(self.function, name):
            raise Missing(f"JAX has no {self.function.__name__}.{name}")
        return getattr(self.function, name)


class Module:
    """A module of JAX with such functions."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __getattr__(self, name: str) -> Any:
        return found(f"{self.path}.{name}")


def found(path: str) -> Any:
    """What JAX calls so."""
    module, _, name = path.rpartition(".")
    other = OTHERWISE.get(name)
    try:
        value = getattr(importlib.import_module(module), name)
    except AttributeError:
        if other is not None and other != path:
            return found(other)
        raise Missing(f"{module} has no {name}") from None
    if isinstance(value, types.ModuleType):
        return Module(path)
    return Function(value) if callable(value) and not hasattr(value, "dtype") else value


@functools.cache
def _names() -> dict[int, str]:
    """Where JAX has what stands in a module, by the identity of what stands there."""
    names: dict[int, str] = {}
    for module, path in reversed(MODULES):
        for name in dir(module):
            value = getattr(module, name, None)
            if callable(value) and not isinstance(value, type) and not name.startswith("_"):
                names[id(value)] = f"{path}.{name}"
        names[id(module)] = path
    return names


def in_jax(value: Any) -> Any:
    """A function, or anything that one reads, in JAX."""
    if id(value) in _names():
        path = _names()[id(value)]
        return Module(path) if isinstance(value, types.ModuleType) else found(path)
    if isinstance(value, Primitive):
        return found(OTHERWISE.get(value.name, f"jax.scipy.special.{value.name}"))
    if isinstance(value, _Named):
        return found(f"jax.scipy.stats.{value._name}")
    if isinstance(value, functools.partial):
        return functools.partial(in_jax(value.func), *value.args, **value.keywords)
    if isinstance(value, types.BuiltinMethodType) and isinstance(value.__self__, np.ufunc):
        return getattr(in_jax(value.__self__), value.__name__)
    if isinstance(value, types.FunctionType) and value.__module__ == stats.__name__:
        around = inspect.getclosurevars(value).nonlocals
        return getattr(in_jax(around["self"]), around["method"])
    if isinstance(value, types.FunctionType) and value.__module__.startswith("staticbp"):
        raise Missing(f"{value.__module__}.{value.__qualname__} is staticbp's own")
    if isinstance(value, types.FunctionType) and not value.__module__.startswith(("numpy", "jax", "warnings")):
        return _function(value)
    return value


def _function(function: types.FunctionType) -> Callable[..., Any]:
    """A function of the same code that reads JAX's modules and functions."""
    reads = {name: function.__globals__[name] for name in _globals(function.__code__) if name in function.__globals__}
    made = types.FunctionType(
        function.__code__,
        {"__builtins__": __builtins__, **{name: in_jax(value) for name, value in reads.items()}},
        function.__name__,
        tuple(map(in_jax, function.__defaults__ or ())),
        tuple(types.CellType(in_jax(cell.cell_contents)) for cell in function.__closure__ or ()),
    )
    made.__kwdefaults__ = {name: in_jax(value) for name, value in (function.__kwdefaults__ or {}).items()}
    return made


def _globals(code: types.CodeType) -> set[str]:
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return set(code.co_names).union(*map(_globals, inner))
