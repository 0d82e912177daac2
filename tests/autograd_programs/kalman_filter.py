"""The noise of a moving thing and of who watches it, by the likelihood that a Kalman filter gives."""

import autograd.numpy as np
from autograd import grad

F = np.array([[1.0, 0.1], [0.0, 1.0]])
H = np.array([[1.0, 0.0]])
steps_seen = np.random.RandomState(22).randn(30)
seen = np.cumsum(0.1 * np.cumsum(0.3 * steps_seen)) + 0.1 * np.random.RandomState(23).randn(30)


def negative_log_likelihood(log_noise):
    Q = np.exp(log_noise[0]) * np.array([[0.0025, 0.005], [0.005, 0.1]])
    R = np.exp(log_noise[1]) * np.eye(1)
    mean, P, total = np.zeros(2), np.eye(2), 0.0
    for y in seen:
        mean, P = np.dot(F, mean), np.dot(np.dot(F, P), F.T) + Q
        residual = y - np.dot(H, mean)
        S = np.dot(np.dot(H, P), H.T) + R
        gain = np.dot(np.dot(P, H.T), np.linalg.inv(S))
        mean, P = mean + np.dot(gain, residual), P - np.dot(np.dot(gain, H), P)
        total = total + 0.5 * (np.log(np.linalg.det(S)) + np.dot(residual, np.linalg.solve(S, residual)))
    return total


gradient = grad(negative_log_likelihood)


def main(steps=20):
    log_noise = np.array([-2.0, -2.0])
    for _ in range(steps):
        log_noise = log_noise - 0.01 * gradient(log_noise)
    return negative_log_likelihood(log_noise), log_noise
