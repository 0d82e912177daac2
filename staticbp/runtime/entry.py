"""The entry of a compiled function: from CPython's calling convention to Numba's, written as LLVM code.

An entry is what CPython calls for ``f(a, b, …)``. It reads the arguments straight out of the Python objects,
releases the GIL, calls the function and returns its status as an int. Numba's own wrapper would allocate a
reference-counted record for every array; here an array is what `numba.carray` makes of a pointer: not owned.

Every array is compared with its `Spec` first (exact type, dimensions, element type, byte order, flags): a
mistake in a layer above is then a TypeError and no damaged memory. Whether arrays overlap is not looked at.

::

    obj = args[i]
    if type(obj) is not ndarray or obj.ndim != n or …: raise TypeError
    thread = PyEval_SaveThread()
    code = f(&status, &exception, data, shape, strides, …)
    PyEval_RestoreThread(thread)
    if code: raise RuntimeError
    return PyLong_FromLongLong(status)
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np.arrayobj import populate_array

from staticbp.runtime.spec import Spec
from staticbp.runtime.symbols import NDARRAY_TYPE

# Where CPython and NumPy keep the fields of an object (their structs are part of their binary interfaces).
HEAD = object.__basicsize__
TYPE = HEAD - 8
DATA, NDIM, SHAPE, DESCR, FLAGS = HEAD, HEAD + 8, HEAD + 16, HEAD + 40, HEAD + 48
DESCR_TRAITS, DESCR_ITEMSIZE = (
    HEAD + 8,
    HEAD + 24,
)  # of a dtype; traits: kind, type character, byte order, flags

KIND_AND_BYTE_ORDER = 0x00FF00FF
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x001, 0x100, 0x400

I8, I32, I64, DOUBLE = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()
POINTER = I8.as_pointer()

PYTHON_FUNCTIONS: dict[str, ir.FunctionType] = {
    "PyErr_SetString": ir.FunctionType(ir.VoidType(), [POINTER, POINTER]),
    "PyErr_Occurred": ir.FunctionType(POINTER, []),
    "PyEval_SaveThread": ir.FunctionType(POINTER, []),
    "PyEval_RestoreThread": ir.FunctionType(ir.VoidType(), [POINTER]),
    "PyFloat_AsDouble": ir.FunctionType(DOUBLE, [POINTER]),
    "PyLong_AsLongLong": ir.FunctionType(I64, [POINTER]),
    "PyLong_AsUnsignedLongLongMask": ir.FunctionType(I64, [POINTER]),
    "PyLong_FromLongLong": ir.FunctionType(POINTER, [I64]),
    "PyObject_IsTrue": ir.FunctionType(I32, [POINTER]),
    "PyObject_GetAttrString": ir.FunctionType(POINTER, [POINTER, POINTER]),
    "Py_DecRef": ir.FunctionType(ir.VoidType(), [POINTER]),
}


def numba_type(spec: Spec) -> Any:
    """The type that Numba compiles the argument as.

    Examples
    --------
    >>> numba_type(Spec(np.float32, 2, array=True))
    Array(float32, 2, 'C', False, aligned=True)
    """
    scalar = getattr(types, "boolean" if spec.dtype == np.bool_ else spec.dtype.name)
    return types.Array(scalar, spec.ndim, "C", readonly=spec.readonly, aligned=True) if spec.array else scalar


def entry_symbol(name: str) -> str:
    """The symbol of the entry of a function; the dot keeps it apart from every function of C."""
    return f"entry.{name}"


def layout_is_known() -> bool:
    """Whether NumPy's structs look as this module supposes."""

    def read(address: int, kind: Any) -> int:
        value: int = kind.from_address(address).value
        return value

    sample = np.empty((3, 5), np.float32)
    start = id(sample)
    descr = read(start + DESCR, ctypes.c_void_p)
    known: bool = (
        ctypes.sizeof(ctypes.c_void_p) == 8
        and read(start + TYPE, ctypes.c_void_p) == id(np.ndarray)
        and read(start + DATA, ctypes.c_void_p) == sample.ctypes.data
        and read(start + NDIM, ctypes.c_int) == 2
        and read(read(start + SHAPE, ctypes.c_void_p) + 8, ctypes.c_int64) == 5
        and descr == id(sample.dtype)
        and read(start + FLAGS, ctypes.c_int) == sample.flags.num
        and read(descr + DESCR_TRAITS, ctypes.c_uint32) & KIND_AND_BYTE_ORDER == _traits(sample.dtype)
        and read(descr + DESCR_ITEMSIZE, ctypes.c_int64) == 4
    )
    return known


def _traits(dtype: np.dtype[Any]) -> int:
    return ord(dtype.kind) | ord(dtype.byteorder) << 16


def write_entry(context: Any, function: Any, name: str, specs: Sequence[Spec], *, release_gil: bool) -> str:
    """The LLVM module, as text, that defines the entry of one compiled function.

    Parameters
    ----------
    context : CPUContext
        Numba's target context.
    function : FunctionDescriptor
        Numba's description of the compiled function.
    name : str
        The name that errors call it by.
    specs : sequence of Spec
        Its arguments.
    release_gil : bool
        Whether other threads may run meanwhile.
    """
    module = context.create_module(entry_symbol(name))
    callee_type = context.call_conv.get_function_type(function.restype, function.argtypes)
    callee = ir.Function(module, callee_type, function.llvm_func_name)
    entry_type = ir.FunctionType(POINTER, [POINTER, POINTER.as_pointer(), I64])
    writer = _Writer(context, ir.Function(module, entry_type, entry_symbol(name)), name)
    writer.write(callee, function, specs, release_gil)
    return cgutils.normalize_ir_text(str(module))


class _Writer:
    """Writes one entry."""

    def __init__(self, context: Any, entry: ir.Function, name: str) -> None:
        self.context = context
        self.entry = entry
        self.name = name
        self.builder = ir.IRBuilder(entry.append_basic_block("entry"))

    def write(self, callee: ir.Function, function: Any, specs: Sequence[Spec], release_gil: bool) -> None:
        builder = self.builder
        _, args, count = self.entry.args
        plural = "" if len(specs) == 1 else "s"
        self.refuse_if(
            builder.icmp_signed("!=", count, I64(len(specs))),
            "PyExc_TypeError",
            f"{self.name}() takes {len(specs)} argument{plural}",
        )
        values = []
        for i, spec in enumerate(specs):
            item = builder.load(builder.gep(args, [I64(i)]), name=f"arg{i}")
            what = f"{self.name}(): argument {i + 1} has to be a {spec}"
            values.append(self.array(item, spec, what) if spec.array else self.scalar(item, spec))
        if release_gil:
            thread = self.call("PyEval_SaveThread")
        status, result = self.context.call_conv.call_function(
            builder, callee, function.restype, function.argtypes, values
        )
        if release_gil:
            self.call("PyEval_RestoreThread", thread)
        self.refuse_if(status.is_error, "PyExc_RuntimeError", f"{self.name}() raised an exception inside")
        builder.ret(self.call("PyLong_FromLongLong", builder.sext(result, I64)))

    def array(self, item: ir.Value, spec: Spec, what: str) -> ir.Value:
        """The array as Numba's code takes it, once everything about it is as specified."""
        builder = self.builder
        wanted_flags = C_CONTIGUOUS | ALIGNED | (0 if spec.readonly else WRITEABLE)
        ndarray = self.external(NDARRAY_TYPE, I8)
        self.refuse_if(builder.icmp_unsigned("!=", self.field(item, TYPE, POINTER), ndarray), "PyExc_TypeError", what)
        descr = self.field(item, DESCR, POINTER)
        traits = builder.and_(self.field(descr, DESCR_TRAITS, I32), I32(KIND_AND_BYTE_ORDER))
        flags = builder.and_(self.field(item, FLAGS, I32), I32(wanted_flags))
        differs = [
            builder.icmp_signed("!=", self.field(item, NDIM, I32), I32(spec.ndim)),
            builder.icmp_signed("!=", flags, I32(wanted_flags)),
            builder.icmp_signed("!=", traits, I32(_traits(spec.dtype))),
            builder.icmp_signed("!=", self.field(descr, DESCR_ITEMSIZE, I64), I64(spec.dtype.itemsize)),
        ]
        wrong = differs[0]
        for other in differs[1:]:
            wrong = builder.or_(wrong, other)
        self.refuse_if(wrong, "PyExc_TypeError", what)

        array = cgutils.create_struct_proxy(numba_type(spec))(self.context, builder)
        data = builder.bitcast(self.field(item, DATA, POINTER), array.data.type)
        extents = self.field(item, SHAPE, I64.as_pointer()) if spec.ndim else None
        shape = [builder.load(builder.gep(extents, [I64(axis)])) for axis in range(spec.ndim)]
        strides: list[ir.Value] = []
        stride: ir.Value = I64(spec.dtype.itemsize)
        for extent in reversed(shape):
            strides.insert(0, stride)
            stride = builder.mul(stride, extent)
        populate_array(array, data, shape, strides, spec.dtype.itemsize, meminfo=None)
        return array._getvalue()

    def scalar(self, item: ir.Value, spec: Spec) -> ir.Value:
        builder = self.builder
        kind, wanted = spec.dtype.kind, self.context.get_value_type(numba_type(spec))
        if kind == "c":
            number = cgutils.create_struct_proxy(numba_type(spec))(self.context, builder)
            for part in ("real", "imag"):
                attribute = self.call("PyObject_GetAttrString", item, self.text(part))
                self.fail_if(builder.icmp_unsigned("==", attribute, POINTER(None)))
                value = self.number("PyFloat_AsDouble", attribute)
                self.call("Py_DecRef", attribute)
                setattr(number, part, self.narrowed(value, getattr(number, part).type))
            return number._getvalue()
        if kind == "b":
            truth = self.call("PyObject_IsTrue", item)
            self.fail_if(builder.icmp_signed("<", truth, I32(0)))
            return builder.icmp_signed("!=", truth, I32(0))
        convert = {"f": "PyFloat_AsDouble", "i": "PyLong_AsLongLong", "u": "PyLong_AsUnsignedLongLongMask"}[kind]
        return self.narrowed(self.number(convert, item), wanted)

    def number(self, convert: str, item: ir.Value) -> ir.Value:
        """The object as a C number; -1 may be that number or stand for an exception."""
        builder = self.builder
        value = self.call(convert, item)
        if value.type == DOUBLE:
            suspicious = builder.fcmp_ordered("==", value, DOUBLE(-1.0))
        else:
            suspicious = builder.icmp_signed("==", value, I64(-1))
        with builder.if_then(suspicious, likely=False):
            occurred = self.call("PyErr_Occurred")
            self.fail_if(builder.icmp_unsigned("!=", occurred, POINTER(None)))
        return value

    def narrowed(self, value: ir.Value, wanted: ir.Type) -> ir.Value:
        if value.type == wanted:
            return value
        return self.builder.fptrunc(value, wanted) if value.type == DOUBLE else self.builder.trunc(value, wanted)

    def field(self, base: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
        builder = self.builder
        return builder.load(builder.bitcast(builder.gep(base, [I64(offset)]), kind.as_pointer()))

    def call(self, name: str, *args: ir.Value) -> ir.Value:
        function = cgutils.get_or_insert_function(self.entry.module, PYTHON_FUNCTIONS[name], name)
        return self.builder.call(function, args)

    def external(self, name: str, kind: ir.Type) -> ir.GlobalVariable:
        found = self.entry.module.globals.get(name)
        return found or ir.GlobalVariable(self.entry.module, kind, name)

    def text(self, content: str) -> ir.Value:
        return self.context.insert_const_string(self.entry.module, content)

    def fail_if(self, condition: ir.Value) -> None:
        """Return NULL: an exception is set."""
        with self.builder.if_then(condition, likely=False):
            self.builder.ret(POINTER(None))

    def refuse_if(self, condition: ir.Value, exception: str, message: str) -> None:
        with self.builder.if_then(condition, likely=False):
            kind = self.builder.load(self.external(exception, POINTER))
            self.call("PyErr_SetString", kind, self.text(message))
            self.builder.ret(POINTER(None))
