"""Value and gradient of normalised"""

import numpy as np

from staticbp.runtime import vecmath as vm


def normalised(x, gain, bias, out_bar, out, x_bar, gain_bar, bias_bar, work):
    centred_div = work[512:560].view(np.float64)  # f64[6]
    centred_bar_div = work[0:240].view(np.float64).reshape((6, 5))  # f64[6,5]
    deviation_sum_bar = work[576:624].view(np.float64)  # f64[6]
    centred_bar = work[256:496].view(np.float64).reshape((6, 5))  # f64[6,5]
    out_total = 0.0
    for i in range(5):
        bias_bar[i] = 0.0
    for i in range(5):
        gain_bar[i] = 0.0
    for i in range(6):
        # test_writer.py:106  centred = x - np.mean(x, axis=1, keepdims=True)
        centred_sum_i = 0.0
        for j in range(5):
            centred_sum_i = vm.radd(centred_sum_i, x[i, j])
        centred_div_i = centred_sum_i / 5.0
        centred_div[i] = centred_div_i
        # test_writer.py:107  deviation = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
        deviation_sum_i = 0.0
        for j in range(5):
            deviation_sum_i = vm.radd(deviation_sum_i, (x[i, j] - centred_div_i) ** 2)
        deviation_sqrt_i = vm.sqrt(deviation_sum_i / 5.0 + 1e-05)
        deviation_sqrt_bar_sum_i = 0.0
        for j in range(5):
            # test_writer.py:108  return np.sum(np.tanh(centred / deviation * gain + bias))
            out_div_ij = (x[i, j] - centred_div_i) / deviation_sqrt_i
            out_tanh_ij = vm.tanh(out_div_ij * gain[j] + bias[j])
            out_total = vm.radd(out_total, out_tanh_ij)
            out_add_bar_ij = out_bar * (1.0 - out_tanh_ij * out_tanh_ij)
            bias_bar[j] = vm.radd(bias_bar[j], out_add_bar_ij)
            gain_bar[j] = vm.radd(gain_bar[j], out_add_bar_ij * out_div_ij)
            centred_bar_div_ij = out_add_bar_ij * gain[j] / deviation_sqrt_i
            centred_bar_div[i, j] = centred_bar_div_ij
            deviation_sqrt_bar_sum_i = vm.radd(deviation_sqrt_bar_sum_i, centred_bar_div_ij * out_div_ij)
        deviation_sum_bar[i] = deviation_sqrt_bar_sum_i * (0.5 / deviation_sqrt_i) / -5.0
    out[()] = out_total
    # ---- adjoint ----
    for i in range(6):
        centred_div_bar_sum_i = 0.0
        for j in range(5):
            centred_bar_ij = centred_bar_div[i, j] + deviation_sum_bar[i] * (2.0 * (x[i, j] - centred_div[i]))
            centred_bar[i, j] = centred_bar_ij
            centred_div_bar_sum_i = vm.radd(centred_div_bar_sum_i, centred_bar_ij)
        centred_sum_bar_i = centred_div_bar_sum_i / -5.0
        for j in range(5):
            x_bar[i, j] = centred_bar[i, j] + centred_sum_bar_i
    return 0
