"""What several tests of the runtime share."""

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from staticbp.runtime import store
from staticbp.runtime import vecmath as vm


@functools.cache
def loop_over(name, arity=1):
    function = getattr(vm, name)

    def one(x, out):
        for i in range(out.size):
            out[i] = function(x[i])

    def two(x, y, out):
        for i in range(out.size):
            out[i] = function(x[i], y[i])

    def three(x, y, z, out):
        for i in range(out.size):
            out[i] = function(x[i], y[i], z[i])

    return numba.njit({1: one, 2: two, 3: three}[arity], error_model="numpy")


@pytest.fixture
def over() -> Callable[..., Any]:
    """``over(name, arity=1)``: a compiled loop of a function of vecmath; its last argument receives the results."""
    return loop_over


@pytest.fixture
def applied() -> Callable[..., Any]:
    """``applied(loop, *arrays, dtype=None)``: the results of such a loop."""

    def run(loop, *arrays, dtype=None):
        out = np.empty(arrays[0].shape, dtype or arrays[0].dtype)
        loop(*arrays, out)
        return out

    return run


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty store of the test's own."""
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("STATICBP_CACHE_SIZE", raising=False)
    for counter in ("hits", "misses", "saves", "rejected"):
        monkeypatch.setattr(store.stats, counter, 0)
    return tmp_path / "cache"
