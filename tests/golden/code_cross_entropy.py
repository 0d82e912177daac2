"""Value and gradient of cross_entropy"""

import numpy as np

from staticbp.runtime import blas
from staticbp.runtime import vecmath as vm


def cross_entropy(W, b, X, T, out_bar, out, W_bar, b_bar, work):
    z_matmul = work[0:2560].view(np.float64).reshape((32, 10))  # f64[32,10]
    p_exp = work[5120:7680].view(np.float64).reshape((32, 10))  # f64[32,10]
    p_sub_bar = work[2560:5120].view(np.float64).reshape((32, 10))  # f64[32,10]
    # test_writer.py:60  z = X @ W + b
    blas.gemm(X, W, z_matmul)
    out_sum_2 = 0.0
    out_sum_bar = out_bar * -0.03125
    for i in range(10):
        b_bar[i] = 0.0
    for i in range(32):
        # test_writer.py:61  p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        p_max_i = -np.inf
        for j in range(10):
            p_max_i = vm.rmax(p_max_i, z_matmul[i, j] + b[j])
        p_sum_i = 0.0
        for j in range(10):
            p_exp_ij = vm.exp(z_matmul[i, j] + b[j] - p_max_i)
            p_exp[i, j] = p_exp_ij
            p_sum_i = vm.radd(p_sum_i, p_exp_ij)
        # test_writer.py:62  return -np.mean(np.sum(T * np.log(p), axis=1))
        out_log_i = vm.log(p_sum_i)
        out_sum_i = 0.0
        out_log_bar_sum_i = 0.0
        for j in range(10):
            out_sum_i = vm.radd(out_sum_i, T[i, j] * (z_matmul[i, j] + b[j] - p_max_i - out_log_i))
            out_log_bar_sum_i = vm.radd(out_log_bar_sum_i, out_sum_bar * T[i, j])
        out_sum_2 = vm.radd(out_sum_2, out_sum_i)
        p_sum_bar_i = -(out_log_bar_sum_i / p_sum_i)
        for j in range(10):
            p_sub_bar_ij = out_sum_bar * T[i, j] + p_sum_bar_i * p_exp[i, j]
            p_sub_bar[i, j] = p_sub_bar_ij
            b_bar[j] = vm.radd(b_bar[j], p_sub_bar_ij)
    out[()] = out_sum_2 * -0.03125
    # ---- adjoint ----
    blas.gemm(X, p_sub_bar, W_bar, True)
    return 0
