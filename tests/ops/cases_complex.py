"""Cases of complex numbers: functions of their real and imaginary parts, that give real and imaginary parts."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.ops.cases_shape import Entry, drawn

CIRCULAR = ("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh")
OTHERS = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "negative", "conj", "sign")

ONE: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("abs", lambda z: np.abs(z)),
    ("angle", lambda z: np.angle(z)),
    ("angle in degrees", lambda z: np.angle(z, deg=True)),
    ("real and imag", lambda z: z.real * z.imag),
    ("power", lambda z: z**3 + z**-2),
    ("root", lambda z: z**0.3),
    ("power of a number", lambda z: 2.0**z),
    ("reciprocal", lambda z: np.reciprocal(z) + 1j),
    ("sum", lambda z: np.sum(z * z)),
    ("mean", lambda z: z.mean()),
    ("prod", lambda z: np.prod(z)),
    ("cumsum", lambda z: np.cumsum(z)),
    ("cumprod", lambda z: np.cumprod(z)),
    ("var", lambda z: np.var(z)),
    ("std", lambda z: z.std()),
    ("norm", lambda z: np.linalg.norm(z)),
    ("norm 3", lambda z: np.linalg.norm(z, 3)),
    ("indexing", lambda z: z[1:] * z[:-1].conj()),
    ("take", lambda z: np.take(z, [0, 2, 0])),
    ("reshape", lambda z: z.reshape(2, 2).T),
    ("where", lambda z: np.where(z.real > 0, z, 2j * z)),
    ("concatenate", lambda z: np.concatenate([z, np.conj(z)])),
    ("fft", lambda z: np.fft.fft(z)),
    ("fft longer", lambda z: np.fft.fft(z, 7)),
    ("ifft shorter", lambda z: np.fft.ifft(z, 3, norm="ortho")),
    ("irfft", lambda z: np.fft.irfft(z)),
    ("irfft odd", lambda z: np.fft.irfft(z, 5, norm="forward")),
    ("irfft of one", lambda z: np.fft.irfft(z, 1)),
    ("hfft", lambda z: np.fft.hfft(z)),
    ("fftshift", lambda z: np.fft.ifftshift(np.fft.fftshift(z) * np.arange(4))),
    ("comparisons", lambda z: (z == z.conj(), z != 1j, np.isfinite(z), np.isreal(z), np.iscomplex(z))),
)

TWO: tuple[tuple[str, Callable[..., Any], tuple[tuple[int, ...], tuple[int, ...]]], ...] = (
    ("add", lambda z, w: z + w, ((4,), (3, 1))),
    ("product", lambda z, w: z * w, ((4,), (3, 1))),
    ("quotient", lambda z, w: z / w, ((4,), (4,))),
    ("power", lambda z, w: z**w, ((4,), (4,))),
    ("matmul", lambda z, w: z @ w, ((3, 4), (4, 2))),
    ("vdot", lambda z, w: np.vdot(z, w), ((4,), (4,))),
    ("vecdot", lambda z, w: np.vecdot(z, w), ((3, 4), (4,))),
    ("dot", lambda z, w: np.dot(z, w), ((4,), (4,))),
    ("outer", lambda z, w: np.outer(z, w), ((4,), (2,))),
    ("einsum", lambda z, w: np.einsum("ij,kj->ik", z, w), ((3, 4), (2, 4))),
    ("solve", lambda z, w: np.linalg.solve(z + 5 * np.eye(3), w), ((3, 3), (3, 2))),
)

SQUARE: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("inv", lambda a: np.linalg.inv(a + 5 * np.eye(3))),
    ("det", lambda a: np.linalg.det(a + 5 * np.eye(3))),
    ("slogdet", lambda a: tuple(np.linalg.slogdet(a + 5 * np.eye(3)))),
    ("cholesky", lambda a: np.linalg.cholesky(a @ a.conj().T + np.eye(3))),
    ("cholesky upper", lambda a: np.linalg.cholesky(a @ a.conj().T + np.eye(3), upper=True)),
    ("qr", lambda a: tuple(np.linalg.qr(a))),
    ("svd", lambda a: np.linalg.svd(a, full_matrices=False)[0] @ np.linalg.svd(a, full_matrices=False)[2]),
    ("svdvals", lambda a: np.linalg.svdvals(a)),
    ("eigh", lambda a: np.linalg.eigh(a + a.conj().T + np.diag([3.0, 0.0, -4.0]))[0]),
    ("eigh vectors", lambda a: np.abs(np.linalg.eigh(a + a.conj().T + np.diag([3.0, 0.0, -4.0]))[1])),
    ("eig vectors", lambda a: np.abs(np.linalg.eig(0.2 * a + np.diag([3.0, 1.0, -4.0]))[1])),
    ("eigvals", lambda a: np.linalg.eigvals(0.2 * a + np.diag([3.0, 1.0, -4.0]))),
    ("pinv", lambda a: np.linalg.pinv(a[:, :2])),
    ("fft2", lambda a: np.fft.fft2(a, (2, 4))),
    ("ifftn", lambda a: np.fft.ifftn(a, axes=(1, 0), norm="ortho")),
    ("irfft2", lambda a: np.fft.irfft2(a)),
)

REAL: tuple[tuple[str, Callable[..., Any], tuple[int, ...]], ...] = (
    ("rfft", lambda x: np.fft.rfft(x), (6,)),
    ("rfft odd", lambda x: np.fft.rfft(x, axis=0), (5, 2)),
    ("rfft shorter", lambda x: np.fft.rfft(x, 4, norm="ortho"), (6,)),
    ("ihfft", lambda x: np.fft.ihfft(x), (6,)),
    ("rfftn", lambda x: np.fft.rfftn(x, (3, 5), (0, 1)), (2, 6)),
    ("rfft2", lambda x: np.fft.rfft2(x), (3, 4)),
    ("fft of real", lambda x: np.fft.fft(x), (5,)),
    ("convolution", lambda x: np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(x[::-1]), 6), (6,)),
    ("phase", lambda x: np.exp(1j * x), (4,)),
    ("eigvals of real", lambda x: np.abs(np.linalg.eigvals(x)) ** 2, (3, 3)),
    ("angle of real", lambda x: np.angle(x) + np.imag(x) + np.real(x), (4,)),
)


def _parts(value: Any) -> list[Any]:
    values = value if isinstance(value, tuple) else (value,)
    return [part for z in values for part in ((z.real, z.imag) if np.iscomplexobj(z) else (z,))]


def _of_parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of complex numbers as one of their parts."""

    def parted(*parts: Any) -> list[Any]:
        return _parts(function(*(x + 1j * y for x, y in zip(parts[::2], parts[1::2], strict=True))))

    return parted


def _entries() -> Iterator[Entry]:
    for name in (*CIRCULAR, *OTHERS):
        yield f"complex {name}", _of_parts(getattr(np, name)), drawn(name, (4,), (4,))
    for name, function in ONE:
        yield f"complex {name}", _of_parts(function), drawn(name, (4,), (4,))
    for name, function, (first, second) in TWO:
        yield f"complex {name} of two", _of_parts(function), drawn(name, first, first, second, second)
    for name, function in SQUARE:
        yield f"complex {name}", _of_parts(function), drawn(name, (3, 3), (3, 3))
    for name, function, shape in REAL:
        yield f"complex {name}", (lambda x, function=function: _parts(function(x))), drawn(name, shape)


CASES = list(_entries())
