"""Whether answers agree."""

import numpy as np
import pytest

from bench.agreement import complaint, gap, load

EXPECTED = [np.array([1.0, -4.0]), np.array(0.5)]


def test_the_gap_is_relative_to_the_largest_element_of_each_array():
    assert gap([np.array([1.0, -4.0]), np.array(0.5)], EXPECTED) == 0
    assert gap([np.array([1.0 + 1e-3, -4.0]), np.array(0.5)], EXPECTED) == pytest.approx(2.5e-4)
    assert gap([np.array([1.0, -4.0]), np.array(0.5 + 1e-3)], EXPECTED) == pytest.approx(2e-3)


def test_against_zeros_the_gap_is_absolute():
    assert gap([np.array([0.25])], [np.zeros(1)]) == 0.25


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([np.array([1.0, -4.0]), np.array(0.5)], ""),
        ([np.array([1.0, -4.0]), np.array(0.5 + 1e-6)], "is off by 2.0e-06 of the largest element"),
        ([np.array([1.0, -4.0])], "other shapes"),
        ([np.array([1.0, np.nan]), np.array(0.5)], "not finite"),
        ([np.array([1.0, -4.0], np.float32), np.array(0.5)], "computes in float32 where float64 was asked for"),
    ],
)
def test_complaints(found, says):
    text = complaint(found, EXPECTED, "float64")
    assert says in text
    assert bool(says) == bool(text)


def test_answers_are_loaded_in_order(tmp_path):
    np.savez(tmp_path / "a.npz", *(np.array(number) for number in range(12)))
    assert [int(leaf) for leaf in load(tmp_path / "a.npz")] == list(range(12))
