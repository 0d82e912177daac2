"""Linear operations, and the three that every rule leans on: `cast`, `broadcast`, `reshape`.

`fit` makes an operand ready for an elementwise operation, so that broadcasting and promotion are explicit in
every graph and no rule ever has to undo them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype, promotion_token
from staticbp.core.graph import Lit
from staticbp.core.lowering import IndexMap, Lowering, Reader, Scalar, View
from staticbp.core.primitive import Builder, Params, Primitive, Rules, Traced, Value, bind, lift, value_aval
from staticbp.core.shape import Dim, Extent, Shape
from staticbp.errors import DtypeError, ShapeError
from staticbp.ops.registry import as_tuple, declare, ufunc_dtypes
from staticbp.ops.sizes import number

# ---- linear ---------------------------------------------------------------------------------------------------


class Declared(Primitive):
    """A primitive whose types and values are given as functions of its operands and params."""

    aval: Callable[..., Aval | tuple[Aval, ...]]
    numpy: Callable[..., Any]

    def __post_init__(self) -> None:
        declare(self)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        return as_tuple(self.aval(*ins, **params))

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        return as_tuple(self.numpy(*ins, **params))


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Declared):
    """Linear in the first `linear_in` operands jointly (all, when None); the others are integer indexes."""

    name: str
    aval: Callable[..., Aval]
    numpy: Callable[..., Any]
    transpose: Callable[..., Any]
    batch_params: Callable[..., tuple[Sequence[Value], Params]]
    lowering: Lowering
    linear_in: int | None = None

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
        result = self.transpose(cts[0], *ins, **params)
        given = as_tuple(result)
        return (*given, *(None,) * (len(ins) - len(given)))

    def pushforward(
        self, rules: Rules, tangents: Sequence[Value | None], ins: Sequence[Value], params: Params
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        count = len(ins) if self.linear_in is None else self.linear_in
        moved = [zeros(x) if t is None else t for t, x in zip(tangents[:count], ins[:count], strict=True)]
        return bind(self, ins, params), bind(self, [*moved, *ins[count:]], params)

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        filled = [batch_operand(x, size, b) for x, b in zip(ins, batched, strict=True)]
        new_ins, new_params = self.batch_params(filled, size=size, **params)
        return bind(self, new_ins, new_params), [True]


def linear(
    name: str,
    *,
    aval: Callable[..., Aval],
    numpy: Callable[..., Any],
    transpose: Callable[..., Any],
    batch: Callable[..., tuple[Sequence[Value], Params]],
    lower: Lowering,
    linear_in: int | None = None,
) -> Linear:
    """Declare a linear operation.

    `aval(*in_avals, **params)` is its type, `transpose(ct, *ins, **params)` the cotangents of its linear
    operands (one value, or a tuple), `batch(ins, size=, **params)` the operands and params for operands that all
    have a new leading axis.
    """
    return Linear(name, aval, numpy, transpose, batch, lower, linear_in)


# ---- cast, broadcast, reshape ---------------------------------------------------------------------------------


def _cast_aval(x: Aval, dtype: Any) -> Aval:
    target = check_dtype(np.dtype(dtype), "a cast")
    if x.is_complex and target.kind not in "cb":
        raise DtypeError(
            f"a complex number does not fit into {target}",
            advice="Write x.real, x.imag or np.abs(x), whichever of them is meant.",
        )
    return Aval(x.shape, target)


def _cast_transpose(ct: Value, x: Value, dtype: Any) -> Value:
    """The cotangent of a real number that became complex is real."""
    kind = value_aval(x).dtype
    return cast(real(ct) if value_aval(ct).is_complex and kind.kind != "c" else ct, dtype=kind)


cast: Linear = linear(
    "cast",
    aval=_cast_aval,
    numpy=lambda x, dtype: np.asarray(x).astype(dtype),
    transpose=_cast_transpose,
    batch=lambda ins, size, dtype: (ins, {"dtype": dtype}),
    lower=Scalar("cast"),
)


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the real part of numbers of a dtype."""
    return np.empty(0, dtype).real.dtype


def _part_aval(z: Aval) -> Aval:
    return Aval(z.shape, real_dtype(z.dtype))


# Cotangents are those of JAX and autograd: ``dL/dx - i dL/dy``, so that a holomorphic function's derivative is a factor
# in both modes, and no rule conjugates but those of the parts of a number.
real: Linear = linear(
    "real",
    aval=_part_aval,
    numpy=lambda z: np.real(z),
    transpose=lambda ct, z: cast(ct, dtype=value_aval(z).dtype),
    batch=lambda ins, size: (ins, {}),
    lower=Scalar("{0}", 1, "{0}.real"),
)

imag: Linear = linear(
    "imag",
    aval=_part_aval,
    numpy=lambda z: np.imag(z),
    transpose=lambda ct, z: cast(ct, dtype=value_aval(z).dtype) * -1j,
    batch=lambda ins, size: (ins, {}),
    lower=Scalar("{0}", 1, "{0}.imag"),
)

conj: Linear = linear(
    "conj",
    aval=lambda z: z.strong(),
    numpy=lambda z: np.conjugate(z),
    transpose=lambda ct, z: conj(ct),
    batch=lambda ins, size: (ins, {}),
    lower=Scalar("{0}", 1, "np.conjugate({0})"),
)


def _broadcast_aval(x: Aval, shape: Shape, dims: tuple[int, ...]) -> Aval:
    return Aval(shape, x.dtype)


def _broadcast_numpy(x: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    expanded = [shape[d] if d in dims else 1 for d in range(len(shape))]
    return np.broadcast_to(np.reshape(x, expanded), shape)


def _broadcast_pull(
    read: Reader, index: Sequence[Any], in_avals: Sequence[Aval], out: Aval, params: dict[str, Any]
) -> Any:
    return read(0, tuple(index[d] for d in params["dims"]))


# `dims` says which axis of the result each axis of the operand becomes; the others repeat it.
broadcast: Linear = linear(
    "broadcast",
    aval=_broadcast_aval,
    numpy=_broadcast_numpy,
    transpose=lambda ct, x, shape, dims: ct.sum(axis=tuple(d for d in range(len(shape)) if d not in dims)),
    batch=lambda ins, size, shape, dims: (
        ins,
        {"shape": (size, *shape), "dims": (0, *(d + 1 for d in dims))},
    ),
    lower=IndexMap(_broadcast_pull),
)

reshape: Linear = linear(
    "reshape",
    aval=lambda x, shape: Aval(shapes.resolve_reshape(x.shape, shape), x.dtype),
    numpy=lambda x, shape: np.reshape(x, shape),
    transpose=lambda ct, x, shape: reshape(ct, shape=value_aval(x).shape),
    batch=lambda ins, size, shape: (ins, {"shape": (size, *shape)}),
    lower=View(),
)


# ---- what every rule leans on ---------------------------------------------------------------------------------


def operand(value: Value) -> Value:
    """A Python scalar, array, literal or traced value as it is; lists become arrays, symbolic sizes traced numbers."""
    if isinstance(value, Traced | Lit | np.ndarray | np.generic | bool | int | float | complex):
        return value
    if isinstance(value, Extent):
        return number(value.dim)
    return np.asarray(value)


def recorded(value: Value) -> Value:
    """A captured array as a constant of the graph at hand, so that what is done to it is recorded too."""
    builder = Builder.innermost()
    if builder is None or not isinstance(value, np.ndarray) or not value.ndim:
        return value
    return builder.wrap(builder.atom(value))


def fill(number: complex, aval: Aval) -> Value:
    """`number` filling the shape of `aval`: a literal, ready for operators."""
    lit = Lit(number, aval.strong())
    builder = Builder.innermost()
    return lit if builder is None else builder.wrap(lit)


def zeros(like: Value) -> Value:
    """Zeros of the type of `like`."""
    return fill(0, value_aval(like))


def literal(value: Value) -> Lit | None:
    """The literal that `value` is, or, while recording, that a NumPy scalar becomes; or None."""
    if isinstance(value, Traced):
        value = value.atom
    if isinstance(value, np.generic) and Builder.innermost() is not None:
        return Lit(value, value_aval(value))
    return value if isinstance(value, Lit) else None


def fit(value: Value, shape: Shape, dtype: np.dtype[Any], weak: bool = False) -> Value:
    """`value` cast to `dtype` and broadcast to `shape`, each by an equation of its own where it is needed."""
    return broadcast_to(to_dtype(value, dtype, weak), shape)


def to_dtype(value: Value, dtype: np.dtype[Any], weak: bool = False) -> Value:
    """`value` in `dtype`; a literal stays weak only when asked to."""
    aval = value_aval(value)
    lit = literal(value)
    if lit is None and not isinstance(value, bool | int | float | complex):
        return value if aval.dtype == dtype else cast(value, dtype=dtype)
    number = value if lit is None else lit.value.item()
    if aval.weak and aval.dtype.kind == "i" and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if not bounds.min <= number <= bounds.max:
            raise DtypeError(f"the Python integer {number} is out of bounds for {dtype}")
    with np.errstate(all="ignore"):
        return Lit(np.asarray(number).astype(dtype)[()], Aval(aval.shape, dtype, weak and not aval.shape))


def promoted(ufunc: np.ufunc, *args: Value) -> list[Value]:
    """Operands cast to the dtypes that NumPy would cast them to for `ufunc`, not yet broadcast."""
    values = [recorded(operand(arg)) for arg in args]
    avals = [value_aval(v) for v in values]
    *dtypes, _ = _dtypes_of(ufunc)(*(promotion_token(a) for a in avals))
    for dtype in dtypes:
        check_dtype(dtype, f"an operand of np.{ufunc.__name__}")
    weak = all(a.weak for a in avals)
    return [lift(to_dtype(v, dtype, weak)) for v, dtype in zip(values, dtypes, strict=True)]


_dtypes_of = cache(ufunc_dtypes)


def strong(value: Value) -> Value:
    """`value` without weakness."""
    aval = value_aval(value)
    return cast(value, dtype=aval.dtype) if aval.weak else value


def broadcast_to(value: Value, shape: Shape) -> Value:
    """`value` in a larger shape, by NumPy's rules."""
    aval = value_aval(value)
    if shapes.same(aval.shape, shape):
        return value
    if not shapes.same(shapes.broadcast(aval.shape, shape), shape):
        raise ShapeError(f"shape {shapes.text(aval.shape)} does not broadcast to {shapes.text(shape)}")
    lit = literal(value)
    if lit is not None:
        return Lit(lit.value, Aval(shape, lit.aval.dtype))
    offset = len(shape) - aval.ndim
    kept = [axis for axis in range(aval.ndim) if shapes.same((aval.shape[axis],), (shape[axis + offset],))]
    squeezed = tuple(aval.shape[axis] for axis in kept)
    base = value if shapes.same(squeezed, aval.shape) else reshape(value, shape=squeezed)
    return broadcast(base, shape=shape, dims=tuple(axis + offset for axis in kept))


def batch_operand(value: Value, size: Dim, batched: bool) -> Value:
    """`value` with a leading batch axis, repeated along it if it had none."""
    if batched:
        return value
    aval = value_aval(value)
    return broadcast_to(value, (size, *aval.shape))


def times(ct: Value, partial: Value | None) -> Value | None:
    """``ct * partial``; a partial of None is zero, and 1 and -1 multiply by nothing."""
    if partial is None:
        return None
    if isinstance(partial, int):
        return ct if partial == 1 else -ct if partial == -1 else ct * partial
    return ct * partial


def add_all(terms: Sequence[Value]) -> Value | None:
    """The sum of tangents or cotangents; None when there is none."""
    total: Value | None = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total


__all__ = [
    "Declared",
    "Linear",
    "add_all",
    "batch_operand",
    "broadcast",
    "broadcast_to",
    "cast",
    "conj",
    "fill",
    "fit",
    "imag",
    "linear",
    "literal",
    "operand",
    "promoted",
    "real",
    "real_dtype",
    "recorded",
    "reshape",
    "strong",
    "times",
    "to_dtype",
    "zeros",
]
