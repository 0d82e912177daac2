"""Every smooth case: both modes against central differences and each other, to second order."""

import pytest

from tests.ops.checks import assert_derivatives, floats, graph_of, second_order_args
from tests.ops.table import generator, smooth_cases

CASES = [case for case in smooth_cases() if any(floats(case.args))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_first_and_second_derivative(case):
    rng = generator(case.name)
    graph = graph_of(case.function, case.args)
    reverse = assert_derivatives(graph, case.args, rng)
    if reverse is not None:
        assert_derivatives(reverse, second_order_args(graph, case.args, rng), rng)
