"""``torch.fft``."""

import torch

from bench.workload import Job


def misfit(image, seen, blur):
    return ((torch.fft.irfft2(torch.fft.rfft2(image) * blur) - seen) ** 2).sum()


def gradient(inputs):
    image, seen, blur = (torch.tensor(array) for array in inputs)
    image.requires_grad_()

    def run():
        return torch.autograd.grad(misfit(image, seen, blur), image)

    return Job(run, lambda: [run()[0].numpy()])
