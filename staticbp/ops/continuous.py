"""What distributions of real numbers have in common: location and scale, support, and one function from another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core.primitive import Value
from staticbp.ops.arithmetic import where
from staticbp.ops.special import as_float

Standard = Callable[..., Value]  # of a number and the shape parameters

LOG_SQRT_2_PI = math.log(2 * math.pi) / 2
SQRT_HALF = math.sqrt(0.5)


def all_positive(*shapes: Value) -> Value:
    """Whether each of the shape parameters is above zero."""
    allowed: Value = True
    for shape in shapes:
        allowed = (shape > 0) & allowed
    return allowed


@dataclass(frozen=True)
class Continuous:
    """A distribution of real numbers in standard form.

    `cdf`, `sf` and their logarithms need not all be given: each follows from another.
    """

    name: str
    shapes: tuple[str, ...]
    logpdf: Standard
    cdf: Standard | None = None
    sf: Standard | None = None
    logcdf: Standard | None = None
    logsf: Standard | None = None
    ppf: Standard | None = None
    isf: Standard | None = None
    support: Callable[..., tuple[Value, Value]] = lambda *shapes: (-math.inf, math.inf)
    allowed: Callable[..., Value] = all_positive

    def value(self, method: str, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Value:
        """One of the functions of the distribution, as SciPy's method of that name gives it."""
        number, location, width = (as_float(value) for value in (x, loc, scale))
        parameters = tuple(as_float(shape) for shape in shapes)
        function = getattr(self, f"_{method}")
        value = function(number, location, width, parameters)
        return where((width > 0) & self.allowed(*parameters), value, np.nan)

    def _standard(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> tuple[Value, Value, Value]:
        z = (x - loc) / scale
        low, high = self.support(*shapes)
        return z, z < low, z > high

    def _logpdf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        return where(below | above, -math.inf, self.logpdf(z, *shapes) - np.log(scale))

    def _pdf(self, *args: Any) -> Value:
        return np.exp(self._logpdf(*args))

    def _cdf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        return where(below, 0, where(above, 1, self._whole(z, *shapes)))

    def _whole(self, z: Value, *shapes: Value) -> Value:
        assert self.cdf is not None
        return self.cdf(z, *shapes)

    def _sf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        rest = 1 - self._whole(z, *shapes) if self.sf is None else self.sf(z, *shapes)
        return where(below, 1, where(above, 0, rest))

    def _logcdf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        z, below, above = self._standard(x, loc, scale, shapes)
        log = np.log(self._whole(z, *shapes)) if self.logcdf is None else self.logcdf(z, *shapes)
        return where(below, -math.inf, where(above, 0, log))

    def _logsf(self, x: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        if self.logsf is None:
            return np.log(self._sf(x, loc, scale, shapes))
        z, below, above = self._standard(x, loc, scale, shapes)
        return where(below, 0, where(above, -math.inf, self.logsf(z, *shapes)))

    def _ppf(self, q: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        assert self.ppf is not None
        low, high = self.support(*shapes)
        return self._quantile(q, self.ppf(q, *shapes), low, high) * scale + loc

    def _isf(self, q: Value, loc: Value, scale: Value, shapes: tuple[Value, ...]) -> Value:
        assert self.ppf is not None
        low, high = self.support(*shapes)
        quantile = self.ppf(1 - q, *shapes) if self.isf is None else self.isf(q, *shapes)
        return self._quantile(q, quantile, high, low) * scale + loc

    def _quantile(self, q: Value, inner: Value, at_zero: Value, at_one: Value) -> Value:
        return where((q > 0) & (q < 1), inner, where(q == 0, at_zero, where(q == 1, at_one, np.nan)))

    @property
    def methods(self) -> tuple[str, ...]:
        """The functions that there are."""
        integrals = () if self.cdf is None else ("cdf", "logcdf", "sf", "logsf")
        return ("logpdf", "pdf", *integrals, *(() if self.ppf is None else ("ppf", "isf")))


def from_zero(*shapes: Value) -> tuple[Value, Value]:
    """The support of positive numbers."""
    return 0.0, math.inf


def unit(*shapes: Value) -> tuple[Value, Value]:
    """The support of numbers between zero and one."""
    return 0.0, 1.0
