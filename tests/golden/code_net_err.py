"""Value and gradient of net_err"""

import numpy as np

from staticbp.runtime import blas
from staticbp.runtime import vecmath as vm


def net_err(W1, b1, W2, b2, x, t, out_bar, out, W1_bar, b1_bar, W2_bar, b2_bar, work):
    h_matvec = work[0:64].view(np.float32)  # f32[16]
    h = work[64:128].view(np.float32)  # f32[16]
    p_matvec = work[128:168].view(np.float32)  # f32[10]
    p_exp = work[192:232].view(np.float32)  # f32[10]
    h_bar = work[64:128].view(np.float32)  # f32[16]
    # test_writer.py:66  h = special.expit(W1 @ x + b1)
    blas.gemv(W1, x, h_matvec)
    for i in range(16):
        h[i] = vm.expit(h_matvec[i] + b1[i])
    # test_writer.py:67  p = special.softmax(W2 @ h + b2)
    blas.gemv(W2, h, p_matvec)
    p_max = np.float32(-np.inf)
    for i in range(10):
        p_max = vm.rmax(p_max, p_matvec[i] + b2[i])
    p_sum = np.float32(0.0)
    for i in range(10):
        p_exp_i = vm.exp(p_matvec[i] + b2[i] - p_max)
        p_exp[i] = p_exp_i
        p_sum = vm.radd(p_sum, p_exp_i)
    # test_writer.py:68  return -np.log(p) @ t
    out_log = vm.log(p_sum)
    out_vecdot = np.float32(0.0)
    out_vecdot_bar = -out_bar
    out_log_bar_sum = np.float32(0.0)
    for i in range(10):
        out_vecdot = vm.radd(out_vecdot, (p_matvec[i] + b2[i] - p_max - out_log) * t[i])
        out_log_bar_sum = vm.radd(out_log_bar_sum, out_vecdot_bar * t[i])
    out[()] = -out_vecdot
    # ---- adjoint ----
    p_sum_bar = -(out_log_bar_sum / p_sum)
    for i in range(10):
        b2_bar_i = out_vecdot_bar * t[i] + p_sum_bar * p_exp[i]
        b2_bar[i] = b2_bar_i
        for j in range(16):
            W2_bar[i, j] = b2_bar_i * h[j]
    blas.gemv(W2, b2_bar, h_bar, True)
    for i in range(16):
        b1_bar_i = h_bar[i] * vm.expit_slope(h_matvec[i] + b1[i])
        b1_bar[i] = b1_bar_i
        for j in range(20):
            W1_bar[i, j] = b1_bar_i * x[j]
    return 0
