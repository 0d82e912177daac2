"""The classic traps of derivatives: what staticbp, JAX, PyTorch and autograd give where a formula has no answer.

The page `docs/derivatives-at-traps.md` shows the table; `tests/test_traps.py` holds it to what is computed.
"""

import importlib
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from staticbp import special
from staticbp.passes.pipeline import PRIMAL, run
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.ops.checks import evaluate, graph_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "derivatives-at-traps.md"
PEERS = ("JAX", "PyTorch", "autograd")

INF, NAN = math.inf, math.nan
Point = tuple[Any, ...]


class Trap(NamedTuple):
    """A function of one or two arguments by NumPy's names, and by PyTorch's where those differ, at a point."""

    text: str
    point: Point
    torch: str = ""


TRAPS = (
    Trap("np.where(x > 0, np.sqrt(x), 0.0)", (0.0,), "torch.where(x > 0, torch.sqrt(x), 0.0)"),
    Trap("np.where(x > 0, np.log(x), 0.0)", (-1.0,), "torch.where(x > 0, torch.log(x), 0.0)"),
    Trap("np.where(x != 0, np.sin(x) / x, 1.0)", (0.0,), "torch.where(x != 0, torch.sin(x) / x, 1.0)"),
    Trap("np.sqrt(x)", (0.0,)),
    Trap("np.sqrt(x * x)", (0.0,)),
    Trap("np.sqrt(np.sum(x * x))", ([0.0, 0.0],)),
    Trap("np.linalg.norm(x)", ([0.0, 0.0],), "torch.linalg.vector_norm(x)"),
    Trap("np.sum(np.linalg.norm(x, axis=1))", ([[0.0, 0.0], [3.0, 4.0]],), "torch.linalg.vector_norm(x, dim=1).sum()"),
    Trap("np.hypot(x, y)", (0.0, 0.0)),
    Trap("np.std(x)", ([2.0, 2.0, 2.0],), "torch.std(x, correction=0)"),
    Trap("np.abs(x)", (0.0,)),
    Trap("np.sign(x)", (0.0,)),
    Trap("np.maximum(x, 0.0)", (0.0,), "torch.relu(x)"),
    Trap("np.maximum(x, y)", (1.0, 1.0)),
    Trap("np.max(x)", ([3.0, 1.0, 3.0],), "torch.amax(x)"),
    Trap("np.min(x)", ([1.0, 1.0],), "torch.amin(x)"),
    Trap("np.sort(x)[0]", ([2.0, 2.0],), "torch.sort(x, stable=True).values[0]"),
    Trap("np.clip(x, 0.0, 1.0)", (1.0,)),
    Trap("x ** 0", (0.0,)),
    Trap("x ** 0.0", (0.0,)),
    Trap("x ** 2", (0.0,)),
    Trap("x ** 0.5", (0.0,)),
    Trap("0.0 ** x", (2.0,)),
    Trap("0.0 ** x", (0.0,)),
    Trap("x ** y", (0.0, 0.0)),
    Trap("x ** y", (0.0, 2.0)),
    Trap("x ** y", (-2.0, 3.0)),
    Trap("np.arctan2(y, x)", (0.0, 0.0), "torch.atan2(y, x)"),
    Trap("np.arcsin(x)", (1.0,), "torch.asin(x)"),
    Trap("np.arccos(x)", (-1.0,), "torch.acos(x)"),
    Trap("np.log1p(x)", (-1.0,)),
    Trap("x * np.log(x)", (0.0,), "x * torch.log(x)"),
    Trap("special.xlogy(x, y)", (0.0, 0.0)),
    Trap("np.sinc(x)", (0.0,)),
    Trap("np.log(special.expit(x))", (-800.0,), "torch.log(torch.sigmoid(x))"),
    Trap("np.log(1.0 + np.exp(x))", (800.0,), "torch.log(1.0 + torch.exp(x))"),
    Trap(
        "np.log(np.exp(x) / np.sum(np.exp(x)))[1]", ([0.0, -800.0],), "torch.log(torch.exp(x) / torch.exp(x).sum())[1]"
    ),
    Trap("np.logaddexp(x, y)", (-INF, -INF)),
    Trap("special.logsumexp(x)", ([-INF, 1.0],), "torch.logsumexp(x, 0)"),
    Trap("special.logsumexp(x)", ([-INF, -INF],), "torch.logsumexp(x, 0)"),
    Trap("np.prod(x)", ([0.0, 2.0, 3.0],)),
    Trap("np.prod(x)", ([0.0, 0.0, 3.0],)),
    Trap("np.cumprod(x)[2]", ([2.0, 0.0, 3.0],), "torch.cumprod(x, 0)[2]"),
    Trap("x % y", (6.0, 3.0), "torch.remainder(x, y)"),
    Trap("np.floor(x)", (2.0,)),
    Trap("x / y", (0.0, 0.0)),
    Trap("np.tanh(x)", (1000.0,)),
    Trap("np.exp(-1.0 / x ** 2)", (0.0,), "torch.exp(-1.0 / x ** 2)"),
)


def function_of(text: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function of x, or of x and y, that an expression is."""
    return eval(f"lambda x, y=None: {text}", names)


def number(value: Any) -> str:
    """A number as the page shows it; several in parentheses."""
    array = np.asarray(value, float)
    if array.ndim:
        return f"({', '.join(map(number, array))})"
    if np.isnan(array):
        return "nan"
    rounded = float(f"{float(array):.4g}") + 0.0
    return f"{rounded:g}"


def shown(values: Any) -> str:
    """The derivatives with respect to all arguments."""
    return "; ".join(map(number, values))


def ours(trap: Trap) -> tuple[str, str]:
    """Value and derivative by staticbp."""
    function = function_of(trap.text, {"np": np, "special": special})
    args = [np.asarray(x, float) for x in trap.point]
    graph = graph_of(function, args) if len(args) == 2 else graph_of(lambda x: function(x), args)
    joint = vjp(RULES, run(graph, PRIMAL), [True] * len(args))
    value, *bars = evaluate(joint, [*args, 1.0] if len(joint.invars) > len(args) else args)
    return number(value), shown(bars)


def _by_jax() -> Callable[[Trap], str]:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    names = {"np": jax.numpy, "special": importlib.import_module("jax.scipy.special")}

    def gradient(trap: Trap) -> str:
        argnums = tuple(range(len(trap.point)))
        return shown(jax.grad(function_of(trap.text, names), argnums)(*(jax.numpy.asarray(x) for x in trap.point)))

    return gradient


def _by_autograd() -> Callable[[Trap], str]:
    autograd = importlib.import_module("autograd")
    names = {
        "np": importlib.import_module("autograd.numpy"),
        "special": importlib.import_module("autograd.scipy.special"),
    }

    def gradient(trap: Trap) -> str:
        function = function_of(trap.text, names)
        args = [np.asarray(x, float)[()] for x in trap.point]
        return shown([autograd.grad(function, n)(*args) for n in range(len(args))])

    return gradient


def _by_pytorch() -> Callable[[Trap], str]:
    torch = importlib.import_module("torch")

    def gradient(trap: Trap) -> str:
        text = trap.torch or trap.text.replace("np.", "torch.").replace("special.", "torch.special.")
        args = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in trap.point]
        value = function_of(text, {"torch": torch})(*args)
        slopes = torch.autograd.grad(value, args, allow_unused=True, materialize_grads=True)
        return shown([slope.numpy() for slope in slopes])

    return gradient


_LIBRARIES = {"JAX": _by_jax, "PyTorch": _by_pytorch, "autograd": _by_autograd}


def by(library: str) -> Callable[[Trap], str]:
    """What a library gives: the derivatives, or ``none`` where it has none to give; ImportError when it is missing."""
    gradient = _LIBRARIES[library]()

    def asked(trap: Trap) -> str:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                return gradient(trap)
            except (TypeError, AttributeError, NotImplementedError, RuntimeError, ValueError, ZeroDivisionError):
                return "none"

    return asked


def rows(text: str) -> list[str]:
    """The lines of the page's table."""
    return [line for line in text.splitlines() if line.startswith("| `")]


def peers_of(line: str) -> dict[str, str]:
    """What a line of the table says of each library."""
    return dict(zip(PEERS, line.strip("| ").split(" | ")[-len(PEERS) :], strict=True))


def row(trap: Trap, value: str, derivative: str, peers: list[str]) -> str:
    """A line of the table."""
    names = "; ".join(f"{name} = {number(x)}" for name, x in zip("xy", trap.point, strict=False))
    return f"| `{trap.text}` | {names} | {value} | **{derivative}** | {' | '.join(peers)} |"
