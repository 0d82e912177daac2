"""Gradients of random calls against autograd's and JAX's."""

import importlib
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from staticbp.core.interpret import interpret
from staticbp.errors import StaticbpError
from staticbp.transforms.activity import active_outputs
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.fuzz.calls import TRACED, Call, expected, parts
from tests.support import graph_of

TOLERANCE = 1e-9
STEP = 1e-6  # of the differences that are asked where two libraries differ


def weighted(values: list[Any], floats: list[bool], np_: Any) -> Any:
    """One real number from all results that are floats, or complex."""
    total = 0.0
    for number, (value, flag) in enumerate(zip(values, floats, strict=True)):
        if flag:
            angles = (np.arange(np.size(value)) + number).reshape(np.shape(value))
            weights = np.exp(-1j * angles) if np_.iscomplexobj(value) else np.cos(angles)
            total = total + np_.sum(np_.real(value * weights))
    return total


def ours(call: Call, floats: list[bool], moving: list[bool]) -> list[Any] | None:
    """The gradient with respect to the arguments that are floats; None when there is none."""

    def traced(*args: Any) -> Any:
        return weighted(parts(call.function(**TRACED)(*args)), floats, np)

    graph = graph_of(traced, *call.args, names=list(call.names))
    if not any(active_outputs(graph, moving)):
        return None
    return interpret(vjp(RULES, graph, moving), [*call.args, 1.0])[1:]


def _modules(package: str) -> dict[str, Any]:
    """Its own functions in the place of SciPy's."""
    return {name: importlib.import_module(f"{package}.{name}") for name in ("special", "linalg", "signal", "stats")}


@cache
def by_autograd() -> Callable[..., list[Any]]:
    """The same by HIPS autograd."""
    autograd, anp = importlib.import_module("autograd"), importlib.import_module("autograd.numpy")
    modules = _modules("autograd.scipy")

    def gradient(call: Call, floats: list[bool], moving: list[bool]) -> list[Any]:
        function = call.function(np=anp, bnp=anp, **modules)
        numbers = [n for n, flag in enumerate(moving) if flag]
        return [
            autograd.grad(lambda *args: weighted(parts(function(*args)), floats, anp), n)(*call.args) for n in numbers
        ]

    return gradient


@cache
def by_jax() -> Callable[..., list[Any]]:
    """The same by JAX."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    modules = _modules("jax.scipy")

    def gradient(call: Call, floats: list[bool], moving: list[bool]) -> list[Any]:
        function = call.function(np=jax.numpy, bnp=jax.numpy, **modules)
        numbers = [n for n, flag in enumerate(moving) if flag]

        def loss(given: list[Any]) -> Any:
            args = list(call.args)
            for n, arg in zip(numbers, given, strict=True):
                args[n] = arg
            return weighted(parts(function(*args)), floats, jax.numpy)

        # One compilation of the whole takes a third of the time of one for each operation.
        return list(jax.jit(jax.grad(loss))([call.args[n] for n in numbers]))

    return gradient


PEERS = {"autograd": by_autograd, "jax": by_jax}


def check(call: Call, peer: str = "autograd") -> str:
    """Compare the gradient of a call: ``"same"``, or why there is nothing to compare."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = expected(call)
        if wanted is None:
            return "no value"
        if not all(np.all(np.isfinite(value)) for value in wanted):
            return "not finite"
        if any(value.dtype in (np.float32, np.complex64) for value in wanted):
            return "single precision"  # in which differences say nothing
        floats = [value.dtype.kind in "fc" for value in wanted]
        moving = [np.asarray(arg).dtype.kind in "fc" for arg in call.args]
        if not any(floats) or not any(moving):
            return "no derivative"
        try:
            found = ours(call, floats, moving)
        except StaticbpError as error:
            return f"refused: {call.name}: {str(error).splitlines()[0][:80]}"
        if found is None:
            return "no derivative"
        others = _others(peer, call, floats, moving)
        if others is not None and agree(found, others):
            return "same"
        # Both have their own mistakes, autograd where shapes are broadcast, JAX at negative arguments of beta.
        if agree(found, differences(call, floats, moving), 1e-4):
            how = "has none, as" if others is None else "differs from"
            return f"{peer} {how} central differences: {call.name}"
    raise AssertionError(f"{found} differs from {others}, by {peer}")


def _others(peer: str, call: Call, floats: list[bool], moving: list[bool]) -> list[Any] | None:
    try:
        return PEERS[peer]()(call, floats, moving)
    except Exception:  # noqa: BLE001  whatever they raise: there is no answer to compare with
        return None


def differences(call: Call, floats: list[bool], moving: list[bool]) -> list[Any]:
    """The same by central differences of NumPy's values; that by ``x + iy`` is ``dL/dx - i dL/dy``."""

    def slope(n: int, place: tuple[int, ...], step: complex) -> float:
        ends = []
        for way in (step, -step):
            moved = np.array(call.args[n])
            moved[place] += way
            values = parts(call.function()(*call.args[:n], moved[()], *call.args[n + 1 :]))
            ends.append(weighted([np.asarray(part) for part in values], floats, np))
        return float(ends[0] - ends[1]) / (2 * STEP)

    bars = []
    for n, flag in enumerate(moving):
        if not flag:
            continue
        bar = np.zeros_like(call.args[n])
        for place in np.ndindex(bar.shape):
            bar[place] = slope(n, place, STEP)
            if np.iscomplexobj(bar):
                bar[place] -= 1j * slope(n, place, 1j * STEP)
        bars.append(bar)
    return bars


def agree(found: list[Any], others: list[Any], tolerance: float = TOLERANCE) -> bool:
    """Whether gradients are the same to a few roundings."""
    for bar, other in zip(found, others, strict=True):
        wanted = np.asarray(other) if np.iscomplexobj(bar) else np.real(np.asarray(other))
        size = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
        if np.shape(bar) != wanted.shape or not np.allclose(bar, wanted, rtol=tolerance, atol=tolerance * size):
            return False
    return True
