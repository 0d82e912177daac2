"""scan and fold: values, derivatives, and carries that do not keep their type."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ControlFlowError

XS = np.array([1.0, 2.0, 3.0, 4.0])


def test_scan_is_a_loop():
    carry, ys = bp.scan(lambda c, x: (c * 0.5 + x, {"c": c, "n": 1}), 10.0, XS)
    expected, seen = 10.0, []
    for x in XS:
        seen.append(expected)
        expected = expected * 0.5 + x
    assert carry == pytest.approx(expected)
    assert type(carry) is np.float64
    assert np.allclose(ys["c"], seen)
    assert np.array_equal(ys["n"], [1, 1, 1, 1])


def test_reverse_and_length():
    carry, ys = bp.scan(lambda c, x: (c + x, c), 0.0, XS, reverse=True)
    assert carry == 10.0
    assert np.array_equal(ys, [9.0, 7.0, 4.0, 0.0])
    assert bp.fold(lambda c, _: c * 2.0, 1.0, None, length=10) == 1024.0
    carry, ys = bp.scan(lambda c, _: (c + 1, None), 0, None, length=3)
    assert (carry, ys) == (3, None)
    assert bp.fold(lambda c, x: c + x, 5.0, np.zeros(0)) == 5.0


def test_structures_are_carried_and_looped_over():
    def step(carry, x):
        return {"sum": carry["sum"] + x[0], "last": x[1]}

    out = bp.fold(step, {"sum": np.zeros(2), "last": 0.0}, (np.ones((4, 2)), XS))
    assert np.array_equal(out["sum"], [4.0, 4.0])
    assert out["last"] == 4.0


def test_weak_carries_are_strengthened():
    assert type(bp.fold(lambda c, x: c + x, 0, XS)) is np.float64
    assert type(bp.fold(lambda c, x: c + x, 0.0, XS.astype(np.float32))) is np.float32
    # Python scalars stay weak: nothing is promoted by them.
    out = bp.fold(lambda c, x: (c[0] + 1, c[1] * c[0] + x), (0, np.float32(0.0)), XS.astype(np.float32))
    assert out[1].dtype == np.float32
    assert bp.fold(lambda c, x: 0.0, np.float32(1.0), XS).dtype == np.float32


def test_carries_that_change_are_refused():
    with pytest.raises(ControlFlowError, match="changes the dtype of c from float32 to float64") as caught:
        bp.fold(lambda c, x: c + x, np.float32(0.0), XS)
    assert "test_loops.py" in str(caught.value)
    with pytest.raises(ControlFlowError, match=r"changes the shape of c\['w'\] from \(2,\) to \(1,\)"):
        bp.fold(lambda c, x: {"w": c["w"][:1]}, {"w": np.zeros(2)}, XS)
    with pytest.raises(ControlFlowError, match="carry of structure"):
        bp.fold(lambda c, x: (c, x), 0.0, XS)
    with pytest.raises(ControlFlowError, match=r"expects \(carry, y\)"):
        bp.scan(lambda c, x: c + x, 0.0, XS)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ControlFlowError, match=r"x\[0\] has 4, x\[1\] has 3"):
        bp.fold(lambda c, x: c, 0.0, (XS, np.zeros(3)))
    with pytest.raises(ControlFlowError, match="length has 5, x has 4"):
        bp.fold(lambda c, x: c, 0.0, XS, length=5)
    with pytest.raises(ControlFlowError, match="nothing to loop over"):
        bp.fold(lambda c, x: c, 0.0, None)
    with pytest.raises(ControlFlowError, match="single number"):
        bp.fold(lambda c, x: c, 0.0, 3.0)


def test_derivatives_flow_through_loops():
    def f(a, xs):
        scale = np.exp(a)
        return bp.fold(lambda c, x: np.sin(c * scale) + x * a, 0.5, xs)

    def unrolled(a, xs):
        c = 0.5
        for x in xs:
            c = np.sin(c * np.exp(a)) + x * a
        return c

    assert f(0.3, XS) == pytest.approx(unrolled(0.3, XS))
    for x, y in zip(bp.grad(f, (0, 1))(0.3, XS), bp.grad(unrolled, (0, 1))(0.3, XS), strict=True):
        assert np.allclose(x, y, rtol=1e-12)
    assert bp.jvp(f, (0.3, XS), (1.0, XS))[1] == pytest.approx(bp.jvp(unrolled, (0.3, XS), (1.0, XS))[1])
    assert np.allclose(bp.vmap(f, (0, None))(XS, XS), [unrolled(a, XS) for a in XS])


def test_gradients_inside_the_step():
    def loss(w, x):
        return np.sum((w - x) ** 2)

    @bp.compile
    def train(w, xs, rate):
        return bp.fold(lambda w, x: w - rate * bp.grad(loss)(w, x), w, xs)

    w, xs = np.zeros(2), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    expected = w
    for x in xs:
        expected = expected - 0.1 * 2 * (expected - x)
    assert np.allclose(train(w, xs, 0.1), expected)
    assert np.array_equal(w, np.zeros(2))
    # And through the training.
    rate_gradient = bp.grad(lambda rate: loss(train(w, xs, rate), 1.0))(0.1)
    step = 1e-6
    numeric = (loss(train(w, xs, 0.1 + step), 1.0) - loss(train(w, xs, 0.1 - step), 1.0)) / (2 * step)
    assert rate_gradient == pytest.approx(numeric, rel=1e-6)


def test_captured_arrays_are_read_anew():
    table = np.array([1.0, 2.0])

    def total(x):
        return bp.fold(lambda c, row: c + row @ table, x, np.eye(2))

    assert total(0.0) == 3.0
    compiled = bp.compile(total)
    assert compiled(0.0) == 3.0
    table[0] = 10.0
    assert compiled(0.0) == 12.0


def test_nested_loops():
    def f(x):
        def outer(c, row):
            return bp.fold(lambda d, y: d * x + y, c, row)

        return bp.fold(outer, 0.0, np.ones((2, 3)))

    assert f(2.0) == sum(2.0**k for k in range(6))
    assert bp.grad(f)(2.0) == pytest.approx(sum(k * 2.0 ** (k - 1) for k in range(6)))


def test_progress_of_a_long_loop():
    seen = []
    with bp.progress(lambda done, total: seen.append((done, total))):
        bp.fold(lambda c, _: np.sin(c) + 0.1 * c, np.ones(100), None, length=400_000)
    assert seen[-1] == (400_000, 400_000)
    assert seen == sorted(seen)
    assert len(seen) > 1


def test_a_long_loop_hears_ctrl_c(run_python):
    process = run_python(
        """
        import signal, threading, time
        import numpy as np
        import staticbp as bp

        @bp.compile
        def spin(x):
            return bp.fold(lambda c, _: np.sin(c) + 0.1 * c, x, None, length=2**40)

        # A shell that runs the tests in the background has interrupts ignored, and Python leaves it at that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        pressed = []

        def press():
            pressed.append(time.perf_counter())
            signal.raise_signal(signal.SIGINT)

        def watch(done, total):
            if not pressed:
                threading.Timer(0.2, press).start()
                pressed.append(0.0)

        try:
            with bp.progress(watch):
                spin(np.ones(50))
        except KeyboardInterrupt:
            print("heard after", time.perf_counter() - pressed[-1])
        print(bp.compile(lambda x: x + 1.0)(1.0))
        """
    )
    heard, after = process.stdout.splitlines()
    assert float(heard.removeprefix("heard after ")) < 5.0
    assert after == "2.0"
