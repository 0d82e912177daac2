"""Tell Numba about the functions of `vecmath`, and Python about their twins.

Each function is one Python object with two lives. Called from Python (which is what generated code does
under `STATICBP_JIT=0`) it runs its *twin*, an ordinary NumPy or `math` function. Called from code that
Numba compiles, it is replaced by the LLVM instructions that the decorated emitter writes; the compiled code
then contains no trace of this module and no address, so that it can be stored.

Numba is asked for documented things only: `type_callable`, `lower_builtin`, `overload` and `types`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from staticbp.runtime.vecmath.lane import IrType, IrValue, Lane, Mask

JIT = os.environ.get("STATICBP_JIT", "1") != "0"

if JIT:
    from numba import njit
    from numba.extending import lower_builtin, overload, type_callable
    from numba.types import Boolean, Float, Integer, boolean, float32, float64, int32, int64, unliteral

Twin = Callable[..., Any]


def twin_of(name: str, doc: str | None, twin: Twin) -> Twin:
    """A Python function of its own (Numba keys its tables by the object) that runs `twin` without NumPy's warnings."""

    @functools.wraps(twin, assigned=(), updated=())
    def run(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return twin(*args)

    run.__name__ = run.__qualname__ = name
    run.__module__ = "staticbp.runtime.vecmath"
    run.__doc__ = doc
    return run


def float_twin(function: Callable[..., float]) -> Twin:
    """The twin made of a function of Python floats: it returns the common NumPy type of its arguments."""

    def run(*args: Any) -> Any:
        dtype = np.result_type(*(np.asarray(arg).dtype for arg in args), np.float32)
        return dtype.type(function(*(float(arg) for arg in args)))

    return run


def _common_float(args: tuple[Any, ...]) -> Any:
    """float32 when every argument is float32, else float64; None when one is not a real number."""
    if all(arg == float32 for arg in args):
        return float32
    if all(isinstance(arg, (Float, Integer, Boolean)) for arg in args):
        return float64
    return None


def _declare(function: Twin, arity: int, result: Callable[[tuple[Any, ...]], Any]) -> None:
    """Type `function`: `result` maps the argument types to a signature, or to None."""

    def typer(*args: Any) -> Any:
        return result(tuple(unliteral(arg) for arg in args))

    # Numba reads the number of parameters off the signature.
    if arity == 1:
        type_callable(function)(lambda context: lambda a: typer(a))
    elif arity == 2:
        type_callable(function)(lambda context: lambda a, b: typer(a, b))
    else:
        type_callable(function)(lambda context: lambda a, b, c: typer(a, b, c))


def kernel(twin: Twin, *, arity: int = 1) -> Callable[[Callable[..., Any]], Twin]:
    """Decorate an emitter of floats: `(*lanes) -> Lane`, or `-> Mask` for a predicate.

    Arguments that are not all float32 are taken in float64.
    """

    def register(emitter: Callable[..., Any]) -> Twin:
        function = twin_of(emitter.__name__, emitter.__doc__, twin)
        if JIT:
            predicate = emitter.__annotations__["return"] in ("Mask", Mask)

            def result(args: tuple[Any, ...]) -> Any:
                kind = _common_float(args)
                if kind is None:
                    return None
                return (boolean if predicate else kind)(*(kind,) * arity)

            def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return emitter(*(Lane(builder, arg) for arg in args)).value

            _declare(function, arity, result)
            lower_builtin(function, *(Float,) * arity)(lower)
        return function

    return register


@dataclass(frozen=True)
class Integers:
    """What an emitter for integers (booleans included) needs to know: their type, and how to compare."""

    builder: Any
    ir_type: IrType
    signed: bool

    @property
    def zero(self) -> IrValue:
        return ir.Constant(self.ir_type, 0)

    @property
    def one(self) -> IrValue:
        return ir.Constant(self.ir_type, 1)

    @property
    def lowest(self) -> IrValue:
        return ir.Constant(self.ir_type, -(1 << (self.ir_type.width - 1)))

    def less(self, x: IrValue, y: IrValue) -> IrValue:
        compare = self.builder.icmp_signed if self.signed else self.builder.icmp_unsigned
        return compare("<", x, y)

    def equal(self, x: IrValue, y: IrValue) -> IrValue:
        return self.builder.icmp_signed("==", x, y)

    def select(self, condition: IrValue, yes: IrValue, no: IrValue) -> IrValue:
        return self.builder.select(condition, yes, no)


def _common_number(args: tuple[Any, ...]) -> Any:
    """The one integer type of the arguments, or else their common float type."""
    if isinstance(args[0], (Integer, Boolean)) and all(arg == args[0] for arg in args):
        return args[0]
    return _common_float(args)


def number_kernel(
    twin: Twin, *, arity: int = 1, integers: Callable[..., IrValue]
) -> Callable[[Callable[..., Lane]], Twin]:
    """Decorate an emitter of floats, which `integers` stands in for where all arguments are of one integer type."""

    def register(emitter: Callable[..., Lane]) -> Twin:
        function = twin_of(emitter.__name__, emitter.__doc__, twin)
        if JIT:

            def result(args: tuple[Any, ...]) -> Any:
                kind = _common_number(args)
                return None if kind is None else kind(*(kind,) * arity)

            def lower_float(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return emitter(*(Lane(builder, arg) for arg in args)).value

            def lower_integer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                signed = getattr(signature.return_type, "signed", False)
                return integers(Integers(builder, args[0].type, signed), *args)

            _declare(function, arity, result)
            lower_builtin(function, *(Float,) * arity)(lower_float)
            lower_builtin(function, *(Integer,) * arity)(lower_integer)
            lower_builtin(function, *(Boolean,) * arity)(lower_integer)
        return function

    return register


def select_kernel(twin: Twin) -> Callable[[Callable[..., IrValue]], Twin]:
    """Decorate the emitter of `sel(condition, yes, no)`, whose last two arguments are numbers of one type."""

    def register(emitter: Callable[..., IrValue]) -> Twin:
        function = twin_of(emitter.__name__, emitter.__doc__, twin)
        if JIT:

            def result(args: tuple[Any, ...]) -> Any:
                kind = _common_number(args[1:])
                return None if kind is None else kind(boolean, kind, kind)

            def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return emitter(builder, *args)

            _declare(function, 3, result)
            for number in (Float, Integer, Boolean):
                lower_builtin(function, Boolean, number, number)(lower)
        return function

    return register


def bitcast_kernel(twin: Twin, name: str, doc: str, *, to_float: bool) -> Twin:
    """The function that reads a float as an integer of the same width, or the other way round."""
    function = twin_of(name, doc, twin)
    if JIT:
        pairs = {float32: int32, float64: int64}
        if to_float:
            pairs = {integer: floating for floating, integer in pairs.items()}

        def result(args: tuple[Any, ...]) -> Any:
            kind = pairs.get(args[0])
            return None if kind is None else kind(*args)

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], context.get_value_type(signature.return_type))

        _declare(function, 1, result)
        lower_builtin(function, Integer if to_float else Float)(lower)
    return function


def scalar_kernel(twin: Callable[..., float] | None) -> Callable[[Callable[..., float]], Twin]:
    """Decorate a function of one or two floats that Numba compiles as it stands; `twin` replaces it in Python."""

    def register(function: Callable[..., float]) -> Twin:
        public = twin_of(function.__name__, function.__doc__, float_twin(twin or function))
        if JIT:
            compiled = njit(error_model="numpy")(function)

            def in_double(x: Any) -> Any:
                return compiled(np.float64(x))

            def in_single(x: Any) -> Any:
                return np.float32(compiled(np.float64(x)))

            def two_in_double(x: Any, y: Any) -> Any:
                return compiled(np.float64(x), np.float64(y))

            def two_in_single(x: Any, y: Any) -> Any:
                return np.float32(compiled(np.float64(x), np.float64(y)))

            def choose(x: Any) -> Any:
                kind = _common_float((unliteral(x),))
                return None if kind is None else (in_single if kind == float32 else in_double)

            def choose_for_two(x: Any, y: Any) -> Any:
                kind = _common_float((unliteral(x), unliteral(y)))
                return None if kind is None else (two_in_single if kind == float32 else two_in_double)

            overload(public)(choose if function.__code__.co_argcount == 1 else choose_for_two)
        return public

    return register
