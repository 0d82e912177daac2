"""Random programs with nested control flow.

A program draws its operations while it runs and looks at shapes only. So the same function runs on traced values of
each library: what differs between them is `Library`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.fuzz.libraries import TURNS, Library

LONGEST = 3  # axis of a value


class Vocabulary(NamedTuple):
    """What programs are made of."""

    operations: Sequence[Operation]
    control: Sequence[Operation]


class Program:
    """The random program of a seed: a function of some arrays that gives one number."""

    def __init__(self, seed: int, words: Vocabulary | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.seed, self.words = seed, words or PLAIN
        self.steps = int(4 + 56 * rng.random() ** 3) + 1
        shapes = [tuple(int(n) for n in rng.integers(1, 4, rng.integers(0, 3))) for _ in range(rng.integers(1, 4))]
        self.arguments = [np.asarray(rng.uniform(-1, 1, shape)) for shape in shapes]
        self.directions = [np.asarray(rng.uniform(-1, 1, shape)) for shape in shapes]

    def in_terms_of(self, library: Library) -> Callable[..., Any]:
        """The program as a function of arrays of a library."""

        def program(*arguments: Any) -> Any:
            draw = Draw(np.random.default_rng([self.seed, 1]), library, self.words, list(arguments), depth=2)
            values = draw.run(self.steps)
            total = 0.1 * sum(library.np.sum(a) for a in arguments)
            for value in values[-4:]:
                total = total + library.np.mean(value * draw.rng.uniform(0.5, 1.5))
            return total

        return program


class Draw:
    """One run of a program or of a part of it: random choices among the values there are."""

    def __init__(
        self, rng: np.random.Generator, library: Library, words: Vocabulary, values: list[Any], depth: int
    ) -> None:
        self.rng, self.library, self.np, self.words = rng, library, library.np, words
        self.values, self.depth = values, depth

    def run(self, steps: int) -> list[Any]:
        """Apply operations to the values; all of them."""
        for _ in range(steps):
            nested = self.depth and self.rng.random() < 0.15
            operations = self.words.control if nested else self.words.operations
            made = operations[int(self.rng.integers(0, len(operations)))](self)
            if made is not None and max(made.shape, default=1) <= LONGEST and len(made.shape) <= 3:
                self.values.append(made)
        return self.values

    def item(self, rank: int | None = None) -> Any:
        """A value, of this rank, late ones more often; None when there is none."""
        fit = [value for value in self.values if rank is None or len(value.shape) == rank]
        return fit[-1 - min(int(self.rng.geometric(0.3)) - 1, len(fit) - 1)] if fit else None

    def array(self) -> Any:
        """A value with axes, if there is one."""
        fit = [value for value in self.values if value.shape]
        return fit[-1 - min(int(self.rng.geometric(0.3)) - 1, len(fit) - 1)] if fit else None

    def like(self, shape: Sequence[int]) -> Any:
        """A value of this shape: one that there is, or a number."""
        fit = [value for value in self.values if value.shape == tuple(shape)]
        return fit[int(self.rng.integers(0, len(fit)))] if fit else self.number()

    def number(self) -> Any:
        """A number that is some mean."""
        return self.np.mean(self.item())

    def constant(self, shape: Sequence[int] = ()) -> Any:
        """Numbers that are in the program."""
        return np.asarray(self.rng.uniform(-1, 1, tuple(shape)))

    def axis(self, value: Any) -> int:
        """One of the axes."""
        return int(self.rng.integers(0, len(value.shape)))

    def part(self, count: int) -> Callable[[list[Any]], Any]:
        """A program of its own, of some operations, that gives what has the shape of its first value."""
        seed, depth = int(self.rng.integers(0, 2**31)), self.depth - 1

        def inner(values: list[Any]) -> Any:
            first = values[0]
            draw = Draw(np.random.default_rng(seed), self.library, self.words, values, depth)
            last = draw.run(count)[-3:]
            return self.np.tanh(first + 0.3 * sum(draw.np.mean(value) * draw.rng.uniform(-1, 1) for value in last))

        return inner


Operation = Callable[[Draw], Any]


def unary(function: Callable[[Any, Any], Any]) -> Operation:
    """An operation on any one value: a function of NumPy and the value."""
    return lambda draw: function(draw.np, draw.item())


def shaped(function: Callable[[Draw, Any], Any]) -> Operation:
    """An operation on a value with axes."""

    def run(draw: Draw) -> Any:
        value = draw.array()
        return None if value is None else function(draw, value)

    return run


def binary(function: Callable[[Any, Any, Any], Any]) -> Operation:
    """An operation on two values of a shape."""

    def run(draw: Draw) -> Any:
        left = draw.item()
        return function(draw.np, left, draw.like(left.shape))

    return run


def products(draw: Draw) -> Any:
    """A product of matrices or vectors."""
    matrix = draw.item(2)
    if matrix is None:
        vector = draw.item(1)
        return None if vector is None else draw.np.outer(vector, vector) / 2
    choice = draw.rng.integers(0, 4)
    if choice == 0:
        return draw.np.tanh(matrix @ matrix.T)
    if choice == 1:
        return matrix @ draw.constant(matrix.shape[1:])
    if choice == 2:
        return draw.np.einsum("ij,ik->jk", matrix, matrix) / 4
    return draw.np.tanh(matrix @ draw.constant((matrix.shape[1], 3)))


def slices(draw: Draw, value: Any) -> Any:
    """Some of the elements."""
    size = value.shape[0]
    choice = draw.rng.integers(0, 5)
    if choice == 0:
        return value[1:] - value[:-1] if size > 1 else value[0]
    if choice == 1:
        return value[::-1]
    if choice == 2:
        return value[:: int(draw.rng.integers(1, 3))]
    if choice == 3:
        return value[draw.rng.integers(0, size, 3)]
    return value[int(draw.rng.integers(0, size))]


def moved(draw: Draw, value: Any) -> Any:
    """The elements in another order or shape."""
    choice = draw.rng.integers(0, 5)
    if choice == 0:
        return draw.np.transpose(value)
    if choice == 1:
        return draw.np.reshape(value, (-1,))
    if choice == 2:
        return draw.np.roll(value, 1, axis=draw.axis(value))
    if choice == 3:
        return draw.np.concatenate([value, value * 0.5], axis=draw.axis(value))
    return draw.np.stack([value, draw.np.sin(value)])


def reduced(draw: Draw, value: Any) -> Any:
    """A reduction over one axis or all."""
    functions = [draw.np.sum, draw.np.mean, draw.np.max, draw.np.min, draw.np.var, draw.np.prod]
    function = functions[int(draw.rng.integers(0, len(functions)))]
    axis = draw.axis(value) if draw.rng.random() < 0.8 else None
    return draw.np.tanh(function(value, axis=axis, keepdims=bool(draw.rng.random() < 0.3)))


def softmax(draw: Draw, value: Any) -> Any:
    """A softmax."""
    axis = draw.axis(value)
    powers = draw.np.exp(value - draw.np.max(value, axis=axis, keepdims=True))
    return powers / draw.np.sum(powers, axis=axis, keepdims=True)


def broadcast(draw: Draw, value: Any) -> Any:
    """A value with a row of numbers."""
    return value * draw.constant(value.shape[-1:]) + draw.number()


OPERATIONS: list[Operation] = [
    unary(lambda np, x: np.sin(x)),
    unary(lambda np, x: np.cos(2 * x)),
    unary(lambda np, x: np.tanh(x)),
    unary(lambda np, x: np.exp(np.tanh(x))),
    unary(lambda np, x: np.log1p(x * x)),
    unary(lambda np, x: np.sqrt(1 + x * x)),
    unary(lambda np, x: 1 / (1 + np.exp(-x))),
    unary(lambda np, x: np.arctan(x)),
    unary(lambda np, x: np.abs(x - 0.1234)),
    unary(lambda np, x: np.tanh(x) ** 3),
    unary(lambda np, x: np.log1p(np.exp(np.tanh(x)))),
    unary(lambda np, x: np.where(x > 0.0321, np.sin(x), x / (1 + x * x))),
    unary(lambda np, x: np.minimum(x, 0.4567) + np.maximum(x, -0.3456)),
    unary(lambda np, x: np.clip(x, -0.6543, 0.7654) * 0.9),
    binary(lambda np, x, y: x + y),
    binary(lambda np, x, y: np.tanh(x) * np.tanh(y)),
    binary(lambda np, x, y: x / (2 + np.sin(y))),
    binary(lambda np, x, y: np.maximum(x, y - 0.0567)),
    binary(lambda np, x, y: np.arctan2(x, 1 + y * y)),
    binary(lambda np, x, y: np.sqrt((x + 1.5) ** 2 + np.tanh(y) ** 2)),
    binary(lambda np, x, y: np.logaddexp(x, y)),
    products,
    shaped(slices),
    shaped(moved),
    shaped(reduced),
    shaped(softmax),
    shaped(broadcast),
    shaped(lambda draw, x: draw.np.tanh(draw.np.cumsum(x, axis=draw.axis(x)))),
    shaped(lambda draw, x: draw.np.sort(x) if len(x.shape) == 1 else None),
]


# ---- control flow -----------------------------------------------------------------------------------------------


def branches(draw: Draw) -> Any:
    """One of two programs, by a number that is computed."""
    value, other = draw.item(), draw.number()
    first, second = draw.part(3), draw.part(3)
    test = draw.number() > float(draw.rng.uniform(-0.3, 0.3))
    return draw.library.cond(test, lambda x, y: first([x, y]), lambda x, y: second([x, y]), value, other)


def scans(draw: Draw) -> Any:
    """A program for each row of a value, with a carry; what it carries, or what it leaves."""
    rows = draw.array()
    if rows is None:
        return None
    around, carry, step, leave = draw.number(), draw.item(), draw.part(3), draw.part(2)

    def body(carry: Any, row: Any) -> tuple[Any, Any]:
        carry = step([carry, row, around])
        return carry, leave([row, draw.np.mean(carry)])

    carry, left = draw.library.scan(body, carry, rows)
    return carry if draw.rng.random() < 0.5 else left


def counted(draw: Draw) -> Any:
    """A program, a few times."""
    value, around, step = draw.item(), draw.number(), draw.part(3)
    count = int(draw.rng.integers(1, 5))
    return draw.library.fori_loop(0, count, lambda i, x: step([x, around * (i + 1)]), value)


def repeats(draw: Draw) -> Any:
    """A program, as often as a number says that is computed."""
    value, around, step = draw.item(), draw.number(), draw.part(2)
    turns = 1 + (TURNS - 2) * (draw.number() > 0) * 1
    return draw.library.while_loop(lambda x: step([x, around]), turns, value)


def batched(draw: Draw) -> Any:
    """A program for each row of a value at once."""
    rows = draw.array()
    if rows is None:
        return None
    around, row = draw.number(), draw.part(4)
    return draw.library.vmap(lambda x, y: row([x, y]), (0, None))(rows, around)


CONTROL: list[Operation] = [branches, scans, counted, repeats, batched]

PLAIN = Vocabulary(OPERATIONS, CONTROL)
