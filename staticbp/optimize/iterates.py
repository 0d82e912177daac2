"""What all iterations share: arithmetic on structures, compiled, and the end of what could go on for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import numpy as np

import staticbp as bp

T = TypeVar("T")


@bp.compile
def moved(point: Any, direction: Any, rate: Any) -> Any:
    """``point + rate * direction``, leaf by leaf, in the dtypes of the point."""
    return bp.tree.map(lambda x, d: (x + rate * d).astype(x.dtype), point, direction)


@bp.compile
def dot(left: Any, right: Any) -> Any:
    """The sum of the products of all elements."""
    return sum(np.sum(a * b) for a, b in zip(bp.tree.leaves(left), bp.tree.leaves(right), strict=True))


@bp.compile
def largest(tree: Any) -> Any:
    """The largest absolute value of all elements; 0 when there are none."""
    sizes = [np.max(np.abs(leaf), initial=0.0) for leaf in bp.tree.leaves(tree)]
    return np.max(np.stack(sizes)) if sizes else 0.0


@bp.compile
def same(left: Any, right: Any) -> Any:
    """Whether two structures are equal in every element: a step that has led nowhere."""
    pairs = zip(bp.tree.leaves(left), bp.tree.leaves(right), strict=True)
    answers = [np.all(a == b) for a, b in pairs]
    return np.all(np.stack(answers)) if answers else True


def limited(iterates: Iterator[T], max_steps: int | None) -> Iterator[T]:
    """The start, and what comes of so many steps at most."""
    return iterates if max_steps is None else islice(iterates, max_steps + 1)


def last(iterates: Iterable[T]) -> T:
    """The last of some iterates: what an iteration comes to.

    Parameters
    ----------
    iterates : iterable
        At least one; those of an iteration that does not end by itself want a ``max_steps``.

    Returns
    -------
    object
        The last of them.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.optimize.last(bp.optimize.find_zero(lambda x: x * x - 2.0, 1.0))
    np.float64(1.414213562373095...)
    """
    kept = deque(iterates, maxlen=1)
    if not kept:
        raise ValueError("there is no last iterate: there is none at all")
    return kept[0]
