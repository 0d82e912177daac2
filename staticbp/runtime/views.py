"""Views in generated code, compiled by what is known of them. Imported only to compile.

NumPy's ``view`` and ``reshape`` have to reckon with any array; Numba's versions of them take long to compile, and
call a function of Numba's, for which the next process would have to import it. The arrays of generated code are
C-contiguous and its shapes right, so that a view is a pointer and a shape. The text does not change: these
functions are put in the place of the methods in its syntax tree, on the way to Numba.
"""

from __future__ import annotations

import ast

from staticbp.runtime.standalone import carve, reshaped, view

# The names begin as no name of generated code does.
FUNCTIONS = {"__view": view, "__carve": carve, "__reshape": reshaped}


def with_known_views(tree: ast.Module) -> ast.Module:
    """The syntax tree with the functions above in the place of methods. It is changed, and returned."""
    changed: ast.Module = ast.fix_missing_locations(_Rewriter().visit(tree))
    return changed


class _Rewriter(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="view"), args=[dtype], keywords=[]):
                match owner:
                    case ast.Subscript(
                        value=ast.Name() as work,
                        slice=ast.Slice(
                            lower=ast.Constant(value=int()) as start, upper=ast.Constant(value=int()) as stop, step=None
                        ),
                    ):
                        return _call(node, "__carve", work, start, stop, dtype)
                    case _:
                        return _call(node, "__view", owner, dtype)
            case ast.Call(
                func=ast.Attribute(value=owner, attr="reshape"), args=[ast.Tuple(elts=items) as shape], keywords=[]
            ) if all(isinstance(item, ast.Constant) for item in items):
                return _call(node, "__reshape", owner, shape)
            case _:
                return node


def _call(place: ast.Call, name: str, *args: ast.expr) -> ast.Call:
    function = ast.copy_location(ast.Name(name, ast.Load()), place)
    return ast.copy_location(ast.Call(function, list(args), []), place)
