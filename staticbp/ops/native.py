"""Operations whose inside is not traced: kernels of the user's that Numba compiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from staticbp.core.aval import Aval
from staticbp.core.lowering import Kernel
from staticbp.core.primitive import Params, Primitive, Rules, Value, bind, value_aval
from staticbp.core.schedule import Call, Load, Ref, Stmt
from staticbp.core.shape import static_shape
from staticbp.ops.control import scan


class NativeFunction(Protocol):
    """A kernel as the runtime keeps it."""

    name: str

    def call(self, ins: Sequence[Any], types: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> tuple[Any, ...]:
        """The results by Python."""


def _emit(ins: Sequence[Ref], outs: Sequence[Ref], params: dict[str, Any]) -> list[Stmt]:
    """One call; numbers are handed over as such."""
    operands = [ref if ref.shape else Load(ref.buffer, ref.at(())) for ref in ins]
    return [Call(f"native.{params['kernel'].name}", (*operands, *outs), reads=tuple(ins), writes=tuple(outs))]


class Native(Primitive):
    """``kernel(*ins)``.  Params: `kernel`, and `out`, the types of its results."""

    name = "native"
    lowering = Kernel(_emit)

    def avals(self, ins: Sequence[Aval], params: Params) -> tuple[Aval, ...]:
        out: tuple[Aval, ...] = params["out"]
        return out

    def result_names(self, params: Params) -> Sequence[str] | None:
        return [params["kernel"].name] * len(params["out"]) if len(params["out"]) > 1 else None

    def evaluate(self, ins: Sequence[Any], params: Params) -> tuple[Any, ...]:
        kernel: NativeFunction = params["kernel"]
        given = [x if np.ndim(x) else np.asarray(x)[()] for x in ins]
        return kernel.call(given, [(static_shape(aval.shape), aval.dtype) for aval in params["out"]])

    def batch(
        self, rules: Rules, size: Any, ins: Sequence[Value], batched: Sequence[bool], params: Params
    ) -> tuple[Sequence[Value], Sequence[bool]]:
        """A loop over calls."""
        fixed = [i for i, flag in enumerate(batched) if not flag]
        rows = [i for i, flag in enumerate(batched) if flag]
        order = {i: position for position, i in enumerate([*fixed, *rows])}

        def step(*values: Value) -> Sequence[Value]:
            return bind(self, [values[order[i]] for i in range(len(ins))], params)

        avals = [value_aval(ins[i]).strong() for i in fixed]
        avals += [Aval(value_aval(ins[i]).shape[1:], value_aval(ins[i]).dtype) for i in rows]
        body = rules.build(params["kernel"].name, step, avals, [f"x{i}" for i in [*fixed, *rows]])
        outs = bind(
            scan,
            [ins[i] for i in [*fixed, *rows]],
            {"body": body, "n_consts": len(fixed), "n_carry": 0, "length": size, "reverse": False},
        )
        return outs, [True] * len(outs)


native = Native()
