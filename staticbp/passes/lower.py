"""Graph to schedule: what is kept in memory, what is computed where it is used, and in which loops.

Every variable is either *placed* (a buffer, or a local scalar) or *inlined*: its expression is written out where
an element of it is read (`inlining.py`).  Each placed variable makes one loop nest or kernel call
(`equations.py`), and `fuse.py` merges a nest into an earlier one wherever that is legal.  Loops of the graph stay
loops.  Then values are kept in registers where they need no memory, and what is left is given its place in
the workspace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, INT64, UINT8, Aval
from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import Control
from staticbp.core.recording import decided
from staticbp.core.schedule import (
    Affine,
    Apply,
    Buffer,
    Check,
    Const,
    Expr,
    FunctionCall,
    If,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Schedule,
    Size,
    Stmt,
    Store,
    While,
    expr_dtype,
    loop_index,
)
from staticbp.core.shape import DimExpr
from staticbp.core.text import Names
from staticbp.core.traverse import loads, walk
from staticbp.ops.branches import cond
from staticbp.ops.call import call
from staticbp.ops.checkpoint import afresh
from staticbp.ops.iteration import while_loop
from staticbp.passes.carry import assign, insert_early, update_in_place
from staticbp.passes.effort import is_long
from staticbp.passes.epilogue import absorb_updates
from staticbp.passes.equations import Place
from staticbp.passes.guards import settle_guards
from staticbp.passes.keeping import Counters
from staticbp.passes.names import result_name, reuse_names, unused, variables
from staticbp.passes.nests import stamp
from staticbp.passes.overwrite import Overwriting
from staticbp.passes.parallel import share_out
from staticbp.passes.plan import plan
from staticbp.passes.registers import keep_in_registers
from staticbp.passes.rotate import share_passes
from staticbp.passes.rowwise import make_rows_where_read
from staticbp.passes.share import share_expressions
from staticbp.passes.shared import Functions, Shared

LOOP_NAMES = ("i", "j", "k", "l", "m", "n", "p", "q")
STEP_NAMES = ("t", "s", "r", "u", "v", "w")
BUILTINS = {"range", "min", "max", "abs", "len", "int", "float", "bool", "complex"}
KERNELS = {"blas", "clock", "fft", "kernels", "linalg", "native", "threads"}
RESERVED = BUILTINS | KERNELS | {"np", "vm", "work", "progress", "start", "stop"}


def lower(graph: Graph, donated: Mapping[int, int] | None = None) -> Schedule:
    """The schedule of a graph: loops fused, memory planned.

    `donated` says which outputs are written over inputs, by their numbers.  Those are no results of the schedule.
    """
    functions = Functions(graph, _lower)
    schedule = _lower(graph, graph.name, functions, donated, resumable=any(is_long(eqn) for eqn in graph.eqns))
    schedule.functions = [*functions.lowered.values()]
    return schedule


def _lower(
    graph: Graph,
    name: str,
    functions: Functions,
    donated: Mapping[int, int] | None = None,
    resumable: bool = False,
) -> Schedule:
    """The schedule of one function of the module; a `resumable` one can be left and taken up again."""
    updated = donated or {}
    symbols = sorted({name for v in graph.invars for name in shapes.symbols(v.aval.shape)})
    sizes = {*symbols, *map(shapes.padded_name, symbols)}
    used = {v.name for v in variables(graph)} | sizes
    reserved = RESERVED | functions.names
    loops, steps = unused(LOOP_NAMES, used), unused(STEP_NAMES, used)
    shared = Shared(Names(reserved | {*loops, *steps, *sizes}), loops, steps, functions)
    arguments = [Buffer(shared.names.of(v), v.aval, "argument") for v in graph.invars]
    constants = [Buffer(shared.names.of(v), v.aval, "constant") for v, _ in graph.consts]
    inputs = [*graph.invars, *(v for v, _ in graph.consts)]
    places: dict[Var, Place] = {v: Ref(b) for v, b in zip(inputs, [*arguments, *constants], strict=True)}
    fresh = [atom for i, atom in enumerate(graph.outs) if i not in updated]
    results = [Buffer(result_name(atom, shared.names), atom.aval.strong(), "result") for atom in fresh]
    block: list[Stmt] = []
    ordered = graph.with_eqns(graph.eqns, [*(graph.outs[i] for i in updated), *fresh])
    lowerer = Lowerer(shared, ordered, block, places, depth=0, steps=0, resumable=resumable)
    lowerer.run_updates(
        [graph.invars[i] for i in updated.values()],
        [Ref(arguments[i]) for i in updated.values()],
        [Ref(b) for b in results],
    )
    absorb_updates(block)
    schedule = Schedule(name, arguments, constants, results, shared.temporaries, block, shared.failures)
    schedule.sizes = [_size(name, arguments) for name in symbols]
    keep_in_registers(schedule, shared.names)
    settle_guards(schedule)
    share_expressions(schedule, shared.names)
    share_out(schedule, shared.names, loops)
    make_rows_where_read(schedule)
    reuse_names(schedule, shared.names)
    plan(schedule)
    return schedule


def _size(name: str, arguments: Sequence[Buffer]) -> Size:
    """Where the size is found that a symbol stands for: the first axis that has it."""
    axes = ((b, axis, dim) for b in arguments for axis, dim in enumerate(b.aval.shape))
    return next(Size(name, b, axis) for b, axis, dim in axes if isinstance(dim, DimExpr) and dim.name == name)


class Lowerer(Overwriting):
    """Lowers a graph with the loops in it: their bodies are lowered by lowerers of their own."""

    def control(self, eqn: Eqn) -> None:
        """Lower an equation whose params hold graphs: each gets a lowerer and a block of its own."""
        if eqn.op is cond:
            self._cond(eqn)
        elif eqn.op is while_loop:
            self._while(eqn)
        elif eqn.op is afresh:
            self._afresh(eqn)
        elif eqn.op is call:
            self._call(eqn)
        else:
            self._scan(eqn)

    def _cond(self, eqn: Eqn) -> None:
        """Lower a choice between graphs: branches that leave their results in the same places."""
        operands = [self._operand_place(atom) for atom in eqn.ins[1:]]
        self.sources = [eqn.src] if eqn.src is not None else []
        index = self.read(eqn.ins[0], ())
        sources = self._take_sources()
        lasting = all(load.buffer.role == "argument" for load in loads(index))
        if not lasting or (isinstance(index, Apply) and expr_dtype(index) != BOOL):
            name = "chosen" if expr_dtype(index) == INT64 else "holds"
            picked = Let(self.shared.names.fresh(name), index)
            stamp(picked, sources, eqn.adjoint)
            self.block.append(picked)
            index = Local(picked.name, expr_dtype(index))
        over = self.overwritten(eqn)
        in_place = {out: place for out in over if (place := self.in_place(eqn, out, over[out])) is not None}
        self.places.update(in_place)
        results = [in_place.get(out) or self.place(out) for out in eqn.outs]
        arms: list[list[Stmt]] = []
        for branch in eqn.params["branches"]:
            arm: list[Stmt] = []
            places = dict(zip(branch.invars, operands, strict=True))
            inner = Lowerer(self.shared, branch, arm, places, self.depth + 1, self.steps, resumable=False)
            inner.carried.update(branch.invars[eqn.ins.index(over[out]) - 1] for out in in_place)
            inner.run_branch(results)
            arms.append(arm)
        if expr_dtype(index) == BOOL:
            block: list[Stmt] = [If(index, arms[1], arms[0])]
        else:
            block = arms[-1]
            for number in range(len(arms) - 2, -1, -1):
                test = Apply("{0} <= {1}", (index, Const(np.int64(number))), BOOL)
                block = [If(test, arms[number], block)]
        for stmt in block:
            stamp(stmt, sources, eqn.adjoint)
        self.block.extend(block)

    def _afresh(self, eqn: Eqn) -> None:
        """Let the results be where the operands are, and whatever comes now stay behind what there is."""
        for atom, out in zip(eqn.ins, eqn.outs, strict=True):
            if out in self.fixed:
                self.copy(atom, self.fixed[out])
                self.places[out] = self.fixed[out]
            else:
                self.places[out] = self._operand_place(atom)
        self.fence = self.block[-1] if self.block else None

    def _call(self, eqn: Eqn) -> None:
        """Call a function: it is handed its operands, memory for its results, and some to work in."""
        function = self.shared.functions.of(eqn.params["body"])
        self.sources = [eqn.src] if eqn.src is not None else []
        ins = [self.whole(atom) if atom.aval.shape else self.read(atom, ()) for atom in eqn.ins]
        for out in eqn.outs:
            self.fixed.setdefault(out, Ref(self.shared.buffer(out.name, out.aval)))
        outs = [place for out in eqn.outs if isinstance(place := self.place(out), Ref)]
        if function.workspace:
            outs.append(Ref(self.shared.buffer(f"{function.name}_work", Aval((function.workspace,), UINT8))))
        reads = tuple(place for place in ins if isinstance(place, Ref))
        status = int(any(isinstance(stmt, Check) or getattr(stmt, "status", 0) for stmt in walk(function.body)))
        self.add(FunctionCall(function.name, (*ins, *outs), reads, tuple(outs), status, function=function), eqn)

    def run_branch(self, results: Sequence[Place]) -> None:
        """Lower a branch, which leaves the graph's outputs in `results`: memory, or local scalars."""
        copies: list[tuple[Atom, Place]] = []
        for atom, place in zip(self.graph.outs, results, strict=True):
            if isinstance(place, Ref) and isinstance(atom, Var) and atom in self.defined and atom not in self.fixed:
                self.fixed[atom] = place
            else:
                copies.append((atom, place))
        self._fix_reshaped()
        for eqn in self.graph.eqns:
            self._lower(eqn)
        for atom, place in copies:
            if isinstance(place, Ref) and not (isinstance(atom, Var) and self.places.get(atom) == place):
                self.copy(atom, place)
            elif isinstance(place, Local):
                value = Let(place.name, self.read(atom, ()))
                stamp(value, self._take_sources(), self.in_adjoint)
                self.block.append(value)

    def _while(self, eqn: Eqn) -> None:
        """Lower a loop that a test ends: the test is lowered into the head of it."""
        test, body, n_consts = eqn.params["test"], eqn.params["body"], eqn.params["n_consts"]
        operands = [self._operand_place(atom) for atom in eqn.ins[:n_consts]]
        outs = eqn.outs[: len(eqn.ins) - n_consts]
        carries = self._start_carries(eqn, body.invars[n_consts:], eqn.ins[n_consts:], outs)
        head: list[Stmt] = []
        block: list[Stmt] = []
        counting = self._keep_carries(eqn, carries, head) if eqn.params.get("saving") else []
        places = [*operands, *carries]
        known = dict(zip(test.invars, places, strict=True))
        tester = Lowerer(self.shared, test, head, known, self.depth + 1, self.steps, resumable=False)
        for asked in test.eqns:
            tester._lower(asked)
        going = tester.read(test.outs[0], ())
        known = dict(zip(body.invars, places, strict=True))
        inner = Lowerer(self.shared, body, block, known, self.depth + 1, self.steps, resumable=False)
        inner.run_body(carries, [], body.invars[n_consts:])
        absorb_updates(block)
        loop = While(head, going, [*counting, *block])
        loop.src, loop.adjoint = (eqn.src,) if eqn.src is not None else (), eqn.adjoint
        self.block.append(loop)
        self._settle_carries(eqn.outs[: len(outs) + 2] if counting else outs)

    def _keep_carries(self, eqn: Eqn, carries: Sequence[Place], head: list[Stmt]) -> list[Stmt]:
        """Let the head of a loop keep the carry of some of its steps; what counts them is to stand in its body."""
        n_carry, slots = len(carries), eqn.params["slots"]
        steps, stride, *kept = eqn.outs[n_carry:]
        counters = (steps, stride, Var(steps.aval, "rows"))
        starts = [Lit(np.int64(n), steps.aval) for n in (0, 1, 0)]
        found = Counters(*self._start_carries(eqn, counters, starts, counters))  # type: ignore[arg-type]
        for out in kept:
            self.fixed.setdefault(out, Ref(self.shared.buffer(out.name, out.aval)))
        rows = [place for out in kept if isinstance(place := self.place(out), Ref)]

        def element(number: int, index: Sequence[Affine]) -> Expr:
            carry = carries[number]
            assert not isinstance(carry, Lit)  # a carry has a place of its own
            return Load(carry.buffer, carry.at(index)) if isinstance(carry, Ref) else carry

        head.append(found.keeping(rows, element, slots, self._indexes))
        return [found.counting()]

    def _start_carries(
        self, eqn: Eqn, variables: Sequence[Var], starts: Sequence[Atom], outs: Sequence[Var]
    ) -> list[Place]:
        """Where a loop carries values, which have their first ones then."""
        carries: list[Place] = []
        for var, atom, out in zip(variables, starts, outs, strict=True):
            carry = self._carry_place(var, out)
            self.places[out] = carry
            carries.append(carry)
            if isinstance(carry, Local):
                self.sources = []
                start = Let(carry.name, self.read(atom, ()))
                stamp(start, self._take_sources(), eqn.adjoint)
                self.block.append(start)
            elif isinstance(carry, Ref) and not (isinstance(atom, Var) and self.places.get(atom) == carry):
                self.copy(atom, carry, eqn.src)
        return carries

    def _settle_carries(self, outs: Sequence[Var]) -> None:
        """Results of the graph that were carried in local scalars go where they belong."""
        for out in outs:
            fixed = self.fixed.get(out)
            if fixed is not None and self.places[out] != fixed:
                self.copy(out, fixed)
                self.places[out] = fixed

    def _scan(self, eqn: Eqn) -> None:
        """Lower a scan: a real loop, its carry updated in place wherever nobody can see it."""
        body, length = eqn.params["body"], eqn.params["length"]
        n_consts, n_carry = eqn.params["n_consts"], eqn.params["n_carry"]
        n_loop = n_consts + n_carry
        sliced = self.resumable and self.depth == 0 and is_long(eqn)
        step = loop_index(self.shared.step_names[self.steps])
        inner_places: dict[Var, Place] = {}
        for var, atom in zip(body.invars[:n_consts], eqn.ins[:n_consts], strict=True):
            inner_places[var] = self._operand_place(atom)
        for var, atom in zip(body.invars[n_loop:], eqn.ins[n_loop:], strict=True):
            inner_places[var] = self.whole(atom).row(step)
        carried = body.invars[n_consts:n_loop]
        carries = self._start_carries(eqn, carried, eqn.ins[n_consts:n_loop], eqn.outs[:n_carry])
        inner_places.update(zip(carried, carries, strict=True))
        rows: list[Ref] = []
        for out in eqn.outs[n_carry:]:
            self.fixed.setdefault(out, Ref(self.shared.buffer(out.name, out.aval)))
            place = self.place(out)
            assert isinstance(place, Ref)
            rows.append(place.row(step))
        block = self._load_scalars(body, inner_places)
        inner = Lowerer(self.shared, body, block, inner_places, self.depth + 1, self.steps + 1, resumable=False)
        inner.run_body(carries, rows, body.invars[n_consts:n_loop])
        loop = Loop(
            step.terms[0][0], length, block, eqn.params["reverse"], True, sliced, turn=eqn.params.get("turn", 1)
        )
        loop.src, loop.adjoint = (eqn.src,) if eqn.src is not None else (), eqn.adjoint
        absorb_updates(block)
        if not eqn.params["reverse"]:
            carried = [place.buffer for place in carries if isinstance(place, Ref)]
            self.block.extend(share_passes(block, loop.index, length, carried, self.shared))
        self.block.append(loop)
        self._settle_carries(eqn.outs[:n_carry])

    def _load_scalars(self, body: Graph, places: dict[Var, Place]) -> list[Stmt]:
        """Read scalars that lie in memory once a step, into locals: no store can be in doubt about them then."""
        used = {atom for eqn in body.eqns for atom in eqn.ins}
        loads: list[Stmt] = []
        for var, place in places.items():
            if isinstance(place, Ref) and not place.shape and place.buffer.role != "argument" and var in used:
                local = Local(self.shared.names.fresh(var.name), var.aval.dtype)
                loads.append(Let(local.name, Load(place.buffer, place.at(()))))
                places[var] = local
        return loads

    def _operand_place(self, atom: Atom) -> Place:
        if isinstance(atom, Lit):
            return atom
        place = self.places.get(atom)
        return place if place is not None else self.whole(atom)

    def _carry_place(self, var: Var, out: Var) -> Place:
        if out in self.fixed:
            return self.fixed[out] if out.aval.shape or self.resumable else self._local_carry(var)
        if not var.aval.shape and not self.resumable:
            return self._local_carry(var)
        return Ref(self.shared.buffer(var.name, var.aval))

    def _local_carry(self, var: Var) -> Local:
        return Local(self.shared.names.fresh(var.name), var.aval.dtype)

    def run_updates(self, inputs: Sequence[Var], memory: Sequence[Ref], results: Sequence[Ref]) -> None:
        """Lower a whole graph, whose first outputs are the next values of `inputs`, which lie in `memory`.

        They are treated as what a loop carries.
        """
        if inputs:
            self.run_body(memory, results, inputs)
        else:
            self.run(results)

    def _carried_on(self) -> dict[Var, Var]:
        """For each last value of what loops carry, its first value, if that is used for nothing else."""
        atoms = [*self.graph.outs, *(atom for eqn in self.graph.eqns for atom in eqn.ins)]
        used = Counter(atom for atom in atoms if isinstance(atom, Var))
        found: dict[Var, Var] = {}
        for eqn in self.graph.eqns:
            if isinstance(eqn.op.lowering, Control) and "n_consts" in eqn.params:
                starts = eqn.ins[eqn.params["n_consts"] :][: eqn.params.get("n_carry", len(eqn.outs))]
                pairs = zip(eqn.outs[: len(starts)], starts, strict=True)
                found |= {out: atom for out, atom in pairs if isinstance(atom, Var) and used[atom] == 1}
        return found

    def run_body(self, carries: Sequence[Place], rows: Sequence[Ref], carry_vars: Sequence[Var]) -> None:
        """Lower the body of a loop: next carries replace the carries, ys go to their rows.

        What a loop within carries on from a carry that nobody else wants is carried in its memory from the start.
        """
        n_carry = len(carries)
        carried = self._carried_on()
        for atom, var, carry in zip(self.graph.outs, carry_vars, carries, strict=False):
            alone = self.graph.outs.count(atom) == 1
            if alone and isinstance(carry, Ref) and isinstance(atom, Var) and carried.get(atom) is var:
                self.fixed[atom] = carry
        nexts: list[tuple[Atom, Place, Place]] = []  # (value, where it is computed, the carry)
        late: list[tuple[Atom, Ref]] = []
        self.write_to_carries(carries, carry_vars)
        for atom, carry, var in zip(self.graph.outs[:n_carry], carries, carry_vars, strict=True):
            if atom is var or (isinstance(atom, Var) and self.fixed.get(atom) == carry):
                continue
            if isinstance(carry, Ref):
                ahead = Ref(self.shared.buffer(f"{var.name}_next", var.aval))
                self.shared.becomes[ahead.buffer] = carry.buffer
                if isinstance(atom, Var) and atom in self.defined and atom not in self.fixed:
                    self.fixed[atom] = ahead
                    nexts.append((atom, ahead, carry))
                    continue
                late.append((atom, ahead))
                nexts.append((atom, ahead, carry))
            else:
                nexts.append((atom, carry, carry))
        for atom, row in zip(self.graph.outs[n_carry:], rows, strict=True):
            if isinstance(atom, Var) and atom in self.defined and atom not in self.fixed:
                self.fixed[atom] = row
            else:
                late.append((atom, row))
        self._fix_reshaped()
        known = [(atom, ref) for atom, ref in late if isinstance(atom, Lit) or atom in self.places]
        for atom, ref in known:  # before the carries change
            self.copy(atom, ref)
        for eqn in self.graph.eqns:
            self._lower(eqn)
        for atom, ref in late:
            if (atom, ref) not in known:
                self.copy(atom, ref)
        self._replace_carries(nexts)

    def _replace_carries(self, nexts: Sequence[tuple[Atom, Place, Place]]) -> None:
        """All at once: what the next scalars are is read before any carry is replaced."""
        waiting: list[tuple[Local, Let]] = []
        for atom, _, carry in nexts:
            if isinstance(carry, Local):
                following = Let(self.shared.names.fresh(f"{carry.name}_next"), self.read(atom, ()))
                stamp(following, self._take_sources(), False)
                insert_early(self.block, following)
                waiting.append((carry, following))
        for _, ahead, carry in nexts:
            if isinstance(ahead, Ref) and isinstance(carry, Ref):
                in_place = update_in_place(self.block, ahead.buffer, carry)
                decided("in place" if in_place else "copied", carry.buffer.name)
                if in_place:
                    self.shared.temporaries.remove(ahead.buffer)
                else:
                    self._copy_back(ahead, carry)
        for local, value in waiting:
            assign(self.block, local, value)

    def _copy_back(self, ahead: Ref, carry: Ref) -> None:
        def inner(index: tuple[Affine, ...]) -> list[Stmt]:
            return [Store(carry.buffer, carry.at(index), Load(ahead.buffer, ahead.at(index)))]

        self.block.extend(self.nest(carry.shape, inner))
