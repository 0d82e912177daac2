"""What to write instead of a branch on a traced value, in the words of the user's own line."""

import pytest

import staticbp as bp
from staticbp.errors import TracedBranchError


def halves(x, y):
    if x > 0:
        z = x / 2
    else:
        z = y
    return z


def shrinks(x, y):
    if x > y:
        x *= 0.5
    return x


def both(x, y):
    if (x > 0 and not y > 1) or x < y < 2.0:
        x, y = y, x
    return x


def swaps(x, y):
    if x > y:
        a = x
        b = y
    else:
        a = y
        b = x
    return a - b


def returns(x, y):
    if x > y:
        return x
    else:
        return y + 1.0


def falls_through(x, y):
    if x > y:
        return x
    return y


def chosen(x, y):
    return 2.0 * (x if x > y else y + 1.0)


def chained(x, y):
    return x * (0 < y < 1)


def doubles(x, y):
    while x < y:
        x = 2.0 * x
    return x


def counts(x, y):
    n = 0
    while x < y and n < 9:
        x *= 2.0
        n += 1
    return x + n


def asserts(x, y):
    assert x < y
    return x


WRITTEN = {
    halves: "`z = np.where(x > 0, x / 2, y)`, or z = bp.cond(x > 0, f, g, x)",
    shrinks: "`x = np.where(x > y, x * 0.5, x)`",
    swaps: "`a, b = bp.cond(x > y, f, g, a, b)`",
    returns: "`return np.where(x > y, x, y + 1.0)`, or bp.cond(x > y, f, g, x)",
    falls_through: "`return np.where(x > y, x, y)`",
    chosen: "Write `np.where(x > y, x, y + 1.0)`.",
    chained: "Write `(0 < y) & (y < 1)`.",
    doubles: "`x = bp.while_loop(lambda x: x < y, lambda x: 2.0 * x, x)`",
    counts: "`x, n = bp.while_loop(test, step, (x, n))`, where test(state) returns np.logical_and(x < y, n < 9)",
    asserts: "Leave the assert out",
}


@pytest.mark.parametrize("function", WRITTEN, ids=lambda f: f.__name__)
def test_the_line_in_other_words(function):
    with pytest.raises(TracedBranchError) as caught:
        bp.grad(function)(0.5, 2.0)
    assert WRITTEN[function] in str(caught.value)


def test_general_advice_where_nothing_better_is_known():
    with pytest.raises(TracedBranchError, match=r"Write np\.where\(condition, a, b\)"):
        bp.grad(both)(0.5, 2.0)
    with pytest.raises(TracedBranchError, match=r"np\.minimum/np\.maximum in place of min/max"):
        bp.grad(lambda x: max(x, 1.0))(0.5)


def test_without_source_text():
    namespace = {}
    exec("def f(x):\n    return x if x > 0 else -x", namespace)
    with pytest.raises(TracedBranchError, match=r"Write np\.where\(condition"):
        bp.grad(namespace["f"])(0.5)
