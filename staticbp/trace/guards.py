"""Guards: what tracing froze, and whether it has changed since.

A traced function reads more than its arguments: globals, closure variables, defaults, the attributes of a
bound ``self``.  Their values at the time of tracing are part of the compiled code, so they are compared each
time that it is about to be called again::

    guards = collect(function)          # when it has been traced
    guards.changed()                    # None, or "global `rate`": trace again

Numbers, strings and tuples of them are compared by value and type, all else by identity: the contents of a
captured array reach the compiled code as an argument, and may change; those of a captured list, dict or
object cannot be watched cheaply, and are not (a list of layers that gets another one must be replaced by a
new list, or be an argument).  The functions that are called are followed through globals, closures and
attributes; methods of arguments are followed when their classes are given.  Arrays and other objects are held
weakly, so that guards keep nothing alive that is large.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import CellType, FunctionType, MemberDescriptorType, ModuleType, NoneType
from typing import Any, Literal

import numpy as np

from staticbp.trace.origin import site_package
from staticbp.trace.reach import Chain, Reach, reads

Kind = Literal["global", "closure", "default", "attribute"]

_BY_VALUE = (bool, int, float, complex, str, bytes, NoneType, range, np.generic, np.dtype)
_GONE = (KeyError, IndexError, TypeError, ValueError, AttributeError)
_KEPT = (*_BY_VALUE, tuple, FunctionType, type, ModuleType)
# Whose objects are left to themselves: what they note in their attributes is their own affair.
_LIBRARIES = frozenset({"staticbp", "numpy", "scipy", "numba", "optree"})


class _Missing:
    """The value of what is not there."""

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


def same(found: object, expected: object) -> bool:
    """Whether tracing would see no difference between two values.

    Examples
    --------
    >>> same(0.5, 0.5), same(1, 1.0), same(0.0, -0.0), same(float("nan"), float("nan"))
    (True, False, False, True)
    >>> same((300, "relu"), (300, "relu")), same([1], [1])
    (True, False)
    """
    if found is expected:
        return True
    if type(found) is not type(expected):
        return False
    if isinstance(found, tuple) and isinstance(expected, tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, float | complex | np.inexact):
        return repr(found) == repr(expected)  # tells -0.0 from 0.0, and not nan from nan
    return isinstance(found, _BY_VALUE) and bool(found == expected)


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """One thing that a traced function reads, and the value that it had.

    Parameters
    ----------
    where : str
        What it is, in the user's words: ``global `rate```.
    kind : str
        ``"global"``, ``"closure"``, ``"default"`` or ``"attribute"``.
    read : callable
        Gives the present value, or :data:`MISSING`.
    held : object
        The value, or a weak reference to it.
    """

    where: str
    kind: Kind
    read: Callable[[], object]
    held: object

    @property
    def expected(self) -> object:
        """The value at the time of tracing; None when it was an array or object that is no more."""
        return self.held() if isinstance(self.held, weakref.ref) else self.held

    def accepts(self, found: object) -> bool:
        """Whether a value that was read later is the same."""
        expected = self.expected
        return not (expected is None and self.held is not None) and same(found, expected)


class Guards:
    """The guards of one traced function; :meth:`changed` is called before each call of the compiled code.

    They refer to the function's globals and closure, so they belong on the function or into what it owns:
    in a table of weak keys they would keep a recursive local function alive.

    Examples
    --------
    >>> scale = 2.0
    >>> guards = collect(lambda x: scale * x)
    >>> [(guard.where, guard.expected) for guard in guards]
    [('global `scale`', 2.0)]
    >>> guards.changed()
    >>> scale = 3.0
    >>> guards.changed()
    'global `scale`'
    """

    __slots__ = ("_all", "_items", "_names", "_tests", "_unchanged")

    def __init__(self) -> None:
        self._all: dict[tuple[object, ...], Guard] = {}
        # One expression says whether all is as it was, by identity alone: `s0["rate"] is e0 and …`. A loop
        # over prepared comparisons takes twice the time, and this runs before every call.
        self._tests: list[str] = []
        self._names: dict[str, Any] = {}
        self._items: dict[int, tuple[dict[str, Any], str]] = {}  # of the guards that are no more than a lookup
        self._unchanged: Callable[[], bool] | None = None

    def __iter__(self) -> Iterator[Guard]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def changed(self) -> str | None:
        """The first thing that is no longer what it was, in the user's words; None when all is as it was."""
        try:
            unchanged = self._unchanged or self._compile()
            return None if unchanged() else self._search()
        except _GONE:  # a global or attribute was deleted, a cell emptied
            return self._search()

    @property
    def expression(self) -> str:
        """Python that is true when all is as it was, by identity; it raises when something is gone."""
        return " and ".join(self._tests) or "True"

    @property
    def names(self) -> dict[str, Any]:
        """What the names in the expression stand for, now and later: not a copy."""
        return self._names

    @property
    def lookups(self) -> list[tuple[dict[str, Any], str, Any]] | None:
        """Dictionaries, keys and what has to be there; None when that is not all there is to compare."""
        if len(self._items) < len(self._all):
            return None
        return [(mapping, key, self._names[f"e{index}"]) for index, (mapping, key) in self._items.items()]

    def _compile(self) -> Callable[[], bool]:
        self._unchanged = eval(f"lambda: {self.expression}", self._names)
        return self._unchanged

    def _search(self) -> str | None:
        for index, guard in enumerate(self):
            found = guard.read()
            if not guard.accepts(found):
                return guard.where
            # An equal number that is another object: the next comparison by identity should succeed.
            self._names[f"e{index}"] = _hold(found)
        return None

    def watch_item(self, mapping: Mapping[str, Any], key: str, where: str, kind: Kind, owner: object = None) -> None:
        """Watch an entry of the dictionary of a module, class (the owner of a passing view) or function."""
        value = mapping.get(key, MISSING)
        read = partial(mapping.get, key, MISSING)
        test = f"{key!r} not in {{s}}" if value is MISSING else f"{{s}}[{key!r}] is {{e}}"
        index = self._watch((id(owner or mapping), key), where, kind, read, value, mapping, test)
        if index is not None and type(mapping) is dict and isinstance(value, _KEPT):
            self._items[index] = (mapping, key)

    def watch_cell(self, cell: CellType, name: str) -> None:
        """Watch a variable of a closure."""
        where, read = f"closure variable `{name}`", partial(contents, cell)
        self._watch((id(cell),), where, "closure", read, read(), cell, "{s}.cell_contents is {e}")

    def watch_defaults(self, function: FunctionType) -> None:
        """Watch the defaults of a function's parameters."""
        defaults = function.__defaults__ or ()
        code = function.__code__
        names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        for index, name in enumerate(names):
            read, test = partial(_default, function, index), f"{{s}}.__defaults__[{index}] is {{e}}"
            self._watch((id(function), index), f"default of `{name}`", "default", read, read(), function, test)
        keyword_only = function.__kwdefaults__ or {}
        for name in keyword_only:
            self.watch_item(keyword_only, name, f"default of `{name}`", "default")

    def watch_attribute(self, owner: object, name: str, where: str) -> None:
        """Watch an attribute of an object, which is held weakly if it can be."""
        try:
            find: Callable[[], object] = weakref.ref(owner)
        except TypeError:
            find = partial(_itself, owner)
        read = partial(_attribute, find, name)
        self._watch((id(owner), name), where, "attribute", read, read(), find, f"{{s}}().{name} is {{e}}")

    def _watch(
        self,
        key: tuple[object, ...],
        where: str,
        kind: Kind,
        read: Callable[[], object],
        value: object,
        subject: object,
        test: str,
    ) -> int | None:
        """Add a guard, unless this is watched already; its number."""
        if key in self._all:
            return None
        index, held = len(self._all), _hold(value)
        self._all[key] = Guard(where, kind, read, held)
        self._names |= {f"s{index}": subject, f"e{index}": held}
        # What is held weakly may be gone, which must not be taken for a None that is there now.
        expected = f"e{index}() is not None" if isinstance(held, weakref.ref) else f"e{index}"
        self._tests.append(test.format(s=f"s{index}", e=expected))
        self._unchanged = None
        return index


def collect(function: Callable[..., Any], classes: Iterable[type] = ()) -> Guards:
    """Watch what a function, and the user's functions that it can reach, read from around them.

    Parameters
    ----------
    function : callable
        A function, method, `functools.partial` or callable object.
    classes : iterable of type, optional
        The classes of the arguments, whose methods the function may call.

    Returns
    -------
    Guards
        With the values as they are now.

    Examples
    --------
    >>> rate = 0.1
    >>> def slope(x):
    ...     return rate * x
    >>> def step(x):
    ...     return x - slope(x)
    >>> [guard.where for guard in collect(step)]
    ['global `slope`', 'global `rate`']
    """
    plain = inspect.unwrap(function)
    code = getattr(getattr(plain, "__func__", plain), "__code__", None)
    reach = Reach(site_package(code.co_filename) if code is not None else None)
    for value in (function, *classes):
        reach.add(value)
    guards = Guards()
    while (item := reach.take()) is not None:
        _watch_function(guards, reach, *item)
    return guards


def contents(cell: CellType) -> object:
    """The value of a closure's variable, :data:`MISSING` before it is assigned."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def _watch_function(guards: Guards, reach: Reach, function: FunctionType, bound: object) -> None:
    """Watch what one function reads, and queue what it can call."""
    code, names = function.__code__, function.__globals__
    if code.co_filename == "<string>" and code.co_qualname.startswith("__create_fn__."):
        # Written by dataclasses, which keep what it reads to themselves; what it calls may be the user's.
        for cell in function.__closure__ or ():
            reach.add(contents(cell))
        return
    guards.watch_defaults(function)
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        reach.add(value)
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    for name, cell in cells.items():
        guards.watch_cell(cell, name)
        reach.add(contents(cell))
    found = reads(code)
    for chain in found.global_names:
        guards.watch_item(names, chain[0], f"global `{chain[0]}`", "global")
        if chain[0] in names:
            reach.add(names[chain[0]])
            _watch_chain(guards, reach, names[chain[0]], chain)
    myself = code.co_varnames[0] if code.co_argcount else None
    for chain in found.locals:
        if chain[0] in cells:
            _watch_chain(guards, reach, contents(cells[chain[0]]), chain)
        elif chain[0] == myself and bound is not None:
            _watch_chain(guards, reach, bound, chain)


def _watch_chain(guards: Guards, reach: Reach, value: object, chain: Chain) -> None:
    """Watch the attributes that are read from a value, and from the values of those."""
    path = chain[0]
    for name in chain[1:]:
        path = f"{path}.{name}"
        if isinstance(value, ModuleType):
            file = getattr(value, "__file__", None)
            if value.__name__ in sys.builtin_module_names or (file is not None and not reach.is_users(file)):
                return
            guards.watch_item(vars(value), name, f"global `{path}`", "global")
            value = vars(value).get(name, MISSING)
        else:
            value = _watch_attribute(guards, reach, value, name, path)
        if value is MISSING:
            return
        reach.add(value)


def _watch_attribute(guards: Guards, reach: Reach, owner: object, name: str, path: str) -> object:
    """Watch one attribute; its value, if it is data."""
    cls = owner if isinstance(owner, type) else type(owner)
    if cls.__module__.partition(".")[0] in _LIBRARIES:
        return MISSING
    where = f"attribute `{path}`"
    if name not in getattr(owner, "__dict__", ()) or owner is cls:
        home = next((part for part in cls.__mro__ if name in vars(part)), None)
        member = MISSING if home is None else vars(home)[name]
        if isinstance(member, FunctionType | classmethod | staticmethod | property):
            guards.watch_item(vars(home), name, where, "attribute", owner=home)
            reach.add(member, cls if isinstance(member, classmethod) else None if owner is cls else owner)
            return MISSING
        if isinstance(member, cached_property):
            reach.add(member.func, owner)
            return MISSING
        if not isinstance(member, MemberDescriptorType) and (member is MISSING or hasattr(member, "__get__")):
            return MISSING  # what is computed by code that nobody here knows
    if isinstance(type(owner).__getattribute__, FunctionType):
        return MISSING  # code of the user's, and not to be run each time that we look
    guards.watch_attribute(owner, name, where)
    return getattr(owner, name, MISSING)


def _default(function: FunctionType, index: int) -> object:
    defaults = function.__defaults__ or ()
    return defaults[index] if index < len(defaults) else MISSING


def _attribute(find: Callable[[], object], name: str) -> object:
    return getattr(find(), name, MISSING)


def _itself(value: object) -> object:
    return value


def _hold(value: object) -> object:
    """The value, or a weak reference to what may be large or refer to everything."""
    if value is MISSING or isinstance(value, _KEPT):
        return value
    try:
        return weakref.ref(value)
    except TypeError:
        return value
