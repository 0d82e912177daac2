"""The table of cases: for every operation, functions and arguments that exercise it.

Elementwise operations get theirs from the declaration alone: its domain, its dtypes, the number of its operands.
All others have an entry in a file ``cases_*.py`` beside this one, a list ``CASES`` of ``(name, function,
arguments)``, where the function is plain NumPy. The same cases are compared with NumPy, differentiated, batched
(all by the interpreter) and compiled.
"""

import importlib
import itertools
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from staticbp.core.aval import SUPPORTED, dtype_name
from staticbp.errors import DtypeError
from staticbp.ops import catalog  # noqa: F401  (declares all operations)
from staticbp.ops.families import Elementwise
from staticbp.ops.registry import NUMPY, PRIMITIVES, Domain


class Case(NamedTuple):
    """A function of arrays and arguments for it."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]


F64, F32, I64 = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)

# The shapes of one, two and three operands: a scalar, a vector, an empty array, and what broadcasts.
SHAPES: dict[int, tuple[tuple[tuple[int, ...], ...], ...]] = {
    1: (((),), ((5,),), ((0,),), ((2, 3),)),
    2: (((), ()), ((5,), (5,)), ((0,), ()), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (3,))),
    3: (((), (), ()), ((5,), (5,), (5,)), ((0,), (), (0,)), ((3,), (2, 1), ())),
}

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.75, -2.5, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1e300, -1e300, 3e38)


def generator(name: str) -> np.random.Generator:
    """Random numbers that are the same on every run."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def sample(rng: np.random.Generator, domain: Domain, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An array (a NumPy scalar for shape ()) of a dtype from a domain."""
    low, high = domain.value
    numbers: Any
    if dtype.kind == "b" or domain is Domain.BOOLEAN:
        drawn = rng.integers(0, 2, shape).astype(bool)
        return np.asarray(drawn).astype(bool if domain is Domain.BOOLEAN else dtype)[()]
    if dtype.kind in "iu":
        least = 0 if dtype.kind == "u" else int(np.ceil(low))
        numbers = rng.integers(least, max(int(high), least) + 1, shape)
        if domain in (Domain.NONZERO, Domain.POSITIVE, Domain.ABOVE_ONE):
            numbers = np.maximum(np.abs(numbers), 1)
    else:
        numbers = rng.uniform(low, high, shape)
        if domain is Domain.NONZERO:
            numbers = numbers * rng.choice([-1.0, 1.0], shape)
    return np.asarray(numbers).astype(dtype)[()]


def takes(op: Elementwise, dtypes: tuple[np.dtype[Any], ...]) -> bool:
    """Whether an operation is defined for operands of these dtypes, in NumPy and in what is compiled."""
    try:
        return all(dtype in SUPPORTED for dtype in op.dtypes(*dtypes))
    except DtypeError:
        return False


def function_of(op: Elementwise) -> Callable[..., Any]:
    """NumPy's function where it has one, so that the cases go through its protocols."""
    return op.numpy if op.numpy in NUMPY else op


def elementwise_ops() -> list[Elementwise]:
    """Every elementwise operation there is."""
    return [op for op in PRIMITIVES.values() if isinstance(op, Elementwise)]


def float_cases(op: Elementwise, dtype: np.dtype[Any] = F64) -> Iterator[Case]:
    """Cases inside the domain, where the derivative exists, in all shapes."""
    own = {Domain.BOOLEAN: np.dtype(bool), Domain.ORDER: I64}
    dtypes = tuple(own.get(domain, dtype) for domain in op.domain)
    if not takes(op, dtypes):
        return
    for shapes in SHAPES[op.arity]:
        name = f"{op.name}/{dtype_name(dtype)}{'x'.join(str(list(s)).replace(' ', '') for s in shapes)}"
        rng = generator(name)
        args = tuple(sample(rng, d, s, t) for d, s, t in zip(op.domain, shapes, dtypes, strict=True))
        yield Case(name, function_of(op), args)


def mixed_cases(op: Elementwise) -> Iterator[Case]:
    """Cases of every dtype, and of pairs of different ones, where NumPy takes them."""
    others = [np.dtype(d) for d in (bool, np.int8, np.int32, np.int64, np.uint8, np.uint64)]
    pairs: list[tuple[np.dtype[Any], ...]] = [
        (F32, F64),
        (F64, I64),
        (np.dtype(np.int8), I64),
        (np.dtype(bool), F32),
        (I64, F32),
    ]
    wanted: list[tuple[np.dtype[Any], ...]] = [(d,) * op.arity for d in others]
    if op.arity == 2 and op.numpy in NUMPY:
        wanted += pairs
    for dtypes in wanted:
        if not takes(op, dtypes):
            continue
        name = f"{op.name}/{'x'.join(map(dtype_name, dtypes))}"
        rng = generator(name)
        args = tuple(sample(rng, d, (6,), t) for d, t in zip(op.domain, dtypes, strict=True))
        try:
            with np.errstate(all="ignore"):
                function_of(op)(*args)
        except ValueError:  # integers to negative powers
            args = tuple(np.abs(arg) for arg in args)
        yield Case(name, function_of(op), args)


def special_cases(op: Elementwise) -> Iterator[Case]:
    """Zeros of both signs, infinities, NaN, tiny and huge numbers, against one another."""
    for dtype in (F64, F32):
        if not takes(op, (dtype,) * op.arity) or op.arity > 2:
            continue
        with np.errstate(over="ignore"):
            values = np.array(SPECIAL).astype(dtype)
        columns = [np.arange(4.0, dtype=dtype) if domain is Domain.ORDER else values for domain in op.domain]
        grid = [np.array(column) for column in zip(*itertools.product(*columns), strict=True)]
        yield Case(f"{op.name}/special/{dtype_name(dtype)}", function_of(op), tuple(grid))


@cache
def listed_cases() -> tuple[Case, ...]:
    """The entries of the files ``cases_*.py``."""
    found: list[Case] = []
    for path in sorted(Path(__file__).parent.glob("cases_*.py")):
        module = importlib.import_module(f"tests.ops.{path.stem}")
        found += [Case(*entry) for entry in module.CASES]
    seen: Counter[str] = Counter()
    for i, case in enumerate(found):
        seen[case.name] += 1
        if seen[case.name] > 1:
            found[i] = case._replace(name=f"{case.name} ({seen[case.name]})")
    return tuple(found)


def smooth_cases() -> list[Case]:
    """The cases at which derivatives exist: finite, and with elementwise operations inside the domain."""
    smooth = [case for op in elementwise_ops() for dtype in (F64, F32) for case in float_cases(op, dtype)]
    return smooth + [case for case in listed_cases() if all(is_finite(arg) for arg in case.args)]


def is_finite(arg: Any) -> bool:
    """Whether an argument holds neither infinity nor NaN."""
    return np.asarray(arg).dtype.kind != "f" or bool(np.all(np.isfinite(arg)))


def cases() -> list[Case]:
    """All cases."""
    generated = [
        case
        for op in elementwise_ops()
        for case in (*float_cases(op), *float_cases(op, F32), *mixed_cases(op), *special_cases(op))
    ]
    return generated + list(listed_cases())
