"""CasADi: the step expanded into scalars, folded over the inputs."""

import casadi
import numpy as np

from bench.workload import Job
from bench.workloads.scalars import STEP


def gradient(inputs):
    n, steps = len(inputs.start), len(inputs.us)
    c, u = casadi.SX.sym("c", n), casadi.SX.sym("u")
    following = [c[i] + STEP * (casadi.tanh(c[i - 1]) * u - c[i] * c[(i + 1) % n]) for i in range(n)]
    step = casadi.Function("step", [c, u], [casadi.vertcat(*following)])
    start, us = casadi.MX.sym("start", n), casadi.MX.sym("us", 1, steps)
    last = casadi.sum1(step.fold(steps)(start, us))
    compiled = casadi.Function("gradient", [start, us], [casadi.gradient(last, start)])
    us = inputs.us.reshape(1, -1)
    return Job(lambda: compiled(inputs.start, us), lambda: [np.asarray(compiled(inputs.start, us)).ravel()])
