"""Programs for autograd give the same answers with nothing but their imports changed."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from staticbp.runtime import load
from tests.autograd_programs import NAMES, for_staticbp, run, source

pytest.importorskip("autograd", reason="the programs are compared with HIPS autograd")

COMPILED = ("gaussian_process", "lstm", "neural_network", "planets", "springs")
STEPS = 3


def numbers(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from numbers(part)
    else:
        yield np.asarray(value)


def test_there_are_more_than_thirty():
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_only_the_imports_change(name):
    before, after = (text.splitlines() for text in (source(name), for_staticbp(source(name))))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) >= 2
    assert all(re.match("(from|import) autograd", old) for old, _ in changed)
    assert "autograd" not in "\n".join(after)


@pytest.mark.filterwarnings("ignore::staticbp.errors.UnrollWarning")
@pytest.mark.parametrize("name", NAMES)
def test_the_answers_are_those_of_autograd(name, monkeypatch):
    monkeypatch.setattr(load, "JIT", name in COMPILED)
    expected = list(numbers(run(name, source(name)).main(STEPS)))
    found = list(numbers(run(name, for_staticbp(source(name))).main(STEPS)))
    assert [x.shape for x in found] == [x.shape for x in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(1e-3, np.max(np.abs(theirs))))
