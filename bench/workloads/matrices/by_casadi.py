"""CasADi: the product expanded into scalars, folded over the factors."""

import casadi
import numpy as np

from bench.workload import Job


def gradient(inputs):
    steps = len(inputs.factors)
    product, factor = casadi.SX.sym("product", 3, 3), casadi.SX.sym("factor", 3, 3)
    step = casadi.Function("step", [product, factor], [product @ factor])
    factors = casadi.MX.sym("factors", 3, 3 * steps)
    last = step.fold(steps)(casadi.MX.eye(3), factors)
    compiled = casadi.Function("gradient", [factors], [casadi.gradient(casadi.sumsqr(last), factors)])
    side_by_side = np.ascontiguousarray(inputs.factors.transpose(1, 0, 2).reshape(3, -1))

    def answer():
        return [np.asarray(compiled(side_by_side)).reshape(3, steps, 3).transpose(1, 0, 2)]

    return Job(lambda: compiled(side_by_side), answer)
