"""`fori_loop` and `while_loop`: a carry alone, through a counted loop or until a test says that it is enough."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np

from staticbp.api.arguments import parameter_names, title
from staticbp.api.branches import Arm, capturing
from staticbp.api.function import Function, describe, made, name_of, origin
from staticbp.api.loops import fold
from staticbp.compilation import identifiers, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import BOOL, Aval, promote
from staticbp.core.primitive import Builder, Traced, Value, bind, value_aval
from staticbp.core.tree import Structure, flatten, path_texts
from staticbp.errors import ControlFlowError
from staticbp.ops.iteration import while_loop as while_primitive
from staticbp.ops.linear import to_dtype
from staticbp.trace.names import defined_at, here
from staticbp.trace.trace import trace_open

Carry = TypeVar("Carry")


class WhileLoop(Function[..., Any]):
    """A step, repeated as long as a test says so.  `while_loop` calls it with what is carried."""

    def __init__(self, function: Callable[..., Any], test: Arm, checkpoints: int | None = None) -> None:
        super().__init__(function, test=test, checkpoints=checkpoints)
        self._statics = None
        self.test = test.function
        self.checkpoints = checkpoints

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_while"

    def _description(self) -> str:
        return f"while loop of {describe(self.__wrapped__)}"

    def _others(self) -> Sequence[Callable[..., Any]]:
        return [self.test]

    def _argument_names(self, count: int) -> list[str]:
        return parameter_names(self.__wrapped__, count)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        (init,) = args
        builder = Builder.innermost()
        assert builder is not None  # `Function` sees to it
        (name,) = parameter_names(self.__wrapped__, 1)
        leaves, structure = flatten(init)
        paths = path_texts(init, name)
        if not leaves:
            return init
        avals = [value_aval(leaf) for leaf in leaves]
        step = _Step(self.__wrapped__, structure, paths)
        while True:
            body, captured = trace_open(partial(step, avals), name_of(step.function), avals, identifiers(paths))
            if step.carried == avals:
                break
            avals = step.carried
        test, asked = trace_open(partial(self._asked, structure), name_of(self.test), avals, identifiers(paths))
        captures = list({id(v.atom): v for v in (*asked, *captured)}.values())
        start = [
            builder.wrap(builder.atom(to_dtype(leaf, aval.dtype, aval.weak)))
            for leaf, aval in zip(leaves, avals, strict=True)
        ]
        params = {
            "test": capturing(test, asked, captures, first=True),
            "body": capturing(body, captured, captures, first=True),
            "n_consts": len(captures),
        }
        if self.checkpoints is not None:
            params["slots"] = self.checkpoints
        return structure.unflatten(lifted(bind(while_primitive, [*captures, *start], params)))

    def _asked(self, structure: Structure, *values: Value) -> list[Value]:
        answer = self.test(structure.unflatten(values))
        aval = value_aval(answer) if isinstance(answer, Traced | bool | int | float | np.generic | np.ndarray) else None
        if aval is None or aval.shape:
            found = type(answer).__name__ if aval is None else f"an array of shape {shapes.text(aval.shape)}"
            raise ControlFlowError(
                f"{title(self.test)} returns {found}, where while_loop expects a single truth value",
                src=defined_at(origin(self.test)) or here().src,
                advice="Reduce it by np.any or np.all.",
            )
        return [answer if aval.dtype == BOOL else answer != 0]


class CountedLoop(Function[..., Any]):
    """A step for each integer of a range that is known.  `fori_loop` calls it with what is carried."""

    def __init__(self, function: Callable[..., Any], first: int, length: int) -> None:
        super().__init__(function, first=first, length=length)
        self._statics = None
        self.first = first
        self.length = length

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_fori"

    def _description(self) -> str:
        return f"fori loop of {describe(self.__wrapped__)}"

    def _argument_names(self, count: int) -> list[str]:
        return parameter_names(self.__wrapped__, 2)[1:]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        (init,) = args
        step = _counting(self.__wrapped__)
        return fold(lambda state, _: step(state), (np.int64(self.first), init), None, self.length)[1]


class _Step:
    """The user's step as a function of leaves; notes what it carries on."""

    def __init__(self, function: Callable[..., Any], structure: Structure, paths: Sequence[str]) -> None:
        self.function = function
        self.structure = structure
        self.paths = paths
        self.carried: list[Aval] = []

    def __call__(self, avals: Sequence[Aval], *values: Value) -> list[Value]:
        leaves, structure = flatten(self.function(self.structure.unflatten(values)))
        if structure != self.structure:
            raise self._error(
                f"is given a carry of structure {self.structure} and returns {structure}",
                "structure",
            )
        pairs = zip(avals, leaves, self.paths, strict=True)
        self.carried = [self._carried(aval, value_aval(leaf), path) for aval, leaf, path in pairs]
        return [
            to_dtype(leaf, aval.dtype, aval.weak) if value_aval(leaf).dtype != aval.dtype else leaf
            for leaf, aval in zip(leaves, self.carried, strict=True)
        ]

    def _carried(self, before: Aval, after: Aval, path: str) -> Aval:
        """The type that a leaf of the carry has in every step."""
        if not shapes.same(before.shape, after.shape):
            change = f"from {shapes.text(before.shape)} to {shapes.text(after.shape)}"
            raise self._error(f"changes the shape of {path} {change}", "shape")
        dtype, weak = promote([before, after])
        if before.weak:
            return Aval(before.shape, dtype, weak)
        if dtype != before.dtype:
            raise self._error(f"changes the dtype of {path} from {before.dtype} to {after.dtype}", "dtype")
        return before

    def _error(self, what: str, kept: str) -> ControlFlowError:
        return ControlFlowError(
            f"{title(self.function)} {what}",
            src=defined_at(origin(self.function)) or here().src,
            advice=f"What is carried keeps its {kept} from step to step.",
        )


def while_loop(
    test: Callable[[Carry], Any], body: Callable[[Carry], Carry], init: Carry, *, checkpoints: int | None = None
) -> Carry:
    """Repeat a step as long as a test holds.

    Compiles to one real loop, with all derivatives.  In a batch the loop goes on until every element is done, and
    those that are done stay as they are.

    Reverse mode needs every carry that a step started from, and nobody knows how many steps there will be.  So the
    loop keeps a fixed number of carries, of steps that lie a stride apart: 1 as long as they fit, then 2, then 4, and
    so on.  On the way back the steps between two of them are taken again, and as many carries are kept again: up
    to the square of that number, each step is taken twice.

    Parameters
    ----------
    test : callable
        ``test(carry) -> bool``, asked before each step.
    body : callable
        ``body(carry) -> carry``.  The carry keeps its structure, shapes and dtypes.
    init : structure
        What the first test and the first step are given.
    checkpoints : int, optional
        How many carries reverse mode keeps, a power of two.  By default it is between 16 and 256: as many as fit
        into a megabyte.

    Returns
    -------
    carry : structure
        The first carry for which the test does not hold.

    See Also
    --------
    fori_loop : A number of steps; `scan` : collecting as well.

    Examples
    --------
    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def root(a):
    ...     return bp.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)
    >>> root(4.0).round(6)
    np.float64(2.0)
    >>> root.grad(4.0).round(6)
    np.float64(0.25)
    """
    if checkpoints is not None and not _is_power_of_two(checkpoints):
        raise ControlFlowError(
            f"while_loop keeps {checkpoints!r} checkpoints, where a power of two is expected", src=here().src
        )
    return cast(Carry, made(WhileLoop, body, test=Arm(test), checkpoints=checkpoints)(init))


def fori_loop(
    lower: Any, upper: Any, body: Callable[[Any, Carry], Carry], init: Carry, *, checkpoints: int | None = None
) -> Carry:
    """Repeat a step for each integer from `lower` to `upper`, the latter excluded.

    With bounds that are plain integers this is a loop of fixed length.  With bounds that are known only when the
    compiled code runs it is a `while_loop`.

    Parameters
    ----------
    lower, upper : int
        The first integer, and the first that is not reached.
    body : callable
        ``body(i, carry) -> carry``.  The carry keeps its structure, shapes and dtypes.
    init : structure
        What the first step is given.
    checkpoints : int, optional
        As for `while_loop`, where the loop is one.

    Returns
    -------
    carry : structure
        What the last step returned.

    See Also
    --------
    fold : Looping over arrays; `while_loop` : until a test says so.

    Examples
    --------
    >>> import staticbp as bp
    >>> bp.fori_loop(1, 6, lambda i, product: product * i, 1.0)
    np.float64(120.0)
    """
    if isinstance(lower, Traced) or isinstance(upper, Traced):
        for bound in (lower, upper):
            aval = value_aval(bound)
            if aval.shape or aval.dtype.kind not in "iu":
                raise ControlFlowError(f"a bound of fori_loop is {aval}, not an integer", src=here().src)
        start, stop = (to_dtype(bound, np.dtype(np.int64)) for bound in (lower, upper))
        counted = _counting(body)
        return while_loop(lambda state: state[0] < stop, counted, (start, init), checkpoints=checkpoints)[1]
    try:
        first, length = operator.index(lower), max(operator.index(upper) - operator.index(lower), 0)
    except TypeError:
        raise ControlFlowError(
            f"the bounds of fori_loop are {lower!r} and {upper!r}, not integers", src=here().src
        ) from None
    return cast(Carry, made(CountedLoop, body, first=first, length=length)(init))


def _is_power_of_two(number: Any) -> bool:
    return isinstance(number, int) and number > 1 and number.bit_count() == 1


def _counting(body: Callable[[Any, Carry], Carry]) -> Callable[[tuple[Any, Carry]], tuple[Any, Carry]]:
    """A step that counts as well."""

    def counted(state: tuple[Any, Carry]) -> tuple[Any, Carry]:
        i, carry = state
        return i + 1, body(i, carry)

    return counted
