"""The families of operations: what a declaration has to say, and all that follows from it.

An operation is declared once.  `elementwise` asks for partial derivatives, `linear` (in `linear.py`) for a
transpose, `bilinear` for two, `general` for everything.  From that come both modes of differentiation,
batching, the lowering and the tests.  A declaration with a facet missing fails at import.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype, promotion_token
from staticbp.core.graph import Lit, Var
from staticbp.core.lowering import Lowering, Scalar
from staticbp.core.primitive import Params, Primitive, Rules, Traced, Value, bind, value_aval
from staticbp.errors import DtypeError, NotDifferentiableError, ShapeError, UnsupportedFunctionError
from staticbp.ops.linear import Declared, add_all, batch_operand, fit, linear, operand, recorded, strong, times, zeros
from staticbp.ops.options import fresh
from staticbp.ops.registry import (
    ABOVE_ONE,
    NONZERO,
    NUMPY,
    POSITIVE,
    PRIMITIVES,
    REAL,
    UNIT,
    ZERO,
    Domain,
    Unknown,
    as_tuple,
    declare,
    float_dtypes,
    implements,
    refuse,
    same_dtypes,
    ufunc_dtypes,
)

__all__ = [
    "ABOVE_ONE",
    "NONZERO",
    "NUMPY",
    "POSITIVE",
    "PRIMITIVES",
    "REAL",
    "UNIT",
    "ZERO",
    "Domain",
    "Unknown",
    "bilinear",
    "elementwise",
    "float_dtypes",
    "general",
    "implements",
    "linear",
    "refuse",
    "same_dtypes",
]

# ---- elementwise ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Elementwise(Primitive):
    """``out[i] = f(x[i], y[i], ...)``.

    `partials(y, *xs)` gives the derivative with respect to each operand (None for none, 1 and -1 for
    themselves); `vjp` and `jvp` may be given instead where a product would be wrong at special points.
    """

    name: str
    numpy: Callable[..., Any]
    lowering: Lowering
    arity: int
    domain: tuple[Domain, ...]
    partials: Callable[..., Sequence[Value | None]] | str | None
    vjp_rule: Callable[..., Sequence[Value | None]] | None
    jvp_rule: Callable[..., Value | None] | None
    dtypes: Callable[..., tuple[np.dtype[Any], ...]]
    shortcut: Callable[..., Value | None] | None

    def _check_complex(self, dtypes: Sequence[np.dtype[Any]]) -> None:
        if isinstance(self.lowering, Scalar) and self.lowering.for_complex is None and _is_complex(dtypes):
            raise DtypeError(
                f"np.{getattr(self.numpy, '__name__', self.name)} of complex numbers is not supported on traced values",
                advice="Write it in terms of x.real and x.imag.",
            )

    def __post_init__(self) -> None:
        if self.partials is None and (self.vjp_rule is None or self.jvp_rule is None):
            raise TypeError(f"operation {self.name} needs partials, or both vjp and jvp")
        declare(self)
        if isinstance(self.numpy, np.ufunc):
            NUMPY[self.numpy] = self

    def __call__(self, *args: Value, **params: Any) -> Any:
        """As NumPy would: promote the dtypes, broadcast the shapes, apply.  The result is never weak."""
        if params:
            refuse(f"np.{getattr(self.numpy, '__name__', self.name)}", **params)
        out = self.weakly(*args)
        return strong(out) if isinstance(out, Traced) and out.aval.weak else out

    def weakly(self, *args: Value) -> Any:
        """As Python's operators would: an expression of Python scalars stays weak."""
        if len(args) != self.arity:
            raise UnsupportedFunctionError(f"{self.name} takes {self.arity} arguments, not {len(args)}")
        values = [operand(arg) for arg in args]
        if not any(isinstance(v, (Traced, Lit)) for v in values):
            return self.numpy(*values)
        values = [recorded(v) for v in values]
        if self.shortcut is not None:
            shorter = self.shortcut(*values)
            if shorter is not None:
                return fresh(shorter) if any(shorter is v for v in values) else shorter
        avals = [value_aval(v) for v in values]
        dtypes, shape, weak = _promotion(self, *avals)
        fitted = [
            v if _fits(v, aval, shape, dtype) else fit(v, shape, dtype, weak)
            for v, aval, dtype in zip(values, avals, dtypes, strict=True)
        ]
        return bind(self, fitted, {})[0]

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        return _types(self, *ins)

    def _types(self, ins: Sequence[Aval]) -> tuple[Aval, ...]:
        shape = ins[0].shape
        if any(not shapes.same(a.shape, shape) for a in ins):
            raise ShapeError(f"{self.name} of {', '.join(map(str, ins))}: the shapes differ")
        *dtypes, out = self.dtypes(*(a.dtype for a in ins))
        if any(a.dtype != dtype for a, dtype in zip(ins, dtypes, strict=True)):
            raise DtypeError(f"{self.name} of {', '.join(map(str, ins))}: the dtypes do not fit")
        self._check_complex([a.dtype for a in ins])
        return (Aval(shape, check_dtype(out, f"the result of {self.name}"), all(a.weak for a in ins)),)

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        return (self.numpy(*ins),)

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        if self.vjp_rule is not None:
            return self.vjp_rule(cts[0], outs[0], *ins)
        partials = self._partials(outs[0], ins)
        return [self._times(cts[0], p) if a else None for p, a in zip(partials, active, strict=True)]

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        outs = bind(self, ins, params)
        if self.partials == ZERO:
            return outs, [None]
        if self.jvp_rule is not None:
            return outs, [self.jvp_rule(tangents, outs[0], *ins)]
        partials = self._partials(outs[0], ins)
        terms = [self._times(t, p) for t, p in zip(tangents, partials, strict=True) if t is not None]
        return outs, [add_all(terms)]

    def _times(self, flow: Value, partial: Value | None) -> Value | None:
        if isinstance(partial, Unknown):
            raise NotDifferentiableError(f"{self.name} has no derivative by this operand here: {partial.why}")
        return times(flow, partial)

    def _partials(self, out: Value, ins: Sequence[Value]) -> Sequence[Value | None]:
        return self.partials(out, *ins) if callable(self.partials) else [None] * self.arity

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        return bind(self, [batch_operand(x, size, b) for x, b in zip(ins, batched, strict=True)], params), [True]

    def differentiable(self, ins: Sequence[Aval], params: Params) -> bool:
        return self.partials != ZERO


@lru_cache(maxsize=4096)
def _types(op: Elementwise, *ins: Aval) -> tuple[Aval, ...]:
    """The types of the results: a graph asks for the same ones a thousand times."""
    return op._types(ins)


@lru_cache(maxsize=4096)
def _promotion(op: Elementwise, *ins: Aval) -> tuple[Sequence[np.dtype[Any]], shapes.Shape, bool]:
    """The dtypes that operands of these types are cast to, their common shape, and whether all of them are weak."""
    *dtypes, _ = op.dtypes(*(promotion_token(a) for a in ins))
    for dtype in dtypes:
        check_dtype(dtype, f"an operand of {op.name}")
    op._check_complex(dtypes)
    return dtypes, shapes.broadcast(*(a.shape for a in ins)), all(a.weak for a in ins)


def _is_complex(dtypes: Sequence[np.dtype[Any]]) -> bool:
    return any(dtype.kind == "c" for dtype in dtypes)


def _fits(value: Value, aval: Aval, shape: shapes.Shape, dtype: np.dtype[Any]) -> bool:
    """Whether a traced value is as it has to be, and no literal, whose weakness would have to be settled."""
    return isinstance(value, Traced) and aval.shape == shape and aval.dtype == dtype and isinstance(value.atom, Var)


def elementwise(
    name: str,
    *,
    numpy: Callable[..., Any],
    expr: str,
    domain: Domain | tuple[Domain, ...] = REAL,
    partials: Callable[..., Sequence[Value | None]] | str | None = None,
    vjp: Callable[..., Sequence[Value | None]] | None = None,
    jvp: Callable[..., Value | None] | None = None,
    dtypes: Callable[..., tuple[np.dtype[Any], ...]] | None = None,
    shortcut: Callable[..., Value | None] | None = None,
    cost: int = 1,
    for_complex: str | None = None,
    beside: str = "",
) -> Elementwise:
    """Declare an elementwise operation.

    Parameters
    ----------
    name : str
        Its name in graphs.
    numpy : callable
        NumPy's function: its value, its dtypes, and the key under which traced values find the operation.
    expr : str
        The expression in generated code, with ``{x}`` (and ``{y}``, ``{z}``) for the operands.
    domain : Domain or tuple of Domain
        Where the derivative exists, an entry an operand.
    partials : callable or ZERO
        ``partials(out, x, ...)``: the partial derivatives, a tuple; `Unknown` for one that cannot be given.
    vjp, jvp : callable
        ``vjp(ct, out, x, ...)`` and ``jvp(tangents, out, x, ...)``, where partials do not do.
    dtypes : callable
        ``dtypes(*tokens)``: operand dtypes and result dtype after promotion, for functions that are not ufuncs.
    shortcut : callable
        ``shortcut(x, ...)``: other operations that give the same for these operands, or None.
    cost : int
        In units of an addition.
    for_complex : str
        The expression for complex operands, where the operation takes them; its derivative is to hold for them.
    beside : str
        The operation that begins with the same work, most of this one's: in one loop it is done once.
    """
    arity = sum(1 for letter in "xyz" if f"{{{letter}}}" in expr)
    template = _numbered(expr)
    domains = domain if isinstance(domain, tuple) else (domain,) * arity
    lowering = Scalar(template, cost, None if for_complex is None else _numbered(for_complex), beside)
    resolve = dtypes or (ufunc_dtypes(numpy) if isinstance(numpy, np.ufunc) else _missing_dtypes(name))
    return Elementwise(name, numpy, lowering, arity, domains, partials, vjp, jvp, resolve, shortcut)


def _numbered(expr: str) -> str:
    return expr.replace("{x}", "{0}").replace("{y}", "{1}").replace("{z}", "{2}")


def _missing_dtypes(name: str) -> Any:
    raise TypeError(f"operation {name} is no ufunc and needs dtypes")


# ---- bilinear -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Bilinear(Declared):
    """Linear in each of two operands: the products."""

    name: str
    aval: Callable[..., Aval]
    numpy: Callable[..., Any]
    transposes: tuple[Callable[..., Value], Callable[..., Value]]
    batch_rule: Callable[..., Value]
    lowering: Lowering

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        x, y = ins
        left, right = self.transposes
        return [
            left(cts[0], y, **params) if active[0] else None,
            right(cts[0], x, **params) if active[1] else None,
        ]

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        (x, y), (dx, dy) = ins, tangents
        terms = [] if dx is None else [bind(self, (dx, y), params)[0]]
        terms += [] if dy is None else [bind(self, (x, dy), params)[0]]
        return bind(self, ins, params), [add_all(terms)]

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        return [self.batch_rule(size, ins, batched, **params)], [True]


def bilinear(
    name: str,
    *,
    aval: Callable[..., Aval],
    numpy: Callable[..., Any],
    transposes: tuple[Callable[..., Value], Callable[..., Value]],
    batch: Callable[..., Value],
    lower: Lowering,
) -> Bilinear:
    """Declare a bilinear operation.

    ``transposes = (lambda ct, y: x_bar, lambda ct, x: y_bar)``; ``batch(size, (x, y), (x_batched, y_batched))``
    gives the result with its leading axis.
    """
    return Bilinear(name, aval, numpy, transposes, batch, lower)


# ---- general --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class General(Declared):
    """An operation all of whose facets are given."""

    name: str
    aval: Callable[..., Aval | tuple[Aval, ...]]
    numpy: Callable[..., Any]
    vjp: Callable[..., Any] | str
    jvp: Callable[..., Any] | str
    batch_rule: Callable[..., Value]
    lowering: Lowering
    results: Sequence[str] | None = None

    def result_names(self, params: Params) -> Sequence[str] | None:
        return self.results

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        if isinstance(self.vjp, str):
            raise NotDifferentiableError(f"{self.name} has no derivative: {self.vjp}")
        ct = cts[0] if len(cts) == 1 else tuple(zeros(o) if c is None else c for c, o in zip(cts, outs, strict=True))
        out = outs[0] if len(outs) == 1 else tuple(outs)
        given = as_tuple(self.vjp(ct, out, *ins, **params))
        return (*given, *(None,) * (len(ins) - len(given)))

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        outs = bind(self, ins, params)
        if self.vjp == ZERO:
            return outs, [None] * len(outs)
        if isinstance(self.jvp, str):
            raise NotDifferentiableError(f"{self.name} has no derivative: {self.jvp}")
        out = outs[0] if len(outs) == 1 else tuple(outs)
        return outs, as_tuple(self.jvp(tangents, out, *ins, **params))

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        outs = as_tuple(self.batch_rule(size, ins, batched, **params))
        return outs, [True] * len(outs)

    def differentiable(self, ins: Sequence[Aval], params: Params) -> bool:
        return self.vjp != ZERO


def general(
    name: str,
    *,
    aval: Callable[..., Aval | tuple[Aval, ...]],
    numpy: Callable[..., Any],
    vjp: Callable[..., Any] | str,
    jvp: Callable[..., Any] | str,
    batch: Callable[..., Any],
    lower: Lowering,
    results: Sequence[str] | None = None,
) -> General:
    """Declare an operation all of whose facets are given.

    ``vjp(ct, out, *ins, **params)`` and ``jvp(tangents, out, *ins, **params)``; ZERO when nothing flows, another
    string when a derivative must be refused, with the reason.  ``batch(size, ins, batched, **params)``.  `results` is
    what several results are called.
    """
    return General(name, aval, numpy, vjp, jvp, batch, lower, results)
