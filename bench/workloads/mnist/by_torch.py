"""PyTorch: eager, its own optimizer taking the step; or a whole step, gradient and update, by ``torch.compile``."""

import torch
from torch.nn import functional

from bench.workload import Job
from bench.workloads.mnist import RATE


def logits(net, x):
    *hidden, last = zip(net[::2], net[1::2], strict=True)
    for weights, biases in hidden:
        x = torch.sigmoid(functional.linear(x, weights, biases))
    return functional.linear(x, *last)


def net_err(net, x, label):
    return functional.cross_entropy(logits(net, x), label)


def probabilities(net, x):
    return torch.softmax(logits(net, x), dim=-1)


def in_variant(function, variant):
    return torch.compile(function, dynamic=False) if variant == "compiled" else function


def new_net(inputs):
    return [torch.tensor(leaf, requires_grad=True) for leaf in inputs.net]


def arrays(leaves):
    return [leaf.detach().numpy() for leaf in leaves]


@torch.compile(dynamic=False)
def compiled_step(net, x, label):
    slope = torch.func.grad(net_err)(net, x, label)
    for leaf, leaf_bar in zip(net, slope, strict=True):
        leaf.sub_(leaf_bar, alpha=RATE)


def descend_on_each(net, samples):
    for x, label in samples:
        compiled_step(net, x, label)


def optimizer_on_each(net, samples):
    optimizer = torch.optim.SGD(net, lr=RATE)
    for x, label in samples:
        optimizer.zero_grad()
        net_err(net, x, label).backward()
        optimizer.step()


def training(inputs, variant=""):
    xs, labels = torch.tensor(inputs.xs), torch.tensor(inputs.labels)
    if inputs.minibatch > 1:
        samples = list(zip(xs.split(inputs.minibatch), labels.split(inputs.minibatch), strict=True))
    else:
        samples = list(zip(xs, labels, strict=True))
    pass_over = descend_on_each if variant == "compiled" else optimizer_on_each

    def start():
        return [leaf.requires_grad_(variant != "compiled") for leaf in new_net(inputs)]

    def answer():
        net = new_net(inputs)
        value = net_err(net, *samples[0])
        slope = torch.autograd.grad(value, net)
        trained = start()
        pass_over(trained, samples[: inputs.few() // inputs.minibatch])
        return [value.detach().numpy(), *arrays(slope), *arrays(trained)]

    net = start()
    return Job(lambda: pass_over(net, samples), answer, steps=len(samples))


minibatch = samples = training


def calls(inputs, variant=""):
    job = training(inputs, variant)
    return Job(job.run, lambda: job.answer()[1 + len(inputs.net) :], job.steps)


def gradient(inputs, variant=""):
    err, net = in_variant(net_err, variant), new_net(inputs)
    xs, labels = torch.tensor(inputs.xs), torch.tensor(inputs.labels)

    def run():
        value = err(net, xs, labels)
        return value, torch.autograd.grad(value, net)

    def answer():
        value, slope = run()
        return [value.detach().numpy(), *arrays(slope)]

    return Job(run, answer)


def forward(inputs, variant=""):
    compute, net = in_variant(probabilities, variant), new_net(inputs)
    xs = torch.tensor(inputs.xs if inputs.minibatch > 1 else inputs.xs[0])

    def run():
        with torch.inference_mode():
            return compute(net, xs)

    return Job(run, lambda: [run().numpy()])
