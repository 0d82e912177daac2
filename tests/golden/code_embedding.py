"""Value and gradient of embedding"""

from staticbp.runtime import vecmath as vm


def embedding(table, ids, out_bar, out, table_bar):
    out_total = 0.0
    for i in range(9):
        for j in range(4):
            table_bar[i, j] = 0.0
    for i in range(4):
        # test_writer.py:112  rows = table[ids]
        if not -9 <= ids[i] < 9:
            return 1
        for j in range(4):
            # test_writer.py:113  return np.sum(np.tanh(rows))
            out_tanh_ij = vm.tanh(table[ids[i] + 9 if ids[i] < 0 else ids[i], j])
            out_total = vm.radd(out_total, out_tanh_ij)
            table_bar[ids[i] + 9 if ids[i] < 0 else ids[i], j] += out_bar * (1.0 - out_tanh_ij * out_tanh_ij)
    out[()] = out_total
    return 0
