"""Complex numbers: their parts, their angle, and what NumPy asks of them.

The cotangent of a complex number ``x + iy`` is ``dL/dx - i dL/dy``, as in JAX and autograd.  So gradient descent on a
real loss goes along the conjugate of the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from staticbp.core.aval import COMPLEX128
from staticbp.core.primitive import Value, value_aval
from staticbp.errors import UnsupportedFunctionError
from staticbp.ops import linear
from staticbp.ops.linear import fill, operand, to_dtype
from staticbp.ops.options import traced
from staticbp.ops.registry import implements
from staticbp.ops.views import returns_part


@implements(np.real)
@returns_part
def real(val: Any) -> Value:
    """The real part."""
    z = traced(val)
    return linear.real(z) if value_aval(z).is_complex else z


@implements(np.imag)
@returns_part
def imag(val: Any) -> Value:
    """The imaginary part."""
    z = traced(val)
    return linear.imag(z) if value_aval(z).is_complex else fill(0, value_aval(z))


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Value:
    """The angle with the positive real axis."""
    z = traced(z)
    turned = np.arctan2(imag(z), real(z)) if value_aval(z).is_complex else np.arctan2(np.zeros_like(z), z)
    return turned * (180 / np.pi) if deg else turned


@implements(np.isreal)
def isreal(x: Any) -> Value:
    """Whether the imaginary part is zero."""
    return imag(x) == 0


@implements(np.iscomplex)
def iscomplex(x: Any) -> Value:
    """Whether the imaginary part is not zero."""
    return imag(x) != 0


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex."""
    return value_aval(operand(x)).is_complex


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex."""
    return not iscomplexobj(x)


@implements(np.real_if_close)
@returns_part
def real_if_close(a: Any, tol: float = 100) -> Value:
    """The array itself where it is real."""
    z = traced(a)
    if value_aval(z).is_complex:
        raise UnsupportedFunctionError(
            "np.real_if_close of complex numbers: whether the result is real would depend on the values",
            advice="Write np.real(x).",
        )
    return z


def as_complex(x: Value) -> Value:
    """`x` as complex numbers of its precision."""
    return to_dtype(traced(x), np.result_type(value_aval(x).dtype, np.complex64))


__all__ = ["COMPLEX128", "angle", "as_complex", "imag", "real"]
