"""A GARCH model of returns whose volatility comes in clusters: a recurrence over days, by a quasi-Newton method."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.stats import t as student
from scipy.optimize import minimize

rng = np.random.RandomState(24)
returns = rng.standard_t(5, size=60) * np.exp(0.4 * np.sin(np.arange(60) / 8.0))


def variances(params):
    base, shock, memory = np.exp(params[0]), np.exp(params[1]), 1.0 / (1.0 + np.exp(-params[2]))
    variance, path = np.mean(returns**2), []
    for day in range(len(returns)):
        path.append(variance)
        variance = base + shock * returns[day] ** 2 + memory * variance
    return np.array(path)


def loss(params):
    freedom = 2.0 + np.exp(params[3])
    return -np.mean(student.logpdf(returns / np.sqrt(variances(params)), freedom) - 0.5 * np.log(variances(params)))


def main(steps=20):
    found = minimize(
        value_and_grad(loss),
        np.array([-1.0, -1.5, 0.5, 1.0]),
        jac=True,
        method="BFGS",
        options={"maxiter": steps, "gtol": 1e-12},
    )
    return found.fun, found.x
