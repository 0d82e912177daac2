"""What to write instead of a branch on a traced value: the user's own statement in other words.

``if x > 0: y = a`` with an else of ``y = b`` is ``y = np.where(x > 0, a, b)``; a while loop is a `bp.while_loop`.
Where the statement is of another kind, or there is no source text, nothing is said here.
"""

from __future__ import annotations

import ast
import math
from types import FrameType

import numpy as np

from staticbp.trace.operands import resolved
from staticbp.trace.origin import user_frame
from staticbp.trace.source import Position, expression_at, position_in, source_file

_SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}  # of math, in scipy.special
LONG = 220  # characters: what is longer does not help anybody


def rewording(frame: FrameType | None) -> str | None:
    """Advice for the branch that the innermost frame of the user's is about to take; None when there is none."""
    frame = user_frame(frame)
    if frame is None:
        return None
    position = position_in(frame)
    found = source_file(frame.f_code.co_filename, frame.f_globals).around(position)
    advice = None if found is None else _advice(*found, position)
    return advice if advice is not None and len(advice) <= LONG else None


def is_stored_at(frame: FrameType | None) -> bool:
    """Whether the innermost frame of the user's is about to assign to elements of something."""
    frame = user_frame(frame)
    target = None if frame is None else expression_at(frame)
    return isinstance(target, ast.Subscript) and isinstance(target.ctx, ast.Store)


def numpy_name(frame: FrameType | None) -> str | None:
    """Advice for a call of one of `math`'s functions: NumPy's of the same meaning; None for any other expression."""
    frame = user_frame(frame)
    call = None if frame is None else expression_at(frame)
    if frame is None or not isinstance(call, ast.Call):
        return None
    function = resolved(call.func, frame)
    name = getattr(function, "__name__", "")
    if function is not getattr(math, name, math):
        return None
    ours = f"np.{name}" if hasattr(np, name) else f"scipy.special.{_SPECIAL[name]}" if name in _SPECIAL else None
    return ours and f"The functions of math take numbers only: write {ours}."


def _advice(statement: ast.stmt, following: ast.stmt | None, position: Position) -> str | None:
    """How a statement is written whose truth value at a position is wanted."""
    match statement:
        case ast.If(test=test) if _asks(test, position):
            return _branch(statement, following)
        case ast.While(test=test) if _asks(test, position):
            return _loop(statement)
        case ast.Assert():
            return "Leave the assert out, or check what the compiled function returns."
    for node in ast.walk(statement):
        if isinstance(node, ast.IfExp) and _asks(node.test, position):
            return f"Write `np.where({_condition(node.test)}, {ast.unparse(node.body)}, {ast.unparse(node.orelse)})`."
    for node in ast.walk(statement):
        if isinstance(node, ast.expr) and _is_joined(node) and _asks(node, position):
            return f"Write `{_condition(node)}`."
    return None


def _is_joined(node: ast.expr) -> bool:
    """Whether an expression joins conditions: ``a < b < c``, ``a < b and not c > d``."""
    match node:
        case ast.Compare(ops=ops):
            return len(ops) > 1
        case ast.BoolOp(values=values):
            return all(isinstance(value, ast.Compare) or _is_joined(value) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return isinstance(operand, ast.Compare) or _is_joined(operand)
    return False


def _asks(test: ast.expr, position: Position) -> bool:
    """Whether the truth of an expression, or of a part of it, is asked for at a position."""
    return any(
        isinstance(node, ast.expr) and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == position
        for node in ast.walk(test)
    )


def _condition(test: ast.expr) -> str:
    """A condition in NumPy's words."""
    match test:
        case ast.BoolOp(op=op, values=values):
            name = "np.logical_and" if isinstance(op, ast.And) else "np.logical_or"
            *rest, text = map(_condition, values)
            for one in reversed(rest):
                text = f"{name}({one}, {text})"
            return text
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"np.logical_not({_condition(operand)})"
        case ast.Compare(left=left, ops=ops, comparators=comparators) if len(ops) > 1:
            pairs = zip([left, *comparators[:-1]], ops, comparators, strict=True)
            return " & ".join(f"({ast.unparse(ast.Compare(a, [op], [b]))})" for a, op, b in pairs)
    return ast.unparse(test)


def _branch(statement: ast.If, following: ast.stmt | None) -> str | None:
    test = _condition(statement.test)
    either = f"bp.cond({test}, f, g, x), which computes one of two functions."
    after = [following] if following is not None and _returns(statement.body) else []
    match statement.body, statement.orelse or after:
        case [ast.Return(value=ast.expr() as yes)], [ast.Return(value=ast.expr() as no)]:
            return f"Write `return np.where({test}, {ast.unparse(yes)}, {ast.unparse(no)})`, or {either}"
    names = _assigned([*statement.body, *statement.orelse])
    if not names:
        return None
    if len(names) == 1 and len(statement.body) == 1 and len(statement.orelse) <= 1:
        (name,) = names
        other = _value(statement.orelse[0]) if statement.orelse else name
        return f"Write `{name} = np.where({test}, {_value(statement.body[0])}, {other})`, or {name} = {either}"
    listed = ", ".join(names)
    return f"Write `{listed} = bp.cond({test}, f, g, {listed})`, where f and g take {listed} and return them anew."


def _loop(statement: ast.While) -> str | None:
    names, test = _assigned(statement.body), _condition(statement.test)
    if not names or statement.orelse:
        return None
    if len(statement.body) == 1:
        (name,) = names
        step = _value(statement.body[0])
        return f"Write `{name} = bp.while_loop(lambda {name}: {test}, lambda {name}: {step}, {name})`."
    listed = ", ".join(names)
    return (
        f"Write `{listed} = bp.while_loop(test, step, ({listed}))`, where test(state) returns {test}, and step(state) "
        f"what is assigned in the loop, of state = ({listed})."
    )


def _returns(body: list[ast.stmt]) -> bool:
    return len(body) == 1 and isinstance(body[0], ast.Return)


def _assigned(body: list[ast.stmt]) -> list[str] | None:
    """The names that statements give values to; None when they do anything else."""
    names: dict[str, None] = {}
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
                names[name] = None
            case _:
                return None
    return list(names)


def _value(statement: ast.stmt) -> str:
    """What a name is assigned to."""
    match statement:
        case ast.Assign(value=value):
            return ast.unparse(value)
        case ast.AugAssign(target=target, op=op, value=value):
            return ast.unparse(ast.BinOp(ast.Name(ast.unparse(target)), op, value))
    raise AssertionError("not an assignment")
