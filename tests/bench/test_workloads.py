"""The jobs that have no target: their derivatives by hand are those that staticbp finds, whatever the type."""

import numpy as np
import pytest

from bench import catalogue
from bench.agreement import gap
from bench.contestant import make_inputs, prepare

SMALL = {
    "block": dict(length=6, width=8, heads=2, neurons=5),
    "deconvolution": dict(side=8),
    "groups": dict(points=9, groups=3),
    "heat": dict(side=6, steps=4),
}


@pytest.mark.parametrize(("name", "sizes"), SMALL.items())
def test_derivatives_by_hand_are_those_that_are_found(name, sizes):
    (workload,) = catalogue.named([name])
    assert not workload.targets
    inputs = make_inputs(workload.family, {**workload.settings, **sizes})
    found, wanted = (
        [np.asarray(leaf) for leaf in prepare(workload.family, workload.job, entrant, inputs).answer()]
        for entrant in ("staticbp", "numpy")
    )
    assert gap(found, wanted) < 1e-12
    assert all(leaf.dtype == np.float64 for leaf in found)


def test_the_plate_by_hand_in_numba():
    inputs = make_inputs("heat", {"dtype": "float32", **SMALL["heat"]})
    found, wanted = (prepare("heat", "gradient", entrant, inputs).answer() for entrant in ("numba", "numpy"))
    assert found[0].dtype == np.float32
    assert gap(found, wanted) < 1e-5
