"""Random programs: whatever the passes, the transforms and the lowering do to them, they compute the same.

``STATICBP_SEEDS=1000:3000 python -m pytest tests/passes/test_programs.py`` tries others.
"""

import os

import numpy as np
import pytest

from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret
from staticbp.passes import effort
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.transforms.activity import active_outputs
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import assert_batching, assert_derivatives, chosen, directions, floats, variants
from tests.programs import Program
from tests.support import assert_close, graph_of, run_plain

FIRST, LAST = map(int, os.environ.get("STATICBP_SEEDS", "0:120").split(":"))


class Trial:
    """What holds for one program."""

    def __init__(self, seed):
        self.program = Program(seed)
        self.rng = np.random.default_rng(seed)
        self.tolerance = 1e-3 if self.program.float is np.float32 else 1e-9
        self.optimised = seed % 2 == 1
        self.args = self.program.arguments

        def program(*args):
            return self.program(*args)

        self.traced = graph_of(program, *self.args, names="abcd")
        self.graph = run(self.traced, PRIMAL, check=True) if self.optimised else self.traced
        self.active = floats(self.args)
        self.outs = interpret(self.traced, self.args)

    def close(self, found, wanted):
        for ours, theirs in zip(found, wanted, strict=True):
            assert np.asarray(ours).dtype == np.asarray(theirs).dtype
            assert np.shape(ours) == np.shape(theirs)
            assert_close(ours, theirs, self.tolerance)

    def lowered(self, graph, args):
        """The generated text of a graph, after the passes or without them, computes what the graph says."""
        wanted = interpret(check_graph(graph), args)
        if self.optimised:
            graph = run(graph, JOINT, check=True)
            self.close(interpret(graph, args), wanted)
        self.close(run_plain(graph, args), wanted)

    def value(self):
        with np.errstate(all="ignore"):
            self.close(self.outs, self.program(*self.args))
        self.close(interpret(self.graph, self.args), self.outs)
        self.lowered(self.graph, self.args)

    def derivatives(self):
        assert_derivatives(self.graph, self.args, self.rng)
        cts = directions(self.rng, chosen(self.outs, active_outputs(self.graph, self.active)))
        reverse = vjp(RULES, self.graph, self.active)
        self.lowered(reverse, [*self.args, *cts])
        self.lowered(
            jvp(RULES, self.graph, self.active), [*self.args, *directions(self.rng, chosen(self.args, self.active))]
        )
        return reverse, [*self.args, *cts]

    def second_order(self, reverse, args):
        active = floats(args)
        outs = interpret(reverse, args)
        cts = directions(self.rng, chosen(outs, active_outputs(reverse, active)))
        self.tolerance *= 100
        self.lowered(vjp(RULES, reverse, active), [*args, *cts])

    def batches(self):
        batched = [bool(flag) for flag in self.rng.integers(0, 2, len(self.args))]
        if any(batched):
            assert_batching(self.graph, self.args, batched, 2)
            many, _ = RULES.batch(self.graph, 2, batched)
            stacked = [np.stack(variants(a, 2)) if flag else a for a, flag in zip(self.args, batched, strict=True)]
            self.lowered(many, stacked)


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_random_programs(seed, monkeypatch):
    if seed % 4 == 0:  # every loop at the top can be interrupted
        monkeypatch.setattr(effort, "SLICED_WORK", 0)
    trial = Trial(seed)
    trial.value()
    reverse, args = trial.derivatives()
    trial.batches()
    if seed % 3 == 0:
        trial.second_order(reverse, args)
