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

The entry of a function that is called by a `Frame` compares shapes too, and gives MISFIT where the other raises; it
has a tuple made before the call, of fresh arrays for the function to fill and NumPy's scalars for those without axes.
`frame.py` says the same in Python.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np.arrayobj import populate_array

from staticbp.runtime.compiler.extents import extent_of, misfit
from staticbp.runtime.frame import MISFIT
from staticbp.runtime.spec import WORK, Convention, Frame, Spec, parameters_of
from staticbp.runtime.symbols import NDARRAY_TYPE, NUMPY_FUNCTIONS, address

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
    "PyTuple_New": ir.FunctionType(POINTER, [I64]),
    "PyTuple_SetItem": ir.FunctionType(I32, [POINTER, I64, POINTER]),
    "staticbp.PyArray_DescrFromType": ir.FunctionType(POINTER, [I32]),
    "staticbp.PyArray_Scalar": ir.FunctionType(POINTER, [POINTER, POINTER, POINTER]),
    "staticbp.PyArray_Empty": ir.FunctionType(POINTER, [I32, I64.as_pointer(), POINTER, I32]),
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
        and _table_is_known()
    )
    return known


def _table_is_known() -> bool:
    where = {name.removeprefix("staticbp."): address(name) or 0 for name in NUMPY_FUNCTIONS}
    descr = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_int)(where["PyArray_DescrFromType"])
    return bool(descr(np.dtype(np.float32).num) is np.dtype(np.float32))


def _traits(dtype: np.dtype[Any]) -> int:
    return ord(dtype.kind) | ord(dtype.byteorder) << 16


def write_entry(context: Any, function: Any, name: str, convention: Convention, *, release_gil: bool) -> str:
    """The LLVM module, as text, that defines the entry of one compiled function.

    Parameters
    ----------
    context : CPUContext
        Numba's target context.
    function : FunctionDescriptor
        Numba's description of the compiled function.
    name : str
        The name that errors call it by.
    convention : sequence of Spec, or Frame
        How it is called.
    release_gil : bool
        Whether other threads may run meanwhile.
    """
    module = context.create_module(entry_symbol(name))
    callee_type = context.call_conv.get_function_type(function.restype, function.argtypes)
    callee = ir.Function(module, callee_type, function.llvm_func_name)
    entry_type = ir.FunctionType(POINTER, [POINTER, POINTER.as_pointer(), I64])
    entry = ir.Function(module, entry_type, entry_symbol(name))
    if isinstance(convention, Frame):
        _FrameWriter(context, entry, name, callee, function, release_gil).write(convention)
    else:
        _Writer(context, entry, name, callee, function, release_gil).write(convention)
    return cgutils.normalize_ir_text(str(module))


class _Writer:
    """Writes one entry."""

    def __init__(
        self, context: Any, entry: ir.Function, name: str, callee: ir.Function, function: Any, release_gil: bool
    ) -> None:
        self.context = context
        self.entry = entry
        self.name = name
        self.callee = callee
        self.function = function
        self.release_gil = release_gil
        self.builder = ir.IRBuilder(entry.append_basic_block("entry"))
        self.sizes: dict[str, ir.Value] = {}  # what symbols stand for, once an argument that has them was checked

    def write(self, specs: Convention) -> None:
        """The entry of a function that is given all its parameters, and whose status is the result."""
        specs = parameters_of(specs)
        self.count(len(specs))
        values = [self.argument(i, spec) for i, spec in enumerate(specs)]
        self.builder.ret(self.call("PyLong_FromLongLong", self.run(values)))

    def count(self, wanted: int) -> None:
        """Refuse another number of arguments."""
        _, _, count = self.entry.args
        self.refuse_if(
            self.builder.icmp_signed("!=", count, I64(wanted)),
            "PyExc_TypeError",
            f"{self.name}() takes {wanted} argument{'' if wanted == 1 else 's'}",
        )

    def item(self, position: int) -> ir.Value:
        """An argument as an object."""
        _, args, _ = self.entry.args
        return self.builder.load(self.builder.gep(args, [I64(position)]), name=f"arg{position}")

    def argument(self, position: int, spec: Spec) -> ir.Value:
        """An argument as Numba's code takes it."""
        item = self.item(position)
        if not spec.array:
            return self.scalar(item, spec)
        what = f"{self.name}(): argument {position + 1} has to be a {spec}"
        for wrong in self.faults(item, spec):
            self.refuse_if(wrong, "PyExc_TypeError", what)
        return self.array(item, spec)

    def run(self, values: Sequence[ir.Value]) -> ir.Value:
        """Call the function; its status."""
        builder = self.builder
        thread = self.call("PyEval_SaveThread") if self.release_gil else None
        status, result = self.context.call_conv.call_function(
            builder, self.callee, self.function.restype, self.function.argtypes, values
        )
        if thread is not None:
            self.call("PyEval_RestoreThread", thread)
        self.refuse_if(status.is_error, "PyExc_RuntimeError", f"{self.name}() raised an exception inside")
        return builder.sext(result, I64)

    def faults(self, item: ir.Value, spec: Spec) -> Iterator[ir.Value]:
        """Whether the object is no array as specified: each condition may rely on those before it."""
        builder = self.builder
        wanted_flags = C_CONTIGUOUS | ALIGNED | (0 if spec.readonly else WRITEABLE)
        ndarray = self.external(NDARRAY_TYPE, I8)
        yield builder.icmp_unsigned("!=", self.field(item, TYPE, POINTER), ndarray)
        descr = self.field(item, DESCR, POINTER)
        traits = builder.and_(self.field(descr, DESCR_TRAITS, I32), I32(KIND_AND_BYTE_ORDER))
        flags = builder.and_(self.field(item, FLAGS, I32), I32(wanted_flags))
        yield self.any_of(
            [
                builder.icmp_signed("!=", self.field(item, NDIM, I32), I32(spec.ndim)),
                builder.icmp_signed("!=", flags, I32(wanted_flags)),
                builder.icmp_signed("!=", traits, I32(_traits(spec.dtype))),
                builder.icmp_signed("!=", self.field(descr, DESCR_ITEMSIZE, I64), I64(spec.dtype.itemsize)),
            ]
        )
        if spec.shape:
            extents = zip(self.extents(item, spec), spec.shape, strict=True)
            yield self.any_of([misfit(builder, found, wanted, self.sizes) for found, wanted in extents])

    def any_of(self, conditions: Sequence[ir.Value]) -> ir.Value:
        """Whether one of the conditions holds."""
        return functools.reduce(self.builder.or_, conditions)

    def extents(self, item: ir.Value, spec: Spec) -> list[ir.Value]:
        """The shape of an array."""
        builder = self.builder
        extents = self.field(item, SHAPE, I64.as_pointer()) if spec.ndim else None
        return [builder.load(builder.gep(extents, [I64(axis)])) for axis in range(spec.ndim)]

    def array(self, item: ir.Value, spec: Spec) -> ir.Value:
        """The array as Numba's code takes it, of an object that is as specified."""
        shape = self.extents(item, spec) if spec.shape is None else self.shape(spec)
        return self.array_at(self.field(item, DATA, POINTER), shape, spec)

    def shape(self, spec: Spec) -> list[ir.Value]:
        """The extents that are specified."""
        return [extent_of(self.builder, dim, self.sizes) for dim in spec.shape or ()]

    def array_at(self, data: ir.Value, shape: Sequence[ir.Value], spec: Spec) -> ir.Value:
        """The array in memory at `data`."""
        array = cgutils.create_struct_proxy(numba_type(spec))(self.context, self.builder)
        strides: list[ir.Value] = []
        stride: ir.Value = I64(spec.dtype.itemsize)
        for extent in reversed(shape):
            strides.insert(0, stride)
            stride = self.builder.mul(stride, extent)
        data = self.builder.bitcast(data, array.data.type)
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


class _FrameWriter(_Writer):
    """Writes the entry of a function that is called by a frame."""

    def write(self, frame: Convention) -> None:
        """The entry that makes results and memory, and returns the results or a status."""
        assert isinstance(frame, Frame)
        lent = [spec for spec, is_lent in zip(frame.results, frame.lent, strict=True) if is_lent]
        made = [spec for spec, is_lent in zip(frame.results, frame.lent, strict=True) if not is_lent]
        given = [*frame.arguments, *lent, *((WORK,) if frame.takes_work else ())]
        self.count(len(given))
        values = [self.argument(i, spec) for i, spec in enumerate(given)]
        self.keep_apart(frame)
        results = self.call("PyTuple_New", I64(len(made)))
        self.fail_if(self.builder.icmp_unsigned("==", results, POINTER(None)))
        scalars = {i: self.reserve(spec.dtype.itemsize, f"result{i}") for i, spec in enumerate(made) if not spec.ndim}
        fresh = iter(
            self.array_at(scalars[i], [], spec) if i in scalars else self.fresh(results, i, spec)
            for i, spec in enumerate(made)
        )
        count = len(frame.arguments)
        borrowed = iter(values[count : count + len(lent)])
        work = values[count + len(lent) :]
        if isinstance(frame.workspace, int) and frame.workspace and not frame.takes_work:
            work = [self.array_at(self.reserve(frame.workspace, "work"), [I64(frame.workspace)], WORK)]
        values[count:] = [*(next(borrowed) if is_lent else next(fresh) for is_lent in frame.lent), *work]
        status = self.run(values)
        with self.builder.if_then(self.builder.icmp_signed("!=", status, I64(0)), likely=False):
            self.call("Py_DecRef", results)
            self.builder.ret(self.call("PyLong_FromLongLong", status))
        for i, memory in scalars.items():
            descr = self.descr(made[i])
            self.put(results, i, self.call("staticbp.PyArray_Scalar", memory, descr, POINTER(None)), after=descr)
        self.builder.ret(results)

    def argument(self, position: int, spec: Spec) -> ir.Value:
        """An argument as Numba's code takes it; the entry is left when it does not fit."""
        item = self.item(position)
        if not spec.array:
            return self.scalar(item, spec)
        for wrong in self.faults(item, spec):
            self.misfit_if(wrong)
        return self.array(item, spec)

    def keep_apart(self, frame: Frame) -> None:
        """Leave the entry when an array that is written to lies where another one does."""
        builder = self.builder
        bounds: dict[int, tuple[ir.Value, ir.Value]] = {}
        for i, spec in enumerate(frame.arguments if frame.updated else ()):
            if spec.array:
                start = builder.ptrtoint(self.field(self.item(i), DATA, POINTER), I64)
                count = functools.reduce(builder.mul, self.shape(spec), I64(spec.dtype.itemsize))
                bounds[i] = start, builder.add(start, count)
        overlaps = [
            builder.and_(
                builder.icmp_unsigned("<", bounds[i][0], bounds[j][1]),
                builder.icmp_unsigned("<", bounds[j][0], bounds[i][1]),
            )
            for i in frame.updated
            for j in bounds
            if i != j and not (j in frame.updated and j < i)
        ]
        if overlaps:
            self.misfit_if(self.any_of(overlaps))

    def fresh(self, results: ir.Value, position: int, spec: Spec) -> ir.Value:
        """A new array among the results."""
        where = self.stored(self.shape(spec), f"shape{position}")
        array = self.call("staticbp.PyArray_Empty", I32(spec.ndim), where, self.descr(spec), I32(0))
        self.put(results, position, array)
        return self.array(array, spec)

    def stored(self, values: Sequence[ir.Value], name: str) -> ir.Value:
        """Numbers in memory: that of the module where they are known now."""
        if all(isinstance(value, ir.Constant) for value in values):
            kind = ir.ArrayType(I64, len(values))
            known = ir.GlobalVariable(self.entry.module, kind, name)
            known.initializer, known.linkage, known.global_constant = kind(list(values)), "internal", True
            return self.builder.bitcast(known, I64.as_pointer())
        memory = self.builder.bitcast(self.reserve(8 * len(values), name), I64.as_pointer())
        for position, value in enumerate(values):
            self.builder.store(value, self.builder.gep(memory, [I64(position)]))
        return memory

    def put(self, results: ir.Value, position: int, value: ir.Value, after: ir.Value | None = None) -> None:
        """Have `value` among the results, which are given up if there is none; be done with the object `after`."""
        if after is not None:
            self.call("Py_DecRef", after)
        with self.builder.if_then(self.builder.icmp_unsigned("==", value, POINTER(None)), likely=False):
            self.call("Py_DecRef", results)
            self.builder.ret(POINTER(None))
        self.call("PyTuple_SetItem", results, I64(position), value)

    def descr(self, spec: Spec) -> ir.Value:
        """A reference to the dtype."""
        return self.call("staticbp.PyArray_DescrFromType", I32(spec.dtype.num))

    def reserve(self, nbytes: int, name: str) -> ir.Value:
        """Memory on the stack, aligned like an arena."""
        with self.builder.goto_entry_block():
            memory = self.builder.alloca(ir.ArrayType(I8, nbytes), name=name)
            memory.align = 64
        return self.builder.bitcast(memory, POINTER)

    def misfit_if(self, condition: ir.Value) -> None:
        """Leave the entry: an argument is not as specified."""
        with self.builder.if_then(condition, likely=False):
            self.builder.ret(self.call("PyLong_FromLongLong", I64(MISFIT)))
