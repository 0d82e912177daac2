"""Value and gradient of kepler"""

import numpy as np

from staticbp.runtime import vecmath as vm


def kepler(position, velocity, dt, out_bar, out, position_bar, velocity_bar, work):
    position_2 = work[0:24].view(np.float64)  # f64[3]
    velocity_mul_bar_div = work[64:88].view(np.float64)  # f64[3]
    # test_writer.py:85  r = np.sqrt(np.sum(position**2))
    r_sum = 0.0
    for i in range(3):
        r_sum = vm.radd(r_sum, position[i] ** 2)
    r = vm.sqrt(r_sum)
    # test_writer.py:86  velocity = velocity - dt * position / r**3
    velocity_square = r**2
    velocity_power = velocity_square * r
    out_sum = 0.0
    out_sum_2 = 0.0
    velocity_power_bar = 0.0
    for i in range(3):
        velocity_div_i = dt * position[i] / velocity_power
        # test_writer.py:87  position = position + dt * velocity
        velocity_i = velocity[i] - velocity_div_i
        position_2_i = position[i] + dt * velocity_i
        position_2[i] = position_2_i
        # test_writer.py:88  return np.sum(position**2) + np.sum(velocity**2)
        out_sum = vm.radd(out_sum, position_2_i**2)
        out_sum_2 = vm.radd(out_sum_2, velocity_i**2)
        velocity_bar_i = out_bar * (2.0 * velocity_i) + out_bar * (2.0 * position_2_i) * dt
        velocity_bar[i] = velocity_bar_i
        velocity_mul_bar_div_i = velocity_bar_i / velocity_power
        velocity_mul_bar_div[i] = velocity_mul_bar_div_i
        velocity_power_bar = vm.radd(velocity_power_bar, velocity_mul_bar_div_i * velocity_div_i)
    out[()] = out_sum + out_sum_2
    # ---- adjoint ----
    r_sum_bar = (velocity_power_bar * velocity_square + velocity_power_bar * r * (2.0 * r)) * (0.5 / r)
    for i in range(3):
        position_bar[i] = (
            out_bar * (2.0 * position_2[i]) - velocity_mul_bar_div[i] * dt + r_sum_bar * (2.0 * position[i])
        )
    return 0
