"""`scan` and `fold`: loops that stay loops, in the graph and in the generated code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar, cast

from staticbp.api.arguments import parameter_names, title
from staticbp.api.function import Function, describe, made, name_of, origin
from staticbp.compilation import identifiers, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, promote
from staticbp.core.graph import Graph
from staticbp.core.primitive import Builder, Value, bind, value_aval
from staticbp.core.tree import Structure, flatten, path_texts
from staticbp.errors import ControlFlowError
from staticbp.ops.control import scan as scan_primitive
from staticbp.ops.linear import to_dtype
from staticbp.runtime.dispatch import reporting
from staticbp.trace.names import defined_at, here
from staticbp.trace.trace import trace_open

Carry = TypeVar("Carry")

BRANCHES = 8  # segments of a loop, and of each segment, where memory is to grow with the logarithm of its length


class Loop(Function[..., Any]):
    """A step, repeated.  `scan` and `fold` call it with what is carried and what is looped over."""

    def __init__(
        self,
        function: Callable[..., Any],
        collects: bool = True,
        length: int | None = None,
        reverse: bool = False,
        checkpoint: int | str | None = None,
    ) -> None:
        super().__init__(function, collects=collects, length=length, reverse=reverse, checkpoint=checkpoint)
        self._statics = None
        self.collects = collects
        self.length = length
        self.reverse = reverse
        self.checkpoint = checkpoint

    def _kind(self) -> str:
        return "scan" if self.collects else "fold"

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_{self._kind()}"

    def _description(self) -> str:
        return f"{self._kind()} of {describe(self.__wrapped__)}"

    def _argument_names(self, count: int) -> list[str]:
        carry, x = parameter_names(self.__wrapped__, 2)
        return [carry, f"{x}s"][:count]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        init, xs = args
        builder = Builder.innermost()
        assert builder is not None  # `Function` sees to it
        names = parameter_names(self.__wrapped__, 2)
        carry, carry_structure = flatten(init)
        rows, rows_structure = flatten(xs)
        carry_paths, row_paths = path_texts(init, names[0]), path_texts(xs, names[1])
        length = self._length(rows, row_paths)
        step = _Step(self.__wrapped__, self.collects, carry_structure, rows_structure, carry_paths)
        row_avals = [Aval(value_aval(x).shape[1:], value_aval(x).dtype) for x in rows]
        input_names = identifiers([*carry_paths, *row_paths])
        avals = [value_aval(c) for c in carry]
        while True:
            flat = partial(step, avals)
            graph, captures = trace_open(flat, name_of(self.__wrapped__), [*avals, *row_avals], input_names)
            if step.carried == avals:
                break
            avals = step.carried
        body = _captured_first(graph, len(captures))
        start = [
            builder.wrap(builder.atom(to_dtype(c, aval.dtype, aval.weak))) for c, aval in zip(carry, avals, strict=True)
        ]
        params = {
            "body": body,
            "n_consts": len(captures),
            "n_carry": len(carry),
            "length": length,
            "reverse": self.reverse,
        }
        segments = self._segments(length)
        if segments:
            params["segments"] = segments
        results = lifted(bind(scan_primitive, [*captures, *start, *rows], params))
        final = carry_structure.unflatten(results[: len(carry)])
        return (final, step.ys_structure.unflatten(results[len(carry) :])) if self.collects else final

    def _segments(self, length: int) -> tuple[int, ...]:
        """The lengths of the segments that reverse mode takes again, and of those within them."""
        match self.checkpoint:
            case None:
                return ()
            case "sqrt":
                return (_even_part(length, math.isqrt(length)),) if length > 3 else ()
            case "log":
                lengths = [length]
                while lengths[-1] > BRANCHES:
                    lengths.append(_even_part(lengths[-1], -(-lengths[-1] // BRANCHES)))
                return tuple(lengths[1:])
            case int(each) if each > 0 and not isinstance(each, bool):
                return (each,) if each < length else ()
        raise ControlFlowError(
            f"{self._kind()} is given checkpoint={self.checkpoint!r}",
            src=here().src,
            advice='Write the number of steps between two checkpoints, "sqrt" or "log".',
        )

    def _length(self, rows: Sequence[Value], paths: Sequence[str]) -> int:
        """The number of steps, which all of what is looped over agrees on."""
        lengths: dict[str, Any] = {} if self.length is None else {"length": self.length}
        for row, path in zip(rows, paths, strict=True):
            shape = value_aval(row).shape
            if not shape:
                raise ControlFlowError(
                    f"{self._kind()} loops over the first axis of {path}, which is a single number",
                    src=here().src,
                    advice="Let the step read it from around it, or carry it.",
                )
            lengths[path] = shape[0]
        if not lengths:
            raise ControlFlowError(
                f"{self._kind()} has nothing to loop over: xs holds no array, and length is not given",
                src=here().src,
                advice=f"Write {self._kind()}(step, init, None, length=n).",
            )
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{path} has {size}" for path, size in lengths.items())
            raise ControlFlowError(f"{self._kind()} loops over axes of different lengths: {listed}", src=here().src)
        return shapes.static(next(iter(lengths.values())), self._kind())


class _Step:
    """The user's step as a function of leaves; notes what it carries on and what it collects."""

    def __init__(
        self,
        function: Callable[..., Any],
        collects: bool,
        carry_structure: Structure,
        rows_structure: Structure,
        carry_paths: Sequence[str],
    ) -> None:
        self.function = function
        self.collects = collects
        self.carry_structure = carry_structure
        self.rows_structure = rows_structure
        self.carry_paths = carry_paths
        self.carried: list[Aval] = []
        self.ys_structure = carry_structure

    def __call__(self, avals: Sequence[Aval], *values: Value) -> list[Value]:
        count = len(avals)
        result = self.function(
            self.carry_structure.unflatten(values[:count]), self.rows_structure.unflatten(values[count:])
        )
        if self.collects and (not isinstance(result, tuple) or len(result) != 2):
            raise self._error(
                f"returns a {type(result).__name__}, where scan expects (carry, y)",
                "Return a pair; the second may be None.  A step that only carries is for bp.fold.",
            )
        after, ys = result if self.collects else (result, None)
        leaves, structure = flatten(after)
        if structure != self.carry_structure:
            raise self._error(
                f"is given a carry of structure {self.carry_structure} and returns {structure}",
                "What is carried keeps its structure from step to step; * is a number or an array.",
            )
        pairs = zip(avals, leaves, self.carry_paths, strict=True)
        self.carried = [self._carried(aval, value_aval(leaf), path) for aval, leaf, path in pairs]
        y_leaves, self.ys_structure = flatten(ys)
        kept = [
            to_dtype(leaf, aval.dtype, aval.weak) if value_aval(leaf).dtype != aval.dtype else leaf
            for leaf, aval in zip(leaves, self.carried, strict=True)
        ]
        return [*kept, *y_leaves]

    def _carried(self, before: Aval, after: Aval, path: str) -> Aval:
        """The type that a leaf of the carry has in every step."""
        if not shapes.same(before.shape, after.shape):
            raise self._error(
                f"changes the shape of {path} from {shapes.text(before.shape)} to {shapes.text(after.shape)}",
                "What is carried keeps its shape from step to step.",
            )
        dtype, weak = promote([before, after])
        if before.weak:
            return Aval(before.shape, dtype, weak)
        if dtype != before.dtype:
            raise self._error(
                f"changes the dtype of {path} from {before.dtype} to {after.dtype}",
                f"Start with {after.dtype}, or end the step with .astype({path}.dtype).",
            )
        return before

    def _error(self, what: str, advice: str) -> ControlFlowError:
        return ControlFlowError(
            f"{title(self.function)} {what}", src=defined_at(origin(self.function)) or here().src, advice=advice
        )


def _even_part(length: int, wish: int) -> int:
    """About as long as wished, such that as little as possible of a length is left over."""
    return min(range(max(2, wish // 2), 2 * wish + 1), key=lambda n: (length % n, max(n / wish, wish / n)))


def _captured_first(graph: Graph, count: int) -> Graph:
    """A body takes what it captured before what it carries."""
    inner = len(graph.invars) - count
    return Graph(graph.name, (*graph.invars[inner:], *graph.invars[:inner]), graph.eqns, graph.outs)


def scan(
    step: Callable[[Carry, Any], tuple[Carry, Any]],
    init: Carry,
    xs: Any,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint: int | str | None = None,
) -> tuple[Carry, Any]:
    """Carry a value through a loop, and collect something in each step.

    Compiles to one real loop, whose carries are updated in place.  Derivatives flow through it, and a step may take
    derivatives itself.

    Parameters
    ----------
    step : callable
        ``step(carry, x) -> (carry, y)``.  The carry keeps its structure, shapes and dtypes.
    init : structure
        What the first step is given.
    xs : structure
        Arrays with a common first axis, which is looped over; None to loop `length` times.
    length : int, optional
        The number of steps.
    reverse : bool, optional
        Whether to start with the last element; the ys keep their places.
    checkpoint : int or str, optional
        What reverse mode keeps: by default what each step's derivative wants.  A number is that of the steps between
        two carries that are kept; from those the steps are taken again, one stretch at a time.  With "sqrt" the
        stretches are as long as there are many of them, so memory grows with the square root of the length, and
        each step is taken twice.  With "log" stretches are themselves parted in eight, and so on: memory grows with
        the logarithm, and so does the number of times that a step is taken (Griewank and Walther, "Evaluating
        Derivatives", 2008, chapter 12).

    Returns
    -------
    carry : structure
        What the last step returned.
    ys : structure
        What the steps collected, stacked along a new first axis.

    See Also
    --------
    fold : Without collecting.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 1., 3.]))
    """
    loop = made(Loop, step, collects=True, length=length, reverse=reverse, checkpoint=checkpoint)
    return cast(tuple[Carry, Any], loop(init, xs))


def fold(
    step: Callable[[Carry, Any], Carry],
    init: Carry,
    xs: Any,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint: int | str | None = None,
) -> Carry:
    """Carry a value through a loop.

    Parameters
    ----------
    step : callable
        ``step(carry, x) -> carry``.  The carry keeps its structure, shapes and dtypes.
    init, xs, length, reverse, checkpoint
        As for `scan`.

    Returns
    -------
    carry : structure
        What the last step returned.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> bp.fold(lambda product, x: product * x, 1.0, np.array([2.0, 3.0, 4.0]))
    np.float64(24.0)

    A gradient step for each sample, as one compiled loop:

    >>> loss = lambda w, x: (w - x) ** 2
    >>> bp.fold(lambda w, x: w - 0.1 * bp.grad(loss)(w, x), 0.0, np.ones(50)).round(4)
    np.float64(1.0)
    """
    loop = made(Loop, step, collects=False, length=length, reverse=reverse, checkpoint=checkpoint)
    return cast(Carry, loop(init, xs))


def progress(report: Callable[[int, int], object]) -> AbstractContextManager[None]:
    """Be told how far compiled loops have come.

    Parameters
    ----------
    report : callable
        ``report(done, total)`` is called from time to time with the steps done and to do, by calls of compiled
        functions whose loops run for long, in this thread and within the ``with`` block.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> with bp.progress(lambda done, total: print(f"{done}/{total}")):
    ...     total = bp.fold(lambda total, x: total + x, 0.0, np.ones(10))  # too short to say anything
    """
    return reporting(report)
