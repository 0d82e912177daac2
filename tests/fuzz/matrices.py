"""How calls of linear algebra and Fourier transforms are drawn: of matrices, of several, and of wide and high ones."""

from typing import Any

from tests.fuzz.specs import Spec

SQUARES = ((2, 2), (3, 3), (2, 3, 3), (1, 1))
MATRICES = ((2, 3), (3, 2), (3, 3), (2, 3, 2), (1, 4))


def of_matrix(*texts: str, shapes: tuple[tuple[int, ...], ...] = MATRICES, dtypes: str = "f8 f8 f4 c16") -> Spec:
    """One of the expressions in a matrix ``{0}``, whose last size is ``{1}``."""

    def spec(draw: Any) -> str:
        shape = draw.one(*shapes)
        return draw.one(*texts).format(draw.array(shape, draw.one(*dtypes.split()), special=False), shape[-1])

    return spec


def of_square(*texts: str, dtypes: str = "f8 f8 f4 c16") -> Spec:
    """One of the expressions in a square matrix."""
    return of_matrix(*texts, shapes=SQUARES, dtypes=dtypes)


def of_two(*texts: str, shapes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]) -> Spec:
    """One of the expressions in two arrays of shapes that fit."""

    def spec(draw: Any) -> str:
        first, second = draw.one(*shapes)
        dtype = draw.one("f8", "f8", "f4", "c16")
        return draw.one(*texts).format(*(draw.array(shape, dtype, special=False) for shape in (first, second)))

    return spec


def transform(name: str, dtypes: str, *, several: bool = False) -> Spec:
    """A Fourier transform along one axis, or along several."""

    def spec(draw: Any) -> str:
        shape = draw.one((4,), (5,), (2, 3), (3, 4), (2, 3, 4)) if not several else draw.one((2, 3), (3, 4), (2, 3, 4))
        given = [draw.array(shape, draw.one(*dtypes.split()), special=False)]
        if several:
            if draw.one(True, False):
                axes = draw.one((-2, -1), (0, 1), (-1, 0))
                given.append(f"axes={axes}")
                if draw.one(True, False):
                    given.append(f"s={(draw.integer(2, 5), draw.integer(2, 5))}")
        else:
            if draw.one(True, False):
                given.append(f"n={draw.integer(1, 6)}")
            if draw.one(True, False):
                given.append(f"axis={draw.axis(shape)}")
        if draw.one(True, False):
            given.append(f"norm={draw.one('ortho', 'forward', 'backward')!r}")
        return f"np.fft.{name}({', '.join(given)})"

    return spec


HERMITIAN = "({0} + np.conj(np.swapaxes({0}, -1, -2)))"
POSITIVE = "({0} @ np.conj(np.swapaxes({0}, -1, -2)) + np.eye({1}))"
SHIFTED = "({0} + 5 * np.eye({1}))"  # far from singular
CHAIN = (((2, 3), (3,)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)))

MATRIX_SPECS: dict[str, Spec] = {
    # Of eigenvectors, and of singular ones, the sign or the phase is left open: the absolute value is not.
    "linalg.eigh": of_square(
        f"np.linalg.eigh({HERMITIAN})[0]",
        f"np.linalg.eigh({HERMITIAN}, UPLO='U')[0]",
        f"np.abs(np.linalg.eigh({HERMITIAN})[1])",
        f"np.linalg.eigvalsh({HERMITIAN})",
        f"np.linalg.eigvalsh({HERMITIAN}, 'U')",
    ),
    "linalg.eig": of_square(
        "np.sort(np.abs(np.linalg.eigvals({0})), axis=-1)",
        "np.sum(np.linalg.eig({0})[0] + 0j, axis=-1)",
        dtypes="f8 c16",
    ),
    "linalg.svd": of_matrix(
        "np.linalg.svd({0})[1]",
        "np.linalg.svd({0}, compute_uv=False)",
        "np.linalg.svdvals({0})",
        "np.abs(np.linalg.svd({0}, full_matrices=False)[0])",
        "np.abs(np.linalg.svd({0}, full_matrices=False)[2])",
    ),
    "linalg.qr": of_matrix(
        "np.linalg.qr({0})[0]", "np.linalg.qr({0})[1]", "np.linalg.qr({0}, mode='r')", "np.linalg.qr({0}, 'complete')"
    ),
    "linalg.pinv": of_matrix("np.linalg.pinv({0})", "np.linalg.pinv({0}, rcond=1e-12)"),
    "linalg.cond": of_square(
        "np.linalg.cond({0})", "np.linalg.cond({0}, 'fro')", "np.linalg.cond({0}, 1)", "np.linalg.cond({0}, -2)"
    ),
    "linalg.matrix_rank": of_matrix("np.linalg.matrix_rank({0})", dtypes="f8"),
    "linalg.matrix_norm": of_matrix(
        *(f"np.linalg.matrix_norm({{0}}, ord={kind})" for kind in ("'fro'", "'nuc'", "2", "-2", "1", "-1", "np.inf")),
        "np.linalg.norm({0}, 'nuc', (-2, -1), keepdims=True)",
        "np.linalg.matrix_norm({0}, keepdims=True)",
    ),
    "linalg.vector_norm": of_matrix(
        *(
            f"np.linalg.vector_norm({{0}}, axis=-1, ord={kind})"
            for kind in ("0", "1", "2", "3", "-1", "0.5", "-np.inf")
        ),
        "np.linalg.vector_norm({0}, axis=(0, 1), keepdims=True)",
        "np.linalg.norm({0})",
        "np.linalg.norm({0}, axis=0, keepdims=True)",
    ),
    "linalg.solve_vector": of_two("np.linalg.solve({0}, {1})", shapes=(((3, 3), (3,)), ((2, 2), (2, 4)))),
    "linalg.lstsq": of_two("np.linalg.lstsq({0}, {1})[0]", shapes=(((4, 2), (4,)), ((3, 2), (3, 2)), ((3, 3), (3,)))),
    "linalg.tensorsolve": of_two("np.linalg.tensorsolve({0}, {1})", shapes=(((2, 3, 6), (2, 3)), ((4, 2, 2), (4,)))),
    "linalg.tensorinv": of_matrix("np.linalg.tensorinv({0}, ind=1)", shapes=((4, 2, 2), (6, 2, 3)), dtypes="f8"),
    "linalg.multi_dot": of_two("np.linalg.multi_dot([{0}, {1}, {0}])", shapes=(((2, 3), (3, 2)), ((4, 1), (1, 4)))),
    "linalg.products": of_two(
        "np.linalg.matmul({0}, {1})", "np.linalg.tensordot({0}, {1}, axes=1)", "np.tensordot({0}, {1}, 0)", shapes=CHAIN
    ),
    "linalg.vectors": of_two(
        "np.linalg.outer({0}, {1})",
        "np.linalg.cross({0}, {1})",
        "np.linalg.vecdot({0}, {1})",
        "np.vdot({0}, {1})",
        "np.cross({0}, {1}, axis=0)",
        shapes=(((3,), (3,)),),
    ),
    "matvec": of_two("np.matvec({0}, {1})", shapes=(((2, 3), (3,)), ((2, 2, 3), (2, 3)))),
    "vecmat": of_two("np.vecmat({0}, {1})", shapes=(((2,), (2, 3)), ((2, 3), (2, 3, 2)))),
    "linalg.diagonals": of_matrix(
        "np.linalg.trace({0})",
        "np.linalg.trace({0}, offset=1)",
        "np.linalg.diagonal({0}, offset=-1)",
        "np.linalg.matrix_transpose({0})",
        "np.trace({0}, 1, 1, 0)",
        "np.diagonal({0}, -1, 1, 0)",
    ),
    "scipy.cholesky": of_matrix(
        f"linalg.cholesky({POSITIVE})",
        f"linalg.cholesky({POSITIVE}, lower=True)",
        f"linalg.cho_solve((np.linalg.cholesky({POSITIVE}), True), np.ones(({{1}}, 2)))",
        f"np.linalg.cholesky({POSITIVE}, upper=True)",
        shapes=((2, 2), (3, 3)),
        dtypes="f8 f8 f4",
    ),
    "scipy.solve": of_matrix(
        f"linalg.solve({SHIFTED}, np.ones({{1}}))",
        f"linalg.solve({POSITIVE}, np.ones(({{1}}, 2)), assume_a='pos')",
        f"linalg.solve_triangular({SHIFTED}, np.ones({{1}}))",
        f"linalg.solve_triangular({SHIFTED}, np.ones(({{1}}, 2)), lower=True)",
        f"linalg.solve_triangular({SHIFTED}, np.ones({{1}}), trans=1)",
        f"linalg.solve_triangular({SHIFTED}, np.ones({{1}}), unit_diagonal=True)",
        f"linalg.solve_sylvester({SHIFTED}, {{0}}, np.ones(({{1}}, {{1}})))",
        shapes=((2, 2), (3, 3)),
        dtypes="f8",  # in float32 SciPy's Sylvester solver has single precision even where its result is float64
    ),
    "scipy.functions": of_matrix(
        "linalg.expm({0})",
        f"linalg.sqrtm({POSITIVE})",
        "linalg.det({0})",
        f"linalg.inv({SHIFTED})",
        "linalg.svdvals({0})",
        "linalg.block_diag({0}, {0})",
        "linalg.norm({0})",
        shapes=((2, 2), (3, 3)),
        dtypes="f8",
    ),
    "scipy.toeplitz": of_two("linalg.toeplitz({0}, {1})", shapes=(((3,), (3,)), ((2,), (4,)))),
    "signal.convolve": of_two(
        "signal.convolve({0}, {1})",
        "signal.convolve({0}, {1}, mode='same')",
        "signal.convolve({0}, {1}, mode='valid')",
        shapes=(((5,), (3,)), ((3, 4), (2, 2))),
    ),
    **{f"fft.{name}": transform(name, "f8 c16 f4") for name in ("fft", "ifft")},
    **{f"fft.{name}": transform(name, "c16 f8") for name in ("irfft", "hfft")},
    **{f"fft.{name}": transform(name, "f8 f8 f4") for name in ("rfft", "ihfft")},
    **{f"fft.{name}": transform(name, "f8 c16", several=True) for name in ("fft2", "ifft2", "fftn", "ifftn")},
    **{f"fft.{name}": transform(name, "f8", several=True) for name in ("rfft2", "rfftn")},
    **{f"fft.{name}": transform(name, "c16", several=True) for name in ("irfft2", "irfftn")},
    "fft.shift": of_matrix("np.fft.fftshift({0})", "np.fft.ifftshift({0}, axes=0)", "np.fft.fftshift({0}, (0, -1))"),
}
