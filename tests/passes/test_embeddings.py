import numpy as np
import pytest

from staticbp.core.check import check_graph
from staticbp.ops.shape import embed
from staticbp.passes.embeddings import join_embeddings
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.passes.checks import as_adjoint, assert_close_values, expression
from tests.support import assert_lowered, graph_of


def unpacked(x):
    a, b, c = x
    return a * b - np.sin(c) * a


def some(x):
    return x[1] * x[4] + x[3]


def blocks(x):
    return x[:2] @ x[3:]


def corners(x):
    return x[0, 0] * x[1, 1] - x[0, 1] * x[1, 0]


def rows_and_elements(x):
    return x[0].sum() * x[1, 1] - x[0, 1] * x[1, 0]


def beside_the_whole(x):
    return x[0] * x[1] + x @ x


def overlapping(x):
    return np.sum(x[1:] * x[:-1])


CASES = [
    (unpacked, (3,), 0),
    (some, (5,), 0),
    (blocks, (5,), 0),
    (corners, (2, 2), 0),
    (corners, (3, 3), 0),
    (rows_and_elements, (2, 2), 1),
    (beside_the_whole, (3,), 0),
    (overlapping, (4,), 2),
]


@pytest.mark.parametrize(("function", "shape", "left"), CASES)
def test_pieces_are_joined_where_they_lie_apart(function, shape, left):
    x = np.random.default_rng(3).normal(size=shape)
    joint = vjp(RULES, run(graph_of(function, x), PRIMAL, check=True), [True])
    simple = run(joint, JOINT, check=True)
    assert sum(eqn.op.name == "embed" for eqn in simple.eqns) == left
    args = [x, np.float64(1.5)]
    assert_close_values(joint, simple, args)
    assert_lowered(simple, args)


def at(place, x, count=8):
    return embed(x, starts=(place,), steps=(1,), shape=(count,))


def test_gaps_are_zeros():
    graph = as_adjoint(graph_of(lambda x, y: at(4, y) + at(1, x), np.ones(2), np.ones(2)))
    joined = check_graph(join_embeddings(graph))
    assert expression(joined) == "concatenate[axis=0](0.0, x, 0.0, y, 0.0)"
    assert_close_values(graph, joined, [np.array([1.0, 2.0]), np.array([3.0, 4.0])])


def test_pieces_at_one_place_are_added_first():
    graph = as_adjoint(graph_of(lambda x, y: at(0, x, 4) + at(2, y, 4) + at(0, y, 4), np.ones(2), np.ones(2)))
    joined = check_graph(join_embeddings(graph))
    assert expression(joined) == "concatenate[axis=0](add(x, y), y)"


def test_a_sum_used_elsewhere_is_kept():
    def f(x, y):
        both = at(0, x, 4) + at(2, y, 4)
        return both + at(0, x, 4), both * 2

    graph = as_adjoint(graph_of(f, np.ones(2), np.ones(2)))
    joined = check_graph(join_embeddings(graph))
    assert_close_values(graph, joined, [np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    assert sum(eqn.op.name == "concatenate" for eqn in joined.eqns) == 1


def test_sums_of_the_forward_pass_stay():
    graph = graph_of(lambda x, y: at(4, y) + at(1, x), np.ones(2), np.ones(2))
    assert join_embeddings(graph) is graph


def test_work_is_linear_in_the_number_of_pieces():
    def f(x):
        return sum(np.sin(x[i]) for i in range(300))

    x = np.linspace(0, 1, 300)
    joint = run(vjp(RULES, run(graph_of(f, x), PRIMAL), [True]), JOINT)
    (join,) = [eqn for eqn in joint.eqns if eqn.op.name == "concatenate"]
    assert len(join.ins) == 300
    assert not any(eqn.op.name == "embed" for eqn in joint.eqns)
