"""Value and gradient of convolution"""

import numpy as np

from staticbp.runtime import vecmath as vm


def convolution(image, kernel, out_bar, out, image_bar, kernel_bar, work):
    out_bar_2 = work[0:288].view(np.float64).reshape((6, 6))  # f64[6,6]
    kernel_bar_concatenate = work[320:336].view(np.float64).reshape((1, 2))  # f64[1,2]
    kernel_bar_concatenate_2 = work[384:400].view(np.float64).reshape((1, 2))  # f64[1,2]
    out_total = 0.0
    out_maximum_bar_mul = 0.5 * out_bar
    out_reshape_bar = 0.0
    out_reshape_bar_2 = 0.0
    out_reshape_bar_3 = 0.0
    out_reshape_bar_4 = 0.0
    for i in range(6):
        for j in range(6):
            # test_writer.py:92  out = np.zeros_like(image[:6, :6])
            # test_writer.py:95  out = out + kernel[i, j] * image[i : i + 6, j : j + 6]
            out_2_ij = (
                0.0
                + kernel[0, 0] * image[i, j]
                + kernel[0, 1] * image[i, j + 1]
                + kernel[1, 0] * image[i + 1, j]
                + kernel[1, 1] * image[i + 1, j + 1]
            )
            # test_writer.py:96  return np.sum(np.maximum(out, 0.0))
            out_total = vm.radd(out_total, vm.maximum(out_2_ij, 0.0))
            out_bar_2_ij = out_bar if out_2_ij > 0.0 else out_maximum_bar_mul if out_2_ij == 0.0 else 0.0
            out_bar_2[i, j] = out_bar_2_ij
            out_reshape_bar = vm.radd(out_reshape_bar, out_bar_2_ij * image[i + 1, j + 1])
            out_reshape_bar_2 = vm.radd(out_reshape_bar_2, out_bar_2_ij * image[i + 1, j])
            out_reshape_bar_3 = vm.radd(out_reshape_bar_3, out_bar_2_ij * image[i, j + 1])
            out_reshape_bar_4 = vm.radd(out_reshape_bar_4, out_bar_2_ij * image[i, j])
    out[()] = out_total
    # ---- adjoint ----
    kernel_bar_concatenate[0, 0] = out_reshape_bar_4
    kernel_bar_concatenate[0, 1] = out_reshape_bar_3
    kernel_bar_concatenate_2[0, 0] = out_reshape_bar_2
    kernel_bar_concatenate_2[0, 1] = out_reshape_bar
    for i in range(2):
        kernel_bar[0, i] = kernel_bar_concatenate[0, i]
        kernel_bar[1, i] = kernel_bar_concatenate_2[0, i]
    for i in range(8):
        for j in range(8):
            image_bar[i, j] = (
                (out_bar_2[i - 1, j - 1] * kernel[1, 1] if (i >= 1) & (i < 7) & (j >= 1) & (j < 7) else 0.0)
                + (out_bar_2[i - 1, j] * kernel[1, 0] if (i >= 1) & (i < 7) & (j < 6) else 0.0)
                + (out_bar_2[i, j - 1] * kernel[0, 1] if (i < 6) & (j >= 1) & (j < 7) else 0.0)
                + (out_bar_2[i, j] * kernel[0, 0] if (i < 6) & (j < 6) else 0.0)
            )
    return 0
