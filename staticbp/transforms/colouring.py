"""Colours for the columns of a sparse matrix, so that few products with it tell all of its entries.

Columns of one colour are added up; what is told apart again has to be in different rows.  The methods are greedy, and
described in Gebremedhin, Manne and Pothen, What color is your Jacobian? Graph coloring for computing derivatives,
SIAM Review 47 (2005).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def column_colours(pattern: Any) -> Array:
    """A colour for each column, such that no two columns of one colour have entries in one row.

    Parameters
    ----------
    pattern : scipy.sparse.csr_array
        The entries that may differ from zero.

    Returns
    -------
    array of int
        Colours from 0 on; columns without entries have 0.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> column_colours(csr_array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]))
    array([0, 1, 0, 1])
    """
    columns = pattern.tocsc()
    used: list[set[int]] = [set() for _ in range(pattern.shape[0])]
    colours = np.zeros(pattern.shape[1], dtype=np.int64)
    for column in range(pattern.shape[1]):
        rows = columns.indices[columns.indptr[column] : columns.indptr[column + 1]].tolist()
        colour = _first_without(used[row] for row in rows)
        colours[column] = colour
        for row in rows:
            used[row].add(colour)
    return colours


def star_colours(pattern: Any) -> Array:
    """A colour for each column of a symmetric matrix, such that each entry is alone in its row, or its twin is.

    Neighbours differ, and no path of four vertices has two colours only.

    Parameters
    ----------
    pattern : scipy.sparse.csr_array
        The entries, symmetric.

    Returns
    -------
    array of int
        Colours from 0 on.

    Examples
    --------
    An arrow takes two colours, where `column_colours` would take one for each column:

    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> arrow = np.eye(5, dtype=int)
    >>> arrow[0] = arrow[:, 0] = 1
    >>> star_colours(csr_array(arrow))
    array([0, 1, 1, 1, 1])
    """
    count = pattern.shape[0]
    adjacent = [
        [w for w in pattern.indices[pattern.indptr[v] : pattern.indptr[v + 1]].tolist() if w != v] for v in range(count)
    ]
    colours = [-1] * count
    around: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in range(count)]  # neighbours by colour
    behind: list[set[int]] = [set() for _ in range(count)]  # colours that would close a path from a neighbour
    for v in range(count):
        taken: list[Iterable[int]] = [
            {colours[w]} | behind[w] if colours[w] >= 0 else around[w].keys() for w in adjacent[v]
        ]
        for alike in around[v].values():
            if len(alike) > 1:
                taken += [around[w].keys() for w in alike]
        colour = colours[v] = _first_without(taken)
        for alike in around[v].values():
            if len(alike) > 1:
                for w in alike:
                    behind[w].add(colour)
        for w in adjacent[v]:
            alike = around[w][colour]
            alike.append(v)
            if len(alike) > 1 and colours[w] >= 0:
                for u in alike if len(alike) == 2 else [v]:
                    behind[u].add(colours[w])
    return np.array(colours, dtype=np.int64)


def _first_without(taken: Iterable[Iterable[int]]) -> int:
    """The smallest colour that is not taken."""
    all_taken = set().union(*taken)
    colour = 0
    while colour in all_taken:
        colour += 1
    return colour
