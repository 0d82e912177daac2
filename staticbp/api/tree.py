"""Structures of values: tuples, lists, dicts, namedtuples, dataclasses and records, nested at will.

The leaves are the numbers and arrays; strings, callables, enums, None and static fields belong to the structure.
Everything here works on traced values and on plain ones.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core import tree as core
from staticbp.core.primitive import Traced, value_aval
from staticbp.core.tree import Structure
from staticbp.errors import ShapeError, StructureError

__all__ = ["Structure", "add", "flatten", "leaves", "map", "ones_like", "ravel", "unflatten", "zeros_like"]


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a structure, and the structure without them.

    Parameters
    ----------
    tree : structure
        Any structure of numbers and arrays.

    Returns
    -------
    leaves : list
        From left to right; the entries of dicts by the order of their keys.
    structure : Structure
        What `unflatten` puts leaves back into; structures can be compared and hashed.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.tree.flatten({"w": 1.0, "b": (2.0, 3.0)})[0]
    [2.0, 3.0, 1.0]
    """
    return core.flatten(tree)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """A structure with other leaves.

    Parameters
    ----------
    structure : Structure
        As `flatten` gives it.
    leaves : sequence
        As many as it has.

    Returns
    -------
    structure
        Of the same kinds of containers.

    Examples
    --------
    >>> import staticbp as bp
    >>> leaves, structure = bp.tree.flatten([1.0, (2.0,)])
    >>> bp.tree.unflatten(structure, [leaf * 10 for leaf in leaves])
    [10.0, (20.0,)]
    """
    given = list(leaves)
    if len(given) != structure.count:
        raise StructureError(f"{structure} takes {structure.count} leaves, not {len(given)}")
    return structure.unflatten(given)


def leaves(tree: Any) -> list[Any]:
    """The leaves of a structure, from left to right.

    Parameters
    ----------
    tree : structure
        Any structure of numbers and arrays.

    Returns
    -------
    list
        Its numbers and arrays.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.tree.leaves([1.0, None, (2.0, "relu")])
    [1.0, 2.0]
    """
    return core.leaves_of(tree)


def map(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:  # noqa: A001 - bp.tree.map is what it is
    """A function applied leaf by leaf.

    Parameters
    ----------
    function : callable
        Takes a leaf of each structure.
    tree, *rest : structure
        Structures that are all alike.

    Returns
    -------
    structure
        Of what `function` returned.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.tree.map(lambda x, y: x + y, (1.0, [2.0]), (10.0, [20.0]))
    (11.0, [22.0])
    """
    return core.map_leaves(function, tree, *rest)


def zeros_like(tree: Any) -> Any:
    """The zero of a structure: adding it to one of the same structure changes nothing.

    Parameters
    ----------
    tree : structure
        Any structure of numbers and arrays.

    Returns
    -------
    structure
        Zeros in the shapes and dtypes of its leaves.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.tree.zeros_like({"w": np.array([1.0, 2.0]), "n": 3})
    {'w': array([0., 0.]), 'n': 0}
    """
    return _by_class("zero", lambda leaf: _filled(leaf, np.zeros_like, 0), tree)


def ones_like(tree: Any) -> Any:
    """The one of a structure: multiplying one of the same structure by it changes nothing.

    Parameters
    ----------
    tree : structure
        Any structure of numbers and arrays.

    Returns
    -------
    structure
        Ones in the shapes and dtypes of its leaves.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.tree.ones_like((np.array([1.0, 2.0]), 3.0))
    (array([1., 1.]), 1.0)
    """
    return _by_class("one", lambda leaf: _filled(leaf, np.ones_like, 1), tree)


def add(tree: Any, *rest: Any) -> Any:
    """The sum of structures.

    Parameters
    ----------
    tree, *rest : structure
        Structures that are all alike.

    Returns
    -------
    structure
        Their sum leaf by leaf, or what a class has registered as its sum.

    See Also
    --------
    staticbp.register : For classes with a sum of their own.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.tree.add({"w": 1.0, "b": (2.0,)}, {"w": 10.0, "b": (20.0,)}, {"w": 100.0, "b": (200.0,)})
    {'w': 111.0, 'b': (222.0,)}
    """
    return functools.reduce(lambda left, right: _by_class("add", operator.add, left, right), rest, tree)


def _by_class(name: str, otherwise: Callable[..., Any], *trees: Any) -> Any:
    """Leaf by leaf, but for values of registered classes that have this operation themselves."""

    def own(value: Any) -> Callable[..., Any] | None:
        kind = core.KINDS.get(type(value))
        return None if kind is None else getattr(kind, name)

    def apply(*values: Any) -> Any:
        return (own(values[0]) or otherwise)(*values)

    return core.map_leaves(apply, *trees, opaque=lambda value: own(value) is not None)


def _filled(leaf: Any, like: Callable[..., Any], number: int) -> Any:
    return like(leaf) if isinstance(leaf, Traced | np.ndarray) else type(leaf)(number)


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All leaves of a structure as one vector, and the way back.

    Parameters
    ----------
    tree : structure
        Any structure of numbers and arrays.

    Returns
    -------
    vector : array
        The elements of all leaves, from left to right, in their common dtype.
    unravel : callable
        From such a vector to a structure whose leaves have the shapes and dtypes of the original's.

    Examples
    --------
    >>> import staticbp as bp
    >>> vector, unravel = bp.tree.ravel((np.array([[1.0, 2.0], [3.0, 4.0]]), 5.0))
    >>> vector
    array([1., 2., 3., 4., 5.])
    >>> unravel(vector * 2)
    (array([[2., 4.],
           [6., 8.]]), np.float64(10.0))
    """
    values, structure = core.flatten(tree)
    avals = [value_aval(value) for value in values]
    sizes = [aval.size for aval in avals]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    total = ends[-1] if ends else 0

    def unravel(vector: Any) -> Any:
        if np.shape(vector) != (total,):
            raise ShapeError(f"a vector of {total} elements is needed, not an array of shape {np.shape(vector)}")
        parts = [
            vector[end - size : end].reshape(aval.shape).astype(aval.dtype)
            for end, size, aval in zip(ends, sizes, avals, strict=True)
        ]
        return structure.unflatten([part if isinstance(part, Traced) or part.ndim else part[()] for part in parts])

    if not values:
        return np.zeros(0), unravel
    dtype = np.result_type(*(aval.dtype for aval in avals))
    flat = [np.reshape(value, (-1,)).astype(dtype) for value in values]
    return np.concatenate(flat), unravel
