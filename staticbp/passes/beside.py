"""A derivative is computed in the loop of the value that it has its work in common with.

The logistic function and its slope begin with the same exponential, which is most of the work.  The slope of a layer is
wanted much later than the value, when cotangents come back through the products between: so it would be computed from
the operand, which is kept for that.  Here the slope is computed beside the value, and kept instead of the operand::

    for i: for j:                                   for i: for j:
        y[i, j] = vm.expit(z[i, j])                     y[i, j] = vm.expit(z[i, j])
    ...                                                 slope[i, j] = vm.expit_slope(z[i, j])
    for i: for j:                                   ...
        g[i, j] = h[i, j] * vm.expit_slope(z[i, j])     for i: for j: g[i, j] = h[i, j] * slope[i, j]

In one loop LLVM finds what the two have in common.  An operand that is wanted for something else too would be kept
besides; one that is made of inputs alone costs nothing to keep; what is too large for the caches takes longer to move
than to compute; and a few elements are not worth an array.  Those are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from staticbp.core import shape as shapes
from staticbp.core.graph import Atom, Eqn, Graph, Var
from staticbp.core.lowering import IndexMap, Kernel, Scalar, View
from staticbp.passes.inlining import lowering_of
from staticbp.passes.rewrite import substituted

FEWEST = 2**12  # elements whose exponentials take longer than it takes to write them to memory and to read them again
LARGEST = 2**19  # bytes: as much as the second cache of a core holds


def slopes_beside_values(graph: Graph) -> tuple[Graph, frozenset[Var]]:
    """The graph with such slopes right behind their values, whose names they get; and which variables these are."""
    pairs = {value: slope for value, slope in _pairs(graph).items() if _pays(slope)}
    if not pairs:  # nearly always
        return graph, frozenset()
    defined = {out: eqn for eqn in graph.eqns for out in eqn.outs}
    uses = Counter(atom for atoms in (graph.outs, *(eqn.ins for eqn in graph.eqns)) for atom in atoms)
    behind: dict[Eqn, Eqn] = {}
    renamed: dict[Var, Var] = {}
    for value, slope in pairs.items():
        operand, out = value.ins[0], slope.outs[0]
        if uses[operand] == 2 and out not in graph.outs and _comes_of_a_product(operand, defined):
            renamed[out] = Var(out.aval, f"{value.outs[0].name}_slope")
            behind[value] = replace(slope, outs=(renamed[out],))
    if not behind:
        return graph, frozenset()
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        if eqn.outs[0] not in renamed:
            eqns += [substituted(eqn, renamed), *([behind[eqn]] if eqn in behind else [])]
    return graph.with_eqns(eqns), frozenset(renamed.values())


def _pairs(graph: Graph) -> dict[Eqn, Eqn]:
    """The equations of slopes by those of their values, which come before them."""
    values: dict[tuple[str, Var], Eqn] = {}
    pairs: dict[Eqn, Eqn] = {}
    for eqn in graph.eqns:
        lowering, operand = eqn.op.lowering, eqn.ins[0] if eqn.ins else None
        if isinstance(lowering, Scalar) and isinstance(operand, Var):
            value = values.get((lowering.beside, operand))
            if value is not None:
                pairs[value] = eqn
            values[eqn.op.name, operand] = eqn
    return pairs


def _pays(slope: Eqn) -> bool:
    """Whether it is an array of a size that pays; of symbolic sizes, whether it is likely to be."""
    aval = slope.outs[0].aval
    count = shapes.typical(aval.size)
    return count >= FEWEST and count * aval.dtype.itemsize <= LARGEST


def _comes_of_a_product(atom: Atom, defined: Mapping[Var, Eqn]) -> bool:
    """Whether an operand is made, element by element, of what a kernel has computed."""
    eqn = defined.get(atom) if isinstance(atom, Var) else None
    if eqn is None:
        return False
    lowering = lowering_of(eqn)
    if isinstance(lowering, Scalar | IndexMap | View):
        return any(_comes_of_a_product(source, defined) for source in eqn.ins)
    return isinstance(lowering, Kernel)
