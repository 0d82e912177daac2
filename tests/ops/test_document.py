"""`docs/ops.md` says what the declarations say."""

from pathlib import Path

import pytest

from staticbp.ops.document import declared, operations_page
from staticbp.ops.families import elementwise
from staticbp.ops.registry import PRIMITIVES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ops.md"


def test_page_is_up_to_date(request):
    text = operations_page()
    if request.config.getoption("--update-golden"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "python -m pytest --update-golden brings docs/ops.md up to date"


def test_every_operation_is_on_the_page():
    text = operations_page()
    assert [name for name in PRIMITIVES if f"| `{name}` |" not in text] == []


def test_every_formula_is_found():
    rows = [line for line in operations_page().splitlines() if line.startswith("| `")]
    assert [row for row in rows if "|  |" in row.replace("` |  |", "` | none |", 1)] == []


def test_formulas_are_those_of_the_source():
    assert declared()["tanh"]["partials"] == "lambda out, x: (1 - out * out,)"
    assert declared()["matvec"]["transposes"] == "(lambda ct, x: outer(ct, x), lambda ct, a: vecmat(ct, a))"


def test_a_new_declaration_appears():
    try:
        elementwise(
            "half",
            numpy=lambda x: x / 2,
            partials=lambda out, x: (0.5,),
            expr="{x} / 2",
            dtypes=lambda x: (x, x),
        )
        assert "| `half` |" in operations_page()
    finally:
        PRIMITIVES.pop("half")
    assert "| `half` |" not in operations_page()


@pytest.mark.parametrize("heading", ["Elementwise", "Linear", "Products", "Others", "Control flow"])
def test_sections(heading):
    assert f"\n## {heading}\n" in operations_page()
