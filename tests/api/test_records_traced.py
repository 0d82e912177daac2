"""What Python classes can do, done by records inside of traced functions."""

import copy
import pickle
from dataclasses import InitVar, dataclass, field
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import IntegerDifferentiationError, StructureError, TracedBranchError

T = TypeVar("T")

# ---- sum types --------------------------------------------------------------------------------------------------


@bp.record
class Box:
    width: float
    height: float


@bp.record
class Ball:
    radius: float


@bp.record
class Cut:
    whole: "Box | Ball | Cut"
    hole: "Box | Ball | Cut"


def area(shape):
    match shape:
        case Box(width, height):
            return width * height
        case Ball(radius=r):
            return 3.0 * r**2
        case Cut(whole, hole):
            return area(whole) - area(hole)
        case None:
            return 0.0
        case [*shapes]:
            return sum(map(area, shapes))


def test_each_variant_is_compiled_for_itself():
    area_of = bp.differentiable(area)
    assert area_of(Box(3.0, 4.0)) == 12.0
    assert area_of(Ball(2.0)) == 12.0
    assert area_of.grad(Box(3.0, 4.0)) == Box(4.0, 3.0)
    assert area_of.grad(Ball(2.0)) == Ball(12.0)
    assert area_of.grad(Cut(Box(3.0, 4.0), Cut(Ball(1.0), Box(0.5, 0.5)))) == Cut(
        Box(4.0, 3.0), Cut(Ball(-6.0), Box(0.5, 0.5))
    )
    assert area_of.grad([Box(3.0, 4.0), None, Ball(2.0)]) == [Box(4.0, 3.0), None, Ball(12.0)]
    assert len(area_of.grad._forms) == 4
    assert area_of.grad(Box(5.0, 4.0)) == Box(4.0, 5.0)
    assert len(area_of.grad._forms) == 4, "the same variant is the same function"


def test_variants_inside_traced_code():
    @bp.grad
    def slope(x):
        shapes = [Box(x, x), Ball(x), Cut(Box(x, 2.0), Ball(1.0))]
        return sum(area(shape) for shape in shapes if not isinstance(shape, Ball))

    assert slope(3.0) == 8.0


def test_a_variant_is_a_result():
    doubled = bp.compile(lambda shape: bp.tree.map(lambda x: 2 * x, shape))
    assert doubled(Box(1.0, 2.0)) == Box(2.0, 4.0)
    assert doubled(Ball(1.0)) == Ball(2.0)
    both = bp.compile(lambda x: {"box": Box(x, x), "ball": Ball(x), "none": None})
    assert both(1.0) == {"box": Box(1.0, 1.0), "ball": Ball(1.0), "none": None}


def test_branches_at_run_time_give_one_variant():
    choose = bp.compile(lambda n, x: bp.cond(n > 0, lambda x: Box(x, 2 * x), lambda x: Box(-x, x), x))
    assert choose(1, 2.0) == Box(2.0, 4.0)
    assert choose(-1, 2.0) == Box(-2.0, 2.0)
    with pytest.raises((StructureError, TypeError)):
        bp.compile(lambda n, x: bp.cond(n > 0, lambda x: Box(x, x), Ball, x))(1, 2.0)


# ---- recursive structures, and those of a depth of their own ---------------------------------------------------


@bp.record
class Node:
    value: float
    left: "Node | None" = None
    right: "Node | None" = None


def total(node):
    return 0.0 if node is None else node.value**2 + total(node.left) + total(node.right)


def test_trees_of_any_shape():
    tree = Node(1.0, Node(2.0), Node(3.0, None, Node(4.0)))
    slope = bp.grad(total)
    assert slope(tree) == 2 * tree
    assert slope(Node(5.0)) == Node(10.0)
    assert slope(tree + tree) == 4 * tree
    assert [node.value for node in bp.leaves(tree, Node)] == [1.0, 2.0, 3.0, 4.0]
    deep = None
    for i in range(60):
        deep = Node(float(i), None, deep)
    assert slope(deep) == 2 * deep


@bp.record
class Mixture:
    experts: dict
    gate: "list | None" = None
    bias: "np.ndarray | None" = None


def mixed(model, x):
    outs = {name: np.tanh(weights @ x) for name, weights in model.experts.items()}
    mean = sum(outs.values()) / len(outs)
    if model.gate is not None:
        mean = mean * model.gate[-1]
    if model.bias is not None:
        mean = mean + model.bias
    return np.sum(mean)


def test_optional_fields_and_experts_by_name_are_signatures_of_their_own():
    x = np.array([0.3, -0.2])
    experts = {"a": np.eye(2), "b": np.ones((3, 2))[:2]}
    slope, step = bp.grad(mixed), 1e-6
    for model in [
        Mixture(experts),
        Mixture({"a": np.eye(2)}),
        Mixture(experts, [1.0, 2.0]),
        Mixture(experts, bias=np.ones(2)),
    ]:
        found = slope(model, x)
        assert list(found.experts) == list(model.experts)
        assert (found.gate is None) == (model.gate is None)
        assert (found.bias is None) == (model.bias is None)
        moved = bp.update(model, "experts.a", lambda w: w + np.array([[step, 0.0], [0.0, 0.0]]))
        assert found.experts["a"][0, 0] == pytest.approx((mixed(moved, x) - mixed(model, x)) / step, rel=1e-4)
    assert len(slope._forms) == 4


# ---- classes ----------------------------------------------------------------------------------------------------


@bp.record
class Checked:
    """A record with everything in it that a class can have."""

    weights: np.ndarray
    biases: np.ndarray
    scale: float = 2.0
    parts: list = field(default_factory=list)
    name: str = bp.static(default="tanh")
    made: ClassVar[list] = []

    def __post_init__(self):
        type(self).made.append(self.name)
        if self.weights.shape[0] != self.biases.shape[0]:
            raise ValueError("as many rows as biases are needed")

    def __call__(self, x):
        return self.scale * (self.weights @ x + self.biases)

    @property
    def width(self):
        return self.weights.shape[0]

    @classmethod
    def zeros(cls, width, depth):
        return cls(np.zeros((width, depth)), np.zeros(width))

    @staticmethod
    def rectified(x):
        return np.maximum(x, 0.0)

    @bp.differentiable
    def energy(self, x):
        return np.sum(self.rectified(self(x)) ** 2) / self.width


@bp.record
class Doubled(Checked):
    again: float = 1.0

    def __call__(self, x):
        return self.again * super().__call__(x)


def checked(kind=Checked, **more):
    return kind(np.array([[1.0, 2.0], [3.0, -4.0]]), np.array([0.5, 0.0]), **more)


def test_methods_properties_and_defaults():
    x = np.array([1.0, 1.0])
    assert checked().energy(x) == pytest.approx(24.5)
    slope = checked().energy.grad(x)
    assert type(slope) is Checked
    assert np.allclose(slope.biases, [14.0, 0.0])
    assert slope.scale == pytest.approx(24.5)
    assert (slope.parts, slope.name, slope.width) == ([], "tanh", 2)
    double = checked(Doubled, again=3.0)
    assert double.energy(x) == pytest.approx(9 * 24.5)
    assert double.energy.grad(x).again == pytest.approx(6 * 24.5)
    assert isinstance(double.energy.grad(x), Doubled)
    built = bp.grad(lambda s: np.sum(Checked(np.ones((2, 1)) * s, np.ones(2))(np.ones(1))))
    assert built(1.0) == 4.0
    assert bp.compile(lambda x: Checked.zeros(2, 1)(x))(np.ones(1)).tolist() == [0.0, 0.0]


def test_records_are_checked_where_the_program_makes_them():
    with pytest.raises(ValueError, match="as many rows"):
        Checked(np.ones((2, 2)), np.ones(3))
    with pytest.raises(ValueError, match="as many rows"):
        bp.compile(lambda w, b: Checked(w, b)(np.ones(2)))(np.ones((2, 2)), np.ones(3))
    with pytest.raises(ValueError, match="as many rows"):
        bp.compile(lambda c: bp.replace(c, biases=np.ones(5)).width)(checked())
    record = checked()
    Checked.made.clear()
    assert isinstance(bp.compile(lambda c: 2 * c)(record), Checked)
    assert Checked.made == [], "what goes in and comes out is put together, not made"


def test_a_check_of_values_says_what_it_cannot_do_in_traced_code():
    @bp.record
    class Positive:
        x: float

        def __post_init__(self):
            if self.x < 0:
                raise ValueError("negative")

    assert bp.grad(lambda p: p.x**2)(Positive(3.0)) == Positive(6.0)
    with pytest.raises(ValueError, match="negative"):
        Positive(-1.0)
    falling = bp.grad(lambda p: -p.x)(Positive(3.0))
    assert falling.x == -1.0, "a derivative may be negative"
    with pytest.raises(TracedBranchError, match=r"if self.x < 0"):
        bp.compile(lambda x: Positive(x))(3.0)


def test_keyword_only_records():
    @bp.record(kw_only=True)
    class Options:
        rate: float
        decay: float = 0.5

    assert bp.grad(lambda o: o.rate * o.decay)(Options(rate=2.0)) == Options(rate=0.5, decay=2.0)
    with pytest.raises(TypeError):
        Options(2.0)
    assert bp.compile(lambda x: Options(rate=x))(1.0) == Options(rate=1.0)


def test_generics():
    @bp.record
    class Pair(Generic[T]):
        left: T
        right: T

    make = bp.compile(lambda x: Pair[float](x, 2 * x))
    assert make(1.0) == Pair(1.0, 2.0)
    assert bp.grad(lambda p: np.sum(p.left * p.right))(Pair(np.ones(2), np.full(2, 3.0))).left.tolist() == [3.0, 3.0]
    assert bp.grad(lambda p: p.left.width * p.right.height)(Pair(Box(1.0, 2.0), Box(3.0, 4.0))) == Pair(
        Box(4.0, 0.0), Box(0.0, 1.0)
    )


def test_plain_dataclasses_and_named_tuples_are_structures_too():
    @dataclass
    class Plain:
        x: float
        rest: tuple = ()

    class Named(NamedTuple):
        x: float
        inner: Plain

    slope = bp.grad(lambda n: n.x * n.inner.x * n.inner.rest[0])(Named(2.0, Plain(3.0, (5.0,))))
    assert slope == Named(15.0, Plain(10.0, (6.0,)))


def test_equality_copies_and_pickles_of_what_comes_out():
    record = bp.compile(lambda c: 2 * c)(checked())
    assert record == record
    assert record == 2 * checked()
    assert record != checked()
    assert record != bp.replace(record, name="relu")
    assert record != checked(Doubled)
    for other in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert other == record
        assert other is not record
    assert copy.copy(record).weights is record.weights
    assert copy.deepcopy(record).weights is not record.weights
    assert repr(Box(np.float64(1.0), 2)) == "Box(width=np.float64(1.0), height=2)"
    assert repr(record).startswith("Checked(weights=array([[")
    assert Box(1.0, np.ones(2)) != Box(1.0, np.ones(3))
    assert Box(1, 2.0) == Box(1.0, np.float32(2.0))
    assert Box(np.nan, 1.0) != Box(np.nan, 1.0)
    with pytest.raises(TracedBranchError, match=r"a == b"):
        bp.compile(lambda a, b: 1.0 if a == b else 2.0)(Box(1.0, 2.0), Box(1.0, 2.0))


def test_whole_numbers_in_a_record_are_named():
    with pytest.raises(IntegerDifferentiationError, match=r"model.experts\['n'\] is int64") as caught:
        bp.grad(mixed)(Mixture({"n": 3}), np.ones(2))
    assert "bp.static()" in str(caught.value)


def test_values_for_the_making_only():
    @bp.record
    class Filled:
        x: np.ndarray
        count: InitVar[int] = 2

        def __post_init__(self, count):
            object.__setattr__(self, "x", np.full(count, 1.0) * self.x)

    assert Filled(3.0).x.tolist() == [3.0, 3.0]
    assert bp.grad(lambda f: np.sum(f.x**2))(Filled(3.0)).x.tolist() == [6.0, 6.0]
    assert bp.compile(lambda x: Filled(x, 3))(2.0).x.tolist() == [2.0, 2.0, 2.0]


def test_derivatives_by_what_is_not_read_are_zeros_of_their_own():
    """They are allocated and not computed; each call has its own, which may be written to."""
    slope = bp.grad(lambda net: np.sum(net["a"] * net["c"][0]))
    net = {"a": np.ones(3), "b": np.ones((2, 2), np.float32), "c": [2.0, np.float32(5.0)]}
    found = [slope(net) for _ in range(4)]
    for one in found:
        assert one["b"].dtype == np.float32
        assert one["b"].shape == (2, 2)
        assert not one["b"].any()
        assert (one["c"][0], one["c"][1], type(one["c"][1])) == (3.0, 0.0, np.float32)
        one["b"][:] = 7.0
    value, pullback = bp.vjp(lambda net: net["a"], net)
    for _ in range(3):
        (back,) = pullback(value)
        assert not back["b"].any()
        back["b"][:] = 7.0
    assert bp.grad(lambda x: 3.0)(np.ones(2)).tolist() == [0.0, 0.0], "with nothing to compute at all"
    tangent = bp.jvp(lambda net: {"a": net["a"], "b": np.zeros(2)}, (net,), (net,))[1]
    assert tangent["b"].tolist() == [0.0, 0.0]
