"""The loss of examples/moons.py, a step of it compiled."""

import staticbp as bp
from bench.workload import Job
from bench.workloads.moons import COMPARED_AFTER, RATE, STEPS
from examples.moons import MLP, Layer, loss


@bp.compile(donate_argnums=0)
def optimize_step(mlp, points, labels, rate):
    return mlp - rate * bp.grad(loss)(mlp, points, labels)


def step(inputs):
    def new_mlp():
        leaves = [leaf.copy() for leaf in inputs.net]
        return MLP([Layer(*pair) for pair in zip(leaves[::2], leaves[1::2], strict=True)])

    def steps(mlp, count):
        for _ in range(count):
            mlp = optimize_step(mlp, inputs.points, inputs.labels, RATE)
        return mlp

    mlp = new_mlp()

    def run():
        nonlocal mlp
        mlp = steps(mlp, STEPS)

    return Job(run, lambda: bp.tree.leaves(steps(new_mlp(), COMPARED_AFTER)), steps=STEPS)
