"""Why names of NumPy and SciPy are not covered, for `tests/counting.py`: to each reason names, or patterns of names."""

# Functions of NumPy that take no array of numbers, or nothing that could be traced.
WITHOUT_ARRAYS = """
array2string array_repr array_str base_repr binary_repr bartlett blackman broadcast_shapes busday_count busday_offset
can_cast common_type datetime_as_string datetime_data diag_indices eye format_float_positional
format_float_scientific from_dlpack frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring
genfromtxt get_include get_printoptions getbufsize geterr geterrcall hamming hanning identity indices info is_busday
isdtype isfortran isnat isscalar issubdtype iterable kaiser load loadtxt mask_indices may_share_memory
min_scalar_type mintypecode nested_iters printoptions promote_types save savetxt savez savez_compressed
set_printoptions setbufsize seterr seterrcall shares_memory show_config show_runtime test tri tril_indices
triu_indices typename fftfreq rfftfreq
"""

NUMPY_REASONS = {
    "the shape of the result depends on the values": (
        "argwhere bincount flatnonzero intersect1d nonzero polydiv setdiff1d setxor1d trim_zeros union1d "
        "unique unique_all unique_counts unique_inverse unique_values"
    ),
    "it is about the bits of integers": "bitwise_count gcd lcm packbits unpackbits",
    "its result is a neighbour among the floats, which no derivative speaks of": "nextafter spacing",
    "it asks for a layout in memory or a check of values that is known when the code runs only": (
        "asarray_chkfinite asfortranarray require"
    ),
    "it writes into an array, and NumPy offers no hook: write np.where(mask, value, x)": "place",
    "it makes a np.matrix": "asmatrix bmat",
    "the old name of np.vstack": "row_stack",
}

_POLYNOMIALS = (
    "eval_.* roots_.* [a-z]{1,2}_roots legendre chebyt chebyu chebyc chebys jacobi laguerre genlaguerre hermite "
    "hermitenorm gegenbauer sh_legendre sh_chebyt sh_chebyu sh_jacobi assoc_laguerre assoc_legendre_.* legendre_p.* "
    "sph_harm_.* sph_legendre_.* ellip_harm ellip_harm_2 ellip_normal lpmv"
)

SPECIAL_REASONS = {
    "orthogonal polynomials and harmonics: write the recurrence": _POLYNOMIALS,
    "distribution functions under names of their own: scipy.stats has those that are covered": (
        "bdtri bdtri[kn] btdtri. chdtriv chndtr.* fdtridfd gdtri[ab] nbdtri.* ncfdtr.* nctdtr.* nrdtri.. pdtri.* "
        "stdtridf stdtrit kolmogi kolmogorov smirnov smirnovi tklmbda ndtri_exp owens_t"
    ),
    "elliptic integrals and functions": "agm ellip[ejk].* elliprc elliprd elliprf elliprg elliprj",
    "functions of mathematical physics without a declared derivative": (
        "airy airye ai_zeros bi_zeros be[ir]p? be[ir]p?_zeros ke[ir]p? ke[ir]p?_zeros kelvin.* it.* mathieu.* "
        "modfresnel. obl_.* pb[dvw].* pro_.* struve modstruve besselpoly fresnel.* spherical_.* riccati_.. lmbda "
        "lqm?n sici shichi wofz voigt_profile wright_bessel log_wright_bessel wrightomega lambertw"
    ),
    "complex Bessel functions, and Bessel functions by other names: jv, yv, iv and kv are covered": (
        "hankel. hankel.e jve yve h[12]vp [ijkyv]vp"
    ),
    "zeros of functions, which are constants": "erf_zeros j.*_zeros y.*_zeros",
    "numbers of combinatorics: gamma, beta and binom are covered": (
        "bernoulli comb euler factorial factorial2 factorialk perm stirling2 diric"
    ),
    "hypergeometric functions of more parameters: hyp1f1 is covered": "hyp0f1 hyp2f1 hyperu",
    "angles in degrees: np.deg2rad is covered": "tandg cotdg radian",
    "written in one line of others that are covered": "loggamma round zetac",
}

# What autograd has besides the functions of NumPy and SciPy: helpers of its own derivatives.
AUTOGRADS_OWN = """
add covector inner_prod mut_add scalar_mul sparse_add _make_dict container_take container_untake make_sequence
sequence_extend_left sequence_extend_right dot_adjoint_0 dot_adjoint_1 tensordot_adjoint_0 tensordot_adjoint_1 untake
_array_from_scalar_or_array array_from_args concatenate_args make_diagonal __getitem__ truncate_pad
"""

# Functions of jax.numpy through which no derivative flows.
JAX_WITHOUT_DERIVATIVE = {
    "their results are integers or truths": (
        "all allclose any argmax argmin argpartition argsort argwhere array_equal array_equiv bincount bitwise_and "
        "bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor "
        "count_nonzero diag_indices_from digitize equal flatnonzero gcd greater greater_equal histogram_bin_edges "
        "invert isclose iscomplex iscomplexobj isfinite isin isinf isnan isneginf isposinf isreal isrealobj lcm "
        "left_shift less less_equal lexsort logical_and logical_not logical_or logical_xor nanargmax nanargmin "
        "nonzero not_equal packbits ravel_multi_index right_shift searchsorted signbit tril_indices_from "
        "triu_indices_from unpackbits unravel_index"
    ),
    "their results are steps, constant between the jumps": (
        "ceil fix floor floor_divide nextafter rint round sign spacing trunc around heaviside"
    ),
    "they ask for shapes and dtypes, or make constants": (
        "einsum_path empty empty_like iscomplexobj ndim ones ones_like result_type shape size zeros zeros_like arange"
    ),
    "they write into their argument": "place put put_along_axis fill_diagonal",
}
