"""A robot's arm that reaches for things: joints as exponentials of rotations, by Gauss and Newton's method."""

import autograd.numpy as np
from autograd import jacobian

axes = [np.array(axis) for axis in ([0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0])]
limbs = [np.array(limb) for limb in ([0.0, 0.0, 0.3], [1.0, 0.0, 0.0], [0.8, 0.0, 0.0], [0.0, 0.2, 0.1])]


def turned(axis, angle):
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * np.dot(cross, cross)


def reached(angles):
    place, frame = np.zeros(3), np.eye(3)
    for axis, limb, angle in zip(axes, limbs, angles):
        frame = np.dot(frame, turned(axis, angle))
        place = place + np.dot(frame, limb)
    return np.concatenate([place, 0.3 * frame[:, 0]])


def main(steps=20):
    goals = [reached(np.array([0.3 + 0.05 * k, -0.5, 0.9, 0.2])) for k in range(3)]
    angles, path = np.zeros(4), []
    for k in range(steps):
        slope, away = jacobian(reached)(angles), goals[k % 3] - reached(angles)
        angles = angles + np.linalg.solve(np.dot(slope.T, slope) + 0.01 * np.eye(4), np.dot(slope.T, away))
        path.append(angles)
    return np.array(path)
