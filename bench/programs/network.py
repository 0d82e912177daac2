"""The network whose gradient is wanted: weights and biases in pairs, a sample and its target, float32."""

import numpy as np

rng = np.random.default_rng(0)
net = [
    (rng.uniform(-0.5, 0.5, (n_out, n_in)).astype("float32"), rng.uniform(-0.5, 0.5, n_out).astype("float32"))
    for n_in, n_out in [(784, 300), (300, 100), (100, 10)]
]
x, target = rng.uniform(size=784).astype("float32"), np.eye(10, dtype="float32")[3]


def say(gradient):
    """Print the squared norm of a gradient."""
    print(f'{{"answer": {sum(float(np.vdot(leaf, leaf)) for layer in gradient for leaf in layer)}}}', flush=True)
