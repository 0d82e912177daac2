"""Whole derivatives: `jacobian`, `jacrev`, `jacfwd`, `hessian`, and the product `hvp`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from staticbp.api.arguments import Argnums, positions, title
from staticbp.api.forward import jvp
from staticbp.api.function import Function, made, name_of, origin
from staticbp.api.reverse import grad
from staticbp.api.staging import Differentiated, differentiated, with_respect_to
from staticbp.compilation import lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.primitive import Builder, Value, inline, value_aval
from staticbp.core.tree import flatten, path_texts
from staticbp.errors import NotDifferentiableError
from staticbp.ops.linear import batch_operand, fill
from staticbp.trace.names import defined_at
from staticbp.transforms.rules import RULES

Mode = Literal["reverse", "forward", "cheaper"]


class Jacobian(Function[..., Any]):
    """The derivative of every output with respect to every input.  Made by `jacobian`, `jacrev` and `jacfwd`."""

    def __init__(
        self, function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, mode: Mode = "cheaper"
    ) -> None:
        super().__init__(function, argnums=argnums, has_aux=has_aux, mode=mode)
        self.argnums = argnums
        self.has_aux = has_aux
        self.mode = mode

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_jacobian"

    def _description(self) -> str:
        return f"Jacobian of {with_respect_to(self.__wrapped__, self.argnums)}"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        made_of = differentiated(function, args, kwargs, self.argnums, self.has_aux)
        wanted = RULES.active_outputs(made_of.staged.graph, made_of.active)
        rows = sum(_size(atom.aval) for atom, flag in zip(made_of.staged.graph.outs, wanted, strict=True) if flag)
        columns = sum(_size(value_aval(leaf)) for leaf in made_of.chosen.leaves)
        reverse = self.mode == "reverse" or (self.mode == "cheaper" and rows <= columns)
        values, blocks = (_by_rows if reverse else _by_columns)(made_of, wanted)
        output, aux = made_of.staged.outputs.join(values)
        for position, _ in made_of.staged.outputs.plain:
            blocks.insert(position, [])
        leaves, structure = flatten(output)
        self._require_floats(leaves, path_texts(output, "output"))
        tree = structure.unflatten(
            [
                made_of.chosen.shaped(self._placed(block, leaf, made_of))
                for block, leaf in zip(blocks, leaves, strict=False)
            ]
        )
        return (tree, aux) if self.has_aux else tree

    def _require_floats(self, leaves: Sequence[Value], paths: Sequence[str]) -> None:
        for leaf, path in zip(leaves, paths, strict=True):
            if not value_aval(leaf).is_float:
                raise NotDifferentiableError(
                    f"{path} of {title(self.__wrapped__)} is {value_aval(leaf).dtype}, which has no Jacobian",
                    src=defined_at(origin(self)),
                    advice="Hand it on as aux: return (output, aux), with has_aux=True.",
                )

    @staticmethod
    def _placed(block: Sequence[Value], output: Value, made_of: Differentiated) -> list[Value]:
        """A row of blocks, each of shape ``output.shape + input.shape``; what does not depend is zero."""
        inputs = [value_aval(leaf) for leaf in made_of.chosen.leaves]
        shape = value_aval(output).shape
        found = [*block] or [None] * len(inputs)
        placed = []
        for value, aval in zip(found, inputs, strict=True):
            whole = Aval((*shape, *aval.shape), aval.dtype)
            placed.append(
                lifted([fill(0, whole)])[0] if value is None else np.reshape(value, shapes.static_shape(whole.shape))
            )
        return placed


Blocks = list[list[Value]]  # for each output, for each input; None where nothing flows


def _by_rows(made_of: Differentiated, wanted: Sequence[bool]) -> tuple[list[Value], Blocks]:
    """Reverse mode: a pullback of the unit vectors of each output."""
    graph, count = made_of.staged.graph, made_of.count
    forward, backward = RULES.vjp(graph, made_of.active)
    values = lifted(inline(forward, made_of.inputs))
    saved = [*values[count:], *made_of.inputs]
    cts = [Aval(a.aval.shape, a.aval.dtype) for a, flag in zip(graph.outs, wanted, strict=True) if flag]
    blocks: Iterator[list[Value]] = iter(
        [_many(backward, saved, cts, position, range(len(made_of.chosen.leaves))) for position in range(len(cts))]
    )
    nothing: list[Value] = [None] * len(made_of.chosen.leaves)
    return values[:count], [next(blocks) if flag else nothing for flag in wanted]


def _by_columns(made_of: Differentiated, wanted: Sequence[bool]) -> tuple[list[Value], Blocks]:
    """Forward mode: the tangents for the unit vectors of each input."""
    graph, count = made_of.staged.graph, made_of.count
    moved = RULES.jvp(graph, made_of.active)
    values = lifted(inline(graph, made_of.inputs))
    dots = [Aval(a.shape, a.dtype) for a in map(value_aval, made_of.chosen.leaves)]
    flowing = range(count, count + sum(wanted))
    columns = [_many(moved, made_of.inputs, dots, position, flowing) for position in range(len(dots))]
    blocks: Blocks = [[None] * len(dots) for _ in wanted]
    for j, column in enumerate(columns):
        given = iter(column)
        for k, flag in enumerate(wanted):
            if flag:
                block = next(given)
                blocks[k][j] = np.moveaxis(block, 0, -1)
    return values[:count], blocks


def _many(
    graph: Any, operands: Sequence[Value], seeds: Sequence[Aval], position: int, taken: Sequence[int]
) -> list[Value]:
    """The results `taken` of ``graph(*operands, *seeds)`` for all unit vectors of one seed, along a new axis."""
    builder = Builder.innermost()
    assert builder is not None  # transforms run while something is traced
    aval = seeds[position]
    size = _size(aval)
    units = np.eye(size, dtype=aval.dtype).reshape(size, *shapes.static_shape(aval.shape, "a Jacobian"))
    flags = [False] * len(operands) + [i == position for i in range(len(seeds))]
    many, batched = RULES.batch(graph, size, flags)
    given = [builder.wrap(builder.atom(units)) if i == position else fill(0, seed) for i, seed in enumerate(seeds)]
    results = inline(many, [*operands, *given])
    return lifted([batch_operand(results[i], size, batched[i]) for i in taken])


def _size(aval: Aval) -> int:
    return shapes.static(aval.size, "a Jacobian")


def jacobian(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool | None = None
) -> Jacobian:
    """The Jacobian of a function, in the mode that takes fewer passes.

    Parameters
    ----------
    function : callable
        Any function of arrays, numbers and structures of them.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate with respect to.
    has_aux : bool, optional
        Whether `function` returns ``(output, aux)``; by default what `function` was decorated with.

    Returns
    -------
    Jacobian
        A compiled function of the same arguments.  In place of each leaf of the output it returns the structure of the
        arguments, whose leaves have the shape of the output's followed by that of the argument's.

    See Also
    --------
    jacrev, jacfwd : In a mode of your choice.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.jacobian(lambda x: x**2)(np.array([1.0, 2.0, 3.0]))
    array([[2., 0., 0.],
           [0., 4., 0.],
           [0., 0., 6.]])
    """
    return _jacobian(function, argnums, has_aux, "cheaper")


def jacrev(function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool | None = None) -> Jacobian:
    """The Jacobian by reverse mode, a row at a time: for more inputs than outputs.

    Parameters
    ----------
    function, argnums, has_aux
        As for `jacobian`.

    Returns
    -------
    Jacobian
        As for `jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.jacrev(np.sum)(np.ones(3))
    array([1., 1., 1.])
    """
    return _jacobian(function, argnums, has_aux, "reverse")


def jacfwd(function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool | None = None) -> Jacobian:
    """The Jacobian by forward mode, a column at a time: for more outputs than inputs.

    Parameters
    ----------
    function, argnums, has_aux
        As for `jacobian`.

    Returns
    -------
    Jacobian
        As for `jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.jacfwd(lambda x: x * np.ones(3))(2.0)
    array([1., 1., 1.])
    """
    return _jacobian(function, argnums, has_aux, "forward")


def _jacobian(function: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool | None, mode: Mode) -> Jacobian:
    numbers = argnums if isinstance(argnums, int) else positions(argnums)
    aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
    return made(Jacobian, function, argnums=numbers, has_aux=bool(aux), mode=mode)


def hessian(function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool | None = None) -> Jacobian:
    """The second derivatives of a function, forward over reverse.

    Parameters
    ----------
    function, argnums, has_aux
        As for `jacobian`.

    Returns
    -------
    Jacobian
        A compiled function of the same arguments: the Jacobian of the Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacfwd(jacrev(function, argnums, has_aux=has_aux), argnums)


def hvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The product of a function's Hessian with a vector, for little more than two gradients.

    Parameters
    ----------
    function : callable
        A function that returns one number.
    primals : sequence
        Its arguments, all of which are differentiated.
    tangents : sequence
        The vector: for each argument a structure like it.

    Returns
    -------
    tuple
        For each argument a structure like it.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    (array([6., 0.]),)
    """
    return jvp(grad(function, tuple(range(len(primals))), has_aux=False), primals, tangents)[1]
