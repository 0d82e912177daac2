"""Assignment to traced arrays: ``x[key] = value``, ``x += value`` and NumPy's functions that write to an argument.

Traced values never change, and what is recorded is functional (`assign.py`).  The arrays of the user's program do
change: an assignment lets an array be another value from then on.  To write to a view is to write to its base, which
is found by going back through the operations that made the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Lit, SrcLine
from staticbp.core.primitive import Builder, Traced, Value, bind, read, value_aval
from staticbp.core.traced import Memory
from staticbp.errors import LeakedTracerError, MutationError, ShapeError, UnsupportedFunctionError
from staticbp.ops.assign import add_at, assign, scatter_set
from staticbp.ops.getitem import getitem
from staticbp.ops.index import as_index, by_mode, gather
from staticbp.ops.linear import broadcast_to, cast, reshape, to_dtype
from staticbp.ops.options import fresh, traced
from staticbp.ops.registry import implements
from staticbp.ops.shape import inverse, permuted, reshaped, transpose
from staticbp.ops.shape import slice as slice_of
from staticbp.ops.views import ItemView

ARGUMENT = "it is an argument of the function, and NumPy would change the caller's array"
OUTER = "it belongs to the function around this one, where what is written to it here would be lost"
_COPY = "Write x = x.copy() before, or np.where(mask, value, x)."
_CARRY = "Let the body of the loop or branch return the new array: carry it."

# ---- writing -----------------------------------------------------------------------------------------------


def write(x: Traced, value: Value) -> None:
    """Let the array `x`, and whatever shares its memory, hold `value`, which has its shape and dtype, from now on."""
    check_writable(x)
    _write(x, value)


def set_items(x: Traced, key: Any, value: Any) -> None:
    """``x[key] = value``."""
    check_writable(x)
    if _is_written(value, x, key):
        return
    way = Way(ItemView(key), x, _names_each_once(key))
    value = fitted(value, way.aval)
    if way.aval.size != 0:
        _write(x, way.back(value))


def check_writable(x: Traced) -> None:
    """Refuse an array that is not to be written to, or not from here."""
    root = x.root()
    value = x
    while True:
        frozen = value.memory.frozen if value.memory is not None else None
        if frozen is not None:
            raise MutationError(f"{x!r} cannot be written to: {frozen}", advice=_COPY)
        if value is root or value.memory is None or value.memory.base is None:
            break
        value = value.memory.base
    innermost = Builder.innermost()
    if innermost is None or not root.builder.encloses(innermost):
        raise LeakedTracerError(f"the traced value {x.name!r} is written to outside the function it belongs to")
    if root.builder is not innermost:
        raise MutationError(f"{x!r} cannot be written to: {OUTER}", advice=_CARRY)


def _write(x: Traced, value: Value) -> None:
    atom = x.builder.atom(value)
    memory = x.memory
    if memory is not None and memory.base is not None and memory.again is not None:
        if memory.sure:
            way = Way(memory.again, memory.base, unique=True)
            _write(memory.base, way.back(value))
        else:  # if it is a copy, its base stays as it is; nobody can say
            root = memory.base.root()
            root.memory = root.memory or Memory()
            root.memory.changed = x.builder.site().src or SrcLine("<unknown>", 0, "")
            x.memory = None
    x.become(atom)


def fitted(value: Any, aval: Aval) -> Value:
    """A value in the shape and dtype of what it is assigned to, by NumPy's rules of assignment."""
    value = traced(value)
    shape = value_aval(value).shape
    extra = len(shape) - aval.ndim
    if extra > 0 and shapes.same(shape[:extra], (1,) * extra):
        value = reshaped(value, shape[extra:])
    try:
        return traced(broadcast_to(to_dtype(value, aval.dtype), aval.shape))
    except ShapeError:
        raise ShapeError(
            f"a value of shape {shapes.text(shape)} cannot be assigned to elements of shape {shapes.text(aval.shape)}"
        ) from None


def _is_written(value: Any, x: Traced, key: Any) -> bool:
    """Whether `value` is the view ``x[key]``: so it is in the second half of ``x[key] += v``."""
    memory = value.memory if isinstance(value, Traced) else None
    return memory is not None and memory.base is x and isinstance(memory.again, ItemView) and memory.again.key is key


def _names_each_once(key: Any) -> bool:
    """Whether a key surely names no element twice."""
    arrays: list[Any] = [
        entry
        for entry in (key if isinstance(key, tuple) else (key,))
        if isinstance(entry, list) or (isinstance(entry, Traced | np.ndarray) and value_aval(entry).ndim)
    ]
    if not arrays:
        return True
    first = arrays[0]
    if len(arrays) > 1 or isinstance(first, Traced):
        return False
    if isinstance(first, np.ndarray):  # of integers: what the array holds when the code runs is what counts
        return bool(first.dtype.kind == "b")
    if any(isinstance(entry, Traced | list) for entry in first):
        return False
    numbers = np.asarray(first)
    return numbers.dtype.kind == "b" or (bool(np.all(numbers >= 0)) and len(np.unique(numbers)) == numbers.size)


class Way:
    """The operations by which a view is made of `base`, to be gone back."""

    def __init__(self, view: Callable[[Value], Value], base: Traced, unique: bool) -> None:
        builder = Builder("view", type(base), None)
        with builder.recording():
            end = view(builder.add_input(base.aval, base.name))
            graph = builder.finish([end])
        self.aval = value_aval(end).strong()
        self._unique = unique
        self._start, self._end = graph.invars[0], graph.outs[0]
        self._made_by: dict[Atom, Eqn] = {out: eqn for eqn in graph.eqns for out in eqn.outs}
        self._values: dict[Any, Value] = {
            **dict(zip(graph.invars, [base, *builder.captures], strict=True)),
            **dict(graph.consts),
        }

    def back(self, value: Value) -> Value:
        """The base with `value` in place of the view."""
        atom = self._end
        while atom is not self._start:
            eqn = self._made_by[atom]
            value = self._replaced(eqn, value)
            atom = eqn.ins[0]
        return value

    def _replaced(self, eqn: Eqn, value: Value) -> Value:
        """The first operand of an equation, with another result of it."""
        x, op, params = eqn.ins[0], eqn.op, eqn.params
        if op is cast:
            return value
        if op is reshape:
            return reshaped(value, x.aval.shape)
        if op is transpose:
            return permuted(value, inverse(params["perm"]))
        if op is slice_of:
            return assign(self._value(x), value, starts=params["starts"], steps=params["steps"])
        if op is gather:
            indices = [self._value(index) for index in eqn.ins[1:]]
            return scatter_set(self._value(x), value, *indices, **params, unique=self._unique)
        raise MutationError("this view holds some of its base's elements more than once, or changed", advice=_COPY)

    def _value(self, atom: Atom) -> Value:
        if not isinstance(atom, Lit) and atom not in self._values:
            eqn = self._made_by[atom]
            results = bind(eqn.op, [self._value(a) for a in eqn.ins], eqn.params)
            self._values.update(zip(eqn.outs, results, strict=True))
        return read(self._values, atom)


# ---- NumPy's functions that write to an argument -------------------------------------------------------------


def _target(name: str, x: Any) -> Traced:
    if not isinstance(x, Traced):
        raise MutationError(
            f"{name} would write a traced value into a plain array",
            advice="Write `y = y + x`, or make the array traced: np.zeros_like(x), or zeros() from bp.numpy "
            "(from staticbp import numpy as np).",
        )
    return x


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """As `np.copyto`."""
    x, value = _target("np.copyto", dst), traced(src)
    if not np.can_cast(value_aval(value).dtype, x.aval.dtype, casting):  # type: ignore[arg-type]
        raise MutationError(f"an array of {x.aval.dtype} cannot hold {value_aval(value).dtype} by the rule {casting!r}")
    value = fitted(value, x.aval)
    write(x, value if where is True else np.where(where, value, fresh(x)))


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """As `np.put`."""
    x = _target("np.put", a)
    size = x.aval.size
    index = reshaped(by_mode(as_index(ind, "np.put"), size, mode), (-1,))
    count = shapes.static(value_aval(index).size, "np.put")
    values = reshaped(traced(v), (-1,))
    given_values = shapes.static(value_aval(values).size, "np.put")
    if not count:
        return
    if not given_values:
        raise ShapeError("np.put takes at least one value")
    if given_values not in (1, count):
        values = np.take(values, np.arange(count) % given_values)
    flat = scatter_set(
        reshaped(fresh(x), (-1,)), fitted(values, Aval((count,), x.aval.dtype)), index, axes=(0,), batch=0
    )
    write(x, reshaped(flat, x.aval.shape))


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """As `np.putmask`."""
    x = _target("np.putmask", a)
    spread = reshaped(traced(values), (-1,))
    size, count = (shapes.static(value_aval(v).size, "np.putmask") for v in (x, spread))
    if not count:
        return
    if count not in (1, size):
        spread = np.take(spread, np.arange(size) % count)
    value = spread if count == 1 else reshaped(spread, x.aval.shape)
    write(x, np.where(reshaped(traced(mask), x.aval.shape), fitted(value, x.aval), fresh(x)))


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """As `np.put_along_axis`."""
    x, index = _target("np.put_along_axis", arr), as_index(indices, "np.put_along_axis")
    shape = x.aval.shape
    if axis is None:
        flat = reshaped(fresh(x), (-1,))
        set_value = fitted(values, Aval(value_aval(index).shape, x.aval.dtype))
        write(x, reshaped(scatter_set(flat, set_value, index, axes=(0,), batch=0), shape))
        return
    place = shapes.normalize_axis(int(axis), len(shape))
    leading = (*shape[:place], *shape[place + 1 :])
    count = value_aval(index).shape[place]
    whole = (*shape[:place], count, *shape[place + 1 :])
    index = np.moveaxis(traced(broadcast_to(index, whole)), place, -1)
    value = np.moveaxis(fitted(values, Aval(whole, x.aval.dtype)), place, -1)
    rank = len(leading)
    result = scatter_set(np.moveaxis(fresh(x), place, -1), value, index, axes=(rank,), batch=rank)
    write(x, np.moveaxis(result, -1, place))


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """As `np.fill_diagonal`."""
    x = _target("np.fill_diagonal", a)
    shape = shapes.static_shape(x.aval.shape, "np.fill_diagonal")
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ShapeError("np.fill_diagonal takes a matrix, or an array of more axes that are all of one size")
    step = 1 + sum(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape) - 1))
    stop = shape[1] * shape[1] if len(shape) == 2 and not wrap else None
    places = np.arange(int(np.prod(shape)))[:stop:step]
    if places.size:
        values = np.resize(np.arange(shapes.static(value_aval(traced(val)).size)), places.size)
        put(x, places, np.take(traced(val), values))


def accumulate_at(ufunc: np.ufunc, a: Any, indices: Any, b: Any = None) -> None:
    """As ``np.add.at`` and ``np.subtract.at``."""
    if ufunc not in (np.add, np.subtract):
        raise UnsupportedFunctionError(
            f"np.{ufunc.__name__}.at is not supported on traced values",
            advice="np.add.at and np.subtract.at are; where no element is named twice, write x[i] = f(x[i], v).",
        )
    x = _target(f"np.{ufunc.__name__}.at", a)
    check_writable(x)
    numbers = np.arange(shapes.static(x.aval.size, "np.add.at")).reshape(shapes.static_shape(x.aval.shape))
    places = getitem(traced(numbers), indices)
    values = fitted(b, Aval(value_aval(places).shape, x.aval.dtype))
    flat = reshaped(places, (-1,))
    values = reshaped(values if ufunc is np.add else -values, (-1,))
    total = add_at(reshaped(fresh(x), (-1,)), values, flat, axes=(0,), batch=0)
    write(x, reshaped(total, x.aval.shape))


def fill(x: Traced, value: Any) -> None:
    """As `ndarray.fill`."""
    if value_aval(traced(value)).ndim:
        raise ShapeError("fill takes one number")
    write(x, fitted(value, x.aval))


def sort(x: Traced, axis: int = -1, kind: Any = None, order: Any = None, **options: Any) -> None:
    """As `ndarray.sort`."""
    write(x, np.sort(fresh(x), axis=axis, kind=kind, order=order, **options))


def write_out(ufunc_name: str, outs: Sequence[Any], results: Any) -> Any:
    """What a ufunc was told to write its results to by ``out=``, with them in it."""
    found = results if isinstance(results, tuple) else (results,)
    for out, result in zip(outs, found, strict=True):
        x = _target(f"np.{ufunc_name}", out)
        write(x, holds(x, result))
    return outs[0] if len(outs) == 1 else tuple(outs)


def holds(x: Traced, updated: Value) -> Value:
    """The result of an operation as what ``x += v`` writes to `x`; refuses what `x` cannot hold."""
    aval = value_aval(updated)
    if not shapes.same(aval.shape, x.aval.shape):
        raise MutationError(
            f"an array of shape {shapes.text(x.aval.shape)} cannot hold a result of shape {shapes.text(aval.shape)}"
        )
    if not np.can_cast(aval.dtype, x.aval.dtype, "same_kind"):
        raise MutationError(f"an array of {x.aval.dtype} cannot hold a result of {aval.dtype}")
    return fitted(updated, x.aval)


__all__ = ["accumulate_at", "check_writable", "fill", "holds", "set_items", "sort", "write", "write_out"]
