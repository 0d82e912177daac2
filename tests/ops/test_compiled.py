"""Every elementwise operation compiled, on every dtype: NumPy's values, zeros of both signs and NaN included.

The operations of one kind are compiled together, as the results of one function, because it is compiling that
takes the time.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import staticbp as bp
from tests.ops.table import Case, elementwise_ops, float_cases, mixed_cases, special_cases

DTYPES = ["bool", "int8", "int32", "int64", "uint8", "uint64", "float32", "float64"]

# Units in the last place of the result that vecmath and NumPy may differ by together.
ULPS = 8
# Both are within a few units of the largest operand, not of a result that their difference has left (that of SciPy, in
# float32, for stdtr).
CANCELLING = {"logaddexp", "stdtr"}


def cases_of(dtype: str, arity: int) -> list[Case]:
    """One case of each operation on this dtype."""
    found = []
    for op in elementwise_ops():
        if op.arity != arity:
            continue
        listed = [*special_cases(op), *mixed_cases(op), *float_cases(op), *float_cases(op, np.dtype(np.float32))]
        fitting = (
            case for case in listed if {np.asarray(a).dtype for a in case.args} - {np.dtype(bool)} <= {np.dtype(dtype)}
        )
        found += [case for case in fitting if np.size(case.args[-1]) > 1 or "special" in case.name][:1]
    return found


def together(cases: list[Case]) -> tuple[Callable[..., Any], list[Any]]:
    """One function of the different arguments of all cases, which gives the results of all."""
    arguments: list[Any] = []
    places: dict[bytes, int] = {}
    picks = []
    for case in cases:
        pick = []
        for arg in map(np.asarray, case.args):
            key = arg.tobytes() + str((arg.dtype, arg.shape)).encode()
            if key not in places:
                places[key] = len(arguments)
                arguments.append(arg)
            pick.append(places[key])
        picks.append((case.function, pick))
    return lambda *args: [function(*(args[i] for i in pick)) for function, pick in picks], arguments


@pytest.mark.parametrize("arity", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_elementwise(dtype, arity):
    cases = cases_of(dtype, arity)
    if not cases:
        pytest.skip(f"nothing takes {arity} operands of {dtype}")
    function, arguments = together(cases)
    with np.errstate(all="ignore"):
        wanted = function(*arguments)
        found = bp.compile(function)(*arguments)
    complaints = []
    for case, ours, numpys in zip(cases, found, wanted, strict=True):
        assert ours.dtype == numpys.dtype, case.name
        off = differing(ours, numpys, case)
        complaints += [f"{case.name}{place}: {ours[i]} for {numpys[i]}" for i, place in off]
    assert complaints == []


def differing(ours: Any, numpys: Any, case: Case) -> list[tuple[int, tuple[Any, ...]]]:
    """The places where the results are not the same, with the operands there."""
    args = np.broadcast_arrays(*case.args)
    if numpys.dtype.kind != "f":
        wrong = ours != numpys
    else:
        scale = np.abs(numpys)
        if case.name.split("/")[0] in CANCELLING:
            scale = np.maximum(scale, np.max(np.where(np.isfinite(args), np.abs(args), 0), axis=0))
        with np.errstate(all="ignore"):
            near = np.abs(ours - numpys) <= ULPS * np.spacing(scale)
        same = (ours == numpys) & (np.signbit(ours) == np.signbit(numpys))
        wrong = ~(same | near & (numpys != 0) | np.isnan(ours) & np.isnan(numpys))
    return [(int(i), tuple(a[i] for a in args)) for i in np.flatnonzero(wrong)]


@pytest.mark.parametrize("function", [np.maximum, np.minimum, np.fmax, np.fmin], ids=lambda f: f.__name__)
def test_choices_from_absolute_values(function):
    """LLVM 20 drops the absolute value from one way to say ``NaN, or greater than zero``."""
    values = np.array([-16.0, 3.0, 0.0, np.nan, -0.5, np.inf, -np.inf])

    def chosen(x):
        size = np.abs(x)
        return np.stack([function(size, 0.0), function(0.0, size), function(-size, 0.0), function(size, 1.0)])

    np.testing.assert_array_equal(bp.compile(chosen)(values), chosen(values))
