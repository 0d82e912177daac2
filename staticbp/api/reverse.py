"""Reverse mode: `grad`, `value_and_grad`, `vjp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import optree

from staticbp.api.arguments import Argnums, Chosen, positions, title
from staticbp.api.casting import fitted
from staticbp.api.forms import Call
from staticbp.api.function import Function, describe, known, made, name_of, origin, remembered
from staticbp.api.staging import differentiated, with_respect_to
from staticbp.compilation import Compilation, identifiers, lifted, name_results
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, aval_of
from staticbp.core.graph import Graph
from staticbp.core.primitive import Traced, Value, inline
from staticbp.core.tree import NAMESPACE, Structure, flatten, path_texts
from staticbp.errors import NonScalarGradError, StructureError
from staticbp.trace.names import defined_at, here
from staticbp.transforms import vjp as transforms
from staticbp.transforms.rules import RULES

if TYPE_CHECKING:
    from staticbp.api.standalone import Standalone

# ---- gradients --------------------------------------------------------------------------------------------------


class Gradient(Function[..., Any]):
    """The gradient of a function, with or without its value.  Made by `grad` and `value_and_grad`."""

    _has_same_arguments = True

    def __init__(
        self, function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, with_value: bool = False
    ) -> None:
        super().__init__(function, argnums=argnums, has_aux=has_aux, with_value=with_value)
        self.argnums = argnums
        self.aux = has_aux
        self.with_value = with_value

    @property
    def has_aux(self) -> bool:
        """Whether a pair of result and aux is returned, as `grad` of this function would want to know."""
        return self.aux and not self.with_value

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_{'value_and_grad' if self.with_value else 'grad'}"

    def _description(self) -> str:
        return f"{'value and ' if self.with_value else ''}gradient of {with_respect_to(self.__wrapped__, self.argnums)}"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        made_of = differentiated(
            function, args, kwargs, self.argnums, self.aux, lambda value: _one_number(value, function)
        )
        joint = transforms.vjp(RULES, made_of.staged.graph, made_of.active)
        operands = made_of.inputs
        # There is no cotangent to give when the value is a constant.
        operands += [aval.dtype.type(1) for aval in joint.in_avals[len(operands) :]]
        results = lifted(inline(joint, operands))
        chosen, bars = made_of.chosen, results[made_of.count :]
        name_results(bars, [f"{name}_bar" for name in identifiers(chosen.paths)])
        value, aux = made_of.staged.outputs.join(results[: made_of.count])
        gradient = chosen.shaped(bars)
        if self.with_value:
            return ((value, aux) if self.aux else value), gradient
        return (gradient, aux) if self.aux else gradient

    def _both_passes(self, call: Call) -> tuple[Callable[[], Compilation], ...]:
        return made(Vjp, self.__wrapped__, argnums=self.argnums, has_aux=self.aux)._both_passes(call)


def _one_number(value: Any, function: Callable[..., Any]) -> Value:
    """The output of a function that `grad` takes; refuses all others."""
    if isinstance(value, float) and not isinstance(value, np.generic):
        return np.float64(value)
    if isinstance(value, Traced | np.ndarray | np.generic | bool | int):
        aval = value.aval if isinstance(value, Traced) else aval_of(value)
        if aval.shape == () and aval.is_float and not aval.is_complex:
            return value
        found = str(aval.strong())
    else:
        found = f"a {type(value).__name__}"
    raise NonScalarGradError(
        f"grad takes functions that return one real number, and {title(function)} returns {found}",
        src=defined_at(origin(function)),
        advice="Reduce the result to a number (np.sum, np.mean; np.abs, x.real or x.imag of a complex one), set "
        "has_aux=True if it is a pair of value and aux, or use bp.vjp, which takes a cotangent of any shape.",
    )


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool | None = None) -> Gradient:
    """The gradient of a function that returns one number.

    Parameters
    ----------
    function : callable
        Any function of arrays, numbers and structures of them.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate with respect to; negative ones count from the end.
    has_aux : bool, optional
        Whether `function` returns ``(value, aux)``; by default what `function` was decorated with.

    Returns
    -------
    Gradient
        A compiled function of the same arguments.  It returns the gradient, shaped like the argument, or a tuple
        of gradients for a sequence of argnums; with aux, ``(gradient, aux)``.

    Raises
    ------
    NonScalarGradError
        When called, if `function` does not return one real number.
    IntegerDifferentiationError
        When called with integers where derivatives are wanted.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.grad(lambda x, y: x * y + np.sin(x), (0, 1))(1.0, 2.0)
    (np.float64(2.5403023058681398), np.float64(1.0))

    Gradients are functions like any other:

    >>> bp.grad(bp.grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    return _gradient(function, argnums, has_aux, with_value=False)


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool | None = None
) -> Gradient:
    """The value of a function together with its gradient, for little more than the gradient alone.

    Parameters
    ----------
    function, argnums, has_aux
        As for `grad`.

    Returns
    -------
    Gradient
        A compiled function of the same arguments that returns ``(value, gradient)``; with aux,
        ``((value, aux), gradient)``.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.value_and_grad(lambda x: x**2)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """
    return _gradient(function, argnums, has_aux, with_value=True)


def _gradient(
    function: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool | None, with_value: bool
) -> Gradient:
    numbers = argnums if isinstance(argnums, int) else positions(argnums)
    key = (Gradient, numbers, has_aux, with_value)
    found = known(function, key)
    if found is not None:
        return found  # type: ignore[no-any-return]
    aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
    gradient = made(Gradient, function, argnums=numbers, has_aux=bool(aux), with_value=with_value)
    return remembered(function, key, gradient)


# ---- pullbacks --------------------------------------------------------------------------------------------------


class Adjoint(Function[..., Any]):
    """The backward pass of a function: from saved operands and a cotangent to gradients.

    What a cotangent is made to fit is decided while tracing: one of a given kind then costs no more than an argument.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        graph: Graph,
        chosen: Chosen,
        out_structure: Structure,
        out_avals: Sequence[Aval | None],
        out_paths: Sequence[str],
    ) -> None:
        super().__init__(function)
        self._statics = None
        self.graph = graph
        self._structure = chosen.structure
        self._single = chosen.single
        self._bar_names = [f"{name}_bar" for name in identifiers(chosen.paths)]
        self.out_structure = out_structure
        self.out_avals = list(out_avals)
        self._out_paths = list(out_paths)

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_adjoint"

    def _description(self) -> str:
        return f"adjoint of {describe(self.__wrapped__)}"

    def _argument_names(self, count: int) -> list[str]:
        return ["saved", "cotangent"]

    def _leaf_names(self, paths: Sequence[str]) -> list[str]:
        saved = len(self.graph.invars) - sum(aval is not None for aval in self.out_avals)
        return [*(var.name for var in self.graph.invars[:saved]), *identifiers(paths[saved:])]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        operands, cotangent = args
        bars = lifted(inline(self.graph, [*operands, *self.cotangents(cotangent)]))
        name_results(bars, self._bar_names)
        return self.shaped(bars)

    def cotangents(self, ct: Any) -> list[Value]:
        """The cotangents of the differentiable outputs, in their types."""
        leaves, structure = flatten(ct)
        if structure != self.out_structure:
            raise StructureError(
                f"the cotangent is {structure}, but {title(self.__wrapped__)} returns {self.out_structure}",
                src=here().src,
                advice="Give the pullback what the function returned, with a cotangent in place of each array.",
            )
        return [
            fitted(leaf, aval, path)
            for leaf, aval, path in zip(leaves, self.out_avals, self._out_paths, strict=True)
            if aval is not None
        ]

    def compiled_for(self, operands: Sequence[Any]) -> Compilation:
        """The compilation for operands that are given by their types."""
        avals = [x if isinstance(x, Aval) else aval_of(x) for x in operands]
        return self._compilation(self._call(([_example(aval) for aval in avals], self.example()), {}))

    def example(self) -> Any:
        """A cotangent."""
        return self.out_structure.unflatten([0 if aval is None else _example(aval) for aval in self.out_avals])

    def shaped(self, bars: Sequence[Value]) -> Any:
        """Gradients shaped like the arguments."""
        tree = self._structure.unflatten(bars)
        return tree[0] if self._single else tree


def _example(aval: Aval) -> Any:
    return np.zeros(shapes.static_shape(aval.shape, "inspect"), aval.dtype)


class Pullback:
    """From a cotangent of a function's output to gradients of its arguments.  Made by `vjp`.

    It holds copies of what the backward pass needs, may be called many times, and is itself a structure:
    compiled functions may return it.
    """

    def __init__(self, adjoint: Adjoint, operands: Sequence[Value]) -> None:
        self._adjoint = adjoint
        self._operands = list(operands)

    def __call__(self, cotangent: Any) -> Any:
        """The gradients for a cotangent: a structure like the output's, of anything castable to its leaves."""
        return self._adjoint(self._operands, cotangent)

    def __repr__(self) -> str:
        return f"<pullback of {describe(self._adjoint.__wrapped__)}>"


def _take_apart(pullback: Any) -> tuple[list[Value], Adjoint]:
    """What a pullback is made of; where it is returned, its code has to be that of one list of shapes."""
    for var in pullback._adjoint.graph.invars:
        shapes.static_shape(var.aval.shape, "a pullback that is returned")
    return pullback._operands, pullback._adjoint


def _put_together(adjoint: Any, operands: Any) -> Any:
    return Pullback(adjoint, list(operands))


optree.register_pytree_node(cast(Any, Pullback), _take_apart, _put_together, namespace=NAMESPACE)


class Vjp(Function[..., Any]):
    """A function together with its pullback.  Made by `Differentiable.vjp`; `vjp` calls it."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> None:
        super().__init__(function, argnums=argnums, has_aux=has_aux)
        self.argnums = argnums
        self.has_aux = has_aux

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_forward"

    def _description(self) -> str:
        return f"forward pass of {with_respect_to(self.__wrapped__, self.argnums)}"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        made_of = differentiated(function, args, kwargs, self.argnums, self.has_aux)
        graph, outputs, count = made_of.staged.graph, made_of.staged.outputs, made_of.count
        forward, backward = RULES.vjp(graph, made_of.active)
        values = lifted(inline(forward, made_of.inputs))
        output, aux = outputs.join(values[:count])
        wanted = RULES.active_outputs(graph, made_of.active)
        types: list[Aval | None] = [
            a.aval.strong() if flag else None for a, flag in zip(graph.outs, wanted, strict=True)
        ]
        for position, _ in outputs.plain:
            types.insert(position, None)
        _, structure = flatten(output)
        saved, operands = _needed(backward, [*values[count:], *made_of.inputs])
        out_types, out_paths = types[: structure.count], path_texts(output, "cotangent")
        pullback = Pullback(Adjoint(function, saved, made_of.chosen, structure, out_types, out_paths), operands)
        return (output, pullback, aux) if self.has_aux else (output, pullback)

    def _both_passes(self, call: Call) -> tuple[Callable[[], Compilation], ...]:
        forward = cache(lambda: self._compilation(self._call(*call.given)))

        def adjoint() -> Compilation:
            types = [aval.strong() for aval in forward().graph.out_avals]
            pullback = forward().outputs.join(types)[1]
            return cast(Compilation, pullback._adjoint.compiled_for(pullback._operands))

        return forward, adjoint

    def _standalone(self, *args: Any, **kwargs: Any) -> tuple[Standalone, Compilation]:
        forward = self._compilation(self._call(args, kwargs))
        types = [aval.strong() for aval in forward.graph.out_avals]
        pullback = forward.outputs.join(types)[1]
        cotangent = pullback._adjoint.example()
        return made(Pulled, self.__wrapped__, **self._options)._standalone(*args, cotangent, **kwargs)


class Pulled(Vjp):
    """A function and its pullback in one call, ``(*args, cotangent)``: for where no function can be returned."""

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_vjp"

    def _description(self) -> str:
        return f"value and pullback of {with_respect_to(self.__wrapped__, self.argnums)}"

    def _argument_names(self, count: int) -> list[str]:
        return [*super()._argument_names(count - 1), "cotangent"]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        *given, cotangent = args
        output, pullback, *aux = super()._run(*given, **kwargs)
        return (output, pullback(cotangent), *aux)

    def _standalone(self, *args: Any, **kwargs: Any) -> tuple[Standalone, Compilation]:
        return Function._standalone(self, *args, **kwargs)


def _needed(backward: Graph, operands: Sequence[Value]) -> tuple[Graph, list[Value]]:
    """A backward graph without the inputs that it has no use for."""
    used = {atom for eqn in backward.eqns for atom in eqn.ins} | set(backward.outs)
    kept = [i for i, var in enumerate(backward.invars[: len(operands)]) if var in used]
    invars = (*(backward.invars[i] for i in kept), *backward.invars[len(operands) :])
    return Graph(backward.name, invars, backward.eqns, backward.outs, backward.consts), [operands[i] for i in kept]


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool | None = None) -> Any:
    """The output of a function, and the pullback from cotangents of it to gradients.

    Parameters
    ----------
    function : callable
        Any function of arrays, numbers and structures of them.
    *primals
        Its arguments.  All are differentiated; what is not to be, a lambda closes over.
    has_aux : bool, optional
        Whether `function` returns ``(output, aux)``; by default what `function` was decorated with.

    Returns
    -------
    output : structure
        What `function` returns.
    pullback : Pullback
        ``pullback(cotangent)`` is a tuple, a gradient for each primal.  It owns what it needs: the arguments may be
        changed after, and it may be called many times.
    aux : structure
        Only with aux.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> out, pullback = bp.vjp(lambda x, y: x * y, np.array([1.0, 2.0]), 3.0)
    >>> out
    array([3., 6.])
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 30.]), np.float64(21.0))
    """
    key = (vjp, len(primals), has_aux)
    found = known(function, key)
    if found is None:
        aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
        found = made(Vjp, function, argnums=tuple(range(len(primals))), has_aux=bool(aux))
        remembered(function, key, found)
    return found(*primals)
