"""What staticbp imports when, and that all of its names can be had."""

import ast
from pathlib import Path

import pytest

import staticbp as bp

GRADIENT = """
import sys
import numpy as np
import staticbp as bp
@bp.differentiable
def f(x):
    return np.sum(np.tanh(x) ** 2)
f.grad(np.ones(3))
"""


@pytest.mark.parametrize("name", bp.__all__)
def test_name_is_there(name):
    assert getattr(bp, name) is vars(bp)[name]
    assert name in dir(bp)


def test_what_type_checkers_see_is_what_there_is():
    tree = ast.parse(Path(bp.__file__).read_text())
    seen = {}
    for node in next(node for node in tree.body if isinstance(node, ast.If)).body:
        assert isinstance(node, ast.ImportFrom)
        seen |= {alias.name: node.module for alias in node.names}
    assert seen.keys() == {*bp.__all__} - {"__version__"}
    for name, module in seen.items():
        value = getattr(bp, name)
        assert getattr(value, "__module__", module) == module, name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'staticbp' has no attribute 'nobody'"):
        bp.nobody  # noqa: B018


def test_a_gradient_imports_what_it_needs(run_python):
    rest = [
        "numpy.ma",
        "numba",
        "staticbp.inspection.text",
        "staticbp.api.standalone",
        "staticbp.api.flow",
        "staticbp.optimize",
    ]
    found = run_python(f"{GRADIENT}print([name for name in {rest} if name in sys.modules])", {"STATICBP_JIT": "0"})
    assert found.stdout.strip() == "[]"


def test_staticbp_alone_imports_no_compiler(run_python):
    found = run_python("import sys, staticbp; print('staticbp.compilation' in sys.modules, 'llvmlite' in sys.modules)")
    assert found.stdout.strip() == "False False"
