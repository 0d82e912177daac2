"""Random programs with nested control flow, held against JAX or autograd: value, gradient, Hessian-vector product.

``python -m tests.fuzz.control_flow 0:5000`` tries these seeds through the interpreter, ``0:5000:10 --compiled`` every
tenth compiled. ``--against jax`` needs JAX (extra: bench), which takes some seconds a program.

A program draws its operations while it runs and looks at shapes only. So the same function runs on traced values of
each library: what differs between them is `Library`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.core.tree import leaves_of

LONGEST = 3  # axis of a value: JAX compiles every operation for every shape
TOLERANCE = 1e-9
TURNS = 6  # of a while loop at most


@dataclass(frozen=True)
class Library:
    """What a program is written in: NumPy's functions, and control flow."""

    np: Any
    cond: Callable[..., Any]
    scan: Callable[..., Any]
    fori_loop: Callable[..., Any]
    while_loop: Callable[..., Any]
    vmap: Callable[..., Any]
    expected: Callable[..., list[Any]] | None = None


def repeated(step: Callable[[Any], Any], turns: Any, value: Any) -> Any:
    """A step, as often as a traced number says, by staticbp's `while_loop`."""
    return bp.while_loop(lambda c: c[0] < turns, lambda c: (c[0] + 1, step(c[1])), (0, value))[1]


OURS = Library(np, bp.cond, bp.scan, bp.fori_loop, repeated, bp.vmap)


def of_autograd() -> Library:
    """The same in autograd, which is Python's control flow."""

    def plain(value: Any) -> Any:
        while hasattr(value, "_value"):
            value = value._value
        return value

    def scan(step: Callable[..., Any], carry: Any, rows: Any) -> tuple[Any, Any]:
        left = []
        for row in rows:
            carry, value = step(carry, row)
            left.append(value)
        return carry, anp.stack(left)

    def fori_loop(lower: int, upper: int, body: Callable[..., Any], value: Any) -> Any:
        for i in range(lower, upper):
            value = body(i, value)
        return value

    def repeated(step: Callable[[Any], Any], turns: Any, value: Any) -> Any:
        for _ in range(int(plain(turns))):
            value = step(value)
        return value

    def cond(test: Any, yes: Callable[..., Any], no: Callable[..., Any], *operands: Any) -> Any:
        return (yes if plain(test) else no)(*operands)

    def vmap(function: Callable[..., Any], axes: Any) -> Callable[..., Any]:
        return lambda rows, other: anp.stack([function(row, other) for row in rows])

    def expected(program: Callable[..., Any], args: Sequence[Any], directions: Sequence[Any]) -> list[Any]:
        def whole(given: Any) -> Any:
            return program(*given)

        def along(given: Any) -> Any:
            gradient = autograd.grad(whole)(given)
            return sum(anp.sum(g * d) for g, d in zip(gradient, directions, strict=True))

        given = list(args)
        return [whole(given), *autograd.grad(whole)(given), *autograd.grad(along)(given)]

    return Library(anp, cond, scan, fori_loop, repeated, vmap, expected)


def of_jax() -> Library:
    """The same in JAX, whose `while_loop` has no gradient: there it is a loop of `TURNS` steps, some of which rest."""
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    def repeated(step: Callable[[Any], Any], turns: Any, value: Any) -> Any:
        for turn in range(TURNS):
            value = jnp.where(turn < turns, step(value), value)
        return value

    def fori_loop(lower: Any, upper: Any, body: Callable[..., Any], value: Any) -> Any:
        for i in range(lower, upper):
            value = body(jnp.asarray(i), value)
        return value

    def expected(program: Callable[..., Any], args: Sequence[Any], directions: Sequence[Any]) -> list[Any]:
        numbers = tuple(range(len(args)))
        with jax.disable_jit():
            value, gradient = jax.value_and_grad(program, numbers)(*args)
            _, product = jax.jvp(jax.grad(program, numbers), tuple(args), tuple(directions))
        return [np.asarray(x) for x in (value, *gradient, *product)]

    return Library(jnp, jax.lax.cond, jax.lax.scan, fori_loop, repeated, jax.vmap, expected)


LIBRARIES = {"autograd": of_autograd, "jax": of_jax}


class Program:
    """The random program of a seed: a function of some arrays that gives one number."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.seed = seed
        self.steps = int(4 + 56 * rng.random() ** 3) + 1
        shapes = [tuple(int(n) for n in rng.integers(1, 4, rng.integers(0, 3))) for _ in range(rng.integers(1, 4))]
        self.arguments = [np.asarray(rng.uniform(-1, 1, shape)) for shape in shapes]
        self.directions = [np.asarray(rng.uniform(-1, 1, shape)) for shape in shapes]

    def in_terms_of(self, library: Library) -> Callable[..., Any]:
        """The program as a function of arrays of a library."""

        def program(*arguments: Any) -> Any:
            draw = Draw(np.random.default_rng([self.seed, 1]), library, list(arguments), depth=2)
            values = draw.run(self.steps)
            total = 0.1 * sum(library.np.sum(a) for a in arguments)
            for value in values[-4:]:
                total = total + library.np.mean(value * draw.rng.uniform(0.5, 1.5))
            return total

        return program


class Draw:
    """One run of a program or of a part of it: random choices among the values there are."""

    def __init__(self, rng: np.random.Generator, library: Library, values: list[Any], depth: int) -> None:
        self.rng, self.library, self.np, self.values, self.depth = rng, library, library.np, values, depth

    def run(self, steps: int) -> list[Any]:
        """Apply operations to the values; all of them."""
        for _ in range(steps):
            nested = self.depth and self.rng.random() < 0.15
            operations = CONTROL if nested else OPERATIONS
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
            draw = Draw(np.random.default_rng(seed), self.library, values, depth)
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


# ---- the comparison ---------------------------------------------------------------------------------------------


def computed(program: Callable[..., Any], args: Sequence[Any], directions: Sequence[Any], compiled: bool) -> list[Any]:
    """Value, gradients and Hessian-vector products by staticbp."""
    numbers = tuple(range(len(args)))

    def product(args: Any, directions: Any) -> Any:
        return bp.jvp(bp.grad(program, numbers), args, directions)[1]

    calls = [(bp.value_and_grad(program, numbers), args), (bp.compile(product), (tuple(args), tuple(directions)))]
    found: list[Any] = []
    for function, given in calls:
        if compiled:
            found += leaves_of(function(*given))
        else:
            call = function._call(tuple(given), {})
            found += interpret(function._compilation(call).graph, call.leaves)
    return found


def disagreement(seed: int, library: Library, *, compiled: bool) -> str | None:
    """What is wrong with the program of a seed; None when nothing is."""
    program = Program(seed)
    assert library.expected is not None
    wanted = library.expected(program.in_terms_of(library), program.arguments, program.directions)
    try:
        found = computed(program.in_terms_of(OURS), program.arguments, program.directions, compiled)
    except Exception:  # noqa: BLE001 - whatever is wrong, the next program is tried
        return traceback.format_exc(limit=-6)
    for position, (ours, exact) in enumerate(zip(found, wanted, strict=True)):
        if not np.all(np.isfinite(exact)) and np.all(np.isfinite(ours)):
            continue  # at a point where the others have no derivative, and staticbp has the one that it documents
        size = max(1.0, float(np.max(np.abs(exact), initial=0.0)))
        worst = float(np.max(np.abs(ours - exact), initial=0.0)) / size
        if not worst <= TOLERANCE or np.shape(ours) != np.shape(exact):
            return f"result {position} of {len(wanted)} differs by {worst:.1e}"
    return None


def main() -> int:
    """Try the seeds of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", help="such as 0:5000, or 0:5000:10 for every tenth")
    parser.add_argument("--compiled", action="store_true", help="run machine code, and not the interpreter")
    parser.add_argument("--against", choices=LIBRARIES, default="autograd")
    options = parser.parse_args()
    seeds = range(*map(int, options.seeds.split(":")))
    library, start, wrong = LIBRARIES[options.against](), time.perf_counter(), 0
    for tried, seed in enumerate(seeds, 1):
        fault = disagreement(seed, library, compiled=options.compiled)
        if fault is not None:
            wrong += 1
            print(f"{seed}: {fault}", flush=True)  # noqa: T201 - a command
        if tried % 50 == 0:
            print(f"... {tried} to {seed}: {wrong} wrong, {time.perf_counter() - start:.0f} s", flush=True)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
