"""Compiled gradients of NumPy functions."""

from typing import TYPE_CHECKING

from staticbp.core.on_demand import on_demand
from staticbp.version import __version__

if TYPE_CHECKING:
    from staticbp import datasets as datasets
    from staticbp import errors as errors
    from staticbp import numpy as numpy
    from staticbp import optimize as optimize
    from staticbp import scipy as scipy
    from staticbp import special as special
    from staticbp import testing as testing
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
    from staticbp.api.memory import release_memory
    from staticbp.api.operations import Op
    from staticbp.api.primitives import from_numba, primitive
    from staticbp.api.profiling import profile
    from staticbp.api.records import record, register, static
    from staticbp.api.reverse import grad, value_and_grad, vjp
    from staticbp.api.roots import argmin, fixed_point
    from staticbp.api.saving import load, save
    from staticbp.api.series import diff, diffs, jet, taylor
    from staticbp.api.sparse import sparse_hessian, sparse_jacobian

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
    "release_memory",
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

# Where they are, for `__getattr__`: what a program does not ask for it does not import.
_NAMES = {
    "api": ("tree",),
    "api.associative": ("associative_scan",),
    "api.batching": ("vmap",),
    "api.branches": ("cond", "switch"),
    "api.checkpoint": ("checkpoint",),
    "api.combining": ("grad_with",),
    "api.compiling": ("compile", "differentiable", "stop_gradient"),
    "api.custom": ("custom_jvp", "custom_vjp", "nondifferentiable"),
    "api.debugging": ("debug_nans",),
    "api.explaining": ("explain_zero",),
    "api.exporting": ("cfunc", "export", "njit"),
    "api.forward": ("jvp",),
    "api.graph_builder": ("graph_builder",),
    "api.implicit": ("custom_root",),
    "api.inspecting": ("inspect",),
    "api.iteration": ("fori_loop", "while_loop"),
    "api.jacobians": ("hessian", "hvp", "jacfwd", "jacobian", "jacrev"),
    "api.lenses": ("leaves", "preview", "replace", "update"),
    "api.loops": ("fold", "progress", "scan"),
    "api.memory": ("release_memory",),
    "api.operations": ("Op",),
    "api.primitives": ("from_numba", "primitive"),
    "api.profiling": ("profile",),
    "api.records": ("record", "register", "static"),
    "api.reverse": ("grad", "value_and_grad", "vjp"),
    "api.roots": ("argmin", "fixed_point"),
    "api.saving": ("load", "save"),
    "api.series": ("diff", "diffs", "jet", "taylor"),
    "api.sparse": ("sparse_hessian", "sparse_jacobian"),
}

__getattr__ = on_demand(
    __name__, _NAMES, modules=("datasets", "errors", "numpy", "optimize", "scipy", "special", "testing")
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
