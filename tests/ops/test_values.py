"""Every case: the graph of a function gives what the function gives, in value, shape and dtype."""

import pytest

from tests.ops.checks import assert_value
from tests.ops.table import cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_value(case):
    assert_value(case.function, case.args)
