"""All operations together: importing this module declares them, and it is where the tracer looks them up."""

from __future__ import annotations

import numpy as np

from staticbp.ops import (
    alternatives,
    arithmetic,
    assign,
    bessel,
    branches,
    building,
    checkpoint,
    compare,
    complex,
    control,
    convolution,
    decompositions,
    diagonal,
    differences,
    einsum,
    factors,
    fourier,
    gammas,
    ignoring,
    incomplete,
    index,
    iteration,
    joining,
    linalg,
    math,
    matrix_functions,
    movement,
    mutation,
    norms,
    padding,
    polynomials,
    probabilities,
    products,
    quantiles,
    ranges,
    reduce,
    ruled,
    searching,
    shape,
    sorting,
    special,
    statistics,
    systems,
)
from staticbp.ops.families import Elementwise
from staticbp.ops.getitem import getitem
from staticbp.ops.registry import NUMPY, PRIMITIVES, SCIPY
from staticbp.ops.ufuncmethods import ufunc_method

MODULES = (
    arithmetic,
    complex,
    math,
    special,
    gammas,
    incomplete,
    probabilities,
    bessel,
    compare,
    reduce,
    statistics,
    ignoring,
    sorting,
    quantiles,
    products,
    linalg,
    factors,
    decompositions,
    systems,
    matrix_functions,
    norms,
    fourier,
    ruled,
    einsum,
    shape,
    movement,
    joining,
    padding,
    diagonal,
    ranges,
    index,
    assign,
    mutation,
    building,
    searching,
    differences,
    convolution,
    polynomials,
    control,
    branches,
    iteration,
    checkpoint,
)


def alternative(name: str) -> str | None:
    """What to write instead of a NumPy function or method that is not traced, where there is something."""
    return alternatives.alternative(name, sorted({*(function.__name__ for function in NUMPY), *SCIPY}))


def elementwise_of(ufunc: np.ufunc) -> Elementwise:
    """The operation behind one of Python's operators."""
    operation = NUMPY[ufunc]
    assert isinstance(operation, Elementwise), ufunc
    return operation


__all__ = ["MODULES", "NUMPY", "PRIMITIVES", "SCIPY", "alternative", "elementwise_of", "getitem", "ufunc_method"]
