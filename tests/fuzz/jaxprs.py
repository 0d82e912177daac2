"""What JAX has traced, computed with NumPy.

Derivatives are what JAX is asked for, and its programs of them, jaxprs, are there after a third of a second.  XLA
takes two seconds more to compile one, and NumPy a tenth of a second to compute it.  What is not written here is left
to JAX, an operation at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any  # a NumPy array or scalar


def evaluate(closed: Any, args: Sequence[Array]) -> list[Array]:
    """The results of a jaxpr with its constants."""
    return _run(closed.jaxpr, [np.asarray(const) for const in closed.consts], args)


def _run(jaxpr: Any, consts: Sequence[Array], args: Sequence[Array]) -> list[Array]:
    values: dict[Any, Array] = {}
    values.update(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Array:
        return np.asarray(atom.val, atom.aval.dtype) if hasattr(atom, "val") else values[atom]

    for eqn in jaxpr.eqns:
        rule = RULES.get(eqn.primitive.name)
        given = [read(atom) for atom in eqn.invars]
        with np.errstate(all="ignore"):
            made = rule(*given, **eqn.params) if rule is not None else _by_jax(eqn, given)
        for variable, value in zip(eqn.outvars, made if eqn.primitive.multiple_results else (made,), strict=True):
            wanted = variable.aval
            assert (np.shape(value), value.dtype) == (wanted.shape, wanted.dtype), eqn
            values[variable] = value
    return [read(atom) for atom in jaxpr.outvars]


def _by_jax(eqn: Any, given: Sequence[Array]) -> Any:
    """One operation by JAX itself."""
    made = eqn.primitive.bind(*given, **eqn.params)
    return [np.asarray(value) for value in made] if eqn.primitive.multiple_results else np.asarray(made)


# ---- operations -------------------------------------------------------------------------------------------------


def plain(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of NumPy that needs none of the parameters."""
    return lambda *given, **_: function(*given)


def quotient(x: Array, y: Array) -> Array:
    """Integers are divided towards zero."""
    return x / y if x.dtype.kind in "fc" else np.trunc(x / y).astype(x.dtype)


def select(which: Array, *cases: Array) -> Array:
    """An element of one of the cases; `which` is a number for all, or one for each."""
    return np.choose(np.broadcast_to(np.asarray(which, np.int64), cases[0].shape), cases)


def broadcast_in_dim(x: Array, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Array:
    """Axes of the operand become these of the result."""
    aligned = [1] * len(shape)
    for size, axis in zip(x.shape, broadcast_dimensions, strict=True):
        aligned[axis] = size
    return np.broadcast_to(np.reshape(x, aligned), shape)


def reshape(x: Array, *, new_sizes: Sequence[int], dimensions: Sequence[int] | None, **_: Any) -> Array:
    """The elements in another shape, after a transposition if there is one."""
    return np.reshape(x if dimensions is None else np.transpose(x, dimensions), new_sizes)


def pad(x: Array, filling: Array, *, padding_config: Sequence[tuple[int, int, int]]) -> Array:
    """Room before, after and between the elements; less than none cuts off."""
    axes = [(n, *config) for n, config in zip(x.shape, padding_config, strict=True)]
    sizes = [max(low + high + n + max(n - 1, 0) * between, 0) for n, low, high, between in axes]
    out = np.full(sizes, filling, x.dtype)
    places = [low + np.arange(n) * (between + 1) for n, low, _, between in axes]
    kept = [(at >= 0) & (at < size) for at, size in zip(places, sizes, strict=True)]
    out[np.ix_(*(at[k] for at, k in zip(places, kept, strict=True)))] = x[np.ix_(*kept)]
    return out


def dot_general(x: Array, y: Array, *, dimension_numbers: Any, **_: Any) -> Array:
    """A product: axes of the batch first, then the free ones of each operand."""
    (left, right), (left_batch, right_batch) = dimension_numbers
    letters = iter(range(x.ndim + y.ndim))
    xs, ys = [next(letters) for _ in range(x.ndim)], [next(letters) for _ in range(y.ndim)]
    for i, j in zip((*left, *left_batch), (*right, *right_batch), strict=True):
        ys[j] = xs[i]
    shared = [xs[i] for i in left_batch]
    free = [n for n in xs if n not in ys] + [n for n in ys if n not in xs]
    return np.asarray(np.einsum(x, xs, y, ys, [*shared, *free]))


def slice_(x: Array, *, start_indices: Any, limit_indices: Any, strides: Any) -> Array:
    """Slices of known bounds."""
    return x[tuple(map(slice, start_indices, limit_indices, strides or [1] * x.ndim))]


def _window(shape: Sequence[int], sizes: Sequence[int], starts: Sequence[Array]) -> tuple[slice, ...]:
    firsts = [min(max(int(at), 0), n - size) for at, n, size in zip(starts, shape, sizes, strict=True)]
    return tuple(slice(first, first + size) for first, size in zip(firsts, sizes, strict=True))


def dynamic_slice(x: Array, *starts: Array, slice_sizes: Sequence[int]) -> Array:
    """A window that lies inside, wherever it is wanted."""
    return x[_window(x.shape, slice_sizes, starts)]


def dynamic_update_slice(x: Array, update: Array, *starts: Array) -> Array:
    """The array with such a window replaced."""
    out = np.array(x)
    out[_window(x.shape, update.shape, starts)] = update
    return out


def reduced(function: Callable[..., Array]) -> Callable[..., Array]:
    """A reduction over some axes."""
    return lambda x, *, axes, **_: np.asarray(function(x, axis=tuple(axes)), x.dtype)


def accumulated(function: Callable[..., Array]) -> Callable[..., Array]:
    """A reduction of all elements up to each."""

    def along(x: Array, *, axis: int, reverse: bool) -> Array:
        ordered = np.flip(x, axis) if reverse else x
        made = np.asarray(function(ordered, axis=axis), x.dtype)
        return np.flip(made, axis) if reverse else made

    return along


def sort(*columns: Array, dimension: int, num_keys: int, **_: Any) -> list[Array]:
    """Several arrays in the order of the first ones."""
    order = np.argsort(columns[0], axis=dimension, kind="stable")
    if num_keys > 1:
        order = np.lexsort([np.moveaxis(c, dimension, -1) for c in columns[num_keys - 1 :: -1]], axis=-1)
        order = np.moveaxis(order, -1, dimension)
    return [np.take_along_axis(column, order, dimension) for column in columns]


# ---- what has a body --------------------------------------------------------------------------------------------


def call(*given: Array, **params: Any) -> list[Array]:
    """A function that is called."""
    body = params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]
    return evaluate(body, given) if hasattr(body, "consts") else _run(body, (), given)


def cond(which: Array, *operands: Array, branches: Sequence[Any], **_: Any) -> list[Array]:
    """One of several functions."""
    return evaluate(branches[min(max(int(which), 0), len(branches) - 1)], operands)


def scan(*given: Array, jaxpr: Any, length: int, reverse: bool, num_consts: int, num_carry: int, **_: Any) -> Any:
    """A function of a carry and a row, for each row."""
    consts, carry = given[:num_consts], list(given[num_consts : num_consts + num_carry])
    columns = given[num_consts + num_carry :]
    avals = jaxpr.out_avals[num_carry:]
    left = [np.empty((length, *aval.shape), aval.dtype) for aval in avals]
    for i in reversed(range(length)) if reverse else range(length):
        made = evaluate(jaxpr, [*consts, *carry, *(column[i] for column in columns)])
        carry = made[:num_carry]
        for rows, value in zip(left, made[num_carry:], strict=True):
            rows[i] = value
    return [*carry, *left]


def while_(*given: Array, cond_jaxpr: Any, body_jaxpr: Any, cond_nconsts: int, body_nconsts: int, **_: Any) -> Any:
    """A function of a carry, as long as a test of it holds: of a batch, for those elements for which it does."""
    of_test, of_body = given[:cond_nconsts], given[cond_nconsts : cond_nconsts + body_nconsts]
    carry: Sequence[Array] = given[cond_nconsts + body_nconsts :]
    while np.any(test := evaluate(cond_jaxpr, [*of_test, *carry])[0]):
        made = evaluate(body_jaxpr, [*of_body, *carry])
        aligned = [np.reshape(test, test.shape + (1,) * (new.ndim - test.ndim)) for new in made]
        carry = [np.where(flag, new, old) for flag, new, old in zip(aligned, made, carry, strict=True)]
    return carry


_SAME = (
    "sin cos tan tanh sinh cosh exp expm1 log log1p sqrt cbrt square abs sign floor ceil exp2 "
    "nextafter add multiply subtract negative maximum minimum arctan arctan2 arcsin arccos arcsinh arccosh arctanh "
    "power equal not_equal less less_equal greater greater_equal invert bitwise_and bitwise_or bitwise_xor isfinite"
)
_THEIRS = {
    "multiply": "mul", "subtract": "sub", "negative": "neg", "maximum": "max", "minimum": "min", "arctan": "atan",
    "arctan2": "atan2", "arcsin": "asin", "arccos": "acos", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "power": "pow", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le",
    "greater": "gt", "greater_equal": "ge", "invert": "not", "bitwise_and": "and", "bitwise_or": "or",
    "bitwise_xor": "xor", "isfinite": "is_finite",
}  # fmt: skip

RULES: dict[str, Callable[..., Any]] = {
    **{_THEIRS.get(name, name): plain(getattr(np, name)) for name in _SAME.split()},
    "add_any": plain(np.add),
    "div": plain(quotient),
    "rsqrt": plain(lambda x: 1 / np.sqrt(x)),
    "logistic": plain(lambda x: 1 / (1 + np.exp(-x))),
    "clamp": plain(lambda low, x, high: np.minimum(np.maximum(x, low), high)),
    "integer_pow": lambda x, *, y: np.power(x, np.asarray(y, x.dtype)),
    "stop_gradient": plain(lambda x: x),
    "copy": plain(lambda x: x),
    "select_n": plain(select),
    "convert_element_type": lambda x, *, new_dtype, **_: x.astype(new_dtype),
    "empty2": lambda *, dtype, **_: np.zeros((), dtype),
    "iota": lambda *, dtype, shape, dimension, **_: broadcast_in_dim(
        np.arange(shape[dimension], dtype=dtype), shape=shape, broadcast_dimensions=(dimension,)
    ),
    "broadcast_in_dim": broadcast_in_dim,
    "reshape": reshape,
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "rev": lambda x, *, dimensions: np.flip(x, dimensions),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension),
    "stack": lambda *parts, axis: np.stack(parts, axis),
    "unstack": lambda x, *, axis: [*np.moveaxis(x, axis, 0)],
    "split": lambda x, *, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis),
    "slice": slice_,
    "pad": pad,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "dot_general": dot_general,
    "reduce_sum": reduced(np.sum),
    "reduce_prod": reduced(np.prod),
    "reduce_max": reduced(np.max),
    "reduce_min": reduced(np.min),
    "reduce_and": reduced(np.all),
    "reduce_or": reduced(np.any),
    "cumsum": accumulated(np.cumsum),
    "cumprod": accumulated(np.cumprod),
    "cummax": accumulated(np.maximum.accumulate),
    "cummin": accumulated(np.minimum.accumulate),
    "sort": sort,
    "jit": call,
    "pjit": call,
    "closed_call": call,
    "checkpoint": call,
    "custom_jvp_call": call,
    "custom_vjp_call": call,
    "cond": cond,
    "scan": scan,
    "while": while_,
}
