"""SciPy's ``stats``, with distributions whose densities and integrals take traced values.

Where no argument is traced every method is SciPy's own, as is everything that is not defined here: random numbers,
moments, fits, tests.

Examples
--------
>>> import numpy as np
>>> import staticbp as bp
>>> from staticbp.scipy import stats
>>> float(bp.grad(lambda mu: np.sum(stats.norm.logpdf(np.array([1.0, 2.0]), mu, 2.0)))(0.0))
0.75
>>> stats.norm.mean(3.0)
np.float64(3.0)
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from staticbp.errors import ArgumentError, UnsupportedFunctionError
from staticbp.ops import masses
from staticbp.ops.continuous import Continuous
from staticbp.ops.densities import CONTINUOUS
from staticbp.ops.masses import DISCRETE, Discrete
from staticbp.ops.options import is_traced

Standard = Continuous | Discrete


class _Named:
    """One of SciPy's distributions, some of whose methods take traced values."""

    def __init__(self, name: str, methods: tuple[str, ...]) -> None:
        self._name = name
        self._methods = methods
        self.__doc__ = f"As ``scipy.stats.{name}``; {', '.join(methods)} take traced values too."

    @property
    def _scipys(self) -> Any:
        return getattr(import_module("scipy.stats"), self._name)

    def _given(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        raise NotImplementedError(method)

    def __getattr__(self, method: str) -> Any:
        if method.startswith("__"):
            raise AttributeError(method)
        if not callable(getattr(self._scipys, method)):
            return getattr(self._scipys, method)
        return self._method(method)

    def _method(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if not is_traced(*args, *options.values()):
                return getattr(self._scipys, method)(*args, **options)
            if method not in self._methods:
                raise UnsupportedFunctionError(
                    f"scipy.stats.{self._name}.{method} is not supported on traced values",
                    advice=f"Of this distribution there are {', '.join(self._methods)}.",
                )
            return self._given(method, args, options)

        call.__name__ = call.__qualname__ = method
        return call

    def __call__(self, *args: Any, **options: Any) -> _Frozen:
        return _Frozen(self, args, options)

    def __repr__(self) -> str:
        return f"<scipy.stats.{self._name}>"


class _Frozen:
    """A distribution with its parameters, as SciPy's distributions give it when they are called."""

    def __init__(self, distribution: _Named, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._distribution = distribution
        self._args = args
        self._options = options

    def __getattr__(self, method: str) -> Any:
        if method.startswith("__"):
            raise AttributeError(method)
        if method not in self._distribution._methods:
            if is_traced(*self._args, *self._options.values()):
                return getattr(self._distribution, method)
            return getattr(self._distribution._scipys(*self._args, **self._options), method)
        function = getattr(self._distribution, method)
        if method == "entropy":
            return lambda: function(*self._args, **self._options)
        return lambda x: function(x, *self._args, **self._options)


def _bound(name: str, wanted: tuple[str, ...], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments by their names, in the order in which SciPy takes them."""
    if len(args) > len(wanted) or set(options) - set(wanted[len(args) :]):
        raise ArgumentError(f"scipy.stats.{name} takes {', '.join(wanted)}; these are too many arguments or others")
    return {**dict(zip(wanted, args, strict=False)), **options}


class _OfNumbers(_Named):
    """A distribution of numbers, with a location and perhaps a scale."""

    def __init__(self, standard: Standard) -> None:
        super().__init__(standard.name, standard.methods)
        self._standard = standard

    def _given(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        first = "k" if isinstance(self._standard, Discrete) else "q" if method in ("ppf", "isf") else "x"
        shapes = self._standard.shapes
        bound = _bound(f"{self._name}.{method}", (first, *shapes, "loc", "scale"), args, options)
        missing = [name for name in (first, *shapes) if name not in bound]
        if missing:
            raise ArgumentError(f"scipy.stats.{self._name}.{method} misses its argument {missing[0]}")
        parameters = tuple(bound[name] for name in shapes)
        loc = bound.get("loc", 0)
        if isinstance(self._standard, Discrete):
            return self._standard.value(method, bound[first], parameters, loc)
        return self._standard.value(method, bound[first], parameters, loc, bound.get("scale", 1))


class _MultivariateNormal(_Named):
    def _given(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        wanted = ("mean", "cov") if method == "entropy" else ("x", "mean", "cov", "allow_singular")
        bound = _bound(f"{self._name}.{method}", wanted, args, options)
        mean, cov = bound.get("mean"), bound.get("cov", 1)
        if method == "entropy":
            return masses.multivariate_normal_entropy(mean, cov)
        log = masses.multivariate_normal_logpdf(bound["x"], mean, cov, bound.get("allow_singular", False))
        return log if method == "logpdf" else np.exp(log)


class _Dirichlet(_Named):
    def _given(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        log = masses.dirichlet_logpdf(**_bound(f"{self._name}.{method}", ("x", "alpha"), args, options))
        return log if method == "logpdf" else np.exp(log)


class _Multinomial(_Named):
    def _given(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        log = masses.multinomial_logpmf(**_bound(f"{self._name}.{method}", ("x", "n", "p"), args, options))
        return log if method == "logpmf" else np.exp(log)


OF_NUMBERS: tuple[Standard, ...] = (*CONTINUOUS, *DISCRETE)
DISTRIBUTIONS: dict[str, _Named] = {standard.name: _OfNumbers(standard) for standard in OF_NUMBERS} | {
    "multivariate_normal": _MultivariateNormal("multivariate_normal", ("logpdf", "pdf", "entropy")),
    "dirichlet": _Dirichlet("dirichlet", ("logpdf", "pdf")),
    "multinomial": _Multinomial("multinomial", ("logpmf", "pmf")),
}
"""The distributions that take traced values, by name."""


def __getattr__(name: str) -> Any:
    if name in DISTRIBUTIONS:
        return DISTRIBUTIONS[name]
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("scipy.stats"), name)


def __dir__() -> list[str]:
    return sorted({*dir(import_module("scipy.stats")), *DISTRIBUTIONS})
