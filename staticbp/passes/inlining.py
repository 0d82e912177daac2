"""Which variables are written out where they are read, and which are kept in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from staticbp.core import shape as shapes
from staticbp.core.graph import Eqn, Graph, Var
from staticbp.core.lowering import Choose, Control, IndexMap, Kernel, Lowering, Pieces, Reduce, Scalar, View
from staticbp.core.recording import decided
from staticbp.core.shape import Dim, Shape
from staticbp.passes.guards import MOST_STRETCHES, SHORT

CHEAP = 2  # what may be computed again at every use, in units of an addition
LONG = 24  # the longest expression written in one place


def lowering_of(eqn: Eqn) -> Lowering:
    """How an equation is lowered, with choices made."""
    lowering = eqn.op.lowering
    return lowering.pick([a.aval for a in eqn.ins], eqn.params) if isinstance(lowering, Choose) else lowering


def keeps_elements(old: Shape, new: Shape) -> bool:
    """Whether a reshape only adds or drops axes of size one."""
    return shapes.same(shapes.squeezed(old), shapes.squeezed(new))


def is_only_row(old: Shape, new: Shape) -> bool:
    """Whether a reshape gives the one row of an array: it drops nothing but first axes of size one."""
    dropped = len(old) - len(new)
    return dropped >= 1 and bool(new) and shapes.same(old, (*(1,) * dropped, *new))


class Inlining:
    """Decides, equation by equation and in their order, what is inlined.

    A variable is inlined unless somebody wants it whole, or writing it out would repeat costly work or make an
    expression too long to read.
    """

    def __init__(self, graph: Graph, scalars_are_free: bool, slopes: Collection[Var] = ()) -> None:
        self._scalars_are_free = scalars_are_free  # to keep: in a local
        self._slopes = slopes  # which are computed beside the values
        self.defined: dict[Var, Eqn] = {v: eqn for eqn in graph.eqns for v in eqn.outs}
        self.lowerings = {id(eqn): lowering_of(eqn) for eqn in graph.eqns}
        self._readers: dict[Var, list[tuple[Eqn, int]]] = {}
        self._cost: dict[Var, int] = {}
        for eqn in graph.eqns:
            for position, atom in enumerate(eqn.ins):
                if isinstance(atom, Var):
                    self._readers.setdefault(atom, []).append((eqn, position))

    def readers(self, var: Var) -> Sequence[tuple[Eqn, int]]:
        """The equations that read a variable, and at which of their operands."""
        return self._readers.get(var, ())

    def decide(self, eqn: Eqn) -> bool:
        """Whether the result of an elementwise operation, or one of shape, is written out where it is read."""
        reason = self._obstacle(eqn)
        decided("kept" if reason else "inlined", eqn.outs[0].name, reason or "", eqn.src, eqn.adjoint)
        return reason is None

    def _obstacle(self, eqn: Eqn) -> str | None:
        """Why the result of an equation has a place of its own; None when it is written out where it is read."""
        out, lowering = eqn.outs[0], self.lowerings[id(eqn)]
        readers = self._readers.get(out, [])
        own = lowering.cost if isinstance(lowering, Scalar) else 1 if isinstance(lowering, Pieces) else 0
        cost = own + sum(self._cost.get(a, 0) for a in eqn.ins if isinstance(a, Var))
        whole = next((reader for reader, position in readers if self.wants_whole(reader, position)), None)
        if whole is not None:
            return f"{whole.op.label} reads it as a whole"
        if out in self._slopes:
            return "it is computed beside the value whose slope it is"
        if isinstance(lowering, Pieces) and not _is_cut_up(eqn):
            return "it is joined of pieces, and which one an element is of would be asked for each"
        once = len(readers) <= 1 and not any(self._repeats(reader, out) for reader, _ in readers)
        cheap = 0 if self._scalars_are_free and not out.aval.shape else CHEAP
        if cost > (LONG if once else cheap):
            return "the expression would be too long" if once else "its elements are read more than once"
        self._cost[out] = cost
        return None

    def transposed(self, var: Var) -> Var | None:
        """The variable that `var` is the transpose of, in its last two axes only."""
        eqn = self.defined.get(var)
        if eqn is None or eqn.op.name != "transpose":
            return None
        rank, source = var.aval.ndim, eqn.ins[0]
        swapped = (*range(rank - 2), rank - 1, rank - 2)
        if rank < 2 or tuple(eqn.params["perm"]) != swapped or not isinstance(source, Var):
            return None
        return source

    def wants_whole(self, reader: Eqn, position: int) -> bool:
        """Whether an operation reads one of its operands as an array in memory."""
        lowering, out, atom = self.lowerings[id(reader)], reader.outs[0], reader.ins[position]
        if isinstance(lowering, Kernel):
            return not (lowering.transposable and isinstance(atom, Var) and self.transposed(atom) is not None)
        if isinstance(lowering, View):
            return not keeps_elements(atom.aval.shape, out.aval.shape)
        if isinstance(lowering, Control) and lowering.kind == "cond":
            return position > 0
        if isinstance(lowering, Control) and lowering.kind == "afresh":
            return True
        if isinstance(lowering, Control) and lowering.kind == "call":
            return bool(atom.aval.shape)
        if isinstance(lowering, Control):
            n_consts = reader.params["n_consts"]
            n_carry = reader.params.get("n_carry", len(reader.outs))
            return not n_consts <= position < n_consts + n_carry
        return False

    def _repeats(self, reader: Eqn, var: Var) -> bool:
        """Whether an operation reads the elements of an operand more than once."""
        lowering = self.lowerings[id(reader)]
        if isinstance(lowering, IndexMap):
            return _larger(reader.outs[0].aval.size, var.aval.size)
        if isinstance(lowering, Reduce):
            domain = lowering.domain([a.aval for a in reader.ins], reader.params)
            return _larger(shapes.size(extent for extent, _ in domain), var.aval.size)
        return False


def _is_cut_up(eqn: Eqn) -> bool:
    """Whether a loop over a concatenation will be cut into loops over its pieces, so that nobody has to choose."""
    extent = eqn.outs[0].aval.shape[eqn.params["axis"]]
    return isinstance(extent, int) and extent >= SHORT and len(eqn.ins) <= MOST_STRETCHES


def _larger(left: Dim, right: Dim) -> bool:
    """Whether a size exceeds another; of symbolic ones, whether it is likely to."""
    return shapes.typical(left) > shapes.typical(right)
