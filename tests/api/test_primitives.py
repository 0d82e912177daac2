"""primitive: functions that Numba compiles as they stand, with traced rules; in loops, batches and the store."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.errors import (
    ArgumentError,
    DtypeError,
    GeneratedCodeError,
    NotDifferentiableError,
    ShapeError,
    StructureError,
)
from staticbp.passes.pipeline import expanded
from staticbp.runtime import native
from staticbp.runtime.load import JIT
from tests.ops.checks import assert_batching, assert_derivatives, graph_of, second_order_args
from tests.support import assert_close, assert_lowered

RNG = np.random.default_rng(2)
X = np.array([0.5, -1.0, 2.0])
SCALE = 2.0


def bucket(x, rate):
    """A bucket with a hole, which fills by x and loses at a rate."""
    out = np.empty_like(x)
    level = 0.0
    for i in range(len(x)):
        level = max(level + x[i] - rate, 0.0)
        out[i] = level
    return out


def bucket_vjp(g, out, x, rate):
    def step(later, row):
        here, full = row
        bar = np.where(full > 0, here + later, 0.0)
        return bar, bar

    _, x_bar = bp.scan(step, 0.0, (g, out), reverse=True)
    return x_bar, -np.sum(x_bar)


leaky = bp.primitive(bucket, vjp=bucket_vjp)


@bp.primitive(
    result=lambda x, y: (np.float64(0), x), in_place=True, jvp=lambda dots, out, x, y: products_jvp(dots, x, y)
)
def products(x, y, dot, each):
    total = 0.0
    for i in range(x.shape[0]):
        each[i] = x[i] * y[i]
        total += each[i]
    dot[0] = total


def products_jvp(dots, x, y):
    (dx, dy) = dots
    moved = dx * y + x * dy
    return np.sum(moved), moved


def filtered(x, rate):
    return np.tanh(leaky(x * x, rate)) * x


def both(x, y):
    dot, each = products(np.sin(x), y)
    return dot * np.sum(each**3), products(y, x)[0]


CASES = {"vjp": (filtered, (X, np.float64(0.3))), "jvp, in place, two results": (both, (X, 2 * X + 0.1))}


@pytest.mark.parametrize("case", CASES)
def test_derivatives_and_batches(case):
    function, args = CASES[case]
    graph = graph_of(function, args)
    reverse = assert_derivatives(graph, args, RNG)
    assert_derivatives(reverse, second_order_args(graph, args, RNG), RNG)
    assert_batching(graph, args, [True, True])
    assert_batching(graph, args, [True, False])
    assert_batching(graph, args, [False, True])


@pytest.mark.skipif(JIT, reason="the text is run as Python, and its kernels are Numba's; STATICBP_JIT=0 runs this")
def test_the_text_calls_the_kernel():
    graph = check_graph(expanded(graph_of(both, (X, X))))
    assert_lowered(graph, [X, X])


def test_compiled_with_what_is_around_it():
    args = (X, 0.3)
    assert_close(bp.compile(filtered)(*args), interpret(graph_of(filtered, args), args)[0])

    def loss(x, rate):
        return np.sum(filtered(x, rate))

    found = bp.grad(loss, (0, 1))(*args)
    step = 1e-6
    for i in range(3):
        e = step * np.eye(3)[i]
        assert found[0][i] == pytest.approx((loss_of(X + e, 0.3) - loss_of(X - e, 0.3)) / (2 * step), rel=1e-6)
    assert found[1] == pytest.approx((loss_of(X, 0.3 + step) - loss_of(X, 0.3 - step)) / (2 * step), rel=1e-6)
    source = bp.grad(loss, (0, 1)).inspect(*args).source
    assert source.count("native.bucket(") == 1
    assert "from staticbp.runtime import native" in source


def loss_of(x, rate):
    return np.sum(np.tanh(bucket(x * x, rate)) * x)


def test_in_loops_and_batches():
    def rows(xs):
        return bp.fold(lambda total, x: total + products(x, X)[0], 0.0, xs)

    xs = RNG.normal(size=(4, 3))
    total, many = bp.compile(lambda xs: (rows(xs), bp.vmap(products, in_axes=(0, None))(xs, X)))(xs)
    assert total == pytest.approx(np.sum(xs @ X))
    assert np.allclose(many[0], xs @ X)
    assert np.allclose(many[1], xs * X)
    assert np.allclose(bp.grad(rows)(xs), np.broadcast_to(X, (4, 3)))


def test_numbers_and_dtypes():
    @bp.primitive
    def doubled(x):
        return x * SCALE

    assert doubled(3.0) == 6.0
    assert type(doubled(np.float32(3.0))) is np.float32
    assert doubled(X.astype(np.float32)).dtype == np.float32

    index = bp.primitive(lambda x: np.argmax(x), lambda x: np.int64(0))
    assert bp.compile(lambda x: x[index(x)])(X) == 2.0
    assert np.array_equal(bp.grad(lambda x: x[index(x)])(X), [0, 0, 1])


def test_numbers_that_a_kernel_reads_may_change():
    factor = 2.0

    def scaled(x):
        return x * factor

    operation = bp.primitive(scaled)
    assert operation(3.0) == 6.0
    factor = 5.0
    assert operation(3.0) == 15.0


def test_a_dispatcher_of_numbas():
    numba = pytest.importorskip("numba")
    plus = bp.from_numba(numba.njit(lambda x, y: x + y), vjp=lambda g, out, x, y: (g, g))
    assert np.array_equal(bp.compile(plus)(X, X), 2 * X)
    assert np.array_equal(bp.grad(lambda x: np.sum(plus(x, x)))(X), [2, 2, 2])


def test_without_a_rule_there_is_no_derivative():
    floor = bp.primitive(lambda x: np.floor(x))
    with pytest.raises(NotDifferentiableError, match="is a primitive without vjp and jvp"):
        bp.grad(lambda x: np.sum(floor(x)))(X)


def test_errors():
    with pytest.raises(ArgumentError, match="x of the primitive bucket is a list, neither array nor number"):
        leaky([X, X], 1.0)
    with pytest.raises(StructureError, match="gives a str, not an array or a number"):
        bp.primitive(lambda x: x, lambda x: "x")(X)
    with pytest.raises(DtypeError, match="the result of"):
        bp.primitive(lambda x: x, lambda x: np.zeros(2, np.float16))(X)
    with pytest.raises(ShapeError, match="the cotangent of x the shape"):
        bp.primitive(lambda x: x, vjp=lambda g, out, x: np.sum(g))(X)


def test_results_of_another_type_are_noticed():
    number = native.register(lambda x: x, "one", 1, (True,), False)
    with pytest.raises(ShapeError, match=r"shape \(3,\), where its `result` says \(\)"):
        number.call([X], [((1,), np.dtype(float))])
    kernel = native.register(lambda x: x[:2], "shorter", 1, (False,), False)
    with pytest.raises(ShapeError, match=r"shape \(2,\), where its `result` says \(3,\)"):
        kernel.call([X], [((3,), np.dtype(float))])
    with pytest.raises(DtypeError, match="returns float64, where its `result` says int64"):
        native.register(lambda x: x, "same", 1, (False,), False).call([X], [((3,), np.dtype(int))])


@pytest.mark.skipif(not JIT, reason="nothing is compiled")
def test_what_numba_does_not_compile_is_said_of_the_function():
    def puzzling(x):
        return np.float64(len(str(x)) + {}.get("a", 1) + x.nonsense)

    with pytest.raises(GeneratedCodeError, match="Numba does not compile puzzling: ") as caught:
        bp.primitive(puzzling, lambda x: np.float64(0))(X)
    assert "def puzzling(x):" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_kernels_are_known_by_what_they_do():
    def made(factor):
        def scaled(x):
            return x * factor

        return scaled

    first, again, other = (native.register(made(f), "scaled", 1, (False,), False) for f in (2.0, 2.0, 3.0))
    assert first is again
    assert other.name != first.name
    assert first.digest != other.digest
    assert native.digests(f"native.{first.name}(x, y)") == [f"native {first.name} {first.digest}"]
    assert native.storable(f"native.{first.name}(x, y)")
    unknown = native.register(made({"a": 1}), "scaled", 1, (False,), False)
    assert unknown.digest is None
    assert not native.storable(f"native.{unknown.name}(x, y)")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = native.nothing


@pytest.mark.skipif(not JIT, reason="nothing is stored")
def test_the_next_process_finds_the_machine_code(run_python, tmp_path):
    code = """
    import sys
    import numpy as np
    import staticbp as bp

    def products(x, y, dot):
        total = 0.0
        for i in range(x.shape[0]):
            total += {factor} * x[i] * y[i]
        dot[0] = total

    dot = bp.primitive(products, lambda x, y: np.float64(0), in_place=True)
    print(bp.compile(lambda x: dot(x, x) + 1.0)(np.ones(3)), "numba" in sys.modules)
    """
    env = {"STATICBP_CACHE_DIR": str(tmp_path)}
    said = [run_python(code.replace("{factor}", factor), env).stdout.split() for factor in ("1.0", "1.0", "2.0")]
    assert said == [["4.0", "True"], ["4.0", "False"], ["7.0", "True"]]
