import numpy as np
import pytest

from staticbp.ops.index import gather, scatter_add
from staticbp.ops.linear import broadcast, reshape
from staticbp.ops.products import matvec, outer, vecdot, vecmat
from staticbp.ops.reduce import reduce_max, reduce_sum
from staticbp.ops.shape import concatenate, embed, slice, transpose
from staticbp.passes.simplify import simplify
from tests.passes.checks import after, assert_close_values, expression
from tests.support import graph_of

X = np.random.default_rng(1).normal(size=(3, 4))
V = np.random.default_rng(2).normal(size=4)


def repeated(x, n):
    """``n`` copies of a vector, as rows."""
    return np.broadcast_to(x, (n, *x.shape))


CASES = [
    # transposes
    (lambda x: np.transpose(x, (0, 1)), [X], "x"),
    (lambda x: x.T.T, [X], "x"),
    (lambda x: np.transpose(np.transpose(x[None], (1, 2, 0)), (1, 0, 2)), [X], None),
    (lambda x: transpose(x[:, :1], perm=(1, 0)), [X], None),
    (lambda v: repeated(v, 3).T, [V], "broadcast[shape=(4, 3), dims=(0,)](v)"),
    (lambda v: outer(v, v[:2]).T, [V], "outer(slice[starts=(0,), steps=(1,), shape=(2,)](v), v)"),
    # reshapes
    (lambda x: x.reshape(2, 6).reshape(3, 4), [X], "x"),
    (lambda x: x.reshape(2, 6).reshape(12), [X], "reshape[shape=(12,)](x)"),
    (lambda v: np.broadcast_to(v[0], (2, 3)).reshape(6), [V], None),
    (lambda v: repeated(v, 3)[:, None, :], [V], "broadcast[shape=(3, 1, 4), dims=(2,)](v)"),
    # repetitions
    (lambda v: np.broadcast_to(repeated(v, 3), (2, 3, 4)), [V], "broadcast[shape=(2, 3, 4), dims=(2,)](v)"),
    (lambda v: broadcast(v, shape=(1, 4), dims=(1,)), [V], "reshape[shape=(1, 4)](v)"),
    (lambda v: broadcast(reshape(v, shape=(4, 1)), shape=(4, 1, 3), dims=(0, 1)), [V], None),
    (lambda v: np.exp(repeated(v, 3)) * 2, [V], "broadcast[shape=(3, 4), dims=(1,)](mul(exp(v), 2.0))"),
    (lambda v: repeated(v, 3) * repeated(np.sin(v), 3), [V], "broadcast[shape=(3, 4), dims=(1,)](mul(v, sin(v)))"),
    (lambda v: np.exp(v[None]) * 2, [V], "reshape[shape=(1, 4)](mul(exp(v), 2.0))"),
    (lambda x: np.log(np.sum(np.exp(x), axis=1, keepdims=True)) + x, [X], None),
    # reductions
    (lambda v: reduce_sum(v, axes=()), [V], "v"),
    (lambda x: reduce_sum(x[:, :1], axes=(1,)), [X], None),
    (lambda x: np.sum(x[None], axis=(0, 2)), [X], "reduce_sum[axes=(1,)](x)"),
    (lambda x: np.sum(x[:, None], axis=2), [X], "reshape[shape=(3, 1)](reduce_sum[axes=(1,)](x))"),
    (lambda x: np.sum(x.T, axis=0), [X], "reduce_sum[axes=(1,)](x)"),
    (lambda x: np.max(np.transpose(x[None] * x[:, None], (2, 1, 0)), axis=1), [X], None),
    (lambda v: np.sum(repeated(v, 3), axis=0), [V], "mul(3.0, v)"),
    (lambda v: np.sum(repeated(v, 3)), [V], "mul(3.0, reduce_sum[axes=(0,)](v))"),
    (lambda v: np.sum(repeated(v, 3), axis=1), [V], "broadcast[shape=(3,), dims=()](reduce_sum[axes=(0,)](v))"),
    (lambda v: reduce_max(repeated(v, 3), axes=(0,)), [V], "v"),
    (lambda v: np.sum(-v), [V], "neg(reduce_sum[axes=(0,)](v))"),
    # slices
    (lambda x: x[:, :], [X], "x"),
    (lambda v: v[1:][1:], [V], "slice[starts=(2,), steps=(1,), shape=(2,)](v)"),
    (lambda v: v[::-1][::2], [V], "slice[starts=(3,), steps=(-2,), shape=(2,)](v)"),
    (lambda v: v[::-1][::-1], [V], "v"),
    (lambda v: repeated(v, 3)[1:, 2:], [V], None),
    (lambda v: np.stack([np.sin(v), np.cos(v)])[1], [V], "cos(v)"),
    (lambda v: np.concatenate([v, np.exp(v)])[4:6], [V], "slice[starts=(0,), steps=(1,), shape=(2,)](exp(v))"),
    (lambda v: np.concatenate([v, np.exp(v)])[3:6], [V], None),
    (lambda v: np.concatenate([v, np.exp(v)])[7:5:-1], [V], "slice[starts=(3,), steps=(-1,), shape=(2,)](exp(v))"),
    # embeddings
    (lambda v: embed(v, starts=(0,), steps=(1,), shape=(4,)), [V], "v"),
    (
        lambda v: embed(embed(v, starts=(1,), steps=(2,), shape=(9,)), starts=(2,), steps=(3,), shape=(40,)),
        [V],
        "embed[starts=(5,), steps=(6,), shape=(40,)](v)",
    ),
    (lambda v: embed(v, starts=(2,), steps=(1,), shape=(9,))[2:6], [V], "v"),
    (
        lambda v: embed(v, starts=(2,), steps=(1,), shape=(9,))[3:5],
        [V],
        "slice[starts=(1,), steps=(1,), shape=(2,)](v)",
    ),
    (lambda v: embed(v, starts=(2,), steps=(1,), shape=(9,))[6:], [V], "0.0"),
    (lambda v: embed(v, starts=(2,), steps=(1,), shape=(9,))[1:4], [V], None),
    (lambda v: embed(v, starts=(0,), steps=(2,), shape=(9,))[1:4], [V], None),
    (lambda v: embed(v, starts=(3,), steps=(-1,), shape=(9,))[3::-1], [V], "v"),
    # joins
    (lambda v: np.concatenate([v]), [V], "v"),
    (lambda v: np.concatenate([v[:0], v]), [V], "v"),
    (lambda v: np.concatenate([v[:1], v[1:3], v[3:]]), [V], "v"),
    (lambda v: np.concatenate([v[1:2], v[2:4]]), [V], "slice[starts=(1,), steps=(1,), shape=(3,)](v)"),
    (lambda v: np.concatenate([v[2:], v[:2]]), [V], None),
    # products
    (lambda x: x.T @ np.sin(x[:, 0]), [X], None),
    (lambda x, v: matvec(x, v), [X, V], "matvec(x, v)"),
    (lambda x, v: vecmat(v, x.T), [X, V], "matvec(x, v)"),
    (lambda v: vecdot(v, np.ones_like(v)), [V], "reduce_sum[axes=(0,)](v)"),
    (lambda x: x @ np.ones_like(x[0]), [X], "reduce_sum[axes=(1,)](x)"),
    (lambda x: np.ones_like(x[:, 0]) @ x, [X], "reduce_sum[axes=(0,)](x)"),
    (lambda v: outer(v, np.full_like(v[:2], 2.0)), [V], "broadcast[shape=(4, 2), dims=(0,)](mul(v, 2.0))"),
    (lambda v: outer(np.full_like(v[:2], 2.0), v), [V], "broadcast[shape=(2, 4), dims=(1,)](mul(2.0, v))"),
]


@pytest.mark.parametrize(("function", "args", "wanted"), CASES, ids=range(len(CASES)))
def test_moves_are_composed_or_taken_out_of_the_way(function, args, wanted):
    graph = graph_of(function, *args)
    simple = after(simplify, graph)
    if wanted is not None:
        assert expression(simple) == wanted
    assert len(simple.eqns) <= len(graph.eqns)
    assert_close_values(graph, simple, args)


def test_indexes_that_turn_out_to_be_known():
    def f(x, v):
        first = np.zeros_like(v[0], dtype=np.int64)
        row = gather(x, first - 1, axes=(0,), batch=0)
        many = gather(x, np.zeros_like(v, dtype=np.int64), axes=(1,), batch=0)
        batched = gather(x, np.ones_like(x[:, 0], dtype=np.int64), axes=(1,), batch=1)
        back = scatter_add(v, first + 2, axes=(0,), shape=(3, 4), batch=0)
        piled = scatter_add(x[:, 0], np.ones_like(x[:, 0], dtype=np.int64), axes=(0,), shape=(5,), batch=0)
        return row, many, batched, back, piled

    graph = graph_of(f, X, V)
    simple = after(simplify, graph)
    assert not {eqn.op for eqn in simple.eqns} & {gather, scatter_add}
    assert_close_values(graph, simple, [X, V])


def test_an_index_out_of_range_is_left_to_fail():
    graph = graph_of(lambda v: gather(v, np.full_like(v[0], 4, dtype=np.int64), axes=(0,), batch=0), V)
    assert gather in {eqn.op for eqn in after(simplify, graph).eqns}


def test_slices_of_a_join_of_many_parts():
    def f(x):
        rows = [np.sin(x[i]) for i in range(200)]
        joined = np.stack(rows)
        return tuple(joined[i] for i in range(200))

    x = np.linspace(0, 1, 200)
    simple = after(simplify, graph_of(f, x))
    assert {eqn.op.name for eqn in simple.eqns} == {"slice", "reshape", "sin"}
    assert concatenate not in {eqn.op for eqn in simple.eqns}
    assert slice in {eqn.op for eqn in simple.eqns}
