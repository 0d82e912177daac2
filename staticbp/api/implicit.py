"""`custom_root`: the solution of an equation, differentiated by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np

from staticbp.api import tree
from staticbp.api.arguments import parameter_names, title
from staticbp.api.batching import vmap
from staticbp.api.branches import Arm, capturing
from staticbp.api.function import Function, describe, made, name_of, origin
from staticbp.compilation import identifiers, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Graph
from staticbp.core.primitive import Builder, Origin, Traced, Value, bind, inline, lift, value_aval
from staticbp.core.tree import Structure, flatten, path_texts
from staticbp.errors import DtypeError, ShapeError, StaticbpError, StructureError
from staticbp.ops.control import stop_gradient
from staticbp.ops.custom import CustomRule
from staticbp.ops.custom import custom as custom_primitive
from staticbp.ops.linear import fill, to_dtype
from staticbp.trace.names import defined_at, here
from staticbp.trace.trace import trace_open
from staticbp.transforms.rules import RULES

T = TypeVar("T")
Map = Callable[[Any], Any]


class Root(Function[..., Any]):
    """An equation and how it is solved.  `custom_root` calls it with a first guess."""

    def __init__(self, function: Callable[..., Any], solve: Arm, tangent_solve: Arm | None = None) -> None:
        super().__init__(function, solve=solve, tangent_solve=tangent_solve)
        self._statics = None
        self.solve = solve.function
        self.tangent_solve = dense_solve if tangent_solve is None else tangent_solve.function

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_root"

    def _description(self) -> str:
        return f"root of {describe(self.__wrapped__)}"

    def _others(self) -> Sequence[Callable[..., Any]]:
        return [self.solve, self.tangent_solve]

    def _argument_names(self, count: int) -> list[str]:
        return parameter_names(self.__wrapped__, count)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        (guess,) = args
        leaves, structure = flatten(guess)
        paths = path_texts(guess, parameter_names(self.__wrapped__, 1)[0])
        for leaf, path in zip(leaves, paths, strict=True):
            if not value_aval(leaf).is_float:
                raise DtypeError(
                    f"custom_root starts from {path} of dtype {value_aval(leaf).dtype}, which has no derivative",
                    src=here().src,
                    advice="Start from floats.",
                )
        if not leaves:
            return guess
        start = [stop_gradient(lift(to_dtype(leaf, value_aval(leaf).dtype))) for leaf in leaves]
        avals = [value_aval(x).strong() for x in start]
        equation = _Equation(self.__wrapped__, self.tangent_solve, structure, avals, identifiers(paths))
        return structure.unflatten(equation.solved(self.solve, start))


@dataclass(eq=False)
class _Equation:
    """``function(x) = 0``, while something is being traced; `names` are those of the leaves of ``x``."""

    function: Callable[..., Any]
    tangent_solve: Callable[..., Any]
    structure: Structure
    avals: list[Aval]
    names: list[str]

    def solved(self, solve: Callable[..., Any], start: Sequence[Value]) -> list[Value]:
        """Record the solution; its leaves."""
        called, count = name_of(self.function), len(self.avals)
        residual, own = trace_open(self._residuals, called, self.avals, self.names)

        def solution(*values: Value) -> list[Value]:
            return self._leaves(solve, solve(self.function, self.structure.unflatten(values)))

        body, others = trace_open(solution, f"{called}_root", self.avals, self.names)
        there = capturing(residual, own, own, first=True)
        forwards = _along(there, len(own))
        backwards = _back(there, len(own))
        parts = [self._system(operator, own) for operator in (forwards, backwards)]
        captures = list({id(v.atom): v for v in (*own, *others, *parts[0][1], *parts[1][1])}.values())
        problem = _Problem(
            title(self.function),
            capturing(residual, own, captures, first=True),
            capturing(body, others, captures, first=True),
            count,
        )
        problem.connect(*(capturing(graph, found, captures, first=True) for graph, found in parts))
        return lifted(bind(custom_primitive, [*captures, *start], problem.params))

    def _residuals(self, *values: Value) -> list[Value]:
        return self._leaves(self.function, self.function(self.structure.unflatten(values)))

    def _system(self, operator: Graph, own: Sequence[Traced]) -> tuple[Graph, list[Traced]]:
        """``(*x, *right) -> z`` with ``operator(*own, *x, *z) = right``, and what it captures."""
        count = len(self.avals)

        def solution(*values: Value) -> list[Value]:
            def applied(z: Any) -> Any:
                leaves = self._leaves(self.tangent_solve, z)
                return self.structure.unflatten(lifted(inline(operator, [*own, *values[:count], *leaves])))

            right = self.structure.unflatten(values[count:])
            return self._leaves(self.tangent_solve, self.tangent_solve(applied, right))

        names = [*self.names, *(f"{name}_right" for name in self.names)]
        return trace_open(solution, f"{operator.name}_solve", [*self.avals, *self.avals], names)

    def _leaves(self, function: Callable[..., Any], result: Any) -> list[Value]:
        """What a function gives, which is to be of the structure and the types of ``x``."""
        leaves, structure = flatten(result)
        if structure != self.structure:
            raise self._error(StructureError, function, f"has to do with {structure}, where x is {self.structure}")
        for leaf, aval, name in zip(leaves, self.avals, self.names, strict=True):
            found = value_aval(leaf)
            if not shapes.same(found.shape, aval.shape):
                what = f"the shape {shapes.text(found.shape)}, where {name} has {shapes.text(aval.shape)}"
                raise self._error(ShapeError, function, f"has to do with {what}")
            if found.dtype != aval.dtype and not found.weak:
                raise self._error(DtypeError, function, f"has to do with {found.dtype}, where {name} is {aval.dtype}")
        return [to_dtype(leaf, aval.dtype) for leaf, aval in zip(leaves, self.avals, strict=True)]

    def _error(self, kind: type[StaticbpError], function: Callable[..., Any], what: str) -> StaticbpError:
        return kind(
            f"{title(function)} {what}",
            src=defined_at(origin(function)) or here().src,
            advice="An equation and its solution have the structure, shapes and dtypes of the first guess.",
        )


# ---- the rules: J dx = -df for tangents, J^T w = bar for cotangents, where J is the Jacobian at the solution --------


@dataclass(eq=False)
class _Problem:
    """An equation as a graph, and its solution as another; all captures come first."""

    name: str
    residual: Graph  # (*captures, *x) -> function(x)
    solution: Graph  # (*captures, *start) -> x
    count: int
    forwards: _System = field(init=False)
    backwards: _System = field(init=False)

    def connect(self, forwards: Graph, backwards: Graph) -> None:
        """Add how linear equations of the Jacobian are solved, and of its transpose."""
        n_captures = len(self.residual.invars) - self.count
        self.forwards = _System(self.name, _along(self.residual, n_captures), forwards, self.count)
        self.backwards = _System(self.name, _back(self.residual, n_captures), backwards, self.count)
        self.forwards.transposed, self.backwards.transposed = self.backwards, self.forwards

    @property
    def _floats(self) -> list[bool]:
        return [aval.is_float for aval in self.residual.in_avals[: -self.count]]

    @cached_property
    def params(self) -> dict[str, Any]:
        """Those of the operation."""
        moving = (*self._floats, *(False for _ in range(self.count)))
        return {"body": self.solution, "rule": CustomRule(self.name, moving, self._joint, self._tangent)}

    def _tangent(self) -> Graph:
        """``(*captures, *start, *tangents of float captures) -> (*x, *tangents of x)``."""
        active = [*self._floats, *(False for _ in range(self.count))]

        def tangent(*values: Value) -> list[Value]:
            given, dots = values[: len(active)], values[len(active) :]
            captures = given[: -self.count]
            x = lifted(bind(custom_primitive, given, self.params))
            change = _pushed(self.residual, [*captures, *x], dots, active)
            return [*x, *self.forwards.solve([*captures, *x, *(-dot for dot in change)])]

        return _built(tangent, self.solution, self.residual, active)

    def _joint(self) -> Graph:
        """``(*captures, *start, *cotangents of x) -> (*x, *cotangents of float captures)``."""
        active = [*self._floats, *(False for _ in range(self.count))]

        def joint(*values: Value) -> list[Value]:
            given, bars = values[: len(active)], values[len(active) :]
            captures = given[: -self.count]
            x = lifted(bind(custom_primitive, given, self.params))
            with _adjoint():
                w = self.backwards.solve([*captures, *x, *bars])
                return [*x, *_pulled(self.residual, [*captures, *x], [-leaf for leaf in w], active)]

        return _built(
            joint, self.solution, self.residual, [*(False for _ in self._floats), *(True for _ in range(self.count))]
        )


@dataclass(eq=False)
class _System:
    """Linear equations ``operator(*given, *z) = right``; their derivatives are equations of the same kind.

    With ``A z = y``: forwards ``A dz = dy - dA z``; backwards ``A^T w = z_bar``, ``y_bar = w``, and what flows to that
    on which ``A`` depends is the pullback of ``-w`` through ``A z``.
    """

    name: str
    operator: Graph  # (*captures, *x, *z) -> right
    solution: Graph  # (*captures, *x, *right) -> z
    count: int
    transposed: _System = field(init=False)

    def solve(self, values: Sequence[Value]) -> list[Value]:
        """Record a solution."""
        return lifted(bind(custom_primitive, values, self.params))

    @property
    def _moving(self) -> list[bool]:
        return [aval.is_float for aval in self.solution.in_avals]

    @cached_property
    def params(self) -> dict[str, Any]:
        """Those of the operation."""
        rule = CustomRule(f"the derivative of {self.name}", tuple(self._moving), self._joint, self._tangent)
        return {"body": self.solution, "rule": rule}

    @property
    def _active(self) -> list[bool]:
        """What the operator depends on, other than linearly."""
        return [*self._moving[: -self.count], *(False for _ in range(self.count))]

    def _tangent(self) -> Graph:
        def tangent(*values: Value) -> list[Value]:
            ins, dots = values[: len(self._moving)], values[len(self._moving) :]
            given, z = ins[: -self.count], self.solve(ins)
            change = _pushed(self.operator, [*given, *z], dots[: -self.count], self._active)
            right = [dot - moved for dot, moved in zip(dots[-self.count :], change, strict=True)]
            return [*z, *self.solve([*given, *right])]

        return _built(tangent, self.solution, self.solution, self._moving)

    def _joint(self) -> Graph:
        last = [*(False for _ in self._moving[: -self.count]), *(True for _ in range(self.count))]

        def joint(*values: Value) -> list[Value]:
            ins, bars = values[: len(self._moving)], values[len(self._moving) :]
            given, z = ins[: -self.count], self.solve(ins)
            with _adjoint():
                w = self.transposed.solve([*given, *bars])
                return [*z, *_pulled(self.operator, [*given, *z], [-leaf for leaf in w], self._active), *w]

        return _built(joint, self.solution, self.solution, last)


def _along(residual: Graph, n_captures: int) -> Graph:
    """``(*captures, *x, *z) -> J z``."""
    active = [*(False for _ in range(n_captures)), *(True for _ in residual.outs)]

    def run(*values: Value) -> list[Value]:
        return _pushed(residual, values[: len(active)], values[len(active) :], active)

    return _built(run, residual, residual, active)


def _back(residual: Graph, n_captures: int) -> Graph:
    """``(*captures, *x, *w) -> J^T w``."""
    active = [*(False for _ in range(n_captures)), *(True for _ in residual.outs)]

    def run(*values: Value) -> list[Value]:
        return _pulled(residual, values[: len(active)], values[len(active) :], active)

    return _built(run, residual, residual, active)


def _pushed(graph: Graph, ins: Sequence[Value], dots: Sequence[Value], active: Sequence[bool]) -> list[Value]:
    """The tangents of all results of a graph."""
    found = iter(inline(RULES.jvp(graph, active), [*ins, *dots])[len(graph.outs) :])
    flow = RULES.active_outputs(graph, active)
    return lifted([next(found) if flag else fill(0, out.aval) for flag, out in zip(flow, graph.outs, strict=True)])


def _pulled(graph: Graph, ins: Sequence[Value], cts: Sequence[Value], active: Sequence[bool]) -> list[Value]:
    """The cotangents of the active inputs of a graph."""
    forward, backward = RULES.vjp(graph, active)
    residuals = inline(forward, ins)[len(graph.outs) :]
    given = [ct for ct, flag in zip(cts, RULES.active_outputs(graph, active), strict=True) if flag]
    return lifted(inline(backward, [*residuals, *ins, *given]))


def _built(function: Callable[..., list[Value]], name: Graph, like: Graph, extra: Sequence[bool]) -> Graph:
    """The graph of a function of the inputs of `like`, and of those again that are flagged."""
    more = [v for v, flag in zip(like.invars, extra, strict=True) if flag]
    avals = [*(v.aval for v in like.invars), *(v.aval.strong() for v in more)]
    return RULES.build(name.name, function, avals, [*(v.name for v in like.invars), *(f"{v.name}_bar" for v in more)])


def _adjoint() -> AbstractContextManager[None]:
    builder = Builder.innermost()
    assert builder is not None  # `build` sees to it
    return builder.origin(Origin(None, adjoint=True))


def dense_solve(operator: Map, right: Any) -> Any:
    """``operator(z) = right`` for a linear operator, by its matrix.

    Parameters
    ----------
    operator : callable
        A linear function of structures like `right`.
    right : structure
        The right-hand side.

    Returns
    -------
    z : structure
        The solution, by `np.linalg.solve`.

    Examples
    --------
    >>> dense_solve(lambda z: np.array([[2.0, 0.0], [1.0, 1.0]]) @ z, np.array([2.0, 3.0]))
    array([1., 2.])
    """
    vector, unravel = tree.ravel(right)
    size = shapes.static(value_aval(vector).shape[0], "solving by the matrix")
    unit = np.eye(size, dtype=value_aval(vector).dtype)
    if size == 1:
        return unravel(vector / tree.ravel(operator(unravel(unit[0])))[0])
    columns = vmap(lambda direction: tree.ravel(operator(unravel(direction)))[0])(unit)
    return unravel(np.linalg.solve(np.transpose(columns), vector))


def custom_root(
    function: Callable[[T], T],
    guess: T,
    solve: Callable[[Callable[[T], T], T], T],
    tangent_solve: Callable[[Callable[[T], T], T], T] | None = None,
) -> T:
    """A root of a function, whose derivatives do not depend on how it was found.

    Where ``function(x, theta) = 0``, by the implicit function theorem ``x`` changes with ``theta`` as
    ``dx = -J^-1 (d function / d theta) dtheta``, ``J`` being the Jacobian of the function in ``x``.  So a derivative
    takes one linear equation, of ``J`` forwards and of its transpose backwards, and nothing of the solver is kept for
    it.  Derivatives of any order, in both modes.

    Parameters
    ----------
    function : callable
        ``function(x) -> residual``, of the structure, shapes and dtypes of ``x``.  Derivatives flow to all that it
        reads from around it; `J` must be regular at the root.
    guess : structure
        What the solver is given to start from: floats.  Nothing flows back to it.
    solve : callable
        ``solve(function, guess) -> x``: any program, such as a `while_loop`.  It is trusted that this is a root.
    tangent_solve : callable, optional
        ``tangent_solve(operator, right) -> z`` with ``operator(z) = right``, for a linear function `operator`: that of
        ``J`` and that of its transpose.  By default the matrix is written down and `np.linalg.solve` is used.

    Returns
    -------
    x : structure
        What the solver found.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        If residual or solution are not like the guess, or that is not of floats.
    LinAlgError
        In a derivative, where the Jacobian is singular.

    See Also
    --------
    fixed_point, argmin : Roots of special functions, with solvers.

    Notes
    -----
    Krantz and Parks, "The Implicit Function Theorem", 2002; Blondel et al., "Efficient and Modular Implicit
    Differentiation", NeurIPS 2022.

    Examples
    --------
    The cube root by Newton's method; its derivative is that of the equation:

    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def cube_root(a):
    ...     def newton(f, x):
    ...         return bp.fori_loop(0, 30, lambda _, x: x - f(x) / bp.grad(f)(x), x)
    ...     return bp.custom_root(lambda x: x**3 - a, 1.0, newton)
    >>> cube_root(8.0).round(9), cube_root.grad(8.0).round(9)
    (np.float64(2.0), np.float64(0.083333333))
    """
    linear = None if tangent_solve is None else Arm(tangent_solve)
    return cast(T, made(Root, function, solve=Arm(solve), tangent_solve=linear)(guess))
