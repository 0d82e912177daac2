"""Classes of the user's own as structures, with their leaves and their arithmetic."""

import copy

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError, StructureError


class Tiny:
    """A positive number kept by its logarithm."""

    def __init__(self, log):
        self.log = log

    @classmethod
    def of(cls, value):
        return cls(np.log(value))

    def __mul__(self, other):
        return Tiny(self.log + other.log)

    def __add__(self, other):
        return Tiny(np.logaddexp(self.log, other.log))

    def __eq__(self, other):
        return type(other) is Tiny and self.log == other.log

    def __hash__(self):
        return hash(self.log)

    def __repr__(self):
        return f"Tiny({self.log})"


bp.register(
    Tiny,
    leaves=lambda p: p.log,
    make=Tiny,
    zero=lambda p: Tiny(-np.inf),
    add=lambda p, q: p + q,
    one=lambda p: Tiny(0.0),
)


@bp.register(leaves=lambda q: q.amount, static=lambda q: q.unit, make=lambda amount, unit: Quantity(amount, unit))
class Quantity:
    """A number of something, which is added to a number of the same only."""

    def __init__(self, amount, unit):
        self.amount = amount
        self.unit = unit

    def __mul__(self, other):
        return Quantity(self.amount * other.amount, f"{self.unit}·{other.unit}")

    def __add__(self, other):
        if self.unit != other.unit:
            raise TypeError(f"{self.unit} and {other.unit} are not added")
        return Quantity(self.amount + other.amount, self.unit)

    @bp.differentiable
    def squared(self):
        return self.amount**2


@bp.register(leaves=lambda c: {"re": c.re, "im": c.im}, make=lambda parts: Gauss(parts["re"], parts["im"]))
class Gauss:
    """A complex number as a pair."""

    __slots__ = ("im", "re")

    def __init__(self, re, im):
        self.re, self.im = re, im

    def __add__(self, other):
        return Gauss(self.re + other.re, self.im + other.im)

    def __mul__(self, other):
        return Gauss(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    def size(self):
        return self.re**2 + self.im**2


@bp.record
class Item:
    mass: Quantity
    chance: Tiny
    points: list


def item(k=1.0):
    return Item(Quantity(k * np.array([1.0, 2.0]), "kg"), Tiny(k * -3.0), [Gauss(k, 2.0 * k)])


def test_they_are_arguments_and_results():
    product = bp.compile(lambda p, q: p * q)
    assert product(Tiny(1.0), Tiny(2.0)) == Tiny(3.0)
    area = product(Quantity(2.0, "m"), Quantity(3.0, "m"))
    assert (area.amount, area.unit) == (6.0, "m·m")
    squared = product(Gauss(0.0, 1.0), Gauss(0.0, 1.0))
    assert (squared.re, squared.im) == (-1.0, 0.0)


def test_what_is_static_is_compiled_for():
    total = bp.compile(lambda a, b: a + b)
    assert total(Quantity(1.0, "kg"), Quantity(2.0, "kg")).unit == "kg"
    assert total(Quantity(1.0, "m"), Quantity(2.0, "m")).unit == "m"
    with pytest.raises(TypeError, match="m and kg are not added"):
        total(Quantity(1.0, "m"), Quantity(2.0, "kg"))
    assert len(total._forms) == 2
    with pytest.raises(ArgumentError, match="static in a Quantity is a list without a hash"):
        total(Quantity(1.0, ["kg"]), Quantity(2.0, ["kg"]))


def test_they_are_taken_apart_as_fast_as_records():
    """A gate, which is straight-line code, knows them; the generic walk is not needed."""
    f = bp.compile(lambda item: bp.tree.map(lambda x: 2 * x, item))
    first = f(item())
    assert f._gates
    again = f._gates[0]((item(),), {})
    assert again.mass.unit == first.mass.unit == "kg"
    assert np.array_equal(again.mass.amount, [2.0, 4.0])
    assert again.chance == Tiny(-6.0)
    assert again.points[0].im == 4.0


def test_derivatives_are_of_the_same_class():
    def f(item):
        return np.sum(item.mass.amount**2) * np.exp(item.chance.log) + item.points[0].size()

    slope = bp.grad(f)(item())
    assert type(slope) is Item
    assert np.allclose(slope.mass.amount, np.exp(-3.0) * np.array([2.0, 4.0]))
    assert slope.mass.unit == "kg"
    assert slope.chance.log == pytest.approx(5 * np.exp(-3.0))
    assert (slope.points[0].re, slope.points[0].im) == (2.0, 4.0)
    value, pullback = bp.vjp(lambda c: c * c, Gauss(1.0, 2.0))
    assert (value.re, value.im) == (-3.0, 4.0)
    (back,) = pullback(Gauss(1.0, 0.0))
    assert (back.re, back.im) == (2.0, -4.0)
    _, moved = bp.jvp(lambda c: c * c, (Gauss(1.0, 2.0),), (Gauss(0.0, 1.0),))
    assert (moved.re, moved.im) == (-4.0, 2.0)
    rows = bp.jacobian(lambda c: c * c)(Gauss(1.0, 2.0))
    assert (rows.re.re, rows.re.im, rows.im.re, rows.im.im) == (2.0, -4.0, 4.0, 2.0)
    assert bp.hessian(lambda p: p.log**3)(Tiny(2.0)).log.log == 12.0
    assert Quantity(3.0, "m").squared.grad().amount == 6.0


def test_they_are_carried_through_loops_and_branches():
    power = bp.compile(lambda c: bp.fold(lambda total, _: total * c, Gauss(1.0, 0.0), None, length=4))
    assert (power(Gauss(0.0, 1.0)).re, power(Gauss(0.0, 1.0)).im) == (1.0, 0.0)
    total, parts = bp.scan(lambda total, p: (total + p, total), Tiny(-np.inf), Tiny(np.log([1.0, 2.0, 3.0])))
    assert np.exp(total.log) == pytest.approx(6.0)
    assert np.allclose(np.exp(parts.log), [0.0, 1.0, 3.0])
    chosen = bp.compile(lambda n, a, b: bp.cond(n > 0, lambda: a, lambda: b))
    assert chosen(1, Gauss(1.0, 2.0), Gauss(3.0, 4.0)).im == 2.0
    sizes = bp.vmap(lambda c: c.size())(Gauss(np.array([1.0, 3.0]), np.array([2.0, 4.0])))
    assert np.array_equal(sizes, [5.0, 25.0])


def test_records_do_arithmetic_with_their_leaves():
    moved = item() - 0.5 * item(2.0)
    assert moved.chance == Tiny(0.0)
    assert not np.any(moved.mass.amount)
    assert moved.points[0].size() == 0.0
    assert bp.tree.ravel(item())[0].tolist() == [1.0, 2.0, -3.0, 2.0, 1.0]
    with pytest.raises(StructureError, match="different structures"):
        item() + bp.replace(item(), mass=Quantity(np.ones(2), "g"))


def test_zero_sum_and_one_of_their_own():
    assert bp.tree.zeros_like(Tiny(5.0)) == Tiny(-np.inf)
    assert bp.tree.ones_like([Tiny(5.0), 3.0]) == [Tiny(0.0), 1.0]
    assert bp.tree.add(Tiny(0.0), Tiny(0.0)).log == pytest.approx(np.log(2.0))
    three = bp.tree.add((Tiny(0.0), 1.0), (Tiny(0.0), 2.0), (Tiny(0.0), 3.0))
    assert three[0].log == pytest.approx(np.log(3.0))
    assert three[1] == 6.0
    zero = bp.tree.zeros_like(item())
    assert bp.tree.add(item(), zero).chance == item().chance
    assert zero.mass.unit == "kg"
    assert zero.points[0].size() == 0.0
    inside = bp.compile(lambda p: bp.tree.add(p, bp.tree.zeros_like(p), bp.tree.ones_like(p)))(Tiny(0.0))
    assert inside.log == pytest.approx(np.log(2.0))
    assert bp.grad(lambda p: bp.tree.add(p, p).log)(Tiny(3.0)) == Tiny(1.0)
    assert bp.grad(lambda p, q: q.log, argnums=0)(Tiny(3.0), Tiny(1.0)) == Tiny(0.0), "a derivative is 0 in its leaves"


def test_paths_go_through_them():
    assert list(bp.leaves(item(), paths=True)) == ["mass", "chance", "points.0.im", "points.0.re"]
    assert list(bp.leaves(item(), Gauss, paths=True)) == ["points.0"]
    assert bp.leaves(item(), Quantity)[0].unit == "kg"
    assert bp.update(item(), "points.0.re", lambda x: 7.0).points[0].re == 7.0
    assert bp.replace(item(), {"chance": Tiny(9.0)}).chance.log == 9.0
    seen = bp.inspect(lambda item: item.points[0] * item.points[0], item())
    assert [var.name for var in seen.graph.invars] == ["mass", "chance", "points_0_im", "points_0_re"]
    assert copy.deepcopy(item()).chance == item().chance


class Rough:
    def __init__(self, x):
        self.x = x


@pytest.mark.parametrize(
    ("leaves", "make"),
    [
        (lambda r: np.log(r.x), lambda log: Rough(np.exp(log))),
        (lambda r: r.x, lambda x: Rough(np.array(x))),
        (lambda r: r.x, lambda x: Quantity(x, "m")),
        (lambda r: r.x, lambda x: x),
    ],
)
def test_what_does_not_keep_its_leaves_is_refused(leaves, make):
    class Odd(Rough):
        pass

    bp.register(Odd, leaves=leaves, make=make)
    with pytest.raises(ArgumentError, match=r"Odd(.|\n)*stores what it is given"):
        bp.grad(lambda r: r.x)(Odd(2.0))


def test_what_cannot_be_made_of_traced_values_is_refused():
    def make(x):
        if x < 0:
            raise ValueError("negative")
        return Choosy(x)

    class Choosy(Rough):
        pass

    bp.register(Choosy, leaves=lambda r: r.x, make=make)
    with pytest.raises(ArgumentError, match=r"a Choosy could not be made of <traced.*(.|\n)*stores what it is given"):
        bp.grad(lambda r: r.x)(Choosy(2.0))


def test_what_cannot_be_registered():
    @bp.record
    class Known:
        x: float

    for cls in (Known, Tiny, list, dict, float, np.ndarray, type("Own", (list,), {})):
        with pytest.raises(ArgumentError, match="is a number or a structure already"):
            bp.register(cls, leaves=lambda x: x, make=lambda x: x)
    with pytest.raises(ArgumentError, match="register takes a class, not 3"):
        bp.register(3, leaves=lambda x: x, make=lambda x: x)


def test_a_class_that_nobody_registered_is_an_error_that_says_how():
    with pytest.raises(ArgumentError, match=r"a Rough at rough is neither a number(.|\n)*bp.register") as caught:
        bp.compile(lambda rough: rough.x)(Rough(1.0))
    assert "test_register.py" in str(caught.value)
    with pytest.raises(ArgumentError, match=r"a Rough at options\['x'\]\[0\] is neither"):
        bp.compile(lambda x, **options: x)(1.0, options={"x": [Rough(1.0)]})
    with pytest.raises(ArgumentError, match=r"in what function returns, a Rough at \[0\] is neither"):
        bp.compile(lambda x: [Rough(x)])(1.0)
