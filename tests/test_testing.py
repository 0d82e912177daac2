"""check_grads finds what is wrong, and says where."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.testing import check_grads


def test_right_derivatives_pass():
    check_grads(lambda x, y: {"a": np.sin(x) * y, "n": np.argmax(y)}, (0.5, np.array([1.0, 2.0])))
    check_grads(lambda tree, n: tree["w"] ** n, ({"w": np.ones(2)}, 3), order=1)
    check_grads(lambda x: np.tanh(x), (np.array([0.3, -0.7], np.float32),), order=1)


def test_wrong_derivatives_are_found():
    def f(net, x):
        return {"loss": np.sum(net["w"] * bp.stop_gradient(net["w"])) + x, "rest": x}

    args = ({"w": np.array([1.0, 2.0])}, 3.0)
    with pytest.raises(
        AssertionError, match=r"derivative of output\['loss'\] with respect to net\['w'\] is off by"
    ) as e:
        check_grads(f, args)
    assert "by forward mode" in str(e.value)
    with pytest.raises(AssertionError, match="by reverse mode"):
        check_grads(f, args, modes=("rev",))


def test_wrong_second_derivatives_are_found():
    def f(x):
        # The first derivative is right: 2 x; the second lacks a half of it.
        return x * x + 0.5 * (x - bp.stop_gradient(x)) ** 2

    check_grads(f, (1.5,), order=1)
    with pytest.raises(AssertionError, match="forward mode over forward mode"):
        check_grads(f, (1.5,), order=2)


def test_modes_are_checked():
    with pytest.raises(ValueError, match="not 'both'"):
        check_grads(np.sin, (1.0,), modes=("both",))
