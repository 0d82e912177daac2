"""How a primitive becomes part of a schedule: elementwise expression, index map, reduction, kernel call, loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.schedule import Expr, Index, Ref, Stmt
from staticbp.core.shape import Dim, Shape

Reader = Callable[[int, Sequence[Index]], Expr]  # (operand number, index) -> its element


@dataclass(frozen=True, slots=True)
class Scalar:
    """Elementwise: `template` as in `Apply`; `cost` in units of an addition decides about recomputation.

    `for_complex` is the template where an operand is complex; None where no complex number is taken.  `beside` names
    the operation that most of the work is in common with, of the same operand.
    """

    template: str
    cost: int = 1
    for_complex: str | None = None
    beside: str = ""

    def of(self, dtypes: Sequence[np.dtype[Any]]) -> str:
        """The template for operands of these dtypes."""
        is_complex = self.for_complex is not None and any(dtype.kind == "c" for dtype in dtypes)
        return str(self.for_complex) if is_complex else self.template


@dataclass(frozen=True, slots=True)
class IndexMap:
    """A shape operation: an element of the result is an expression of elements of the operands.

    ``pull(read, index, in_avals, out_aval, params)``.  `check`, if given, yields ``(domain shape, condition
    maker, message)`` that must hold before anything is read.
    """

    pull: Callable[[Reader, Sequence[Index], Sequence[Aval], Aval, dict[str, Any]], Expr]
    check: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], Expr] | None = None
    check_domain: Callable[[Sequence[Aval], dict[str, Any]], Shape] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction: `domain` gives each loop's extent and whether it is reduced, in the operand's order."""

    combine: str
    initial: Callable[[np.dtype[Any]], np.generic]
    domain: Callable[[Sequence[Aval], dict[str, Any]], Sequence[tuple[Dim, bool]]]
    element: Callable[[Reader, Sequence[Index], dict[str, Any]], Expr]


@dataclass(frozen=True, slots=True)
class Scatter:
    """Addition of elements into an array of zeros: ``out[target(index)] += value(index)`` over `domain`.

    `check`, `check_domain` and `message` are as in `IndexMap`: they hold before anything is written.
    """

    domain: Callable[[Sequence[Aval], dict[str, Any]], Shape]
    target: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], tuple[Index, ...]]
    value: Callable[[Reader, Sequence[Index], dict[str, Any]], Expr]
    combine: str = "{0} + {1}"
    check: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], Expr] | None = None
    check_domain: Callable[[Sequence[Aval], dict[str, Any]], Shape] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """The first operand with elements of the second written into it: ``out[target(index)] = value[index]``, in order.

    Written in the memory of the first operand where nobody wants it as it was.  With `combine` an element becomes what
    that makes of it and the value.  `target`, `check`, `check_domain` and `message` are as in `Scatter`.
    """

    target: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], tuple[Index, ...]]
    combine: str | None = None
    check: Callable[[Reader, Sequence[Index], Sequence[Aval], dict[str, Any]], Expr] | None = None
    check_domain: Callable[[Sequence[Aval], dict[str, Any]], Shape] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Concatenation along ``params["axis"]``: each operand is written into its part of the result."""


@dataclass(frozen=True, slots=True)
class View:
    """The same elements in the same order in another shape."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A call of runtime kernels: ``emit(ins, outs, params)`` gives the statements.

    Operands and results are contiguous arrays in memory; with `transposable`, an operand may be a `Ref` that is
    to be read transposed.  `failure` is what is wrong with matrices when a kernel says that it failed.
    """

    emit: Callable[[Sequence[Ref], Sequence[Ref], dict[str, Any]], list[Stmt]]
    transposable: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """A loop or branch with graphs among its params; `kind` names the case in the lowering pass."""

    kind: str


@dataclass(frozen=True, slots=True)
class Choose:
    """A lowering that depends on the operands: ``pick(in_avals, params)``, never itself a `Choose`."""

    pick: Callable[[Sequence[Aval], dict[str, Any]], Lowering]


Lowering = Scalar | IndexMap | Reduce | Scatter | Overwrite | Pieces | View | Kernel | Control | Choose
