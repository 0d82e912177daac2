"""The network and its training as examples/mnist.py has them."""

import numpy as np

import staticbp as bp
from bench.workload import Job
from bench.workloads.mnist import RATE
from examples.mnist import Layer, Network, mean_err, net_err, run_network, train, train_step

value_and_gradient = bp.value_and_grad(mean_err)
step = bp.compile(train_step, donate_argnums=0)


@bp.compile
def run_on_all(net, xs):
    return bp.vmap(run_network, in_axes=(None, 0))(net, xs)


def network(leaves):
    return Network([Layer(*pair) for pair in zip(leaves[::2], leaves[1::2], strict=True)])


def leaves_of(net):
    return [leaf for layer in net.layers for leaf in (layer.weights, layer.biases)]


def training(inputs):
    net = network(inputs.net)

    def run():
        nonlocal net
        net = train(net, inputs.xs, inputs.targets, RATE, minibatch=inputs.minibatch)

    def answer():
        few, first = inputs.few(), inputs.minibatch
        if first == 1:
            value, slope = net_err.value_and_grad(network(inputs.net), inputs.xs[0], inputs.targets[0])
        else:
            value, slope = value_and_gradient(network(inputs.net), inputs.xs[:first], inputs.targets[:first])
        trained = train(network(inputs.net), inputs.xs[:few], inputs.targets[:few], RATE, minibatch=first)
        return [value, *leaves_of(slope), *leaves_of(trained)]

    return Job(run, answer, steps=len(inputs.xs) // inputs.minibatch)


minibatch = samples = training


def calls(inputs):
    samples = list(zip(inputs.xs, inputs.targets, strict=True))

    def pass_over(samples, net):
        for x, target in samples:
            net = step(net, x, target, RATE)
        return net

    net = network([leaf.copy() for leaf in inputs.net])

    def run():
        nonlocal net
        net = pass_over(samples, net)

    def answer():
        return leaves_of(pass_over(samples[: inputs.few()], network([leaf.copy() for leaf in inputs.net])))

    return Job(run, answer, steps=len(samples))


def gradient(inputs):
    net = network(inputs.net)

    def run():
        return value_and_gradient(net, inputs.xs, inputs.targets)

    def answer():
        value, slope = run()
        return [value, *leaves_of(slope)]

    return Job(run, answer)


def forward(inputs):
    net = network(inputs.net)
    if inputs.minibatch == 1:
        one = bp.compile(run_network)
        return Job(lambda: one(net, inputs.xs[0]), lambda: [one(net, inputs.xs[0])])
    return Job(lambda: run_on_all(net, inputs.xs), lambda: [np.asarray(run_on_all(net, inputs.xs))])
