"""Symbolic extents as LLVM code: symbols are bound to the sizes of arrays, and dimensions computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from llvmlite import ir

from staticbp.core.shape import SMALLEST, Dim, DimExpr

SIZE = ir.IntType(64)


def extent_of(builder: Any, dim: Dim, sizes: Mapping[str, Any]) -> Any:
    """The value of a dimension, given those of its symbols."""
    if not isinstance(dim, DimExpr):
        return SIZE(dim)
    terms = [reduce(builder.mul, (sizes[name] for name in monomial), SIZE(c)) for monomial, c in dim.terms]
    return reduce(builder.add, terms)


def misfit(builder: Any, found: Any, wanted: Dim, sizes: dict[str, Any]) -> Any:
    """Whether an array's extent is not the one wanted; a symbol that is met for the first time is bound to it."""
    name = wanted.name if isinstance(wanted, DimExpr) else None
    if name is not None and name not in sizes:
        sizes[name] = found
        return builder.icmp_signed("<", found, SIZE(SMALLEST))
    return builder.icmp_signed("!=", found, extent_of(builder, wanted, sizes))
