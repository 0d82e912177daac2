"""By hand in plain Numba: loops over the scalars in an array, values and tanhs on a tape."""

import math

import numba
import numpy as np

from bench.workload import Job
from bench.workloads.scalars import STEP


@numba.njit
def slope(start, us):
    n, steps = len(start), len(us)
    cs, tanhs = np.empty((steps + 1, n)), np.empty((steps, n))
    cs[0] = start
    for k in range(steps):
        for i in range(n):
            tanhs[k, i] = math.tanh(cs[k, i])
        for i in range(n):
            after = cs[k, i + 1] if i + 1 < n else cs[k, 0]
            before = tanhs[k, i - 1] if i > 0 else tanhs[k, n - 1]
            cs[k + 1, i] = cs[k, i] + STEP * (before * us[k] - cs[k, i] * after)
    c_bar = np.ones(n)
    for k in range(steps - 1, -1, -1):
        next_bar = np.empty(n)
        for i in range(n):
            after = i + 1 if i + 1 < n else 0
            before = i - 1 if i > 0 else n - 1
            next_bar[i] = (
                c_bar[i] * (1.0 - STEP * cs[k, after])
                + c_bar[after] * STEP * us[k] * (1.0 - tanhs[k, i] * tanhs[k, i])
                - STEP * c_bar[before] * cs[k, before]
            )
        c_bar = next_bar
    return c_bar


def gradient(inputs):
    return Job(lambda: slope(*inputs), lambda: [slope(*inputs)])
