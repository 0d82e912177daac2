"""Value and gradient of attention"""

import numpy as np

from staticbp.runtime import blas
from staticbp.runtime import vecmath as vm


def attention(Q, K, V, out_bar, out, Q_bar, K_bar, V_bar, work):
    scores_matmul = work[0:1152].view(np.float64).reshape((12, 12))  # f64[12,12]
    scores = work[3456:4608].view(np.float64).reshape((12, 12))  # f64[12,12]
    weights_exp = work[2304:3456].view(np.float64).reshape((12, 12))  # f64[12,12]
    weights_sum = work[5760:5856].view(np.float64)  # f64[12]
    weights = work[1152:2304].view(np.float64).reshape((12, 12))  # f64[12,12]
    out_matmul = work[0:768].view(np.float64).reshape((12, 8))  # f64[12,8]
    out_matmul_bar = work[3456:4224].view(np.float64).reshape((12, 8))  # f64[12,8]
    weights_bar = work[0:1152].view(np.float64).reshape((12, 12))  # f64[12,12]
    weights_exp_bar_div = work[4608:5760].view(np.float64).reshape((12, 12))  # f64[12,12]
    scores_matmul_bar = work[3456:4608].view(np.float64).reshape((12, 12))  # f64[12,12]
    scores_transpose_bar = work[0:768].view(np.float64).reshape((8, 12))  # f64[8,12]
    # test_writer.py:100  scores = Q @ K.T / np.sqrt(8.0)
    blas.gemm(Q, K, scores_matmul, False, True)
    for i in range(12):
        # test_writer.py:101  weights = special.softmax(scores, axis=-1)
        weights_max_i = -np.inf
        for j in range(12):
            scores_ij = scores_matmul[i, j] / 2.8284271247461903
            scores[i, j] = scores_ij
            weights_max_i = vm.rmax(weights_max_i, scores_ij)
        weights_sum_i = 0.0
        for j in range(12):
            weights_exp_ij = vm.exp(scores[i, j] - weights_max_i)
            weights_exp[i, j] = weights_exp_ij
            weights_sum_i = vm.radd(weights_sum_i, weights_exp_ij)
        weights_sum[i] = weights_sum_i
        for j in range(12):
            weights[i, j] = weights_exp[i, j] / weights_sum_i
    # test_writer.py:102  return np.sum((weights @ V) ** 2)
    blas.gemm(weights, V, out_matmul)
    out_total = 0.0
    for i in range(12):
        for j in range(8):
            out_total = vm.radd(out_total, out_matmul[i, j] ** 2)
            out_matmul_bar[i, j] = out_bar * (2.0 * out_matmul[i, j])
    out[()] = out_total
    # ---- adjoint ----
    blas.gemm(out_matmul_bar, V, weights_bar, False, True)
    blas.gemm(weights, out_matmul_bar, V_bar, True)
    for i in range(12):
        weights_sum_bar_sum_i = 0.0
        for j in range(12):
            weights_exp_bar_div_ij = weights_bar[i, j] / weights_sum[i]
            weights_exp_bar_div[i, j] = weights_exp_bar_div_ij
            weights_sum_bar_sum_i = vm.radd(weights_sum_bar_sum_i, weights_exp_bar_div_ij * weights[i, j])
        for j in range(12):
            scores_matmul_bar[i, j] = (
                (weights_exp_bar_div[i, j] - weights_sum_bar_sum_i) * weights_exp[i, j] / 2.8284271247461903
            )
    blas.gemm(scores_matmul_bar, K, Q_bar)
    blas.gemm(Q, scores_matmul_bar, scores_transpose_bar, True)
    for i in range(12):
        for j in range(8):
            K_bar[i, j] = scores_transpose_bar[j, i]
    return 0
