"""A small slice of the random calls and programs; ``python -m tests.fuzz`` runs as many as one likes."""

from typing import Any

import numpy as np
import pytest

from tests.fuzz import calls, gradients
from tests.fuzz.__main__ import main

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

F32 = np.array([2.98, -0.54, -2.42, -2.29], np.float32)

# Calls that were once different from NumPy's.
KEPT: dict[str, tuple[Any, ...]] = {
    "np.linalg.cholesky(a @ a.T + np.eye(2))": (np.array([[1.4, -0.7], [-1.3, 0.4]]),),
    "np.linalg.slogdet(a)": (np.array([[2.2, -2.0], [-0.9, 0.3]]),),
    "np.conjugate(a)": (np.array([True]),),
    "np.power(a, b)": (np.array([3, -5, -1]), np.array([2, 0, -1])),
    "np.correlate(a, b, 'same')": (np.array([1, 3, 0, 4], np.uint32), np.array([-1 - 1.5j, 2 - 2.8j, 2 + 2.4j])),
    "np.correlate(a, b, 'full')": (np.array([1 + 2j, 3j]), np.array([-1 - 1.5j, 2 - 2.8j, 2 + 2.4j])),
    "np.min(a, axis=-1, initial=0.5)": (np.array([[-4, 0, 3, -2]]),),
    "np.nanmax(a, axis=(), initial=0.5)": (np.array([False]),),
    "np.nanmin(a, axis=(), initial=0.5)": (np.array([np.nan], np.float32),),
    "np.mean(a, axis=0)": (np.zeros((0, 3)),),
    "np.std(a)": (np.zeros(0),),
    "np.polyval(a, b)": (np.array([-4, -5, 0], np.int8), np.array([-0.27 + 2.1j])),
    "np.quantile(a, [0.25, 0.75], method='higher')": (F32,),
    "np.percentile(a, np.float64(40), method='median_unbiased')": (F32,),
    "np.nanquantile(a, 0.4, method='averaged_inverted_cdf')": (F32,),
    "np.allclose(a, b, rtol=1e3)": (np.array([0], np.uint32), np.array([4], np.uint32)),
    "np.sum(a, initial=-1.5)": (np.array([[-1, 4]], np.int32),),
    "np.prod(a, initial=np.float64(2))": (F32,),
    "np.max(a, where=a > 0, initial=-5)": (np.zeros((0, 3)),),
    "np.logical_xor.reduce(a)": (np.array([0.5 + 1j], np.complex64),),
    "np.logical_xor.reduce(a, axis=0)": (np.array([[-1.4, -1.2], [1.9, 0.0]]),),
    "np.fmin.reduce(a, initial=1)": (np.array([True, False]),),
    "np.bitwise_or.reduce(a, axis=0)": (np.zeros((0, 3), bool),),
    "np.divide.accumulate(a)": (np.zeros(0, np.uint64),),
    "a.conjugate()": (np.array([True]),),
    "np.unwrap(a, period=4)": (np.zeros(0, np.int8),),
}


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_calls(first):
    outcomes = [calls.check(calls.drawn(seed)) for seed in range(first, first + 100)]
    assert outcomes.count("same") > 80


@pytest.mark.parametrize("text", KEPT)
def test_kept_calls(text):
    assert calls.check(calls.Call("kept", text, KEPT[text])) in ("same", "both refuse")


def test_the_exponential_integral_of_order_zero_has_a_slope():
    call = calls.Call("kept", "special.expn(a, b)", (np.array([0, 1, 2]), np.array([2.3, 1.4, 2.5])))
    found = gradients.ours(call, [True], [False, True])
    assert found is not None
    assert gradients.agree(found, gradients.differences(call, [True], [False, True]), 1e-6)


def test_compiled_calls():
    assert {calls.check(calls.drawn(seed), compiled=True) for seed in range(5000, 5010)} >= {"same"}


def test_gradients():
    pytest.importorskip("autograd", reason="gradients are compared with HIPS autograd")
    outcomes = [gradients.check(calls.drawn(seed, smooth=True)) for seed in range(90, 150)]
    assert outcomes.count("same") > 15


def test_the_runner_counts_and_shows(capsys, monkeypatch):
    monkeypatch.setattr(calls, "assert_same", lambda found, wanted: None)
    assert main("calls", 0, 5) == 0
    monkeypatch.undo()
    assert capsys.readouterr().out.split()[0].isdigit()
