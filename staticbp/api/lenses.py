"""`replace`, `update`, `preview`, `leaves`: parts of structures by their paths, and by what they are.

A path is what leads from a structure to one of its parts: ``"layers.0.weights"``, or the tuple
``("layers", 0, "weights")``.  All of it happens to structures, before anything is computed, so it costs compiled
code nothing, and works alike on plain and on traced values.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, cast, get_origin, overload

import numpy as np

from staticbp.core.primitive import Traced, value_aval
from staticbp.core.tree import Parts, is_number, parts_of, walk
from staticbp.errors import ArgumentError, StructureError
from staticbp.trace.names import here

T = TypeVar("T")
V = TypeVar("V")

Path = str | tuple[Any, ...]
Steps = tuple[Any, ...]

EACH = "*"  # the step to every part, in a string; in a tuple it is ...


def replace(tree: T, changes: Mapping[Path, Any] | None = None, /, **fields: Any) -> T:
    """A copy of a structure with other values in some places.

    Parameters
    ----------
    tree : structure
        A record, a dataclass, a list, a tuple, a dict, nested at will.  It stays as it is.
    changes : mapping, optional
        New values by path, such as ``{"layers.0.weights": w}``.  A step is the name of a field, a key, or a position,
        where ``-1`` is the last; ``*`` is the step to every part (in a tuple: ``...``).
    **fields
        New values by field; ``**{"layers.0.weights": w}`` is possible too.

    Returns
    -------
    structure
        Of the same class.  Records on the way are made by their ``__init__``, so ``__post_init__`` has its say.

    Raises
    ------
    StructureError
        Where there is nothing at a path, with what is there instead.

    See Also
    --------
    update : The same with functions of the old values.

    Examples
    --------
    >>> import staticbp as bp
    >>> @bp.record
    ... class Point:
    ...     x: float
    ...     y: float
    >>> bp.replace(Point(1.0, 2.0), y=5.0)
    Point(x=1.0, y=5.0)
    >>> bp.replace({"start": Point(1.0, 2.0), "way": [3.0, 4.0]}, {"start.x": 0.0, "way.-1": 9.0})
    {'start': Point(x=0.0, y=2.0), 'way': [3.0, 9.0]}
    """
    given: dict[Any, Any] = {**(changes or {}), **fields}
    if parts_of(tree) is None:
        raise ArgumentError(f"replace takes a record or another structure, not {_described(tree)}", src=here().src)
    return cast(T, _changed(tree, [(_steps(path), _constant(value)) for path, value in given.items()], ()))


def update(tree: T, path: Path, function: Callable[[Any], Any]) -> T:
    """A copy of a structure with a function applied to what is at a path.

    Parameters
    ----------
    tree : structure
        It stays as it is.
    path : str or tuple
        As for `replace`.  With ``*`` in it the function is applied in each of several places.
    function : callable
        From the old value to the new one.

    Returns
    -------
    structure
        Of the same class.

    Raises
    ------
    StructureError
        Where there is nothing at the path, with what is there instead.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.update({"layers": [{"w": 1.0, "b": 2.0}, {"w": 3.0, "b": 4.0}]}, "layers.*.w", lambda w: 10 * w)
    {'layers': [{'w': 10.0, 'b': 2.0}, {'w': 30.0, 'b': 4.0}]}
    """
    return cast(T, _changed(tree, [(_steps(path), function)], ()))


def preview(value: Any, variant: type[V]) -> V | None:
    """A value if it is of a variant, and None if it is another.

    Which of several records a value is belongs to its type, and functions are compiled for each.  So what is asked
    here is answered before anything is computed, as it is by ``match`` and ``isinstance``.

    Parameters
    ----------
    value : structure
        One of several variants.
    variant : type
        A class, or a union of classes.

    Returns
    -------
    structure or None
        `value` itself, or None.

    Examples
    --------
    >>> import staticbp as bp
    >>> @bp.record
    ... class Ball:
    ...     radius: float
    >>> bp.preview(Ball(2.0), Ball), bp.preview(3.0, Ball)
    (Ball(radius=2.0), None)
    """
    kind = _plain_class(variant)
    if not isinstance(kind, type | UnionType):
        raise ArgumentError(f"preview takes a class as its variant, not {variant!r}", src=here().src)
    return cast(V, value) if isinstance(value, kind) else None


@overload
def leaves(tree: Any, kind: type[V], *, paths: Literal[False] = False) -> list[V]: ...
@overload
def leaves(tree: Any, kind: Any = None, *, paths: Literal[False] = False) -> list[Any]: ...
@overload
def leaves(tree: Any, kind: type[V], *, paths: Literal[True]) -> dict[Path, V]: ...
@overload
def leaves(tree: Any, kind: Any = None, *, paths: Literal[True]) -> dict[Path, Any]: ...
def leaves(tree: Any, kind: Any = None, *, paths: bool = False) -> Any:
    """Everything of a kind in a structure, from left to right.

    Parameters
    ----------
    tree : structure
        Any structure of numbers and arrays.
    kind : type, dtype or callable, optional
        What is wanted; all numbers and arrays, if it is left out.

        - A class, or a union of classes: values of it, those within others too, outer ones first.
        - ``np.ndarray``: the arrays that have axes, traced ones too.
        - A number type: the numbers and arrays whose elements are such.  ``float``, ``int``, ``complex`` and ``bool``
          stand for all widths of them, ``np.float32`` and ``np.dtype("f4")`` for one.
        - A function: what it returns true for.  It is asked of every structure, number and array.
    paths : bool, optional
        Whether the paths are wanted as well.

    Returns
    -------
    list or dict
        What was found; with `paths`, by the paths that `replace` and `update` take.

    See Also
    --------
    staticbp.tree.leaves : All numbers and arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> tree = {"layers": [np.zeros(2), np.ones(2)], "rate": 0.1, "steps": 3}
    >>> bp.leaves(tree, np.ndarray)
    [array([0., 0.]), array([1., 1.])]
    >>> bp.leaves(tree, int, paths=True)
    {'steps': 3}
    >>> bp.replace(tree, {path: np.sum(x) for path, x in bp.leaves(tree, np.ndarray, paths=True).items()})
    {'layers': [np.float64(0.0), np.float64(2.0)], 'rate': 0.1, 'steps': 3}
    """
    wanted = _test_for(kind)
    found = [(steps, value) for steps, value in walk(tree) if wanted(value)]
    return {_path(tree, steps): value for steps, value in found} if paths else [value for _, value in found]


# ---- kinds ------------------------------------------------------------------------------------------------------

_WIDE = {float: np.floating, int: np.integer, complex: np.complexfloating, bool: np.bool_}


def _test_for(kind: Any) -> Callable[[Any], bool]:
    if kind is None:
        return is_number
    if kind is np.ndarray:
        return lambda value: is_number(value) and _typed(value).ndim > 0
    if isinstance(kind, np.dtype) or kind in _WIDE or (isinstance(kind, type) and issubclass(kind, np.generic)):
        dtype = _WIDE.get(kind, kind)
        return lambda value: is_number(value) and np.issubdtype(_typed(value).dtype, dtype)
    cls = _plain_class(kind)
    if isinstance(cls, type | UnionType):
        return lambda value: isinstance(value, cls) and not isinstance(value, Traced)
    if not callable(kind):
        raise ArgumentError(f"leaves takes a class, a dtype or a function as the kind, not {kind!r}", src=here().src)
    return lambda value: bool(kind(value))


def _typed(value: Any) -> Any:
    return value.aval if isinstance(value, Traced) else np.asarray(value)


def _plain_class(kind: Any) -> Any:
    """``Layer`` for ``Layer[float]``."""
    origin = get_origin(kind)
    return origin if isinstance(origin, type) and origin is not UnionType else kind


# ---- paths ------------------------------------------------------------------------------------------------------


def _steps(path: Path) -> Steps:
    if isinstance(path, tuple):
        return path
    if isinstance(path, str):
        return tuple(... if step == EACH else step for step in path.split(".")) if path else ()
    raise ArgumentError(
        f"a path is a string like 'layers.0.weights' or a tuple like ('layers', 0, 'weights'), not {path!r}",
        src=here().src,
    )


def _text(steps: Iterable[Any]) -> str:
    return ".".join(EACH if step is ... else str(step) for step in steps)


def _path(tree: Any, steps: Steps) -> Path:
    """Steps as a string, or as they are where a string would say something else."""
    for step in steps:
        parts = parts_of(tree)
        same = [name for name in parts.values if str(name) == str(step)] if parts else []
        if parts is None or len(same) != 1 or "." in str(step) or str(step) in ("", EACH):
            return steps
        tree = parts.values[step]
    return _text(steps)


def _found(parts: Parts, step: Any) -> list[Any]:
    """The names of the parts that a step leads to."""
    names = list(parts.values)
    if step is ...:
        return [name for name in names if name not in parts.statics]
    if step in parts.values:
        return [step]
    alike = [name for name in names if isinstance(step, str) and str(name) == step]
    if alike:
        return alike[:1] if len(alike) == 1 else []
    try:
        position = int(step)
    except (TypeError, ValueError):
        return []
    return [names[position]] if _is_counted(parts) and -len(names) <= position < 0 else []


def _changed(tree: Any, changes: list[tuple[Steps, Callable[[Any], Any]]], done: Steps) -> Any:
    """The tree with functions applied to what some steps lead to; those before it are `done`."""
    whole = [function for steps, function in changes if not steps]
    if whole:
        if len(changes) > 1:
            raise StructureError(
                f"two of the changes are about the same place, {_text(done) or 'the whole'!r}", src=here().src
            )
        return whole[0](tree)
    if not changes:
        return tree
    parts = parts_of(tree)
    inner: dict[Any, list[tuple[Steps, Callable[[Any], Any]]]] = {}
    for (step, *rest), function in changes:
        names = [] if parts is None else _found(parts, step)
        if not names and not (step is ... and parts is not None):
            raise _nothing_there(tree, parts, step, done)
        for name in names:
            inner.setdefault(name, []).append((tuple(rest), function))
    if parts is None or not inner:
        return tree
    return parts.changed({name: _changed(parts.values[name], below, (*done, name)) for name, below in inner.items()})


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _nothing_there(tree: Any, parts: Parts | None, step: Any, done: Steps) -> StructureError:
    what = f"{_described(tree)} at {_text(done)!r}" if done else _described(tree)
    if parts is None:
        return StructureError(f"there is no {_text([step])!r} in {what}: it has no parts", src=here().src)
    names = [str(name) for name in parts.values]
    shown = ", ".join(names if len(names) <= 12 else [*names[:12], "..."])
    if _is_counted(parts):
        held = f"no item {step!r}: it has {len(names)}"
    elif isinstance(tree, dict):
        held = f"no key {step!r}: its keys are {shown}"
    else:
        held = f"no field {step!r}: its fields are {shown}"
    close = difflib.get_close_matches(str(step), [] if _is_counted(parts) else names, 1)
    advice = f"Did you mean {_text((*done, close[0]))!r}?" if close else None
    return StructureError(f"{what} has {held}", src=here().src, advice=advice)


def _is_counted(parts: Parts) -> bool:
    """Whether the parts are those of a sequence."""
    return list(parts.values) == list(range(len(parts.values)))


def _described(value: Any) -> str:
    if isinstance(value, Traced | np.ndarray):
        return f"an array {value_aval(value)}"
    name = type(value).__name__
    return name if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
