"""Calls without Python on the way: for numbers, arrays and structures of them, the gate once more as machine code.

Of a call that takes half a microsecond CPython's part is most: an object that is called, a method of it, the gate.
Where a gate does no more than look at the types of the arguments and at what was frozen in dictionaries, a builtin
function does the same::

    if nobody records and len(args) == n and type(args[i]) is kinds[i] and owner[name] is value …:
        results = function(*args)
        if type(results) is tuple: return results, or its only item
    return otherwise(*args, **kwargs)

Records, lists and tuples are taken apart before that, and made of the results, by a `Plan` of each.  What does not go
straight, errors included, begins anew `otherwise`, in Python.  The code is one for all functions, in LLVM's language
(`directcode`); what it needs for one is in the tuple that is the builtin's ``self``: objects, which are kept alive and
collected as objects are.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import itertools
import operator
import string
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from staticbp.core.recording import attention_address
from staticbp.core.tree import KINDS, STATIC, Structure, flatten
from staticbp.runtime import symbols
from staticbp.runtime.directcode import ATTENTION, CODE, FUNCTIONS, IMPORTS
from staticbp.runtime.dispatch import Entry
from staticbp.runtime.objectcode import engine, new_builtin, new_target_machine

Lookup = tuple[dict[str, Any], str, Any]
"""A dictionary, a key, and what has to be there."""

_METH_FASTCALL_WITH_KEYWORDS = 0x82

Plan = tuple[Any, ...]
"""How a structure is taken apart or made: nothing for a leaf, else its class and the name and the plan of each part."""


@dataclass(frozen=True, slots=True)
class Straight:
    """What a call comes to whose leaves are handed over as they are: parameters of `direct_call`.

    Parameters
    ----------
    function : callable
        Gives a tuple of results for the leaves; anything else, or an exception, when it is not for them.
    kinds : tuple of type
        The exact types of the leaves.
    one : bool
        Whether the only result is wanted, and not the tuple.
    given, made : tuple of Plan, Plan
        Where there are structures: one for each argument, and the one for what is returned.
    """

    function: Callable[..., Any]
    kinds: tuple[type, ...]
    one: bool
    given: tuple[Plan, ...] = ()
    made: Plan = ()

    @staticmethod
    def of(
        args: tuple[Any, ...], kwargs: Mapping[str, Any], entry: Entry, structure: Structure, *, plain: bool
    ) -> Straight | None:
        """What calls like this one come to; None when there is more to them.

        Parameters
        ----------
        args, kwargs
            The arguments of a call.
        entry : Entry
            The compiled function.
        structure : Structure
            That of its results.
        plain : bool
            Whether arguments are compared as a whole, or some of the results are known already.
        """
        handed = entry.constants or entry.lent or entry.updated or entry.zeros or entry.workspace
        if plain or kwargs or handed or not args or not isinstance(entry.function, BuiltinFunctionType):
            return None
        leaves: list[Any] = []
        given = tuple([_plan(value, _is_taken_as_it_is, leaves) for value in args])
        results = [object() for _ in range(structure.count)]
        places: list[object] = []
        made = _plan(structure.unflatten(results), lambda value: type(value) is object, places)
        if None in (*given, made) or not _are(leaves, flatten(args)[0]) or not _are(places, results):
            return None
        kinds = tuple(map(type, leaves))
        flat = made == () or (made[0] is tuple and not any(made[2::2]))
        if flat and not any(given):
            return Straight(entry.function, kinds, made == ())
        return Straight(entry.function, kinds, False, given, made)


def _plan(value: Any, is_leaf: Callable[[Any], bool], leaves: list[Any]) -> Any:
    """How a value is taken apart or made, a `Plan`, or None where the code cannot; `leaves` gains its leaves."""
    if is_leaf(value):
        leaves.append(value)
        return ()
    cls = type(value)
    if cls in (tuple, list) and value:
        named: list[tuple[Any, Any]] = [*enumerate(value)]
    elif dataclasses.is_dataclass(cls) and cls not in KINDS and _is_plain_object(cls):
        fields = dataclasses.fields(cls)
        if not fields or any(field.metadata.get(STATIC, False) for field in fields):
            return None
        named = [(field.name, getattr(value, field.name)) for field in fields]
    else:
        return None
    parts = [(name, _plan(part, is_leaf, leaves)) for name, part in named]
    return None if any(plan is None for _, plan in parts) else (cls, *itertools.chain(*parts))


def _are(found: Sequence[object], expected: Sequence[object]) -> bool:
    return len(found) == len(expected) and all(map(operator.is_, found, expected))


def _is_plain_object(cls: type) -> bool:
    """Whether instances are nothing but their attributes, and not an array or a list besides."""
    try:
        object.__new__(cls)
    except TypeError:
        return False
    return True


def _is_taken_as_it_is(value: Any) -> bool:
    """Whether an argument is a leaf that compiled code takes as the user gives it."""
    if type(value) is np.ndarray:
        return value.ndim > 0 and value.dtype.isnative
    return isinstance(value, bool | int | float | np.generic)


def direct_call(
    name: str,
    otherwise: Callable[..., Any],
    straight: Straight,
    frozen: Sequence[Lookup],
) -> Callable[..., Any]:
    """A builtin function that calls another when all is as it should be.

    Parameters
    ----------
    name : str
        What it is called.
    otherwise : callable
        What is called, with all that was given, when something is different.
    straight : Straight
        The function, and how it is called.
    frozen : sequence of Lookup
        What has to be in dictionaries, the same objects.

    Examples
    --------
    >>> scope = {"scale": int}
    >>> straight = Straight(divmod, (int, int), one=False)
    >>> call = direct_call("pair", lambda *args: "otherwise", straight, [(scope, "scale", int)])
    >>> call(7, 2), call(7.0, 2), call(7)
    ((3, 1), 'otherwise', 'otherwise')
    >>> scope["scale"] = float
    >>> call(7, 2)
    'otherwise'
    """
    address = _addresses()["structures" if straight.given else "one" if straight.one else "all"]
    lookups = tuple(part for lookup in frozen for part in lookup)
    needed = (otherwise, straight.function, straight.kinds, lookups, straight.given, straight.made)
    return new_builtin(name, address, _METH_FASTCALL_WITH_KEYWORDS, lambda definition: (*needed, definition))


_LOCK = threading.Lock()


def _addresses() -> dict[str, int]:
    with _LOCK:
        return _linked()


@functools.cache
def _linked() -> dict[str, int]:
    head = object.__basicsize__
    code = string.Template(CODE).substitute(ATTENTION=ATTENTION, TYPE=head - 8, LENGTH=head, ITEMS=tuple.__basicsize__)
    module = llvm.parse_assembly(code, llvm.create_context())
    machine = new_target_machine(effort=0)  # more would take 8 ms longer, and save a call 2 ns
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    builder = llvm.JITLibraryBuilder().add_object_img(machine.emit_object(module)).add_current_process()
    builder.import_symbol(ATTENTION, attention_address())
    for name in IMPORTS:
        address = symbols.address(name)
        assert address is not None, name
        builder.import_symbol(name, address)
    for kind in FUNCTIONS:
        builder.export_symbol(f"staticbp.{kind}")
    library = builder.link(engine(), "staticbp.direct")
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))  # until the process ends: builtins may outlive this module
    return {kind: int(library[f"staticbp.{kind}"]) for kind in FUNCTIONS}
