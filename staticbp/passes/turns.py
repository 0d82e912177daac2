"""Two steps a turn, for a loop whose step cannot be made in the memory of what it carries.

A step that reads the neighbours of what it replaces, as a stencil does, is computed into other memory, and copied back
at the end of each step.  Two steps need no copy: the first leads from the carry to other memory, the second back.
"""

from __future__ import annotations

from dataclasses import replace

from staticbp.core.graph import Atom, Eqn, Graph, Lit, Var
from staticbp.core.lowering import IndexMap, Pieces, Reduce, Scalar, View
from staticbp.ops.control import scan
from staticbp.passes.rewrite import Note, replaced, substituted

FEWEST_STEPS = 4
FEWEST_ELEMENTS = 256  # of a carry: a smaller one is copied in no time
LONGEST = 60  # equations of a step that is written out twice


def turns(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with two steps in the body of each scan that would copy what it carries."""
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        eqns += _by_two(eqn) if eqn.op is scan and _would_copy(eqn) else [eqn]
    return graph if eqns == list(graph.eqns) else graph.with_eqns(eqns)


def _would_copy(loop: Eqn) -> bool:
    """Whether a step is little but the reading of its carry, and replaces elements that its others read."""
    body, n_consts, n_carry = loop.params["body"], loop.params["n_consts"], loop.params["n_carry"]
    length = loop.params["length"]
    if "turn" in loop.params or not isinstance(length, int) or length < FEWEST_STEPS or len(body.eqns) > LONGEST:
        return False
    if len(body.invars) > n_consts + n_carry or len(body.outs) > n_carry:  # rows are where the steps say that they are
        return False
    if not all(isinstance(eqn.op.lowering, Scalar | IndexMap | View | Pieces | Reduce) for eqn in body.eqns):
        return False
    carried = zip(body.invars[n_consts:], body.outs, strict=True)
    return any(_is_large(var) and _is_moved(var, out, body) for var, out in carried)


def _is_large(var: Var) -> bool:
    size = var.aval.size
    return isinstance(size, int) and size >= FEWEST_ELEMENTS


def _is_moved(var: Var, out: Atom, body: Graph) -> bool:
    """Whether elements of `out` are made of elements of `var` at other places, with nothing kept in between."""
    definitions = {made: eqn for eqn in body.eqns for made in eqn.outs}
    pending: list[tuple[Atom, bool]] = [(out, False)]
    seen: set[tuple[Atom, bool]] = set()
    while pending:
        atom, moved = pending.pop()
        if atom is var and moved:
            return True
        if isinstance(atom, Lit) or atom not in definitions or (atom, moved) in seen:
            continue
        seen.add((atom, moved))
        eqn = definitions[atom]
        if not isinstance(eqn.op.lowering, Reduce):
            moved = moved or isinstance(eqn.op.lowering, IndexMap | Pieces)
            pending += [(operand, moved) for operand in eqn.ins]
    return False


def _by_two(loop: Eqn) -> list[Eqn]:
    """The loop over turns, and behind it the step that is left over."""
    pairs, left = divmod(loop.params["length"], 2)
    body = _twice(loop.params["body"], loop.params["n_consts"])
    by_two = replace(loop, params={**loop.params, "body": body, "length": pairs, "turn": 2})
    if not left:
        return [by_two]
    between = tuple(Var(out.aval, out.name) for out in loop.outs)
    ins = (*loop.ins[: loop.params["n_consts"]], *between)
    return [replace(by_two, outs=between), replace(loop, ins=ins, params={**loop.params, "length": 1})]


def _twice(body: Graph, n_consts: int) -> Graph:
    """The body of two steps."""
    atoms: dict[Var, Atom] = dict(zip(body.invars[n_consts:], body.outs, strict=True))
    eqns = list(body.eqns)
    for eqn in body.eqns:
        fresh = tuple(Var(out.aval, out.name) for out in eqn.outs)
        eqns.append(replace(substituted(eqn, atoms), outs=fresh))
        atoms.update(zip(eqn.outs, fresh, strict=True))
    return Graph(body.name, body.invars, tuple(eqns), replaced(body.outs, atoms), body.consts)
