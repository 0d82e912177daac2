"""Loops whose steps are taken again in reverse mode: the same derivatives in less memory."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.errors import ControlFlowError

RNG = np.random.default_rng(4)
W, C = RNG.normal(size=(4, 4)) / 2, RNG.normal(size=4)


def rolled(checkpoint, reverse=False):
    @bp.differentiable
    def rolled(W, c, xs):
        def step(c, x):
            h = np.tanh(W @ c + x)
            return np.sin(h), np.sum(h) * x

        c, ys = bp.scan(step, c, xs, reverse=reverse, checkpoint=checkpoint)
        return np.sum(c) + np.sum(ys * ys)

    return rolled


def folded(checkpoint, length):
    @bp.differentiable
    def folded(W, c):
        return np.sum(bp.fold(lambda c, _: np.sin(np.tanh(W @ c)), c, None, length, checkpoint=checkpoint))

    return folded


def interpreted(f, *args):
    """A function by the interpreter, without compiling it."""
    return interpret(list(bp.inspect(f, *args).stages.values())[-1], bp.tree.leaves(args))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("checkpoint", [1, 3, 6, 50, "sqrt", "log"])
@pytest.mark.parametrize("length", [12, 13])
def test_the_same_gradients(checkpoint, reverse, length):
    xs = RNG.normal(size=(length, 4))
    grads = [bp.grad(rolled(c, reverse), argnums=(0, 1, 2)) for c in (checkpoint, None)]
    found, wanted = (interpreted(g, W, C, xs) for g in grads)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_compiled():
    xs = RNG.normal(size=(11, 4))
    assert np.allclose(rolled("log").grad(W, C, xs), rolled(None).grad(W, C, xs), rtol=1e-12)


@pytest.mark.parametrize("checkpoint", [3, "log"])
def test_any_order_and_batches(checkpoint):
    def parts(checkpoint):
        f = folded(checkpoint, 11)
        square = bp.grad(lambda W, c: np.sum(f.grad(W, c) ** 2))
        return (
            interpreted(bp.hessian(f, 1), W, C),
            interpreted(square, W, C),
            interpreted(bp.vmap(f.grad, in_axes=(None, 0)), W, np.stack([C, -C])),
            interpreted(bp.vmap(f.grad), np.stack([W, -W]), np.stack([C, C])),
        )

    for found, wanted in zip(parts(checkpoint), parts(None), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-13)


def workspace(f, *args):
    return bp.inspect(f, *args).memory.workspace


def test_memory_grows_with_the_root_or_the_logarithm_of_the_length():
    lengths = (100, 1_000, 10_000)
    sizes = {c: [workspace(folded(c, n).grad, W, C) for n in lengths] for c in (None, 50, "sqrt", "log")}
    row = 4 * 8  # a carry
    for n, all_kept, by_fifty, root, log in zip(lengths, *sizes.values(), strict=True):
        assert all_kept > 2 * row * n
        assert by_fifty < 1500 + row * (n // 50 + 2 * 50)
        assert root < 1500 + 2 * 3 * row * n**0.5
        assert log < 1500 + 2 * 8 * row * np.log(n) / np.log(8)


def test_memory_of_a_length_without_divisors():
    assert workspace(folded("sqrt", 10_007).grad, W, C) < 20_000
    assert workspace(folded("log", 10_007).grad, W, C) < 10_000


def test_second_derivatives_take_as_little():
    def squared(checkpoint, n):
        f = folded(checkpoint, n)
        return bp.grad(lambda W, c: np.sum(f.grad(W, c) ** 2))

    assert workspace(squared("sqrt", 2_500), W, C) < workspace(squared(None, 2_500), W, C) / 20


@pytest.mark.parametrize("wrong", [0, -3, True, 2.0, "cube"])
def test_what_is_not_a_way_to_keep_carries(wrong):
    with pytest.raises(ControlFlowError, match="fold is given checkpoint="):
        folded(wrong, 5)(W, C)
