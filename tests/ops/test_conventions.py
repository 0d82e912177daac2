"""The table of derivatives at kinks, jumps and tips, entry by entry."""

import numpy as np
import pytest

from staticbp.ops.conventions import CONVENTIONS
from staticbp.transforms.activity import active_outputs
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import dotted, evaluate, graph_of


@pytest.mark.parametrize("entry", CONVENTIONS, ids=lambda entry: f"{entry.text} at {entry.at}")
def test_gradient(entry):
    args = [np.asarray(x) for x in entry.at]
    graph = graph_of(entry.function, args)
    active = [True] * len(args)
    flows = len(vjp(RULES, graph, active).invars) > len(args)
    _, *bars = evaluate(vjp(RULES, graph, active), [*args, 1.0] if flows else args)
    for bar, wanted in zip(bars, entry.gradient, strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=1e-15)
    if not flows:
        return
    if all(np.isfinite(wanted).all() for wanted in entry.gradient):  # else forward mode meets 0 * inf
        moving = [np.asarray(np.random.default_rng(0).uniform(size=np.shape(x))) for x in args]
        _, dot = evaluate(jvp(RULES, graph, active), [*args, *moving])
        np.testing.assert_allclose(dot, dotted(moving, [np.asarray(g) for g in entry.gradient]), rtol=1e-14)


@pytest.mark.parametrize(
    ("function", "point", "second"),
    [
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: x**1, 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: np.sinc(x), 0.0, -(np.pi**2) / 3),
        (lambda x: np.prod(np.stack([x, x, 2 * np.cos(x)])), 0.0, 4.0),
        (lambda x: np.cumprod(np.stack([x, 1 + x, x]))[2], 0.0, 2.0),
        (lambda x: np.maximum(x, 0), 0.0, 0.0),
    ],
)
def test_second_derivative_at_zero(function, point, second):
    args = [np.asarray(point)]
    first = vjp(RULES, graph_of(function, args), [True])
    cotangents = [1.0] * (len(first.invars) - 1)
    with_respect_to = [True] + [False] * len(cotangents)
    # Of the value and the first derivative, the seed picks the latter, if it depends on x at all.
    flows = active_outputs(first, with_respect_to)
    seeds = [float(i) for i, flag in enumerate(flows) if flag]
    *_, bar = evaluate(vjp(RULES, first, with_respect_to), [*args, *cotangents, *seeds])
    np.testing.assert_allclose(bar, second, rtol=1e-14)
