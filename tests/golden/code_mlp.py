"""Value and gradient of mlp"""

import numpy as np

from staticbp.runtime import blas
from staticbp.runtime import vecmath as vm


def mlp(W1, b1, W2, b2, X, Y, out_bar, out, W1_bar, b1_bar, W2_bar, b2_bar, work):
    h_matmul = work[0:4096].view(np.float64).reshape((32, 16))  # f64[32,16]
    h = work[4096:8192].view(np.float64).reshape((32, 16))  # f64[32,16]
    z_matmul = work[0:1024].view(np.float64).reshape((32, 4))  # f64[32,4]
    out_sub_bar = work[8192:9216].view(np.float64).reshape((32, 4))  # f64[32,4]
    h_bar = work[0:4096].view(np.float64).reshape((32, 16))  # f64[32,16]
    h_add_bar = work[8192:12288].view(np.float64).reshape((32, 16))  # f64[32,16]
    # test_writer.py:54  h = np.tanh(X @ W1 + b1)
    blas.gemm(X, W1, h_matmul)
    for i in range(32):
        for j in range(16):
            h[i, j] = vm.tanh(h_matmul[i, j] + b1[j])
    # test_writer.py:55  z = h @ W2 + b2
    blas.gemm(h, W2, z_matmul)
    out_sum = 0.0
    out_sum_bar = out_bar * 0.0078125
    for i in range(4):
        b2_bar[i] = 0.0
    for i in range(32):
        for j in range(4):
            # test_writer.py:56  return np.mean((z - Y) ** 2)
            out_sub_ij = z_matmul[i, j] + b2[j] - Y[i, j]
            out_sum = vm.radd(out_sum, out_sub_ij**2)
            out_sub_bar_ij = out_sum_bar * (2.0 * out_sub_ij)
            out_sub_bar[i, j] = out_sub_bar_ij
            b2_bar[j] = vm.radd(b2_bar[j], out_sub_bar_ij)
    out[()] = out_sum * 0.0078125
    # ---- adjoint ----
    blas.gemm(out_sub_bar, W2, h_bar, False, True)
    blas.gemm(h, out_sub_bar, W2_bar, True)
    for i in range(16):
        b1_bar[i] = 0.0
    for i in range(32):
        for j in range(16):
            h_add_bar_ij = h_bar[i, j] * (1.0 - h[i, j] * h[i, j])
            h_add_bar[i, j] = h_add_bar_ij
            b1_bar[j] = vm.radd(b1_bar[j], h_add_bar_ij)
    blas.gemm(X, h_add_bar, W1_bar, True)
    return 0
