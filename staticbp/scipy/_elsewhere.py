"""SciPy's functions that take no traced values: what a traced function that calls them is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

from staticbp.core.primitive import Builder
from staticbp.errors import (
    NumpyCallError,
    TracedArrayError,
    TracedBranchError,
    TracedConversionError,
    UnsupportedFunctionError,
)
from staticbp.trace.names import here

_REFUSED = (TracedArrayError, TracedBranchError, TracedConversionError, NumpyCallError)

_ODEINT = "Write scipy.integrate.odeint(func, y0, t), which gives the solution at the times t."
_QUAD = "Write scipy.integrate.fixed_quad(func, a, b, n=50), a rule with places that are known."
_SAMPLES = "Write scipy.integrate.simpson or trapezoid, of samples."
_ZERO = "Write bp.custom_root, which differentiates a solution however it was found."
_LEAST = "Write bp.argmin, which differentiates the place of a minimum however it was found."
_LINES = "Write np.interp for straight lines between samples."
_OTHERS = "Write it in NumPy's functions, or give it a rule of its own by bp.primitive and bp.custom_vjp."

_BY_MODULE = {
    "fft": "Write np.fft, whose transforms take traced values.",
    "interpolate": _LINES,
    "signal": "Of this module convolve and correlate and their kin take traced values.",
}
_BY_NAME = {
    "integrate": {
        **dict.fromkeys(
            ("solve_ivp", "ode", "complex_ode", "RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"), _ODEINT
        ),
        **dict.fromkeys(("quad", "dblquad", "tplquad", "nquad", "quad_vec", "cubature", "tanhsinh", "qmc_quad"), _QUAD),
        **dict.fromkeys(("romb", "cumulative_simpson", "newton_cotes"), _SAMPLES),
    },
    "optimize": {
        **dict.fromkeys(
            ("brentq", "brenth", "ridder", "bisect", "toms748", "newton", "fsolve", "root", "root_scalar"), _ZERO
        ),
        **dict.fromkeys(("minimize", "minimize_scalar", "least_squares", "curve_fit", "leastsq", "fmin"), _LEAST),
        "fixed_point": "Write bp.fixed_point.",
    },
}


def advised(module: str, name: str) -> Any:
    """What SciPy's module has under a name; a function of it that meets a traced value says what to write instead."""
    if name.startswith("__"):
        raise AttributeError(f"module 'staticbp.scipy.{module}' has no attribute {name!r}")
    found = getattr(import_module(f"scipy.{module}"), name)
    if Builder.innermost() is None or not callable(found):
        return found
    advice = _BY_NAME.get(module, {}).get(name) or _BY_MODULE.get(module, _OTHERS)
    return _explaining(f"scipy.{module}.{name}", found, advice)


def _explaining(title: str, function: Callable[..., Any], advice: str) -> Callable[..., Any]:
    @wraps(function, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except _REFUSED as error:
            raise UnsupportedFunctionError(
                f"{title} is not supported on traced values", src=here().src, advice=advice
            ) from error

    return call


class Elsewhere(ModuleType):
    """A module of SciPy's none of whose functions takes traced values: SciPy's own, but for what its errors say."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return advised(self._module.__name__.removeprefix("scipy."), name)

    def __dir__(self) -> list[str]:
        return dir(self._module)
