"""One call of a custom operation as graphs: of its value, and of the rule that stands in for its derivative.

A rule is traced where the operation is called, so that what it reads from around it is what it read then; its
residuals may be anything that it can hand on, since both of its halves are traced into one graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import optree

from staticbp.api.branches import capturing
from staticbp.api.function import origin
from staticbp.compilation import Outputs, identifiers, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval
from staticbp.core.graph import Graph, Var
from staticbp.core.primitive import Traced, Value, bind, recorded_equations, value_aval
from staticbp.core.tree import NAMESPACE, Structure, flatten, leaves_of, path_texts
from staticbp.errors import DtypeError, LeakedTracerError, ShapeError, StaticbpError, StructureError
from staticbp.ops.custom import CustomRule
from staticbp.ops.custom import custom as custom_primitive
from staticbp.ops.linear import fill, to_dtype
from staticbp.trace.names import defined_at
from staticbp.trace.trace import trace_open

Evaluate = Callable[..., Any]  # arguments -> value
Reverse = Callable[..., tuple[Any, Callable[[Any], Sequence[Any]]]]  # arguments -> value, pullback
Forward = Callable[..., tuple[Any, Any]]  # arguments, tangents -> value, tangent

# The operations whose rules are being traced: one that its own rule calls has its rule traced when that is needed.
_IN_RULES: ContextVar[tuple[object, ...]] = ContextVar("_IN_RULES", default=())


@dataclass(eq=False)
class Definition:
    """What a custom operation is made of.

    Parameters
    ----------
    name : str
        What the user calls it.
    value : callable
        The arguments to the value.
    reverse : callable, optional
        The arguments to the value, and a pullback from its cotangent to those of the arguments.
    forward : callable, optional
        The arguments, and tangents of those that are differentiated, to the value and its tangent.
    rule : callable, optional
        The user's function that errors about a rule's results point to.
    fixed : frozenset of int
        The positions of arguments that are not differentiated.
    refusal : str
        Why there is no derivative, where there is no rule.
    """

    name: str
    value: Evaluate
    reverse: Reverse | None = None
    forward: Forward | None = None
    rule: Callable[..., Any] | None = None
    fixed: frozenset[int] = frozenset()
    refusal: str = "has no derivative"


@dataclass(eq=False)
class Call:
    """A call of a custom operation, while something is being traced."""

    definition: Definition
    graph_name: str
    args: tuple[Any, ...]
    names: Sequence[str]
    moved: list[int] = field(init=False)  # the positions of arguments that are differentiated
    leaves: list[Value] = field(init=False)
    structure: Structure = field(init=False)
    paths: list[str] = field(init=False)
    traced: list[int] = field(init=False)  # the leaves that are not known yet
    outputs: Outputs = field(init=False)
    body: Graph = field(init=False)

    def __post_init__(self) -> None:
        self.moved = [i for i in range(len(self.args)) if i not in self.definition.fixed]
        chosen = tuple(self.args[i] for i in self.moved)
        self.leaves, self.structure = flatten(chosen)
        self.paths = [text for i in self.moved for text in path_texts(self.args[i], self.names[i])]
        self.traced = [n for n, x in enumerate(self.leaves) if isinstance(x, Traced) and isinstance(x.atom, Var)]

    # -- recording ----------------------------------------------------------------------------------------
    def record(self) -> Any:
        """Record the call; the value of the operation."""
        definition = self.definition
        avals = [value_aval(self.leaves[n]) for n in self.traced]
        names = identifiers([self.paths[n] for n in self.traced])
        body, captured = trace_open(self._value, self.graph_name, avals, names)
        self.body = body
        moving = [aval.is_float for aval in avals]
        ruled = any(moving) and any(aval.is_float for aval in body.out_avals)
        captures: dict[int, Traced] = {id(value.atom): value for value in captured}
        parts: dict[str, Callable[[], Graph]] = {}
        if ruled and definition.reverse is not None:
            parts["make_joint"] = self._rule(self._trace_joint, captures)
        if ruled and definition.forward is not None:
            parts["make_tangent"] = self._rule(self._trace_tangent, captures)
        everything = list(captures.values())
        rule = CustomRule(definition.name, (*(False for _ in everything), *moving), **parts, refusal=definition.refusal)
        params = {"body": capturing(body, captured, everything, first=True), "rule": rule}
        operands = [*everything, *(self.leaves[n] for n in self.traced)]
        results = lifted(bind(custom_primitive, operands, params)) if body.outs else []
        self._name_results(results)
        return self.outputs.join(results)

    def _name_results(self, results: Sequence[Value]) -> None:
        """What the caller gives no name is called as it is within the operation."""
        labels = {out: eqn.op.label for eqn in self.body.eqns for out in eqn.outs}
        for value, inner in zip(results, self.body.outs, strict=True):
            if isinstance(value, Traced) and isinstance(inner, Var) and isinstance(value.atom, Var):
                prefix, found, rest = value.atom.name.rpartition(custom_primitive.name)
                if found and not rest:
                    made_up = inner.name == labels.get(inner)
                    value.atom.name = f"{prefix}{inner.name}" if made_up or not prefix else inner.name

    def _rule(self, trace: Callable[[], tuple[Graph, list[Traced]]], captures: dict[int, Traced]) -> Any:
        """What makes the graph of a rule.  It is traced at once, unless the operation is called by its own rule."""
        if self.definition in _IN_RULES.get():
            return partial(self._traced_later, trace, captures)
        graph, own = self._within(trace)
        captures.update((id(value.atom), value) for value in own if id(value.atom) not in captures)
        return lambda: capturing(graph, own, list(captures.values()), first=True)

    def _traced_later(self, trace: Callable[[], tuple[Graph, list[Traced]]], captures: dict[int, Traced]) -> Graph:
        graph, own = self._within(trace)
        for value in own:
            if id(value.atom) not in captures:
                raise LeakedTracerError(
                    f"the rule of {self.definition.name} calls {self.definition.name} itself, and reads "
                    f"{getattr(value.atom, 'name', 'a value')} from around it, which a second derivative cannot",
                    src=self._place(),
                    advice=f"Make it an argument of {self.definition.name}.",
                )
        return capturing(graph, own, list(captures.values()), first=True)

    def _within(self, trace: Callable[[], tuple[Graph, list[Traced]]]) -> tuple[Graph, list[Traced]]:
        token = _IN_RULES.set((*_IN_RULES.get(), self.definition))
        try:
            return trace()
        finally:
            _IN_RULES.reset(token)

    def _arguments(self, values: Sequence[Value]) -> tuple[Any, ...]:
        """The arguments, with other values in place of what is not known yet."""
        leaves = list(self.leaves)
        for n, value in zip(self.traced, values, strict=True):
            leaves[n] = value
        args = list(self.args)
        for i, arg in zip(self.moved, self.structure.unflatten(leaves), strict=True):
            args[i] = arg
        return tuple(args)

    def _value(self, *values: Value) -> list[Value]:
        results, self.outputs = Outputs.of(self.definition.value(*self._arguments(values)), self.definition.name)
        return results

    # -- the rules ----------------------------------------------------------------------------------------
    def _trace_joint(self) -> tuple[Graph, list[Traced]]:
        """``(*ins, *cotangents of float outs) -> (*outs, *cotangents of float ins)``."""
        reverse = self.definition.reverse
        assert reverse is not None
        count = len(self.traced)
        border = 0

        def joint(*values: Value) -> list[Value]:
            nonlocal border
            value, pullback = reverse(*self._arguments(values[:count]))
            outs = self._checked_value(value)
            border = len(recorded_equations())
            return [*outs, *self._cotangents(pullback(self._output_tree(values[count:])))]

        in_avals = [value_aval(self.leaves[n]) for n in self.traced]
        out_names = [f"{getattr(atom, 'name', 'out')}_bar" for atom in self.body.outs]
        floats = [i for i, aval in enumerate(self.body.out_avals) if aval.is_float]
        graph, own = trace_open(
            joint,
            self.graph_name,
            [*in_avals, *(self.body.out_avals[i].strong() for i in floats)],
            [*identifiers([self.paths[n] for n in self.traced]), *(out_names[i] for i in floats)],
        )
        eqns = [eqn if n < border else replace(eqn, adjoint=True) for n, eqn in enumerate(graph.eqns)]
        return graph.with_eqns(eqns), own

    def _trace_tangent(self) -> tuple[Graph, list[Traced]]:
        """``(*ins, *tangents of float ins) -> (*outs, *tangents of float outs)``."""
        forward = self.definition.forward
        assert forward is not None
        count = len(self.traced)
        in_avals = [value_aval(self.leaves[n]) for n in self.traced]
        names = identifiers([self.paths[n] for n in self.traced])
        moving = [n for n, aval in enumerate(in_avals) if aval.is_float]

        def tangent(*values: Value) -> list[Value]:
            dots = dict(zip((self.traced[n] for n in moving), values[count:], strict=True))
            tree = [dots.get(n, _still(leaf)) for n, leaf in enumerate(self.leaves)]
            value, dot = forward(self._arguments(values[:count]), self.structure.unflatten(tree))
            return [*self._checked_value(value), *self._tangents(dot)]

        return trace_open(
            tangent,
            self.graph_name,
            [*in_avals, *(in_avals[n].strong() for n in moving)],
            [*names, *(f"{names[n]}_dot" for n in moving)],
        )

    def _output_tree(self, cts: Sequence[Value]) -> Any:
        """Cotangents in the structure of the value; zeros for what has no derivative."""
        given = iter(cts)
        leaves = [next(given) if aval.is_float else fill(0, aval) for aval in self.body.out_avals]
        still = tuple((i, type(value)(0)) for i, value in self.outputs.plain)
        return Outputs(self.outputs.structure, still).join(leaves)

    def _checked_value(self, value: Any) -> list[Value]:
        """The value that the rule gives, which is of the type of the operation's own."""
        leaves, structure = flatten(value)
        if structure != self.outputs.structure:
            raise self._error(
                StructureError,
                f"gives the value as {structure}, where {self.definition.name} returns {self.outputs.structure}",
            )
        plain = {i for i, _ in self.outputs.plain}
        computed = [leaf for i, leaf in enumerate(leaves) if i not in plain]
        paths = [path for i, path in enumerate(path_texts(value, "the value")) if i not in plain]
        pairs = zip(computed, self.body.out_avals, paths, strict=True)
        return [self._fitting(leaf, aval, path) for leaf, aval, path in pairs]

    def _cotangents(self, bars: Any) -> list[Value]:
        """What a pullback returned, as the cotangents of the float leaves."""
        if not isinstance(bars, tuple | list) or len(bars) != len(self.moved):
            found = f"{len(bars)}" if isinstance(bars, tuple | list) else f"a {type(bars).__name__}"
            raise self._error(
                StructureError,
                f"returns {found}, where a cotangent for each of {len(self.moved)} arguments is expected",
                "Return a tuple with a cotangent for each argument, None for zero.",
            )
        found_leaves: list[Value | None] = []
        for i, bar in zip(self.moved, bars, strict=True):
            found_leaves += self._matched(bar, self.args[i], f"the cotangent of {self.names[i]}")
        return [
            self._derivative(found_leaves[n], value_aval(self.leaves[n]), f"the cotangent of {self.paths[n]}")
            for n in self.traced
            if value_aval(self.leaves[n]).is_float
        ]

    def _tangents(self, dot: Any) -> list[Value]:
        """What a forward rule returned, as the tangents of the float results."""
        avals: list[Aval | None] = list(self.body.out_avals)
        for position, _ in self.outputs.plain:
            avals.insert(position, None)
        model = self.outputs.structure.unflatten([0.0] * len(avals))
        leaves = self._matched(dot, model, "the tangent")
        texts = path_texts(model, "the tangent")
        return [
            self._derivative(leaf, aval, text)
            for leaf, aval, text in zip(leaves, avals, texts, strict=True)
            if aval is not None and aval.is_float
        ]

    def _matched(self, given: Any, like: Any, what: str) -> list[Value | None]:
        """The leaves of a derivative that has the structure of `like`, or None for any part of it."""
        if given is None:
            return [None] * len(leaves_of(like))
        leaves, structure = flatten(given)
        expected = flatten(like)[1]
        if structure == expected:
            return list(leaves)
        if type(given) is type(like) and not optree.tree_is_leaf(given, namespace=NAMESPACE):
            parts = optree.tree_flatten_one_level(given, none_is_leaf=True, namespace=NAMESPACE)[0]
            models = optree.tree_flatten_one_level(like, none_is_leaf=True, namespace=NAMESPACE)[0]
            if len(parts) == len(models):
                return [
                    leaf for part, model in zip(parts, models, strict=True) for leaf in self._matched(part, model, what)
                ]
        raise self._error(StructureError, f"gives {what} as {structure}, where it is {expected}")

    def _derivative(self, value: Value | None, aval: Aval, what: str) -> Value:
        return fill(0, aval) if value is None else self._fitting(value, aval.strong(), what)

    def _fitting(self, value: Value, aval: Aval, what: str) -> Value:
        """`value`, which has to be of a type; Python scalars take the dtype."""
        found = value_aval(value)
        if not shapes.same(found.shape, aval.shape):
            raise self._error(
                ShapeError,
                f"gives {what} the shape {shapes.text(found.shape)}, where it has {shapes.text(aval.shape)}",
                "Sum over the axes that were broadcast, or np.broadcast_to the shape that is missing some.",
            )
        if found.dtype == aval.dtype:
            return value
        if found.weak or aval.weak:
            return to_dtype(value, aval.dtype)
        raise self._error(
            DtypeError,
            f"gives {what} the dtype {found.dtype}, where it has {aval.dtype}",
            f"End with .astype(np.{aval.dtype}), or look for an array that is {found.dtype}.",
        )

    def _place(self) -> Any:
        rule = self.definition.rule
        return None if rule is None else defined_at(origin(rule))

    def _error(self, kind: type[StaticbpError], what: str, advice: str | None = None) -> StaticbpError:
        """An error about what the rule has returned."""
        called = getattr(self.definition.rule, "__name__", None)
        rule = f" {called}" if called not in (None, "<lambda>", self.definition.name) else ""
        return kind(f"the rule{rule} of {self.definition.name} {what}", src=self._place(), advice=advice)


def _still(leaf: Value) -> Value:
    """The tangent of an argument that does not move."""
    if not isinstance(leaf, Traced):
        return type(leaf)(0)
    return fill(0, leaf.aval)
