"""Random draws while tracing are noticed, wherever the generator comes from."""

import random
import threading

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import FrozenRandomError
from staticbp.trace.randomness import refuse_draws

RNG = np.random.default_rng(0)
OLD = np.random.RandomState(0)


class Model:
    def __init__(self):
        self.rng = np.random.default_rng(1)

    def sample(self):
        return self.rng.normal()


def draw_legacy():
    return np.random.rand()


def draw_global():
    return RNG.uniform() + 1.0


def draw_old():
    return OLD.randn(3)


def draw_python():
    return random.gauss(0.0, 1.0)


def draw_indirectly():
    return draw_global()


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (draw_legacy, "return np.random.rand()"),
        (draw_global, "return RNG.uniform() + 1.0"),
        (draw_old, "return OLD.randn(3)"),
        (draw_python, "return random.gauss(0.0, 1.0)"),
        (draw_indirectly, "return RNG.uniform() + 1.0"),
        (Model().sample, None),
    ],
)
def test_draws_are_refused_with_their_line(function, line):
    with pytest.raises(FrozenRandomError, match="is drawn from while") as caught, refuse_draws(function):
        function()
    assert caught.value.src is not None
    if line is not None:
        assert caught.value.src.text == line
        assert caught.value.src.file == "test_randomness.py"
    assert "Draw outside" in str(caught.value)


def test_other_threads_may_draw():
    drawn, done = threading.Event(), threading.Event()

    def loader():
        np.random.rand()
        drawn.set()
        done.wait()

    thread = threading.Thread(target=loader)
    with refuse_draws(lambda x: x):
        thread.start()
        drawn.wait()
    done.set()
    thread.join()


def test_functions_that_draw_nothing_pass():
    state = RNG.bit_generator.state

    def fresh():
        return np.random.default_rng(3).normal()

    with refuse_draws(fresh):
        fresh()
    with refuse_draws(draw_global):
        pass
    assert RNG.bit_generator.state == state


def test_what_a_function_imports_itself_is_seen_beside_other_threads():
    def noisy(x):
        from random import random as draw  # noqa: PLC0415  (it is what this is about)

        return x * draw()

    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with pytest.raises(FrozenRandomError, match=r"return x \* draw\(\)"):
            bp.compile(noisy)(1.0)
    finally:
        done.set()
        other.join()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: np.random.default_rng().normal(),
        lambda: np.random.RandomState().randn(),
        lambda: np.random.Generator(np.random.PCG64()).uniform(),
    ],
)
def test_a_generator_made_without_a_seed_is_refused(draw):
    with pytest.raises(FrozenRandomError, match=r"without a seed.*\n.*test_randomness.py"):
        bp.grad(lambda x: x * draw())(1.0)
    assert np.isfinite(draw())  # and is as it was afterwards


def test_a_generator_made_with_a_seed_gives_a_constant():
    assert bp.grad(lambda x: x * np.random.default_rng(3).normal())(1.0) == np.random.default_rng(3).normal()


def test_other_threads_may_make_generators_meanwhile():
    made = []

    def function(x):
        thread = threading.Thread(target=lambda: made.append(np.random.default_rng()))
        thread.start()
        thread.join()
        return x * x

    assert bp.grad(function)(3.0) == 6.0
    assert len(made) == 1


def test_modules_may_draw_while_they_are_imported(run_python):
    run_python(
        "import staticbp as bp; from staticbp import scipy\n"
        "assert bp.grad(lambda x: scipy.stats.norm.logpdf(x))(0.5) == -0.5"
    )
