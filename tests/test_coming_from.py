"""The tables of docs/coming-from-*.md: every line gives what stands beside it."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.test_docs import blocks

PAGES = sorted((Path(__file__).resolve().parent.parent / "docs").glob("coming-from-*.md"))
ROW = re.compile(r"^\| (?P<names>`.*`) \| `(?P<line>[^|]*)` \| `(?P<gives>[^|]*)` \|$", re.MULTILINE)
REASON = re.compile(r"^\| (?P<names>`[^|]*`) \| (?P<why>[^`|]{15,}) \|$", re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def namespace(page, text):
    """What the page's own code defines."""
    defined = {}
    for kind, code, line in blocks(text):
        if not kind and ">>> " not in code:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile("\n" * line + code, str(page), "exec"), defined)
    return defined


def shown(value):
    return " ".join(repr(value).split())


@each_page
def test_every_line_gives_what_the_page_says(page, request):
    text = page.read_text(encoding="utf-8")
    defined = namespace(page, text)
    right = ROW.sub(lambda row: f"| {row['names']} | `{row['line']}` | `{shown(eval(row['line'], defined))}` |", text)
    if right != text and request.config.getoption("--update-golden"):
        page.write_text(right, encoding="utf-8")
    else:
        assert text == right, "the page shows something else than its lines give; --update-golden rewrites it"


@each_page
def test_every_row_of_a_table_is_read(page):
    """All but the tables in front of the first definitions, which show imports."""
    tables = page.read_text(encoding="utf-8").partition("\n## ")[2]
    rows = [line for line in tables.splitlines() if line.startswith("| `")]
    assert len(rows) == len(ROW.findall(tables)) + len(REASON.findall(tables)) > 15
