"""Where a function's transforms live: ``bp.grad(f)``, asked for afresh in a loop, is the same object each time.

They are kept on the function itself, and die with it.  A lambda that is written in a loop is a new function
object each time round: the latest of those are found again by their code and what they close over.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, ClassVar

HOME = "__staticbp_home__"  # the attribute of a function that holds its `Home`


class Home:
    """The transforms made of one function.

    Examples
    --------
    >>> def f(x):
    ...     return x
    >>> Home.of(f) is Home.of(f)
    True
    >>> first, second = [lambda x: x for _ in range(2)]
    >>> first is second, Home.of(first) is Home.of(second)
    (False, True)
    """

    KEPT: ClassVar[int] = 256  # homes of functions that come and go
    _recent: ClassVar[OrderedDict[tuple[Any, ...], tuple[object, Home]]] = OrderedDict()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self.made: dict[Any, Any] = {}

    @staticmethod
    def of(function: Callable[..., Any]) -> Home:
        """The home of a function."""
        try:
            owner, home = function.__dict__[HOME]
            if owner() is function:  # and was not copied by functools.wraps
                return home  # type: ignore[no-any-return]  # a cast would cost 50 ns
        except (AttributeError, KeyError):
            pass
        attributes = None if isinstance(function, MethodType) else getattr(function, "__dict__", None)
        if attributes is None:
            return Home._found(function)
        home = Home._found(function) if isinstance(function, FunctionType) else Home()
        try:
            setattr(function, HOME, (weakref.ref(function), home))
        except (AttributeError, TypeError):  # it takes no attributes, or no weak references
            return Home._found(function)
        return home

    @staticmethod
    def _found(function: Callable[..., Any]) -> Home:
        key = _identity(function)
        with Home._lock:
            if key in Home._recent:
                Home._recent.move_to_end(key)
                return Home._recent[key][1]
            home = Home()
            Home._recent[key] = (function, home)  # with the function: the ids in the key stay its own
            if len(Home._recent) > Home.KEPT:
                Home._recent.popitem(last=False)
            return home


def _identity(function: Callable[..., Any]) -> tuple[Any, ...]:
    """What two functions have in common that cannot be told apart by calling them."""
    match function:
        case FunctionType():
            named = function.__kwdefaults__ or {}
            return (
                id(function.__code__),
                id(function.__globals__),
                tuple(map(id, function.__closure__ or ())),
                tuple(map(id, function.__defaults__ or ())),
                tuple((name, id(value)) for name, value in sorted(named.items())),
            )
        case MethodType():
            return (id(function.__func__), id(function.__self__))
        case _:
            return (id(function),)
