"""Every case, batched over each argument and over all of them, against a loop; its derivative likewise."""

import pytest

from staticbp.transforms.activity import active_outputs
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, floats, graph_of, second_order_args
from tests.ops.table import cases, generator, smooth_cases

CASES = [case for case in cases() if "special" not in case.name]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_batch(case):
    graph = graph_of(case.function, case.args)
    count = len(case.args)
    choices = {(True,) * count, *(tuple(i == j for j in range(count)) for i in range(count))}
    for batched in sorted(choices):
        assert_batching(graph, case.args, batched)


@pytest.mark.parametrize("case", smooth_cases(), ids=lambda case: case.name)
def test_batch_of_derivative(case):
    active = floats(case.args)
    graph = graph_of(case.function, case.args)
    if not any(active_outputs(graph, active)):
        return
    args = second_order_args(graph, case.args, generator(case.name))
    reverse = vjp(RULES, graph, active)
    n_args = len(case.args)
    assert_batching(reverse, args, [i >= n_args for i in range(len(args))])
    assert_batching(reverse, args, [True] * len(args))
