"""Effort counts elements: those of loops, and the multiplications of products."""

import math

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.schedule import Buffer, Call, Const, If, Let, Loop, Ref, Store, While
from staticbp.passes.effort import effort

ONE = Const(np.float64(1.0))


def array(*shape):
    return Ref(Buffer("x", Aval(shape, FLOAT64), "workspace"))


def test_loops_and_branches():
    body = [Let("a", ONE), Store(array(7).buffer, (), ONE)]
    assert effort(body) == 2
    assert effort([Loop("i", 3, [Loop("j", 5, body)])]) == 30
    assert effort([If(ONE, body, body[:1])]) == 3
    assert effort([While([], ONE, body)]) == math.inf


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(30, 40), (40, 50), (30, 50)], 30 * 40 * 50),
        ([(30, 40), (40,), (30,)], 30 * 40),
        ([(30,), (30,), ()], 30),
        ([(2, 2), (500,)], 500),
    ],
)
def test_products(shapes, expected):
    *reads, out = [array(*shape) for shape in shapes]
    assert effort([Call("kernel", (*reads, out), reads=tuple(reads), writes=(out,))]) == pytest.approx(expected)


def test_an_array_that_is_updated_counts_once():
    left, right, out = array(30, 40), array(40, 50), array(30, 50)
    call = Call("kernel", (left, right, out), reads=(left, right, out), writes=(out,))
    assert effort([call]) == pytest.approx(30 * 40 * 50)


@pytest.mark.parametrize(("n", "released"), [(3, False), (100_000, True)])
def test_only_what_takes_a_while_lets_other_threads_run(n, released):
    inspection = bp.inspect(lambda x: np.tanh(x) * x, np.zeros(n))
    assert inspection._compilation.releases_gil is released
