"""Expressions as Python text, with no more parentheses than a person would write."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any

import numpy as np

from staticbp.core.schedule import Affine, Apply, Const, Expr, Index, Load, Local
from staticbp.core.shape import Dim, DimExpr, Shape

ATOM = 100
_OPERATORS: dict[type, int] = {
    ast.IfExp: 10,
    ast.Or: 20,
    ast.And: 25,
    ast.Not: 30,
    ast.Compare: 40,
    ast.BitOr: 50,
    ast.BitXor: 52,
    ast.BitAnd: 54,
    ast.LShift: 56,
    ast.RShift: 56,
    ast.Add: 60,
    ast.Sub: 60,
    ast.Mult: 70,
    ast.Div: 70,
    ast.FloorDiv: 70,
    ast.Mod: 70,
    ast.USub: 80,
    ast.UAdd: 80,
    ast.Invert: 80,
    ast.Pow: 90,
}


@dataclass(frozen=True, slots=True)
class Template:
    """Text with slots: how tightly the whole binds, and how tightly each slot's content must."""

    parts: tuple[str, ...]  # the text between the slots
    slots: tuple[tuple[int, int], ...]  # (argument number, binding strength it needs)
    precedence: int


@cache
def template(text: str) -> Template:
    """The template for text such as ``"vm.tanh({0})"`` or ``"{0} + {1}"``."""
    parts: list[str] = []
    arguments: list[int] = []
    for literal, name, _, _ in Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            arguments.append(int(name))
    if len(parts) == len(arguments):
        parts.append("")
    tree = ast.parse(
        "".join(p + (f"slot_{n}_" if n < len(arguments) else "") for n, p in enumerate(parts)), mode="eval"
    )
    needed = [0] * len(arguments)
    _needs(tree.body, 0, needed)
    return Template(tuple(parts), tuple(zip(arguments, needed, strict=True)), _precedence(tree.body))


def _precedence(node: ast.expr) -> int:
    match node:
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op):
            return _OPERATORS[type(op)]
        case ast.Compare() | ast.IfExp():
            return _OPERATORS[type(node)]
        case _:
            return ATOM


def _needs(node: ast.expr, strength: int, needed: list[int]) -> None:
    """Note for each slot below `node` how tightly its content must bind to need no parentheses."""
    own = _precedence(node)
    match node:
        case ast.Name(id=name) if name.startswith("slot_"):
            needed[int(name.split("_")[1])] = strength
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            _needs(left, own + 1, needed)
            _needs(right, 80, needed)
        case ast.BinOp(left=left, right=right):
            _needs(left, own, needed)
            _needs(right, own + 1, needed)
        case ast.UnaryOp(operand=operand):
            _needs(operand, own, needed)
        case ast.BoolOp(values=values):
            for value in values:
                _needs(value, own + 1, needed)
        case ast.Compare(left=left, comparators=comparators):
            for value in (left, *comparators):
                _needs(value, own + 1, needed)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            _needs(body, own + 1, needed)
            _needs(test, own + 1, needed)
            _needs(orelse, own, needed)
        case ast.Subscript(value=value, slice=index):
            _needs(value, ATOM, needed)
            _needs(index, 0, needed)
        case ast.Attribute(value=value):
            _needs(value, ATOM, needed)
        case ast.Call(func=func, args=args):
            _needs(func, ATOM, needed)
            for value in args:
                _needs(value, 0, needed)
        case _:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    _needs(child, 0, needed)


def fill(pattern: Template, args: list[tuple[str, int]]) -> str:
    """The text of a template with (text, precedence) in its slots."""
    pieces = [pattern.parts[0]]
    for (argument, strength), part in zip(pattern.slots, pattern.parts[1:], strict=True):
        text, precedence = args[argument]
        pieces += [f"({text})" if precedence < strength else text, part]
    return "".join(pieces)


def expression(expr: Expr) -> str:
    """The Python text of an expression."""
    return rendered(expr)[0]


def rendered(expr: Expr) -> tuple[str, int]:
    """The Python text of an expression, and how tightly it binds."""
    match expr:
        case Const(value=value):
            return literal(value)
        case Local(name=name):
            return name, ATOM
        case Affine():
            return _affine(expr)
        case Load(buffer=buffer, index=()):
            return (buffer.name, ATOM) if buffer.role in ("argument", "constant") else (f"{buffer.name}[()]", ATOM)
        case Load(buffer=buffer, index=index):
            return f"{buffer.name}[{index_text(index)}]", ATOM
        case Apply():
            power = " ** " in expr.template and all(isinstance(arg, Local) for arg in expr.args)
            pattern = template(expr.template.replace(" ** ", "**") if power else expr.template)
            text = fill(pattern, [rendered(arg) for arg in expr.args])
            if needs_cast(expr):
                return f"np.{expr.dtype.name}({text})", ATOM
            return text, pattern.precedence
    raise AssertionError(f"not an expression: {expr!r}")


def needs_cast(expr: Apply) -> bool:
    """Whether Numba would give the operation another dtype: its integers widen to 64 bits."""
    narrow = (expr.dtype.kind in "iu" and expr.dtype.itemsize < 8) or expr.dtype.kind == "u"
    return narrow and not expr.template.startswith("np.")


def index_text(index: tuple[Index, ...]) -> str:
    """The text between the brackets."""
    return ", ".join(expression(component) for component in index) or "()"


def literal(value: np.generic) -> tuple[str, int]:
    """A constant, with its dtype where Python's own number would have another."""
    number: Any = value.item()
    if isinstance(number, complex):
        parts = ", ".join(literal(np.float64(part))[0] for part in (number.real, number.imag))
        text = f"complex({parts})"
        return (text if value.dtype == np.complex128 else f"np.{value.dtype.name}({text})"), ATOM
    if value.dtype.kind == "f" and not np.isfinite(value):
        text = {"inf": "np.inf", "-inf": "-np.inf"}.get(str(number), "np.nan")
    else:
        text = repr(number) if value.dtype != np.float32 else str(value)
        text = text if value.dtype.kind != "f" or any(c in text for c in ".en") else f"{text}.0"
    if value.dtype in (np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)):
        return text, 80 if text.startswith("-") else ATOM
    return f"np.{value.dtype.name}({text})", ATOM


def dim_text(dim: Dim) -> tuple[str, int]:
    """A dimension as Python text, and how tightly it binds."""
    text = str(dim).replace("*", " * ")
    if any(operator in text for operator in (" + ", " - ")):
        return text, 60
    return text, 70 if "*" in text else 80 if text.startswith("-") else ATOM


def shape_text(shape: Shape) -> str:
    """A shape as Python text."""
    dims = [dim_text(dim)[0] for dim in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"


def _affine(expr: Affine) -> tuple[str, int]:
    terms: list[tuple[int, str]] = [
        (1 if c > 0 else -1, name if abs(c) == 1 else f"{abs(c)} * {name}") for name, c in expr.terms
    ]
    terms.sort(key=lambda term: -term[0])
    offset = expr.offset
    if isinstance(offset, DimExpr):
        if not terms:
            return dim_text(offset)
        terms.insert(0, (1, dim_text(offset)[0]))
    elif offset > 0 and terms and terms[0][0] < 0:
        terms.insert(0, (1, str(offset)))
    elif offset or not terms:
        terms.append((1 if offset >= 0 else -1, str(abs(offset))))
    sign, text = terms[0]
    text = text if sign > 0 else f"-{text}"
    for sign, part in terms[1:]:
        text += f" {'+' if sign > 0 else '-'} {part}"
    if len(terms) > 1:
        return text, 60
    return text, 70 if "*" in text else 80 if text.startswith("-") else ATOM
