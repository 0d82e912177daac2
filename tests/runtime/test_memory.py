"""Memory that is used again is nobody else's."""

import numpy as np

from staticbp.runtime.memory import Buffers

F8 = np.float64


def test_buffers_are_lent_once_at_a_time():
    buffers = Buffers(limit=1000)
    arrays = [buffers.lend((50,), np.dtype(F8)) for _ in range(4)]  # the first two of them are not kept any more
    places = {array.ctypes.data for array in arrays}
    assert len(places) == 4
    assert all(array.flags.writeable and array.flags.c_contiguous for array in arrays)
    part = arrays.pop()[3:7]
    assert buffers.lend((50,), np.dtype(F8)).ctypes.data not in {
        part.base.ctypes.data,
        *(a.ctypes.data for a in arrays),
    }
    where = part.base.ctypes.data
    del part
    arrays.clear()
    assert where in {
        buffers.lend((50,), np.dtype(F8)).ctypes.data,
        buffers.lend((100,), np.float32(0).dtype).ctypes.data,
    }
    assert buffers.lend((1000,), np.dtype(F8)).flags.owndata


def test_buffers_wait_for_nobody():
    buffers = Buffers(limit=1000)
    with buffers._turn:
        assert buffers.lend((2,), np.dtype(F8)).flags.owndata
