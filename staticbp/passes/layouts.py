"""Layouts inside loops: what every step would lay out anew is laid out once, ahead of the loop.

The rule, for arrays that the steps of a loop cannot change and what is made of them by moving elements:

- a matrix that a product has on its right is packed, in the order in which the product reads it;
- what a step needs as a whole, as kernels do, is put together ahead of the loop (``h @ W[:, :64]``);
- an array that is read element by element across its rows is transposed (``c + A.T``); products read it as it is.

Bodies come before the graphs that they are in, so what is laid out ahead of an inner loop goes on outwards as far as
it may.  A matrix that a loop carries is left as it is: to update it in packed form would gain a hundredth or two of a
step of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Graph, Lit, SrcLine, Var
from staticbp.core.lowering import IndexMap, Kernel, Pieces, View
from staticbp.core.recording import decided
from staticbp.ops.control import scan
from staticbp.ops.iteration import while_loop
from staticbp.ops.packing import matmul_packed, pack
from staticbp.ops.products import TINY, matmul
from staticbp.ops.shape import transpose
from staticbp.passes.dce import dce
from staticbp.passes.inlining import Inlining
from staticbp.passes.rewrite import Note

# Multiplications up to which products are made of tiles, which read packed matrices.
LARGEST = 2**25


def layouts(graph: Graph, notes: list[Note] | None = None) -> Graph:
    """`graph` with what the steps of its loops would lay out anew laid out ahead of them."""
    if not any(eqn.op is scan or eqn.op is while_loop for eqn in graph.eqns):
        return graph
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        eqns += Layouts(eqn).equations() if eqn.op is scan or eqn.op is while_loop else [eqn]
    return graph if len(eqns) == len(graph.eqns) else graph.with_eqns(eqns)


class Layouts:
    """A loop, and what is to be laid out ahead of it."""

    def __init__(self, loop: Eqn) -> None:
        self.loop = loop
        self.body: Graph = loop.params["body"]
        self.n_consts: int = loop.params["n_consts"]
        self.fixed: dict[Var, Eqn | None] = dict.fromkeys(self.body.invars[: self.n_consts])  # and what makes them
        self.outer: dict[Var, Atom] = dict(zip(self.body.invars, loop.ins[: self.n_consts], strict=False))
        self.ahead: list[Eqn] = []

    def equations(self) -> list[Eqn]:
        """The equations in place of the loop: itself, if there is nothing to lay out."""
        body = self.body.with_eqns(self._packing())
        if len(self.fixed) == self.n_consts:
            return [self.loop]
        inlining = Inlining(body, scalars_are_free=True)
        moved: list[Eqn] = []
        for eqn in reversed(body.eqns):
            if eqn.outs[0] in self.fixed and self._is_to_go(eqn, inlining, moved):
                moved.insert(0, eqn)
        if not moved:
            return [self.loop]
        new = [eqn.outs[0] for eqn in moved]
        for var in new:
            self._outside(var)
        rest = body.with_eqns(eqn for eqn in body.eqns if eqn not in moved)
        return [*self.ahead, self._with(new, dce(rest))]

    # -- what is to be laid out -----------------------------------------------------------------------------
    def _packing(self) -> list[Eqn]:
        """The equations of the body, with products by packed matrices."""
        packed: dict[Var, Var] = {}
        eqns: list[Eqn] = []
        for eqn in self.body.eqns:
            if all(isinstance(a, Lit) or a in self.fixed for a in eqn.ins) and eqn.ins and _moves(eqn):
                self.fixed.update(dict.fromkeys(eqn.outs, eqn))
            right = eqn.ins[1] if eqn.op is matmul else None
            if isinstance(right, Var) and right in self.fixed and _is_tiled(eqn):
                if right not in packed:
                    packed[right] = Var(pack.avals([right.aval], {})[0], f"{self._name(right)}_packed")
                    made = Eqn((packed[right],), pack, (right,), {}, eqn.src, eqn.adjoint)
                    self.fixed[packed[right]] = made
                    eqns.append(made)
                columns = right.aval.shape[-1]
                eqn = replace(eqn, op=matmul_packed, ins=(eqn.ins[0], packed[right]), params={"columns": columns})
            eqns.append(eqn)
        return eqns

    def _name(self, var: Var) -> str:
        """What an array is called: a transposed one without a name of its own after what it is made of."""
        made = self.fixed[var]
        if made is not None and made.op is transpose and var.name.endswith(transpose.label):
            (source,) = made.ins
            return f"{self._name(source)}_T" if isinstance(source, Var) else var.name
        return var.name

    def _is_to_go(self, eqn: Eqn, inlining: Inlining, moved: Sequence[Eqn]) -> bool:
        """Whether what an equation makes of constants is laid out ahead of the loop; `moved` are those behind it."""
        out = eqn.outs[0]
        if eqn.op is pack:
            self._decide(out, "packed: every step multiplies by it", eqn.src)
            return True
        readers = [(reader, position) for reader, position in inlining.readers(out) if reader not in moved]
        whole = next((reader for reader, position in readers if inlining.wants_whole(reader, position)), None)
        if whole is not None:
            self._decide(out, f"put together: {whole.op.label} reads it as a whole in every step", whole.src)
            return True
        across = [r for r, _ in readers if not isinstance(inlining.lowerings[id(r)], Kernel)] if _is_across(eqn) else []
        if across:
            self._decide(out, "transposed: every step reads it across its rows", across[0].src)
        return bool(across)

    def _decide(self, var: Var, reason: str, src: SrcLine | None) -> None:
        decided("laid out", self._name(var).removesuffix("_packed"), reason, src, self.loop.adjoint)

    # -- the loop without it --------------------------------------------------------------------------------
    def _outside(self, var: Var) -> Atom:
        """What takes the place of a fixed variable ahead of the loop, with all that it is made of."""
        if var not in self.outer:
            eqn = self.fixed[var]
            assert eqn is not None  # constants are known outside
            ins = tuple(a if isinstance(a, Lit) else self._outside(a) for a in eqn.ins)
            out = Var(eqn.op.avals([a.aval for a in ins], eqn.params)[0], self._name(var))
            self.ahead.append(replace(eqn, outs=(out,), ins=ins, adjoint=eqn.adjoint or self.loop.adjoint))
            self.outer[var] = out
        return self.outer[var]

    def _with(self, new: Sequence[Var], body: Graph) -> Eqn:
        """The loop with further constants, and without those that are of no more use."""
        consts = self.body.invars[: self.n_consts]
        graphs = {"body": body}
        if self.loop.op is while_loop:
            graphs["test"] = self.loop.params["test"]
        kept = [i for i, var in enumerate(consts) if any(_reads(graph, graph.invars[i]) for graph in graphs.values())]
        params = {**self.loop.params, "n_consts": len(kept) + len(new)}
        for name, graph in graphs.items():
            added = new if name == "body" else [Var(var.aval, var.name) for var in new]
            invars = (*(graph.invars[i] for i in kept), *added, *(graph.invars[self.n_consts :]))
            params[name] = Graph(graph.name, invars, graph.eqns, graph.outs)
        ins = (*(self.loop.ins[i] for i in kept), *(self.outer[var] for var in new), *self.loop.ins[self.n_consts :])
        return replace(self.loop, ins=ins, params=params)


def _reads(graph: Graph, var: Var) -> bool:
    return var in graph.outs or any(var in eqn.ins for eqn in graph.eqns)


def _moves(eqn: Eqn) -> bool:
    """Whether an operation only says where elements are found, and that without a doubt."""
    lowering = eqn.op.lowering
    if eqn.op is pack or isinstance(lowering, View | Pieces):
        return True
    return isinstance(lowering, IndexMap) and lowering.check is None


def _is_tiled(product: Eqn) -> bool:
    """Whether a product is made of tiles, and its right operand of a size that is known."""
    (a, b), dtype = product.ins, product.ins[1].aval.dtype
    rows, columns = b.aval.shape[-2:]
    work = shapes.typical(shapes.size((a.aval.shape[-2], rows, columns)))
    return dtype.kind == "f" and shapes.is_static((rows, columns)) and TINY < work <= LARGEST


def _is_across(eqn: Eqn) -> bool:
    """Whether an operation is a transposition that makes other elements neighbours."""
    if eqn.op is not transpose:
        return False
    shape = eqn.ins[0].aval.shape
    lasting = [axis for axis, dim in enumerate(shape) if dim != 1]
    return bool(lasting) and [axis for axis in eqn.params["perm"] if shape[axis] != 1][-1] != lasting[-1]
