"""Assignment to traced arrays is what it is to NumPy's, through views and under all names, or is refused."""

import numpy as np
import pytest

import staticbp as bp
from staticbp import numpy as bnp
from staticbp.core.schedule import Loop
from staticbp.core.traverse import walk
from staticbp.errors import LeakedTracerError, MutationError, ShapeError, StaticbpError, TracedIndexError
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from tests.fuzz import assignments
from tests.ops.checks import assert_value, graph_of
from tests.support import assert_lowered, lowered
from tests.support import graph_of as named_graph

X = np.arange(24.0).reshape(2, 3, 4) / 7 - 1
M = np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]])
V = np.array([0.5, -1.5, 2.5, -3.5])


def changed(change, *args):
    """A function that copies its first argument, changes the copy, and returns it."""

    def function(x, *others):
        x = x.copy()
        change(x, *others)
        return x

    assert_value(function, args)


CHANGES = {
    "element": lambda x: x.__setitem__((0, 1, 2), 5.0),
    "row": lambda x: x.__setitem__(1, x[0] * 2),
    "slice": lambda x: x.__setitem__((slice(None), slice(1, None)), x[:, :-1]),
    "backwards": lambda x: x.__setitem__(slice(None), x[::-1]),
    "strided": lambda x: x.__setitem__((..., slice(None, None, 2)), -1.0),
    "new axis": lambda x: x.__setitem__((None, 0), x[1]),
    "everything": lambda x: x.__setitem__(..., 3),
    "list": lambda x: x.__setitem__([1, 0], x),
    "twice the same": lambda x: x.__setitem__([0, 0, 1], x[[1, 0, 0]]),
    "arrays": lambda x: x.__setitem__((np.array([0, 1]), np.array([2, 0])), 7.0),
    "known mask": lambda x: x.__setitem__(X > 0, 1.0),
    "known mask of rows": lambda x: x.__setitem__(np.array([True, False]), x[1]),
    "traced mask": lambda x: x.__setitem__(x > 0, 0.5),
    "traced mask of rows": lambda x: x.__setitem__(x[:, 0, 0] > 0, x[0]),
    "traced index": lambda x: x.__setitem__((x[0, 0, 0] * 0).astype(int), 1.0),
    "traced indexes": lambda x: x.__setitem__((slice(None), (np.abs(x[0, 0, :2]) * 0).astype(int)), 2.0),
    "other dtype": lambda x: x.__setitem__(0, np.arange(12).reshape(3, 4)),
    "leading ones": lambda x: x.__setitem__(0, np.ones((1, 1, 3, 4))),
    "nothing": lambda x: x.__setitem__(slice(0, 0), 1.0),
    "of a view": lambda x: x[1:].__setitem__((0, 1), 9.0),
    "of a view of a view": lambda x: x[1][::2].T.__setitem__(slice(1, 3), 9.0),
    "fill": lambda x: x.fill(2),
    "sort": lambda x: x.sort(axis=1),
    "put": lambda x: x.put([0, -1, 3], [1.0, 2.0]),
    "copyto": lambda x: np.copyto(x, -x, where=x > 0),
    "putmask": lambda x: np.putmask(x, x > 0, [1.0, 2.0, 3.0]),
    "add.at": lambda x: np.add.at(x, [0, 0, 1], 0.5),
    "subtract.at": lambda x: np.subtract.at(x, (slice(None), [0, 0]), 0.5),  # type: ignore[arg-type]
    "out": lambda x: np.multiply(x, 2.0, out=x),
    "out of a view": lambda x: np.exp(x[0], out=x[1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_assignments(change):
    changed(change, X)


def test_matrices():
    changed(lambda x: np.fill_diagonal(x, [1.0, 2.0]), M)
    changed(lambda x: np.fill_diagonal(x, 0.0, wrap=True), np.ones((5, 2)))
    changed(lambda x: np.put_along_axis(x, np.array([[0], [2]]), 9.0, 1), M)
    changed(lambda x: np.put_along_axis(x, np.array([5, 0]), np.array([1.0, 2.0]), None), M)
    changed(lambda x: x.__imatmul__(np.ones((3, 3))), M)


def test_augmented_assignments():
    def function(x):
        x = x.copy()
        same = x
        x += 1
        x[0] *= 2
        x[1:, ::2] -= x[0, 1]
        x[x > 2] /= 4
        x[[0, 1]] **= 2
        row = x[-1]
        row //= 0.25
        x[0, 1] += same[1, 0]
        count = np.ones_like(x, dtype=int)
        count <<= 2
        count |= 1
        count ^= 2
        count &= 7
        count >>= 1
        number = x.sum()
        before = number
        number += 1
        return x, same, row, count, number, before

    assert_value(function, [np.abs(M)])


def test_elements_taken_by_a_traced_mask():
    def function(x):
        y = np.zeros_like(x)
        mask = x > 0
        y[mask] = np.sqrt(x[mask]) + 2 * x[mask] ** 2 - 1
        y[~mask] = -x[~mask]
        rows = x[:, 0] > 0
        y[rows] += x[0]
        return y, x[mask].sum(), np.mean(x[mask]), np.prod(x[x < 0])

    assert_value(function, [M])
    slope = bp.grad(lambda x: np.sum(function(x)[0]))(M)
    wanted = np.where(M > 0, 0.5 / np.sqrt(np.abs(M)) + 4 * M, -1.0)
    wanted[0] += 1
    np.testing.assert_allclose(slope, wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x[x > 0], "would depend on its values"),
        (lambda x: np.sort(x[x > 0]), "would depend on its values"),
        (lambda x: x[x > 0] + V[:2], "beside an array of known size"),
        (lambda x: x[x > 0] + x[x > 1], "beside another"),
        (lambda x: len(x[x > 0]), "would depend on its values"),
        (lambda x: x.copy().__setitem__(x > 0, V[:2]), "how many elements the mask picks"),
        (lambda x: x.copy().__setitem__(x > 0, x[x > 1]), "taken by one traced mask"),
        (lambda x: x.copy().__setitem__(x[:2] > 0, 1.0), "did not match"),
    ],
)
def test_traced_masks_that_are_refused(function, reason):
    with pytest.raises(TracedIndexError, match=reason) as caught:
        graph_of(function, [V])
    assert caught.value.src is not None


VIEWS = [
    lambda a: a[1:],
    lambda a: a[0],
    lambda a: a[0, ...],
    lambda a: a[:, ::-1][..., None],
    lambda a: a.reshape(-1),
    lambda a: a.T,
    lambda a: np.ravel(a=a),
    lambda a: a.swapaxes(0, 1),
    lambda a: np.split(a, 2)[0],
    lambda a: np.flip(a)[1],
    lambda a: np.atleast_3d(a),
    lambda a: next(iter(a)),
    lambda a: a[0][1:],
    lambda a: a[(a[0, 0] * 0).astype(int)],
    lambda a: a.reshape(6)[::2],
    lambda a: np.moveaxis(a, 0, 1)[0],
    lambda a: a[0, 0, ...],
    lambda a: np.rot90(a),
]


@pytest.mark.parametrize("view", VIEWS)
def test_views_and_their_bases_change_together(view):
    def through_view(a):
        a = a.copy()
        part = view(a)
        part += 1
        return a, part

    def through_base(a):
        a = a.copy()
        part = view(a)
        other = view(a)
        a *= 2
        other[...] = 5
        return part, other, a

    assert_value(through_view, [M])
    assert_value(through_base, [M])


def test_the_only_row_of_a_slice_is_in_its_memory():
    def through_row(a):
        a = a.copy()
        row = a[1]
        row[:, 0] *= -1.5
        return a, np.expand_dims(row, 0), row

    def of_argument(a):
        copy = np.copy(a.reshape(1, *a.shape)[0])
        np.fill_diagonal(copy, 0.75)
        return copy * a, copy

    assert_value(through_row, [X])
    assert_lowered(run(run(graph_of(through_row, [X]), PRIMAL), JOINT), [X])
    assert_value(of_argument, [M])
    assert_lowered(run(run(graph_of(of_argument, [M]), PRIMAL), JOINT), [M])


def test_copies_are_apart():
    def function(a):
        a = a.copy()
        parts = [
            a[1:].copy(),
            a[[0, 1]],
            a.flatten(),
            a + 0,
            np.array(a) if isinstance(a, np.ndarray) else bnp.array(a),
            a.astype(float),
            np.repeat(a, 1),
            np.concatenate([a]),
            np.where(True, a, a),
            np.roll(a, 0),
            np.clip(a, None, 10),
        ]
        a[:] = 7
        for part in parts:
            part[...] += 1
        return (a, *parts)

    assert_value(function, [M])


REFUSED = {
    "argument": (lambda x: x.__setitem__(0, 1.0), MutationError, "argument"),
    "view of an argument": (lambda x: x[0].__iadd__(1.0), MutationError, "argument"),
    "read-only": (lambda x: np.diagonal(x.copy()).__setitem__(0, 1.0), MutationError, "np.diagonal"),
    "repeated": (lambda x: np.broadcast_to(x.copy(), (2, 2, 3)).fill(0.0), MutationError, "np.broadcast_to"),
    "too large": (lambda x: x.copy().__iadd__(np.ones((2, 2, 3))), MutationError, "cannot hold"),
    "of other dtype": (lambda x: x.astype(int).__iadd__(0.5), MutationError, "cannot hold"),
    "does not fit": (lambda x: x.copy().__setitem__(0, np.ones(4)), ShapeError, "cannot be assigned"),
    "out of range": (lambda x: x.copy().__setitem__(5, 1.0), TracedIndexError, "out of bounds"),
    "a plain array": (lambda x: np.ones(3).__iadd__(x[0]), MutationError, "plain array"),
    "out=": (lambda x: np.add(x, 1.0, out=np.ones((2, 3))), MutationError, "plain array"),
    "a plain element": (lambda x: np.ones(3).__setitem__(0, x[0, 0]), MutationError, "plain array"),
}


@pytest.mark.parametrize(("change", "error", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(change, error, reason):
    with pytest.raises(error, match=reason) as caught:
        graph_of(lambda x: [change(x), x][1], [M])
    assert isinstance(caught.value, StaticbpError)
    assert caught.value.src is not None
    assert caught.value.src.file == "test_mutation.py"


def test_what_may_be_a_view_is_not_used_after_it_may_have_changed():
    def through_view(x):
        y = np.tanh(x).T  # in NumPy, in an order that depends on that of x
        flat = y.reshape(-1)
        flat[0] = 1.0
        return y

    def through_base(x):
        y = np.tanh(x)
        flat = y.ravel()
        y[0] = 1.0
        return flat

    def either(x):
        y = np.tanh(x)
        flat = y.ravel()
        flat[0] = 1.0
        return flat

    for function in (through_view, through_base):
        with pytest.raises(MutationError, match="whether NumPy had to copy it"):
            graph_of(function, [M])
    assert_value(either, [M])


def test_bodies_write_to_their_own_arrays_alone():
    def own(x):
        def step(i, carry):
            carry = carry.copy()
            carry[i] = 2 * carry[i - 1]
            own = np.zeros_like(carry)
            own[1:] += carry[:-1]
            return carry + own

        return bp.fori_loop(1, 3, step, x)

    y = V.copy()
    for i in range(1, 3):
        y[i] = 2 * y[i - 1]
        y[1:] += y[:-1].copy()
    np.testing.assert_allclose(bp.compile(own)(V), y)

    def outer(x):
        y = x.copy()

        def step(i, total):
            y[i] = total
            return total + 1

        return bp.fori_loop(0, 3, step, 0.0) + y[0]

    with pytest.raises(MutationError, match=r"would be lost(.|\n)*y\[i\] = total"):
        graph_of(outer, [V])


def test_outer_arrays_are_seen_as_they_are_when_the_body_is_traced():
    def function(x):
        y = x.copy()
        part = y[1:]
        y[1] = 10.0
        total = bp.fori_loop(0, 2, lambda i, s: s + np.sum(part), 0.0)
        y[1] = 20.0
        slope = bp.grad(lambda z: np.sum(z * part))(part)
        return total, slope, part

    total, slope, part = bp.compile(function)(V)
    assert total == 2 * (10.0 + V[2] + V[3])
    np.testing.assert_array_equal(slope, [20.0, *V[2:]])
    np.testing.assert_array_equal(part, [20.0, *V[2:]])


def test_after_its_function_an_array_is_not_written_to():
    kept = []

    def function(x):
        kept.append(x.copy())
        return x

    graph_of(function, [V])
    with pytest.raises(LeakedTracerError):
        kept[0][0] = 1.0


# ---- in place ---------------------------------------------------------------------------------------------------


def rows(x):
    out = bnp.zeros((6, 3))
    for i in range(6):
        out[i] = np.sin(x * i)
    return out


def recurrence(x):
    out = bnp.zeros(50)
    out[0] = x

    def step(i, out):
        out = out.copy()
        out[i] = np.sin(out[i - 1])
        return out

    return bp.fori_loop(1, 50, step, out)


def test_rows_are_written_where_they_belong():
    x = np.ones(3)
    graph = run(named_graph(rows, x), PRIMAL)
    schedule = lowered(graph)
    assert schedule.temporaries == []
    assert_lowered(graph, [x])


def test_a_loop_writes_elements_of_what_it_carries_in_place():
    def slope(x):
        return bp.grad(lambda x: np.sum(recurrence(x) ** 2))(x)

    for function in (recurrence, slope):
        graph = run(run(named_graph(function, 0.5), PRIMAL), JOINT)
        steps = [s for s in walk(lowered(graph).body) if isinstance(s, Loop) and s.sequential]
        assert steps
        assert not any(isinstance(inner, Loop) for step in steps for inner in walk(step.body))
        assert_lowered(graph, [0.5])


def test_what_is_read_later_is_not_written_over():
    def function(x):
        y = np.sin(x)
        before = y * 2  # inlined where it is read, but for the assignment
        y[0] = 7.0
        y[1:] = y[:-1]
        flipped = y.T.copy()
        y[:, 0] = before[:, 1]
        return y, before, flipped

    graph = run(named_graph(function, M), PRIMAL)
    for found, wanted in zip(assert_lowered(graph, [M]), function(M), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_indexes_that_were_assigned_are_checked_again():
    def function(x, places):
        places = places.copy()
        first = x[places]
        places[0] = places[1] * 9
        return first + x[places]

    compiled = bp.compile(function)
    np.testing.assert_array_equal(compiled(V, np.array([1, 0])), [V[1] + V[0], 2 * V[0]])
    with pytest.raises(TracedIndexError):
        compiled(V, np.array([0, 1]))


def test_compiled_derivatives():
    def loss(x):
        y = bnp.zeros((3, 4))
        y[0] = x
        for i in range(1, 3):
            y[i] = np.tanh(y[i - 1]) * x
            y[i, ::2] += y[0, 1]
        y[y > 0.5] *= 2
        return np.sum(y * y)

    bp.testing.check_grads(loss, (V / 4,), order=1)
    stacked = np.stack([V / 4, V / 8])
    np.testing.assert_allclose(bp.vmap(bp.grad(loss))(stacked), [bp.grad(loss)(v) for v in stacked], rtol=1e-14)


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_random_programs(first):
    outcomes = [assignments.check(seed, derivatives=seed % 4 == 0) for seed in range(first, first + 20)]
    assert outcomes.count("same") > 15
