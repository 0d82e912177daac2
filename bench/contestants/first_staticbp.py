"""One gradient of one process, with a decorated function."""

import numpy as np

import staticbp as bp


@bp.differentiable
def net_err(net, x, target):
    *hidden, (weights, biases) = net
    for w, b in hidden:
        x = bp.special.expit(w @ x + b)
    return -np.log(bp.special.softmax(weights @ x + biases)) @ target


rng = np.random.default_rng(0)
net = [
    (rng.uniform(-0.5, 0.5, (o, i)).astype("float32"), rng.uniform(-0.5, 0.5, o).astype("float32"))
    for i, o in [(784, 300), (300, 100), (100, 10)]
]
x, target = rng.uniform(size=784).astype("float32"), np.eye(10, dtype="float32")[3]

gradient = net_err.grad(net, x, target)
print(sum(float(np.vdot(leaf, leaf)) for layer in gradient for leaf in layer), flush=True)
