"""An image from how bright its Fourier transform is: the phases that a detector loses, by Wirtinger's gradient."""

import autograd.numpy as np
from autograd import value_and_grad

rng = np.random.RandomState(22)
inside = np.zeros((16, 16))
inside[:8, :8] = 1.0
image = inside * rng.rand(16, 16)
bright = np.abs(np.fft.fft2(image))


def misfit(field):
    wave = np.fft.fft2(inside * (field[0] + 1j * field[1]))
    size = np.sqrt(np.real(wave) ** 2 + np.imag(wave) ** 2 + 1e-6)
    return np.mean((size - bright) ** 2) + 0.1 * np.mean(np.abs(np.fft.ifft2(wave) - image) ** 2)


both = value_and_grad(misfit)


def main(steps=20):
    field = np.stack([0.5 * inside, 0.1 * inside])
    for _ in range(steps):
        value, slope = both(field)
        field = field - 0.3 * slope
    return value, field
