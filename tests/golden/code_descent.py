"""Value and gradient of descent"""

import numpy as np

from staticbp.runtime import vecmath as vm


def descent(w, X, y, out_bar, out, w_bar, work):
    w_2 = work[0:24].view(np.float64)  # f64[3]
    # test_writer.py:131  trained = scan(w, X, y, body=body, n_consts=0, n_carry=1, length=5, reverse=False)
    for i in range(3):
        w_2[i] = w[i]
    for t in range(5):
        # test_writer.py:127  error = w @ x - target
        error_vecdot = 0.0
        for i in range(3):
            error_vecdot = vm.radd(error_vecdot, w_2[i] * X[t, i])
        # test_writer.py:128  return [w - 0.1 * error * x]
        mul = 0.1 * (error_vecdot - y[t])
        for i in range(3):
            w_2[i] -= mul * X[t, i]
    # test_writer.py:132  return np.sum(trained**2)
    out_total = 0.0
    for i in range(3):
        out_total = vm.radd(out_total, w_2[i] ** 2)
        w_bar[i] = out_bar * (2.0 * w_2[i])
    out[()] = out_total
    # ---- adjoint ----
    for t in range(4, -1, -1):
        mul_bar_sum = 0.0
        for i in range(3):
            mul_bar_sum = vm.radd(mul_bar_sum, w_bar[i] * X[t, i])
        error_bar = mul_bar_sum * -0.1
        for i in range(3):
            w_bar[i] += error_bar * X[t, i]
    return 0
