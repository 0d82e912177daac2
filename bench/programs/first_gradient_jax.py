"""The same gradient by JAX, compiled as a whole."""

import jax

from bench.programs.network import net, say, target, x


@jax.jit
@jax.grad
def gradient_of_net_err(net, x, target):
    *hidden, (weights, biases) = net
    for w, b in hidden:
        x = jax.nn.sigmoid(w @ x + b)
    return -jax.nn.log_softmax(weights @ x + biases) @ target


say(jax.block_until_ready(gradient_of_net_err(net, x, target)))
