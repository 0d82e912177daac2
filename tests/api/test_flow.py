"""`control_flow="python"`: loops and branches over traced values give what Python gives, with derivatives."""

import inspect
import math

import numpy as np
import pytest

import staticbp as bp
from staticbp.api.flow import in_control
from staticbp.core.interpret import interpret

rng = np.random.default_rng(0)


def interpreted(function, *args):
    """The result of a compiled function by the interpreter of its graph."""
    call = function._call(args, {})
    compilation = function._compilation(call)
    results = interpret(compilation.graph, call.leaves)
    return compilation.outputs.join(results)


def newton(a):
    x = a
    while abs(x * x - a) > 1e-12:
        x = 0.5 * (x + a / x)
    return x


def payoff(s, k):
    if s < k:
        return 0.0
    elif s > 2 * k:
        return k + 0 * s
    return (s - k) ** 2


def bisected(a):
    low, high = 0.0, 4.0
    while True:
        middle = 0.5 * (low + high)
        if high - low < 1e-6:
            break
        if middle**3 > a:
            high = middle
        else:
            low = middle
    return a * middle


def positive_rows(X, w):
    total = 0.0
    for row in X:
        score = row @ w
        if score < 0:
            continue
        total += score * score
    return total


def first_above(x, limit):
    for i, value in enumerate(x):
        if value > limit:
            return value * (i + 1)
    return -np.sum(x)


def as_often(x, n):
    y = x
    for i in range(n):
        y = np.sin(y) + 0.1 * i
    return y


def nested(x, n):
    total = 0.0
    for i in range(1, n, 2):
        for j in range(i):
            if 0.2 < x * j < 3.0 and not i == j:  # noqa: SIM201 - as it is written
                total += x * j
            elif i > 4 or j > 7:
                break
        while total > 10:
            total = total / 2
    return total if total > 1 else total - x


def inner_return(x, n):
    for i in range(n):
        for j in range(n):
            if x * (i + j) > 2.0:
                return x * i - j
    return x


def products(x, y):
    total = 1.0
    for a, b in zip(x, y):  # noqa: B905 - as it is written
        if a > b:
            total = total * a
        else:
            total += b
    return total


def capped(x):
    total = x
    for step in (0.5, 1.0, 2.0):
        if total > 3.0:
            break
        total = total + step * x
    return total


def counted(x):
    steps = 0
    while x > 1.0:
        x = x / 2
        steps += 1
    return x * steps


CASES = [
    (newton, (2.0,)),
    (payoff, (1.0, 2.0)),
    (payoff, (3.0, 2.0)),
    (payoff, (5.0, 2.0)),
    (positive_rows, (rng.normal(size=(6, 3)), np.array([1.0, -0.5, 0.3]))),
    (first_above, (np.array([0.1, 0.5, 0.9]), 0.4)),
    (first_above, (np.array([0.1, 0.5, 0.9]), 1.4)),
    (as_often, (0.3, 5)),
    (as_often, (0.3, 0)),
    (nested, (0.7, 6)),
    (nested, (0.01, 4)),
    (nested, (2.9, 12)),
    (inner_return, (0.6, 4)),
    (inner_return, (0.1, 4)),
    (products, (np.array([1.5, 0.2, 3.0]), np.array([1.0, 0.4, 2.0]))),
    (capped, (0.5,)),
    (capped, (2.1,)),
    (counted, (9.0,)),
]


@pytest.mark.parametrize(("function", "args"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_values_and_gradients(function, args):
    python = bp.differentiable(function, control_flow="python")
    value, slope = interpreted(python.value_and_grad, *args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-13)
    start = np.asarray(args[0], float)
    numeric = np.zeros_like(start)
    for index in np.ndindex(start.shape):
        shifted = []
        for sign in (1, -1):
            moved = start.copy()
            moved[index] += sign * 1e-6
            shifted.append(function(moved if start.ndim else float(moved), *args[1:]))
        numeric[index] = (shifted[0] - shifted[1]) / 2e-6
    np.testing.assert_allclose(slope, numeric, rtol=1e-7, atol=1e-7)


def test_a_bisection_with_break():
    python = bp.differentiable(bisected, control_flow="python")
    value, slope = interpreted(python.value_and_grad, 2.0)
    assert value == bisected(2.0)
    assert slope == bisected(2.0) / 2.0  # what the loop leaves does not depend on `a` but by comparisons


def test_compiled():
    python = bp.compile(nested, control_flow="python")
    assert python(0.7, 6) == nested(0.7, 6)
    source = python.inspect(0.7, 6).source
    assert "    while " in source
    assert "    for " not in source
    assert "test_flow.py" in source
    assert "total += x * j" in source


def test_conditions_that_are_not_traced_stay_pythons():
    @bp.differentiable(control_flow="python", static_argnames="depth")
    def f(x, depth, names=("a", "b")):
        found = {}
        for name in names:
            if name == "a" and depth > 1:
                found[name] = x
        while depth:
            x = np.sin(x)
            depth -= 1
        return x + len(found)

    np.testing.assert_allclose(interpreted(f, 0.5, 2), math.sin(math.sin(0.5)) + 1)
    assert "cond" not in str(f.inspect(0.5, 2).graph)


def test_closures_defaults_and_methods():
    rate = 0.5

    class Model:
        limit = 3.0

        @bp.differentiable(control_flow="python", argnums=1)
        def grown(self, x, *, factor=2.0):
            while x < self.limit:
                x = x * factor + rate
            return x

    assert Model().grown(1.0) == 5.5


def test_under_vmap_and_twice_differentiated():
    python = bp.differentiable(newton, control_flow="python")
    many = bp.compile(lambda xs: bp.vmap(python)(xs))
    np.testing.assert_allclose(interpreted(many, np.array([1.0, 4.0, 9.0])), [1.0, 2.0, 3.0])
    second = bp.grad(lambda a: python.grad(a))
    np.testing.assert_allclose(interpreted(second, 4.0), -1 / 32, rtol=1e-9)


def line_of(function, text):
    """The number of the line of a function that has a text in it."""
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def with_yield(x):
    yield x


def with_try(x):
    try:
        return x
    except ValueError:
        return 0.0


def with_else(x):
    while x > 1:
        x = x / 2
    else:  # noqa: PLW0120 - which is refused
        x = x + 1
    return x


def with_closure(x):
    def inner(y):
        return y * x

    while x > 1:
        x = x / 2
    return inner(x)


def with_walrus(x):
    while (y := x) > 1:
        x = y / 2
    return x


@pytest.mark.parametrize(
    ("function", "what", "text"),
    [
        (with_yield, "yield", "yield x"),
        (with_try, "try", "try:"),
        (with_else, "the else of a loop", "x = x + 1"),
        (with_closure, "an inner function that reads x", "def inner(y):"),
        (with_walrus, ":=", "while (y := x) > 1:"),
    ],
)
def test_what_is_refused_by_its_line(function, what, text):
    with pytest.raises(bp.errors.ControlFlowError, match=f"does not rewrite {what}") as caught:
        bp.compile(function, control_flow="python")
    assert caught.value.src.line == line_of(function, text)
    assert text in str(caught.value)


def in_one_branch(x):
    if x > 0:
        y = x
    return y


def in_the_loop(x, n):
    for i in range(n):
        y = x * i
    return y


def sometimes_something(x):  # noqa: RET503 - which is refused
    if x > 0:
        return x


@pytest.mark.parametrize(
    ("function", "args", "what"),
    [
        (in_one_branch, (1.0,), "y is read behind line .* and assigned in one branch of it only"),
        (in_the_loop, (1.0, 3), "y is read behind the loop in line .* which may never assign it"),
        (sometimes_something, (1.0,), "decides whether the function returns something"),
    ],
)
def test_variables_without_a_value(function, args, what):
    with pytest.raises(bp.errors.ControlFlowError, match=what):
        bp.compile(function, control_flow="python").inspect(*args).graph  # noqa: B018 - which traces it


def while_an_array(x):
    n = 0
    while x:
        x = x - 1
        n = n + 1
    return n


def test_a_loop_asks_one_number_and_says_so_by_its_own_line():
    with pytest.raises(bp.errors.ControlFlowError, match="a single truth value") as caught:
        bp.compile(while_an_array, control_flow="python")(np.ones(3))
    assert caught.value.src.text == "while x:"


def test_a_lambda_has_no_text_of_its_own():
    with pytest.raises(bp.errors.ControlFlowError, match="is a lambda"):
        bp.compile(lambda x: x if x > 0 else -x, control_flow="python")
    with pytest.raises(bp.errors.ArgumentError, match="is not known"):
        bp.compile(newton, control_flow="free")


def test_the_same_function_is_rewritten_once():
    assert in_control(newton, "python") is in_control(newton, "python")


def test_what_a_loop_carries_is_called_as_the_user_calls_it():
    def root(a, n):
        x, _left = a, n
        while abs(x * x - a) > 1e-12:
            x, _left = 0.5 * (x + a / x), _left - 1
        total = 0.0
        for k in range(n):
            if total > 10:
                break
            total = total + x * k
        for k in range(n):
            total = total + k
        return total, _left

    function = bp.compile(root, control_flow="python")
    source = function.inspect(2.0, 4).source
    assert "x = 0.5 * (x + a / x)" in source
    assert "total" in source
    assert "left" in source
    assert not [word for word in ("state", "carry", "variables", "_0") if word in source]
    assert interpreted(function, 2.0, 4) == pytest.approx(root(2.0, 4))
