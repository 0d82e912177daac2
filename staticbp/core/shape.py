"""Shape algebra.  A dimension is an integer or an expression of symbols (a batch size, say).

Nothing outside this module adds, multiplies or compares dimensions, so that code written for static shapes
serves symbolic ones too::

    Dim   = int | DimExpr
    Shape = tuple[Dim, ...]

``DimExpr`` is a polynomial with integer coefficients over named symbols, each of which stands for a size of
at least one.  Two dimensions are *the same* when their polynomials are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from staticbp.errors import ShapeError

Monomial = tuple[str, ...]  # the sorted names of the symbols multiplied together; () is the constant term


@dataclass(frozen=True, slots=True)
class DimExpr:
    """A polynomial over size symbols, in normal form: sorted monomials, no zero coefficients.

    Examples
    --------
    >>> n = symbol("n")
    >>> str(n * 3 + 2), (n * 3 + 2).evaluate({"n": 4})
    ('3*n + 2', 14)
    """

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Dim) -> Dim:
        total = dict(self.terms)
        for monomial, coefficient in _terms(other):
            total[monomial] = total.get(monomial, 0) + coefficient
        return _normal(total)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _normal({monomial: -coefficient for monomial, coefficient in self.terms})

    def __sub__(self, other: Dim) -> Dim:
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return (-self) + other

    def __mul__(self, other: Dim) -> Dim:
        product: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                monomial = tuple(sorted(left + right))
                product[monomial] = product.get(monomial, 0) + a * b
        return _normal(product)

    __rmul__ = __mul__

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number this expression stands for, given the size of every symbol."""
        return sum(c * math.prod(sizes[name] for name in monomial) for monomial, c in self.terms)

    def symbols(self) -> set[str]:
        """The names of the symbols in this expression."""
        return {name for monomial, _ in self.terms for name in monomial}

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in reversed(self.terms):
            magnitude = abs(coefficient)
            factors = ([str(magnitude)] if magnitude != 1 or not monomial else []) + list(monomial)
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {'*'.join(factors)}" if text else ("-" if coefficient < 0 else "") + "*".join(factors)
        return text


Dim = int | DimExpr
Shape = tuple[Dim, ...]


def symbol(name: str) -> DimExpr:
    """The dimension called `name`."""
    return DimExpr((((name,), 1),))


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    return dim.terms if isinstance(dim, DimExpr) else (((), dim),)


def _normal(terms: Mapping[Monomial, int]) -> Dim:
    kept = tuple(sorted((m, c) for m, c in terms.items() if c != 0))
    if not kept:
        return 0
    if kept == (((), kept[0][1]),):
        return kept[0][1]
    return DimExpr(kept)


def is_static(shape: Iterable[Dim]) -> bool:
    """Whether every dimension is a plain integer."""
    return all(isinstance(dim, int) for dim in shape)


def static(dim: Dim, purpose: str = "this operation") -> int:
    """`dim` as an integer; a `ShapeError` when it is symbolic."""
    if isinstance(dim, DimExpr):
        raise ShapeError(f"{purpose} needs a concrete size, but this dimension is the symbol {dim}")
    return dim


def static_shape(shape: Iterable[Dim], purpose: str = "this operation") -> tuple[int, ...]:
    """`shape` as integers; a `ShapeError` when a dimension is symbolic."""
    return tuple(static(dim, purpose) for dim in shape)


def same(left: Sequence[Dim], right: Sequence[Dim]) -> bool:
    """Whether two shapes are the same, dimension by dimension."""
    return tuple(left) == tuple(right)


def size(shape: Iterable[Dim]) -> Dim:
    """The number of elements."""
    total: Dim = 1
    for dim in shape:
        total = total * dim
    return total


def broadcast(*shapes: Sequence[Dim]) -> Shape:
    """NumPy's broadcasting of shapes.

    Examples
    --------
    >>> broadcast((3, 1), (4,))
    (3, 4)
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Dim] = []
    for axis in range(-rank, 0):
        dims = {shape[axis] for shape in shapes if len(shape) >= -axis}
        wide = dims - {1}
        if len(wide) > 1:
            listed = " and ".join(text(shape) for shape in shapes)
            raise ShapeError(f"shapes {listed} cannot be broadcast together")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def without(shape: Sequence[Dim], axes: Iterable[int]) -> Shape:
    """`shape` with the given axes left out."""
    dropped = set(axes)
    return tuple(dim for axis, dim in enumerate(shape) if axis not in dropped)


def permute(shape: Sequence[Dim], permutation: Sequence[int]) -> Shape:
    """The shape of a transposed array."""
    return tuple(shape[axis] for axis in permutation)


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of dimensions, as concatenation needs it."""
    result: Dim = 0
    for dim in dims:
        result = result + dim
    return result


def negate(dim: Dim) -> Dim:
    """Minus a dimension, as offsets from it need it."""
    return -dim


def squeezed(shape: Sequence[Dim]) -> Shape:
    """`shape` without its dimensions of size one."""
    return tuple(dim for dim in shape if dim != 1)


def normalize_axis(axis: int, rank: int) -> int:
    """`axis` counted from the front; a `ShapeError` when it is out of range."""
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} is out of bounds for an array of dimension {rank}")
    return axis % rank


def normalize_axes(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """NumPy's `axis` argument as a sorted tuple of axes counted from the front; None means all."""
    if axis is None:
        return tuple(range(rank))
    listed = (axis,) if isinstance(axis, int) or hasattr(axis, "__index__") else tuple(axis)
    axes = tuple(normalize_axis(int(a), rank) for a in listed)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {tuple(listed)} names an axis twice")
    return tuple(sorted(axes))


def resolve_reshape(old: Sequence[Dim], new: Sequence[Dim]) -> Shape:
    """The shape that `reshape(new)` gives an array of shape `old`; one -1 is worked out."""
    count = size(old)
    if sum(1 for dim in new if dim == -1) > 1:
        raise ShapeError("reshape takes at most one dimension of -1")
    if -1 in new:
        known = size(dim for dim in new if dim != -1)
        missing = None if known == 0 else divide(count, known)  # any size would do for an empty array
        if missing is None:
            raise ShapeError(f"an array of shape {text(old)} cannot be reshaped to {text(new)}")
        return tuple(missing if dim == -1 else dim for dim in new)
    if size(new) != count:
        raise ShapeError(f"an array of shape {text(old)} cannot be reshaped to {text(new)}")
    return tuple(new)


def divide(dividend: Dim, divisor: Dim) -> Dim | None:
    """The exact quotient of two dimensions, or None when there is none."""
    if isinstance(dividend, int) and isinstance(divisor, int):
        if divisor == 0:
            return 0 if dividend == 0 else None
        quotient, rest = divmod(dividend, divisor)
        return quotient if rest == 0 else None
    if dividend == 0:
        return 0
    divisor_terms = _terms(divisor)
    if len(divisor_terms) != 1:
        return 1 if dividend == divisor else None
    ((monomial, coefficient),) = divisor_terms
    quotients: dict[Monomial, int] = {}
    for term, c in _terms(dividend):
        remaining = list(term)
        for name in monomial:
            if name not in remaining:
                return None
            remaining.remove(name)
        if c % coefficient:
            return None
        quotients[tuple(remaining)] = c // coefficient
    return _normal(quotients)


def evaluate(shape: Iterable[Dim], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """`shape` with the symbols replaced by their sizes."""
    return tuple(dim.evaluate(sizes) if isinstance(dim, DimExpr) else dim for dim in shape)


def text(shape: Iterable[Dim]) -> str:
    """A shape as NumPy would print it: ``(3,)``, ``(n, 4)``."""
    dims = [str(dim) for dim in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"
