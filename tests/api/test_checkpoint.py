"""Parts of a function that are computed again in its derivative: the same values, less memory."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.errors import ArgumentError
from staticbp.ops.checkpoint import afresh
from tests.support import assert_lowered

RNG = np.random.default_rng(11)
W, X = RNG.normal(size=(6, 6)) / 3, RNG.normal(size=(6, 5))


def block(x, W):
    h = np.tanh(W @ x)
    g = np.exp(-h * h)
    return np.sin(W @ g) + x


def deep(part):
    def deep(x, W):
        for _ in range(5):
            x = part(x, W)
        return np.sum(x * x)

    return deep


def last_stage(f, *args):
    return list(bp.inspect(f, *args).stages.values())[-1]


def interpreted(f, *args):
    return interpret(last_stage(f, *args), bp.tree.leaves(args))


WAYS = [{}, {"policy": "products"}, {"policy": ["h"]}, {"policy": ("g", "h")}]


@pytest.mark.parametrize("way", WAYS)
def test_every_derivative_is_the_same(way):
    ours, plain = deep(bp.checkpoint(block, **way)), deep(block)
    assert ours(X, W) == pytest.approx(plain(X, W), rel=1e-14)
    small = X[:, :2]

    def every(f):
        grads = bp.grad(f, (0, 1))
        yield from interpreted(grads, X, W)
        yield from interpreted(lambda x, W: bp.jvp(f, (x, W), (x, W)), small, W)
        yield from interpreted(bp.hessian(f), small, W)
        yield from interpreted(bp.grad(lambda x, W: np.sum(bp.grad(f, 1)(x, W) ** 2)), small, W)
        yield from interpreted(bp.vmap(bp.grad(f), in_axes=(0, None)), np.stack([small, -small]), W)

    for found, wanted in zip(every(ours), every(plain), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)


def test_generated_text():
    f = bp.grad(deep(bp.checkpoint(block)), (0, 1))
    assert_lowered(last_stage(f, X, W), [X, W])
    assert np.allclose(f(X, W)[0], bp.grad(deep(block))(X, W), rtol=1e-12)


def test_less_memory():
    def size(part):
        return bp.inspect(bp.grad(deep(part)), X, W).memory.workspace

    kept, products, nothing = size(block), size(bp.checkpoint(block, policy="products")), size(bp.checkpoint(block))
    assert nothing < products < kept
    assert nothing < 0.6 * kept


def test_no_more_than_a_segment_at_a_time():
    def size(depth):
        def chain(x):
            for _ in range(depth):
                x = bp.checkpoint(part)(x)
            return np.sum(x)

        def part(x):
            for _ in range(10):
                x = np.sin(np.cumsum(x))
            return x

        return bp.inspect(bp.grad(chain), np.ones(64)).memory.workspace

    line = 64 * 8
    assert size(8) - size(4) == 4 * line


def test_structures_options_and_what_is_around():
    scale = 3.0

    def scaled(state, power, flip=False):
        y = scale * state["x"] ** power * outer_value[0]
        return {"y": -y if flip else y, "n": state["n"] + 1, "what": "scaled"}

    def f(x, v):
        outer_value[0] = v
        out = bp.checkpoint(scaled)({"x": x, "n": 2}, 2, flip=True)
        assert out["what"] == "scaled"
        return out["y"] * out["n"]

    outer_value = [None]
    assert bp.compile(f)(2.0, 5.0) == -180.0
    assert bp.grad(f, (0, 1))(2.0, 5.0) == (-180.0, -36.0)


def test_steps_of_loops():
    def run(part):
        def run(W, x):
            return np.sum(bp.fold(lambda c, _: part(c, W), x, None, 6))

        return run

    for order in (lambda f: f, lambda f: lambda W, x: np.sum(bp.grad(f)(W, x) ** 2)):
        ours, plain = (bp.grad(order(run(part))) for part in (bp.checkpoint(block), block))
        np.testing.assert_allclose(*(interpreted(f, W, X[:, :2])[0] for f in (ours, plain)), rtol=1e-9)
    sizes = [bp.inspect(bp.grad(run(part)), W, X).memory.workspace for part in (bp.checkpoint(block), block)]
    assert sizes[0] < 0.8 * sizes[1]


def test_what_is_computed_afresh_is_not_merged():
    def f(x):
        (again,) = (afresh(x),)
        return np.sin(x) * np.sin(again)

    graph = last_stage(f, X)
    assert sum(eqn.op.name == "sin" for eqn in graph.eqns) == 2
    assert np.allclose(interpreted(bp.grad(lambda x: np.sum(f(x))), X)[0], np.sin(2 * X))
    assert_lowered(graph, [X])


@pytest.mark.parametrize("wrong", ["h", 3.0, [1]])
def test_what_is_no_policy(wrong):
    with pytest.raises(ArgumentError, match="checkpoint is given the policy"):
        bp.checkpoint(block, policy=wrong)
