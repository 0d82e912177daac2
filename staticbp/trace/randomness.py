"""Random numbers that are drawn while a function is traced.

They would become constants of the compiled code: one sample, frozen for ever, where the function as it stands
draws afresh each time.  So the states of the generators that a function can reach are compared before and after
it is traced.
"""

from __future__ import annotations

import ast
import inspect
import random
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

import numpy as np

from staticbp.core.graph import SrcLine
from staticbp.errors import FrozenRandomError
from staticbp.trace.guards import collect, contents
from staticbp.trace.names import defined_at, here
from staticbp.trace.origin import LIBRARY_FILES, short_file

_MISSING = object()
_Generator = np.random.Generator | np.random.RandomState | random.Random


@contextmanager
def refuse_draws(function: Callable[..., Any]) -> Iterator[None]:
    """Raise `FrozenRandomError` if a random generator is drawn from within, while `function` is traced."""
    before = [(generator, _state(generator)) for generator in _generators(function)]
    with _no_fresh_seeds(function):
        yield
    for generator, state in before:
        if _equal(state, _state(generator)):
            continue
        src = _line_of_draw(function, generator)
        shared = generator is np.random.mtrand._rand or generator is random._inst
        if src is None and shared and threading.active_count() > 1:
            continue  # more likely the doing of another thread
        raise FrozenRandomError(
            f"{_name(generator)} is drawn from while {_title(function)} is traced: "
            "the compiled code would use this one sample for ever",
            src=src or defined_at(function),
            advice="Draw outside and pass the samples as an argument.",
        )


# ---- generators that are made within ------------------------------------------------------------------------


class _Traced(threading.local):
    """What is being traced in this thread."""

    function: Callable[..., Any] | None = None


_TRACED = _Traced()
_SEEDS = np.random.bit_generator


@contextmanager
def _no_fresh_seeds(function: Callable[..., Any]) -> Iterator[None]:
    """Raise `FrozenRandomError` where a generator of NumPy's is made without a seed: it would be another each time.

    Such a generator asks the system for bits by a function that its module has under a name; ours takes its place,
    and hands on what nobody traces.
    """
    ask = getattr(_SEEDS, "randbits", None)
    if ask is not None and not hasattr(ask, "refuses"):
        setattr(_SEEDS, "randbits", _refusing(ask))  # noqa: B010  (a name that NumPy does not declare)
    outer = _TRACED.function
    _TRACED.function = function
    try:
        yield
    finally:
        _TRACED.function = outer


def _refusing(ask: Callable[[int], int]) -> Callable[[int], int]:
    def randbits(count: int) -> int:
        if _TRACED.function is not None and not _importing(sys._getframe(1)):
            raise FrozenRandomError(
                f"a random generator without a seed is made while {_title(_TRACED.function)} is traced: "
                "the compiled code would use its samples for ever",
                src=here().src,
                advice="Draw outside and pass the samples as an argument.",
            )
        return ask(count)

    randbits.refuses = True  # type: ignore[attr-defined]  # the mark of ours
    return randbits


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported for the user's line: what it draws is its own affair."""
    while frame is not None and LIBRARY_FILES[frame.f_code.co_filename]:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


# ---- generators that are there already ----------------------------------------------------------------------


def _generators(function: Callable[..., Any]) -> list[_Generator]:
    """The global generators, and those that the function refers to."""
    found: list[_Generator] = [np.random.mtrand._rand, random._inst]
    for guard in collect(function):
        value = guard.expected
        if isinstance(value, _Generator) and not any(value is other for other in found):
            found.append(value)
    return found


def _state(generator: _Generator) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.bit_generator.state


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return all(_equal(value, right[key]) for key, value in left.items())
    return bool(np.array_equal(left, right)) if isinstance(left, np.ndarray) else bool(left == right)


def _name(generator: _Generator) -> str:
    if generator is np.random.mtrand._rand:
        return "np.random"
    if generator is random._inst:
        return "random"
    return f"a {type(generator).__name__}"


def _title(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


# ---- where ------------------------------------------------------------------------------------------------------


def _line_of_draw(function: Callable[..., Any], generator: _Generator) -> SrcLine | None:
    """The first line, in the functions that `function` can reach, that calls a method of the generator."""
    seen: set[CodeType] = set()
    queue: list[Any] = [function]
    while queue:
        found = _plain(queue.pop(0))
        if found is None or found.__code__ in seen or LIBRARY_FILES[found.__code__.co_filename]:
            continue
        seen.add(found.__code__)
        for node, called in _calls(found):
            if getattr(called, "__self__", None) is generator:
                return _source_line(found, node)
            queue.append(called)
    return None


def _plain(function: Any) -> FunctionType | None:
    function = inspect.unwrap(function) if callable(function) else function
    function = function.__func__ if isinstance(function, MethodType) else function
    return function if isinstance(function, FunctionType) else None


def _calls(function: FunctionType) -> Iterator[tuple[ast.Call, Any]]:
    """The calls in a function's source whose callee can be found from its globals and closure."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    scope = {**function.__globals__, **{name: contents(cell) for name, cell in cells}, **_imported(tree)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: call.lineno):
        called = _resolve(node.func, scope)
        if called is not _MISSING:
            yield node, called


def _imported(tree: ast.AST) -> dict[str, Any]:
    """The names that a function imports when it runs."""
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            loaded = ((item.asname or item.name.partition(".")[0], item) for item in node.names)
            found |= {name: sys.modules.get(item.name if item.asname else name) for name, item in loaded}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = sys.modules.get(node.module)
            found |= {item.asname or item.name: getattr(module, item.name, _MISSING) for item in node.names}
    return found


def _resolve(node: ast.expr, scope: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return scope.get(node.id, _MISSING)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, scope)
        return _MISSING if owner is _MISSING else getattr(owner, node.attr, _MISSING)
    return _MISSING


def _source_line(function: FunctionType, node: ast.Call) -> SrcLine:
    lines, first = inspect.getsourcelines(function)
    text = lines[node.lineno - 1].strip() if node.lineno <= len(lines) else ""
    return SrcLine(short_file(function.__code__.co_filename), first + node.lineno - 1, text)
