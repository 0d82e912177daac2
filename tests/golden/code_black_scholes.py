"""Value and gradient of black_scholes"""

from staticbp.runtime import vecmath as vm


def black_scholes(
    spot,
    strike,
    rate,
    sigma,
    time,
    out_bar,
    out,
    spot_bar,
    strike_bar,
    rate_bar,
    sigma_bar,
    time_bar,
):
    # test_writer.py:76  spread = sigma * np.sqrt(time)
    spread_sqrt = vm.sqrt(time)
    spread = sigma * spread_sqrt
    # test_writer.py:77  d1 = (np.log(spot / strike) + (rate + sigma**2 / 2) * time) / spread
    d1_div = spot / strike
    d1_add = rate + sigma**2 * 0.5
    d1 = (vm.log(d1_div) + d1_add * time) / spread
    # test_writer.py:79  gain = spot * 0.5 * (1 + special.erf(d1 / np.sqrt(2)))
    gain_mul = spot * 0.5
    gain_div = d1 / 1.4142135623730951
    gain_add = 1.0 + vm.erf(gain_div)
    # test_writer.py:80  cost = strike * np.exp(-rate * time) * 0.5 * (1 + special.erf(d2 / np.sqrt(2)))
    cost_exp = vm.exp(-(rate * time))
    cost_mul = strike * cost_exp * 0.5
    # test_writer.py:78  d2 = d1 - spread
    cost_div = (d1 - spread) / 1.4142135623730951
    cost_add = 1.0 + vm.erf(cost_div)
    # test_writer.py:81  return gain - cost
    out[()] = gain_mul * gain_add - cost_mul * cost_add
    # ---- adjoint ----
    cost_div_bar_mul = out_bar * cost_mul * (1.1283791670955126 * vm.exp(-(cost_div * cost_div)))
    cost_mul_bar = out_bar * cost_add * -0.5
    cost_mul_bar_2 = cost_mul_bar * strike * cost_exp
    d1_add_bar = (
        out_bar * gain_mul * (1.1283791670955126 * vm.exp(-(gain_div * gain_div))) / 1.4142135623730951
        + cost_div_bar_mul / -1.4142135623730951
    ) / spread
    spread_bar = cost_div_bar_mul / 1.4142135623730951 - d1_add_bar * d1
    rate_bar_mul = d1_add_bar * time
    rate_bar[()] = rate_bar_mul - cost_mul_bar_2 * time
    spot_bar_div = d1_add_bar / d1_div / strike
    spot_bar[()] = out_bar * gain_add * 0.5 + spot_bar_div
    strike_bar[()] = cost_mul_bar * cost_exp - spot_bar_div * d1_div
    sigma_bar[()] = rate_bar_mul * 0.5 * (2.0 * sigma) + spread_bar * spread_sqrt
    time_bar[()] = d1_add_bar * d1_add - cost_mul_bar_2 * rate + spread_bar * sigma * (0.5 / spread_sqrt)
    return 0
