"""Primitives, the builder that records them, and the protocol through which those with bodies get transformed.

A `Primitive` is one operation with all its facets: types, reference evaluation, derivative in both modes,
batching, lowering.  Calling it *binds* it: on plain arrays it evaluates, on traced values it is recorded by
the innermost `Builder`.  Rules are therefore ordinary functions of the values they are given, and derivatives
of derivatives need nothing more.  The families of `ops/` derive most facets from one line of mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from staticbp.core.aval import Aval, aval_of
from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.lowering import Lowering
from staticbp.core.recording import RECORDING, attending
from staticbp.core.shape import DimExpr
from staticbp.core.traced import Traced as Traced
from staticbp.errors import GraphError, LeakedTracerError

CAPTURED = "captured"  # what an array is called that a function captured, while nobody knows better
Value = Any  # a Traced, a Lit, a NumPy array or scalar, or a Python scalar
Params = dict[str, Any]


class Rules(Protocol):
    """What the driver of a compilation does for primitives whose params hold graphs."""

    def build(
        self, name: str, function: Callable[..., Sequence[Value]], avals: Sequence[Aval], names: Sequence[str]
    ) -> Graph:
        """The graph of a flat function."""

    def vjp(self, body: Graph, active: Sequence[bool]) -> tuple[Graph, Graph]:
        """Split the derivative of `body` into a forward and a backward graph.

        ``forward(*ins) -> (*outs, *residuals)``; ``backward(*residuals, *ins, *cotangents) -> cotangents`` of
        the active inputs.  Cotangents are given for the outputs that depend on active inputs through floats
        (see `active_outputs`).
        """

    def active_outputs(self, body: Graph, active: Sequence[bool]) -> list[bool]:
        """Which outputs of `body` are differentiable functions of the active inputs."""

    def jvp(self, body: Graph, active: Sequence[bool]) -> Graph:
        """``(*ins, *tangents of active ins) -> (*outs, *tangents of active outputs)``."""

    def batch(self, body: Graph, size: Any, batched: Sequence[bool]) -> tuple[Graph, list[bool]]:
        """`body` with a leading axis on the batched inputs; also which outputs then have one."""

    def split(self, joint: Graph, n_outs: int, n_cotangents: int) -> tuple[Graph, Graph]:
        """Split ``joint(*ins, *cotangents) -> (*outs, *bars)`` into a forward and a backward graph, as `vjp` does."""


class Primitive:
    """One operation.  `ins` are values or atoms in order, `params` its static parameters."""

    name: str
    lowering: Lowering

    def __call__(self, *args: Value, **params: Any) -> Any:
        """Bind: evaluate on arrays, record on traced values.  A single result comes unwrapped."""
        outs = bind(self, args, params)
        return outs[0] if len(outs) == 1 else outs

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        """The types of the results; raises `ShapeError` or `DtypeError` for operands that do not fit."""
        raise NotImplementedError(self.name)

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        """The results by NumPy: what compiled code is tested against."""
        raise NotImplementedError(self.name)

    def augment(
        self, rules: Rules, ins: Sequence[Value], active: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Any]:
        """The results together with whatever `pullback` will want besides operands and results."""
        return bind(self, ins, params), None

    def pullback(
        self,
        rules: Rules,
        cts: Sequence[Value | None],
        ins: Sequence[Value],
        outs: Sequence[Value],
        active: Sequence[bool],
        extra: Any,
        params: Params,
    ) -> Sequence[Value | None]:
        """The cotangents of the operands, given those of the results; None is zero."""
        raise NotImplementedError(self.name)

    def pushforward(
        self,
        rules: Rules,
        tangents: Sequence[Value | None],
        ins: Sequence[Value],
        params: Params,
    ) -> tuple[Sequence[Value], Sequence[Value | None]]:
        """The results and their tangents, given the operands and theirs; None is zero."""
        raise NotImplementedError(self.name)

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        """The results for operands some of which have a leading batch axis; and which results have one."""
        raise NotImplementedError(self.name)

    def result_names(self, params: Params) -> Sequence[str] | None:
        """What the results are called when the user's line does not say."""
        return None

    def differentiable(self, ins: Sequence[Aval], params: Params) -> bool:
        """Whether anything can flow back through this operation at all."""
        return True

    @property
    def label(self) -> str:
        """What is appended to the name of a value that this is a part of: ``h_matvec``, ``p_sum``."""
        return self.name.removeprefix("reduce_")

    def __repr__(self) -> str:
        return self.name


_SYMBOLIC = (Traced, Lit)
_LITERALS = (Lit, bool, int, float, complex, np.generic)


class SiteLike(Protocol):
    """Where the user's program stands: its line, and the name that the value at hand will be assigned to."""

    @property
    def src(self) -> SrcLine | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def target(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where equations come from that a transform writes: the line and the name of what they belong to."""

    src: SrcLine | None
    name: str | None = None
    target: str | None = None
    adjoint: bool = False


class Builder:
    """A graph under construction.

    Builders nest: the innermost one records.  A traced value of an outer builder that is used within becomes
    an extra input (`captures` says which values those inputs stand for); a value of a builder that is no longer
    open has leaked out of its function.
    """

    def __init__(
        self, name: str, wrap: Callable[[Builder, Atom], Traced], locate: Callable[[], SiteLike] | None
    ) -> None:
        self.name = name
        self.invars: list[Var] = []
        self.captured: list[Var] = []
        self.captures: list[Traced] = []
        self.eqns: list[Eqn] = []
        self.consts: list[tuple[Var, np.ndarray[Any, Any]]] = []
        self._wrap = wrap
        self._locate = locate
        self._origin: Origin | None = None
        self._capture_of: dict[int, Var] = {}
        self._const_of: dict[int, Var] = {}
        self._named: dict[tuple[SrcLine, str], tuple[Var, Primitive]] = {}
        self._outer: Builder | None = None

    # -- nesting ------------------------------------------------------------------------------------------
    @staticmethod
    def innermost() -> Builder | None:
        """The builder that is recording in this thread, if any."""
        return RECORDING.innermost  # type: ignore[no-any-return]

    @contextmanager
    def recording(self) -> Iterator[Builder]:
        """Make this the innermost builder."""
        self._outer = Builder.innermost()
        RECORDING.innermost = self
        try:
            with attending():
                yield self
        finally:
            RECORDING.innermost = self._outer

    def encloses(self, inner: Builder) -> bool:
        """Whether `inner` is this builder or is being recorded within it."""
        level: Builder | None = inner
        while level is not None:
            if level is self:
                return True
            level = level._outer
        return False

    def origin(self, origin: Origin) -> AbstractContextManager[None]:
        """Equations recorded within belong to `origin` rather than to the user's present line."""
        return _Within(self, origin)

    # -- atoms --------------------------------------------------------------------------------------------
    def wrap(self, atom: Atom) -> Traced:
        """The traced value for an atom of this graph."""
        return self._wrap(self, atom)

    def add_input(self, aval: Aval, name: str) -> Traced:
        """A further input."""
        var = Var(aval, name)
        self.invars.append(var)
        return self.wrap(var)

    def atom(self, value: Value) -> Atom:
        """`value` as an atom of this graph, captured or made a constant where need be."""
        if isinstance(value, Traced):
            return value.atom if value.builder is self else self._capture(value)
        if isinstance(value, Lit):
            return value
        array = np.asarray(value)
        # An array without axes that the user captured may change like any other; what rules write is a number.
        changing = isinstance(value, np.ndarray) and self._locate is not None and self._origin is None
        if array.ndim == 0 and not changing:
            return Lit(value, aval_of(value if not isinstance(value, np.ndarray) else array[()]))
        return self._const(array)

    def _capture(self, value: Traced) -> Atom:
        if value.memory is None and isinstance(value.atom, Lit):
            return value.atom
        if not value.builder.encloses(self):
            raise LeakedTracerError(
                f"the traced value {value.name!r} is used outside the function it belongs to",
                src=self.site().src,
                advice="Return it from the function instead of storing it in a global, an attribute or a list.",
            )
        atom = value.atom
        if isinstance(atom, Lit):
            return atom
        key = id(atom)
        if key not in self._capture_of:
            var = Var(atom.aval, atom.name)
            self._capture_of[key] = var
            self.captured.append(var)
            self.captures.append(value.builder.wrap(atom))  # as it is now: it may be assigned to
        return self._capture_of[key]

    def _const(self, array: np.ndarray[Any, Any]) -> Atom:
        root = self
        while root._outer is not None and root._locate is not None:  # what a transform writes has its own constants
            root = root._outer
        if root is not self:
            return self._capture(root.wrap(root._const(array)))
        key = id(array)
        if key not in self._const_of:
            var = Var(aval_of(array), CAPTURED)
            self.consts.append((var, array))
            self._const_of[key] = var
        return self._const_of[key]

    def adopt_consts(self, graph: Graph) -> None:
        """Keep the constants of `graph` as constants of this graph, under the same variables."""
        self.consts = list(graph.consts)
        self._const_of = {id(array): var for var, array in graph.consts}

    # -- equations ----------------------------------------------------------------------------------------
    def site(self) -> SiteLike:
        """Where the equation at hand comes from."""
        if self._origin is not None or self._locate is None:
            return self._origin or Origin(None)
        return self._locate()

    def record(self, op: Primitive, ins: Sequence[Atom], params: Params) -> tuple[Traced, ...]:
        """Append an equation; its types come from the primitive."""
        avals = op.avals([a.aval for a in ins], params)
        site = self.site()
        name = site.name or (f"{site.target}_{op.label}" if site.target else op.name)
        wishes = op.result_names(params) or [name] * len(avals)
        outs = tuple(Var(aval, wish) for aval, wish in zip(avals, wishes, strict=True))
        if site.name and site.src is not None:
            self._name_last(site.src, site.name, outs[0], op)
        adjoint, src = self._origin is not None and self._origin.adjoint, site.src
        if self._origin is None and RECORDING.activation is not None:
            src = RECORDING.activation.during(src)
        self.eqns.append(Eqn(outs, op, tuple(ins), params, src, adjoint))
        return tuple(self.wrap(out) for out in outs)

    def repeat(self, eqn: Eqn, values: Sequence[Traced]) -> tuple[Traced, ...]:
        """Append an equation anew, on values of the types that its operands have: its results have theirs then."""
        outs = tuple([Var(out.aval, out.name) for out in eqn.outs])
        self.eqns.append(
            Eqn(outs, eqn.op, tuple([self.atom(value) for value in values]), eqn.params, eqn.src, eqn.adjoint)
        )
        return tuple([self.wrap(out) for out in outs])

    def splice(self, graph: Graph, args: Sequence[Traced]) -> list[Value]:
        """Append the equations of a graph without constants anew, on values of the types of its inputs."""
        atoms: dict[Atom, Atom] = {var: self.atom(arg) for var, arg in zip(graph.invars, args, strict=True)}
        for eqn in graph.eqns:
            outs = tuple([Var(out.aval, out.name) for out in eqn.outs])
            atoms.update(zip(eqn.outs, outs, strict=True))
            ins = tuple([atom if isinstance(atom, Lit) else atoms[atom] for atom in eqn.ins])
            self.eqns.append(Eqn(outs, eqn.op, ins, eqn.params, eqn.src, eqn.adjoint))
        return [atom if isinstance(atom, Lit) else self.wrap(atoms[atom]) for atom in graph.outs]

    def _name_last(self, src: SrcLine, name: str, var: Var, op: Primitive) -> None:
        """Of several equations that one assignment makes, the last has its name; the others say what they do."""
        earlier = self._named.get((src, name))
        if earlier is not None:
            earlier[0].name = f"{name}_{earlier[1].label}"
        self._named[src, name] = (var, op)

    def finish(self, outs: Sequence[Value]) -> Graph:
        """The graph whose results are `outs`; the values it captured are its last inputs."""
        atoms = tuple(self.atom(value) for value in outs)
        return Graph(self.name, (*self.invars, *self.captured), tuple(self.eqns), atoms, tuple(self.consts))


class _Within:
    """While it lasts, equations belong to an origin.  There is one for every equation of a transform."""

    __slots__ = ("_before", "_builder", "_origin")

    def __init__(self, builder: Builder, origin: Origin) -> None:
        self._builder = builder
        self._origin = origin

    def __enter__(self) -> None:
        self._before, self._builder._origin = self._builder._origin, self._origin

    def __exit__(self, *_: object) -> None:
        self._builder._origin = self._before


def bind(op: Primitive, args: Sequence[Value], params: Params) -> tuple[Any, ...]:
    """Evaluate `op` on arrays; on traced values, and on literals while recording, record it.

    A literal stands for an array that nobody has to make, so what is done to it is left to constant folding.
    """
    builder = Builder.innermost()
    known = not any(isinstance(arg, Traced if builder is None else _SYMBOLIC) for arg in args)
    if known and (builder is None or not any(map(has_symbols, params.values()))):
        return op.evaluate([concrete(arg) for arg in args], params)
    if builder is None:
        stray = next(arg for arg in args if isinstance(arg, Traced))
        raise LeakedTracerError(
            f"the traced value {stray.name!r} is used after its function was traced",
            advice="Return it from the function instead of storing it in a global, an attribute or a list.",
        )
    return builder.record(op, [builder.atom(arg) for arg in args], params)


def has_symbols(param: Any) -> bool:
    """Whether a parameter, a dimension or a shape, is symbolic: what it says of arrays is known at run time only."""
    return isinstance(param, DimExpr) or (isinstance(param, tuple) and any(isinstance(p, DimExpr) for p in param))


def concrete(value: Value) -> Any:
    """A literal as the array it stands for; everything else as it is."""
    if isinstance(value, Lit):
        shape = value.aval.shape
        return np.full(shape, value.value) if shape else value.value
    return value


def recorded_equations() -> Sequence[Eqn]:
    """What the innermost builder has recorded so far."""
    builder = Builder.innermost()
    return () if builder is None else builder.eqns


def value_aval(value: Value) -> Aval:
    """The type of any value that rules meet."""
    return value.aval if isinstance(value, _SYMBOLIC) else aval_of(value)


def lift(value: Value) -> Value:
    """While recording, a literal or scalar as a traced value, so that what is done to it is recorded too."""
    builder = Builder.innermost()
    if isinstance(value, Traced) or builder is None or not isinstance(value, _LITERALS):
        return value
    return builder.wrap(builder.atom(value))


def inline(graph: Graph, args: Sequence[Value]) -> list[Value]:
    """Run the equations of `graph` on `args`: evaluates on arrays, re-records on traced values.

    Recorded anew, equations keep their line and the names of their results.
    """
    if len(args) != len(graph.invars):
        raise GraphError(f"graph {graph.name} takes {len(graph.invars)} inputs, not {len(args)}")
    builder, lifted = Builder.innermost(), [lift(arg) for arg in args]
    pairs = zip(lifted, graph.invars, strict=True)
    alike = all(isinstance(value, Traced) and value.aval == var.aval for value, var in pairs)
    if builder is not None and alike and not graph.consts:
        return builder.splice(graph, lifted)
    env: dict[Var, Value] = dict(zip(graph.invars, lifted, strict=True))
    env.update(graph.consts)
    for eqn in graph.eqns:
        outs = repeat(eqn, [lift(read(env, a)) for a in eqn.ins])
        for var, out in zip(eqn.outs, outs, strict=True):
            env[var] = named(out, var.name)
    return [read(env, a) for a in graph.outs]


def repeat(eqn: Eqn, values: Sequence[Value]) -> tuple[Any, ...]:
    """`eqn` on other values; of the same types, it is recorded as it is, and nothing derived anew."""
    builder = Builder.innermost()
    if builder is not None and all(isinstance(value, Traced) for value in values):
        pairs = zip(values, eqn.ins, strict=True)
        if values and all(value.aval is atom.aval or value.aval == atom.aval for value, atom in pairs):
            return builder.repeat(eqn, values)
    with at(eqn):
        return bind(eqn.op, values, eqn.params)


def read(env: dict[Var, Value], atom: Atom) -> Value:
    """The value of an atom."""
    return atom if isinstance(atom, Lit) else env[atom]


def named(value: Value, name: str) -> Value:
    """Give a freshly recorded variable its name."""
    if isinstance(value, Traced) and isinstance(value.atom, Var):
        value.atom.name = name
    return value


def at(eqn: Eqn, adjoint: bool = False, target: str | None = None) -> AbstractContextManager[None]:
    """Equations recorded within belong to the user's line of `eqn`."""
    builder = Builder.innermost()
    if builder is None:
        return nullcontext()
    return builder.origin(Origin(eqn.src, None, target or eqn.outs[0].name, adjoint or eqn.adjoint))
