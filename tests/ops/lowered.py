"""Lowerings evaluated one element at a time, in plain Python: what the loops made from them must compute.

Every read checks its bounds, so that a guard that lets a wrong index through is found.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from staticbp.core.aval import INT64, Aval, aval_of
from staticbp.core.lowering import Choose, IndexMap, Kernel, Lowering, Pieces, Reduce, Scatter, View
from staticbp.core.primitive import Primitive
from staticbp.core.schedule import Affine, Apply, Buffer, Call, Const, Expr, Index, Load, Loop, Ref, Stmt, loop_index
from staticbp.core.shape import Dim, static, static_shape

Array = np.ndarray[Any, Any]

VECMATH = SimpleNamespace(radd=lambda a, b: a + b)


class Memory:
    """Arrays by the names of their buffers, read with bounds checked."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.arrays = arrays

    def read(self, name: str, *index: int) -> Any:
        """One element."""
        array = self.arrays[name]
        assert len(index) == array.ndim
        assert all(0 <= i < n for i, n in zip(index, array.shape, strict=True)), (name, index, array.shape)
        return array[index]

    def compiled(self, expr: Expr, loops: Sequence[str]) -> Callable[..., Any]:
        """An expression as a function of the loop indexes."""
        names = {"read": self.read, "vm": VECMATH, "np": np}
        function: Callable[..., Any] = eval(f"lambda {', '.join(loops)}: {text(expr)}", names)
        return function


def text(expr: Expr) -> str:
    """An expression as Python."""
    match expr:
        case Affine(offset=offset, terms=terms):
            return "(" + " + ".join([str(offset), *(f"{c} * {name}" for name, c in terms)]) + ")"
        case Const(value=value):
            return f"np.{value.dtype.name}({value.item()!r})" if value.dtype.kind != "b" else str(bool(value))
        case Load(buffer=buffer, index=index):
            return f"read({', '.join([repr(buffer.name), *(text(i) for i in index)])})"
        case Apply(template=template, args=args):
            return f"({template.format(*(text(arg) for arg in args))})"
        case _:
            raise TypeError(f"{expr} is not what lowerings are made of")


def lowering_of(op: Primitive, ins: Sequence[Array], params: dict[str, Any]) -> Lowering:
    """The lowering for these operands."""
    lowering = op.lowering
    return lowering.pick([aval_of(x) for x in ins], params) if isinstance(lowering, Choose) else lowering


def loops_of(count: int, affine: bool) -> tuple[list[str], list[Index]]:
    """Names of loops and their indexes: affine ones, or such as a gather gives, of which nothing is known."""
    names = [f"i{n}" for n in range(count)]
    plain: list[Index] = [loop_index(name) for name in names]
    return names, plain if affine else [Apply("{0}", (index,), INT64) for index in plain]


def run(
    op: Primitive, ins: Sequence[Array], out: Aval, params: dict[str, Any], affine: bool = True
) -> tuple[Array, bool]:
    """The result of an operation by its lowering, and whether its check holds."""
    memory = Memory({f"x{n}": x for n, x in enumerate(ins)})
    avals = [aval_of(x) for x in ins]
    buffers = [Buffer(f"x{n}", aval, "argument") for n, aval in enumerate(avals)]
    result = np.zeros(static_shape(out.shape), out.dtype)

    def read(number: int, index: Sequence[Index]) -> Expr:
        return Load(buffers[number], tuple(index))

    lowering = lowering_of(op, ins, params)
    if isinstance(lowering, IndexMap | Scatter) and lowering.check is not None:
        assert lowering.check_domain is not None
        extents = lowering.check_domain(avals, params)
        names, index = loops_of(len(extents), affine)
        holds = memory.compiled(lowering.check(read, index, avals, params), names)
        if not all(holds(*place) for place in places(extents)):
            return result, False
    match lowering:
        case IndexMap(pull=pull):
            names, index = loops_of(out.ndim, affine)
            element = memory.compiled(pull(read, index, avals, out, params), names)
            for place in places(out.shape):
                result[place] = element(*place)
        case Reduce(combine=combine, initial=initial, domain=domain, element=make):
            axes = domain(avals, params)
            names, index = loops_of(len(axes), affine)
            element = memory.compiled(make(read, index, params), names)
            assert isinstance(combine, str)
            step = eval(f"lambda a, b: {combine.format('a', 'b')}", {"vm": VECMATH})
            result[...] = initial(out.dtype)
            for place in places([extent for extent, _ in axes]):
                kept = tuple(i for i, (_, reduced) in zip(place, axes, strict=True) if not reduced)
                result[kept] = step(result[kept], element(*place))
        case Scatter(domain=domain, target=target, value=value, combine=combine):
            extents = domain(avals, params)
            names, index = loops_of(len(extents), affine)
            added = memory.compiled(value(read, index, params), names)
            where = [memory.compiled(i, names) for i in target(read, index, avals, params)]
            assert combine == "{0} + {1}"
            for place in places(extents):
                to = tuple(int(i(*place)) for i in where)
                assert all(0 <= i < n for i, n in zip(to, result.shape, strict=True))
                result[to] += added(*place)
        case Pieces():
            result = np.concatenate(ins, axis=params["axis"])
        case View():
            result = ins[0].reshape(result.shape)
        case Kernel(emit=emit):
            buffer = Buffer("out", out, "result")
            memory.arrays["out"] = np.full(static_shape(out.shape), np.nan, out.dtype)
            for stmt in emit([Ref(b) for b in buffers], [Ref(buffer)], params):
                execute(memory, stmt, {})
            result = memory.arrays["out"]
        case _:
            raise TypeError(f"{op.name} is lowered by {lowering}")
    return result, True


def places(extents: Sequence[Dim]) -> Iterator[tuple[int, ...]]:
    """Every index of a domain."""
    return itertools.product(*(range(extent) for extent in static_shape(extents)))


def execute(memory: Memory, stmt: Stmt, loops: dict[str, int]) -> None:
    """A loop over calls of BLAS kernels, by NumPy."""
    match stmt:
        case Loop(index=index, extent=extent, body=body):
            for i in range(static(extent)):
                for inner in body:
                    execute(memory, inner, {**loops, index: i})
        case Call(kernel=kernel, args=args, reads=reads, writes=writes):
            a, b, out = (array_of(memory, ref, loops) for ref in args[:3] if isinstance(ref, Ref))
            assert reads == args[:2]
            assert writes == args[2:3]
            # Flags that are false, and alpha and beta, are left to the kernels' defaults.
            assert all(flag is True or flag is False for flag in args[3:])
            left, right = (*args[3:], False, False)[:2]
            if kernel == "blas.gemv":
                assert not right
                out[...] = (a.T if left else a) @ b
            else:
                assert kernel == "blas.gemm"
                out[...] = (a.T if left else a) @ (b.T if right else b)
        case _:
            raise TypeError(f"{stmt} is not what products are lowered to")


def array_of(memory: Memory, ref: Ref, loops: dict[str, int]) -> Array:
    """The array that a reference stands for; kernels get them as they lie in memory."""
    assert not ref.transposed
    index = tuple(memory.compiled(i, list(loops))(**loops) for i in ref.prefix)
    array: Array = memory.arrays[ref.buffer.name][index]
    return array
