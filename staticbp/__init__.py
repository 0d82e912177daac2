"""Compiled gradients of NumPy functions."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from staticbp import errors, special
from staticbp import numpy as numpy
from staticbp.api import tree
from staticbp.api.associative import associative_scan
from staticbp.api.batching import vmap
from staticbp.api.branches import cond, switch
from staticbp.api.checkpoint import checkpoint
from staticbp.api.combining import grad_with
from staticbp.api.compiling import compile, differentiable, stop_gradient
from staticbp.api.custom import custom_jvp, custom_vjp, nondifferentiable
from staticbp.api.debugging import debug_nans
from staticbp.api.explaining import explain_zero
from staticbp.api.exporting import cfunc, export, njit
from staticbp.api.forward import jvp
from staticbp.api.graph_builder import graph_builder
from staticbp.api.implicit import custom_root
from staticbp.api.inspecting import inspect
from staticbp.api.iteration import fori_loop, while_loop
from staticbp.api.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from staticbp.api.lenses import leaves, preview, replace, update
from staticbp.api.loops import fold, progress, scan
from staticbp.api.operations import Op
from staticbp.api.primitives import from_numba, primitive
from staticbp.api.profiling import profile
from staticbp.api.records import record, register, static
from staticbp.api.reverse import grad, value_and_grad, vjp
from staticbp.api.roots import argmin, fixed_point
from staticbp.api.saving import load, save
from staticbp.api.series import diff, diffs, jet, taylor
from staticbp.api.sparse import sparse_hessian, sparse_jacobian
from staticbp.version import __version__

if TYPE_CHECKING:
    from staticbp import datasets as datasets
    from staticbp import optimize as optimize
    from staticbp import scipy as scipy
    from staticbp import testing as testing

__all__ = [
    "Op",
    "__version__",
    "argmin",
    "associative_scan",
    "cfunc",
    "checkpoint",
    "compile",
    "cond",
    "custom_jvp",
    "custom_root",
    "custom_vjp",
    "datasets",
    "debug_nans",
    "diff",
    "differentiable",
    "diffs",
    "errors",
    "explain_zero",
    "export",
    "fixed_point",
    "fold",
    "fori_loop",
    "from_numba",
    "grad",
    "grad_with",
    "graph_builder",
    "hessian",
    "hvp",
    "inspect",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jet",
    "jvp",
    "leaves",
    "load",
    "njit",
    "nondifferentiable",
    "numpy",
    "optimize",
    "preview",
    "primitive",
    "profile",
    "progress",
    "record",
    "register",
    "replace",
    "save",
    "scan",
    "scipy",
    "sparse_hessian",
    "sparse_jacobian",
    "special",
    "static",
    "stop_gradient",
    "switch",
    "taylor",
    "testing",
    "tree",
    "update",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]


def __getattr__(name: str) -> Any:
    """The submodules that a program may never need."""
    if name in ("datasets", "optimize", "scipy", "testing"):
        return _import_module(f"staticbp.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
