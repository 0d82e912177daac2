"""Value and gradient of regression"""

import numpy as np

from staticbp.runtime import blas
from staticbp.runtime import vecmath as vm


def regression(w, b, X, y, out_bar, out, w_bar, b_bar, work):
    e_matvec = work[0:240].view(np.float64)  # f64[30]
    e_bar = work[256:496].view(np.float64)  # f64[30]
    # test_writer.py:44  e = X @ w + b - y
    blas.gemv(X, w, e_matvec)
    out_sum = 0.0
    out_sum_bar = out_bar / 30.0
    b_bar_total = 0.0
    for i in range(30):
        # test_writer.py:45  return np.mean(e**2)
        e_i = e_matvec[i] + b - y[i]
        out_sum = vm.radd(out_sum, e_i**2)
        e_bar_i = out_sum_bar * (2.0 * e_i)
        e_bar[i] = e_bar_i
        b_bar_total = vm.radd(b_bar_total, e_bar_i)
    out[()] = out_sum / 30.0
    # ---- adjoint ----
    b_bar[()] = b_bar_total
    blas.gemv(X, e_bar, w_bar, True)
    return 0
