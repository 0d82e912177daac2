"""Value and gradient of rosenbrock"""

import numpy as np

from staticbp.runtime import vecmath as vm


def rosenbrock(x, out_bar, out, x_bar, work):
    out_sub_bar = work[128:200].view(np.float64)  # f64[9]
    out_slice_bar = work[0:72].view(np.float64)  # f64[9]
    out_total = 0.0
    out_square_bar_mul = out_bar * 100.0
    for i in range(9):
        # test_writer.py:72  return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
        out_sub_i = 1.0 - x[i]
        out_sub_i_2 = x[i + 1] - x[i] ** 2
        out_total = vm.radd(out_total, 100.0 * out_sub_i_2**2 + out_sub_i**2)
        out_sub_bar_i = out_square_bar_mul * (2.0 * out_sub_i_2)
        out_sub_bar[i] = out_sub_bar_i
        out_slice_bar[i] = -(out_bar * (2.0 * out_sub_i)) - out_sub_bar_i * (2.0 * x[i])
    out[()] = out_total
    # ---- adjoint ----
    for i in range(10):
        x_bar[i] = (out_slice_bar[i] if i < 9 else 0.0) + (out_sub_bar[i - 1] if i >= 1 else 0.0)
    return 0
