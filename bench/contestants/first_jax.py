"""The same gradient by JAX, compiled as a whole."""

import jax
import numpy as np


@jax.jit
@jax.grad
def gradient_of_net_err(net, x, target):
    *hidden, (weights, biases) = net
    for w, b in hidden:
        x = jax.nn.sigmoid(w @ x + b)
    return -jax.nn.log_softmax(weights @ x + biases) @ target


rng = np.random.default_rng(0)
net = [
    (rng.uniform(-0.5, 0.5, (o, i)).astype("float32"), rng.uniform(-0.5, 0.5, o).astype("float32"))
    for i, o in [(784, 300), (300, 100), (100, 10)]
]
x, target = rng.uniform(size=784).astype("float32"), np.eye(10, dtype="float32")[3]

gradient = jax.block_until_ready(gradient_of_net_err(net, x, target))
print(sum(float(np.vdot(leaf, leaf)) for layer in gradient for leaf in layer), flush=True)
