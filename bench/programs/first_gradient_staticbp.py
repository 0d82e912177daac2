"""One gradient of one process, with a decorated function."""

import numpy as np

import staticbp as bp
from bench.programs.network import net, say, target, x


@bp.differentiable
def net_err(net, x, target):
    *hidden, (weights, biases) = net
    for w, b in hidden:
        x = bp.special.expit(w @ x + b)
    return -np.log(bp.special.softmax(weights @ x + biases)) @ target


say(net_err.grad(net, x, target))
