"""The engine of the rewriting passes: one sweep forward over a graph, with a table of small rules.

A `Rule` looks at one equation and gives an atom that is worth the same, or None.  It sees through the operands
of the equation with `Rewriter.made_by` and records what it needs with `Rewriter.emit`; what it records is
rewritten in turn.  So every pass costs time linear in the size of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from staticbp.core.aval import Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.primitive import Primitive
from staticbp.ops.linear import cast

Rule = Callable[["Rewriter", Eqn], Atom | None]
RuleSource = Callable[[Primitive], Sequence[Rule]]

# How deep rules may be applied to what rules have made.  Each rule makes its equation simpler, so that this is
# never reached; it turns a pair of rules that undo each other into a rewrite that merely stops.
DEPTH = 32


_OF_NUMBERS: set[Rule] = set()


def of_numbers(rule: Rule) -> Rule:
    """Mark a rule that finds nothing where no operand is a literal: it is not tried there."""
    _OF_NUMBERS.add(rule)
    return rule


class Note(NamedTuple):
    """A rewrite worth telling the user about: the name of the rule, and the line it changed."""

    rule: str
    src: SrcLine | None

    def __str__(self) -> str:
        return self.rule if self.src is None else f"{self.rule}: {self.src}"


class Rules:
    """A table of rules, by the operation of the equation that they rewrite.

    Examples
    --------
    >>> from staticbp.ops.arithmetic import neg
    >>> table = Rules()
    >>> @table.on(neg)
    ... def double_negation(at, eqn):
    ...     return at.under(neg, eqn.ins[0])
    >>> [rule.__name__ for rule in table.of(neg)]
    ['double_negation']
    """

    def __init__(self) -> None:
        self._rules: dict[Primitive, list[Rule]] = {}

    def on(self, *ops: Primitive) -> Callable[[Rule], Rule]:
        """Enter the decorated rule for equations of the given operations."""

        def enter(rule: Rule) -> Rule:
            for op in ops:
                self._rules.setdefault(op, []).append(rule)
            return rule

        return enter

    def of(self, op: Primitive) -> Sequence[Rule]:
        """The rules for equations of `op`, in the order in which they are tried."""
        return self._rules.get(op, ())

    def __iter__(self) -> Iterator[Rule]:
        return iter(dict.fromkeys(rule for rules in self._rules.values() for rule in rules))


class Rewriter:
    """One sweep over `graph`; `rules` gives the rules for an operation, `notes` collects which of them applied."""

    def __init__(self, graph: Graph, rules: RuleSource, notes: list[Note] | None = None) -> None:
        self.graph = graph
        self._rules = rules
        self._by_op: dict[Primitive, tuple[Sequence[Rule], Sequence[Rule]]] = {}
        self._notes = notes
        self.memo: dict[Eqn, Sequence[int]] = {}  # for rules: what they found out about an equation
        self._definitions: dict[Var, Eqn] = {}
        self._atoms: dict[Var, Atom] = {}
        self._eqns: list[Eqn] = []
        self._current: Eqn | None = None
        self._fresh: set[Var] = set()
        self._depth = 0
        self._changed = False

    def run(self) -> Graph:
        """The rewritten graph; the very same one when no rule applied."""
        for eqn in self.graph.eqns:
            self._current, self._depth = eqn, 0
            self._fresh.clear()
            present = substituted(eqn, self._atoms)
            new = self._rewritten(present)
            if new is None:
                self._append(present)
                continue
            self._changed = True
            (out,) = eqn.outs
            if isinstance(new, Var) and new in self._fresh:
                new.name = out.name
            self._atoms[out] = new
        if not self._changed:
            return self.graph
        return self.graph.with_eqns(self._eqns, replaced(self.graph.outs, self._atoms))

    # -- what rules are written with ----------------------------------------------------------------------
    def made_by(self, atom: Atom, *ops: Primitive) -> Eqn | None:
        """The equation that defines `atom`, if it is one of the given operations (any, when none is given).

        The conversion of a Python scalar to an array of the same dtype is looked through.
        """
        eqn = None if isinstance(atom, Lit) else self._definitions.get(atom)
        while eqn is not None and ops and eqn.op not in ops:
            inner = eqn.ins[0] if eqn.op is cast else None
            if not isinstance(inner, Var) or inner.aval.dtype != eqn.outs[0].aval.dtype:
                return None
            eqn = self._definitions.get(inner)
        return eqn

    def under(self, op: Primitive, atom: Atom) -> Atom | None:
        """The first operand of the equation that defines `atom`, if that is one of `op`."""
        eqn = self.made_by(atom, op)
        return None if eqn is None else eqn.ins[0]

    def emit(self, op: Primitive, *ins: Atom, **params: Any) -> Atom:
        """The result of a new equation, rewritten by the rules in its turn."""
        current = self._current
        assert current is not None
        (aval,) = op.avals([a.aval for a in ins], params)
        stem = current.outs[0].name.removesuffix(f"_{current.op.label}")
        out = Var(aval, f"{stem}_{op.label}")
        eqn = Eqn((out,), op, ins, params, current.src, current.adjoint)
        self._depth += 1
        new = self._rewritten(eqn) if self._depth < DEPTH else None
        self._depth -= 1
        if new is not None:
            return new
        self._append(eqn)
        self._fresh.add(out)
        return out

    @property
    def adjoint(self) -> bool:
        """Whether the equation at hand belongs to a derivative."""
        assert self._current is not None
        return self._current.adjoint

    # -- the sweep ----------------------------------------------------------------------------------------
    def _rewritten(self, eqn: Eqn) -> Atom | None:
        mark = len(self._eqns)
        for rule in self._rules_for(eqn):
            new = rule(self, eqn)
            if new is None and len(self._eqns) == mark:
                continue
            out = eqn.outs[0].aval
            # Weakness is part of the type: a weak scalar does not stand in for a strong one.
            if new is not None and new.aval != out and new.aval.strong() == out:
                new = self.emit(cast, new, dtype=out.dtype)
            if new is not None and new.aval == out:
                if self._notes is not None:
                    self._notes.append(Note(rule.__name__, eqn.src))
                return new
            self._withdraw(mark)
        return None

    def _rules_for(self, eqn: Eqn) -> Sequence[Rule]:
        """The rules that may find something in an equation."""
        found = self._by_op.get(eqn.op)
        if found is None:
            every = self._rules(eqn.op)
            found = self._by_op[eqn.op] = every, [rule for rule in every if rule not in _OF_NUMBERS]
        for atom in eqn.ins:
            if isinstance(atom, Lit):
                return found[0]
        return found[1]

    def _withdraw(self, mark: int) -> None:
        """Forget the equations recorded since there were `mark` of them: their rule came to nothing."""
        for eqn in self._eqns[mark:]:
            for out in eqn.outs:
                del self._definitions[out]
        del self._eqns[mark:]

    def _append(self, eqn: Eqn) -> None:
        self._eqns.append(eqn)
        for out in eqn.outs:
            self._definitions[out] = eqn


def substituted(eqn: Eqn, atoms: Mapping[Var, Atom]) -> Eqn:
    """`eqn` with its operands replaced as `atoms` says; the very same one when none is."""
    for atom in eqn.ins:
        if isinstance(atom, Var) and atom in atoms:
            return Eqn(eqn.outs, eqn.op, replaced(eqn.ins, atoms), eqn.params, eqn.src, eqn.adjoint)
    return eqn


def renamed(eqn: Eqn, names: Mapping[Var, Var]) -> Eqn:
    """`eqn` with its operands and its results called as `names` says; the very same one when none is in it."""
    outs, ins = tuple([names.get(out, out) for out in eqn.outs]), replaced(eqn.ins, names)
    return eqn if outs == eqn.outs and ins == eqn.ins else Eqn(outs, eqn.op, ins, eqn.params, eqn.src, eqn.adjoint)


def replaced(these: Iterable[Atom], atoms: Mapping[Var, Atom]) -> tuple[Atom, ...]:
    """Atoms with variables replaced as `atoms` says."""
    return tuple([atoms.get(a, a) if isinstance(a, Var) else a for a in these])


def filled(number: Any, aval: Aval) -> Lit:
    """The literal `number` of the type `aval`."""
    return Lit(number, aval)


def either(eqn: Eqn) -> tuple[tuple[Atom, Atom], tuple[Atom, Atom]]:
    """The two operands of an equation in both orders."""
    x, y = eqn.ins
    return (x, y), (y, x)


def same(x: Atom, y: Atom) -> bool:
    """Whether two atoms are one variable, or literals of the same bits."""
    return x is y or (isinstance(x, Lit) and x == y)


def is_number(atom: Atom, number: float) -> bool:
    """Whether `atom` is the literal `number`; zero of either sign is zero."""
    return isinstance(atom, Lit) and atom.is_value(number)
