"""Medians, ratios and verdicts."""

import pytest

from bench.results import best, ratios, verdict
from bench.workload import Target

TIMES = {"staticbp": [1.0, 1.2, 1.1], "jax": [2.0, 2.0, 2.0], "torch": [4.0, 1.0, 4.0]}


def test_ratios_are_those_of_the_same_round():
    assert ratios([1.0, 4.0], [2.0, 2.0]) == (1.25, 0.5, 2.0)


def test_the_best_rival_is_that_with_the_least_median():
    assert best(TIMES, ["torch", "jax", "absent"]) == "jax"
    assert best(TIMES, ["absent"]) == ""


@pytest.mark.parametrize(("reach", "aim", "word"), [(0.6, 0.55, "aim"), (0.6, 0.5, "held"), (0.5, 0.3, "NOT HELD")])
def test_verdicts(reach, aim, word):
    found = verdict(Target(("jax", "torch"), reach, aim, "the best"), TIMES)
    assert (found.rival, found.word) == ("jax", word)
    assert found.ratio == pytest.approx(0.55)


def test_without_anybody_to_compare_with_nothing_is_claimed():
    assert verdict(Target(("absent",), 1.0, 1.0, "nobody"), TIMES).word == "not measured"
    assert verdict(Target(("jax",), 1.0, 1.0, "JAX"), {"jax": [1.0]}).word == "not measured"
