"""Value and gradient of logistic_regression"""

import numpy as np

from staticbp.runtime import blas
from staticbp.runtime import vecmath as vm


def logistic_regression(w, b, X, y, out_bar, out, w_bar, b_bar, work):
    p_matvec = work[0:240].view(np.float64)  # f64[30]
    p_add_bar = work[256:496].view(np.float64)  # f64[30]
    # test_writer.py:49  p = special.expit(X @ w + b)
    blas.gemv(X, w, p_matvec)
    out_sum = 0.0
    out_bar_neg = out_bar / 30.0
    b_bar_total = 0.0
    for i in range(30):
        # test_writer.py:50  return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        p_add_i = p_matvec[i] + b
        out_neg_i = -p_add_i
        out_logaddexp_i = vm.logaddexp(out_neg_i, 0.0)
        out_logaddexp_2_i = vm.logaddexp(p_add_i, 0.0)
        out_sub_i = 1.0 - y[i]
        out_sum = vm.radd(out_sum, -(y[i] * out_logaddexp_i) - out_sub_i * out_logaddexp_2_i)
        p_add_bar_i = out_bar_neg * out_sub_i * vm.expit(p_add_i) - out_bar_neg * y[i] * vm.expit(out_neg_i)
        p_add_bar[i] = p_add_bar_i
        b_bar_total = vm.radd(b_bar_total, p_add_bar_i)
    out[()] = out_sum / -30.0
    # ---- adjoint ----
    b_bar[()] = b_bar_total
    blas.gemv(X, p_add_bar, w_bar, True)
    return 0
