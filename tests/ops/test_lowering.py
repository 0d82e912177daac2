"""What shape operations, indexing and products are lowered to computes what they compute."""

from typing import Any

import numpy as np
import pytest

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph, Lit
from staticbp.core.interpret import interpret
from staticbp.core.lowering import IndexMap, Kernel, Reduce
from staticbp.core.primitive import Primitive, concrete
from staticbp.core.schedule import Buffer, Call, Ref
from staticbp.ops import index, products, shape
from staticbp.ops.linear import broadcast, reshape
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops import cases_index, cases_linalg, cases_shape
from tests.ops.checks import floats, graph_of
from tests.ops.lowered import lowering_of, run

LOWERED: tuple[Primitive, ...] = (
    shape.transpose,
    shape.slice,
    shape.embed,
    shape.concatenate,
    broadcast,
    reshape,
    index.gather,
    index.scatter_add,
    products.vecdot,
    products.matvec,
    products.vecmat,
    products.matmul,
    products.outer,
)


def every_equation(graph: Graph, args: list[Any]) -> list[tuple[Primitive, list[Any], Aval, dict[str, Any]]]:
    """The equations of a graph with the arrays they run on."""
    env: dict[Any, Any] = {**dict(graph.consts), **dict(zip(graph.invars, args, strict=True))}
    found = []
    for eqn in graph.eqns:
        ins = [np.asarray(concrete(a) if isinstance(a, Lit) else env[a]) for a in eqn.ins]
        outs = eqn.op.evaluate(ins, eqn.params)
        env.update({var: np.asarray(out) for var, out in zip(eqn.outs, outs, strict=True)})
        found.append((eqn.op, ins, eqn.outs[0].aval, eqn.params))
    return found


def assert_lowered(graph: Graph, args: list[Any], affine: bool = True) -> set[Primitive]:
    """Each equation of ours gives by its lowering what it gives by NumPy; which operations there were."""
    met: set[Primitive] = set()
    for op, ins, aval, params in every_equation(graph, args):
        if op in LOWERED:
            met.add(op)
            (wanted,) = op.evaluate(ins, params)
            found, holds = run(op, ins, aval, params, affine)
            assert holds
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    return met


@pytest.mark.parametrize("cases", [cases_shape.CASES, cases_linalg.CASES, cases_index.CASES], ids=len)
def test_all_cases_and_their_derivatives(cases):
    met = set()
    for _, function, args in cases:
        graph = graph_of(function, args)
        met |= assert_lowered(graph, list(args))
        reverse = vjp(RULES, graph, floats(args))
        ones = [np.ones(v.aval.shape) for v in reverse.invars[len(args) :]]
        met |= assert_lowered(reverse, [*args, *ones], affine=False)
        forward = jvp(RULES, graph, floats(args))
        moving = [np.ones(v.aval.shape) for v in forward.invars[len(args) :]]
        interpret(forward, [*args, *moving])
    assert len(met) > 4


def test_every_operation_is_met():
    met = set()
    for _, function, args in (*cases_shape.CASES[::3], *cases_linalg.CASES, *cases_index.CASES):
        reverse = vjp(RULES, graph_of(function, args), floats(args))
        met |= {eqn.op for eqn in reverse.eqns}
    assert set(LOWERED) <= met


def big(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (products.matvec, ((9, 11), (11,))),
        (products.matvec, ((2, 3, 9, 11), (2, 3, 11))),
        (products.vecmat, ((9,), (9, 11))),
        (products.vecmat, ((4, 9), (4, 9, 11))),
        (products.matmul, ((9, 11), (11, 7))),
        (products.matmul, ((2, 9, 11), (2, 11, 7))),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_of_some_size_call_blas(op, shapes, dtype):
    ins = [big(*s).astype(dtype) for s in shapes]
    (wanted,) = op.evaluate(ins, {})
    assert isinstance(lowering_of(op, ins, {}), Kernel)
    found, _ = run(op, ins, op.avals([Aval(x.shape, x.dtype) for x in ins], {})[0], {})
    np.testing.assert_allclose(found, wanted, rtol=1e-4 if dtype == np.float32 else 1e-12)


def matrix(name: str, dims: tuple[int, ...], transposed: bool = False) -> Ref:
    return Ref(Buffer(name, Aval(dims, np.dtype(np.float64)), "argument"), (), transposed)


def test_products_take_transposed_operands_as_they_lie():
    from_rows = [matrix("a", (11, 9), transposed=True), matrix("b", (7, 11), transposed=True)]
    out = matrix("c", (9, 7))
    kernel = lowering_of(products.matmul, [big(9, 11), big(11, 7)], {})
    assert isinstance(kernel, Kernel)
    (call,) = kernel.emit(from_rows, [out], {})
    assert isinstance(call, Call)
    assert call.kernel == "blas.gemm"
    assert call.args[3:5] == (True, True)
    assert not any(ref.transposed for ref in call.reads)
    kernel = lowering_of(products.vecmat, [big(9), big(9, 11)], {})
    assert isinstance(kernel, Kernel)
    flags = []
    for transposed in (False, True):
        (call,) = kernel.emit([matrix("x", (9,)), matrix("a", (9, 11), transposed)], [matrix("y", (11,))], {})
        assert isinstance(call, Call)
        flags.append(call.args[3:] == (True,))
    assert flags == [True, False]


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.bool_])
def test_products_of_integers_are_loops(dtype):
    rng = np.random.default_rng(1)
    ins = [rng.integers(0, 2, (9, 11)).astype(dtype), rng.integers(0, 2, (11, 7)).astype(dtype)]
    assert isinstance(lowering_of(products.matmul, ins, {}), Reduce)
    (wanted,) = products.matmul.evaluate(ins, {})
    found, _ = run(products.matmul, ins, Aval((9, 7), np.dtype(dtype)), {})
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype


def test_tiny_products_are_loops_and_outer_products_cost_nothing():
    assert isinstance(lowering_of(products.matmul, [big(3, 3), big(3, 3)], {}), Reduce)
    assert isinstance(lowering_of(products.vecdot, [big(500), big(500)], {}), Reduce)
    assert isinstance(products.outer.lowering, IndexMap)


@pytest.mark.parametrize("bad", [3, -4])
def test_the_check_of_gathers_and_scatters_finds_indexes_out_of_range(bad):
    x, good, wrong = big(3, 2), np.array([0, -3, 2]), np.array([0, bad, 2])
    gathering = {"axes": (0,), "batch": 0}
    assert run(index.gather, [x, good], Aval((3, 2), x.dtype), gathering)[1]
    assert not run(index.gather, [x, wrong], Aval((3, 2), x.dtype), gathering)[1]
    scattering = {**gathering, "shape": (3, 2)}
    assert run(index.scatter_add, [x, good], Aval((3, 2), x.dtype), scattering)[1]
    assert not run(index.scatter_add, [x, wrong], Aval((3, 2), x.dtype), scattering)[1]
