"""Donated arguments are updated in place, whatever the function does with them; what cannot be is refused by name."""

import threading

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, DonationError


@bp.record
class Layer:
    weights: np.ndarray
    bias: np.ndarray


@bp.record
class Net:
    hidden: Layer
    out: Layer
    scale: float = 1.0


def loss(net, x, t):
    h = np.tanh(net.hidden.weights @ x + net.hidden.bias)
    return net.scale * np.sum((net.out.weights @ h + net.out.bias - t) ** 2)


def make_net(dtype=np.float64):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in [(5, 4), (5,), (3, 5), (3,)]]
    return Net(Layer(*arrays[:2]), Layer(*arrays[2:]), 0.5)


def arrays_of(tree):
    return [leaf for leaf in bp.tree.leaves(tree) if isinstance(leaf, np.ndarray)]


X, T = np.linspace(-1, 1, 4), np.arange(3.0)


def step(net, x, t, rate):
    return net - rate * bp.grad(loss)(net, x, t)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_step_returns_the_arrays_it_was_given(dtype):
    donating = bp.compile(step, donate_argnums=0)
    plain = bp.compile(step)
    net, expected = make_net(dtype), make_net(dtype)
    x, t = X.astype(dtype), T.astype(dtype)
    given = arrays_of(net)
    for _ in range(3):  # the first call is traced, the others go through the gate
        net, expected = donating(net, x, t, 0.01), plain(expected, x, t, 0.01)
        assert all(a is b for a, b in zip(arrays_of(net), given, strict=True))
        assert net.scale == pytest.approx(expected.scale, rel=1e-6)
        for a, b in zip(arrays_of(net), arrays_of(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_what_is_all_arrays_comes_back_as_itself():
    donating = bp.compile(lambda net, other: (step(net, X, T, 0.01), other + 1.0), donate_argnums=0)
    net, other = make_net(), make_net().hidden
    first, _ = donating(net, other)
    first, _ = donating(first, other)  # traced again: a scale was a float and has become a NumPy scalar
    before = [array.copy() for array in arrays_of(other)]
    again, raised = donating(first, other)
    assert again is not first  # its scale is a number, which is another now
    assert again.hidden is first.hidden
    assert again.out is first.out
    assert raised is not other  # it was not donated
    for old, kept, new in zip(before, arrays_of(other), arrays_of(raised), strict=True):
        assert np.array_equal(kept, old)
        assert np.array_equal(new, old + 1.0)


def test_arrays_that_change_places_are_put_together_anew():
    swap = bp.compile(lambda pair: (pair[1] + 0.0, pair[0] + 0.0), donate_argnums=0)
    pair = (np.ones(3), np.zeros(3))
    for expected in (0.0, 1.0, 0.0):
        found = swap(pair)
        assert all(a is b for a, b in zip(found, pair, strict=True))
        assert np.array_equal(found[0], np.full(3, expected))


def test_updates_are_made_in_place():
    source = bp.compile(step, donate_argnums=0).inspect(make_net(), X, T, 0.01).source
    assert "hidden_weights[i, j] -= " in source
    assert "_next" not in source


def test_a_loop_carries_in_donated_memory():
    @bp.compile(donate_argnums=0)
    def train(net, xs, ts, rate):
        return bp.fold(lambda net, sample: step(net, *sample, rate), net, (xs, ts))

    xs, ts = np.stack([X, -X, 2 * X]), np.stack([T, T, -T])
    expected = make_net()
    for x, t in zip(xs, ts, strict=True):
        expected = bp.compile(step)(expected, x, t, 0.01)
    net = make_net()
    given = arrays_of(net)
    net = train(net, xs, ts, 0.01)
    assert all(a is b for a, b in zip(arrays_of(net), given, strict=True))
    for a, b in zip(arrays_of(net), arrays_of(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert "_next" not in train.inspect(net, xs, ts, 0.01).source


A = np.linspace(1, 2, 9).reshape(3, 3)
B = np.linspace(-1, 3, 9).reshape(3, 3)
CAPTURED = np.linspace(2, 4, 9).reshape(3, 3)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (b, a),
        lambda a, b: (a, a),
        lambda a, b: (a + b, a - b),
        lambda a, b: (a @ b, b @ a),
        lambda a, b: (a.T, b[::-1] + a),
        lambda a, b: (np.roll(a, 1, axis=0) + b.T, np.cumsum(a, axis=0)),
        lambda a, b: (np.sort(a, axis=0), np.zeros_like(b)),
        lambda a, b: (np.full_like(a, 3.0), b * np.sum(a)),
        lambda a, b: (a + 1, a + 1, a[0], b),
        lambda a, b: (a - np.outer(a[0], b[:, 0]), b - 0.1 * (a.T @ b), np.sum(b)),
        lambda a, b: (np.where(a > b, a, b.T), b + CAPTURED),
        lambda a, b: (a.reshape(9)[::-1].reshape(3, 3), b / np.linalg.norm(a)),
        lambda a, b: (bp.fold(lambda c, row: c + np.outer(row, c[0]), a, b), b),
        lambda a, b: (bp.fold(lambda c, row: c + np.outer(row, a[0]), a, b), b * 2),
        lambda a, b: bp.scan(lambda c, row: (c * 0.5 + row, row @ c), a, b),
        lambda a, b: (bp.cond(a[0, 0] < 1.5, lambda a: a * b, lambda a: a - b, a), b),
        lambda a, b: (bp.while_loop(lambda c: np.sum(c) < 40.0, lambda c: c * 1.5, a), b + a[0]),
        lambda a, b: {"later": [b * 2], "first": a + b, "same": b + 1},
    ],
)
def test_values_are_those_of_the_function(function):
    expected = bp.compile(function)(A, B)
    a, b = A.copy(), B.copy()
    found = bp.compile(function, donate_argnums=(0, 1))(a, b)
    leaves = bp.tree.leaves(found)
    assert any(leaf is a for leaf in leaves)
    assert any(leaf is b for leaf in leaves)
    for one, other in zip(leaves, bp.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_arguments_are_donated_however_they_are_passed():
    with pytest.raises(ArgumentError, match="static and donated"):
        bp.compile(lambda x, n: x, static_argnums=1, donate_argnums=-1)
    with pytest.raises(ArgumentError, match="donate_argnums names argument 2"):
        bp.compile(lambda x, n: x, donate_argnums=2)

    @bp.compile(donate_argnums=1, static_argnums=0)
    def scaled(times, x, rate=2.0):
        return x * times * rate

    for _ in range(2):
        x = np.ones(3)
        assert scaled(3, x, rate=4.0) is x
        assert scaled(2, rate=0.5, x=x) is x
        np.testing.assert_array_equal(x, [12.0] * 3)
    assert scaled(2, 1.5) == 6.0  # numbers have nothing to donate


def refuses(call, message):
    for _ in range(2):
        with pytest.raises(DonationError, match=message):
            call()


def test_what_cannot_be_updated_is_refused():
    @bp.compile(donate_argnums=0)
    def shift(layer, x):
        return Layer(layer.weights + x, layer.bias * 2)

    def fresh():
        return np.ones((2, 2))

    x, bias = np.ones(2), np.ones(2)
    fine = Layer(fresh(), bias)
    assert shift(fine, x).weights is fine.weights
    fixed = fresh()
    fixed.flags.writeable = False
    refuses(lambda: shift(Layer(fixed, bias), x), r"layer\.weights is donated, and is read-only")
    refuses(lambda: shift(Layer(np.ones((4, 2))[::2], bias), x), r"layer\.weights is donated.* strides \(32, 8\)")
    refuses(lambda: shift(Layer(np.asfortranarray(np.ones((2, 2)) * 2), bias), x), r"layer\.weights.* strides")
    refuses(lambda: shift(Layer(np.ones((2, 2), ">f8"), bias), x), r"layer\.weights is donated, and is an array of >f8")
    whole = np.ones(8)
    apart = Layer(whole[:4].reshape(2, 2), whole[4:6])
    assert shift(apart, whole[6:]).bias is apart.bias
    overlapping = Layer(whole[:4].reshape(2, 2), whole[3:5])
    refuses(lambda: shift(overlapping, x), r"layer\.weights is donated, and shares memory with layer\.bias")
    refuses(lambda: shift(Layer(fresh(), x), x), r"layer\.bias is donated, and shares memory with another argument")
    refuses(lambda: shift(apart, whole[4:8:2]), r"layer\.bias is donated, and shares memory with another argument")
    np.testing.assert_array_equal(shift(fine, x).bias, [4.0, 4.0])


def test_captured_arrays_are_not_written_over():
    table = np.ones(3)

    @bp.compile(donate_argnums=0)
    def add(x):
        return x + table

    x = np.zeros(3)
    assert add(x) is x
    refuses(lambda: add(table), "x is donated, and shares memory with an array that the function has captured")
    np.testing.assert_array_equal(add(x), [2.0, 2.0, 2.0])


def test_results_that_do_not_fit_are_refused():
    x = np.ones((2, 3))
    other_shape = r"x is f64\[2,3\], and what takes its place f64\[3,2\]"
    refuses(lambda: bp.compile(lambda x: x.T, donate_argnums=0)(x), other_shape)
    refuses(lambda: bp.compile(lambda x: x > 0, donate_argnums=0)(x), r"what takes its place bool\[2,3\]")
    refuses(lambda: bp.compile(lambda layer: layer.bias, donate_argnums=0)(Layer(x, x)), "has its structure")
    refuses(lambda: bp.compile(lambda x, y: x + y, donate_argnums=(0, 1))(x, x + 1), "y is donated")
    np.testing.assert_array_equal(x, np.ones((2, 3)))


def test_within_other_functions_nothing_is_donated():
    double = bp.compile(lambda x: 2 * x, donate_argnums=0)
    x = np.ones(3)
    np.testing.assert_array_equal(bp.grad(lambda x: np.sum(double(x) * x))(x), [4.0] * 3)
    np.testing.assert_array_equal(bp.compile(lambda x: double(x) + x)(x), [3.0] * 3)
    np.testing.assert_array_equal(x, np.ones(3))


def test_threads_update_their_own_arrays():
    update = bp.compile(lambda x, y: x + y, donate_argnums=0)
    arrays = [np.zeros(1000) for _ in range(4)]

    def run(x):
        for _ in range(200):
            assert update(x, np.ones(1000)) is x

    threads = [threading.Thread(target=run, args=(x,)) for x in arrays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for x in arrays:
        np.testing.assert_array_equal(x, np.full(1000, 200.0))
