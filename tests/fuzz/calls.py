"""Random calls over the whole catalog, as NumPy and SciPy have them and as they are traced.

Held against NumPy through the interpreter and the generated text, or compiled; `gradients.py` has their derivatives,
and `__main__.py` runs many of them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

import staticbp as bp
import staticbp.scipy.linalg
import staticbp.scipy.signal
import staticbp.scipy.stats
from staticbp.core.interpret import interpret
from staticbp.errors import StaticbpError
from staticbp.ops import catalog
from staticbp.ops.families import Domain, Elementwise
from staticbp.passes.pipeline import JOINT, PRIMAL, expanded, run
from tests.fuzz.matrices import MATRIX_SPECS
from tests.fuzz.methods import METHOD_SPECS, PROBABILITIES
from tests.fuzz.searches import SEARCH_SPECS
from tests.fuzz.specs import SPECS
from tests.support import assert_lowered
from tests.support import graph_of as named_graph

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e300, -3e38, 7.0)
SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (4,), (0,), (2, 3), (3, 3), (1, 4), (2, 1, 3), (0, 3), (3, 2, 2))
DTYPES = ("f8",) * 12 + ("f4",) * 5 + ("i8", "i8", "i4", "i2", "i1", "u1", "u4", "u8", "?", "?", "c16", "c16", "c8")
NAMES = "abcdefgh"


class Draw:
    """Where the pieces of a call come from; `args` are the arrays that have been asked for."""

    def __init__(self, seed: int, smooth: bool = False) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.smooth = smooth  # double precision throughout, nothing special, nothing empty
        self.args: list[Any] = []

    def array(
        self,
        shape: tuple[int, ...] | None = None,
        dtype: str | None = None,
        special: bool = True,
        domain: Domain | None = None,
    ) -> str:
        """A new argument, by its name; `domain` is where derivatives are wanted."""
        if shape is None:
            shape = self.shape()
        kind = np.dtype(self.random.choice(DTYPES) if dtype is None else dtype)
        if self.smooth and (dtype is None or kind.kind in "fcb"):
            kind, special = np.dtype("c16" if kind.kind == "c" else "f8"), False
        if self.smooth and domain is Domain.ORDER:
            values = np.asarray(self.numbers.integers(0, 4, shape))
        elif self.smooth and domain is not None and kind.kind == "f" and self.random.random() < 0.8:
            values = np.asarray(self.numbers.uniform(*domain.value, shape))
        else:
            values = self._values(shape, kind, special)
        self.args.append(self._laid_out(values))
        return NAMES[len(self.args) - 1]

    def positive(self, shape: tuple[int, ...] | None = None) -> str:
        """A new argument of positive numbers."""
        name = self.array(shape, "f8", special=False)
        self.args[-1] = np.abs(self.args[-1]) + 0.1
        return name

    def shape(self, least: int = 0, empty: bool = True) -> tuple[int, ...]:
        """A shape of at least so many axes."""
        empty = empty and not self.smooth
        return self.random.choice([s for s in SHAPES if len(s) >= least and (empty or 0 not in s)])

    def axis(self, shape: tuple[int, ...]) -> int:
        """One axis, from either end."""
        return self.random.randrange(-len(shape), len(shape))

    def axes(self, shape: tuple[int, ...]) -> Any:
        """None, one axis, or several."""
        picked = self.random.sample(range(len(shape)), self.random.randint(0, len(shape)))
        return self.random.choice([None, self.axis(shape) if shape else None, tuple(picked)])

    def one(self, *choices: Any) -> Any:
        """One of several."""
        return self.random.choice(choices)

    def integer(self, low: int, high: int) -> int:
        """A number from `low` to `high`."""
        return self.random.randint(low, high)

    def broadcast(self, count: int, domains: Sequence[Domain | None] = (), **options: Any) -> list[str]:
        """Arguments whose shapes go together."""
        whole = self.shape()
        found = []
        for _, domain in zip_longest(range(count), domains):
            part = tuple(1 if self.random.random() < 0.2 else dim for dim in whole)[self.random.choice([0, 0, 1]) :]
            found.append(self.array(part if self.random.random() < 0.9 else (), domain=domain, **options))
        return found

    def _laid_out(self, values: Any) -> Any:
        """The same numbers, some of them in another order in memory, or with gaps."""
        if not values.ndim or self.random.random() < 0.8:
            return values
        spread = np.repeat(values, 2, axis=-1)[..., ::2]
        return self.random.choice([np.asfortranarray(values), spread, np.array(values[::-1])[::-1]])

    def _values(self, shape: tuple[int, ...], dtype: np.dtype[Any], special: bool) -> Any:
        if dtype.kind == "b":
            return np.asarray(self.numbers.integers(0, 2, shape).astype(bool))
        if dtype.kind in "iu":
            low = 0 if dtype.kind == "u" else -5
            return np.asarray(self.numbers.integers(low, 6, shape).astype(dtype))
        values = np.asarray(self.numbers.uniform(-3, 3, shape))
        if dtype.kind == "c":
            return np.asarray((values + 1j * self.numbers.uniform(-3, 3, shape)).astype(dtype))
        if special and self.random.random() < 0.3:
            chosen = self.numbers.random(shape) < 0.4
            values = np.where(chosen, self.numbers.choice(SPECIAL, shape), values)
        with np.errstate(all="ignore"):
            return np.asarray(values.astype(dtype))


def elementwise_specs() -> dict[str, Callable[[Draw], str]]:
    """A call for each elementwise operation, and for each of SciPy's functions."""

    def spec(text: str, arity: int, operation: Any, **options: Any) -> Callable[[Draw], str]:
        domains = operation.domain if isinstance(operation, Elementwise) else ()
        return lambda draw: f"{text}({', '.join(draw.broadcast(arity, domains, **options))})"

    found = {}
    for function, operation in catalog.NUMPY.items():
        if isinstance(operation, Elementwise) and isinstance(function, np.ufunc):
            found[function.__name__] = spec(f"np.{function.__name__}", operation.arity, operation)
    for name, operation in catalog.SCIPY.items():
        ufunc = getattr(scipy.special, name, None)
        if name in PROBABILITIES or hasattr(np, name):
            continue
        if isinstance(ufunc, np.ufunc) and ufunc.nout == 1:
            found[f"special.{name}"] = spec(f"special.{name}", ufunc.nin, operation, dtype="f8", special=False)
    return found


ALL: dict[str, Callable[[Draw], str]] = {
    **elementwise_specs(),
    **SPECS,
    **SEARCH_SPECS,
    **MATRIX_SPECS,
    **METHOD_SPECS,
}

# Where the names in calls come from: NumPy and SciPy themselves, and what is traced in the place of functions that
# ask nobody what they mean.
PLAIN = {
    "np": np,
    "bnp": np,
    "special": scipy.special,
    "linalg": scipy.linalg,
    "signal": scipy.signal,
    "stats": scipy.stats,
}
TRACED = {
    **PLAIN,
    "bnp": staticbp.numpy,
    "linalg": staticbp.scipy.linalg,
    "signal": staticbp.scipy.signal,
    "stats": staticbp.scipy.stats,
}


@dataclass(frozen=True)
class Call:
    """A call: an expression over arrays a, b, …"""

    name: str
    text: str
    args: Sequence[Any]

    @property
    def names(self) -> str:
        """What the arrays are called."""
        return NAMES[: len(self.args)]

    def function(self, **namespace: Any) -> Callable[..., Any]:
        """The expression as a function of the arrays."""
        made: Callable[..., Any] = eval(f"lambda {', '.join(self.names)}: {self.text}", {**PLAIN, **namespace})
        return made

    def __str__(self) -> str:
        given = "; ".join(f"{n} = {np.asarray(a)!r}" for n, a in zip(self.names, self.args, strict=True))
        return f"{self.text}   with {given}"


def drawn(seed: int, smooth: bool = False) -> Call:
    """The call of a seed."""
    draw = Draw(seed, smooth)
    name = draw.random.choice(sorted(ALL))
    text = ALL[name](draw)
    return Call(name, text, [arg[()] for arg in draw.args])


def parts(value: Any) -> list[Any]:
    """The arrays of a result."""
    if isinstance(value, tuple | list):
        return [part for item in value for part in parts(item)]
    return [value]


def expected(call: Call) -> list[Any] | None:
    """What NumPy gives; None when it raises."""
    try:
        with np.errstate(all="ignore"):
            return [np.asarray(part) for part in parts(call.function()(*call.args))]
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError):
        return None


def assert_same(found: Any, wanted: Any, least: float = 0.0) -> None:
    """Equal dtypes and shapes, and values to a few roundings; NaN where there is NaN, infinities where there are."""
    found = np.asarray(found)
    assert found.dtype == wanted.dtype, f"dtype {found.dtype}, not {wanted.dtype}"
    assert found.shape == wanted.shape, f"shape {found.shape}, not {wanted.shape}"
    if wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, wanted)
        return
    tolerance = 1e-12 if wanted.dtype.itemsize == (8 if wanted.dtype.kind == "f" else 16) else 5e-6
    tolerance = max(tolerance, least)
    finite = np.abs(wanted[np.isfinite(wanted)])
    size = float(np.max(finite, initial=1e-300))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * min(size, 100.0))


def check(call: Call, compiled: bool = False) -> str:
    """Compare a call with NumPy: ``"same"``, ``"both refuse"``, or ``"refused: …"`` where only NumPy has an answer."""
    wanted = expected(call)

    def traced(*args: Any) -> Any:
        return parts(call.function(**TRACED)(*args))

    try:
        graph = named_graph(traced, *call.args, names=list(call.names))
        with np.errstate(all="ignore"):
            found = interpret(graph, call.args)
    except (StaticbpError, np.linalg.LinAlgError, IndexError, ZeroDivisionError, ValueError) as error:
        if wanted is not None and not isinstance(error, StaticbpError):
            raise
        return "both refuse" if wanted is None else f"refused: {call.name}: {type(error).__name__}: {_reason(error)}"
    if wanted is None:
        return f"accepted: {call.name}"
    assert len(found) == len(wanted)
    for ours, numpys in zip(found, wanted, strict=True):
        assert_same(ours, numpys)
    single = any(np.asarray(arg).dtype.itemsize == 4 for arg in call.args)  # whatever the result has
    if compiled:
        _check_compiled(call, wanted, 5e-6 if single else 0.0)
    else:
        simplified = run(run(expanded(graph), PRIMAL), JOINT)
        assert_lowered(simplified, call.args, 2e-4 if single else None)
    return "same"


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].split("; a is")[0][:90]


def _check_compiled(call: Call, wanted: list[Any], least: float) -> None:
    found = parts(bp.compile(lambda *args: parts(call.function(**TRACED)(*args)))(*call.args))
    for ours, numpys in zip(found, wanted, strict=True):
        assert_same(ours, numpys, least)
