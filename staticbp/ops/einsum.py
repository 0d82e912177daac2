"""`np.einsum`: sums over repeated indexes, as transposes, diagonals, sums and products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.core.shape import Dim
from staticbp.errors import NumpyCallError, ShapeError
from staticbp.ops.diagonal import diagonal_of
from staticbp.ops.linalg import contract
from staticbp.ops.linear import to_dtype
from staticbp.ops.options import alike_arrays, traced
from staticbp.ops.registry import implements, refuse
from staticbp.ops.shape import permuted, reshaped
from staticbp.ops.views import gives_views, own, view_of

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@implements(np.einsum)
@gives_views
def einsum(*operands: Any, out: Any = None, optimize: Any = False, dtype: Any = None, **options: Any) -> Value:
    """As `np.einsum`; several operands are multiplied in the order that `np.einsum_path` finds cheapest."""
    refuse("np.einsum", out=out, **{k: v for k, v in options.items() if k not in ("order", "casting")})
    subscripts, arrays = _interleaved(operands)
    values = alike_arrays(*arrays)
    if dtype is not None:
        values = [traced(to_dtype(value, np.dtype(dtype))) for value in values]
    inputs, result = _parse(subscripts, values)
    sizes = _check_sizes(subscripts, inputs, values)
    terms = [_distinct(value, labels) for value, labels in zip(values, inputs, strict=True)]
    terms = [_without_ones(value, labels, sizes) for value, labels in terms]
    while len(terms) > 2:
        first, second = _cheapest(terms, result, sizes)
        rest = [term for number, term in enumerate(terms) if number not in (first, second)]
        needed = result + "".join(labels for _, labels in rest)
        terms = [*rest, _multiply(terms[first], terms[second], needed)]
    value, labels = _multiply(terms[0], terms[1], result) if len(terms) == 2 else terms[0]
    value, labels = _summed(value, labels, result)
    arranged = _arranged(value, labels, result, sizes)
    if len(inputs) > 1 or dtype is not None or set(inputs[0]) != set(result):
        return own(arranged, arrays)
    return view_of(arrays[0], arranged, lambda base: einsum(subscripts, base))


# ---- subscripts --------------------------------------------------------------------------------------------


def _interleaved(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """The subscripts as a string, also when they were given as lists between the operands."""
    if not operands:
        raise NumpyCallError("np.einsum takes subscripts and at least one operand")
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    lists = [*operands[1::2], operands[-1]] if len(operands) % 2 else [*operands[1::2]]
    arrays = list(operands[: 2 * (len(operands) // 2) : 2])
    numbers = sorted({int(n) for labels in lists for n in labels if n is not Ellipsis})
    letter = dict(zip(numbers, _LETTERS, strict=False))
    words = ["".join("..." if n is Ellipsis else letter[int(n)] for n in labels) for labels in lists]
    joined = ",".join(words[: len(arrays)])
    return (f"{joined}->{words[-1]}" if len(words) > len(arrays) else joined), arrays


def _parse(subscripts: str, values: Sequence[Value]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, ellipses spelled out."""
    left, arrow, right = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(values):
        raise NumpyCallError(f"einsum {subscripts!r} is of {len(inputs)} operands, not {len(values)}")
    for word in [*inputs, right]:
        if any(letter not in _LETTERS for letter in word.replace("...", "", 1)):
            raise NumpyCallError(f"einsum {subscripts!r}: {word!r} is not a row of letters")
    spare = [letter for letter in _LETTERS[::-1] if letter not in subscripts]
    hidden = [
        value_aval(value).ndim - len(word) + 3 if "..." in word else 0
        for word, value in zip(inputs, values, strict=True)
    ]
    if any(count < 0 for count in hidden):
        raise ShapeError(f"einsum {subscripts!r}: an operand has fewer dimensions than letters")
    longest = "".join(spare[: max(hidden)])[::-1]
    words = [word.replace("...", longest[len(longest) - count :]) for word, count in zip(inputs, hidden, strict=True)]
    if arrow:
        result = right.replace("...", longest)
        if len(set(result)) != len(result) or any(letter not in "".join(words) for letter in result):
            raise NumpyCallError(f"einsum {subscripts!r}: the letters of the result occur once, and in an operand")
    else:
        counts = "".join(words)
        once = sorted(letter for letter in set(counts) if counts.count(letter) == 1 and letter not in longest)
        result = longest + "".join(once)
    return words, result


def _check_sizes(subscripts: str, inputs: Sequence[str], values: Sequence[Value]) -> dict[str, Dim]:
    """The size of each label; sizes of 1 give way to others, as in broadcasting."""
    sizes: dict[str, Dim] = {}
    for word, value in zip(inputs, values, strict=True):
        shape = value_aval(value).shape
        if len(shape) != len(word):
            raise ShapeError(
                f"einsum {subscripts!r}: an operand of shape {shapes.text(shape)} has not {len(word)} dimensions"
            )
        for letter, dim in zip(word, shape, strict=True):
            try:
                (sizes[letter],) = shapes.broadcast((sizes.get(letter, 1),), (dim,))
            except ShapeError:
                raise ShapeError(f"einsum {subscripts!r}: index {letter} has sizes {sizes[letter]} and {dim}") from None
    return sizes


# ---- terms: a value and the labels of its axes -------------------------------------------------------------

Term = tuple[Value, str]


def _distinct(value: Value, labels: str) -> Term:
    """Each label once: of the axes that share one, only the diagonal."""
    for letter in dict.fromkeys(labels):
        while labels.count(letter) > 1:
            first = labels.index(letter)
            second = labels.index(letter, first + 1)
            dims = value_aval(value).shape
            if not shapes.same((dims[first],), (dims[second],)):
                raise ShapeError(f"einsum: the diagonal {letter}{letter} of sizes {dims[first]} and {dims[second]}")
            value = diagonal_of(value, 0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + letter
    return value, labels


def _without_ones(value: Value, labels: str, sizes: dict[str, Dim]) -> Term:
    """Without axes of size 1 that are broadcast; the others supply the size."""
    shape = value_aval(value).shape
    kept = [
        axis
        for axis, letter in enumerate(labels)
        if shapes.same((shape[axis],), (sizes[letter],)) or not shapes.same((shape[axis],), (1,))
    ]
    return reshaped(value, [shape[axis] for axis in kept]), "".join(labels[axis] for axis in kept)


def _summed(value: Value, labels: str, needed: str) -> Term:
    """Summed over the labels that nobody needs any more."""
    axes = tuple(axis for axis, letter in enumerate(labels) if letter not in needed)
    if not axes:
        return value, labels
    dtype = value_aval(value).dtype
    if dtype.kind == "b":
        total = np.any(value, axis=axes)
    else:
        total = np.sum(value, axis=axes, dtype=dtype)
    return total, "".join(letter for letter in labels if letter in needed)


def _multiply(x: Term, y: Term, needed: str) -> Term:
    """The product of two terms, summed over what neither the result nor another term has."""
    value_x, labels_x = _summed(*x, needed + y[1])
    value_y, labels_y = _summed(*y, needed + labels_x)
    shared = [letter for letter in labels_x if letter in labels_y]
    kept = [letter for letter in shared if letter in needed]
    summed = [letter for letter in shared if letter not in needed]
    product = contract(
        value_x,
        value_y,
        [(labels_x.index(letter), labels_y.index(letter)) for letter in kept],
        [(labels_x.index(letter), labels_y.index(letter)) for letter in summed],
    )
    free = [letter for letter in labels_x + labels_y if letter not in shared]
    return product, "".join(kept + free)


def _arranged(value: Value, labels: str, result: str, sizes: dict[str, Dim]) -> Value:
    """The axes in the order of the result, those of size 1 put back."""
    present = [letter for letter in result if letter in labels]
    value = permuted(value, [labels.index(letter) for letter in present])
    return reshaped(value, [sizes[letter] for letter in result])


def _cheapest(terms: Sequence[Term], result: str, sizes: dict[str, Dim]) -> tuple[int, int]:
    """The two terms that `np.einsum_path` multiplies first; symbolic sizes count as large."""
    numbers = {letter: dim if isinstance(dim, int) else 1000 for letter, dim in sizes.items()}
    blanks = [np.broadcast_to(np.float64(0), [numbers[letter] for letter in labels]) for _, labels in terms]
    words = ",".join(labels for _, labels in terms)
    path, _ = np.einsum_path(f"{words}->{result}", *blanks, optimize="greedy")
    step = path[1]
    first, second = (step[0], step[1]) if len(step) == 2 else (0, 1)
    return int(first), int(second)


@implements(np.einsum_path)
def einsum_path(*operands: Any, **options: Any) -> Any:
    """As `np.einsum_path`, for which only the shapes matter."""
    plain = [
        np.broadcast_to(0.0, shapes.static_shape(value_aval(x).shape, "np.einsum_path")) if isinstance(x, Traced) else x
        for x in operands
    ]
    return np.einsum_path(*plain, **options)
