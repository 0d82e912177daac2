"""Random programs: functions of arrays made from a seed, for all that must hold for every program.

A program draws its operations while it runs and looks at shapes and dtypes only, so that the same function runs on
NumPy arrays and on traced values.  With each value goes a bound on its size, which keeps sums of products of
products from growing until nothing can be compared any more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.graph import Graph
from staticbp.core.primitive import value_aval
from staticbp.ops import special
from staticbp.ops.control import scan
from staticbp.trace.trace import trace_open

FLOATS = (np.float64, np.float32)
LARGE = 6.0  # values that may be larger than this are tamed by a tanh
MOST = 400  # elements


@dataclass
class Item:
    """A value of the program, and what its elements do not exceed."""

    value: Any
    bound: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, arrays and traced values alike."""
        shape: tuple[int, ...] = np.shape(self.value) if isinstance(self.value, np.ndarray) else self.value.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        dtype: np.dtype[Any] = value_aval(self.value).dtype
        return dtype


class Program:
    """One random program; `steps` operations, then the sum of some and a few values as they are."""

    def __init__(self, seed: int, steps: int = 12, loops: int = 1) -> None:
        self.seed, self.steps, self.loops = seed, steps, loops
        rng = np.random.default_rng(seed)
        self.float: type = FLOATS[int(rng.integers(0, 5) == 0)]
        self.arguments = [self._argument(rng) for _ in range(rng.integers(2, 5))]

    def _argument(self, rng: np.random.Generator) -> Any:
        dims = [int(n) for n in rng.choice([1, 2, 3, 4, 0], size=rng.integers(0, 4), p=[0.2, 0.3, 0.27, 0.2, 0.03])]
        kind = rng.integers(0, 12)
        if kind == 0:
            return rng.integers(-3, 4, dims)
        if kind == 1:
            return np.asarray(rng.integers(0, 2, dims) == 1)
        return np.asarray(rng.uniform(-1, 1, dims).astype(self.float))

    def __call__(self, *arguments: Any) -> list[Any]:
        rng = np.random.default_rng([self.seed, 1])
        pool = [Item(a, 3.0 if value_aval(a).dtype.kind == "i" else 1.0) for a in arguments]
        return [item.value for item in run(rng, pool, self.steps, self.loops, self.float)]


def run(rng: np.random.Generator, pool: list[Item], steps: int, loops: int, dtype: type) -> list[Item]:
    """Apply `steps` random operations to the values of a pool; a few of the last ones."""
    made = 0
    for _ in range(steps * 3):
        if made == steps:
            break
        chosen = OPERATIONS[int(rng.integers(0, len(OPERATIONS)))]
        draw = Draw(rng, pool, dtype, loops)
        item = chosen(draw)
        if item is None or np.prod(item.shape) > MOST:
            continue
        if item.dtype.kind == "f" and item.bound > LARGE:
            item = Item(np.tanh(item.value))
        pool.append(item)
        loops = draw.loops
        made += 1
    count = min(len(pool), int(rng.integers(1, 4)))
    last = [pool[-1 - int(i)] for i in rng.permutation(min(len(pool), 6))[:count]]
    scalars = [sum_of(item) for item in pool[-3:] if item.dtype.kind == "f"]
    return [*last, *(Item(s) for s in scalars[:1])]


def sum_of(item: Item) -> Any:
    """All elements in one number."""
    return np.sum(item.value * 0.5)


class Draw:
    """Random choices among the values there are."""

    def __init__(self, rng: np.random.Generator, pool: list[Item], dtype: type, loops: int) -> None:
        self.rng, self.pool, self.dtype, self.loops = rng, pool, dtype, loops

    def chance(self, share: float) -> bool:
        """True this often."""
        return bool(self.rng.random() < share)

    def number(self, low: int, high: int) -> int:
        """An integer in ``low ... high``."""
        return int(self.rng.integers(low, high + 1))

    def item(self, test: Callable[[Item], bool] = lambda item: True) -> Item | None:
        """A value that passes the test, late ones more often; None when there is none."""
        fit = [item for item in self.pool if test(item)]
        if not fit:
            return None
        return fit[-1 - min(int(self.rng.geometric(0.3)) - 1, len(fit) - 1)]

    def float(self, rank: int | None = None, least: int = 0) -> Item | None:
        """A float value, of this rank, or of at least that."""
        return self.item(
            lambda item: (
                item.dtype == self.dtype and len(item.shape) >= least and (rank is None or len(item.shape) == rank)
            )
        )

    def like(self, shape: Sequence[int]) -> Item | None:
        """A float value that broadcasts against a shape."""
        return self.item(lambda item: item.dtype == self.dtype and fits(item.shape, shape))

    def axis(self, item: Item) -> int:
        """One of the axes of a value."""
        return self.number(0, len(item.shape) - 1)

    def axes(self, item: Item) -> tuple[int, ...]:
        """Some of the axes of a value."""
        rank = len(item.shape)
        return tuple(sorted(int(a) for a in self.rng.permutation(rank)[: self.number(1, rank)]))


def fits(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two shapes broadcast."""
    return all(a == b or 1 in (a, b) for a, b in zip(reversed(one), reversed(other), strict=False))


# ---- the operations ---------------------------------------------------------------------------------------------
# Each gives a new value, or None where the values there are do not allow it.

Operation = Callable[[Draw], Item | None]

UNARY: list[tuple[Callable[[Any], Any], float]] = [
    (np.sin, 1.0),
    (np.cos, 1.0),
    (np.tanh, 1.0),
    (special.expit, 1.0),
    (np.negative, LARGE),
    (np.abs, LARGE),
    (np.square, 36.0),
    (lambda x: np.exp(np.tanh(x)), 3.0),
    (lambda x: np.sqrt(1.0 + x * x), 8.0),
    (lambda x: np.log1p(x * x), 4.0),
    (lambda x: np.log(1.5 + np.sin(x)), 1.0),
    (lambda x: np.where(x > 0.1, x, 0.25 * x), LARGE),
    (lambda x: np.clip(x, -0.55, 0.65), 1.0),
    (lambda x: np.minimum(x, 0.35), LARGE),
    (lambda x: 1.0 / (2.5 + np.cos(x)), 1.0),
    (lambda x: x**3, 250.0),
    (lambda x: np.arctan(x) + x, 8.0),
]


def unary(draw: Draw) -> Item | None:
    x = draw.float()
    if x is None:
        return None
    function, bound = UNARY[draw.number(0, len(UNARY) - 1)]
    return Item(function(x.value), bound)


def binary(draw: Draw) -> Item | None:
    x = draw.float()
    y = None if x is None else draw.like(x.shape)
    if x is None or y is None:
        return None
    a, b = (x, y) if draw.chance(0.5) else (y, x)
    kinds: list[tuple[Callable[[Any, Any], Any], float]] = [
        (lambda u, v: u + v, a.bound + b.bound),
        (lambda u, v: u - v, a.bound + b.bound),
        (lambda u, v: u * v, a.bound * b.bound),
        (lambda u, v: u / (2.0 + v * v), a.bound),
        (np.maximum, max(a.bound, b.bound)),
        (lambda u, v: np.where(u < v, u, v * 0.5), max(a.bound, b.bound)),
        (np.hypot, 2 * max(a.bound, b.bound)),
        (np.logaddexp, 2 + max(a.bound, b.bound)),
    ]
    function, bound = kinds[draw.number(0, len(kinds) - 1)]
    return Item(function(a.value, b.value), bound)


def constant(draw: Draw) -> Item | None:
    x = draw.float()
    if x is None:
        return None
    number = draw.rng.uniform(-2, 2)
    kind = draw.number(0, 2)
    if kind == 0:
        return Item(x.value * float(number), 2 * x.bound)
    if kind == 1:
        return Item(float(number) - x.value, 2 + x.bound)
    captured: Any = draw.rng.uniform(-1, 1, x.shape).astype(draw.dtype)
    return Item(x.value + captured, 1 + x.bound)


def reduction(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    axes = draw.axes(x)
    count = int(np.prod([x.shape[a] for a in axes]))
    keepdims = draw.chance(0.3)
    kind = draw.number(0, 5)
    if kind == 0:
        return Item(np.mean(x.value, axis=axes, keepdims=keepdims), x.bound) if count else None
    if kind in (1, 2) and count:
        function = np.max if kind == 1 else np.min
        return Item(function(x.value, axis=axes, keepdims=keepdims), x.bound)
    if kind == 3 and count <= 6:
        return Item(np.prod(np.cos(x.value), axis=axes, keepdims=keepdims), 1.0)
    return Item(np.sum(x.value, axis=axes, keepdims=keepdims), max(1, count) * x.bound)


def product(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    y = draw.item(
        lambda item: (
            item.dtype == draw.dtype and len(item.shape) in (1, 2) and item.shape[-len(item.shape[-2:])] == x.shape[-1]
        )
    )
    if y is None:
        return None
    bound = max(1, x.shape[-1]) * x.bound * y.bound
    return Item(x.value @ y.value, bound)


def transposed_product(draw: Draw) -> Item | None:
    x = draw.float(rank=2)
    y = (
        None
        if x is None
        else draw.item(lambda item: item.dtype == draw.dtype and len(item.shape) == 2 and item.shape[0] == x.shape[0])
    )
    if x is None or y is None:
        return None
    return Item(x.value.T @ y.value, max(1, x.shape[0]) * x.bound * y.bound)


def outer(draw: Draw) -> Item | None:
    x, y = draw.float(rank=1), draw.float(rank=1)
    return None if x is None or y is None else Item(np.outer(x.value, y.value), x.bound * y.bound)


def transpose(draw: Draw) -> Item | None:
    x = draw.float(least=2)
    if x is None:
        return None
    return Item(np.transpose(x.value, [int(a) for a in draw.rng.permutation(len(x.shape))]), x.bound)


def reshape(draw: Draw) -> Item | None:
    x = draw.float()
    if x is None:
        return None
    size = int(np.prod(x.shape))
    new: list[tuple[int, ...]] = [(size,), (1, size), (*x.shape, 1), (1, *x.shape)]
    new += [(n, size // n) for n in (2, 3, 4) if size and size % n == 0]
    if len(x.shape) == 3:
        new += [(x.shape[0] * x.shape[1], x.shape[2]), (x.shape[0], x.shape[1] * x.shape[2])]
    return Item(np.reshape(x.value, new[draw.number(0, len(new) - 1)]), x.bound)


def piece(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    key: list[Any] = []
    for dim in x.shape:
        kind = draw.number(0, 5)
        if kind == 0 and dim:
            key.append(draw.number(-dim, dim - 1))
        elif kind == 1 and dim > 1:
            key.append(slice(1, None))
        elif kind == 2:
            key.append(slice(None, None, -1))
        elif kind == 3 and dim > 1:
            key.append(slice(draw.number(0, 1), dim, 2))
        else:
            key.append(slice(None))
    if draw.chance(0.2):
        key.insert(draw.number(0, len(key)), None)
    return Item(x.value[tuple(key)], x.bound)


def pad(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    widths = [(draw.number(0, 1), draw.number(0, 2)) for _ in x.shape]
    return Item(np.pad(x.value, widths), x.bound)


def join(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    y = draw.item(lambda item: item.dtype == draw.dtype and item.shape == x.shape)
    if y is None:
        return None
    if draw.chance(0.3):
        return Item(np.stack([x.value, y.value], axis=draw.number(0, len(x.shape))), max(x.bound, y.bound))
    parts = [x.value, y.value] + ([x.value] if draw.chance(0.2) else [])
    return Item(np.concatenate(parts, axis=draw.axis(x)), max(x.bound, y.bound))


def rearrange(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    axis = draw.axis(x)
    kind = draw.number(0, 4)
    if kind == 0:
        return Item(np.roll(x.value, draw.number(-2, 2), axis=axis), x.bound)
    if kind == 1:
        return Item(np.flip(x.value, axis=axis), x.bound)
    if kind == 2:
        return Item(np.repeat(x.value, 2, axis=axis), x.bound)
    if kind == 3:
        return Item(np.cumsum(x.value, axis=axis), x.bound * max(1, x.shape[axis]))
    return Item(np.tile(x.value, 2), x.bound)


def ordering(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None:
        return None
    axis = draw.axis(x)
    kind = draw.number(0, 2)
    if kind == 0:
        return Item(np.sort(x.value, axis=axis), x.bound)
    if kind == 1:
        return Item(np.argmax(x.value, axis=axis), 4.0) if x.shape[axis] else None
    return Item(np.argsort(x.value, axis=axis, stable=True), 4.0)


def difference(draw: Draw) -> Item | None:
    x = draw.float(rank=1)
    return None if x is None or x.shape[0] < 2 else Item(x.value[1:] - x.value[:-1], 2 * x.bound)


def gather(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None or not x.shape[0]:
        return None
    rows = x.shape[0]
    if draw.chance(0.5):
        picked = draw.rng.integers(-rows, rows, draw.number(1, 4))
        return Item(x.value[picked], x.bound)
    indexes = draw.item(lambda item: item.dtype.kind == "i" and len(item.shape) <= 1)
    if indexes is None:
        return None
    return Item(x.value[indexes.value % rows], x.bound)


def whole_numbers(draw: Draw) -> Item | None:
    x = draw.item(lambda item: item.dtype.kind == "i" and item.bound < 1000)
    if x is None:
        return None
    kind = draw.number(0, 4)
    if kind == 0:
        return Item(x.value * 3 - 1, 3 * x.bound + 1)
    if kind == 1:
        return Item(x.value // 2, x.bound)
    if kind == 2 and x.shape:
        return Item(np.sum(x.value, axis=0), x.bound * max(1, x.shape[0]))
    if kind == 3:
        return Item(x.value * draw.dtype(0.5), x.bound) if draw.dtype is np.float64 else None
    return Item(np.maximum(x.value, -x.value), x.bound)


def truths(draw: Draw) -> Item | None:
    x = draw.float()
    y = None if x is None else draw.like(x.shape)
    if x is None or y is None:
        return None
    kind = draw.number(0, 3)
    if kind == 0:
        return Item(x.value > y.value)
    if kind == 1:
        masks = draw.item(lambda item: item.dtype.kind == "b" and fits(item.shape, x.shape))
        return None if masks is None else Item(np.where(masks.value, x.value, 0.5), x.bound)
    if kind == 2 and x.shape:
        return Item(np.any(x.value > 0.0, axis=0))
    return Item((x.value < y.value) & (x.value > -0.5))


def softmax(draw: Draw) -> Item | None:
    x = draw.float(least=1)
    if x is None or not x.shape[-1]:
        return None
    if draw.chance(0.5):
        e = np.exp(np.sin(x.value))
        return Item(e / np.sum(e, axis=-1, keepdims=True))
    return Item(special.logsumexp(x.value, axis=draw.axis(x)) if all(x.shape) else x.value, x.bound + 2)


def layer(draw: Draw) -> Item | None:
    x = draw.float(rank=1)
    w = (
        None
        if x is None
        else draw.item(lambda item: item.dtype == draw.dtype and len(item.shape) == 2 and item.shape[1] == x.shape[0])
    )
    if x is None or w is None:
        return None
    return Item(np.tanh(w.value @ x.value + draw.rng.uniform(-1, 1, w.shape[0]).astype(draw.dtype)))


def loop(draw: Draw) -> Item | None:
    """A scan with a random body over some values: constants, carries and rows."""
    if not draw.loops or draw.chance(0.5):
        return None
    draw.loops -= 1
    rng = draw.rng
    rows = draw.float(least=1)
    length = rows.shape[0] if rows is not None and draw.chance(0.8) else draw.number(0, 4)
    xs = [] if rows is None or rows.shape[0] != length else [rows]
    again = draw.item(lambda item: item is not rows and len(item.shape) > 0 and item.shape[0] == length)
    if again is not None and draw.chance(0.4):
        xs.append(again)
    wishes = [draw.item() if draw.chance(0.2) else draw.float() for _ in range(draw.number(0, 3))]
    carries = [item for item in wishes if item is not None]
    consts = [item for item in (draw.item() for _ in range(draw.number(0, 2))) if item is not None]
    inner_loops, seed, extra = draw.loops, int(rng.integers(0, 2**31)), draw.number(0, 2)
    n_consts, n_carry = len(consts), len(carries)
    if not carries and not (xs and extra):
        return None

    def step(*values: Any) -> list[Any]:
        inner = np.random.default_rng(seed)
        given = [Item(v, 3.0) for v in values]
        pool = list(given)
        run(inner, pool, int(inner.integers(1, 7)), inner_loops, draw.dtype)
        new = []
        old = given[n_consts : n_consts + n_carry]
        for position, carry in enumerate(old):
            kind = int(inner.integers(0, 7))
            same = [i for i in pool if i.shape == carry.shape and i.dtype == carry.dtype]
            late = same[-1 - int(inner.integers(0, min(3, len(same))))]
            if carry.dtype.kind == "i":
                new.append(carry.value + 1 if kind < 4 else late.value)
            elif carry.dtype.kind == "b":
                new.append(late.value)
            elif kind == 0:
                new.append(carry.value)
            elif kind == 1:  # carries that change places
                others = [i for i in old if i.shape == carry.shape and i.dtype == carry.dtype]
                new.append(others[(position + 1) % len(others)].value)
            elif kind == 2:
                new.append(np.tanh(late.value + carry.value[..., ::-1]) if carry.shape else np.tanh(late.value))
            elif kind == 3:
                new.append(late.value)
            else:
                new.append(np.sin(carry.value + 0.3 * late.value))
        ys = [pool[-1 - int(inner.integers(0, min(4, len(pool))))].value for _ in range(extra)]
        return [*new, *ys]

    operands = [*consts, *carries, *xs]
    avals = [value_aval(i.value).strong() for i in (*consts, *carries)]
    avals += [Aval(i.shape[1:], i.dtype) for i in xs]
    names = [f"{kind}{n}" for kind, group in (("k", consts), ("c", carries), ("r", xs)) for n in range(len(group))]
    body, captured = trace_open(step, "step", avals, names)
    count = len(avals)
    # What the body captured comes in as constants of the loop, in front of the others.
    extra_vars = [*body.invars[count:], *(var for var, _ in body.consts)]
    extra_values = [*captured, *(array for _, array in body.consts)]
    whole = Graph(body.name, (*extra_vars, *body.invars[:count]), body.eqns, body.outs)
    results = scan(
        *extra_values,
        *(i.value for i in operands),
        body=whole,
        n_consts=n_consts + len(extra_vars),
        n_carry=n_carry,
        length=length,
        reverse=draw.chance(0.3),
    )
    return _any_of(results, draw)


def _any_of(results: Any, draw: Draw) -> Item | None:
    values = list(results) if isinstance(results, tuple | list) else [results]
    items = [Item(v, 3.0) for v in values]
    for item in items[1:]:
        draw.pool.append(Item(np.tanh(item.value)) if item.dtype.kind == "f" else item)
    return items[0]


OPERATIONS: tuple[Operation, ...] = (
    *(unary,) * 4,
    *(binary,) * 5,
    constant,
    *(reduction,) * 3,
    *(product,) * 2,
    transposed_product,
    outer,
    transpose,
    *(reshape,) * 2,
    *(piece,) * 2,
    pad,
    join,
    rearrange,
    ordering,
    difference,
    *(gather,) * 2,
    whole_numbers,
    truths,
    softmax,
    layer,
    *(loop,) * 3,
)
