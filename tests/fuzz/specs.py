"""How calls of the functions that are not elementwise are drawn: by name, an expression over new arguments."""

from collections.abc import Callable
from typing import Any

Spec = Callable[[Any], str]


def reduction(name: str, *options: str, several: bool = True) -> Spec:
    """A reduction, along some axes."""

    def spec(draw: Any) -> str:
        shape = draw.shape()
        array = draw.array(shape)
        axis = draw.axes(shape) if several else draw.one(None, draw.axis(shape) if shape else None)
        given = [f"axis={axis}"] if axis is not None or draw.one(True, False) else []
        if draw.one(True, False):
            given.append(f"keepdims={draw.one(True, False)}")
        if options and draw.one(True, False, False):
            given.append(draw.one(*options))
        return f"np.{name}({', '.join([array, *given])})"

    return spec


def middle(name: str) -> Spec:
    """A median: of float64, since NumPy's mean of the two elements in the middle overflows in float32."""

    def spec(draw: Any) -> str:
        shape = draw.shape()
        return f"np.{name}({draw.array(shape, 'f8')}, axis={draw.axes(shape)}, keepdims={draw.one(True, False)})"

    return spec


def along(name: str, *options: str, least: int = 1) -> Spec:
    """A function along one axis, or of the flattened array."""

    def spec(draw: Any) -> str:
        shape = draw.shape(least)
        array = draw.array(shape)
        given = [f"axis={draw.axis(shape)}"] if draw.one(True, True, False) else []
        if options and draw.one(True, False):
            given.append(draw.one(*options))
        return f"np.{name}({', '.join([array, *given])})"

    return spec


def whole(text: str, least: int = 0) -> Spec:
    """A function of one array, as `text` has it."""
    return lambda draw: text.format(draw.array(draw.shape(least)))


def joining(name: str, axis: bool = True) -> Spec:
    """A function of several arrays of one shape."""

    def spec(draw: Any) -> str:
        shape = draw.shape(1)
        arrays = ", ".join(draw.array(shape) for _ in range(draw.integer(1, 3)))
        return f"np.{name}([{arrays}]{f', axis={draw.axis(shape)}' if axis else ''})"

    return spec


def product(name: str, *shapes: tuple[tuple[int, ...], ...]) -> Spec:
    """A product of two arrays of shapes that fit."""

    def spec(draw: Any) -> str:
        first, second = draw.one(*shapes)
        return f"np.{name}({draw.array(first, special=False)}, {draw.array(second, special=False)})"

    return spec


def square(text: str, dtype: str = "f8") -> Spec:
    """A function of a square matrix, or of several."""

    def spec(draw: Any) -> str:
        shape = draw.one((2, 2), (3, 3), (2, 3, 3), (1, 1))
        return text.format(draw.array(shape, draw.one(dtype, dtype, "f4"), special=False), shape[-1])

    return spec


def reshaping(draw: Any) -> str:
    shape = draw.shape()
    size = 1
    for dim in shape:
        size *= dim
    target = draw.one((-1,), (size,), tuple(reversed(shape)), (1, *shape), (size, 1), (2, -1))
    return f"np.reshape({draw.array(shape)}, {target})"


def permuting(draw: Any) -> str:
    shape = draw.shape(1)
    perm = list(range(len(shape)))
    draw.random.shuffle(perm)
    first, second = draw.axis(shape), draw.axis(shape)
    array = draw.array(shape)
    return draw.one(
        f"np.transpose({array}, {perm})",
        f"np.swapaxes({array}, {first}, {second})",
        f"np.moveaxis({array}, {first}, {second})",
        f"np.rollaxis({array}, {first}, {draw.integer(0, len(shape))})",
        f"{array}.T",
    )


def indexing(draw: Any) -> str:
    shape = draw.shape(1)
    entries: list[str] = []
    for extent in shape[: draw.integer(0, len(shape))]:
        low, high = draw.integer(-4, 4), draw.integer(-4, 4)
        number = draw.integer(-extent, extent - 1) if extent else 0
        several = [draw.integer(-extent, extent - 1) for _ in range(2)] if extent else []
        mask = [draw.one(True, False) for _ in range(extent)]
        entries.append(
            str(draw.one(number, f"{low}:{high}", "::-1", "::2", f"{low}:", several, f"np.array({mask}, dtype=bool)"))
        )
    if draw.one(True, False, False, False):
        entries.insert(draw.integer(0, len(entries)), draw.one("None", "..."))
    return f"{draw.array(shape)}[{', '.join(entries) or '...'}]"


def taking(draw: Any) -> str:
    shape = draw.shape(1, empty=False)
    axis = draw.axis(shape)
    index = draw.array(draw.one((), (3,), (2, 2)), "i8")
    return f"np.take({draw.array(shape)}, {index}, axis={axis}, mode={draw.one('wrap', 'clip', 'raise')!r})"


def clipping(draw: Any) -> str:
    a, b, c = draw.broadcast(3)
    return draw.one(f"np.clip({a}, {b}, {c})", f"np.clip({a}, -1, 1)", f"np.clip({a}, None, {c})")


def choosing(draw: Any) -> str:
    a, b, c = draw.broadcast(3)
    return f"np.where({a} > 0, {b}, {c})"


def padding(draw: Any) -> str:
    shape = draw.shape(1, empty=False)
    mode = draw.one("constant", "edge", "reflect", "wrap", "symmetric", "linear_ramp", "mean", "maximum")
    return f"np.pad({draw.array(shape, 'f8')}, {draw.one(1, (0, 2), (1, 0))}, mode={mode!r})"


def rolling(draw: Any) -> str:
    shape = draw.shape(1)
    array = draw.array(shape)
    return draw.one(
        f"np.roll({array}, {draw.integer(-4, 4)}, axis={draw.one(None, draw.axis(shape))})",
        f"np.flip({array}, {draw.one(None, draw.axis(shape))})",
        f"np.repeat({array}, {draw.integer(0, 3)}, axis={draw.one(None, draw.axis(shape))})",
        f"np.tile({array}, {draw.one(2, (2, 1), (1, 2, 1), 0)})",
        f"np.expand_dims({array}, {draw.axis(shape)})",
        f"np.broadcast_to({array}, {(2, *shape)})",
        f"np.append({array}, {array})",
        f"np.delete({array}, 0)",
        f"np.resize({array}, (2, 3))",
    )


def einsum(draw: Any) -> str:
    text, shapes = draw.one(
        ("ij,jk->ik", ((2, 3), (3, 2))),
        ("ij->ji", ((2, 3),)),
        ("ii->i", ((3, 3),)),
        ("ii", ((3, 3),)),
        ("i,j->ij", ((2,), (3,))),
        ("ij,ij->", ((2, 3), (2, 3))),
        ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))),
        ("ij,jk,kl", ((2, 3), (3, 2), (2, 2))),
        ("...i,i->...", ((2, 3), (3,))),
    )
    return f"np.einsum({text!r}, {', '.join(draw.array(shape, special=False) for shape in shapes)})"


def interpolating(draw: Any) -> str:
    knots = sorted(draw.random.sample(range(-5, 6), 4))
    return f"np.interp({draw.array(dtype='f8')}, np.array({knots}) / 1.0, {draw.array((4,), 'f8', False)})"


def quantile(draw: Any) -> str:
    shape = draw.shape(1, empty=False)
    q = draw.one(0.5, 0.0, 1.0, 0.3, [0.25, 0.75])
    method = draw.one("linear", "lower", "higher", "nearest", "midpoint")
    array = draw.array(shape, draw.one("f8", "f4"), special=False)
    return f"np.quantile({array}, {q}, axis={draw.one(None, draw.axis(shape))}, method={method!r})"


def splitting(draw: Any) -> str:
    array = draw.array(draw.one((4,), (4, 2), (6, 3)))
    return draw.one(
        f"np.split({array}, 2)", f"np.array_split({array}, 3)", f"np.split({array}, [1, 3])", f"np.vsplit({array}, 2)"
    )


SPECS: dict[str, Spec] = {
    **{
        name: reduction(name, "dtype='f8'", "initial=2", "where=[True]")
        for name in ("sum", "prod", "nansum", "nanprod")
    },
    **{name: reduction(name, "initial=0.5") for name in ("max", "min", "nanmax", "nanmin")},
    **{name: reduction(name) for name in ("any", "all", "ptp", "nanmean", "count_nonzero")},
    **{name: middle(name) for name in ("median", "nanmedian")},
    "mean": reduction("mean", "dtype='f8'", "where=[True]"),
    **{name: reduction(name, "ddof=1", "ddof=0") for name in ("var", "std", "nanvar", "nanstd")},
    **{name: along(name, "dtype='f8'") for name in ("cumsum", "cumprod", "nancumsum", "nancumprod")},
    **{name: reduction(name, several=False) for name in ("argmax", "argmin", "nanargmax", "nanargmin")},
    "cumulative_sum": lambda draw: (
        f"np.cumulative_sum({draw.array(draw.one((3,), (4,)))}, include_initial={draw.one(True, False)})"
    ),
    "sort": along("sort"),
    "argsort": along("argsort", "kind='stable'"),
    "diff": along("diff", "n=2", "n=0"),
    "gradient": along("gradient"),
    "trapezoid": along("trapezoid", "dx=0.5"),
    "unwrap": along("unwrap"),
    "average": reduction("average"),
    "reshape": reshaping,
    "transpose": permuting,
    "getitem": indexing,
    "take": taking,
    "clip": clipping,
    "where": choosing,
    "pad": padding,
    "roll": rolling,
    "einsum": einsum,
    "interp": interpolating,
    "quantile": quantile,
    "split": splitting,
    **{name: joining(name) for name in ("concatenate", "stack")},
    **{name: joining(name, axis=False) for name in ("vstack", "hstack", "dstack", "column_stack")},
    **{
        name: whole(f"np.{name}({{}})")
        for name in (
            *("ravel", "squeeze", "atleast_1d", "atleast_2d", "atleast_3d", "copy", "zeros_like", "ones_like", "real"),
            *("sinc", "fix", "nan_to_num", "i0", "deg2rad", "degrees", "positive", "conjugate", "imag"),
            *("angle", "fabs", "logaddexp2", "modf", "isposinf", "isreal", "ediff1d", "round"),
        )
        if name != "logaddexp2"
    },
    **{
        name: whole(f"np.{name}({{}})", 2)
        for name in ("tril", "triu", "diagonal", "trace", "rot90", "fliplr", "flipud")
    },
    "reciprocal": lambda draw: f"np.reciprocal({draw.array(dtype=draw.one('f8', 'f4'))})",  # what 1 // 0 is nobody says
    "diag": whole("np.diag({})", 1),
    "vander": lambda draw: f"np.vander({draw.array((3,))}, {draw.integer(1, 4)})",
    "polyval": lambda draw: f"np.polyval({draw.array((3,), special=False)}, {draw.array(special=False)})",
    "heaviside": lambda draw: "np.heaviside({}, {})".format(*draw.broadcast(2)),
    "float_power": lambda draw: "np.float_power({}, {})".format(*draw.broadcast(2)),
    "divmod": lambda draw: "np.divmod({}, {})".format(*draw.broadcast(2)),
    "ldexp": lambda draw: f"np.ldexp({draw.array((3,))}, {draw.array((3,), 'i4')})",
    "searchsorted": lambda draw: (
        f"np.searchsorted([-2.0, 0.0, 1.0], {draw.array()}, side={draw.one('left', 'right')!r})"
    ),
    "digitize": lambda draw: f"np.digitize({draw.array(special=False)}, [-2.0, 0.0, 1.0])",
    "select": lambda draw: "np.select([{0} > 0, {0} < -1], [{0}, {1}])".format(*draw.broadcast(2, dtype="f8")),
    "convolve": lambda draw: (
        f"np.convolve({draw.array((4,), special=False)}, {draw.array((3,), special=False)}, "
        f"{draw.one('full', 'same', 'valid')!r})"
    ),
    "correlate": lambda draw: (
        f"np.correlate({draw.array((4,), special=False)}, {draw.array((3,), special=False)}, "
        f"{draw.one('full', 'same', 'valid')!r})"
    ),
    "cov": lambda draw: f"np.cov({draw.array(draw.one((2, 4), (3, 3), (4,)), 'f8', False)})",
    "corrcoef": lambda draw: f"np.corrcoef({draw.array((2, 4), 'f8', False)})",
    **{
        name: product(
            name, ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)), ((), (3,))
        )
        for name in ("dot", "matmul")
    },
    "inner": product("inner", ((3,), (3,)), ((2, 3), (4, 3)), ((), (3,))),
    "outer": product("outer", ((3,), (4,)), ((2, 2), (3,))),
    "vdot": product("vdot", ((3,), (3,)), ((2, 2), (2, 2))),
    "kron": product("kron", ((2,), (3,)), ((2, 2), (2, 3))),
    "cross": product("cross", ((3,), (3,)), ((2, 3), (2, 3)), ((3,), (4, 3))),
    "tensordot": product("tensordot", ((2, 3, 2), (3, 2)), ((2, 3), (2, 3))),
    "vecdot": product("vecdot", ((3,), (3,)), ((2, 3), (3,))),
    "linalg.det": square("np.linalg.det({0})"),
    "linalg.inv": square("np.linalg.inv({0})"),
    "linalg.slogdet": square("np.linalg.slogdet({0})"),
    "linalg.solve": square("np.linalg.solve({0}, np.ones(({1}, 2)))"),
    "linalg.matrix_power": square("np.linalg.matrix_power({0}, 3)"),
    "linalg.norm": square("np.linalg.norm({0}, axis=(-2, -1))"),
    "linalg.vector": lambda draw: (
        f"np.linalg.norm({draw.array((2, 3), 'f8', False)}, ord={draw.one(1, 2, 3, 'np.inf', 0)}, "
        f"axis={draw.one(0, 1)})"
    ),
    "linalg.cholesky": square("np.linalg.cholesky({0} @ np.matrix_transpose({0}) + np.eye({1}))"),
    "fft.fft": lambda draw: f"np.fft.fft({draw.array(draw.one((4,), (2, 3)), special=False)})",
    "fft.rfft": lambda draw: f"np.fft.rfft({draw.array(draw.one((4,), (2, 3)), 'f8', False)})",
}
