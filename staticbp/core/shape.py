"""Shape algebra.  A dimension is an integer or an expression of symbols (a batch size, say).

Nothing outside this module adds, multiplies or compares dimensions, so that code written for static shapes
serves symbolic ones too::

    Dim   = int | DimExpr
    Shape = tuple[Dim, ...]

``DimExpr`` is a polynomial with integer coefficients over named symbols, each of which stands for a size of
at least `SMALLEST`: arrays of size one are repeated, so they are never taken for what has a symbol.  Two dimensions
are *the same* when their polynomials are; what else holds of all sizes `at_least` says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from staticbp.errors import ConcreteSizeError, ShapeError

SMALLEST = 2  # the least size that a symbol stands for
TYPICAL = 64  # what a symbol counts as where only the order of magnitude matters

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

    @property
    def name(self) -> str | None:
        """The name of the symbol that this is and nothing else, or None."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            return self.terms[0][0][0]
        return None

    def renamed(self, name_of: Callable[[str], str]) -> Dim:
        """The same expression in other symbols."""
        renamed: dict[Monomial, int] = {}
        for monomial, c in self.terms:
            names = tuple(sorted(map(name_of, monomial)))
            renamed[names] = renamed.get(names, 0) + c
        return _normal(renamed)

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


class Extent:
    """A symbolic dimension in the hands of the user's program; what it can do there `trace/sizes.py` says."""

    __slots__ = ("dim",)

    def __init__(self, dim: DimExpr) -> None:
        self.dim = dim


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
    """`dim` as an integer; a `ConcreteSizeError` when it is symbolic."""
    if isinstance(dim, DimExpr):
        raise ConcreteSizeError(
            f"{purpose} needs a concrete size, but this dimension is the symbol {dim}",
            advice="Leave the argument out of dynamic_axes: the function is then compiled for each of its sizes.",
        )
    return dim


def static_shape(shape: Iterable[Dim], purpose: str = "this operation") -> tuple[int, ...]:
    """`shape` as integers; a `ConcreteSizeError` when a dimension is symbolic."""
    return tuple(static(dim, purpose) for dim in shape)


def at_least(dim: Dim, bound: Dim) -> bool | None:
    """Whether ``dim >= bound`` whatever the sizes are: True or False where that is certain, else None.

    Examples
    --------
    >>> n = symbol("n")
    >>> at_least(n, 2), at_least(1, n), at_least(n, 3), at_least(n * 4, n)
    (True, False, None, True)
    """
    surplus, shortage = _least(dim - bound), _least(bound - dim)
    if surplus is not None and surplus >= 0:
        return True
    return False if shortage is not None and shortage > 0 else None


def is_surely(dim: Dim, bound: Dim, purpose: str) -> bool:
    """Whether ``dim >= bound``; a `ConcreteSizeError` when that depends on the sizes."""
    known = at_least(dim, bound)
    return static(dim, purpose) >= static(bound, purpose) if known is None else known


def _least(dim: Dim) -> int | None:
    """The least number that a dimension can be; None when it may fall without end."""
    if any(c < 0 for monomial, c in _terms(dim) if monomial):
        return None
    return sum(c * int(SMALLEST ** len(monomial)) for monomial, c in _terms(dim))


def symbols(shape: Iterable[Dim]) -> set[str]:
    """The names of the symbols in a shape.

    Examples
    --------
    >>> sorted(symbols((3, symbol("n"), symbol("m") * 2)))
    ['m', 'n']
    """
    return {name for dim in shape if isinstance(dim, DimExpr) for name in dim.symbols()}


def padded(dim: Dim, unit: int) -> Dim:
    """At least `dim`, and a multiple of `unit` where the sizes `padded_sizes` gives are put in.

    Examples
    --------
    >>> bound = padded(symbol("n") * 24 + 8, 64)
    >>> str(bound), bound.evaluate(padded_sizes({"n": 3}, granule(symbol("n") * 24, 64)))
    ('24*n_up + 64', 256)
    """
    if isinstance(dim, int):
        return -(-dim // unit) * unit
    kept = {tuple(padded_name(s) for s in monomial): c for monomial, c in dim.terms if c > 0}
    constant = kept.pop((), 0)
    return _normal({**kept, (): -(-constant // unit) * unit})


def padded_name(symbol_name: str) -> str:
    """The symbol of a size that is rounded up."""
    return f"{symbol_name}_up"


def padded_sizes(sizes: Mapping[str, int], to: int) -> dict[str, int]:
    """The sizes of padded symbols: rounded up to multiples of `to`."""
    return {padded_name(name): -(-found // to) * to for name, found in sizes.items()}


def granule(dim: Dim, unit: int) -> int:
    """To what multiples symbols have to be rounded up, for each of the terms to be a multiple of `unit`."""
    return max((unit // math.gcd(unit, c) for monomial, c in _terms(dim) if monomial), default=1)


def typical(dim: Dim) -> int:
    """About how large a dimension is, where only the order of magnitude matters."""
    return dim.evaluate(dict.fromkeys(dim.symbols(), TYPICAL)) if isinstance(dim, DimExpr) else dim


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


def matched(pattern: Sequence[Dim], shape: Sequence[int], sizes: dict[str, int]) -> bool:
    """Whether a shape is one that `pattern` stands for; `sizes` gains what the symbols stand for then.

    Symbols are bound where they stand alone, and before they occur in other expressions.

    Examples
    --------
    >>> n, sizes = symbol("n"), {}
    >>> matched((n, 3), (5, 3), sizes), sizes, matched((n,), (4,), sizes), matched((n + 1,), (6,), sizes)
    (True, {'n': 5}, False, True)
    """
    if len(pattern) != len(shape):
        return False
    for dim, found in zip(pattern, shape, strict=True):
        if isinstance(dim, DimExpr):
            name = dim.name
            if name is not None and name not in sizes:
                if found < SMALLEST:
                    return False
                sizes[name] = found
            elif dim.symbols() - sizes.keys() or dim.evaluate(sizes) != found:
                return False
        elif dim != found:
            return False
    return True


def only_splits(old: Shape, new: Shape) -> bool:
    """Whether a reshape only takes axes apart, besides adding and dropping axes of size one.

    Examples
    --------
    >>> only_splits((6, 5), (2, 3, 5)), only_splits((2, 3), (6,)), only_splits((2, 1, 3), (1, 2, 3))
    (True, False, True)
    """
    rest = list(reversed(squeezed(new)))
    for dim in squeezed(old):
        taken: Dim = 1
        while rest and not same((taken,), (dim,)):
            taken = size((taken, rest.pop()))
        if not same((taken,), (dim,)):
            return False
    return not rest


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
