"""What random programs are written in: staticbp, and the libraries that they are held against."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import staticbp as bp
from tests.fuzz.jaxprs import evaluate

TURNS = 6  # of a while loop at most


@dataclass(frozen=True)
class Library:
    """NumPy's functions, and control flow."""

    np: Any
    cond: Callable[..., Any]
    scan: Callable[..., Any]
    fori_loop: Callable[..., Any]
    while_loop: Callable[..., Any]
    vmap: Callable[..., Any]
    index: Callable[[Any, int], Any]
    updated: Callable[[Any, Any, Any], Any]
    switch: Callable[..., Any]
    checkpoint: Callable[..., Any]
    checkpointed_scan: Callable[..., Any]
    associative_scan: Callable[..., Any]
    grad: Callable[..., Any]
    expected: Callable[..., list[Any]] | None = None


def repeated(step: Callable[[Any], Any], turns: Any, value: Any) -> Any:
    """A step, as often as a traced number says, by staticbp's `while_loop`."""
    return bp.while_loop(lambda c: c[0] < turns, lambda c: (c[0] + 1, step(c[1])), (0, value))[1]


def place(np: Any) -> Callable[[Any, int], Any]:
    """A place in an axis of so many elements, by a number; not where roundings decide."""
    return lambda number, size: (np.abs(np.floor(7.3 * number + 0.137)) % size).astype(int)


def written(value: Any, index: Any, row: Any) -> Any:
    """The array with another row there."""
    x = np.copy(value)
    x[index] = row
    return x


OURS = Library(
    np=np,
    cond=bp.cond,
    scan=bp.scan,
    fori_loop=bp.fori_loop,
    while_loop=repeated,
    vmap=bp.vmap,
    index=place(np),
    updated=written,
    switch=bp.switch,
    checkpoint=bp.checkpoint,
    checkpointed_scan=functools.partial(bp.scan, checkpoint=2),
    associative_scan=bp.associative_scan,
    grad=bp.grad,
)


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

    def index(number: Any, size: int) -> int:
        return int(place(np)(np.asarray(plain(number)), size))

    def updated(value: Any, index: int, row: Any) -> Any:
        return anp.concatenate([value[:index], anp.reshape(row, (1, *value.shape[1:])), value[index + 1 :]])

    def switch(index: int, functions: Sequence[Callable[..., Any]], *operands: Any) -> Any:
        return functions[index](*operands)

    def associative_scan(function: Callable[..., Any], elems: tuple[Any, ...]) -> tuple[Any, ...]:
        left = [tuple(column[:1] for column in elems)]
        for i in range(1, len(elems[0])):
            left.append(function(left[-1], tuple(column[i : i + 1] for column in elems)))
        return tuple(map(anp.concatenate, zip(*left, strict=True)))

    def expected(program: Callable[..., Any], args: Sequence[Any], directions: Sequence[Any]) -> list[Any]:
        def whole(given: Any) -> Any:
            return program(*given)

        def along(given: Any) -> Any:
            gradient = autograd.grad(whole)(given)
            return sum(anp.sum(g * d) for g, d in zip(gradient, directions, strict=True))

        given = list(args)
        return [whole(given), *autograd.grad(whole)(given), *autograd.grad(along)(given)]

    return Library(
        np=anp,
        cond=cond,
        scan=scan,
        fori_loop=fori_loop,
        while_loop=repeated,
        vmap=vmap,
        index=index,
        updated=updated,
        switch=switch,
        checkpoint=lambda function: function,
        checkpointed_scan=scan,
        associative_scan=associative_scan,
        grad=autograd.grad,
        expected=expected,
    )


def of_jax(*, compiled: bool = False) -> Library:
    """The same in JAX; what it has traced is computed by NumPy, or compiled by XLA, which takes five times as long.

    Its `while_loop` has no gradient: here it is a loop of `TURNS` steps, some of which rest.
    """
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    def repeated(step: Callable[[Any], Any], turns: Any, value: Any) -> Any:
        def turn(value: Any, number: Any) -> tuple[Any, None]:
            return jnp.where(number < turns, step(value), value), None

        return jax.lax.scan(turn, value, jnp.arange(TURNS))[0]

    def expected(program: Callable[..., Any], args: Sequence[Any], directions: Sequence[Any]) -> list[Any]:
        def joint(args: Any, directions: Any) -> Any:
            with_gradient = jax.value_and_grad(program, tuple(range(len(args))))
            (value, gradient), (_, product) = jax.jvp(with_gradient, args, directions)
            return value, *gradient, *product

        given = tuple(args), tuple(directions)
        if compiled:
            return [np.asarray(x) for x in jax.jit(joint)(*given)]
        return evaluate(jax.make_jaxpr(joint)(*given), [*args, *directions])

    return Library(
        np=jnp,
        cond=jax.lax.cond,
        scan=jax.lax.scan,
        fori_loop=jax.lax.fori_loop,
        while_loop=repeated,
        vmap=jax.vmap,
        index=place(jnp),
        updated=lambda value, index, row: jnp.asarray(value).at[index].set(row),
        switch=jax.lax.switch,
        checkpoint=jax.checkpoint,
        checkpointed_scan=jax.lax.scan,
        associative_scan=jax.lax.associative_scan,
        grad=jax.grad,
        expected=expected,
    )


LIBRARIES: dict[str, Callable[[], Library]] = {
    "autograd": of_autograd,
    "jax": of_jax,
    "xla": lambda: of_jax(compiled=True),
}
