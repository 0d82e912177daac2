"""What of NumPy and SciPy can be traced, by counting: the page `docs/coverage.md`.

The counts come from the registers of `staticbp.ops` and from the namespaces `staticbp.numpy` and `staticbp.scipy`; the
lists they are held against from NumPy, SciPy, autograd and JAX as they are installed.  ``python -m tests.counting``
prints the page; a test holds `docs/coverage.md` to it, and another asks every covered name for a case in the tests.
"""

import importlib
import pkgutil
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

import staticbp.numpy
import staticbp.scipy.integrate
import staticbp.scipy.linalg
import staticbp.scipy.signal
import staticbp.scipy.special
import staticbp.scipy.stats
from staticbp.ops.catalog import NUMPY, SCIPY
from tests.reasons import (
    AUTOGRADS_OWN,
    JAX_WITHOUT_DERIVATIVE,
    NUMPY_REASONS,
    SPECIAL_REASONS,
    WITHOUT_ARRAYS,
)

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """A module, the names in it that are counted, and why some are left out."""

    title: str
    names: Names
    covered: Callable[[str, Any], bool]
    reason: Callable[[str], str | None]

    @property
    def present(self) -> list[str]:
        """The names that take traced values."""
        return [name for name, value in self.names.items() if self.covered(name, value)]

    @property
    def absent(self) -> list[str]:
        """The names that do not."""
        return [name for name, value in self.names.items() if not self.covered(name, value)]


def functions_of(module: ModuleType) -> Names:
    """The public functions of a module, by name."""
    found = {}
    for name in sorted(set(module.__all__) - set(WITHOUT_ARRAYS.split())):
        value = getattr(module, name)
        if callable(value) and not isinstance(value, type | ModuleType):
            found[name] = value
    return found


# ---- NumPy and SciPy themselves ----------------------------------------------------------------------------


def in_numpy(name: str, function: Any) -> bool:
    """Whether a function of NumPy takes traced values, as it is or by its namesake in `staticbp.numpy`."""
    return function in NUMPY or name in staticbp.numpy.__all__


def in_special(name: str, function: Any) -> bool:
    """Whether a function of scipy.special takes traced values."""
    return getattr(function, "__name__", name) in SCIPY or name in staticbp.scipy.special.__all__


def reason_in(reasons: Mapping[str, str]) -> Callable[[str], str | None]:
    """The one reason whose list of names, or of patterns of names, has a name in it."""

    def find(name: str) -> str | None:
        given = [
            reason for reason, names in reasons.items() if any(re.fullmatch(pattern, name) for pattern in names.split())
        ]
        assert len(given) < 2, f"{name} is left out for several reasons: {given}"
        return given[0] if given else None

    return find


def distributions() -> Names:
    """SciPy's distributions, by name."""
    stats = importlib.import_module("scipy.stats")
    kinds = (stats.rv_continuous, stats.rv_discrete, type(stats.multivariate_normal).__mro__[1])
    return {name: value for name in sorted(dir(stats)) if isinstance(value := getattr(stats, name), kinds)}


FORMULA = "no formula of its density is declared: write it out, in NumPy's functions and those of scipy.special"


@cache
def places() -> tuple[Place, ...]:
    """What is counted."""
    special = functions_of(importlib.import_module("scipy.special"))
    return (
        Place("`np`", functions_of(np), in_numpy, reason_in(NUMPY_REASONS)),
        Place("`np.linalg`", functions_of(np.linalg), in_numpy, reason_in(NUMPY_REASONS)),
        Place("`np.fft`", functions_of(np.fft), in_numpy, reason_in(NUMPY_REASONS)),
        Place("`scipy.special`", special, in_special, reason_in(SPECIAL_REASONS)),
        Place(
            "`scipy.stats`, its distributions",
            distributions(),
            lambda name, value: name in staticbp.scipy.stats.DISTRIBUTIONS,
            lambda name: FORMULA,
        ),
    )


# ---- autograd and JAX --------------------------------------------------------------------------------------


def _autograd_distributions() -> Iterator[tuple[str, bool]]:
    stats = importlib.import_module("autograd.scipy.stats")
    vjps = importlib.import_module("autograd.core").primitive_vjps
    for found in pkgutil.iter_modules(stats.__path__):
        module = importlib.import_module(f"autograd.scipy.stats.{found.name}")
        scipys = getattr(importlib.import_module("scipy.stats"), found.name)
        ours = staticbp.scipy.stats.DISTRIBUTIONS.get(found.name)
        for method, value in sorted(vars(module).items()):
            if hasattr(scipys, method) and callable(value) and value in vjps:
                yield f"{found.name}.{method}", ours is not None and method in ours._methods


def _autograd_functions() -> Iterator[tuple[str, str, bool]]:
    """The place, the name, and whether it is covered, of every function that autograd has a derivative of."""
    for name in ("scipy.special", "scipy.signal", "scipy.linalg", "scipy.integrate", "scipy.stats"):
        importlib.import_module(f"autograd.{name}")
    for primitive in importlib.import_module("autograd.core").primitive_vjps:
        function = getattr(primitive, "fun", primitive)
        name, module = function.__name__, getattr(function, "__module__", None) or "scipy.special"
        if module == "autograd.scipy.signal":
            yield "scipy.signal", name, name in staticbp.scipy.signal.__all__
        elif module.startswith("autograd"):
            assert name in AUTOGRADS_OWN.split(), f"{name} of {module} is neither NumPy's nor known as autograd's own"
        elif module.startswith("numpy"):
            yield module.replace("numpy", "np"), name, in_numpy(name, function)
        elif module.startswith("scipy.special"):
            yield "scipy.special", name, in_special(name, function)
        elif module.startswith("scipy.linalg"):
            yield "scipy.linalg", name, name in staticbp.scipy.linalg.__all__
        elif module.startswith("scipy.integrate"):
            yield "scipy.integrate", name, name in staticbp.scipy.integrate.__all__
        elif not module.startswith("scipy.stats"):
            yield module.rsplit("._", 1)[0], name, False


@cache
def of_autograd() -> dict[str, dict[str, bool]]:
    """What autograd differentiates, by place, and whether it is covered."""
    found: dict[str, dict[str, bool]] = {}
    for place, name, covered in _autograd_functions():
        found.setdefault(place, {})[name] = covered
    found["scipy.stats"] = dict(_autograd_distributions())
    return {place: dict(sorted(found[place].items())) for place in sorted(found)}


@cache
def of_jax() -> dict[str, bool]:
    """The functions of jax.numpy through which a derivative can flow, and whether they are covered."""
    jnp = importlib.import_module("jax.numpy")
    without = {name for names in JAX_WITHOUT_DERIVATIVE.values() for name in names.split()}
    found = {}
    for name in sorted(dir(jnp)):
        value = getattr(jnp, name)
        ordinary = callable(value) and not isinstance(value, type) and not name.startswith("_")
        if (
            ordinary
            and callable(numpys := getattr(np, name, None))
            and not isinstance(numpys, type)
            and name not in without
            and name not in WITHOUT_ARRAYS.split()
        ):
            found[name] = in_numpy(name, getattr(np, name))
    return found


# ---- the page ----------------------------------------------------------------------------------------------

HEAD = """\
# Coverage

How much of NumPy and SciPy takes traced values, and so can be differentiated, batched and compiled; and what does
not, and why. This page is made by `python -m tests.counting` from the registers themselves, and a test keeps it true.
[Operations](ops.md) has the derivatives.
"""

OF_AUTOGRAD = """
## What autograd differentiates

Every function of NumPy and SciPy that is in autograd's tables.
"""

OF_JAX = """
## What JAX differentiates

The functions that `jax.numpy` and NumPy both have, without those that have no derivative: their results are integers
or truths, or they take no arrays.
"""


def page() -> str:
    """The text of `docs/coverage.md`."""
    return "\n".join([HEAD, *_counts(), OF_AUTOGRAD, *_of_autograd(), OF_JAX, *_of_jax(), *_absent()]).rstrip() + "\n"


def _counts() -> Iterator[str]:
    yield "| | functions | covered |"
    yield "|---|---|---|"
    for place in places():
        yield f"| {place.title} | {len(place.names)} | {len(place.present)} |"
    yield ""
    yield (
        f"Not counted are {len(WITHOUT_ARRAYS.split())} functions that take no arrays of numbers: they make arrays, "
        "print, read files or ask questions about dtypes, and work inside a traced function as they are."
    )


def _of_autograd() -> Iterator[str]:
    yield "| | functions | covered | not covered |"
    yield "|---|---|---|---|"
    for place, names in of_autograd().items():
        missing = ", ".join(f"`{name}`" for name, covered in names.items() if not covered)
        yield f"| `{place}` | {len(names)} | {sum(names.values())} | {missing} |"


def _of_jax() -> Iterator[str]:
    names = of_jax()
    covered = sum(names.values())
    others = ", ".join(f"`{name}`" for name, flag in names.items() if not flag)
    yield f"{covered} of {len(names)} are covered, {100 * covered / len(names):.0f} %. The others, of which more below:"
    yield f"{others}."


def _absent() -> Iterator[str]:
    yield "\n## Not covered\n"
    for place in places():
        if not place.absent:
            continue
        yield f"### {place.title}\n"
        reasons: dict[str, list[str]] = {}
        for name in place.absent:
            reasons.setdefault(place.reason(name) or "no reason is given", []).append(name)
        for reason, names in sorted(reasons.items()):
            yield f"- {reason}: {', '.join(f'`{name}`' for name in names)}."
        yield ""


def unexplained() -> list[str]:
    """The names that are left out without a reason."""
    return [f"{place.title} {name}" for place in places() for name in place.absent if place.reason(name) is None]


def covered_functions(modules: Sequence[str] = ("`np`", "`np.linalg`")) -> dict[str, Any]:
    """NumPy's own functions that are covered, by their titles."""
    chosen = (place for place in places() if place.title in modules)
    return {
        f"{place.title} {name}": place.names[name]
        for place in chosen
        for name in place.present
        if place.names[name] in NUMPY
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(page())
