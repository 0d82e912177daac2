"""`sparse_jacobian` and `sparse_hessian`: derivatives of which most entries are zero, from a few products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.api.arguments import positions, title
from staticbp.api.batching import vmap
from staticbp.api.compiling import compiled
from staticbp.api.forms import Call
from staticbp.api.forward import jvp
from staticbp.api.function import Function, origin
from staticbp.api.reverse import grad, vjp
from staticbp.core.tree import leaves_of
from staticbp.errors import ArgumentError
from staticbp.passes.pipeline import expanded
from staticbp.trace.guards import Guards, collect
from staticbp.trace.names import defined_at, here
from staticbp.transforms.colouring import column_colours, star_colours
from staticbp.transforms.sparsity import dependence, indexes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sparse matrix is had from products.

    Parameters
    ----------
    pattern : scipy.sparse.csr_array
        The entries that may differ from zero.
    seeds : array
        The vectors that are multiplied with the matrix, or with its transpose: a row for each colour.
    transposed : bool
        Whether it is the transpose.
    products, places : array of int
        For each entry the product that tells it, and where in that.
    """

    pattern: Any
    seeds: Array
    transposed: bool
    products: Array
    places: Array

    def matrix(self, products: Array) -> Any:
        """The matrix, from the products."""
        data = products[self.products, self.places]
        pattern = self.pattern
        return type(pattern)((data, pattern.indices.copy(), pattern.indptr.copy()), shape=pattern.shape)


@dataclass(frozen=True, slots=True)
class _Known:
    """A plan, and what it was made of besides the arguments."""

    plan: Plan
    guards: Guards
    indexes: list[tuple[Array, Array]]

    def is_outdated(self) -> bool:
        """Whether something that the function reads has changed."""
        return self.guards.changed() is not None or not all(np.array_equal(a, b) for a, b in self.indexes)


class SparseDerivative:
    """A sparse Jacobian or Hessian.  Made by `sparse_jacobian` and `sparse_hessian`.

    Attributes
    ----------
    symmetric : bool
        Whether it is a Hessian.
    """

    def __init__(self, function: Callable[..., Any], argnum: int, symmetric: bool) -> None:
        position = positions(argnum)
        if not isinstance(position, int) or position < 0:
            raise ArgumentError(
                f"a sparse derivative is with respect to one argument, not to {argnum!r}",
                src=here().src,
                advice="Write 0 for the first, 1 for the second.",
            )
        self.__wrapped__ = function
        self.__name__ = f"{title(function)}_{'hessian' if symmetric else 'jacobian'}"
        self.argnum = position
        self.symmetric = symmetric
        self._of: Function[..., Any] = compiled(grad(function, argnum) if symmetric else function)
        self._plans: dict[Any, _Known] = {}
        self._products: dict[bool, Function[..., Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The matrix at these arguments, as ``scipy.sparse.csr_array``."""
        plan = self.plan(*args, **kwargs)
        return plan.matrix(self._multiplied(plan.transposed)(plan.seeds, *args, **kwargs))

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """The pattern and the colours for arguments like these: ``plan.pattern``, ``len(plan.seeds)``."""
        call = self._of._call(args, kwargs)
        known = self._plans.get(call.key)
        if known is None or known.is_outdated():
            known = self._plans[call.key] = self._planned(call, args)
        return known.plan

    def _planned(self, call: Call, args: tuple[Any, ...]) -> _Known:
        graph = expanded(self._of._compilation(call).traced)
        self._require_vectors(graph, args)
        before = sum(len(leaves_of(arg)) for arg in call.args[: self.argnum])
        (pattern,) = dependence(graph, before)
        pattern = pattern.tocsr()
        pattern.sum_duplicates()
        dtype = np.asarray(args[self.argnum]).dtype
        plan = _symmetric_plan(pattern, dtype) if self.symmetric else _plan(pattern, dtype)
        return _Known(plan, collect(origin(self._of)), [(array, array.copy()) for _, array in indexes(graph)])

    def _multiplied(self, transposed: bool) -> Function[..., Any]:
        """What multiplies the seeds with the matrix, or with its transpose."""
        function, argnum = self._of, self.argnum

        def products(seeds: Any, *args: Any, **kwargs: Any) -> Any:
            def of_one(x: Any) -> Any:
                return function(*args[:argnum], x, *args[argnum + 1 :], **kwargs)

            if transposed:
                _, pullback = vjp(of_one, args[argnum])
                return vmap(lambda seed: pullback(seed)[0])(seeds)
            return vmap(lambda seed: jvp(of_one, (args[argnum],), (seed,))[1])(seeds)

        if transposed not in self._products:
            products.__name__ = f"{self.__name__}_products"
            self._products[transposed] = compiled(products)
        return self._products[transposed]

    def _require_vectors(self, graph: Any, args: tuple[Any, ...]) -> None:
        given = np.shape(args[self.argnum]) if self.argnum < len(args) else None
        outs = [atom.aval for atom in graph.outs]
        if given is None or len(given) != 1 or len(outs) != 1 or outs[0].ndim != 1 or not outs[0].is_float:
            found = " and ".join(str(aval.strong()) for aval in outs) or "nothing"
            raise ArgumentError(
                f"{title(self.__wrapped__)} takes an array of shape {given} and "
                f"{'has a gradient of' if self.symmetric else 'returns'} {found}; a sparse matrix is of vectors",
                src=here().src or defined_at(origin(self.__wrapped__)),
                advice="Let it take and return one vector of floats (np.ravel, np.concatenate).",
            )

    def __repr__(self) -> str:
        return f"<staticbp sparse {'Hessian' if self.symmetric else 'Jacobian'} of {title(self.__wrapped__)}>"


def _plan(pattern: Any, dtype: np.dtype[Any]) -> Plan:
    """The products for a Jacobian: with columns added up, or with rows, whichever are fewer."""
    columns, rows = column_colours(pattern), column_colours(pattern.T.tocsr())
    entries = pattern.tocoo()
    transposed = bool(rows.max(initial=0) < columns.max(initial=0))
    if transposed:
        return Plan(pattern, _seeds(rows, dtype), True, rows[entries.row], entries.col)
    return Plan(pattern, _seeds(columns, dtype), False, columns[entries.col], entries.row)


def _symmetric_plan(pattern: Any, dtype: np.dtype[Any]) -> Plan:
    """The products for a Hessian: each entry is read where it is alone, or where its twin is."""
    pattern = (pattern + pattern.T).tocsr()
    pattern.sum_duplicates()
    colours = star_colours(pattern)
    entries = pattern.tocoo()
    kinds = int(colours.max(initial=0)) + 1
    keys = entries.row.astype(np.int64) * kinds + colours[entries.col]
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    alone = counts[inverse] == 1
    products = np.where(alone, colours[entries.col], colours[entries.row])
    places = np.where(alone, entries.row, entries.col)
    return Plan(pattern, _seeds(colours, dtype), False, products, places)


def _seeds(colours: Array, dtype: np.dtype[Any]) -> Array:
    """A row for each colour, with ones where its columns are."""
    seeds = np.zeros((int(colours.max(initial=0)) + 1, len(colours)), dtype)
    seeds[colours, np.arange(len(colours))] = 1
    return seeds


def sparse_jacobian(function: Callable[..., Any], argnum: int = 0) -> SparseDerivative:
    """The Jacobian of a function of vectors, as a sparse matrix, from as few products as its pattern allows.

    Which entries are zero whatever the numbers are is found from the graph.  Columns that share no row are added up
    (Gebremedhin, Manne & Pothen 2005), and the sums are computed by forward mode at once; or those of rows by reverse
    mode, where they are fewer.  A tridiagonal matrix of any size takes three.

    Parameters
    ----------
    function : callable
        A function that takes a vector, and other arguments if it wants, and returns a vector.
    argnum : int, optional
        The positional argument to differentiate with respect to.

    Returns
    -------
    SparseDerivative
        A function of the same arguments that returns a ``scipy.sparse.csr_array``.

    Raises
    ------
    ArgumentError
        When called, if the argument or the result is no vector of floats.

    See Also
    --------
    jacobian : The whole matrix.

    Notes
    -----
    Operations element by element, those that move elements, and reductions over some axes are looked into.  Anything
    else (products, loops, sorting) counts as if each of its results depended on all of its arguments.  An entry that
    may differ from zero is in the matrix, with a zero where it does not.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> def differences(x):
    ...     return x[1:] ** 2 - x[:-1]
    >>> J = bp.sparse_jacobian(differences)
    >>> J(np.array([1.0, 2.0, 3.0])).toarray()
    array([[-1.,  4.,  0.],
           [ 0., -1.,  6.]])
    """
    return SparseDerivative(function, argnum, symmetric=False)


def sparse_hessian(function: Callable[..., Any], argnum: int = 0) -> SparseDerivative:
    """The Hessian of a function of a vector, as a sparse matrix, from as few products as its pattern allows.

    As `sparse_jacobian` of the gradient, with colours that make use of the symmetry: a matrix of a diagonal, one
    full row and one full column takes two products.

    Parameters
    ----------
    function : callable
        A function that takes a vector, and other arguments if it wants, and returns one number.
    argnum : int, optional
        The positional argument to differentiate with respect to.

    Returns
    -------
    SparseDerivative
        A function of the same arguments that returns a ``scipy.sparse.csr_array``.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> def height(x):
    ...     return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> bp.sparse_hessian(height)(np.ones(3)).toarray()
    array([[ 802., -400.,    0.],
           [-400., 1002., -400.],
           [   0., -400.,  200.]])
    """
    return SparseDerivative(function, argnum, symmetric=True)


__all__ = ["Plan", "SparseDerivative", "sparse_hessian", "sparse_jacobian"]
