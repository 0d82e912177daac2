"""More that random programs are made of: places known when the code runs, writing to arrays, records, checkpoints."""

from __future__ import annotations

from typing import Any

from tests.fuzz.programs import CONTROL, OPERATIONS, Draw, Operation, Vocabulary, shaped


def picked(draw: Draw, value: Any) -> Any:
    """A row of a value, at a place that is computed."""
    return value[draw.library.index(draw.number(), value.shape[0])]


def rewritten(draw: Draw, value: Any) -> Any:
    """A value with another row, at a place that is known or computed."""
    row = draw.np.tanh(draw.like(value.shape[1:])) + 0.1 * value[0]
    size = value.shape[0]
    at = draw.library.index(draw.number(), size) if draw.rng.random() < 0.5 else int(draw.rng.integers(0, size))
    return draw.library.updated(value, at, row)


MORE_OPERATIONS: list[Operation] = [shaped(picked), shaped(rewritten)]


def filled(draw: Draw, value: Any) -> Any:
    """A loop over the rows of a value, each of which is written by a program of it and the one before."""
    around, step, size = draw.number(), draw.part(2), value.shape[0]

    def body(i: Any, x: Any) -> Any:
        return draw.library.updated(x, i, step([x[i], draw.np.mean(x[(i + size - 1) % size]), around]))

    return draw.library.fori_loop(0, size, body, value)


def switched(draw: Draw) -> Any:
    """One of three programs."""
    value, other = draw.item(), draw.number()
    parts = [draw.part(2) for _ in range(3)]
    functions = [lambda x, y, part=part: part([x, y]) for part in parts]
    return draw.library.switch(draw.library.index(draw.number(), 3), functions, value, other)


def recomputed(draw: Draw) -> Any:
    """A program that is computed again on the way back."""
    value, other, part = draw.item(), draw.number(), draw.part(3)
    return draw.library.checkpoint(lambda x, y: part([x, y]))(value, other)


def segments(draw: Draw, rows: Any) -> Any:
    """A scan that keeps some of its carries, which are records."""
    around, first, second, step = draw.number(), draw.item(), draw.number(), draw.part(2)

    def body(carry: Any, row: Any) -> tuple[Any, Any]:
        (state, (total,)) = carry["state"], carry["total"]
        state = step([state, row, total])
        total = 0.5 * total + draw.np.mean(state) * around
        return {"state": state, "total": (total,)}, draw.np.sin(total + row)

    start = {"state": first, "total": (second,)}
    carry, left = draw.library.checkpointed_scan(body, start, rows)
    return carry["state"] * carry["total"][0] if draw.rng.random() < 0.5 else left


def partial_results(draw: Draw, rows: Any) -> Any:
    """All partial results of a recurrence, by an operation on pairs."""

    def compose(one: Any, two: Any) -> Any:
        return one[0] * two[0], two[0] * one[1] + two[1]

    return draw.library.associative_scan(compose, (draw.np.tanh(rows), draw.np.cos(rows)))[1]


def gradients(draw: Draw) -> Any:
    """The gradient of a program."""
    value, other, part = draw.item(), draw.number(), draw.part(1)
    return draw.library.grad(lambda x: draw.np.sum(part([x, other])))(value)


MORE_CONTROL: list[Operation] = [
    shaped(filled),
    switched,
    recomputed,
    shaped(segments),
    shaped(partial_results),
    gradients,
]

WIDE = Vocabulary([*OPERATIONS, *MORE_OPERATIONS], [*CONTROL, *MORE_CONTROL])
