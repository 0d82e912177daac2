"""How fast a disease spreads and how long it lasts, from the numbers of the sick: a differential equation, fitted."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.builtins import tuple  # noqa: A004
from autograd.scipy.integrate import odeint

days = np.linspace(0.0, 8.0, 9)
start = np.array([0.99, 0.01, 0.0])


def spread(state, day, contacts, recovery):
    healthy, sick, _ = state
    infected, recovered = contacts * healthy * sick, recovery * sick
    return np.array([-infected, infected - recovered, recovered])


def sick(log_rates):
    rates = tuple((np.exp(log_rates[0]), np.exp(log_rates[1])))
    return odeint(spread, start, days, rates, rtol=1e-11, atol=1e-12)[:, 1]


seen = sick(np.log(np.array([1.9, 0.5]))) * np.exp(0.05 * np.random.RandomState(21).randn(9))


def loss(log_rates):
    return np.sum((np.log(sick(log_rates)) - np.log(seen)) ** 2)


both = value_and_grad(loss)


def main(steps=20):
    log_rates = np.array([0.3, -0.3])
    for _ in range(steps):
        value, gradient = both(log_rates)
        log_rates = log_rates - 0.01 * gradient
    return value, log_rates
