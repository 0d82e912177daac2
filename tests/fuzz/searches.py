"""How calls that search, select, interpolate, take apart and put together are drawn."""

from typing import Any

from tests.fuzz.specs import Spec

METHODS = (
    *("linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "normal_unbiased"),
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf"),
)


def of_array(*texts: str, least: int = 0, dtype: str | None = None, special: bool = True, empty: bool = True) -> Spec:
    """One of the expressions in an array ``{0}``, with an axis ``{1}`` of it where there is one."""

    def spec(draw: Any) -> str:
        shape = draw.shape(least, empty=empty)
        axis = draw.axis(shape) if shape else None
        return draw.one(*texts).format(draw.array(shape, dtype, special=special), axis)

    return spec


def of_vector(*texts: str, dtype: str | None = None, special: bool = False) -> Spec:
    """One of the expressions in two vectors."""
    return lambda draw: draw.one(*texts).format(draw.array((4,), dtype, special), draw.array((3,), dtype, special))


def of_alike(*texts: str, least: int = 0, dtype: str | None = None, special: bool = True) -> Spec:
    """One of the expressions in two arrays of one shape, with an axis ``{2}`` where there is one."""

    def spec(draw: Any) -> str:
        shape = draw.shape(least)
        axis = draw.axis(shape) if shape else None
        return draw.one(*texts).format(draw.array(shape, dtype, special), draw.array(shape, dtype, special), axis)

    return spec


def quantiles(draw: Any) -> str:
    """A quantile, or a percentile, by one of the methods."""
    shape = draw.shape(1, empty=False)
    name, scale = draw.one(("quantile", 1), ("percentile", 100), ("nanquantile", 1), ("nanpercentile", 100))
    q = draw.one("0.4", "[0.1, 0.75]", "np.float32(0.5)", "0", "np.float64(0.3)", "[[0.25], [0.5]]")
    q = q if scale == 1 else f"100 * {q}" if "[" not in q else f"100 * np.array({q})"
    array = draw.array(shape, draw.one("f8", "f8", "f4"), special=False)
    axis = draw.axes(shape) or draw.axis(shape)  # over no axes NumPy's nanquantile puts those of q last
    options = f"axis={axis}, method={draw.one(*METHODS)!r}, keepdims={draw.one(True, False)}"
    return f"np.{name}({array}, {q}, {options})"


def placing(draw: Any) -> str:
    """Elements by their places, along an axis or of the whole."""
    shape = draw.shape(1, empty=False)
    array, axis = draw.array(shape), draw.axis(shape)
    return draw.one(
        f"np.take_along_axis({array}, np.argsort({array}, axis={axis}, kind='stable'), axis={axis})",
        f"np.choose({draw.array(shape, '?')}.astype(int), [{array}, {array} * 2])",
        f"np.compress([True, False], {array}, axis={axis})",
        f"np.extract([True, False, True], {array})",
        f"np.insert({array}, 0, 1, axis={axis})",
        f"np.delete({array}, [0], axis={axis})",
        f"np.partition({array}, 0, axis={axis}).min(axis={axis})",
        f"np.take({array}, [0, -1], axis={axis})",
        f"np.apply_along_axis(np.sum, {axis}, {array})",
        f"np.apply_over_axes(np.sum, {array}, [0, {axis}])",
        f"np.unravel_index({draw.array((2,), '?')}.astype(int), (2, 3))",
        f"np.ravel_multi_index(({draw.array((2,), '?')}.astype(int), [0, 1]), (2, 3))",
    )


def spaces(draw: Any) -> str:
    """Numbers between two, as many as are asked for."""
    name = draw.one("linspace", "logspace", "geomspace")
    first, last = draw.positive(draw.one((), (2,))), draw.positive(())
    return f"np.{name}({first}, {last}, {draw.integer(0, 5)}, endpoint={draw.one(True, False)})"


def histogram(draw: Any) -> str:
    """How many elements lie where."""
    array = draw.array((6,), draw.one("f8", "i8"), special=False)
    bins = draw.one("3", "[-3.0, -0.5, 0.1, 4.0]", "4, (-2, 2)")
    given = draw.one("", ", density=True", f", weights={draw.array((6,), 'f8', special=False)}")
    return draw.one(f"np.histogram({array}, {bins}{given})[0]", f"np.histogram_bin_edges({array}, {bins})")


def padding(draw: Any) -> str:
    """Elements around an array, by the modes and widths that there are."""
    shape = draw.shape(1, empty=False)
    widths = draw.one("1", "(0, 2)", f"[(1, {draw.integer(0, 2)})] * {len(shape)}", "2")
    array = draw.array(shape)
    return draw.one(
        f"np.pad({array}, {widths})",
        f"np.pad({array}, {widths}, constant_values=(1, 2))",
        f"np.pad({array}, {widths}, 'edge')",
        f"np.pad({array}, {widths}, 'reflect', reflect_type='odd')",
        f"np.pad({array}, {widths}, 'wrap')",
        f"np.pad({array}, {widths}, 'symmetric')",
    )


def stacking(draw: Any) -> str:
    """Arrays put together, of several shapes and dtypes."""
    a, b = draw.array((2, 3)), draw.array(draw.one((2, 3), (2, 3), (1, 3)))
    return draw.one(
        f"np.block([[{a}, {a}], [{b}, {b}]])",
        f"np.concatenate([{a}, {b}], axis=None)",
        f"np.concat([{a}, {b}], axis=0)",
        f"np.stack([{a}, {a}], axis=-1, dtype=float)",
        f"bnp.array([{a}, {a}])",
        f"bnp.array([[{a}[0, 0], 1.5], [2, {b}[0, 1]]])",
        f"bnp.r_[{a}[0], 1.5, {b}[0]]",
        f"bnp.c_[{a}.T, {a}.T]",
        f"np.append({a}, {b}, axis=0)",
        f"np.broadcast_arrays({a}, {b})",
        f"np.meshgrid({a}[0], {b}[0])",
        f"np.meshgrid({a}[0], {b}[0], indexing='ij', sparse=True)",
        f"np.where({a} > {b}, {a}, 0)",
        f"np.select([{a} > 1, {b} < 0], [{a}, {b}], default=-1)",
        f"np.piecewise({a}, [{a} > 0], [lambda x: x * 2, 0.5])",
    )


def taking_apart(draw: Any) -> str:
    """Arrays taken apart, and axes moved."""
    shape = draw.one((4, 2), (6, 3), (2, 4, 2))
    array, axis = draw.array(shape), draw.axis(shape)
    return draw.one(
        f"np.hsplit({array}, [1])",
        f"np.dsplit({array}, 2)",
        f"np.array_split({array}, 2, axis={axis})",
        f"np.unstack({array}, axis={axis})",
        f"np.permute_dims({array})",
        f"np.moveaxis({array}, [0, 1], [1, 0])",
        f"np.roll({array}, (1, -1), axis=(0, {axis}))",
        f"np.rot90({array}, {draw.integer(-2, 3)}, axes=(0, 1))",
        f"np.flip({array}, axis=(0, 1))",
        f"np.tril({array}, {draw.integer(-2, 2)})",
        f"np.triu({array}, {draw.integer(-2, 2)})",
        f"np.tile({array}, (2, 1))",
        f"np.repeat({array}, [1, 0, 2, 1][: {shape[axis]}] + [1] * {max(0, shape[axis] - 4)}, axis={axis})",
        f"np.kron({array}, np.ones((2, 1)))",
        f"np.squeeze({array}[:, :1], axis=1)",
    )


SEARCH_SPECS: dict[str, Spec] = {
    "quantiles": quantiles,
    "places": placing,
    "linspace": spaces,
    "histogram": histogram,
    "pad with options": padding,
    "stacking": stacking,
    "taking apart": taking_apart,
    "polynomials": of_vector(
        "np.polyadd({0}, {1})",
        "np.polysub({0}, {1})",
        "np.polymul({0}, {1})",
        "np.polyder({0})",
        "np.polyder({0}, 2)",
        "np.polyint({0})",
        "np.polyint({1}, 2, [1, 2])",
        "np.polyval({0}, {1})",
        "np.vander({0}, 3, increasing=True)",
        "np.poly({1})",
        "np.polyfit(np.arange(4.0), {0}, 2)",
        dtype="f8",
    ),
    "interp with options": of_vector(
        "np.interp({0}, np.array([-2.0, 0.0, 2.5]), {1})",
        "np.interp({0}, np.array([-2.0, 0.0, 2.5]), {1}, left=0.5)",
        "np.interp({0}, np.array([-2.0, 0.0, 2.5]), {1}, -1, 1)",
        "np.interp({0}, np.array([0.1, 0.5, 1.5]), {1}, period=2)",
        "np.interp({0}, np.cumsum(np.abs({1})), np.array([1.0, 3.0, 2.0]))",
        dtype="f8",
    ),
    "differences": of_array(
        "np.diff({0}, prepend=0)",
        "np.diff({0}, append=[1])",
        "np.diff({0}, n=2, axis={1})",
        "np.ediff1d({0}, to_begin=0, to_end=[1, 2])",
        "np.gradient({0}, 0.5)",
        "np.gradient({0}, axis={1}, edge_order=1)",
        "np.trapezoid({0}, axis={1}, dx=2)",
        "np.unwrap({0}, period=4)",
        "np.cumulative_prod({0}, axis={1})",
        "np.cumulative_sum({0}, axis={1}, include_initial=True)",
        least=1,
    ),
    "statistics": of_array(
        "np.average({0}, axis={1}, keepdims=True)",
        "np.average({0}, returned=True)",
        "np.var({0}, axis={1}, correction=1)",
        "np.std({0}, axis={1}, keepdims=True, ddof=0.5)",
        "np.var({0}, axis={1}, mean=0.5)",
        "np.nanvar({0}, axis={1}, ddof=1, keepdims=True)",
        "np.nanmedian({0}, axis={1}, keepdims=True)",
        "np.ptp({0}, axis={1}, keepdims=True)",
        "np.cov({0})",
        "np.cov({0}, bias=True, rowvar=False)",
        "np.cov({0}, ddof=0)",
        "np.corrcoef({0}, rowvar=False)",
        "np.median({0}, axis={1})",
        least=1,
        dtype="f8",
        special=False,
    ),
    "weighted": of_alike(
        "np.average({0}, weights=np.abs({1}) + 0.5)",
        "np.average({0}, axis={2}, weights=np.abs({1}) + 0.5)",
        "np.trapezoid({0}, {1})",
        "np.cov({0}, {1})",
        "np.sum({0}, where={1} > 0)",
        "np.max({0}, where={1} > 0, initial=-5)",
        "np.mean({0}, where={1} > -4)",
        "np.lexsort(({0}, {1}))",
        least=1,
        dtype="f8",
        special=False,
    ),
    "sorting": of_array(
        "np.sort({0}, axis={1}, kind='stable')",
        "np.sort({0}, axis=None)",
        "np.argsort({0}, axis={1}, stable=True)",
        "np.flip(np.sort({0}, axis=0), 0)",
        "np.argmax({0}, axis={1}, keepdims=True)",
        "np.argmin({0}, keepdims=True)",
        "np.searchsorted(np.sort(np.ravel({0})), [0.0, 1.5], side='right')",
        "np.digitize({0}, [2.0, 0.0, -1.0], right=True)",
        "np.count_nonzero({0}, axis={1}, keepdims=True)",
        least=1,
    ),
    "questions": of_array(
        "np.isin({0}, [0, 1, 2.5])",
        "np.isin({0}, [0, 1], invert=True)",
        "np.isneginf({0})",
        "np.iscomplex({0})",
        "np.iscomplexobj({0})",
        "np.isrealobj({0})",
        "np.isfinite({0})",
        "np.nonzero({0})",
        "np.size({0}, {1})",
        "np.shape({0})",
        "np.ndim({0})",
    ),
    "comparisons": of_alike(
        "np.isclose({0}, {1})",
        "np.isclose({0}, {0}, equal_nan=True)",
        "np.allclose({0}, {1}, rtol=1e3)",
        "np.array_equal({0}, {1})",
        "np.array_equal({0}, {0})",
        "np.array_equiv({0}, {1})",
    ),
    "conversions": of_array(
        "np.astype({0}, 'f4')",
        "np.astype({0}, int)",
        "np.nan_to_num({0}, nan=1.5, posinf=2, neginf=-2)",
        "np.around({0}, 1)",
        "np.round({0}, -1)",
        "np.real_if_close({0})",
        "np.frexp({0})",
        "np.full_like({0}, 2.5)",
        "np.full_like({0}, 2, dtype=float)",
        "np.zeros_like({0}, dtype='f4')",
        "np.ones_like({0}, shape=(2, 2))",
        "np.diagflat({0})",
        "np.diag({0}, 1)",
        "np.angle({0}, deg=True)",
        "np.clip({0}, a_min=-0.5, a_max=None)",
        "np.clip({0}, min=0, max=1)",
        "np.squeeze({0})",
        "np.expand_dims({0}, (0, -1))",
        "np.atleast_2d({0}, 1.5)",
        "np.logaddexp2({0}, 1)",
        "np.ix_([0], np.arange(2))",
        "np.einsum('...->...', {0})",
        "np.sum({0} * np.array([1, 2, 3])[:, None])",
    ),
    "einsum of many": lambda draw: draw.one(
        "np.einsum('ij,jk->ik', {0}, {1}, optimize=True)",
        "np.einsum({0}, [0, 1], {1}, [1, 2], [0, 2])",
        "np.einsum('ij,jk', {0}, {1})",
        "np.einsum('ij,jk->', {0}, {1})",
        "np.einsum('ij,jk->ki', {0}, {1})",
        "np.einsum('ij,jk,lj->ikl', {0}, {1}, {0})",
        "np.einsum('ij,jk,kl->il', {0}, {1}, {0}, optimize='greedy')",
    ).format(
        draw.array((2, 3), draw.one("f8", "f4", "i8", "c16"), False), draw.array((3, 2), draw.one("f8", "c16"), False)
    ),
}
