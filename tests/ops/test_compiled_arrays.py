"""Shape operations, indexing and products compiled, with their gradients: a choice of the listed cases.

The cases of one kind are compiled together, as one function, because it is compiling that takes the time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops import (
    cases_building,
    cases_calculus,
    cases_index,
    cases_linalg,
    cases_shape,
)
from tests.ops.cases_shape import Entry
from tests.ops.checks import assert_close, floats, graph_of, results

CHOICES = {
    "moving": cases_shape.CASES[::28],
    "joining": cases_shape.CASES[-20::4],
    "products": cases_linalg.CASES[::12],
    "sums of products": [entry for entry in cases_linalg.CASES if entry[0].startswith("einsum")][::4],
    "known indexes": cases_index.CASES[: len(cases_index.STATIC) : 4],
    "calculus": cases_calculus.CASES[::9],
    "places": cases_building.CASES[::11],
    "traced indexes": cases_index.CASES[len(cases_index.STATIC) :: 3],
}


class Together:
    """One function of the arguments of several cases, which gives the results of all."""

    def __init__(self, cases: Sequence[Entry]) -> None:
        self.cases = cases
        self.args = [arg for _, _, args in cases for arg in args]

    def __call__(self, *arguments: Any) -> list[Any]:
        rest = iter(arguments)
        return [out for _, f, args in self.cases for out in results(f(*(next(rest) for _ in args)))]

    def loss(self, *arguments: Any) -> Any:
        """One number that depends on every element of every result."""
        return sum(np.sum(np.sin(out)) for out in self(*arguments))


@pytest.mark.parametrize("kind", CHOICES)
def test_values_and_gradients(kind):
    function = Together(CHOICES[kind])
    args = function.args
    for ours, wanted in zip(bp.compile(lambda *a: function(*a))(*args), function(*args), strict=True):
        assert np.shape(ours) == np.shape(wanted)
        assert np.asarray(ours).dtype == np.asarray(wanted).dtype
        assert_close(ours, wanted, 1e-12)
    active = floats(args)
    argnums = tuple(number for number, flag in enumerate(active) if flag)
    bars = bp.grad(lambda *a: function.loss(*a), argnums=argnums)(*args)
    _, *wanted_bars = interpret(vjp(RULES, graph_of(function.loss, args), active), [*args, np.ones(())])
    for ours, wanted in zip(bars, wanted_bars, strict=True):
        assert_close(ours, wanted, 1e-11)


def test_single_precision():
    function = Together([entry for entry in CHOICES["products"] if "norm" not in entry[0]])
    args = [np.asarray(arg, np.float32) for arg in function.args]
    for ours, wanted in zip(bp.compile(lambda *a: function(*a))(*args), function(*args), strict=True):
        assert np.asarray(ours).dtype == np.asarray(wanted).dtype
        assert_close(ours, wanted, 1e-5)


def test_integers():
    function = Together([entry for entry in CHOICES["products"] if "norm" not in entry[0]])
    args = [np.asarray(3 * arg).astype(np.int32) for arg in function.args]
    for ours, wanted in zip(bp.compile(lambda *a: function(*a))(*args), function(*args), strict=True):
        assert np.asarray(ours).dtype == np.asarray(wanted).dtype
        np.testing.assert_array_equal(ours, wanted)
