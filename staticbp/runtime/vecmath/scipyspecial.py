"""Functions of ``scipy.special``, one number at a time, by SciPy's own code.

SciPy offers them to compiled code in ``scipy.special.cython_special``, as functions of C doubles that need neither the
GIL nor Python.  They are called by symbol, so that code which calls them can be stored; float32 is computed in float64.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from staticbp.runtime import symbols
from staticbp.runtime.vecmath.lane import Lane
from staticbp.runtime.vecmath.library import set_attribute
from staticbp.runtime.vecmath.register import kernel

_DOUBLE, _INT = ir.DoubleType(), ir.IntType(32)


def _declared(module: Any, symbol: str, arity: int) -> Any:
    """The function as compiled code declares it; its last argument is how Cython asks for this very function."""
    function = module.globals.get(symbol)
    if function is None:
        address = symbols.address(symbol)
        if address is None:
            raise ImportError(f"this SciPy has no {symbol} for compiled code")
        llvm.add_symbol(symbol, address)
        function = ir.Function(module, ir.FunctionType(_DOUBLE, [_DOUBLE] * arity + [_INT]), symbol)
        function.attributes.add("nounwind")
        for attribute in ("memory(none)", "willreturn"):
            set_attribute(function, attribute)
    return function


def _of_scipy(name: str, arity: int = 1) -> Callable[..., Any]:
    symbol = f"{symbols.SPECIAL_PREFIX}{name}.{arity}"

    def twin(*args: Any) -> Any:
        return getattr(importlib.import_module("scipy.special"), name)(*args)

    def emitter(*lanes: Lane) -> Lane:
        builder = lanes[0].builder
        arguments = [lane.widened().value for lane in lanes]
        function = _declared(builder.module, symbol, arity)
        result = Lane(builder, builder.call(function, [*arguments, ir.Constant(_INT, 0)]))
        return result.narrowed() if lanes[0].format.width == 32 else result

    emitter.__name__ = name
    emitter.__doc__ = f"As ``scipy.special.{name}``."
    return kernel(twin, arity=arity)(emitter)


beta = _of_scipy("beta", 2)
betainc = _of_scipy("betainc", 3)
betaincc = _of_scipy("betaincc", 3)
betainccinv = _of_scipy("betainccinv", 3)
betaincinv = _of_scipy("betaincinv", 3)
betaln = _of_scipy("betaln", 2)
binom = _of_scipy("binom", 2)
dawsn = _of_scipy("dawsn")
erfcinv = _of_scipy("erfcinv")
erfcx = _of_scipy("erfcx")
erfi = _of_scipy("erfi")
erfinv = _of_scipy("erfinv")
exp1 = _of_scipy("exp1")
expi = _of_scipy("expi")
expn = _of_scipy("expn", 2)
gamma = _of_scipy("gamma")
gammainc = _of_scipy("gammainc", 2)
gammaincc = _of_scipy("gammaincc", 2)
gammainccinv = _of_scipy("gammainccinv", 2)
gammaincinv = _of_scipy("gammaincinv", 2)
gammaln = _of_scipy("gammaln")
hyp1f1 = _of_scipy("hyp1f1", 3)
i0 = _of_scipy("i0")
i0e = _of_scipy("i0e")
i1 = _of_scipy("i1")
i1e = _of_scipy("i1e")
iv = _of_scipy("iv", 2)
ive = _of_scipy("ive", 2)
j0 = _of_scipy("j0")
j1 = _of_scipy("j1")
jv = _of_scipy("jv", 2)
k0 = _of_scipy("k0")
k0e = _of_scipy("k0e")
k1 = _of_scipy("k1")
k1e = _of_scipy("k1e")
kn = _of_scipy("kn", 2)
kv = _of_scipy("kv", 2)
kve = _of_scipy("kve", 2)
log_ndtr = _of_scipy("log_ndtr")
ndtri = _of_scipy("ndtri")
poch = _of_scipy("poch", 2)
rgamma = _of_scipy("rgamma")
spence = _of_scipy("spence")
stdtr = _of_scipy("stdtr", 2)
y0 = _of_scipy("y0")
y1 = _of_scipy("y1")
yn = _of_scipy("yn", 2)
yv = _of_scipy("yv", 2)
