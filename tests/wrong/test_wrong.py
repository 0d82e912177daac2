"""Wrong programs get an error of ours that names the line, never a traceback that ends within the machinery."""

import linecache
import traceback
from pathlib import Path

import numpy as np
import pytest

import staticbp as bp
from staticbp import errors
from staticbp.errors import StaticbpError
from tests.wrong import around, derivatives, further, programs

PACKAGE = str(Path(bp.__file__).parent)
CALL = "bp.compile(f)(X, Y, N)"
TABLES = [module.PROGRAMS for module in (programs, derivatives, further, around)]
PROGRAMS = {category: table for tables in TABLES for category, table in tables.items()}
CASES = [
    pytest.param(error, text, id=f"{category}-{error}-{number}")
    for category, table in PROGRAMS.items()
    for error, programs in table.items()
    for number, text in enumerate(programs.strip().split("\n---\n"))
]


def run(text, filename):
    """Run a program as if it stood in a file."""
    body, _, call = text.partition("\n>>> ")
    lines = ["def f(x, y, n):", *(f"    {line}" for line in body.splitlines()), call or CALL]
    source = "\n".join(lines) + "\n"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    names = {"np": np, "bp": bp, "A": np.ones((3, 4)), "X": np.array([1.0, 2, 3]), "Y": np.ones(4), "N": 3, "KEPT": []}
    exec(compile(source, filename, "exec"), names)


@pytest.mark.parametrize(("error", "text"), CASES)
def test_a_wrong_program(error, text, request):
    filename = f"/wrong/{request.node.callspec.id}.py"
    with pytest.raises(BaseException) as caught:  # which one, and where from, is looked at below
        run(text, filename)
    if error == "UserError":
        assert not isinstance(caught.value, StaticbpError)
        last = traceback.extract_tb(caught.value.__traceback__)[-1].filename
        assert not last.startswith(PACKAGE)
        return
    assert type(caught.value) is getattr(errors, error), caught.value
    assert filename.rpartition("/")[2] + ":" in str(caught.value)
    assert caught.value.__cause__ is None or isinstance(caught.value, errors.NumpyCallError)


def test_there_are_enough_of_them():
    assert len(CASES) >= 380
    assert len(PROGRAMS) == sum(map(len, TABLES)) >= 24  # no category is in two tables
