"""Views in generated code, compiled by what is known of them. Imported only to compile.

NumPy's ``view`` and ``reshape`` have to reckon with any array; Numba's versions of them take long to compile, and
call a function of Numba's, for which the next process would have to import it. The arrays of generated code are
C-contiguous and its shapes right, so that a view is a pointer and a shape. The text does not change: these
functions are put in the place of the methods in its syntax tree, on the way to Numba.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


def _is_contiguous(array: Any) -> bool:
    return isinstance(array, types.Array) and array.layout == "C"


def _element_type(dtype: Any) -> Any:
    """The type that ``np.float64`` and the like stand for in an argument."""
    return getattr(dtype, "instance_type", None) or getattr(dtype, "dtype", None)


def _view(context: Any, builder: Any, result: Any, source: Any, data: Any, shape: Sequence[Any]) -> Any:
    """An array over the memory of another."""
    itemsize = context.get_abi_sizeof(context.get_data_type(result.dtype))
    strides: list[Any] = []
    stride = context.get_constant(types.intp, itemsize)
    for extent in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, extent)
    array = make_array(result)(context, builder)
    data = builder.bitcast(data, array.data.type)
    populate_array(array, data, shape, strides, itemsize, source.meminfo, source.parent)
    return impl_ret_borrowed(context, builder, result, array._getvalue())


@intrinsic
def view(_: Any, array: Any, dtype: Any) -> Any:
    """``array.view(dtype)`` of a vector."""
    element = _element_type(dtype)
    if not _is_contiguous(array) or array.ndim != 1 or element is None:
        return None
    result = array.copy(dtype=element)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = make_array(array)(context, builder, args[0])
        itemsize = context.get_abi_sizeof(context.get_data_type(element))
        nbytes = builder.mul(source.nitems, source.itemsize)
        count = builder.sdiv(nbytes, context.get_constant(types.intp, itemsize))
        return _view(context, builder, result, source, source.data, [count])

    return result(array, dtype), generate


@intrinsic
def carve(_: Any, work: Any, start: Any, stop: Any, dtype: Any) -> Any:
    """``work[start:stop].view(dtype)`` of a vector of bytes, for constants within it."""
    element = _element_type(dtype)
    if not _is_contiguous(work) or work.ndim != 1 or work.dtype != types.uint8 or element is None:
        return None
    result = work.copy(dtype=element)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = make_array(work)(context, builder, args[0])
        itemsize = context.get_abi_sizeof(context.get_data_type(element))
        count = builder.sdiv(builder.sub(args[2], args[1]), context.get_constant(types.intp, itemsize))
        return _view(context, builder, result, source, builder.gep(source.data, [args[1]]), [count])

    return result(work, types.intp, types.intp, dtype), generate


@intrinsic
def reshaped(_: Any, array: Any, shape: Any) -> Any:
    """``array.reshape(shape)``, for a shape of the same size."""
    if not _is_contiguous(array) or not isinstance(shape, types.BaseTuple):
        return None
    result = array.copy(ndim=len(shape))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = make_array(array)(context, builder, args[0])
        items = cgutils.unpack_tuple(builder, args[1], len(shape))
        extents = [context.cast(builder, item, kind, types.intp) for item, kind in zip(items, shape, strict=True)]
        return _view(context, builder, result, source, source.data, extents)

    return result(array, shape), generate


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
