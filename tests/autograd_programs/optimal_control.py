"""Torques that swing a pendulum up, by the gradient through its simulation."""

import autograd.numpy as np
from autograd import value_and_grad


def cost(torques):
    angle, speed, total = 0.0, 0.0, 0.0
    for torque in torques:
        speed = speed + 0.1 * (-9.8 * np.sin(angle) - 0.1 * speed + torque)
        angle = angle + 0.1 * speed
        total = total + 0.001 * torque**2
    return total + 10.0 * (1.0 + np.cos(angle)) + speed**2


both = value_and_grad(cost)


def main(steps=20):
    torques = 0.1 * np.sin(np.linspace(0.0, 12.0, 40))
    for _ in range(steps):
        value, gradient = both(torques)
        torques = torques - 0.02 * gradient
    return value, torques
