import numpy as np
import pytest

from staticbp.core.aval import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT64,
    SUPPORTED,
    Aval,
    aval_of,
    check_dtype,
    dtype_name,
    promote,
    promotion_token,
)
from staticbp.core.shape import symbol
from staticbp.errors import DtypeError, StaticbpError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "i64*[]"),
        (1.5, "f64*[]"),
        (True, "bool*[]"),
        (np.float32(1), "f32[]"),
        (np.zeros((2, 3)), "f64[2,3]"),
        (np.zeros(4, np.uint8), "u8[4]"),
        (np.array(3), "i64[]"),
        (np.zeros(2, ">f8"), "f64[2]"),
        (np.bool_(True), "bool[]"),
    ],
    ids=str,
)
def test_type_of_a_value(value, text):
    assert str(aval_of(value)) == text
    assert aval_of(value).dtype.isnative


@pytest.mark.parametrize(
    "bad", [np.float16(1), np.zeros(2, np.clongdouble), np.array(["a"]), np.array([None])], ids=repr
)
def test_other_dtypes_are_refused_by_name(bad):
    with pytest.raises(DtypeError, match=rf"a value has dtype {bad.dtype}, which staticbp does not compile"):
        aval_of(bad)


def test_what_is_no_number_is_refused():
    with pytest.raises(StaticbpError, match="a str is not a number"):
        aval_of("text")


def test_names_of_dtypes():
    assert [dtype_name(d) for d in (BOOL, INT64, FLOAT32, np.dtype(np.uint16))] == ["bool", "i64", "f32", "u16"]
    assert len({dtype_name(d) for d in SUPPORTED}) == len(SUPPORTED) == 13


VALUES = [
    True,
    2,
    1.5,
    np.int8(1),
    np.uint8(1),
    np.int64(1),
    np.float32(1),
    np.float64(1),
    np.bool_(1),
    np.zeros(2, "i4"),
]


@pytest.mark.parametrize("left", VALUES, ids=repr)
@pytest.mark.parametrize("right", VALUES, ids=repr)
def test_promotion_is_numpys(left, right):
    dtype, weak = promote([aval_of(left), aval_of(right)])
    assert dtype == np.add(left, right).dtype
    assert weak == (
        isinstance(left, bool | int | float)
        and isinstance(right, bool | int | float)
        and not (isinstance(left, np.generic) or isinstance(right, np.generic))
    )


def test_weak_types_stand_for_python_numbers():
    assert promotion_token(aval_of(1.0)) is float
    assert promotion_token(aval_of(np.float32(1))) == FLOAT32
    assert aval_of(2).strong() == Aval((), INT64)
    assert aval_of(2.0).with_shape((3,)) == Aval((3,), FLOAT64)
    assert aval_of(2.0).with_dtype(FLOAT32) == Aval((), FLOAT32)


def test_small_change():
    n = symbol("n")
    aval = Aval((n, 3), FLOAT32)
    assert aval.size == 3 * n
    assert aval.ndim == 2
    assert aval.is_float
    assert not Aval((), BOOL).is_float
    assert str(aval) == "f32[n,3]"
    assert check_dtype(np.dtype("<i4"), "x") == np.dtype(np.int32)
    assert len({aval, Aval((n, 3), FLOAT32), Aval((n, 3), FLOAT32, weak=True)}) == 2
