"""Regions of compiled code that the team of threads shares out. Imported only to compile.

``for i in threads.range(n, grain):`` in generated text becomes a function of its own, ``body(low, high, …)``, with a
plain loop in it, and a call that hands it to the team (see `team`). What the body reads from around it, it is
handed; so it may write into arrays, and not assign to a variable of the function that it stands in.

``for i in blas.gemm_rows(A, B, C, count):`` becomes such a region first: the rows of a thread, so many at a time, each
time the product and then a plain loop.
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
from staticbp.runtime.intrinsics.sharing import share
from staticbp.runtime.intrinsics.vectors import APART

Value = Any

PARTS_OF_A_BLOCK = 8  # of the rows that are made at a time: a part of them takes about the time of a grain


@intrinsic
def run(typing_context: Any, body: Any, count: Any, grain: Any, captured: Any) -> Any:
    """``body(low, high, *captured)`` in parts, for a function that Numba compiles."""
    if not isinstance(body, types.Dispatcher) or not isinstance(captured, types.BaseTuple):
        return None
    arguments = (types.intp, types.intp, *captured)
    token = APART.set(None)  # a function that is compiled by itself has its kernels with it
    try:
        inner = body.get_call_type(typing_context, arguments, {})
    finally:
        APART.reset(token)

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


_ROWS = """
for __low, __high in threads.parts({result}.shape[0], {least}):
    for __first in range(__low, __high, {count}):
        __end = min(__first + {count}, __high)
        blas.gemm_part({left}, {right}, {result}, __first, __end, {trans})
        for {index} in range(__first, __end):
            pass
"""


def with_rows(tree: ast.Module) -> ast.Module:
    """The syntax tree with loops over ``blas.gemm_rows`` made regions. It is changed, and returned."""
    return ast.fix_missing_locations(_Rows().visit(tree))


class _Rows(ast.NodeTransformer):
    def visit_For(self, node: ast.For) -> ast.AST:
        match node:
            case ast.For(
                target=ast.Name(id=index),
                iter=ast.Call(
                    func=ast.Attribute(value=ast.Name(id="blas"), attr="gemm_rows"),
                    args=[
                        ast.Name(id=left),
                        ast.Name(id=right),
                        ast.Name(id=result),
                        ast.Constant(value=int(count)),
                        *trans,
                    ],
                ),
            ):
                pass
            case _:
                self.generic_visit(node)
                return node
        text = _ROWS.format(
            left=left,
            right=right,
            result=result,
            count=count,
            least=max(1, count // PARTS_OF_A_BLOCK),
            trans=ast.unparse(trans[0]) if trans else False,
            index=index,
        )
        (region,) = ast.parse(text).body
        for inner in list(ast.walk(region)):
            ast.copy_location(inner, node)
            if isinstance(inner, ast.For) and isinstance(inner.body[0], ast.Pass):
                inner.body = node.body
        return region


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
        bounds = [_copy(node, ast.Name(bound, ast.Load())) for bound in ("__low", "__high")]
        match node:
            case ast.For(
                target=ast.Name(),
                iter=ast.Call(func=ast.Attribute(value=ast.Name(id="threads"), attr="range"), args=[count, *grain]),
            ):
                steps: list[ast.stmt] = [
                    _copy(node, ast.For(node.target, _call(node, "range", *bounds), node.body, []))
                ]
            case ast.For(
                target=ast.Tuple(),
                iter=ast.Call(func=ast.Attribute(value=ast.Name(id="threads"), attr="parts"), args=[count, *grain]),
            ):
                steps = node.body
            case _:
                self.generic_visit(node)
                return node
        indexes = _names([node.target], ast.Store)
        own = _names(node.body, ast.Store) | indexes
        read = [name for name in sorted(_names(node.body, ast.Load) & self.names) if name not in own]
        _refuse_shared(node, own - indexes)
        name = f"__part{len(self.found) + 1}_of_{self.name}"
        arguments = ast.arguments([], [ast.arg(arg) for arg in ("__low", "__high", *read)], None, [], [], None, [])
        self.found.append(_copy(node, ast.FunctionDef(name, arguments, steps, [])))
        captured = _copy(node, ast.Tuple([_copy(node, ast.Name(arg, ast.Load())) for arg in read], ast.Load()))
        body = _copy(node, ast.Name(name, ast.Load()))
        least = grain[0] if grain else _copy(node, ast.Constant(1))
        return ast.copy_location(ast.Expr(_call(node, "__run", body, count, least, captured)), node)


def _refuse_shared(loop: ast.For, assigned: set[str]) -> None:
    """A variable that one step hands to the next cannot be shared out."""
    early = _read_early(loop.body, assigned)
    if early:
        raise GeneratedCodeError(f"the steps of a loop over threads.range share {', '.join(sorted(early))}")


def _read_early(block: Sequence[ast.stmt], assigned: set[str]) -> set[str]:
    """Which of the names that are assigned a block may read before it has assigned to them itself."""
    known: set[str] = set()
    early: set[str] = set()
    for statement in block:
        match statement:
            case ast.For(target=target, iter=head, body=body):
                found = _names([head], ast.Load) & assigned
                found |= _read_early(body, assigned) - _names([target], ast.Store)
            case ast.While(test=test, body=body) | ast.If(test=test, body=body):
                found = _names([test], ast.Load) & assigned
                found |= _read_early(body, assigned) | _read_early(statement.orelse, assigned)
            case ast.AugAssign(target=ast.Name(id=name)):
                found = _names([statement], ast.Load) & assigned | {name}
            case _:
                found = _names([statement], ast.Load) & assigned
        early |= found - known
        known |= _names([statement], ast.Store)
    return early


def _names(statements: Sequence[ast.AST], context: type[ast.expr_context]) -> set[str]:
    nodes = itertools.chain.from_iterable(map(ast.walk, statements))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _call(place: ast.AST, name: str, *args: ast.expr) -> ast.Call:
    return _copy(place, ast.Call(_copy(place, ast.Name(name, ast.Load())), list(args), []))


def _copy(place: ast.AST, node: Any) -> Any:
    return ast.copy_location(node, place)
