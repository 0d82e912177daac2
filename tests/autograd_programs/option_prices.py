"""Black and Scholes's price of a call and its Greeks, the second derivatives too."""

import autograd.numpy as np
from autograd import grad
from autograd.scipy.stats import norm


def price(spot, volatility, rate, time, strike):
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / (volatility * np.sqrt(time))
    d2 = d1 - volatility * np.sqrt(time)
    return spot * norm.cdf(d1) - strike * np.exp(-rate * time) * norm.cdf(d2)


delta, vega, rho, theta = (grad(price, n) for n in range(4))
gamma, vanna, volga = grad(delta, 0), grad(delta, 1), grad(vega, 1)


def main(steps=20):
    table = []
    for k in range(steps):
        market = (100.0, 0.2, 0.05, 0.75, 80.0 + 2.0 * k)
        table.append([price(*market)] + [greek(*market) for greek in (delta, gamma, vega, vanna, volga, rho, theta)])
    return np.array(table)
