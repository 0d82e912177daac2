"""`vmap`: many calls at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from staticbp.api.arguments import argument_paths, parameter_names, title
from staticbp.api.function import Function, describe, made, name_of, origin
from staticbp.compilation import identifiers, lifted, stage
from staticbp.core.aval import Aval
from staticbp.core.primitive import Value, inline, lift, value_aval
from staticbp.core.shape import Dim
from staticbp.core.tree import NAMESPACE, flatten, leaves_of
from staticbp.errors import ArgumentError, ShapeError, StructureError
from staticbp.ops.linear import batch_operand
from staticbp.trace.names import defined_at, here
from staticbp.transforms.rules import RULES

Axes = Any  # an int, None, or a structure of them that is a prefix of the structure of the values


class Batched(Function[..., Any]):
    """A function of single values, applied to many at once.  Made by `vmap`."""

    def __init__(self, function: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> None:
        super().__init__(function, in_axes=in_axes, out_axes=out_axes)
        self.in_axes = in_axes
        self.out_axes = out_axes

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_vmap"

    def _description(self) -> str:
        return f"{describe(self.__wrapped__)} for many at once"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        leaves, structure = flatten((args, kwargs))
        paths = argument_paths(args, kwargs, parameter_names(function, len(args)))
        axes = [axis for _, axis in zip(leaves, self._leaf_axes(args, kwargs), strict=True)]
        size = _common_size(function, leaves, axes, paths)
        mapped = [i for i, axis in enumerate(axes) if axis is not None]
        rows = [_to_front(leaves[i], axes[i], paths[i]) for i in mapped]

        def single(*values: Value) -> Any:
            given = list(leaves)
            for i, value in zip(mapped, values, strict=True):
                given[i] = value
            plain, named = structure.unflatten(given)
            return function(*plain, **named)

        avals = [value_aval(row) for row in rows]
        staged = stage(
            single,
            name_of(function),
            [Aval(aval.shape[1:], aval.dtype) for aval in avals],
            identifiers([paths[i] for i in mapped]),
        )
        flags = [True] * len(rows) + [False] * len(staged.captures)
        many, out_flags = RULES.batch(staged.graph, size, flags)
        results = lifted(inline(many, [*rows, *staged.captures]))
        batched = list(out_flags)
        for position, _ in staged.outputs.plain:
            batched.insert(position, False)
        return self._placed(staged.outputs.join(results), batched, size)

    def _leaf_axes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[int | None]:
        """The mapped axis of each leaf, or None."""
        axes = self.in_axes
        if isinstance(axes, tuple | list):
            if len(axes) != len(args):
                raise ArgumentError(
                    f"in_axes names {len(axes)} arguments, but {title(self.__wrapped__)} was called with {len(args)}",
                    src=here().src,
                )
            found = [axis for spec, arg in zip(axes, args, strict=True) for axis in spread(spec, arg, "in_axes")]
        else:
            found = spread_all(axes, args)
        return found + [0] * len(leaves_of(kwargs))

    def _placed(self, result: Any, batched: Sequence[bool], size: Dim) -> Any:
        """The result with its batch axes where they are wanted."""
        leaves, structure = flatten(result)
        axes = spread(self.out_axes, result, "out_axes")
        placed = []
        for leaf, axis, flag in zip(leaves, axes, batched, strict=True):
            if axis is None and flag:
                raise ArgumentError(
                    f"out_axes is None for a result of {title(self.__wrapped__)} that depends on what is mapped over",
                    src=defined_at(origin(self)),
                    advice="Give the position of its new axis.",
                )
            if axis is None:
                placed.append(leaf)
                continue
            value = lift(batch_operand(leaf, size, flag))
            placed.append(value if axis == 0 else np.moveaxis(value, 0, axis))
        return structure.unflatten(placed)


def spread_all(axis: Axes, args: tuple[Any, ...]) -> list[int | None]:
    """One specification for every argument."""
    return [each for arg in args for each in spread(axis, arg, "in_axes")]


def spread(axes: Axes, tree: Any, what: str) -> list[int | None]:
    """The axis for each leaf of `tree`, by a specification that may stop above the leaves.

    Examples
    --------
    >>> spread((0, None), (np.zeros(3), [np.zeros(2), 1.0]), "in_axes")
    [0, None, None]
    """
    if axes is None or isinstance(axes, int):
        return [axes] * len(leaves_of(tree))
    if type(axes) is not type(tree):
        raise StructureError(
            f"{what} has a {type(axes).__name__} where the value is a {type(tree).__name__}",
            src=here().src,
            advice="Give an axis, None, or a structure like that of the value with axes in it.",
        )
    inner = optree.tree_flatten_one_level(tree, namespace=NAMESPACE)[0]
    specs = optree.tree_flatten_one_level(axes, none_is_leaf=True, namespace=NAMESPACE)[0]
    if len(inner) != len(specs):
        raise StructureError(f"{what} has {len(specs)} entries for {len(inner)} values", src=here().src)
    return [axis for spec, part in zip(specs, inner, strict=True) for axis in spread(spec, part, what)]


def _common_size(
    function: Callable[..., Any], leaves: Sequence[Value], axes: Sequence[int | None], paths: Sequence[str]
) -> Dim:
    sizes: dict[str, Dim] = {}
    for leaf, axis, path in zip(leaves, axes, paths, strict=True):
        if axis is None:
            continue
        shape = value_aval(leaf).shape
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"vmap maps over axis {axis} of {path}, which has {len(shape)} axes",
                src=here().src,
                advice="Name another axis in in_axes, or None for what is the same in every call.",
            )
        sizes[path] = shape[axis]
    if not sizes:
        raise ArgumentError(
            f"vmap of {title(function)} has nothing to map over: in_axes is None for every array", src=here().src
        )
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{path} has {size}" for path, size in sizes.items())
        raise ShapeError(f"vmap maps over axes of different lengths: {listed}", src=here().src)
    return next(iter(sizes.values()))


def _to_front(leaf: Value, axis: int | None, path: str) -> Value:
    return leaf if axis in (0, None) else np.moveaxis(leaf, axis, 0)


def vmap(function: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Batched:
    """A function of single values as one of many: as a loop over calls would give, in one go.

    Parameters
    ----------
    function : callable
        Any function of arrays, numbers and structures of them.
    in_axes : int, None or structure, optional
        The axis of each argument to map over, None for what is the same in every call: one for all arguments, or a
        tuple with an entry for each, which may be a structure like the argument.  Keyword arguments are mapped over
        their first axis.
    out_axes : int, None or structure, optional
        Where the axis goes in the results.

    Returns
    -------
    Batched
        A compiled function of the same arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.vmap(np.dot)(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])

    A gradient for each sample:

    >>> square_error = lambda w, x, t: (w @ x - t) ** 2
    >>> w, xs, ts = np.ones(2), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([3.0, 0.0])
    >>> bp.vmap(bp.grad(square_error), in_axes=(None, 0, 0))(w, xs, ts)
    array([[ 0.,  0.],
           [42., 56.]])
    """
    axes = tuple(in_axes) if isinstance(in_axes, list) else in_axes
    return made(Batched, function, in_axes=axes, out_axes=out_axes)
