"""What `fft` is when compiled: butterflies for the sizes that have them, NumPy's loops for all others.

As many transforms are done at once as a vector has lanes, wherever their elements lie. A large size is taken as a
matrix of two sizes: transforms down its columns, factors, transforms along its rows (Bailey, "FFTs in external or
hierarchical memory", 1990); then one transform alone fills the lanes, and all cores. Real numbers are taken in pairs,
as the complex numbers of a transform of half the size. Imported only to compile.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable

from staticbp.runtime.intrinsics import butterflies, pocketfft, sharing
from staticbp.runtime.intrinsics import vectors as v
from staticbp.runtime.intrinsics.butterflies import Pair, factors
from staticbp.runtime.intrinsics.lapack import product
from staticbp.runtime.intrinsics.vectors import SIZE, Value

# Sizes up to which a transform is done as it is even if it is alone, and up to which several are: what lies between
# passes, of as many transforms as there are lanes, stays in the nearest caches.
ALONE = 512
DIRECT = 2048
LONGEST = 1024  # of the two that a larger one is made of

GRAIN = 10_000  # elements times the logarithm of the size of transforms that a thread is given at least: some 10 µs

_POINTER = ir.IntType(8).as_pointer()


@cache
def halves(n: int) -> tuple[int, int] | None:
    """The two sizes that a large one is made of, as nearly equal as can be; None where there are none.

    Examples
    --------
    >>> halves(1000), halves(2**17), halves(521)
    ((25, 40), (256, 512), None)
    """
    for rows in range(math.isqrt(n), 1, -1):
        if n % rows == 0 and factors(rows) and factors(n // rows):
            return (rows, n // rows) if n // rows <= LONGEST else None
    return None


def is_ours(n: int) -> bool:
    """Whether complex transforms of a size are done by butterflies.

    Examples
    --------
    >>> [is_ours(n) for n in (1, 17, 100, 1000, 1009, 2**20, 2**21)]
    [False, False, True, True, False, True, False]
    """
    return bool(factors(n)) and (n <= DIRECT or halves(n) is not None)


# ---- elements ----------------------------------------------------------------------------------------------


def _gathered(builder: Value, places: Sequence[Value]) -> Pair:
    """The complex numbers at some places, one for each lane."""
    whole = [v.read(builder, place, 2) for place in places]
    while len(whole) > 1:
        size = 2 * whole[0].type.count
        mask = ir.Constant(ir.VectorType(v.LANE, size), list(range(size)))
        whole = [builder.shuffle_vector(a, b, mask) for a, b in zip(whole[::2], whole[1::2], strict=True)]
    empty = ir.Constant(whole[0].type, ir.Undefined)
    masks = [ir.Constant(ir.VectorType(v.LANE, len(places)), list(range(part, 2 * len(places), 2))) for part in (0, 1)]
    real, imag = (builder.shuffle_vector(whole[0], empty, mask) for mask in masks)
    return real, imag


def _scattered(builder: Value, pair: Pair, places: Sequence[Value]) -> None:
    """The inverse of `_gathered`; where two lanes have one place, they have one value."""
    for lane, place in enumerate(places):
        mask = ir.Constant(ir.VectorType(v.LANE, 2), [lane, len(places) + lane])
        v.write(builder, builder.shuffle_vector(*pair, mask), place)


@dataclass(frozen=True, slots=True)
class _Vectors:
    """Transforms that lie apart: where each lane's begins, and how far apart its elements are."""

    builder: Value
    starts: Sequence[Value]
    step: Value  # in complex numbers, or in pairs of real ones

    def places(self, index: Value) -> list[Value]:
        """Where the elements of an index lie."""
        offset = self.builder.mul(index, self.builder.mul(self.step, SIZE(2)))
        return [self.builder.gep(start, [offset], inbounds=True) for start in self.starts]

    def read(self, index: Value) -> Pair:
        """The elements of an index."""
        return _gathered(self.builder, self.places(index))

    def write(self, index: Value, pair: Pair) -> None:
        """Store the elements of an index."""
        _scattered(self.builder, pair, self.places(index))


def _lanes(builder: Value, unit: Value, count: Value, lanes: int) -> list[Value]:
    """The numbers of the transforms of a unit; past the last one, the last one again."""
    last = builder.sub(count, SIZE(1))
    first = builder.mul(unit, SIZE(lanes))
    return [v.smaller(builder, builder.add(first, SIZE(lane)), last) for lane in range(lanes)]


def _offset(builder: Value, number: Value, inner: Value, size: int) -> Value:
    """Where a transform begins, of elements that are `inner` apart and of `size` to a transform."""
    row = builder.udiv(number, inner)
    column = builder.sub(number, builder.mul(row, inner))
    return builder.add(builder.mul(builder.mul(row, SIZE(size)), inner), column)


def _complex_at(builder: Value, data: Value, offset: Value) -> Value:
    return v.at(builder, data, (offset, SIZE(2)))


class _Powers:
    """``exp(-2 pi i e / n)`` for any e below n, as a product of two constants."""

    def __init__(self, builder: Value, n: int, element: ir.Type) -> None:
        self.builder, self.bits = builder, (n - 1).bit_length() // 2
        fine = 1 << self.bits
        roots = butterflies.root
        self.fine = butterflies.table(builder, f"fine_{n}", element, [roots(e, n) for e in range(fine)])
        self.coarse = butterflies.table(builder, f"coarse_{n}", element, [roots(e, n) for e in range(0, n, fine)])

    def get(self, exponents: Sequence[Value]) -> Pair:
        """One for each lane."""
        b = self.builder
        high = [_complex_at(b, self.coarse, b.lshr(e, SIZE(self.bits))) for e in exponents]
        low = [_complex_at(b, self.fine, b.and_(e, SIZE((1 << self.bits) - 1))) for e in exponents]
        return butterflies.multiply(b, _gathered(b, high), _gathered(b, low))


# ---- complex transforms ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kernel:
    """Transforms of a size, a direction and a type."""

    n: int
    sign: int
    element: ir.Type

    @property
    def lanes(self) -> int:
        """Transforms at once."""
        return v.host_lanes(self.element)

    def name(self, what: str) -> str:
        """The name of a function that only hangs on these and on the width of vectors."""
        return f"staticbp_{self.title(what)}_{self.element}_{self.lanes}"

    def title(self, what: str) -> str:
        """What a function is, but for the type and the lanes."""
        return f"fft_{what}_{'inverse' if self.sign > 0 else 'forward'}_{self.n}"

    def grain(self, size: int) -> Value:
        """The number of units that a thread is given at least."""
        return SIZE(1 + int(GRAIN / (size * math.log2(self.n))))

    def write(self, builder: Value, read: butterflies.Read, write: butterflies.Write, n: int = 0) -> None:
        """The code of a transform."""
        butterflies.transform(builder, n or self.n, self.sign, self.lanes, self.element, read, write)

    def call(self, builder: Value, x: Value, out: Value, count: Value, inner: Value) -> None:
        """Transform `count` vectors, `inner` of which lie side by side."""
        v.call_shared(builder, self.title("complex"), self._all, (x, out, count, inner))

    def _all(self, builder: Value, x: Value, out: Value, count: Value, inner: Value) -> None:
        captured = (x, out, count, inner)

        def direct() -> None:
            units, grain = v.quotient(builder, count, self.lanes), self.grain(self.n * self.lanes)
            sharing.share(builder, units, grain, self.name("direct"), self._direct, captured)

        def in_two() -> None:
            sharing.share(builder, count, self.grain(self.n), self.name("large"), self._large, captured)

        self.choose(builder, count, direct, in_two)

    def choose(self, builder: Value, count: Value, direct: Callable[[], None], in_two: Callable[[], None]) -> None:
        """Write what does so many transforms, or both ways and the choice between them."""
        if self.n <= ALONE or not halves(self.n):
            direct()
        elif self.n > DIRECT:
            in_two()
        else:
            few = builder.icmp_signed("<", count, SIZE(self.lanes))
            with builder.if_else(few) as branches:
                for branch, write in zip(branches, (in_two, direct), strict=True):
                    with branch:
                        write()

    def _direct(self, b: Value, low: Value, high: Value, x: Value, out: Value, count: Value, inner: Value) -> None:
        with v.loop(b, low, high) as unit:
            offsets = [_offset(b, number, inner, self.n) for number in _lanes(b, unit, count, self.lanes)]
            source, target = (_Vectors(b, [_complex_at(b, data, o) for o in offsets], inner) for data in (x, out))
            self.write(b, source.read, target.write)

    def _large(self, b: Value, low: Value, high: Value, x: Value, out: Value, count: Value, inner: Value) -> None:
        with v.loop(b, low, high) as number:
            offset = _offset(b, number, inner, self.n)
            self.in_two(b, _complex_at(b, x, offset), _complex_at(b, out, offset), inner)

    def in_two(self, b: Value, x: Value, out: Value, step: Value) -> None:
        """One large transform; it may be in place."""
        rows, columns = halves(self.n) or (0, 0)
        size = SIZE(2 * self.n * v.width(self.element))
        memory = b.call(cgutils.get_or_insert_function(b.module, ir.FunctionType(_POINTER, [SIZE]), "malloc"), [size])
        between = b.bitcast(memory, x.type)
        for name, write, captured, number, length in (
            ("columns", self._columns, (x, between, step), columns, rows),
            ("rows", self._rows, (between, out, step), rows, columns),
        ):
            units = SIZE(-(-number // self.lanes))
            sharing.share(b, units, self.grain(length * self.lanes), self.name(name), write, captured)
        free = cgutils.get_or_insert_function(b.module, ir.FunctionType(ir.VoidType(), [_POINTER]), "free")
        b.call(free, [memory])

    def _columns(self, b: Value, low: Value, high: Value, x: Value, between: Value, step: Value) -> None:
        rows, columns = halves(self.n) or (0, 0)
        powers = _Powers(b, self.n, self.element)
        with v.loop(b, low, high) as unit:
            numbers = _lanes(b, unit, SIZE(columns), self.lanes)
            starts = [_complex_at(b, x, b.mul(number, step)) for number in numbers]
            source = _Vectors(b, starts, b.mul(step, SIZE(columns)))
            target = _Vectors(b, [_complex_at(b, between, number) for number in numbers], SIZE(columns))

            def write(index: Value, pair: Pair) -> None:
                factor = powers.get([b.mul(index, number) for number in numbers])
                target.write(index, butterflies.multiply(b, pair, factor, self.sign))

            self.write(b, source.read, write, rows)

    def _rows(self, b: Value, low: Value, high: Value, between: Value, out: Value, step: Value) -> None:
        rows, columns = halves(self.n) or (0, 0)
        with v.loop(b, low, high) as unit:
            numbers = _lanes(b, unit, SIZE(rows), self.lanes)
            starts = [_complex_at(b, between, b.mul(number, SIZE(columns))) for number in numbers]
            places = [_complex_at(b, out, b.mul(number, step)) for number in numbers]
            source, target = _Vectors(b, starts, SIZE(1)), _Vectors(b, places, b.mul(step, SIZE(rows)))
            self.write(b, source.read, target.write, columns)


# ---- real numbers ------------------------------------------------------------------------------------------


def _unpacked(b: Value, one: Pair, other: Pair, root: Pair) -> tuple[Pair, Pair]:
    """Elements k and ``m - k`` of the transform of ``2 m`` real numbers, from those of the one of their pairs."""
    half = ir.Constant(one[0].type, [0.5] * one[0].type.count if isinstance(one[0].type, ir.VectorType) else 0.5)
    mirror = other[0], b.fneg(other[1])
    even, odd = ([b.fmul(part, half) for part in f(b, one, mirror)] for f in (butterflies.add, butterflies.subtract))
    turned = butterflies.multiply(b, butterflies.turned(b, (odd[0], odd[1]), -1), root)
    above = butterflies.subtract(b, (even[0], even[1]), turned)
    return butterflies.add(b, (even[0], even[1]), turned), (above[0], b.fneg(above[1]))


def _packed(b: Value, one: Pair, other: Pair, root: Pair) -> tuple[Pair, Pair]:
    """The inverse of `_unpacked`, times two."""
    mirror = other[0], b.fneg(other[1])
    total, difference = butterflies.add(b, one, mirror), butterflies.subtract(b, one, mirror)
    turned = butterflies.turned(b, butterflies.multiply(b, difference, root, 1), 1)
    above = butterflies.subtract(b, total, turned)
    return butterflies.add(b, total, turned), (above[0], b.fneg(above[1]))


@dataclass(frozen=True, slots=True)
class _Real:
    """Transforms of an even number of real numbers to the first half of theirs, or back; each is a row."""

    kernel: _Kernel  # of the pairs

    @property
    def n(self) -> int:
        """The number of real numbers in a row."""
        return 2 * self.kernel.n

    def name(self, what: str) -> str:
        """The name of a function."""
        return self.kernel.name(f"real_{what}")

    def call(self, b: Value, x: Value, out: Value, count: Value) -> None:
        """Transform `count` rows."""
        v.call_shared(b, self.kernel.title("real"), self._all, (x, out, count))

    def _all(self, b: Value, x: Value, out: Value, count: Value) -> None:
        pairs, lanes = self.kernel.n, self.kernel.lanes

        def direct() -> None:
            units, grain = v.quotient(b, count, lanes), self.kernel.grain(pairs * lanes)
            sharing.share(b, units, grain, self.name("direct"), self._direct, (x, out, count))

        def in_two() -> None:
            sharing.share(b, count, self.kernel.grain(pairs), self.name("large"), self._large, (x, out, count))

        self.kernel.choose(b, count, direct, in_two)

    def _rows(self, b: Value, x: Value, out: Value, numbers: Sequence[Value]) -> tuple[_Vectors, _Vectors]:
        sizes = self.n, self.n + 2  # numbers in a row, complex ones counted twice
        of_x, of_out = sizes if self.kernel.sign < 0 else sizes[::-1]
        starts = ([v.at(b, data, (n, SIZE(size))) for n in numbers] for data, size in ((x, of_x), (out, of_out)))
        source, target = (_Vectors(b, places, SIZE(1)) for places in starts)
        return source, target

    def _direct(self, b: Value, low: Value, high: Value, x: Value, out: Value, count: Value) -> None:
        kernel, lanes = self.kernel, self.kernel.lanes
        memory = butterflies.Memory(b, kernel.element, lanes, kernel.n)
        numbers = range(kernel.n // 2 + 1)
        roots = butterflies.table(b, f"half_{self.n}", kernel.element, [butterflies.root(k, self.n) for k in numbers])
        with v.loop(b, low, high) as unit:
            source, target = self._rows(b, x, out, _lanes(b, unit, count, lanes))
            if kernel.sign < 0:
                kernel.write(b, source.read, memory.write)
            with v.loop(b, SIZE(0), SIZE(len(numbers))) as k:
                root = butterflies.spread_pair(b, _complex_at(b, roots, k), lanes)
                if kernel.sign < 0:
                    self._unpack(b, k, memory.read, target.write, root)
                else:
                    self._pack(b, k, source.read, memory.write, root)
            if kernel.sign > 0:
                kernel.write(b, memory.read, target.write)

    def _large(self, b: Value, low: Value, high: Value, x: Value, out: Value, count: Value) -> None:
        powers = _Powers(b, self.n, self.kernel.element)
        with v.loop(b, low, high) as number:
            (source,), (target,) = (vectors.starts for vectors in self._rows(b, x, out, [number]))
            if self.kernel.sign < 0:
                self.kernel.in_two(b, source, target, SIZE(1))
            with v.loop(b, SIZE(0), SIZE(self.kernel.n // 2 + 1)) as k:
                given = _Vectors(b, [target if self.kernel.sign < 0 else source], SIZE(1))
                made = _Vectors(b, [target], SIZE(1))
                step = self._unpack if self.kernel.sign < 0 else self._pack
                step(b, k, given.read, made.write, powers.get([k]))
            if self.kernel.sign > 0:
                self.kernel.in_two(b, target, target, SIZE(1))

    def _mirror(self, b: Value, k: Value) -> tuple[Value, Value]:
        """``m - k``; and that but 0 for 0."""
        mirror = b.sub(SIZE(self.kernel.n), k)
        return mirror, b.select(b.icmp_signed("==", k, SIZE(0)), SIZE(0), mirror)

    def _unpack(self, b: Value, k: Value, read: butterflies.Read, write: butterflies.Write, root: Pair) -> None:
        mirror, place = self._mirror(b, k)
        one, other = _unpacked(b, read(k), read(place), root)
        write(k, one)
        write(mirror, other)

    def _pack(self, b: Value, k: Value, read: butterflies.Read, write: butterflies.Write, root: Pair) -> None:
        mirror, place = self._mirror(b, k)
        is_end = b.icmp_signed("==", k, SIZE(0))  # of what stands for real numbers the imaginary parts are not read
        ends = []
        for real, imag in (read(k), read(mirror)):
            ends.append((real, b.select(is_end, ir.Constant(imag.type, None), imag)))
        one, other = _packed(b, ends[0], ends[1], root)
        write(k, one)
        write(place, other)


# ---- declarations ------------------------------------------------------------------------------------------

_PARTS = {types.complex64: types.float32, types.complex128: types.float64}


def _lower(name: str, context: Any, builder: Any, signature: Any, args: Any) -> Value:
    """The call of a kernel; sizes that NumPy transforms go to its loops."""
    kinds, n = signature.args, signature.args[2].literal_value
    sign = 1 if name in ("ifft", "irfft") else -1
    x, out = (context.make_array(kind)(context, builder, arg) for kind, arg in zip(kinds[:2], args[:2], strict=True))
    shape = cgutils.unpack_tuple(builder, x.shape, kinds[0].ndim)
    axis = kinds[3].literal_value % kinds[0].ndim if len(kinds) > 3 else kinds[0].ndim - 1
    outer, inner = product(builder, shape[:axis]), product(builder, shape[axis + 1 :])
    element = context.get_value_type(_PARTS.get(kinds[0].dtype, kinds[0].dtype))
    source, target = (builder.bitcast(array.data, element.as_pointer()) for array in (x, out))
    is_real = name in ("rfft", "irfft")
    size = n // 2 if is_real else n
    if not is_ours(size) or (is_real and n % 2):
        pocketfft.call(context, builder, name, kinds, (x.data, out.data), n, (outer, inner))
    elif is_real:
        _Real(_Kernel(size, sign, element)).call(builder, source, target, outer)
    else:
        _Kernel(n, sign, element).call(builder, source, target, builder.mul(outer, inner), inner)
    return context.get_dummy_value()


def register(kernels: Mapping[str, Any]) -> None:
    """Tell Numba what the functions of `fft` are when compiled."""
    is_real, is_complex = {types.float32, types.float64}, set(_PARTS)
    for name, taken, given in (
        ("fft", is_complex, is_complex),
        ("ifft", is_complex, is_complex),
        ("rfft", is_real, is_complex),
        ("irfft", is_complex, is_real),
    ):
        _declare(name, kernels[name], taken, given)


def _declare(name: str, function: Callable[..., None], taken: set[Any], given: set[Any]) -> None:
    def typer(x: Any, out: Any, n: Any, axis: Any = None) -> Any:
        for kind, dtypes in ((x, taken), (out, given)):
            if not isinstance(kind, types.Array) or kind.layout != "C" or not kind.ndim or kind.dtype not in dtypes:
                return None
        sizes = (n,) if axis is None else (n, axis)
        return types.void(x, out, *sizes) if all(isinstance(s, types.IntegerLiteral) for s in sizes) else None

    typer.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # by which Numba binds arguments
    type_callable(function)(lambda context: typer)
    for count in (1, 2):
        lower_builtin(function, types.Array, types.Array, *(types.IntegerLiteral,) * count)(partial(_lower, name))
