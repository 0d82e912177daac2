"""PyTorch: eager, its own optimizer taking the step; or a whole step, gradient and update, by ``torch.compile``."""

import torch
from torch.nn import functional

from bench.workload import Job
from bench.workloads.moons import ALPHA, COMPARED_AFTER, RATE, STEPS


def loss(net, points, labels):
    *hidden, last = zip(net[::2], net[1::2], strict=True)
    x = points
    for layer in hidden:
        x = torch.relu(functional.linear(x, *layer))
    scores = functional.linear(x, *last)[:, 0]
    return torch.relu(1 - labels * scores).mean() + ALPHA * sum((leaf * leaf).sum() for leaf in net)


@torch.compile(dynamic=False)
def compiled_step(net, points, labels):
    slope = torch.func.grad(loss)(net, points, labels)
    for leaf, leaf_bar in zip(net, slope, strict=True):
        leaf.sub_(leaf_bar, alpha=RATE)


def step(inputs, variant=""):
    points, labels = torch.tensor(inputs.points), torch.tensor(inputs.labels)

    def compiled_steps(net, count):
        for _ in range(count):
            compiled_step(net, points, labels)

    def eager_steps(net, count):
        optimizer = torch.optim.SGD(net, lr=RATE)
        for _ in range(count):
            optimizer.zero_grad()
            loss(net, points, labels).backward()
            optimizer.step()

    steps = compiled_steps if variant == "compiled" else eager_steps

    def start():
        return [torch.tensor(leaf, requires_grad=variant != "compiled") for leaf in inputs.net]

    def answer():
        net = start()
        steps(net, COMPARED_AFTER)
        return [leaf.detach().numpy() for leaf in net]

    net = start()
    return Job(lambda: steps(net, STEPS), answer, steps=STEPS)
