"""The functions of vecmath against mpmath (values), NumPy (special values, integers), and the assembler (SIMD)."""

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special

FLOATS = (np.float64, np.float32)


def spacing(value, dtype):
    """The distance of neighbouring floats around an exact value."""
    info = np.finfo(dtype)
    if value == 0:
        return mp.mpf(float(info.smallest_subnormal))
    exponent = max(mp.frexp(value)[1] - 1, info.minexp)
    return mp.ldexp(mp.mpf(1), int(exponent) - info.nmant)


def error_in_ulp(got, exact, dtype):
    largest = mp.mpf(float(np.finfo(dtype).max))
    got = float(got)
    if mp.isnan(exact) or math.isnan(got):
        return 0.0 if mp.isnan(exact) and math.isnan(got) else math.inf
    # What rounds to infinity may be the largest number instead, and the other way round.
    clipped = [min(max(mp.mpf(v), -largest), largest) for v in (got, exact)]
    return float(abs(clipped[0] - clipped[1]) / spacing(clipped[1], dtype))


# Where a function is tested: functions of a random generator and a dtype.


def spread(low, high, low32=None, high32=None, count=400):
    """Points spread evenly, and by order of magnitude, between limits that may differ for float32."""

    def points(rng, dtype):
        single = dtype is np.float32 and low32 is not None
        bottom, top = (low32, high32) if single else (low, high)
        least = math.log10(float(np.finfo(dtype).smallest_subnormal) * 4)
        sizes = 10.0 ** rng.uniform(least, math.log10(top), count)
        if bottom < 0:
            sizes *= rng.choice([-1, 1], count)
        return np.concatenate([rng.uniform(bottom, top, count), np.clip(sizes, bottom, top)])

    return points


def even(low, high, count=1000):
    return lambda rng, dtype: rng.uniform(low, high, count)


def near(place):
    """On both sides, at all distances from one ulp to 0.1."""

    def points(rng, dtype):
        distances = 10.0 ** rng.uniform(math.log10(np.finfo(dtype).eps), -1, 200)
        return place + rng.choice([-1, 1], 200) * distances

    return points


def positive(rng, dtype):
    info = np.finfo(dtype)
    return np.exp(rng.uniform(math.log(float(info.smallest_subnormal)), math.log(float(info.max)), 400))


def negative(rng, dtype):
    return -positive(rng, dtype)


def above_one(rng, dtype):
    return np.concatenate([1 + np.abs(near(0)(rng, dtype)), np.maximum(positive(rng, dtype), 1)])


def right_angles(rng, dtype):
    """The floats that are nearest to multiples of pi/2."""
    return np.concatenate([np.arange(1, 200), rng.integers(200, 2**20, 300)]) * (np.pi / 2)


def all_of(*parts):
    return lambda rng, dtype: np.concatenate([part(rng, dtype) for part in parts])


ANGLES = all_of(spread(-1.6e6, 1.6e6), right_angles, even(1e6, 1e30, 50))
ARGUMENTS_OF_LOG = all_of(positive, near(1), even(0.5, 2, 500))


def expit(x):
    return 1 / (1 + mp.exp(-x))


def expit_slope(x):
    small = mp.exp(-abs(x))
    return small / (1 + small) ** 2


# function: reference, bounds in ulp for float64 and float32, points
ONE_ARGUMENT = {
    "exp": (mp.exp, 1.5, 1.5, spread(-745, 709.9, -104, 88.8)),
    "exp2": (lambda x: mp.power(2, x), 1.1, 1.1, spread(-1074, 1024, -149, 128)),
    "expm1": (mp.expm1, 2.1, 1.7, all_of(spread(-60, 80), even(-1, 1))),
    "expit": (expit, 2.6, 2.6, all_of(spread(-100, 40), even(-6, 3))),
    "expit_slope": (expit_slope, 4.0, 4.5, all_of(spread(-700, 700, -80, 80), even(-6, 6))),
    "tanh": (mp.tanh, 2.5, 2.5, all_of(spread(-22, 22), even(-1, 1), even(17, 20, 300), even(7, 10, 300))),
    "sinh": (mp.sinh, 2.4, 2.1, all_of(spread(-710.4, 710.4, -89.4, 89.4), even(-1, 1, 500))),
    "cosh": (mp.cosh, 1.2, 1.2, all_of(spread(-710.4, 710.4, -89.4, 89.4), even(-2, 2, 500))),
    "log": (mp.log, 0.85, 0.85, ARGUMENTS_OF_LOG),
    "log2": (lambda x: mp.log(x, 2), 0.8, 0.8, ARGUMENTS_OF_LOG),
    "log10": (mp.log10, 0.8, 0.8, ARGUMENTS_OF_LOG),
    "log1p": (mp.log1p, 0.85, 0.85, all_of(positive, spread(-0.9999, 3))),
    "sin": (mp.sin, 0.8, 0.6, ANGLES),
    "cos": (mp.cos, 0.8, 0.6, ANGLES),
    "tan": (mp.tan, 2.1, 0.6, all_of(spread(-1.6e6, 1.6e6), right_angles)),
    "arcsin": (mp.asin, 2.1, 0.6, spread(-1, 1, count=1000)),
    "arccos": (mp.acos, 1.2, 0.6, all_of(spread(-1, 1), lambda r, t: 1 - np.abs(near(0)(r, t)))),
    "arctan": (mp.atan, 1.9, 0.6, all_of(spread(-10, 10), positive)),
    "arcsinh": (mp.asinh, 1.6, 1.6, all_of(spread(-5, 5), negative)),
    "arccosh": (mp.acosh, 1.8, 2.0, all_of(above_one, even(1, 5, 500))),
    "arctanh": (mp.atanh, 1.7, 1.7, spread(-0.999, 0.999, count=1000)),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), 0.7, 0.6, all_of(positive, negative)),
    "sqrt": (mp.sqrt, 0.51, 0.51, positive),
    "erf": (mp.erf, 1.8, 0.6, spread(-6, 6)),
    "erfc": (mp.erfc, 3.5, 0.6, all_of(spread(-6, 6), even(5, 27.2, 300))),
    "digamma": (mp.digamma, 3.0, 0.6, all_of(even(1e-3, 12, 400), even(12, 1e4, 100), even(1.45, 1.47, 50))),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), 3.0, 0.6, even(2.5, 60, 200)),
}


@pytest.fixture(autouse=True)
def precision():
    with mp.workprec(260):
        yield


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_error_is_within_the_stated_bound(over, applied, name):
    reference, bound64, bound32, points = ONE_ARGUMENT[name]
    loop = over(name)
    for dtype, bound in ((np.float64, bound64), (np.float32, bound32)):
        rng = np.random.default_rng(7)
        x = np.asarray(points(rng, dtype)).astype(dtype)
        got = applied(loop, x)
        errors = [error_in_ulp(g, reference(mp.mpf(float(v))), dtype) for v, g in zip(x, got, strict=True)]
        worst = int(np.argmax(errors))
        assert errors[worst] <= bound, (dtype, x[worst], got[worst], errors[worst])


def powers(rng, dtype):
    """Bases, and exponents that reach both ends of the range."""
    x = np.abs(all_of(even(0, 10, 400), positive, near(1))(rng, dtype)).astype(dtype)
    logarithms = np.abs(np.log(x.astype(np.float64))).clip(1e-9)
    limit = np.minimum(math.log(float(np.finfo(dtype).max)) / logarithms, 1e30)
    return x, (limit * rng.uniform(-1.02, 1, x.size)).astype(dtype)


def points_of_the_plane(rng, dtype):
    x = all_of(even(-10, 10, 500), positive, near(0))(rng, dtype)
    return x.astype(dtype), rng.permutation(x * rng.choice([-1, 1], x.size)).astype(dtype)


TWO_ARGUMENTS = {
    "pow": (mp.power, 1.1, 0.6, powers),
    "arctan2": (mp.atan2, 1.9, 0.6, points_of_the_plane),
    "hypot": (mp.hypot, 1.1, 0.6, points_of_the_plane),
}


@pytest.mark.parametrize("name", TWO_ARGUMENTS)
def test_error_of_functions_of_two_arguments(over, applied, name):
    reference, bound64, bound32, points = TWO_ARGUMENTS[name]
    loop = over(name, 2)
    for dtype, bound in ((np.float64, bound64), (np.float32, bound32)):
        x, y = points(np.random.default_rng(7), dtype)
        got = applied(loop, x, y)
        errors = [
            error_in_ulp(g, reference(mp.mpf(float(a)), mp.mpf(float(b))), dtype)
            for a, b, g in zip(x, y, got, strict=True)
        ]
        worst = int(np.argmax(errors))
        assert errors[worst] <= bound, (dtype, x[worst], y[worst], got[worst], errors[worst])


def test_logaddexp_is_accurate_relative_to_its_arguments(over, applied):
    loop = over("logaddexp", 2)
    rng = np.random.default_rng(7)
    for dtype in FLOATS:
        x, y = rng.normal(0, 3, (2, 500)).astype(dtype)
        got = applied(loop, x, y)
        for a, b, g in zip(x, y, got, strict=True):
            exact = mp.log(mp.exp(mp.mpf(float(a))) + mp.exp(mp.mpf(float(b))))
            largest = max(abs(exact), abs(mp.mpf(float(a))), abs(mp.mpf(float(b))))
            assert abs(mp.mpf(float(g)) - exact) <= 1.5 * spacing(largest, dtype)


def test_tanh_does_not_exceed_one(over, applied):
    """Or else ``sqrt(1 - t * t)`` and ``arctanh(t)`` would be NaN."""
    loop = over("tanh")
    for dtype, start in ((np.float64, 15), (np.float32, 6)):
        sizes = np.linspace(start, start + 10, 20000).astype(dtype)
        assert np.abs(applied(loop, sizes)).max() == 1
        assert np.abs(applied(loop, -sizes)).max() == 1


def test_arguments_that_nearly_are_multiples_of_half_pi(over, applied):
    x = np.array([1.5707963267948966, 1609.0 * np.pi / 2, 1018541 * (np.pi / 2), 1e22, 1.5999e6])
    for name, reference in (("sin", mp.sin), ("cos", mp.cos)):
        with mp.workprec(2000):
            got = applied(over(name), x)
            errors = [error_in_ulp(g, reference(mp.mpf(float(v))), np.float64) for v, g in zip(x, got, strict=True)]
        assert max(errors) < 1.0, (name, errors)


def specials(dtype):
    info = np.finfo(dtype)
    sizes = [0, 0.5, 1, 1.5, 2, 2.5, 3, 100, 1e-5, 1e5, 1e30, 1e-30, np.inf]
    sizes += [info.max, info.tiny, info.smallest_subnormal]
    sizes += [np.nextafter(dtype(1), dtype(2)), np.nextafter(dtype(1), dtype(0))]
    values = np.array(sizes, dtype)
    return np.concatenate([values, -values, np.array([np.nan], dtype)])


def assert_alike(got, want, *arguments):
    """Equal up to a few ulp; zeros and infinities with their signs, and NaN, exactly."""
    info = np.finfo(want.dtype)
    assert got.dtype == want.dtype
    # In double, so that the tolerance does not overflow; the largest float64s are compared as they are.
    with np.errstate(all="ignore"):
        g, w = got.astype(np.float64), want.astype(np.float64)
        close = np.abs(g - w) <= 4.0 * info.eps * np.abs(w) + 2.0 * float(info.smallest_subnormal)
        same = (g == w) & (np.signbit(g) == np.signbit(w))
        fine = same | (np.isnan(g) & np.isnan(w)) | (close & (w != 0) & (g != 0) & np.isfinite(w))
    wrong = np.flatnonzero(~fine)
    assert not wrong.size, [(*(a[i] for a in arguments), got[i], want[i]) for i in wrong[:5]]


LIKE_NUMPY = [
    "exp",
    "exp2",
    "expm1",
    "tanh",
    "sinh",
    "cosh",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arcsinh",
    "arccosh",
    "arctanh",
    "cbrt",
    "sqrt",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "abs",
    "sign",
]
LIKE_NUMPY_2 = [
    "arctan2",
    "hypot",
    "logaddexp",
    "minimum",
    "maximum",
    "fmin",
    "fmax",
    "floor_divide",
    "remainder",
    "fmod",
    "copysign",
    "pow",
]


@pytest.mark.parametrize("name", LIKE_NUMPY)
def test_special_values_are_numpys(over, applied, name):
    loop = over(name)
    for dtype in FLOATS:
        x = specials(dtype)
        with np.errstate(all="ignore"):
            assert_alike(applied(loop, x), getattr(np, name)(x), x)


@pytest.mark.parametrize("name", LIKE_NUMPY_2)
def test_special_pairs_are_numpys(over, applied, name):
    loop = over(name, 2)
    for dtype in FLOATS:
        x, y = (a.ravel() for a in np.meshgrid(specials(dtype), specials(dtype)))
        with np.errstate(all="ignore"):
            assert_alike(applied(loop, x, y), getattr(np, name.replace("pow", "power"))(x, y), x, y)


def test_special_values_of_the_special_functions(over, applied):
    x = specials(np.float64)
    for name in ("erf", "erfc"):
        assert_alike(applied(over(name), x), getattr(scipy.special, name)(x), x)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -800.0, 800.0, -745.0, -103.5])
    assert applied(over("expit"), ends).tolist()[:4] == [0.5, 0.5, 1.0, 0.0]
    # Not 0, as 1 / (1 + exp(-x)) would have it: the result is subnormal.
    assert applied(over("expit"), ends)[7] == 5e-324
    assert applied(over("expit"), ends.astype(np.float32))[8] == np.float32(1e-45)
    assert np.isnan(applied(over("expit"), ends)[4])
    poles = applied(over("digamma"), np.array([0.0, -0.0, -1.0, -2.0, np.nan, np.inf]))
    assert poles[0] == -np.inf
    assert poles[1] == np.inf
    assert np.isnan(poles[2:5]).all()
    assert poles[5] == np.inf
    assert applied(over("lgamma"), np.array([0.0, -1.0, np.inf])).tolist() == [np.inf] * 3
    negative = np.array([-0.5, -1.25, -7.9])
    np.testing.assert_allclose(applied(over("digamma"), negative), scipy.special.digamma(negative), rtol=1e-13)


@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite", "signbit"])
def test_predicates(over, applied, name):
    loop = over(name)
    for dtype in FLOATS:
        x = specials(dtype)
        assert applied(loop, x, dtype=np.bool_).tolist() == getattr(np, name)(x).tolist()


@pytest.mark.parametrize("name", ["minimum", "maximum", "floor_divide", "remainder", "fmod", "fmin", "fmax"])
def test_integers_of_two_arguments(over, applied, name):
    loop = over(name, 2)
    for dtype in (np.int8, np.int32, np.int64, np.uint8, np.uint64):
        info = np.iinfo(dtype)
        values = np.array([0, 1, 2, 3, 7, 100, info.max, info.max - 1, info.min], dtype)
        if info.min < 0:
            values = np.concatenate([values, -values[1:7]])
        x, y = (a.ravel() for a in np.meshgrid(values, values))
        with np.errstate(all="ignore"):
            want = getattr(np, name)(x, y)
        got = applied(loop, x, y)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["abs", "sign", "floor", "ceil", "trunc"])
def test_integers_of_one_argument(over, applied, name):
    loop = over(name)
    for dtype in (np.int8, np.int64, np.uint16):
        info = np.iinfo(dtype)
        x = np.array([0, 1, 5, info.max, info.min, info.min + 1], dtype)
        np.testing.assert_array_equal(applied(loop, x), getattr(np, name)(x).astype(dtype))


def test_minimum_and_maximum_of_booleans(over, applied):
    x, y = np.array([False, False, True, True]), np.array([False, True, False, True])
    assert applied(over("maximum", 2), x, y).tolist() == (x | y).tolist()
    assert applied(over("minimum", 2), x, y).tolist() == (x & y).tolist()
