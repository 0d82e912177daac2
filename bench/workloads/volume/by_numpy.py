"""By hand: twice the differences, added and subtracted where they came from."""

import numpy as np

from bench.workload import Job


def slope(volume):
    volume_bar = np.zeros_like(volume)
    for axis in range(3):
        twice = 2 * np.diff(volume, axis=axis)
        along = np.moveaxis(volume_bar, axis, 0)
        moved = np.moveaxis(twice, axis, 0)
        along[1:] += moved
        along[:-1] -= moved
    return volume_bar


def gradient(inputs):
    return Job(lambda: slope(inputs.volume), lambda: [slope(inputs.volume)])
