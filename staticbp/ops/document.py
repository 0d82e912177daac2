"""The page `docs/ops.md`: every operation and its derivative, as the declarations themselves say it.

``python -m staticbp.ops.document`` prints the page; a test holds `docs/ops.md` to it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from staticbp.core.lowering import Choose, Control, IndexMap, Kernel, Lowering, Overwrite, Pieces, Reduce, Scatter, View
from staticbp.core.primitive import Primitive
from staticbp.ops import catalog, linear
from staticbp.ops.conventions import CONVENTIONS
from staticbp.ops.families import Bilinear, Elementwise, General
from staticbp.ops.linear import Linear
from staticbp.ops.registry import NUMPY, PRIMITIVES, SCIPY, ZERO, Domain
from staticbp.ops.ruled import DIFFERENTIALS

DECLARATIONS = ("elementwise", "linear", "bilinear", "general", "special")

HEAD = """\
# Operations

This page is made from the declarations in `staticbp/ops/`; `python -m pytest --update-golden` brings it up to
date. A graph consists of the operations below. NumPy's functions, listed further down, are written in terms of
them, so each of them can be differentiated in both modes and to any order, batched, and compiled.

In the formulas `x`, `y`, `z` are the operands, `out` is the result and `ct` its cotangent; nothing flows to an
operand for which there is `None` or no formula.
"""

LOWERINGS: dict[type, str] = {
    IndexMap: "a map of indexes: costs nothing once fused",
    Reduce: "loops on the spot",
    Scatter: "loops on the spot that add in place",
    Overwrite: "loops on the spot that write into the operand, or a copy of it",
    Pieces: "each operand is written into its part",
    View: "the same memory, seen otherwise",
    Kernel: "loops or a call of a kernel",
    Choose: "loops on the spot or a call, as the operands ask",
    Control: "a real loop or branch",
}


def operations_page() -> str:
    """The text of `docs/ops.md`."""
    sections = [HEAD, *_elementwise(), *_others(), *_functions(), *_conventions()]
    return "\n".join(sections).rstrip() + "\n"


def _elementwise() -> Iterator[str]:
    yield "## Elementwise\n"
    yield "Partial derivatives with respect to each operand, or what they do to a cotangent.\n"
    yield from _table(
        ("operation", "NumPy", "derivative", "domain", "code"),
        (
            (
                f"`{op.name}`",
                _numpy_name(op),
                _slope(op),
                " × ".join(_domain(d) for d in dict.fromkeys(op.domain)),
                f"`{_code(op)}`",
            )
            for op in in_order()
            if isinstance(op, Elementwise)
        ),
    )


def _others() -> Iterator[str]:
    for title, family, facet in (
        ("Linear", Linear, "transpose"),
        ("Products", Bilinear, "transposes"),
        ("Others", General, "vjp"),
    ):
        yield f"\n## {title}\n"
        yield from _table(
            ("operation", "cotangents of the operands", "becomes"),
            (
                (f"`{op.name}`", _formula(op, facet), _lowering(op.lowering))
                for op in in_order()
                if isinstance(op, family)
            ),
        )
    yield "\n## Values with a differential\n"
    yield "What is computed by an algorithm, and differentiated by a formula; reverse mode is its transpose.\n"
    rules = sorted(DIFFERENTIALS.items())
    yield from _table(("rule", "differential"), ((f"`{name}`", _first_line(rule)) for name, rule in rules))
    yield "\n## Control flow\n"
    controls = (op for op in in_order() if isinstance(op.lowering, Control))
    yield from _table(("operation", "meaning"), ((f"`{op.name}`", _first_line(op)) for op in controls))


def _functions() -> Iterator[str]:
    yield "\n## NumPy's functions on traced values\n"
    places: dict[str, list[str]] = {}
    for function in NUMPY:
        name = _public_name(function)
        places.setdefault(name.rsplit(".", 1)[0], []).append(name)
    for place in sorted(places):
        yield f"- `{place}`: " + ", ".join(f"`{n.rsplit('.', 1)[1]}`" for n in sorted(set(places[place])))
    yield "- `scipy.special`, its ufuncs: " + ", ".join(
        f"`{name}`" for name in sorted(SCIPY) if not name.startswith("_")
    )


def _conventions() -> Iterator[str]:
    yield "\n## Derivatives at kinks, jumps and tips\n"
    yield "The same in forward and reverse mode, and tested entry by entry.\n"
    yield from _table(
        ("function", "at", "gradient", "because"),
        ((f"`{c.text}`", f"`{_tuple(c.at)}`", f"`{_tuple(c.gradient)}`", c.why) for c in CONVENTIONS),
    )


# ---- the cells --------------------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' for _ in heads)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _tuple(values: Sequence[Any]) -> str:
    texts = [f"{v:.6g}" if isinstance(v, float) else f"[{_tuple(v)}]" for v in values]
    return ", ".join(texts)


def _domain(domain: Domain) -> str:
    return domain.name.lower().replace("_", " ")


def _code(op: Elementwise) -> str:
    template = getattr(op.lowering, "template", "")
    return str(template.format("x", "y", "z"))


def _numpy_name(op: Elementwise) -> str:
    if op.numpy in NUMPY:
        return f"`{_public_name(op.numpy)}`"
    return f"`scipy.special.{op.name}`" if op.name in SCIPY else ""


def _public_name(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    part = module.removeprefix("numpy.").partition(".")[0]
    return f"np.{part}.{function.__name__}" if part in ("fft", "linalg") else f"np.{function.__name__}"


def _slope(op: Elementwise) -> str:
    if op.partials == ZERO:
        return "0"
    return _formula(op, "partials" if op.partials is not None else "vjp")


def _formula(op: Primitive, facet: str) -> str:
    """A facet as its declaration writes it; of a function with a name, what its docstring says."""
    rule = getattr(op, facet, None) or getattr(op, f"{facet}_rule", None)
    if rule == ZERO:
        return "0"
    if isinstance(rule, str):
        return f"refused: {rule}"
    written = declared().get(op.name, {}).get(facet)
    if written is not None and written.startswith("lambda"):
        return f"`{_bodies(written)}`"
    if written is not None and written.startswith("("):
        return ", ".join(f"`{_bodies(part)}`" for part in _elements(written))
    return _first_line(rule)


def _elements(written: str) -> list[str]:
    value = ast.parse(written, mode="eval").body
    return [ast.unparse(element) for element in value.elts] if isinstance(value, ast.Tuple) else [written]


def _bodies(written: str) -> str:
    """What a lambda gives, without the parentheses of a tuple."""
    value = ast.parse(written, mode="eval").body
    body = value.body if isinstance(value, ast.Lambda) else value
    if isinstance(body, ast.Tuple):
        return ", ".join(ast.unparse(element) for element in body.elts)
    return ast.unparse(body)


def _first_line(described: Any) -> str:
    text = inspect.getdoc(described) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("``", "`").rstrip(".")


def _lowering(lowering: Lowering) -> str:
    return LOWERINGS.get(type(lowering), "an expression")


# ---- the declarations -------------------------------------------------------------------------------------


@cache
def declared() -> dict[str, dict[str, str]]:
    """The keyword arguments of every declaration as they stand in the source, by the name of the operation."""
    found: dict[str, dict[str, str]] = {}
    for module in (linear, *catalog.MODULES):
        for node in ast.walk(_parsed(module)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in DECLARATIONS and node.args and isinstance(node.args[0], ast.Constant):
                facets = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg is not None}
                if node.func.id == "special":
                    facets["partials"] = ast.unparse(node.args[1])
                found[str(node.args[0].value)] = facets
    return found


def in_order() -> list[Primitive]:
    """All operations as the modules declare them, whatever order these were imported in."""
    found: dict[Primitive, None] = {}
    for module in (linear, *catalog.MODULES):
        for node in _parsed(module).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            values = [getattr(module, t.id, None) for t in targets if isinstance(t, ast.Name)]
            found.update((value, None) for value in values if isinstance(value, Primitive))
    return list(dict.fromkeys([*found, *PRIMITIVES.values()]))


def _parsed(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.stdout.write(operations_page())
