"""`cond` and `switch`: branches that stay branches, in the graph and in the generated code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from staticbp.api.arguments import parameter_names, title
from staticbp.api.function import Function, describe, made, name_of, origin
from staticbp.api.home import Home
from staticbp.compilation import identifiers, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, INT64, Aval, promote
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.primitive import Traced, Value, bind, value_aval
from staticbp.core.tree import Structure, flatten, path_texts
from staticbp.errors import ControlFlowError
from staticbp.ops.branches import cond as cond_primitive
from staticbp.ops.linear import cast as cast_primitive
from staticbp.ops.linear import to_dtype
from staticbp.trace.names import defined_at, here
from staticbp.trace.trace import trace_open

T = TypeVar("T")


class Arm:
    """A function as an option of a transform: one that is written afresh in a loop is the same option each time."""

    __slots__ = ("function", "home")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.home = Home.of(function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arm) and self.home is other.home

    def __hash__(self) -> int:
        return id(self.home)

    def __reduce__(self) -> Any:
        return Arm, (self.function,)


class Branches(Function[..., Any]):
    """Functions of which one is computed.  `cond` and `switch` call it with what picks it, and its arguments."""

    def __init__(self, function: Callable[..., Any], arms: tuple[Arm, ...] = (), by_number: bool = False) -> None:
        super().__init__(function, arms=arms, by_number=by_number)
        self._statics = None
        self.functions = [function, *(arm.function for arm in arms)]
        self.by_number = by_number

    def _kind(self) -> str:
        return "switch" if self.by_number else "cond"

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_{self._kind()}"

    def _description(self) -> str:
        return f"{self._kind()} of {describe(self.__wrapped__)}"

    def _others(self) -> Sequence[Callable[..., Any]]:
        return self.functions[1:]

    def _argument_names(self, count: int) -> list[str]:
        return ["index" if self.by_number else "pred", *parameter_names(self.__wrapped__, count - 1)]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        picks, *operands = args
        index = self._index(picks)
        leaves, structure = flatten(operands)
        avals = [value_aval(leaf) for leaf in leaves]
        names = [
            name
            for operand, wish in zip(operands, parameter_names(self.__wrapped__, len(operands)), strict=True)
            for name in path_texts(operand, wish)
        ]
        traced = [_Branch(function, structure) for function in self.functions]
        pairs = [
            trace_open(partial(_flat, branch), name_of(branch.function), avals, identifiers(names)) for branch in traced
        ]
        joined = _joined(self._kind(), traced)
        if not joined:
            return traced[0].structure.unflatten([])
        captures = list({id(v.atom): v for _, captured in pairs for v in captured}.values())
        branches = tuple(_converted(capturing(graph, captured, captures), joined) for graph, captured in pairs)
        ordered = branches if self.by_number else branches[::-1]  # false is 0
        results = lifted(bind(cond_primitive, [index, *leaves, *captures], {"branches": ordered}))
        return traced[0].structure.unflatten(results)

    def _index(self, given: Any) -> Value:
        """What picks the branch: a truth value, first of all those of `cond`, or a number."""
        leaves, _ = flatten(given)
        aval = value_aval(leaves[0]) if len(leaves) == 1 else None
        what = "the number of a branch" if self.by_number else "a truth value"
        if aval is None or aval.shape:
            found = "a structure" if aval is None else f"an array of shape {shapes.text(aval.shape)}"
            raise ControlFlowError(
                f"{self._kind()} takes {what}, and is given {found}",
                src=here().src,
                advice="Write np.where(condition, a, b) to choose element by element, np.any or np.all for one answer.",
            )
        if self.by_number:
            if aval.dtype.kind not in "iu":
                raise ControlFlowError(f"switch takes {what}, an integer, and is given {aval.dtype}", src=here().src)
            return to_dtype(leaves[0], INT64)
        return leaves[0] if aval.dtype == BOOL else leaves[0] != 0


class _Branch:
    """A branch as a function of leaves; notes what it returns."""

    def __init__(self, function: Callable[..., Any], operands: Structure) -> None:
        self.function = function
        self.operands = operands
        self.structure = operands
        self.paths: list[str] = []
        self.avals: list[Aval] = []

    def error(self, what: str, advice: str) -> ControlFlowError:
        """What is wrong with this branch, and where it is."""
        return ControlFlowError(
            f"{title(self.function)} {what}", src=defined_at(origin(self.function)) or here().src, advice=advice
        )


def _flat(branch: _Branch, *values: Value) -> list[Value]:
    result = branch.function(*branch.operands.unflatten(values))
    leaves, branch.structure = flatten(result)
    branch.paths = path_texts(result, "the result")
    branch.avals = [value_aval(leaf) for leaf in leaves]
    return leaves


def _joined(kind: str, branches: Sequence[_Branch]) -> list[Aval]:
    """The types of the results, which all branches agree on; Python scalars go along with the rest."""
    first = branches[0]
    for branch in branches[1:]:
        if branch.structure != first.structure:
            raise branch.error(
                f"returns {branch.structure}, where {title(first.function)} returns {first.structure}",
                f"The branches of {kind} return the same structure.",
            )
        for path, one, other in zip(first.paths, first.avals, branch.avals, strict=True):
            if not shapes.same(one.shape, other.shape):
                raise branch.error(
                    f"returns {path} of shape {shapes.text(other.shape)}, where {title(first.function)} returns "
                    f"{shapes.text(one.shape)}",
                    f"The branches of {kind} return the same shapes; np.broadcast_to and np.reshape make them so.",
                )
    joined: list[Aval] = []
    for position, path in enumerate(first.paths):
        dtype, weak = promote([branch.avals[position] for branch in branches])
        for branch in branches:
            aval = branch.avals[position]
            if not aval.weak and aval.dtype != dtype:
                raise branch.error(
                    f"returns {path} of dtype {aval.dtype}, where another branch makes it {dtype}",
                    f"The branches of {kind} return the same dtypes: end this one with .astype(np.{dtype}).",
                )
        joined.append(Aval(first.avals[position].shape, dtype, weak))
    return joined


def capturing(graph: Graph, own: Sequence[Traced], everything: Sequence[Traced], first: bool = False) -> Graph:
    """`graph`, whose last inputs are what it captured, with inputs for `everything` that was captured instead.

    They come last, or `first`.
    """
    inner = len(graph.invars) - len(own)
    var_of = {id(value.atom): var for value, var in zip(own, graph.invars[inner:], strict=True)}
    captured = tuple(
        var_of.get(id(value.atom)) or Var(value.aval, getattr(value.atom, "name", "captured")) for value in everything
    )
    called = graph.invars[:inner]
    invars = (*captured, *called) if first else (*called, *captured)
    return Graph(graph.name, invars, graph.eqns, graph.outs)


def _converted(graph: Graph, avals: Sequence[Aval]) -> Graph:
    """`graph` with results of the given dtypes."""
    eqns = list(graph.eqns)
    outs: list[Atom] = []
    for atom, aval in zip(graph.outs, avals, strict=True):
        if atom.aval.dtype == aval.dtype:
            outs.append(atom)
        elif isinstance(atom, Lit):
            outs.append(Lit(atom.value, Aval(atom.aval.shape, aval.dtype, aval.weak)))
        else:
            out = Var(Aval(atom.aval.shape, aval.dtype), atom.name)
            eqns.append(Eqn((out,), cast_primitive, (atom,), {"dtype": aval.dtype}))
            outs.append(out)
    return graph.with_eqns(eqns, outs)


def cond(pred: Any, true_fn: Callable[..., T], false_fn: Callable[..., T], *operands: Any) -> T:
    """Compute one of two functions, whichever `pred` picks.

    Compiles to a real branch: only the function that is picked is computed, and so are its derivatives.  Under
    `vmap`, when `pred` differs from element to element, both are computed and picked from.

    Parameters
    ----------
    pred : bool
        A single truth value; a number counts as true unless it is 0.
    true_fn, false_fn : callable
        Called with the operands.  What they return agrees in structure, shapes and dtypes.
    *operands : structures
        Arguments of both functions.  What the functions read from around them need not be among them.

    Returns
    -------
    result : structure
        What the function that was picked returns.

    See Also
    --------
    switch : One of several functions.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def safe_log(x):
    ...     return bp.cond(x > 1.0, np.log, lambda x: x - 1.0, x)
    >>> safe_log(0.5), safe_log.grad(4.0)
    (np.float64(-0.5), np.float64(0.25))
    """
    return cast(T, made(Branches, true_fn, arms=(Arm(false_fn),))(pred, *operands))


def switch(index: Any, branches: Sequence[Callable[..., T]], *operands: Any) -> T:
    """Compute one of several functions, the one with the number `index`.

    Parameters
    ----------
    index : int
        The number of the branch, from 0; one that is too small or too large counts as the nearest there is.
    branches : sequence of callables
        Called with the operands.  What they return agrees in structure, shapes and dtypes.
    *operands : structures
        Arguments of all functions.

    Returns
    -------
    result : structure
        What the function that was picked returns.

    See Also
    --------
    cond : One of two functions.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> [bp.switch(n, [np.sin, np.cos, lambda x: x * x], 3.0).round(2) for n in range(3)]
    [np.float64(0.14), np.float64(-0.99), np.float64(9.0)]
    """
    if not branches:
        raise ControlFlowError("switch has no branches", src=here().src, advice="Give it at least one function.")
    first, *others = branches
    return cast(T, made(Branches, first, arms=tuple(map(Arm, others)), by_number=True)(index, *operands))
