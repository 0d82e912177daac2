"""What has symbolic sizes, at given ones: symbols become numbers, wherever they stand, and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.schedule import Buffer, Stmt
from staticbp.core.shape import DimExpr


def specialised(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """`graph` with each symbol replaced by its size.

    Examples
    --------
    >>> from staticbp.core.aval import FLOAT64
    >>> x = Var(Aval((shapes.symbol("n"), 3), FLOAT64), "x")
    >>> print(specialised(Graph("f", (x,), (), (x,)), {"n": 5}))
    graph f(x: f64[5,3]) -> f64[5,3]
      return x
    """
    return _Specialiser(sizes).graph(graph)


class _Specialiser:
    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.variables: dict[Var, Var] = {}

    def graph(self, graph: Graph) -> Graph:
        invars = tuple(map(self.variable, graph.invars))
        consts = tuple((self.variable(var), array) for var, array in graph.consts)
        eqns = tuple(map(self.equation, graph.eqns))
        return Graph(graph.name, invars, eqns, tuple(map(self.atom, graph.outs)), consts)

    def equation(self, eqn: Eqn) -> Eqn:
        outs, ins = tuple(map(self.variable, eqn.outs)), tuple(map(self.atom, eqn.ins))
        params = {name: self.param(value) for name, value in eqn.params.items()}
        return Eqn(outs, eqn.op, ins, params, eqn.src, eqn.adjoint)

    def aval(self, aval: Aval) -> Aval:
        return Aval(shapes.evaluate(aval.shape, self.sizes), aval.dtype, aval.weak)

    def variable(self, var: Var) -> Var:
        if var not in self.variables:
            self.variables[var] = Var(self.aval(var.aval), var.name)
        return self.variables[var]

    def atom(self, atom: Atom) -> Atom:
        return Lit(atom.value, self.aval(atom.aval)) if isinstance(atom, Lit) else self.variable(atom)

    def param(self, value: Any) -> Any:
        match value:
            case DimExpr():
                return value.evaluate(self.sizes)
            case Aval():
                return self.aval(value)
            case Graph():
                return self.graph(value)
            case tuple():
                return tuple(map(self.param, value))
            case _:
                return value


def specialised_block(block: Sequence[Stmt], sizes: Mapping[str, int]) -> list[Stmt]:
    """The statements of a schedule with each symbol replaced by its size; places in the workspace stay as they are.

    Examples
    --------
    >>> from staticbp.core.schedule import Loop
    >>> (loop,) = specialised_block([Loop("i", shapes.symbol("n") * 2, [])], {"n": 5})
    >>> loop.extent
    10
    """
    buffers: dict[Buffer, Buffer] = {}

    def at_sizes(value: Any) -> Any:
        match value:
            case DimExpr():
                return value.evaluate(sizes)
            case Aval():
                return Aval(shapes.evaluate(value.shape, sizes), value.dtype, value.weak)
            case Buffer(aval=aval, of=of):
                if value not in buffers:
                    buffers[value] = replace(value, aval=at_sizes(aval), of=at_sizes(of))
                return buffers[value]
            case list() | tuple():
                return type(value)(map(at_sizes, value))
            case SrcLine():
                return value
            case _ if is_dataclass(value) and not isinstance(value, type):
                return replace(value, **{field.name: at_sizes(getattr(value, field.name)) for field in fields(value)})
            case _:
                return value

    return [at_sizes(stmt) for stmt in block]
