"""Decorated functions: signatures, static arguments, methods, guards, nesting, pickles, threads."""

import pickle
import random
import threading
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import (
    ArgumentError,
    FrozenRandomError,
    LeakedTracerError,
    NumpyCallError,
    TracedBranchError,
    UnrollWarning,
)
from tests.support import Counting


@bp.differentiable
def square(x):
    """The square of x."""
    return x * x


def test_metadata_is_the_functions():
    assert square.__name__ == "square"
    assert square.__doc__ == "The square of x."
    assert square.__wrapped__(3.0) == 9.0
    assert repr(square) == "<staticbp square(x)>"
    assert repr(square.grad) == "<staticbp gradient of square(x) with respect to x>"
    assert square.grad is square.grad


def test_one_trace_for_each_signature():
    traced = Counting(lambda x, y: x * y)
    f = bp.compile(traced)
    assert f(np.ones(3), 2.0)[0] == 2.0
    assert f(np.zeros(3), 5.0)[0] == 0.0
    assert traced.count == 1
    f(np.ones(4), 2.0)
    f(np.ones(3, np.float32), 2.0)
    f(np.ones(3), 2)
    f(np.ones(3), np.float64(2))
    assert traced.count == 5
    for _ in range(2):
        f(np.ones(3), 2.0), f(np.ones(4), 2.0), f(np.ones(3), y=3.0)
    assert traced.count == 6


def test_python_scalars_are_weak():
    f = bp.compile(lambda x, rate: x * rate)
    assert f(np.ones(2, np.float32), 0.5).dtype == np.float32
    assert f(np.ones(2, np.float32), np.float64(0.5)).dtype == np.float64
    assert f(np.ones(2, np.int8), 3).dtype == np.int8
    with pytest.raises(ArgumentError, match="64 bits"):
        f(1, 2**70)
    larger = bp.compile(lambda x, y: x > y)(3, 2)
    assert type(larger) is np.bool_
    assert larger


def test_structure_belongs_to_the_signature():
    class Mode(Enum):
        SUM = 1
        MEAN = 2

    @bp.compile
    def f(x, mode, activation=None):
        y = np.sum(x) if mode is Mode.SUM or mode == "sum" else np.mean(x)
        return y if activation is None else activation(y)

    x = np.array([1.0, 3.0])
    assert f(x, "sum") == 4.0
    assert f(x, "mean") == 2.0
    assert f(x, Mode.SUM) == 4.0
    assert f(x, Mode.MEAN) == 2.0
    assert f(x, "sum", np.negative) == -4.0
    assert f(x, "sum", activation=np.sin) == pytest.approx(np.sin(4.0))
    assert f({"b": 1.0, "a": 2.0}["a"], "sum") == 2.0


def test_static_arguments():
    @bp.compile(static_argnums=1, static_argnames="shift")
    def power(x, n, *, shift=0):
        for _ in range(n - 1):
            x = x * x
        return x + shift if shift else x

    assert power(3.0, 2) == 9.0
    assert power(2.0, n=3) == 16.0
    assert power(2.0, 3, shift=1) == 17.0
    assert power(2.0, 3) == 16.0

    @bp.differentiable(static_argnames=("n",))
    def repeated(x, n):
        return x**n

    assert repeated.grad(2.0, 3) == 12.0
    assert repeated.grad(2.0, n=4) == 32.0
    assert bp.grad(repeated)(2.0, 3) == 12.0
    assert bp.compile(lambda x: repeated(x, 3))(2.0) == 8.0
    with pytest.raises(ArgumentError, match="static argument 1 is a list"):
        repeated(2.0, [1])
    with pytest.raises(ArgumentError, match="no parameter of"):
        bp.compile(lambda x: x, static_argnames="y")
    with pytest.raises(ArgumentError, match="argument 3, but"):
        bp.compile(lambda x: x, static_argnums=3)


def test_one_and_one_point_zero_are_different_static_values():
    f = bp.compile(lambda x, n: x * n, static_argnums=-1)
    assert type(f(2, 1)) is np.int64
    assert type(f(2, 1.0)) is np.float64
    assert type(f(2, True)) is np.int64


def test_results_never_alias_anything():
    x, constant = np.arange(3.0), np.ones(2)
    f = bp.compile(lambda x: (x, x.T, x[:2], constant, x))
    outs = f(x)
    for i, out in enumerate(outs):
        assert out.base is None
        assert not any(np.shares_memory(out, other) for other in (x, constant, *outs[:i]))
        out[:] = -1.0
    assert np.array_equal(x, [0.0, 1.0, 2.0])
    assert np.array_equal(f(x)[3], [1.0, 1.0])


def test_inputs_of_every_layout():
    f = bp.compile(lambda x: 2.0 * x)
    base = np.arange(24.0).reshape(4, 6)
    frozen = base.copy()
    frozen.flags.writeable = False
    odd = np.frombuffer(b"x" + base.tobytes(), np.uint8)[1:].view(np.float64).reshape(4, 6)
    assert not odd.flags.aligned
    for x in (base, base[::2], base[:, ::-1], base.T, np.asfortranarray(base), frozen, odd, base.astype(">f8")):
        for _ in range(2):
            out = f(x)
            assert out.flags.c_contiguous
            assert out.dtype == np.float64
            assert np.array_equal(out, 2.0 * x)
    assert f(np.array(3.0)) == 6.0
    assert type(f(np.array(3.0, ">f8"))) is np.float64


def test_memory_maps_are_arrays(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(3.0))
    assert np.array_equal(bp.compile(lambda x: x + 1.0)(np.load(path, mmap_mode="r")), [1.0, 2.0, 3.0])


def test_nested_and_recursive_calls():
    @bp.compile
    def helper(x):
        return np.sin(x)

    @bp.differentiable
    def tower(x, n):
        return x if n == 0 else helper(tower(x, n - 1))

    recursive = bp.differentiable(lambda x, n: tower(x, n), static_argnames="n")
    assert recursive(0.5, 2) == pytest.approx(np.sin(np.sin(0.5)))
    assert recursive.grad(0.5, 2) == pytest.approx(np.cos(np.sin(0.5)) * np.cos(0.5))


# ---- methods ----------------------------------------------------------------------------------------------------


@bp.record
class Model:
    weights: np.ndarray

    @bp.differentiable
    def loss(self, x):
        return np.sum((self.weights * x) ** 2)

    @staticmethod
    @bp.differentiable
    def half(x):
        return x * 0.5


class Plain:
    def __init__(self, scale):
        self.scale = scale

    @bp.differentiable
    def loss(self, x):
        return self.scale * x * x


@dataclass
class Data:
    w: float

    @bp.compile
    def times(self, x):
        return self.w * x


def test_methods_of_records_differentiate_the_record():
    model, x = Model(np.array([1.0, 2.0])), np.array([3.0, 4.0])
    assert model.loss(x) == 73.0
    gradient = model.loss.grad(x)
    assert isinstance(gradient, Model)
    assert np.array_equal(gradient.weights, 2 * model.weights * x * x)
    assert Model.loss.grad(model, x) == gradient
    _, pullback = model.loss.vjp(x)
    assert pullback(1.0) == gradient
    assert model.loss.jvp((x,), gradient)[1] == pytest.approx(np.sum(gradient.weights**2))
    assert "loss_grad" in model.loss.grad.inspect(x).source
    assert Model.half.grad(1.0) == 0.5
    assert Data(2.0).times(3.0) == 6.0


def test_methods_of_other_objects_guard_them():
    plain, other = Plain(2.0), Plain(10.0)
    assert plain.loss(3.0) == 18.0
    assert plain.loss.grad(3.0) == 12.0
    assert other.loss.grad(3.0) == 60.0
    assert bp.grad(plain.loss)(3.0) == 12.0
    plain.scale = 5.0
    assert plain.loss(3.0) == 45.0
    assert plain.loss.grad(3.0) == 30.0
    assert other.loss(3.0) == 90.0


# ---- what must not happen ---------------------------------------------------------------------------------------


def test_frozen_random_draws_are_refused():
    with pytest.raises(FrozenRandomError, match=r"np\.random is drawn from") as caught:
        bp.compile(lambda x: x + np.random.normal(size=3))(1.0)
    assert "np.random.normal(size=3)" in str(caught.value)
    with pytest.raises(FrozenRandomError, match="random is drawn from"):
        bp.compile(lambda x: x + random.random())(1.0)
    rng = np.random.default_rng(0)

    def noise():
        return rng.normal()

    def f(x):
        y = 2.0 * x
        return y + noise()

    with pytest.raises(FrozenRandomError, match="a Generator is drawn from") as caught:
        bp.grad(f)(1.0)
    assert "return rng.normal()" in str(caught.value)


def test_tracers_that_leak_are_refused():
    kept = []
    f = bp.compile(lambda x: (kept.append(x), x)[1])
    f(1.0)
    with pytest.raises(LeakedTracerError, match="'x'"):
        kept[0] + 1.0
    with pytest.raises(LeakedTracerError, match="x is a traced value"):
        f(kept[0])


def test_errors_while_tracing_name_the_line():
    def f(x):
        if x > 0:
            return x
        return -x

    with pytest.raises(TracedBranchError, match="if x > 0") as caught:
        bp.grad(f)(1.0)
    assert "np.where" in str(caught.value)
    with pytest.raises((NumpyCallError, ValueError), match=r"test_functions\.py"):
        bp.compile(lambda x: x + np.ones(4))(np.ones(3))


def test_failures_at_run_time_name_the_line():
    def pick(x, i):
        return x[i]

    f = bp.compile(pick)
    assert f(np.arange(3.0), 2) == 2.0
    assert f(np.arange(3.0), -3) == 0.0
    with pytest.raises(IndexError, match=r"return x\[i\]"):
        f(np.arange(3.0), 3)


def test_unrolled_loops_are_noticed():
    def f(x):
        for _ in range(6000):
            x = np.sin(x)
        return x

    with pytest.warns(UnrollWarning, match="bp.fold"):
        assert bp.compile(f).inspect(1.0).graph.name == "f"


def test_results_that_are_no_values_are_refused():
    with pytest.raises(ArgumentError, match=r"in what .* returns, a set"):
        bp.compile(lambda x: {1, 2})(1.0)


# ---- pickles and threads ----------------------------------------------------------------------------------------


def test_pickles():
    assert pickle.loads(pickle.dumps(square)) is square
    assert pickle.loads(pickle.dumps(square.grad)) is square.grad
    assert pickle.loads(pickle.dumps(bp.vmap(square.grad))) is bp.vmap(square.grad)
    bound = pickle.loads(pickle.dumps(Model(np.ones(2)).loss))
    assert bound(np.ones(2)) == 2.0


def test_calls_from_many_threads():
    f = bp.differentiable(lambda x, w: np.sum(np.tanh(w @ x) ** 2))
    w = np.arange(40.0 * 50).reshape(40, 50) / 1000.0
    expected = [f.grad(np.full(50, k / 10.0), w) for k in range(8)]
    wrong = []

    def work(k):
        x = np.full(50, k / 10.0)
        wrong.extend(k for _ in range(200) if not np.array_equal(f.grad(x, w), expected[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_tracing_in_many_threads():
    f = bp.compile(lambda x: np.cos(x) + x)
    results = [None] * 4

    def work(k):
        results[k] = f(np.full(k + 1, 0.5))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.shape for r in results] == [(1,), (2,), (3,), (4,)]


@pytest.mark.parametrize("n", [8, 400, 20_000])  # work in its place on the stack, in an arena; with other threads
def test_results_are_those_of_their_own_call(n):
    @bp.compile
    def sums(x):
        y = np.cumsum(x)
        return y / y[-1], np.sum(np.cumsum(y[::-1]) * x)

    expected = [sums(np.arange(n) + 1.0 + k) for k in range(4)]
    wrong = []

    def work(k):
        x = np.arange(n) + 1.0 + k
        for _ in range(40):
            first, second = sums(x)
            if not np.array_equal(first, expected[k][0]) or second != expected[k][1]:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_methods_of_objects_are_found_again():
    class Model:
        def __init__(self, scale):
            self.scale = scale

        @bp.differentiable
        def loss(self, x):
            return self.scale * x

    models = [Model(float(k)) for k in range(6)]
    for _ in range(2):
        assert [model.loss(2.0) for model in models] == [2.0 * k for k in range(6)]
        assert [model.loss.grad(2.0) for model in models] == [float(k) for k in range(6)]
    assert models[5].loss is models[5].loss
