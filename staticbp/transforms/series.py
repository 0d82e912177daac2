"""Taylor mode: a graph is run on truncated power series, and derivatives of every order come out at once.

A `Series` is a value that moves with a parameter: its coefficients ``c[0] + c[1]·t + c[2]·t² + ...`` are computed
when they are asked for, and None is a zero.  Then one rule does for nearly all operations.  If ``y = f(x)``,
forward mode says what ``y' = f'(x)·x'`` is, so ::

    y[k] = (f'(x)·x')[k - 1] / k

and the series on the right ask for coefficients of x and y below the k-th only: exp, which is its own
derivative, sine and cosine, which are each other's, and all the rest become the recurrences of the textbooks.
Linear operations are applied to each coefficient, products are convolutions, and loops and branches carry the
coefficients along.  Unlike nested forward mode, which doubles with each order, this grows with its square.

References
----------
Andreas Griewank, Andrea Walther: *Evaluating Derivatives*, 2nd edition, SIAM 2008, chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.graph import Eqn, Graph, Lit, Var
from staticbp.core.primitive import (
    Params,
    Primitive,
    Rules,
    Traced,
    Value,
    at,
    bind,
    lift,
    named,
    recorded_equations,
    value_aval,
)
from staticbp.ops.arithmetic import add, div, mul, neg, square, sub, where
from staticbp.ops.branches import cond
from staticbp.ops.control import scan
from staticbp.ops.families import Bilinear
from staticbp.ops.iteration import while_loop
from staticbp.ops.linear import Linear, add_all, fill, literal
from staticbp.trace.trace import rebuild, var_names

Coefficients = Sequence[Value | None]


def expand(rules: Rules, graph: Graph, ins: Sequence[Coefficients], order: int) -> list[list[Value | None]]:
    """The coefficients, up to `order`, of the results of a graph; those of each input start with its value.

    Recorded where it is called, as `core.primitive.inline` is.  An input of which the value alone is given is constant.
    """
    expansion = _Expansion(rules, order)
    env: dict[Var, Series] = {}
    for var, given in zip(graph.invars, ins, strict=True):
        value, *later = given
        series = env[var] = _known(lift(value), [None if c is None else lift(c) for c in later])
        _ = series[order]
    env.update({var: _known(array) for var, array in graph.consts})
    for eqn in graph.eqns:
        before = len(recorded_equations())
        with at(eqn):
            outs = expansion.apply(eqn.op, [expansion.read(env, atom) for atom in eqn.ins], eqn.params)
            coefficients = [[out[k] for k in range(order + 1)] for out in outs]
        fresh = {out for new in recorded_equations()[before:] for out in new.outs}
        for var, out, values in zip(eqn.outs, outs, coefficients, strict=True):
            env[var] = out
            for k, value in enumerate(values):
                if isinstance(value, Traced) and value.atom in fresh:
                    named(value, f"{var.name}_{k}" if k else var.name)
    return [[expansion.read(env, atom)[k] for k in range(order + 1)] for atom in graph.outs]


class Series:
    """A power series; `later` gives a coefficient when all those before it are known.

    Of a polynomial the `degree` is known, so that its last derivative is known to be a constant.
    """

    def __init__(
        self, first: Value | None, later: Callable[[int], Value | None] | None = None, degree: int | None = None
    ) -> None:
        self.known: list[Value | None] = [first]
        self._later = later
        self.degree = degree
        self._slope: Series | None = None

    @property
    def still(self) -> bool:
        """Whether this is a constant."""
        return self._later is None

    def __getitem__(self, k: int) -> Value | None:
        while len(self.known) <= k:
            self.known.append(None if self._later is None else self._later(len(self.known)))
        return self.known[k]

    def slope(self) -> Series:
        """The derivative with respect to the parameter."""
        if self._slope is None:
            degree = None if self.degree is None else self.degree - 1
            later = None if degree == 0 else lambda k: _scaled(self[k + 1], k + 1)
            self._slope = Series(self[1], later, degree)
        return self._slope


def _known(value: Value, later: Coefficients = ()) -> Series:
    if all(c is None for c in later):
        return Series(value)
    degree = max(k for k, c in enumerate(later, 1) if c is not None)
    return Series(value, lambda k: later[k - 1] if k <= degree else None, degree)


def _degree(of: Callable[[list[int]], int], ins: Sequence[Series]) -> int | None:
    """The degree of what is made of these, where all of them are polynomials."""
    degrees = [0 if s.still else s.degree for s in ins]
    known = [degree for degree in degrees if degree is not None]
    return of(known) if len(known) == len(degrees) else None


def _scaled(value: Value | None, factor: int) -> Value | None:
    return value if value is None or factor == 1 else value * factor


class _Expansion:
    """Series through equations.  The same operation of the same series is the same series."""

    def __init__(self, rules: Rules, order: int) -> None:
        self._rules = rules
        self._order = order
        self._done: dict[Hashable, list[Series]] = {}
        self._literals: dict[Hashable, Series] = {}

    def read(self, env: dict[Var, Series], atom: Var | Lit) -> Series:
        """The series of an atom."""
        if isinstance(atom, Var):
            return env[atom]
        return self._literals.setdefault(atom.key(), Series(lift(atom)))

    def apply(self, op: Primitive, ins: Sequence[Series], params: Params) -> list[Series]:
        """The results of an operation."""
        key = _key(op, ins, params)
        found = self._done.get(key)
        if found is None:
            found = self._done[key] = self._applied(op, ins, params)
            self._done[key, "operands"] = list(ins)  # keeps them alive, for the key knows them by their ids
        return found

    def _applied(self, op: Primitive, ins: Sequence[Series], params: Params) -> list[Series]:
        values = [_start(series) for series in ins]
        avals = [value_aval(v) for v in values]
        flows = op.differentiable(avals, params) and any(a.is_float for a in op.avals(avals, params))
        if not flows or all(s.still for s in ins):
            return [Series(out) for out in bind(op, values, params)]
        if op is square:
            return [_product(mul, ins[0], ins[0], params)]
        if op is mul or isinstance(op, Bilinear):
            return [_product(op, ins[0], ins[1], params)]
        if op is div:
            return [_quotient(*ins)]
        if op in (add, sub, neg, where) or isinstance(op, Linear):
            return [self._linear(op, ins, values, params)]
        if op in (scan, while_loop, cond):
            return _Body(self._rules, op, ins, params, self._order).results()
        return self._by_slope(op, ins, values, params)

    def _linear(self, op: Primitive, ins: Sequence[Series], values: Sequence[Value], params: Params) -> Series:
        def at_order(k: int) -> Value | None:
            tangents = [s[k] if k == 0 or not s.still else None for s in ins]
            if all(t is None for t in tangents):
                return None
            return op.pushforward(self._rules, tangents, values, params)[1][0]

        first = None if all(s[0] is None for s in ins if not s.still) else bind(op, values, params)[0]
        return Series(first, at_order, _degree(max, ins))

    def _by_slope(self, op: Primitive, ins: Sequence[Series], values: Sequence[Value], params: Params) -> list[Series]:
        """By the derivative that forward mode writes down."""
        atoms = [literal(v) if s.still else None for s, v in zip(ins, values, strict=True)]
        variables = [Var(value_aval(v), "x") if a is None else None for a, v in zip(atoms, values, strict=True)]
        given = [s for s, var in zip(ins, variables, strict=True) if var is not None]
        outs = tuple(Var(aval, op.name) for aval in op.avals([value_aval(v) for v in values], params))
        invars = tuple(var for var in variables if var is not None)
        operands = tuple(x for pair in zip(atoms, variables, strict=True) for x in pair if x is not None)
        alone = Graph(op.name, invars, (Eqn(outs, op, operands, params),), outs)
        moving = [not s.still for s in given]
        wanted = self._rules.active_outputs(alone, moving)
        slopes: list[Series | None] = []

        def later(position: int) -> Callable[[int], Value | None] | None:
            def at_order(k: int) -> Value | None:
                if not slopes:
                    moved = self._rules.jvp(alone, moving)
                    dots = [s.slope() for s in given if not s.still]
                    found = iter(self._inline(moved, [*given, *dots])[len(outs) :])
                    slopes[:] = [next(found) if flag else None for flag in wanted]
                slope = slopes[position]
                value = None if slope is None else slope[k - 1]
                return value if value is None or k == 1 else value / k

            return at_order if wanted[position] else None

        return [Series(out, later(i)) for i, out in enumerate(bind(op, values, params))]

    def _inline(self, graph: Graph, ins: Sequence[Series]) -> list[Series]:
        env = dict(zip(graph.invars, ins, strict=True))
        env.update({var: _known(array) for var, array in graph.consts})
        for eqn in graph.eqns:
            outs = self.apply(eqn.op, [self.read(env, atom) for atom in eqn.ins], eqn.params)
            env.update(zip(eqn.outs, outs, strict=True))
        return [self.read(env, atom) for atom in graph.outs]


def _start(series: Series) -> Value:
    value = series[0]
    if value is not None:
        return value
    known = next(c for k in range(1, 1000) if (c := series[k]) is not None)
    return lift(fill(0, value_aval(known).strong()))


def _product(op: Primitive, x: Series, y: Series, params: Params) -> Series:
    """``(x·y)[k]`` is the sum of all ``x[i]·y[k - i]``."""

    def at_order(k: int) -> Value | None:
        pairs = [(x[i], y[k - i]) for i in range(k + 1) if not (x.still and i) and not (y.still and i < k)]
        return add_all([bind(op, (a, b), params)[0] for a, b in pairs if a is not None and b is not None])

    return Series(at_order(0), at_order, _degree(sum, (x, y)))


def _quotient(x: Series, y: Series) -> Series:
    """``z = x/y``: what is missing in ``x = z·y`` is ``z[k]·y[0]``."""

    def at_order(k: int) -> Value | None:
        left = None if x.still and k else x[k]
        known = () if y.still else ((z[k - i], y[i]) for i in range(1, k + 1))
        total = add_all([a * b for a, b in known if a is not None and b is not None])
        rest = left if total is None else -total if left is None else left - total
        return None if rest is None else rest / y[0]

    z = Series(None, at_order)
    z.known[0] = at_order(0)
    return z


class _Body:
    """A loop or a branch: its body becomes one that carries coefficients, stacked along a new axis."""

    def __init__(self, rules: Rules, op: Primitive, ins: Sequence[Series], params: Params, order: int) -> None:
        self._rules = rules
        self._op = op
        self._ins = ins
        self._params = params
        self._most = order
        self._order = 0
        self._made: list[list[Value | None]] = []
        self._flags, self._always = self._activity()

    def results(self) -> list[Series]:
        """A series for each result."""

        def later(position: int) -> Callable[[int], Value | None]:
            return lambda k: self._up_to(k)[position][k]

        # To first order at once: the values come with it.
        return [Series(made[0], later(i)) for i, made in enumerate(self._up_to(1))]

    def _up_to(self, k: int) -> list[list[Value | None]]:
        if k > self._order:
            known = all(s.still or len(s.known) > self._most for s in self._ins)
            self._order = self._most if known else k
            self._made = self._run(self._order)
        return self._made

    def _activity(self) -> tuple[list[bool], frozenset[int]]:
        """Which operands move, before any step; and which results always do."""
        flags = [not s.still for s in self._ins]
        params, active = self._params, self._rules.active_outputs
        if self._op is cond:
            moving = [active(branch, flags[1:]) for branch in params["branches"]]
            return flags, frozenset(i for flow in moving for i, flag in enumerate(flow) if flag)
        first = params["n_consts"]
        count = self._carried()
        while True:
            after = active(params["body"], flags)
            grown = [flags[first + i] or after[i] for i in range(count)]
            if grown == flags[first : first + count]:
                return flags, frozenset(i for i, flag in enumerate(grown) if flag)
            flags[first : first + count] = grown

    def _carried(self) -> int:
        """How many values a loop carries; what results there are besides are rows."""
        return int(self._params.get("n_carry", len(self._ins) - self._params["n_consts"]))

    def _is_row(self, operand: int) -> bool:
        return self._op is scan and operand >= self._params["n_consts"] + self._params["n_carry"]

    def _run(self, order: int) -> list[list[Value | None]]:
        values = [_start(series) for series in self._ins]
        tangents = [
            _stacked([s[k] for k in range(1, order + 1)], value, 1 if self._is_row(i) else 0) if flag else None
            for i, (s, value, flag) in enumerate(zip(self._ins, values, self._flags, strict=True))
        ]
        rules = _Truncated(self._rules, order, self._always)
        outs, dots = self._op.pushforward(rules, tangents, values, self._params)
        collected = len(outs) if self._op is cond else self._carried()
        return [
            [out, *(None if dot is None else dot[:, k] if i >= collected else dot[k] for k in range(order))]
            for i, (out, dot) in enumerate(zip(outs, dots, strict=True))
        ]


class _Truncated:
    """Rules by which a body's tangents are stacks of coefficients, from the first to the one of this order."""

    def __init__(self, rules: Rules, order: int, always: frozenset[int]) -> None:
        self._rules = rules
        self._order = order
        self._always = always
        self.build, self.vjp, self.split, self.batch = rules.build, rules.vjp, rules.split, rules.batch

    def active_outputs(self, body: Graph, active: Sequence[bool]) -> list[bool]:
        """Which results move, those included that are carried on by steps in which they do not."""
        flow = self._rules.active_outputs(body, active)
        return [flag or i in self._always for i, flag in enumerate(flow)]

    def jvp(self, body: Graph, active: Sequence[bool]) -> Graph:
        """``(*ins, *stacks of the active ins) -> (*outs, *stacks of the active outs)``."""
        wanted = self.active_outputs(body, active)
        moving = [var for var, flag in zip(body.invars, active, strict=True) if flag]
        count = len(body.invars)

        def joint(*values: Value) -> list[Value]:
            stacks = dict(zip(moving, values[count:], strict=True))
            ins = [
                [value, *(stacks[var][k] for k in range(self._order))] if var in stacks else [value]
                for var, value in zip(body.invars, values[:count], strict=True)
            ]
            outs = expand(self._rules, body, ins, self._order)
            dots = [_stacked(later, out, 0) for (out, *later), flag in zip(outs, wanted, strict=True) if flag]
            return [*(out[0] for out in outs), *dots]

        avals = [Aval((self._order, *var.aval.shape), var.aval.dtype) for var in moving]
        names = [*var_names(body.invars), *var_names(moving, "_series")]
        return rebuild(body, joint, [*body.in_avals, *avals], names)


def _stacked(coefficients: Iterable[Value | None], like: Value, axis: int) -> Value:
    still = fill(0, value_aval(like).strong())
    return np.stack([still if c is None else c for c in coefficients], axis=axis)


def _key(op: Primitive, ins: Sequence[Series], params: Params) -> Hashable:
    operands = tuple(map(id, ins))
    key = (id(op), tuple(sorted(params.items())), operands)
    try:
        hash(key)
    except TypeError:  # a list or a dict among the params
        return (id(op), id(params), operands)
    return key
