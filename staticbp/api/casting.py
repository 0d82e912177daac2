"""Tangents and cotangents, in whatever form they are given, as values of the type they are for."""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, aval_of
from staticbp.core.primitive import Builder, Traced, Value, lift
from staticbp.errors import ArgumentError, DtypeError, ShapeError
from staticbp.ops.linear import broadcast_to, fill, to_dtype
from staticbp.trace.names import here


def fitted(value: Any, aval: Aval, path: str) -> Value:
    """`value` in the dtype and shape of `aval`; a scalar fills the shape.  Errors call it `path`.

    Examples
    --------
    >>> fitted(1, aval_of(np.zeros(2, np.float32)), "cotangent")
    array([1., 1.], dtype=float32)
    """
    if not isinstance(value, Traced):
        value = np.asarray(value)
        if value.dtype.kind not in "biufc":
            raise ArgumentError(f"{path} is an array of {value.dtype}, not of numbers", src=here().src)
    given = value.aval if isinstance(value, Traced) else aval_of(value)
    if not np.can_cast(given.dtype, aval.dtype, "same_kind"):
        raise DtypeError(f"{path} has dtype {given.dtype}, which does not fit into {aval.dtype}", src=here().src)
    if given.shape and not shapes.same(given.shape, aval.shape):
        raise ShapeError(
            f"{path} has shape {shapes.text(given.shape)}, where {shapes.text(aval.shape)} is needed",
            src=here().src,
            advice="Give an array of exactly that shape, or one number, which then fills it.",
        )
    if isinstance(value, Traced):
        return broadcast_to(to_dtype(value, aval.dtype), aval.shape)
    if not given.shape and Builder.innermost() is not None:
        return lift(fill(value[()], aval))
    return np.full(aval.shape, value, aval.dtype) if given.shape != aval.shape else value.astype(aval.dtype)
