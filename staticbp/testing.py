"""Check derivatives against central differences, and against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from staticbp.api.arguments import argument_paths, parameter_names, title
from staticbp.api.compiling import compile
from staticbp.api.forward import jvp
from staticbp.api.reverse import vjp
from staticbp.core.aval import aval_of
from staticbp.core.primitive import value_aval
from staticbp.core.tree import flatten, path_texts

__all__ = ["check_grads"]

# The step of the differences and what they may be off by, relative and absolute: both come from the dtype.
_STEP = {8: 1e-6, 4: 4e-3}
_TOLERANCE = {8: 1e-6, 4: 2e-2}

Flat = Callable[..., list[Any]]


def check_grads(
    function: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("rev", "fwd"),
    *,
    rtol: float | None = None,
    atol: float | None = None,
    step: float | None = None,
    seed: int = 0,
) -> None:
    """Check the derivatives of a function at a point: each input against each output, in random directions.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.
    args : sequence
        The arguments to check it at.  Derivatives are with respect to all floats among them.
    order : int, optional
        Up to which order; derivatives of the derivatives are checked in every combination of modes.
    modes : sequence of str, optional
        ``"rev"`` (`vjp`), ``"fwd"`` (`jvp`), or both.
    rtol, atol : float, optional
        What a derivative may be off by, relative and absolute; by default 1e-6 for float64, 2e-2 for float32.
    step : float, optional
        The step of the central differences.
    seed : int, optional
        Of the random directions.

    Raises
    ------
    AssertionError
        Saying which output, which input, in which mode, and by how much.

    Examples
    --------
    >>> import numpy as np
    >>> from staticbp.testing import check_grads
    >>> check_grads(lambda x, y: np.sin(x) * y, (0.5, np.array([1.0, 2.0])))
    """
    if unknown := set(modes) - {"rev", "fwd"}:
        raise ValueError(f"modes are 'rev' and 'fwd', not {min(unknown)!r}")
    leaves, structure = flatten(tuple(args))
    moving = [i for i, leaf in enumerate(leaves) if aval_of(leaf).is_float]
    paths = argument_paths(args, {}, parameter_names(function, len(args)))

    def flat(*values: Any) -> list[Any]:
        given = list(leaves)
        for i, value in zip(moving, values, strict=True):
            given[i] = value
        return [leaf for leaf in flatten(function(*structure.unflatten(given)))[0] if value_aval(leaf).is_float]

    point = [np.asarray(leaves[i])[()] for i in moving]
    result = function(*args)
    outputs, texts = flatten(result)[0], path_texts(result, "output")
    shown = [text for leaf, text in zip(outputs, texts, strict=True) if aval_of(leaf).is_float]
    widths = [aval_of(leaf).dtype.itemsize for leaf in (*point, *outputs) if aval_of(leaf).is_float]
    width = min(widths, default=8)
    checker = _Checker(
        title(function),
        tuple(modes),
        _TOLERANCE[width] if rtol is None else rtol,
        _TOLERANCE[width] if atol is None else atol,
        _STEP[width] if step is None else step,
        np.random.default_rng(seed),
    )
    checker.check(flat, point, [paths[i] for i in moving], shown, order, ())


@dataclass(frozen=True, slots=True)
class _Checker:
    """What all the checks of one call have in common."""

    title: str
    modes: tuple[str, ...]
    rtol: float
    atol: float
    step: float
    rng: np.random.Generator

    def check(
        self,
        flat: Flat,
        point: Sequence[Any],
        inputs: Sequence[str],
        outputs: Sequence[str],
        order: int,
        taken: tuple[str, ...],
    ) -> None:
        """Check the derivatives of `flat`, and then theirs."""
        function = compile(flat)
        out = function(*point)
        directions = [self._like(x) for x in point]
        cotangents = [self._like(y) for y in out]
        numeric = [self._differences(function, point, i, direction) for i, direction in enumerate(directions)]
        if "fwd" in self.modes:
            for i in range(len(directions)):
                dots = [d if j == i else np.zeros_like(d) for j, d in enumerate(directions)]
                moved = jvp(flat, point, dots)[1]
                for k, (found, expected) in enumerate(zip(moved, numeric[i], strict=True)):
                    self._compare(found, expected, outputs[k], inputs[i], (*taken, "forward"))
        if "rev" in self.modes:
            pullback = vjp(flat, *point)[1]
            for k, cotangent in enumerate(cotangents):
                cts = [c if j == k else np.zeros_like(c) for j, c in enumerate(cotangents)]
                for i, bar in enumerate(pullback(cts)):
                    self._compare(
                        np.sum(bar * directions[i]),
                        np.sum(cotangent * numeric[i][k]),
                        outputs[k],
                        inputs[i],
                        (*taken, "reverse"),
                    )
        if order > 1 and point:
            self._check_derivatives(flat, point, out, inputs, outputs, order - 1, taken)

    def _check_derivatives(
        self,
        flat: Flat,
        point: Sequence[Any],
        out: Sequence[Any],
        inputs: Sequence[str],
        outputs: Sequence[str],
        order: int,
        taken: tuple[str, ...],
    ) -> None:
        count = len(point)
        if "fwd" in self.modes:
            tangents = [self._like(x) for x in point]
            self.check(
                lambda *values: jvp(flat, values[:count], values[count:])[1],
                [*point, *tangents],
                [*inputs, *(f"the tangent of {path}" for path in inputs)],
                [f"the tangent of {path}" for path in outputs],
                order,
                (*taken, "forward"),
            )
        if "rev" in self.modes:
            cotangents = [self._like(y) for y in out]
            self.check(
                lambda *values: list(vjp(flat, *values[:count])[1](list(values[count:]))),
                [*point, *cotangents],
                [*inputs, *(f"the cotangent of {path}" for path in outputs)],
                [f"the gradient of {path}" for path in inputs],
                order,
                (*taken, "reverse"),
            )

    def _like(self, value: Any) -> Any:
        return self.rng.standard_normal(np.shape(value)).astype(np.asarray(value).dtype)[()]

    def _differences(self, function: Flat, point: Sequence[Any], i: int, direction: Any) -> list[Any]:
        """The derivative of every output along a direction of one input, by central differences."""

        def at(distance: float) -> list[Any]:
            moved = point[i] + np.asarray(distance, np.asarray(point[i]).dtype) * direction
            return function(*point[:i], moved, *point[i + 1 :])

        pairs = zip(at(self.step), at(-self.step), strict=True)
        return [(np.asarray(a, np.float64) - b) / (2 * self.step) for a, b in pairs]

    def _compare(self, found: Any, expected: Any, output: str, source: str, modes: tuple[str, ...]) -> None:
        if np.allclose(found, expected, rtol=self.rtol, atol=self.atol):
            return
        off = np.max(np.abs(np.asarray(found, np.float64) - expected))
        way = " over ".join(f"{mode} mode" for mode in reversed(modes))
        raise AssertionError(
            f"{self.title}: the derivative of {output} with respect to {source} is off by {off:.3g}\n"
            f"  by {way}: {found}\n  by central differences: {expected}"
        )
