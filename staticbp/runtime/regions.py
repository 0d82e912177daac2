"""Regions of compiled code that the team of threads shares out. Imported only to compile.

``for i in threads.range(n, grain):`` in generated text becomes a function of its own, ``body(low, high, …)``, with a
plain loop in it, and a call that hands it to the team (see `team`). What the body reads from around it, it is
handed; so it may write into arrays, and not assign to a variable of the function that it stands in.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from staticbp.errors import GeneratedCodeError
from staticbp.runtime.sharing import share

Value = Any


@intrinsic
def run(typing_context: Any, body: Any, count: Any, grain: Any, captured: Any) -> Any:
    """``body(low, high, *captured)`` in parts, for a function that Numba compiles."""
    if not isinstance(body, types.Dispatcher) or not isinstance(captured, types.BaseTuple):
        return None
    arguments = (types.intp, types.intp, *captured)
    inner = body.get_call_type(typing_context, arguments, {})

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        compiled = body.dispatcher.get_compile_result(inner)
        context.active_code_library.add_linking_library(compiled.library)
        values = [
            context.cast(builder, value, given, taken)
            for value, given, taken in zip(
                cgutils.unpack_tuple(builder, args[3], len(captured)), captured, inner.args[2:], strict=True
            )
        ]

        def write(inside: Any, low: Any, high: Any, *handed: Any) -> None:
            function = context.declare_function(inside.module, compiled.fndesc)
            context.call_conv.call_function(inside, function, inner.return_type, inner.args, (low, high, *handed))

        name = f"region.{compiled.fndesc.mangled_name}"
        share(builder, args[1], args[2], name, write, values)
        return context.get_dummy_value()

    return types.void(body, types.intp, types.intp, captured), generate


FUNCTIONS = {"__run": run}


def with_regions(tree: ast.Module) -> ast.Module:
    """The syntax tree with loops over ``threads.range`` made functions. It is changed, and returned."""
    found: list[ast.FunctionDef] = []
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
        _Outliner(function, tree, found).visit(function)
    tree.body += found
    return ast.fix_missing_locations(tree)


class _Outliner(ast.NodeTransformer):
    """One function whose loops are looked through."""

    def __init__(self, function: ast.FunctionDef, tree: ast.Module, found: list[ast.FunctionDef]) -> None:
        self.found = found
        self.name = function.name
        self.names = {arg.arg for arg in function.args.args} | _names(function.body, ast.Store)

    def visit_For(self, node: ast.For) -> ast.AST:
        match node:
            case ast.For(
                target=ast.Name(id=index),
                iter=ast.Call(func=ast.Attribute(value=ast.Name(id="threads"), attr="range"), args=[count, *grain]),
            ):
                pass
            case _:
                self.generic_visit(node)
                return node
        own = _names(node.body, ast.Store) | {index}
        read = [name for name in sorted(_names(node.body, ast.Load) & self.names) if name not in own]
        _refuse_shared(node, own - {index})
        name = f"__part{len(self.found) + 1}_of_{self.name}"
        bounds = [_copy(node, ast.Name(bound, ast.Load())) for bound in ("__low", "__high")]
        loop = ast.copy_location(ast.For(node.target, _call(node, "range", *bounds), node.body, []), node)
        arguments = ast.arguments([], [ast.arg(arg) for arg in ("__low", "__high", *read)], None, [], [], None, [])
        self.found.append(_copy(node, ast.FunctionDef(name, arguments, [loop], [])))
        captured = _copy(node, ast.Tuple([_copy(node, ast.Name(arg, ast.Load())) for arg in read], ast.Load()))
        body = _copy(node, ast.Name(name, ast.Load()))
        least = grain[0] if grain else _copy(node, ast.Constant(1))
        return ast.copy_location(ast.Expr(_call(node, "__run", body, count, least, captured)), node)


def _refuse_shared(loop: ast.For, assigned: set[str]) -> None:
    """A variable that one step hands to the next cannot be shared out."""
    known: set[str] = set()
    for statement in loop.body:
        updated = {
            node.target.id
            for node in ast.walk(statement)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
        }
        stored = _names([statement], ast.Store)
        early = (_names([statement], ast.Load) & assigned | updated) - known
        if isinstance(statement, ast.For | ast.While | ast.If):
            early -= stored - updated  # by an inner statement, before it is read there
        if early:
            raise GeneratedCodeError(f"the steps of a loop over threads.range share {', '.join(sorted(early))}")
        known |= stored


def _names(statements: Sequence[ast.stmt], context: type[ast.expr_context]) -> set[str]:
    nodes = itertools.chain.from_iterable(map(ast.walk, statements))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _call(place: ast.AST, name: str, *args: ast.expr) -> ast.Call:
    return _copy(place, ast.Call(_copy(place, ast.Name(name, ast.Load())), list(args), []))


def _copy(place: ast.AST, node: Any) -> Any:
    return ast.copy_location(node, place)
