"""docs/coverage.md counts what is covered, and every function that is covered has a case in the tests."""

import re
from pathlib import Path

import pytest

from staticbp.ops import catalog
from tests import counting
from tests.ops import table
from tests.ops.checks import graph_of

OPS = Path(__file__).resolve().parent / "ops"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "coverage.md"


def test_page_is_up_to_date(request):
    pytest.importorskip("jax")
    text = counting.page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "python -m pytest --update-golden brings the page up to date"


def test_everything_of_autograd_is_covered():
    names = counting.of_autograd()
    assert names["scipy.integrate"] == {"odeint": True}
    assert [name for place in names.values() for name, covered in place.items() if not covered] == []


def test_nine_tenths_of_jax_are_covered():
    pytest.importorskip("jax")
    names = counting.of_jax()
    assert sum(names.values()) >= 0.9 * len(names)


def test_what_is_not_covered_has_a_reason():
    assert counting.unexplained() == []


@pytest.mark.parametrize("place", counting.places(), ids=lambda place: place.title)
def test_what_is_covered_has_no_reason_not_to_be(place):
    if "stats" not in place.title:
        assert [name for name in place.present if place.reason(name)] == []


class Asked(dict):
    """A register that remembers what it was asked for."""

    def __init__(self, register):
        super().__init__(register)
        self.names = set()

    def get(self, key, default=None):
        self.names.add(key)
        return super().get(key, default)


def test_every_covered_function_has_a_case(monkeypatch):
    functions, ufuncs = Asked(catalog.NUMPY), Asked(catalog.SCIPY)
    monkeypatch.setattr(catalog, "NUMPY", functions)
    monkeypatch.setattr(catalog, "SCIPY", ufuncs)
    for case in table.listed_cases():
        graph_of(case.function, case.args)
    tested = {op.numpy for op in table.elementwise_ops()} | functions.names
    untested = {title for title, function in counting.covered_functions().items() if function not in tested}
    # Some have tests of their own: what is assigned to, what depends on phases, what gives no array.
    texts = " ".join(file.read_text(encoding="utf-8") for file in OPS.glob("test_*.py"))
    assert sorted(title for title in untested if not re.search(rf"\b{title.split()[1]}\b", texts)) == []
    by_name = {op.name for op in table.elementwise_ops()} | ufuncs.names
    assert [name for name in catalog.SCIPY if not name.startswith("_") and name not in by_name] == []
