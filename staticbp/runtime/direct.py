"""Calls without Python on the way: for functions of numbers and arrays, the gate once more as machine code.

Of a call that takes half a microsecond CPython's part is most: an object that is called, a method of it, the gate.
Where a gate does no more than look at the types of the arguments and at what was frozen in dictionaries, a builtin
function does the same::

    if nobody records and len(args) == n and type(args[i]) is kinds[i] and owner[name] is value …:
        results = function(*args)
        if type(results) is tuple: return results, or its only item
    return otherwise(*args, **kwargs)

What does not go straight, errors included, begins anew `otherwise`, in Python. The code is one for all functions, in
LLVM's language; what it needs for one is in the tuple that is the builtin's ``self``: objects, which are kept alive and
collected as objects are.
"""

from __future__ import annotations

import ctypes
import functools
import string
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from staticbp.core.recording import attention_address
from staticbp.core.tree import Structure
from staticbp.runtime import symbols
from staticbp.runtime.dispatch import Entry
from staticbp.runtime.objectcode import engine, new_builtin, new_target_machine

Lookup = tuple[dict[str, Any], str, Any]
"""A dictionary, a key, and what has to be there."""

_ATTENTION = "staticbp.attention"
_KINDS_OF_RESULTS = ("one", "all")
_METH_FASTCALL_WITH_KEYWORDS = 0x82
_IMPORTS = ("PyTuple_Type", "PyObject_Vectorcall", "PyDict_GetItemWithError", "PyErr_Clear", "Py_IncRef", "Py_DecRef")

_CODE = """
@"$ATTENTION" = external global i64
@PyTuple_Type = external global i8

declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare void @PyErr_Clear()
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)

define internal ptr @item(ptr %tuple, i64 %position) alwaysinline {
  %items = getelementptr i8, ptr %tuple, i64 $ITEMS
  %place = getelementptr ptr, ptr %items, i64 %position
  %object = load ptr, ptr %place
  ret ptr %object
}

define internal i64 @length(ptr %tuple) alwaysinline {
  %place = getelementptr i8, ptr %tuple, i64 $LENGTH
  %count = load i64, ptr %place
  ret i64 %count
}

define internal ptr @type(ptr %object) alwaysinline {
  %place = getelementptr i8, ptr %object, i64 $TYPE
  %type = load ptr, ptr %place
  ret ptr %type
}

define internal ptr @pass(ptr %self, ptr %args, i64 %count, ptr %keywords, i1 %one) alwaysinline {
begin:
  %attention = load atomic i64, ptr @"$ATTENTION" monotonic, align 8
  %noticed = icmp ne i64 %attention, 0
  br i1 %noticed, label %otherwise, label %alone

alone:
  %kinds = call ptr @item(ptr %self, i64 2)
  %wanted = call i64 @length(ptr %kinds)
  %others = icmp ne i64 %count, %wanted
  %named = icmp ne ptr %keywords, null
  %unlike = or i1 %others, %named
  br i1 %unlike, label %otherwise, label %argument

argument:
  %i = phi i64 [0, %alone], [%onward, %fits]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %look, label %frozen

look:
  %at = getelementptr ptr, ptr %args, i64 %i
  %given = load ptr, ptr %at
  %type = call ptr @type(ptr %given)
  %kind = call ptr @item(ptr %kinds, i64 %i)
  %same = icmp eq ptr %type, %kind
  br i1 %same, label %fits, label %otherwise

fits:
  %onward = add i64 %i, 1
  br label %argument

frozen:
  %lookups = call ptr @item(ptr %self, i64 3)
  %guards = call i64 @length(ptr %lookups)
  br label %guard

guard:
  %j = phi i64 [0, %frozen], [%next, %unchanged]
  %left = icmp slt i64 %j, %guards
  br i1 %left, label %find, label %run

find:
  %owner = call ptr @item(ptr %lookups, i64 %j)
  %j1 = add i64 %j, 1
  %name = call ptr @item(ptr %lookups, i64 %j1)
  %found = call ptr @PyDict_GetItemWithError(ptr %owner, ptr %name)
  %j2 = add i64 %j, 2
  %value = call ptr @item(ptr %lookups, i64 %j2)
  %still = icmp eq ptr %found, %value
  br i1 %still, label %unchanged, label %failed

unchanged:
  %next = add i64 %j, 3
  br label %guard

run:
  %function = call ptr @item(ptr %self, i64 1)
  %results = call ptr @PyObject_Vectorcall(ptr %function, ptr %args, i64 %count, ptr null)
  %nothing = icmp eq ptr %results, null
  br i1 %nothing, label %failed, label %something

something:
  %result_type = call ptr @type(ptr %results)
  %good = icmp eq ptr %result_type, @PyTuple_Type
  br i1 %good, label %done, label %status

done:
  br i1 %one, label %single, label %all

single:
  %only = call ptr @item(ptr %results, i64 0)
  call void @Py_IncRef(ptr %only)
  call void @Py_DecRef(ptr %results)
  ret ptr %only

all:
  ret ptr %results

status:
  call void @Py_DecRef(ptr %results)
  br label %otherwise

failed:
  call void @PyErr_Clear()
  br label %otherwise

otherwise:
  %slow = call ptr @item(ptr %self, i64 0)
  %answer = call ptr @PyObject_Vectorcall(ptr %slow, ptr %args, i64 %count, ptr %keywords)
  ret ptr %answer
}

define ptr @"staticbp.one"(ptr %self, ptr %args, i64 %count, ptr %keywords) {
  %answer = call ptr @pass(ptr %self, ptr %args, i64 %count, ptr %keywords, i1 true)
  ret ptr %answer
}

define ptr @"staticbp.all"(ptr %self, ptr %args, i64 %count, ptr %keywords) {
  %answer = call ptr @pass(ptr %self, ptr %args, i64 %count, ptr %keywords, i1 false)
  ret ptr %answer
}
"""


@dataclass(frozen=True, slots=True)
class Straight:
    """What a call comes to that needs nothing done to its arguments and results: parameters of `direct_call`."""

    function: Callable[..., Any]
    kinds: tuple[type, ...]
    one: bool

    @staticmethod
    def of(
        args: Sequence[Any], kwargs: Mapping[str, Any], entry: Entry, structure: Structure, *, plain: bool
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
        if plain or kwargs or handed or not all(map(_is_taken_as_it_is, args)):
            return None
        if not isinstance(entry.function, BuiltinFunctionType):
            return None
        numbers = tuple(range(structure.count))
        whole = structure.unflatten(list(numbers))
        one = type(whole) is int
        if not one and (type(whole) is not tuple or whole != numbers):
            return None
        return Straight(entry.function, tuple(map(type, args)), one)


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
        The function, which gives a tuple of results, or anything else, or an exception, when it is not for these
        arguments; their exact types; and whether the only result is wanted and not the tuple.
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
    address = _addresses()["one" if straight.one else "all"]
    lookups = tuple(part for lookup in frozen for part in lookup)
    needed = (otherwise, straight.function, straight.kinds, lookups)
    return new_builtin(name, address, _METH_FASTCALL_WITH_KEYWORDS, lambda definition: (*needed, definition))


_LOCK = threading.Lock()


def _addresses() -> dict[str, int]:
    with _LOCK:
        return _linked()


@functools.cache
def _linked() -> dict[str, int]:
    head = object.__basicsize__
    code = string.Template(_CODE).substitute(
        ATTENTION=_ATTENTION, TYPE=head - 8, LENGTH=head, ITEMS=tuple.__basicsize__
    )
    module = llvm.parse_assembly(code, llvm.create_context())
    machine = new_target_machine(effort=0)  # more would take 8 ms longer, and save a call 2 ns
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    builder = llvm.JITLibraryBuilder().add_object_img(machine.emit_object(module)).add_current_process()
    builder.import_symbol(_ATTENTION, attention_address())
    for name in _IMPORTS:
        address = symbols.address(name)
        assert address is not None, name
        builder.import_symbol(name, address)
    for kind in _KINDS_OF_RESULTS:
        builder.export_symbol(f"staticbp.{kind}")
    library = builder.link(engine(), "staticbp.direct")
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))  # until the process ends: builtins may outlive this module
    return {kind: int(library[f"staticbp.{kind}"]) for kind in _KINDS_OF_RESULTS}
