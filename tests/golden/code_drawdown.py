"""Value and gradient of drawdown"""

import numpy as np

from staticbp.runtime import vecmath as vm


def drawdown(returns, out_bar, out, returns_bar, work):
    total = work[0:96].view(np.float64)  # f64[12]
    total_bar_mul = work[128:224].view(np.float64)  # f64[12]
    total_bar = work[256:352].view(np.float64)  # f64[12]
    # test_writer.py:117  total = np.cumsum(returns)
    total_so_far = 0.0
    # test_writer.py:118  return np.mean((total - np.max(total)) ** 2)
    out_max = -np.inf
    for i in range(12):
        total_so_far += returns[i]
        total[i] = total_so_far
        out_max = vm.rmax(out_max, total_so_far)
    out_sum = 0.0
    out_sum_bar = out_bar / 12.0
    out_max_bar_sum = 0.0
    out_max_bar_sum_2 = 0.0
    for i in range(12):
        out_sub_i = total[i] - out_max
        out_sum = vm.radd(out_sum, out_sub_i**2)
        total_bar_mul_i = out_sum_bar * (2.0 * out_sub_i)
        total_bar_mul[i] = total_bar_mul_i
        out_max_bar_sum = vm.radd(out_max_bar_sum, total_bar_mul_i)
        out_max_bar_sum_2 = vm.radd(out_max_bar_sum_2, np.float64(total[i] == out_max))
    out[()] = out_sum / 12.0
    # ---- adjoint ----
    out_max_bar_div = -(out_max_bar_sum / out_max_bar_sum_2)
    for i in range(12):
        total_bar[i] = total_bar_mul[i] + (out_max_bar_div if total[i] == out_max else 0.0)
    returns_bar_so_far = 0.0
    for i in range(11, -1, -1):
        returns_bar_so_far += total_bar[i]
        returns_bar[i] = returns_bar_so_far
    return 0
