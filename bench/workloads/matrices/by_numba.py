"""By hand in plain Numba, products by ``@``."""

import numba
import numpy as np

from bench.workload import Job


@numba.njit
def slope(factors):
    steps = len(factors)
    products = np.empty((steps + 1, 3, 3))
    products[0] = np.eye(3)
    for k in range(steps):
        products[k + 1] = products[k] @ factors[k]
    factors_bar, product_bar = np.empty_like(factors), 2 * products[steps]
    for k in range(steps - 1, -1, -1):
        factors_bar[k] = products[k].T @ product_bar
        product_bar = product_bar @ factors[k].T
    return factors_bar


def gradient(inputs):
    return Job(lambda: slope(inputs.factors), lambda: [slope(inputs.factors)])
