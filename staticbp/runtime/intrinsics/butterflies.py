"""Fourier transforms written out for the vectors of the processor: the passes, one for each factor of the size.

The lanes of a vector belong to transforms of their own, so an element of several transforms is a pair of vectors,
of real and of imaginary parts, and nothing is ever moved between lanes. The passes are those of Stockham's
algorithm, which leave the result in order (as in Swarztrauber, "Vectorizing the FFTs", 1982): after the factors
``f1, ..., fk`` there are ``l = f1...fk`` times as many transforms of ``n / l`` elements.

A factor of four is a butterfly without multiplications, one of two as well; an odd one takes the symmetry of cosine
and sine: ``y[m], y[r - m] = a -+ i b`` with ``a = x[0] + sum((x[j] + x[r - j]) cos(2 pi j m / r))`` and ``b`` alike of
differences and sines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

from llvmlite import ir

from staticbp.runtime.intrinsics import vectors as v
from staticbp.runtime.intrinsics.vectors import SIZE, Value

Pair = tuple[Value, Value]  # real and imaginary parts
Read = Callable[[Value], Pair]
Write = Callable[[Value, Pair], None]

RADIXES = (4, 2, 3, 5, 7, 11, 13)


@cache
def factors(n: int) -> tuple[int, ...]:
    """The factors of a size, one for each pass; none where it has others than there are butterflies for.

    Examples
    --------
    >>> factors(96), factors(13), factors(34)
    ((4, 4, 2, 3), (13,), ())
    """
    found = []
    for radix in RADIXES:
        while n % radix == 0:
            found.append(radix)
            n //= radix
    return tuple(found) if n == 1 else ()


def root(k: int, n: int) -> tuple[float, float]:
    """Cosine and sine of ``-2 pi k / n``, from an angle of an eighth of the circle at most, and so to the last bit.

    Examples
    --------
    >>> root(1, 4), root(2, 4), root(3, 4)
    ((0.0, -1.0), (-1.0, 0.0), (0.0, 1.0))
    """
    k %= n
    if 2 * k > n:
        c, s = root(n - k, n)
        return c, 0.0 - s
    if 4 * k > n:
        c, s = root(n - 2 * k, 2 * n)  # half a circle less, of twice as fine steps
        return 0.0 - c, s
    if 8 * k > n:
        c, s = root(n - 4 * k, 4 * n)
        return 0.0 - s, 0.0 - c
    return math.cos(2 * math.pi * k / n), 0.0 - math.sin(2 * math.pi * k / n)


def table(builder: Value, name: str, element: ir.Type, numbers: Sequence[tuple[float, float]]) -> Value:
    """Complex constants in the module, of which a pointer to the first part is given."""
    module = builder.module
    full_name = f"staticbp_fft_{name}_{element}"
    made = module.globals.get(full_name)
    if made is None:
        kind = ir.ArrayType(element, 2 * len(numbers))
        made = ir.GlobalVariable(module, kind, full_name)
        made.initializer = ir.Constant(kind, [ir.Constant(element, part) for number in numbers for part in number])
        made.global_constant, made.linkage, made.align = True, "linkonce_odr", 64
    return builder.gep(made, [SIZE(0), SIZE(0)], inbounds=True)


def add(builder: Value, a: Pair, b: Pair) -> Pair:
    """``a + b``."""
    return builder.fadd(a[0], b[0]), builder.fadd(a[1], b[1])


def subtract(builder: Value, a: Pair, b: Pair) -> Pair:
    """``a - b``."""
    return builder.fsub(a[0], b[0]), builder.fsub(a[1], b[1])


def turned(builder: Value, a: Pair, sign: int) -> Pair:
    """``a`` times the sign and i."""
    return (builder.fneg(a[1]), a[0]) if sign > 0 else (a[1], builder.fneg(a[0]))


def multiply(builder: Value, a: Pair, b: Pair, sign: int = -1) -> Pair:
    """``a b``; ``a conj(b)`` with the sign of the inverse transform, as tables are those of the forward one."""
    real, imag = builder.fmul(a[1], b[1]), builder.fmul(a[0], b[1])
    if sign < 0:
        return v.muladd(builder, a[0], b[0], builder.fneg(real)), v.muladd(builder, a[1], b[0], imag)
    return v.muladd(builder, a[0], b[0], real), v.muladd(builder, a[1], b[0], builder.fneg(imag))


def butterfly(builder: Value, x: Sequence[Pair], sign: int) -> list[Pair]:
    """The transform of a few elements."""
    if len(x) == 2:
        return [add(builder, *x), subtract(builder, *x)]
    if len(x) == 4:
        even, odd = butterfly(builder, x[::2], sign), butterfly(builder, x[1::2], sign)
        odd[1] = turned(builder, odd[1], sign)
        sums, differences = ([f(builder, a, b) for a, b in zip(even, odd, strict=True)] for f in (add, subtract))
        return sums + differences
    half = range(1, len(x) // 2 + 1)
    sums, differences = ([f(builder, x[j], x[-j]) for j in half] for f in (add, subtract))
    first = x[0]
    for total in sums:
        first = add(builder, first, total)
    lower, upper = [], []
    for m in half:
        a, b = x[0], None
        for j in half:
            c, s = (ir.Constant(x[0][0].type, [part] * x[0][0].type.count) for part in root(j * m, len(x)))
            a = v.muladd(builder, sums[j - 1][0], c, a[0]), v.muladd(builder, sums[j - 1][1], c, a[1])
            parts = [builder.fmul(part, s) for part in differences[j - 1]]
            b = (parts[0], parts[1]) if b is None else add(builder, b, (parts[0], parts[1]))
        assert b is not None
        b = turned(builder, b, -sign)  # the sines of the table are those of the forward transform
        lower.append(add(builder, a, b))
        upper.append(subtract(builder, a, b))
    return [first, *lower, *reversed(upper)]


def transform(builder: Value, n: int, sign: int, lanes: int, element: ir.Type, read: Read, write: Write) -> None:
    """``write(k, sum(read(j) exp(sign 2 pi i j k / n)))`` for all k, in any order of k, in as many passes as factors.

    The first pass reads and the last one writes; between them elements lie in memory on the stack.
    """
    radixes = factors(n)
    room = [Memory(builder, element, lanes, n) for _ in radixes[1:3]]
    roots = _Roots(builder, n, element, lanes)
    done = 1
    for number, radix in enumerate(radixes):
        get = room[(number - 1) % 2].read if number else read
        put = room[number % 2].write if number < len(radixes) - 1 else write
        _one_pass(builder, radix, done, n // (done * radix), sign, get, put, roots)
        done *= radix


class _Roots:
    """The factors between passes: for each pass those of its first transform, one after another."""

    def __init__(self, builder: Value, n: int, element: ir.Type, lanes: int) -> None:
        numbers: list[tuple[float, float]] = []
        self.starts: dict[int, int] = {}
        done = 1
        for radix in factors(n):
            self.starts[done] = len(numbers)
            done *= radix
            if done < n:
                numbers += [root(done // radix * i * j, n) for i in range(n // done) for j in range(1, radix)]
        self.builder, self.lanes = builder, lanes
        self.data = table(builder, f"roots_{n}", element, numbers) if numbers else None

    def get(self, done: int, i: Value, j: int, radix: int) -> Pair:
        """The factor of the j-th result of the i-th butterfly."""
        place = self.builder.add(self.builder.mul(i, SIZE(radix - 1)), SIZE(self.starts[done] + j - 1))
        return spread_pair(self.builder, v.at(self.builder, self.data, (place, SIZE(2))), self.lanes)


def _one_pass(
    builder: Value, radix: int, done: int, rest: int, sign: int, read: Read, write: Write, roots: _Roots
) -> None:
    with v.loop(builder, SIZE(0), SIZE(done)) as k, v.loop(builder, SIZE(0), SIZE(rest)) as i:
        source = builder.add(builder.mul(k, SIZE(radix * rest)), i)
        target = builder.add(builder.mul(k, SIZE(rest)), i)
        found = butterfly(builder, [read(builder.add(source, SIZE(rest * j))) for j in range(radix)], sign)
        for j, value in enumerate(found):
            last = rest == 1 or not j
            scaled = value if last else multiply(builder, value, roots.get(done, i, j, radix), sign)
            write(builder.add(target, SIZE(rest * done * j)), scaled)


class Memory:
    """Elements of several transforms on the stack, as pairs of vectors."""

    def __init__(self, builder: Value, element: ir.Type, lanes: int, n: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.data = v.scratch(builder, element, 2 * lanes * n)

    def _places(self, index: Value) -> tuple[Value, Value]:
        place = v.at(self.builder, self.data, (index, SIZE(2 * self.lanes)))
        return place, v.at(self.builder, place, (SIZE(self.lanes), SIZE(1)))

    def read(self, index: Value) -> Pair:
        """The elements of an index."""
        real, imag = self._places(index)
        return v.read(self.builder, real, self.lanes), v.read(self.builder, imag, self.lanes)

    def write(self, index: Value, pair: Pair) -> None:
        """Store the elements of an index."""
        for part, place in zip(pair, self._places(index), strict=True):
            v.write(self.builder, part, place)


def spread_pair(builder: Value, place: Value, lanes: int) -> Pair:
    """A complex number in all lanes."""
    real, imag = (builder.load(part) for part in (place, v.at(builder, place, (SIZE(1), SIZE(1)))))
    return v.spread(builder, real, lanes), v.spread(builder, imag, lanes)
