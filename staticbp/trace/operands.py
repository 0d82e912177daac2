"""What the names in the user's expression stand for: told beside an error of shapes, dtypes or indices."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from types import FrameType

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.primitive import Traced
from staticbp.errors import DtypeError, ShapeError, StaticbpError, TracedIndexError
from staticbp.trace.names import here
from staticbp.trace.origin import user_frame
from staticbp.trace.source import expression_at

_OF_TYPES = (ShapeError, DtypeError, TracedIndexError)
MOST = 6  # names, and items of a list: what is longer does not help anybody


def placed(error: StaticbpError) -> StaticbpError:
    """The error with the user's line and, where types do not fit together, with the types of what it names.

    It is the error itself when the line is known already.
    """
    types = operand_types(user_frame(sys._getframe(1))) if isinstance(error, _OF_TYPES) else None
    return error.at(here().src, types)


def operand_types(frame: FrameType | None) -> str | None:
    """The arrays that the expression which a frame executes speaks of, each with its type; None when there are none.

    Examples
    --------
    >>> def total(W, x):
    ...     return len((W, x)) and operand_types(sys._getframe())
    >>> print(total(np.ones((2, 3)), np.ones(3)))
    None
    """
    expression = None if frame is None else expression_at(frame)
    if frame is None or expression is None:
        return None
    found = dict(_arrays(expression, frame))
    return ", ".join(f"{name}: {text}" for name, text in list(found.items())[:MOST]) or None


def _arrays(node: ast.AST, frame: FrameType) -> Iterator[tuple[str, str]]:
    """The names and attributes in an expression that are arrays, or lists of them, in the order of the text."""
    if isinstance(node, ast.Name | ast.Attribute):
        text = _type_text(resolved(node, frame))
        if text is not None:
            yield ast.unparse(node), text
            return
    for child in ast.iter_child_nodes(node):
        yield from _arrays(child, frame)


def resolved(node: ast.AST, frame: FrameType) -> object:
    """What a name or an attribute stands for; runs none of the user's code, such as a property."""
    match node:
        case ast.Name(id=name):
            return frame.f_locals.get(name, frame.f_globals.get(name))
        case ast.Attribute(value=base, attr=name):
            return inspect.getattr_static(resolved(base, frame), name, None)
    return None


def _type_text(value: object) -> str | None:
    """The type of an array or of a short list of arrays; None for anything else."""
    match value:
        case Traced(aval=aval):
            return str(aval)
        case np.ndarray(shape=shape, dtype=dtype):
            return str(Aval(shape, dtype))
        case list() | tuple() if 0 < len(value) <= MOST:
            texts = [text for text in map(_type_text, value) if text is not None]
            return f"[{', '.join(texts)}]" if len(texts) == len(value) else None
    return None
