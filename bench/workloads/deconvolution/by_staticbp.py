"""``np.fft`` as it is."""

import numpy as np

import staticbp as bp
from bench.workload import Job


@bp.differentiable
def misfit(image, seen, blur):
    return np.sum((np.fft.irfft2(np.fft.rfft2(image) * blur) - seen) ** 2)


def gradient(inputs):
    return Job(lambda: misfit.grad(*inputs), lambda: [misfit.grad(*inputs)])
