"""Views: which of NumPy's functions give arrays that share the memory of their argument, and how they are made anew.

What is written to a view changes its base, and the other way round (`core/traced.py`, `trace/mutation.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from staticbp.core import shape as shapes
from staticbp.core.primitive import Traced, Value, value_aval
from staticbp.core.traced import Memory
from staticbp.ops.options import fresh

F = TypeVar("F", bound=Callable[..., Any])

VIEWS: set[Callable[..., Any]] = set()
"""What gives views; the result of any other function is an array of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemView:
    """The view ``x[key]`` of whatever it is given."""

    key: Any

    def __call__(self, x: Value) -> Value:
        return x[self.key]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One of the arrays that a function gives."""

    function: Callable[[Value], Any]
    number: int

    def __call__(self, x: Value) -> Value:
        return self.function(x)[self.number]


def view_of(x: Value, result: Any, again: Callable[[Value], Any], sure: bool = True) -> Any:
    """`result`, an array or several, as what shares the memory of `x`; ``again(x)`` makes it anew.

    One that is not `sure` to share it, since NumPy may have to copy, is not used after either has been written to.
    """
    if not isinstance(x, Traced):
        return result
    if not isinstance(result, tuple | list):
        return _sharing(x, result, again, sure)
    for number, part in enumerate(result):
        _sharing(x, part, _Part(again, number), sure)
    return result


def _sharing(x: Traced, part: Value, again: Callable[[Value], Any], sure: bool) -> Value:
    if isinstance(part, Traced) and part is not x:
        part.memory = Memory(x, again, x.atom, sure)
    return part


def returns_view(function: F) -> F:
    """For a function of NumPy's that gives a view of its first argument: what is written to one changes both."""
    return _viewing(function)


def returns_fixed_view(function: F) -> F:
    """For one that gives a view that NumPy lets nobody write to."""
    return _viewing(function, frozen=f"NumPy lets nobody write to what np.{function.__name__} returns")


def returns_part(function: F) -> F:
    """For one that gives the numbers as they are, or that part of each that lies among the others in memory."""
    return _viewing(function, frozen="it is a part of complex numbers, which would change with it")


def returns_reshaped(function: F) -> F:
    """For one that gives a view where axes are only taken apart, or the elements lie in order, and else a copy."""
    return _viewing(function, is_view=lambda x, result: shapes.only_splits(x.aval.shape, value_aval(result).shape))


def returns_raveled(function: F) -> F:
    """For one that gives a view where the elements lie in order, and else a copy."""
    return _viewing(function, is_view=lambda x, result: False)


def _viewing(function: F, frozen: str | None = None, is_view: Callable[[Traced, Value], bool] | None = None) -> F:
    # `is_view` says what is a view although nothing is known of the order of the elements, which is then kept.
    @wraps(function)
    def viewing(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        x = args[0] if args else next(iter(options.values()), None)
        if not isinstance(x, Traced):
            return result

        def again(base: Value) -> Any:
            return function(base, *args[1:], **options) if args else function(**{**options, next(iter(options)): base})

        if options.get("copy"):
            return own(result, (x,))
        sure = is_view is None or is_ordered(x) or is_view(x, result)
        if result is x and not sure:
            result = fresh(x)
        view_of(x, result, again, sure)
        if isinstance(result, Traced) and result is not x and result.memory is not None:
            result.memory.frozen = frozen
            result.memory.ordered = is_view is not None and is_ordered(x)
        return result

    return gives_views(viewing)  # type: ignore[return-value]  # the same signature


def gives_views(function: F) -> F:
    """For one that says itself, by `view_of`, what its results share."""
    VIEWS.add(function)
    return function


def is_ordered(x: Traced) -> bool:
    """Whether the elements of an array are known to lie row by row in memory, as NumPy has it."""
    if x.memory is not None and (x.memory.ordered or x.memory.base is not None):
        return x.memory.ordered
    return x.aval.ndim <= 1


def ordered(value: Value) -> Value:
    """A new array, as one whose elements lie row by row."""
    if isinstance(value, Traced) and value.memory is None:
        value.memory = Memory(ordered=True)
    return value


def own(result: Any, args: Sequence[Any]) -> Any:
    """What a function that gives no views has returned, under an object of its own where it shares anything."""
    if isinstance(result, tuple | list):
        parts = [own(part, args) for part in result]
        return type(result)(parts) if any(a is not b for a, b in zip(parts, result, strict=True)) else result
    if not isinstance(result, Traced):
        return result
    shares = result.memory is not None and result.memory.base is not None
    return fresh(result) if shares or any(result is arg for arg in args) else result
