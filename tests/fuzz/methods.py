"""How methods of arrays, Python's operators and methods of ufuncs are drawn, and calls of distributions."""

from typing import Any

from tests.fuzz.specs import Spec

# What Python's numbers, and NumPy's, do to the dtype of an array.
NUMBERS = ("2", "2.5", "-1", "0", "True", "1j", "0.5", "3", "np.float32(1.5)", "np.int8(3)", "np.float64(2)", "1e300")
BINARY = ("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>")


def operator(draw: Any) -> str:
    """An operator between arrays, or an array and a number."""
    sign = draw.one(*BINARY, *BINARY[:7])
    pick = draw.one("arrays", "number", "reflected", "unary")
    if pick == "unary":
        return draw.one("-{0}", "+{0}", "~{0}", "abs({0})", "divmod({0}, 3)", "divmod(7, {0})").format(draw.array())
    if pick == "arrays":
        first, second = draw.broadcast(2)
        return f"{first} {sign} {second}"
    number = draw.one(*NUMBERS)
    array = draw.array()
    return f"{array} {sign} {number}" if pick == "number" else f"{number} {sign} {array}"


def reducing(draw: Any) -> str:
    """A method that reduces."""
    shape = draw.shape()
    array = draw.array(shape)
    axis = draw.axes(shape)
    name = draw.one("sum", "prod", "mean", "std", "var", "max", "min", "any", "all")
    options = [f"axis={axis}"] if draw.one(True, False) else []
    if draw.one(True, False):
        options.append("keepdims=True")
    if name in ("std", "var") and draw.one(True, False):
        options.append(draw.one("ddof=1", "dtype='f8'"))
    if name in ("sum", "prod", "mean") and draw.one(True, False, False):
        options.append(draw.one("dtype='f8'", "dtype='f4'", "dtype=complex"))
    if name in ("sum", "prod", "max", "min") and draw.one(True, False, False):
        options.append(draw.one("initial=2", "initial=-1.5"))
        if draw.one(True, False):
            options.append("where=np.array(True)")
    return f"{array}.{name}({', '.join(options)})"


def along(draw: Any) -> str:
    """A method along one axis, or of the array made flat."""
    shape = draw.shape(1)
    array, axis = draw.array(shape), draw.one(None, draw.axis(shape))
    whole = draw.integer(0, 2)
    return draw.one(
        f"{array}.cumsum(axis={axis})",
        f"{array}.cumprod(axis={axis})",
        f"{array}.argmax(axis={axis})",
        f"{array}.argmin(axis={axis})",
        f"{array}.argsort(axis={axis}, kind='stable')",
        f"{array}.repeat({whole}, axis={axis})",
        f"{array}.take([0, -1], axis={axis})",
        f"{array}.take({whole}, axis={axis}, mode='clip')",
        f"{array}.compress([True, False], axis={axis})",
        f"{array}.diagonal()",
        f"{array}.trace()",
        f"{array}.swapaxes(0, {draw.axis(shape)})",
        f"{array}.dot(np.ones({shape[-1]}))",
    )


def elementwise(draw: Any) -> str:
    """A method, or an attribute, that looks at elements one by one, or at none."""
    shape = draw.shape()
    array = draw.array(shape)
    return draw.one(
        f"{array}.round({draw.one('', '1', 'decimals=2', '-1')})",
        f"{array}.clip(-1, 2)",
        f"{array}.clip(min=0.5)",
        f"{array}.clip(max=1)",
        *(f"{array}.astype({dtype})" for dtype in ("'f4'", "float", "complex", "int", "bool", "'i1'")),
        f"{array}.conj()",
        f"{array}.conjugate().real",
        f"{array}.imag",
        f"{array}.real",
        f"{array}.T",
        f"{array}.mT",
        f"{array}.copy()",
        f"{array}.flatten()",
        f"{array}.ravel()",
        f"{array}.squeeze()",
        f"{array}.transpose()",
        f"{array}.reshape(-1)",
        f"{array}.reshape({', '.join(map(str, reversed(shape))) or '1'})",
        f"{array}[..., None]",
        f"{array}[None]",
        f"{array} * {array}.size + {array}.ndim",
        f"{array}.flat[0]",
        f"[row for row in {array}]",
        f"sum({array})",
        f"len({array}) * {array}",
        f"{array}.item(0)",
    )


def with_number(draw: Any) -> str:
    """A ufunc of an array and a number, of Python's or of NumPy's."""
    name = draw.one(
        *(
            "add",
            "multiply",
            "maximum",
            "fmin",
            "hypot",
            "logaddexp",
            "logaddexp2",
            "arctan2",
            "float_power",
            "copysign",
        ),
        *("subtract", "divide", "floor_divide", "remainder", "fmod", "power", "heaviside", "greater", "logical_and"),
    )
    array, number = draw.array(), draw.one(*NUMBERS)
    return draw.one(f"np.{name}({array}, {number})", f"np.{name}({number}, {array})")


def ufunc_method(draw: Any) -> str:
    """A method of a ufunc of two operands."""
    name = draw.one(
        *("add", "multiply", "maximum", "minimum", "logical_and", "logical_or", "hypot", "logaddexp", "fmax", "fmin"),
        *("subtract", "divide", "bitwise_or", "logical_xor", "arctan2"),
    )
    pick = draw.one("reduce", "accumulate", "outer", "reduce", "call")
    if pick == "outer":
        return f"np.{name}.outer({draw.array(draw.one((2,), (3,), ()))}, {draw.array(draw.one((2,), (2, 2)))})"
    if pick == "call":
        first, second = draw.broadcast(2)
        return f"np.{name}({first}, {second}, {draw.one('dtype=float', 'dtype=np.float32', 'dtype=complex')})"
    shape = draw.shape(1)
    options = [f"axis={draw.axis(shape)}"] if draw.one(True, True, False) else []
    if pick == "reduce" and draw.one(True, False):
        options.append(draw.one("keepdims=True", "initial=1", "keepdims=False"))
    if draw.one(True, False, False, False):
        options.append("dtype=float")
    return f"np.{name}.{pick}({', '.join([draw.array(shape), *options])})"


# Distributions, with the least that their shape parameters may be; all have something to the right of 0.2.
DISTRIBUTIONS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(
        ["norm", "cauchy", "expon", "laplace", "logistic", "uniform", "gumbel_r", "gumbel_l", "halfnorm", "rayleigh"],
        (),
    ),
    **dict.fromkeys(
        ["chi2", "gamma", "gennorm", "invgamma", "lognorm", "pareto", "t", "weibull_min", "vonmises"], (0.5,)
    ),
    "beta": (0.5, 0.5),
}


def distribution(draw: Any) -> str:
    """A density, at a place."""
    name = draw.one(*DISTRIBUTIONS)
    method = draw.one("logpdf", "logpdf", "pdf")
    x = draw.array(draw.one((), (3,), (2, 3)), "f8", special=False)
    shapes = [f"({least} + {draw.positive(draw.one((), (3,)))})" for least in DISTRIBUTIONS[name]]
    placed = draw.one([], [draw.array((), "f8", special=False)])
    return f"stats.{name}.{method}({', '.join([x, *shapes, *placed])})"


# SciPy's functions of distributions under names of their own, where they are defined: beyond, each has its own habits.
PROBABILITIES = {
    **dict.fromkeys(("chdtr", "chdtrc"), "{0}, {1}"),
    "chdtri": "{0}, {2}",
    **dict.fromkeys(("fdtr", "fdtrc", "gdtr", "gdtrc"), "{0}, {1}, {0}"),
    **dict.fromkeys(("fdtri", "gdtrix"), "{0}, {1}, {2}"),
    **dict.fromkeys(("pdtr", "pdtrc"), "{3}, {0}"),
    **dict.fromkeys(("bdtr", "bdtrc"), "{3}, {3} + 2, {2}"),
    **dict.fromkeys(("nbdtr", "nbdtrc"), "{3}, {3} + 1, {2}"),
}


def probability(draw: Any) -> str:
    """A function of a distribution: of positive numbers, a probability and a count."""
    name, shape = draw.one(*PROBABILITIES), draw.one((), (3,), (2, 3))
    first, second, number = draw.positive(shape), draw.positive(shape), draw.array(shape, "f8", special=False)
    count = f"np.abs({draw.array(shape, 'i8')})"
    return f"special.{name}({PROBABILITIES[name].format(first, second, f'(0.5 + 0.1 * {number})', count)})"


METHOD_SPECS: dict[str, Spec] = {
    "operator": operator,
    "operator of others": operator,
    "method that reduces": reducing,
    "method along an axis": along,
    "method of elements": elementwise,
    "special.probability": probability,
    "ufunc.method": ufunc_method,
    "ufunc with a number": with_number,
    "stats": distribution,
}
