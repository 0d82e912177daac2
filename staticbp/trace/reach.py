"""What a function's code reads from around it, and which functions it can call.

Bytecode names every global, closure variable and attribute that a function may read, in nested functions
too, whether or not a particular call gets there; that is what has to be watched.
"""

from __future__ import annotations

import dis
import functools
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType
from typing import Any

from staticbp.trace.origin import LIBRARY_FILES, site_package

Chain = tuple[str, ...]
"""A name and the attributes read from its value: ``("self", "cfg", "rate")`` for ``self.cfg.rate``."""

# Containers of functions (a list of activations, say) are looked through up to this length.
_MAX_ITEMS = 64
# Instructions that CPython puts between a name and its attribute, or that widen an argument.
_TRANSPARENT = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL", "RESUME"})


@dataclass(frozen=True, slots=True)
class Reads:
    """What a code object and the code nested in it read, in the order of the text.

    Parameters
    ----------
    global_names : tuple of Chain
        Globals or builtins.
    locals : tuple of Chain
        Variables of the function or of the functions around it, as far as attributes of them are read.
    attributes : frozenset of str
        The names of all attributes, whatever they are read from.
    """

    global_names: tuple[Chain, ...]
    locals: tuple[Chain, ...]
    attributes: frozenset[str]


@functools.lru_cache(maxsize=4096)
def reads(code: CodeType) -> Reads:
    """What a code object reads from around it.

    Examples
    --------
    >>> def loss(self, x):
    ...     return [math.sin(rate * v) for v in x] + self.cfg.bias
    >>> found = reads(loss.__code__)
    >>> found.global_names, found.locals
    ((('math', 'sin'), ('rate',)), (('self', 'cfg', 'bias'),))
    """
    global_names: dict[Chain, None] = {}
    variables: dict[Chain, None] = {}
    attributes: set[str] = set()
    _scan(code, global_names, variables, attributes)
    return Reads(tuple(global_names), tuple(variables), frozenset(attributes))


def _scan(
    code: CodeType,
    global_names: dict[Chain, None],
    variables: dict[Chain, None],
    attributes: set[str],
    nested: bool = False,
) -> None:
    chain: Chain = ()
    into = global_names
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        if name in _TRANSPARENT:
            continue
        if name in ("LOAD_ATTR", "LOAD_METHOD"):
            attributes.add(value)
            chain = (*chain, value) if chain else ()
            continue
        # The chain ends here, if there is one. A local variable by itself says nothing.
        if chain and (into is global_names or len(chain) > 1):
            into.setdefault(chain)
        chain = ()
        if name in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            chain, into = (value,), global_names
        elif ("LOAD_FAST" in name and not nested) or name in ("LOAD_DEREF", "LOAD_CLASSDEREF"):
            # Instructions that do two things at once name two variables; the last is on top of the stack.
            chain, into = (value if isinstance(value, str) else value[-1],), variables
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _scan(constant, global_names, variables, attributes, nested=True)


class Reach:
    """The user's functions that can be reached, each with the object it is bound to.

    A queue: :meth:`add` puts in what a value can call, iteration takes functions out, until none is left.
    Methods of classes come when a function that has been taken out reads an attribute of their name.
    """

    def __init__(self, home: str | None) -> None:
        self._home = home  # the installed package whose functions count as the user's
        self._queue: list[tuple[FunctionType, Any]] = []
        self._seen: dict[tuple[int, int], Any] = {}  # with the objects, so that no id is used again
        self._names: set[str] = set()
        self._methods: dict[str, list[FunctionType]] = {}

    def take(self) -> tuple[FunctionType, Any] | None:
        """The next function and the object it is bound to (None: not bound, or nobody knows to what)."""
        if not self._queue:
            return None
        function, bound = self._queue.pop(0)
        new = reads(function.__code__).attributes - self._names
        self._names |= new
        for name in sorted(new & self._methods.keys()):
            for method in self._methods.pop(name):
                self.add(method)
        return function, bound

    def add(self, value: Any, bound: Any = None) -> None:
        """Whatever a call of this value may run."""
        key = (id(value), id(bound))
        if key in self._seen:
            return
        self._seen[key] = (value, bound)
        match value:
            case FunctionType() if self.is_users(value.__code__.co_filename):
                self._queue.append((value, bound))
            case MethodType():
                self.add(value.__func__, value.__self__)
            case functools.partial():
                for part in (value.func, *value.args, *value.keywords.values()):
                    self.add(part)
            case staticmethod() | classmethod():
                self.add(value.__func__, bound if isinstance(value, classmethod) else None)
            case property():
                self.add(value.fget, bound)
            case type():
                self._add_class(value)
            case tuple() | list() | dict():
                items = value.values() if isinstance(value, dict) else value
                for item in list(items)[:_MAX_ITEMS]:
                    if callable(item):
                        self.add(item)
            case _:
                call = getattr(type(value), "__call__", None)  # noqa: B004  (the function itself is wanted)
                if isinstance(call, FunctionType):
                    self.add(call, value)
        # A wrapper of functools.wraps, or a function that staticbp has decorated; the rules of a custom operation.
        attributes = {} if isinstance(value, type) else getattr(value, "__dict__", {})
        if attributes.get("__wrapped__") is not None:
            self.add(attributes["__wrapped__"], bound)
        for rule in attributes.get("__reads__", ()):
            self.add(rule)

    def _add_class(self, cls: type) -> None:
        for part in cls.__mro__:
            for name, member in vars(part).items():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if not isinstance(function, FunctionType) or not self.is_users(function.__code__.co_filename):
                    continue
                if name in self._names or (name.startswith("__") and name.endswith("__")):
                    self.add(function)
                else:
                    self._methods.setdefault(name, []).append(function)

    def is_users(self, filename: str) -> bool:
        """Whether a file holds the user's own code, and not an installed package's."""
        return not LIBRARY_FILES[filename] and site_package(filename) in (None, self._home)
