"""Value and gradient of neuron"""

from staticbp.runtime import vecmath as vm


def neuron(a, b, c, x, y, out_bar, out_expit, a_bar, b_bar, c_bar, x_bar, y_bar):
    # test_writer.py:122  return special.expit(a * x + b * y + c)
    out_add = a * x + b * y + c
    out_expit[()] = vm.expit(out_add)
    # ---- adjoint ----
    c_bar_value = out_bar * vm.expit_slope(out_add)
    c_bar[()] = c_bar_value
    b_bar[()] = c_bar_value * y
    y_bar[()] = c_bar_value * b
    a_bar[()] = c_bar_value * x
    x_bar[()] = c_bar_value * a
    return 0
