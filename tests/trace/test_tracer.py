"""What cannot be traced raises its own error, with the user's line and what to write instead."""

import numpy as np
import pytest

from staticbp.core.aval import FLOAT64, Aval
from staticbp.errors import (
    DtypeError,
    LeakedTracerError,
    MutationError,
    NumpyCallError,
    ShapeError,
    StaticbpError,
    TracedArrayError,
    TracedBranchError,
    TracedConversionError,
    TracedIndexError,
    UnsupportedFunctionError,
)
from staticbp.trace.trace import trace

SCALAR, VECTOR, MATRIX = Aval((), FLOAT64), Aval((3,), FLOAT64), Aval((2, 3), FLOAT64)


def branch(x):
    if x > 0:
        return x
    return -x


def loop_until(x):
    while x < 1.0:
        x = 2.0 * x
    return x


def either(x):
    return x or 1.0


def asserting(x):
    assert x > 0
    return x


def is_in(x):
    return 1.0 in x


def to_float(x):
    return float(x) * 2.0


def to_int(x):
    return int(x) * 2.0


def ranged(x):
    return sum(i * 1.0 for i in range(x))


def as_index(x):
    return [1.0, 2.0][x]


def item(x):
    return x.item()


def of_list(x):
    return np.array([x, x])


def of_itself(x):
    return np.asarray(x)


def stored(x):
    y = np.zeros(3)
    y[0] = x
    return y


def assigned(x):
    x[0] = 1.0
    return x


def written_to(x):
    y = np.zeros(3)
    y += x
    return y


def argument_changed(x):
    y = x
    y += 1.0
    return x * 2.0


def unsupported(x):
    return np.unique(x)


def unsupported_method(x):
    return x.tobytes()


def unsupported_option(x):
    return np.sum(x, out=np.zeros(()))


def shapes_differ(x):
    return x + np.ones(4)


def product_of_shapes(x):
    return np.ones((2, 4)) @ x


def out_of_range(x):
    return x[5]


def half(x):
    return x.astype(np.float16)


def not_numpys(x):
    return np.transpose(x, (0, 1, 2))


CASES = [
    (branch, SCALAR, TracedBranchError, "if x > 0:", "return np.where(x > 0, x, -x)"),
    (loop_until, SCALAR, TracedBranchError, "while x < 1.0:", "bp.while_loop(lambda x: x < 1.0, lambda x: 2.0 * x, x)"),
    (either, SCALAR, TracedBranchError, "return x or 1.0", "np.where"),
    (asserting, SCALAR, TracedBranchError, "assert x > 0", "Leave the assert out"),
    (is_in, VECTOR, TracedBranchError, "return 1.0 in x", "np.where"),
    (to_float, SCALAR, TracedConversionError, "return float(x) * 2.0", "static_argnums"),
    (to_int, SCALAR, TracedConversionError, "return int(x) * 2.0", "static_argnums"),
    (ranged, SCALAR, TracedConversionError, "return sum(i * 1.0 for i in range(x))", "static_argnums"),
    (as_index, SCALAR, TracedConversionError, "return [1.0, 2.0][x]", "static_argnums"),
    (item, SCALAR, TracedConversionError, "return x.item()", "static_argnums"),
    (of_list, SCALAR, TracedArrayError, "return np.array([x, x])", "np.stack"),
    (of_itself, VECTOR, TracedArrayError, "return np.asarray(x)", "from staticbp import numpy"),
    (stored, SCALAR, MutationError, "y[0] = x", "np.stack"),
    (assigned, VECTOR, MutationError, "x[0] = 1.0", "np.where"),
    (written_to, VECTOR, MutationError, "y += x", "y = y + x"),
    (argument_changed, VECTOR, MutationError, "y += 1.0", "x.copy()"),
    (unsupported, VECTOR, UnsupportedFunctionError, "return np.unique(x)", "np.sort"),
    (unsupported_method, VECTOR, UnsupportedFunctionError, "return x.tobytes()", ""),
    (unsupported_option, VECTOR, UnsupportedFunctionError, "return np.sum(x, out=np.zeros(()))", ""),
    (shapes_differ, VECTOR, ShapeError, "return x + np.ones(4)", ""),
    (product_of_shapes, VECTOR, ShapeError, "return np.ones((2, 4)) @ x", ""),
    (out_of_range, VECTOR, TracedIndexError, "return x[5]", ""),
    (half, VECTOR, DtypeError, "return x.astype(np.float16)", "float32"),
    (not_numpys, MATRIX, StaticbpError, "return np.transpose(x, (0, 1, 2))", ""),
]


@pytest.mark.parametrize(("function", "aval", "error", "line", "advice"), CASES, ids=[c[0].__name__ for c in CASES])
def test_errors_name_the_line_and_what_to_write(function, aval, error, line, advice):
    with pytest.raises(error) as caught:
        trace(lambda x: [function(x)], function.__name__, [aval], ["x"])
    assert isinstance(caught.value, StaticbpError)
    assert caught.value.src is not None
    assert caught.value.src.file == "test_tracer.py"
    assert caught.value.src.text == line
    assert line in str(caught.value)
    assert advice in (caught.value.advice or "")


def test_errors_are_the_builtin_ones_too():
    for error, builtin in (
        (TracedBranchError, TypeError),
        (ShapeError, ValueError),
        (TracedIndexError, IndexError),
        (LeakedTracerError, RuntimeError),
        (NumpyCallError, TypeError),
    ):
        assert issubclass(error, builtin)


def test_a_value_that_leaks_is_refused_wherever_it_is_used():
    kept = []

    def leak(x):
        kept.append(x)
        return [x]

    trace(leak, "leak", [SCALAR], ["x"])
    with pytest.raises(LeakedTracerError, match="'x' is used after its function was traced"):
        kept[0] + 1.0

    def other(y):
        return [y * kept[0]]

    with pytest.raises(LeakedTracerError) as caught:
        trace(other, "other", [SCALAR], ["y"])
    assert caught.value.src.text == "return [y * kept[0]]"


def test_a_traced_value_says_what_it_is():
    seen = []

    def look(x):
        seen.append(repr(x))
        assert (len(x), x.shape, x.ndim, x.size, x.dtype) == (2, (2, 3), 2, 6, FLOAT64)
        return [x.T.sum()]

    graph = trace(look, "look", [MATRIX], ["x"])
    assert seen == ["<traced x: f64[2,3]>"]
    assert graph.out_avals[0].shape == ()


def test_unpacking_and_iterating_unroll():
    def rows(x):
        first, second = x
        return [sum(row.sum() for row in x) + first @ second]

    graph = trace(rows, "rows", [MATRIX], ["x"])
    assert graph.out_avals == (SCALAR,)


def test_an_array_from_outside_is_indexed_by_take():
    table = np.arange(10.0)
    with pytest.raises(TracedArrayError, match=r"make it an argument, or write np\.take\(array, i\)"):
        trace(lambda i: [table[i]], "read", [Aval((), np.dtype(np.int64))], ["i"])
