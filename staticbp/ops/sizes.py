"""Sizes as numbers: what a symbolic dimension is in arithmetic, ``np.sum(x) / x.shape[0]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import INT64, Aval
from staticbp.core.lowering import IndexMap
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind
from staticbp.core.schedule import Affine
from staticbp.core.shape import Dim


class SizeOf(Primitive):
    """``size[dim, weak]``: a dimension as an integer; while it is traced weak, as Python's own numbers are."""

    name = "size"
    lowering = IndexMap(lambda read, index, in_avals, out, params: Affine(params["dim"]))

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        return (Aval((), INT64, params["weak"]),)

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        return (np.int64(shapes.static(params["dim"], "a size")),)

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        return bind(self, ins, params), [False]

    def differentiable(self, ins: Sequence[Aval], params: Params) -> bool:
        return False


size_of = SizeOf()


def number(dim: Dim) -> Value:
    """A dimension as a number: a Python integer where it is known."""
    return dim if isinstance(dim, int) else size_of(dim=dim, weak=True)
