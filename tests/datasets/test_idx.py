"""The IDX format: what is written is read back, and nothing else is accepted."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

from staticbp.datasets.idx import decode_idx, encode_idx, read_contents, read_idx
from staticbp.errors import DatasetError, StaticbpError

SMALL = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8", ">i4", "<f8"])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4), (0,), (0, 28, 28), (2, 0)])
def test_round_trip(dtype, shape):
    array = (np.arange(np.prod(shape, dtype=int)) - 3).reshape(shape).astype(dtype)
    again = decode_idx(encode_idx(array), "array")
    np.testing.assert_array_equal(again, array)
    assert again.shape == shape
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.dtype.isnative
    assert again.flags.writeable
    assert again.flags.c_contiguous


def test_the_bytes_are_those_of_the_format():
    assert encode_idx(np.array([[1, -2]], np.int16)) == bytes.fromhex("00000b02 00000001 00000002 0001 fffe")


def test_strided_arrays_are_written_in_c_order():
    np.testing.assert_array_equal(decode_idx(encode_idx(SMALL.T[::-1]), "array"), SMALL.T[::-1])


def test_an_element_type_without_a_code_is_not_written():
    with pytest.raises(DatasetError, match="complex128"):
        encode_idx(np.zeros(3, complex))


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress])
@pytest.mark.parametrize("name", ["small", "small.gz", "small.xz"])
def test_compression_is_told_by_the_contents(tmp_path, compress, name):
    (tmp_path / name).write_bytes(compress(encode_idx(SMALL)))
    np.testing.assert_array_equal(read_idx(tmp_path / name), SMALL)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress])
def test_the_limit_stops_one_byte_after_it(tmp_path, compress):
    file = tmp_path / "zeros"
    file.write_bytes(compress(bytes(100_000)))
    assert read_contents(file, "zeros", limit=1000) == bytes(1001)
    assert read_contents(file, "zeros", limit=100_000) == bytes(100_000)


PLAIN = encode_idx(SMALL)
REFUSED = {
    "nothing": (b"", "truncated: 0 bytes"),
    "half a magic number": (PLAIN[:3], "truncated: 3 bytes"),
    "half a header": (PLAIN[:11], "ends inside its header, at byte 11 of 16"),
    "one byte short": (PLAIN[:-1], "truncated.* 2×3×4 uint8 elements, 24 bytes, but only 23 bytes follow"),
    "header alone": (PLAIN[:16], "truncated.* only 0 bytes follow"),
    "one byte long": (PLAIN + b"\0", "1 bytes are left over"),
    "not IDX": (b"\x89PNG" + PLAIN, "not an IDX file.* two zero bytes"),
    "a web page": (b"<!DOCTYPE html><title>404</title>", "web page"),
    "little-endian magic": (PLAIN[3::-1] + PLAIN[4:], "not an IDX file"),
    "unknown dtype": (b"\0\0\x0a" + PLAIN[3:], "0x0A is not among the dtype codes"),
    "another dtype": (b"\0\0\x0d" + PLAIN[3:], "float32 elements, 96 bytes, but only 24"),
    "too many dimensions": (b"\0\0\x08\xc8" + bytes(800), "no array has the shape"),
    "bzip2": (bz2.compress(PLAIN), "not an IDX file"),
    "gzip cut short": (gzip.compress(PLAIN)[:-9], "truncated: its compressed data"),
    "gzip without its checksum": (gzip.compress(PLAIN)[:-8], "truncated: its compressed data"),
    "gzip header alone": (gzip.compress(PLAIN)[:10], "truncated: its compressed data"),
    "gzip with a wrong checksum": (gzip.compress(PLAIN)[:-8] + bytes(8), "corrupt.*CRC"),
    "gzip of junk": (gzip.compress(PLAIN)[:10] + b"\xff" * 40, "corrupt and does not decompress"),
    "gzip and more": (gzip.compress(PLAIN) + b"more", "corrupt and does not decompress"),
    "xz cut short": (lzma.compress(PLAIN)[:-9], "truncated: its compressed data"),
    "xz of junk": (lzma.compress(PLAIN)[:24] + b"\xff" * 40, "corrupt and does not decompress"),
    "truncated before it was compressed": (gzip.compress(PLAIN[:-5]), "only 19 bytes follow"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(tmp_path, what):
    contents, reason = REFUSED[what]
    file = tmp_path / "digits-idx3-ubyte.gz"
    file.write_bytes(contents)
    with pytest.raises(DatasetError, match=f"(?s)digits-idx3-ubyte.gz .*{reason}") as caught:
        read_idx(file)
    assert isinstance(caught.value, StaticbpError)
    assert isinstance(caught.value, ValueError)


def test_every_byte_of_a_gzip_file_is_guarded(tmp_path):
    """A changed byte is refused or changes nothing (gzip does not check its own time stamp and the like)."""
    file = tmp_path / "digits"
    compressed = gzip.compress(PLAIN, mtime=0)
    for position in range(len(compressed)):
        file.write_bytes(compressed[:position] + bytes([compressed[position] ^ 0xFF]) + compressed[position + 1 :])
        try:
            array = read_idx(file)
        except DatasetError:
            continue
        np.testing.assert_array_equal(array, SMALL)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DatasetError, match=r"absent cannot be read: No such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_idx(tmp_path)
