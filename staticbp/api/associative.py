"""`associative_scan`: all partial results of an operation, along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from staticbp.api import tree
from staticbp.api.arguments import title
from staticbp.api.function import Function, describe, made, name_of, origin
from staticbp.api.loops import scan
from staticbp.core import shape as shapes
from staticbp.core.primitive import value_aval
from staticbp.core.tree import flatten, path_texts
from staticbp.errors import ControlFlowError, ShapeError
from staticbp.trace.names import defined_at, here

T = TypeVar("T")


class AssociativeScan(Function[..., Any]):
    """An operation whose partial results are wanted.  `associative_scan` calls it with the elements."""

    def __init__(self, function: Callable[..., Any], axis: int = 0, reverse: bool = False) -> None:
        super().__init__(function, axis=axis, reverse=reverse)
        self._statics = None
        self.axis = axis
        self.reverse = reverse

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_scan"

    def _description(self) -> str:
        return f"associative scan of {describe(self.__wrapped__)}"

    def _argument_names(self, count: int) -> list[str]:
        return ["elems"]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        (elems,) = args
        length = self._length(elems)
        if not length:
            return elems
        at_front = tree.map(lambda x: np.moveaxis(x, self.axis, 0), elems)
        rest = slice(0, -1) if self.reverse else slice(1, None)
        first = tree.map(lambda x: x[-1 if self.reverse else 0], at_front)

        def step(total: Any, elem: Any) -> Any:
            after = self._combined(total, elem)
            return after, after

        _, others = scan(step, first, tree.map(lambda x: x[rest], at_front), reverse=self.reverse)
        joined = tree.map(
            lambda one, more: np.concatenate((more, one[None]) if self.reverse else (one[None], more)), first, others
        )
        return tree.map(lambda x: np.moveaxis(x, 0, self.axis), joined)

    def _combined(self, left: Any, right: Any) -> Any:
        """The operation on two elements, each of which is a slice of length 1 for it."""

        def put(x: Any) -> Any:
            return np.expand_dims(x, self.axis)

        given = tree.map(put, left), tree.map(put, right)
        result = self.__wrapped__(*given)
        found, wanted = flatten(result)[1], flatten(given[0])[1]
        if found != wanted:
            raise self._error(ControlFlowError, f"is given elements of structure {wanted} and returns {found}")
        pairs = zip(flatten(result)[0], flatten(given[0])[0], strict=True)
        for after, before in pairs:
            one, other = value_aval(after), value_aval(before)
            if not shapes.same(one.shape, other.shape) or one.dtype != other.dtype:
                raise self._error(ControlFlowError, f"is given an element of {other} and returns {one}")
        return tree.map(lambda x: np.squeeze(x, self.axis), result)

    def _length(self, elems: Any) -> int:
        """The number of elements, which all arrays agree on."""
        leaves, _ = flatten(elems)
        lengths: dict[str, Any] = {}
        for leaf, path in zip(leaves, path_texts(elems, "elems"), strict=True):
            shape = value_aval(leaf).shape
            if not -len(shape) <= self.axis < len(shape):
                raise ShapeError(
                    f"associative_scan goes along axis {self.axis} of {path}, which has {len(shape)} axes",
                    src=here().src,
                )
            lengths[path] = shape[self.axis]
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{path} has {size}" for path, size in lengths.items())
            raise ShapeError(f"associative_scan goes along axes of different lengths: {listed}", src=here().src)
        return shapes.static(next(iter(lengths.values()), 0), "associative_scan")

    def _error(self, kind: type[ControlFlowError], what: str) -> ControlFlowError:
        return kind(
            f"{title(self.__wrapped__)} {what}",
            src=defined_at(origin(self.__wrapped__)) or here().src,
            advice="An associative operation gives an element like the two it takes, in structure, shapes and dtypes.",
        )


def associative_scan(function: Callable[[T, T], T], elems: T, *, reverse: bool = False, axis: int = 0) -> T:
    """All partial results of an associative operation: ``e0, e0∘e1, e0∘e1∘e2, ...``.

    The values are those of JAX's `lax.associative_scan`.  They are computed one after the other, in one loop with one
    application for each element, which on a processor with few cores is the least work there is; an operation that is
    not associative has its results from left to right.

    Parameters
    ----------
    function : callable
        ``function(a, b) -> c``, of slices of `elems` of length 1 along the axis: so an operation that works element by
        element along that axis, such as ``a + b`` or the matrix product of stacks, can be given as it is.
    elems : structure
        Arrays of one length along the axis.
    reverse : bool, optional
        Whether to begin with the last element: ``..., e2∘e1, e2``.
    axis : int, optional
        The axis along which the elements lie.

    Returns
    -------
    results : structure
        Like `elems`.

    Raises
    ------
    ShapeError
        If the arrays have no such axis, or differ in its length.
    ControlFlowError
        If the operation gives something else than an element.

    See Also
    --------
    scan : Steps that carry something.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.associative_scan(np.maximum, np.array([1.0, 3.0, 2.0, 5.0]))
    array([1., 3., 3., 5.])

    A recurrence ``x[t] = a[t] x[t - 1] + b[t]``, as an operation on pairs:

    >>> linear = lambda one, two: (one[0] * two[0], two[0] * one[1] + two[1])
    >>> bp.associative_scan(linear, (np.full(4, 0.5), np.ones(4)))[1]
    array([1.   , 1.5  , 1.75 , 1.875])
    """
    return made(AssociativeScan, function, axis=axis, reverse=reverse)(elems)  # type: ignore[no-any-return]
