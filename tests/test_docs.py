"""The code of README.md and docs/ runs, page by page, as a reader would type it.

A page's ```python blocks share one namespace, in order. Blocks with ``>>>`` prompts are checked as doctests,
the others are executed. One marked ```python printed shows what the block before it has printed, to the letter
(``--update-golden`` rewrites it); one marked ```python fragment shows a part of something and has only to parse.
One marked ```python raises raises an error, and prints that.
"""

import ast
import doctest
import io
import linecache
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from staticbp import errors
from staticbp.errors import StaticbpError

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```python(?P<kind>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A fenced block of a page; ``line`` is that of its first line of code, counted from 0."""

    kind: str
    code: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    for match in FENCE.finditer(text):
        yield Block(match["kind"].strip(), match["code"], text.count("\n", 0, match.start("code")))


def run_page(name: str, text: str) -> str:
    """Run the page; returns it as it ought to be, with what it prints."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    parser, complaints, printed = doctest.DocTestParser(), list[str](), ""
    offer_source(name, text)
    for kind, code, line in blocks(text):
        if kind == "fragment":
            ast.parse(code, filename=name)
        elif kind == "printed":
            text = text.replace(f"printed\n{code}", f"printed\n{printed}")
        elif ">>> " in code:
            test = parser.get_doctest(code, namespace, name, name, line)
            runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
            runner.run(test, out=complaints.append, clear_globs=False)
            namespace.update(test.globs)
        else:
            with redirect_stdout(io.StringIO()) as stream:
                try:
                    exec(compile(placed(code, line), name, "exec"), namespace)
                except StaticbpError as error:
                    if kind != "raises":
                        raise
                    stream.write(f"{type(error).__name__}: {error}\n")
                else:
                    assert kind != "raises", f"{name}:{line}: this raises nothing"
            printed = stream.getvalue().strip("\n") + "\n"
    if complaints:
        pytest.fail("".join(complaints), pytrace=False)
    return text


def placed(code: str, line: int) -> str:
    """The code with blank lines in front of it, so that tracebacks and errors point into the page."""
    return "\n" * line + code


def offer_source(name: str, text: str) -> None:
    """Let tracebacks and staticbp find the code of a page under the page's name, and nothing but the code."""
    lines = [""] * (text.count("\n") + 1)
    for kind, code, line in blocks(text):
        if kind in ("", "raises") and ">>> " not in code:
            lines[line : line + code.count("\n")] = code.splitlines()
    linecache.cache[name] = (len(text), None, [line + "\n" for line in lines], name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_of_page_runs(page, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    right = run_page(str(page), text)
    if right != text and request.config.getoption("--update-golden"):
        page.write_text(right, encoding="utf-8")
    else:
        assert text == right, "the page shows something else than its code prints; --update-golden rewrites it"


def test_a_wrong_answer_in_a_page_is_noticed():
    page = "Text.\n\n```python\nx = 2\n```\n\n```python\n>>> x + 1\n4\n```\n"
    with pytest.raises(pytest.fail.Exception, match="Expected:\n    4\nGot:\n    3"):
        run_page("page.md", page)


def test_what_a_page_shows_as_printed_is_what_it_prints():
    page = "```python\nprint('x = 1')\n```\n\n```python printed\nx = {}\n```\n"
    assert run_page("page.md", page.format(1)) == run_page("page.md", page.format(2)) == page.format(1)


def test_every_error_has_its_place_in_the_docs():
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, StaticbpError | UserWarning)]
    for cls in classes:
        if cls is not StaticbpError:
            section = text.partition(f"\n## {cls.__name__}\n")[2].partition("\n## ")[0]
            assert f"{cls.__name__}: " in "".join(block.code for block in blocks(section)), cls


def test_a_block_that_is_to_raise_and_does_not_is_noticed():
    page = "```python raises\nx = 1\n```\n"
    with pytest.raises(AssertionError, match="this raises nothing"):
        run_page("page.md", page)


def test_a_fragment_is_parsed_only():
    run_page("page.md", "```python fragment\nno_such_name(1)\n```\n")
    with pytest.raises(SyntaxError):
        run_page("page.md", "```python fragment\nx = = 1\n```\n")
