"""The same gradient by HIPS autograd, which compiles nothing."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp

from bench.programs.network import net, say, target, x


def net_err(net, x, target):
    *hidden, (weights, biases) = net
    for w, b in hidden:
        x = 1 / (1 + np.exp(-(np.dot(w, x) + b)))
    z = np.dot(weights, x) + biases
    return logsumexp(z) - np.dot(z, target)


say(grad(net_err)(net, x, target))
