"""A user's function of structures as a function of one vector, with the derivatives that SciPy's solvers ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

import staticbp as bp
from staticbp.errors import ArgumentError, IntegerDifferentiationError

Array = np.ndarray[Any, Any]
Kinds = tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]  # the shape and dtype of each leaf


class Flat:
    """A function of a vector: the elements of all leaves of a structure.

    Its callables take the vector and then `arguments`, among which is the user's function: of what is handed over it is
    noticed when something that it reads has changed.

    Parameters
    ----------
    function : callable
        ``function(x, *args)``.
    template : structure
        Any `x`; its shapes and dtypes count.
    scalar : bool
        Whether the function returns a number; otherwise what it returns becomes a vector as well.
    """

    def __init__(self, function: Callable[..., Any], template: Any, scalar: bool) -> None:
        _, unravel = bp.tree.ravel(template)

        def flat(x: Any, function: Callable[..., Any], *args: Any) -> Any:
            result = function(unravel(x), *args)
            return result if scalar else bp.tree.ravel(result)[0]

        flat.__name__ = flat.__qualname__ = getattr(function, "__name__", type(function).__name__)
        self.unravel = unravel
        self._function = function
        self._flat = flat

    def arguments(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """What the callables take after the vector, for further arguments of the user's function."""
        return self._function, *args

    @cached_property
    def value(self) -> Callable[..., Any]:
        """What the function returns."""
        return bp.compile(self._flat)

    @cached_property
    def value_and_grad(self) -> Callable[..., Any]:
        """Number and gradient."""
        return bp.value_and_grad(self._flat)

    @cached_property
    def jacobian(self) -> Callable[..., Any]:
        """The matrix of derivatives."""
        return bp.jacobian(self._flat)

    @cached_property
    def hessian(self) -> Callable[..., Any]:
        """The matrix of second derivatives of a number."""
        return bp.hessian(self._flat)

    @cached_property
    def product(self) -> Callable[..., Any]:
        """``(x, direction, *args)`` to the product of the Hessian with the direction."""
        gradient = bp.grad(self._flat)
        return bp.compile(lambda x, d, *args: bp.jvp(lambda x: gradient(x, *args), (x,), (d,))[1])

    @cached_property
    def weighted_hessian(self) -> Callable[..., Any]:
        """``(x, weights, *args)`` to the second derivatives of the weighted sum of what the function returns."""
        return bp.hessian(lambda x, weights, *args: weights @ self._flat(x, *args))


def flattened(function: Callable[..., Any], start: Any, scalar: bool) -> tuple[Flat, Array]:
    """A function of a vector, and the vector to start from; the same function has been compiled before.

    A single number or array of integers is taken for floats; within a structure integers are refused.
    """
    leaves, structure = bp.tree.flatten(start)
    if not leaves:
        raise ArgumentError("there is nothing to vary: the structure to start from holds no numbers")
    arrays = [np.asarray(leaf) for leaf in leaves]
    if leaves[0] is start and arrays[0].dtype.kind in "iu":
        arrays = [arrays[0].astype(np.float64)]
    for position, array in enumerate(arrays):
        if array.dtype.kind != "f":
            raise IntegerDifferentiationError(
                f"leaf {position} of the structure to start from is {array.dtype}, which is not varied continuously",
                advice="Make it a float, or keep it out of the structure: by bp.static() in a record, or in args.",
            )
    kinds = tuple((array.shape, array.dtype) for array in arrays)
    try:
        flat = _kept(function, structure, kinds, scalar)
    except TypeError:  # a function without a hash: the method of an object that has none
        flat = _made(function, structure, kinds, scalar)
    vector = np.concatenate([array.reshape(-1).astype(np.float64) for array in arrays])
    return flat, vector


def _made(function: Callable[..., Any], structure: Any, kinds: Kinds, scalar: bool) -> Flat:
    leaves = [np.zeros(shape, dtype)[()] for shape, dtype in kinds]
    return Flat(function, bp.tree.unflatten(structure, leaves), scalar)


_kept = functools.lru_cache(maxsize=64)(_made)
