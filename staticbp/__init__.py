"""Compiled gradients of NumPy functions."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from staticbp import errors, special
from staticbp import numpy as numpy
from staticbp.api import tree
from staticbp.api.batching import vmap
from staticbp.api.branches import cond, switch
from staticbp.api.compiling import compile, differentiable, stop_gradient
from staticbp.api.debugging import debug_nans
from staticbp.api.explaining import explain_zero
from staticbp.api.forward import jvp
from staticbp.api.inspecting import inspect
from staticbp.api.iteration import fori_loop, while_loop
from staticbp.api.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from staticbp.api.loops import fold, progress, scan
from staticbp.api.records import record, replace, static
from staticbp.api.reverse import grad, value_and_grad, vjp
from staticbp.version import __version__

if TYPE_CHECKING:
    from staticbp import datasets as datasets
    from staticbp import testing as testing

__all__ = [
    "__version__",
    "compile",
    "cond",
    "datasets",
    "debug_nans",
    "differentiable",
    "errors",
    "explain_zero",
    "fold",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "inspect",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "numpy",
    "progress",
    "record",
    "replace",
    "scan",
    "special",
    "static",
    "stop_gradient",
    "switch",
    "testing",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]


def __getattr__(name: str) -> Any:
    """The submodules that a program may never need."""
    if name in ("datasets", "testing"):
        return _import_module(f"staticbp.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
