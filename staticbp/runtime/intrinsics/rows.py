"""Products of a matrix and a vector, several rows of the matrix at once.

Each row is read once, from left to right. Not transposed, the rows of a group share what is read of x and have
sums of their own, two vectors each, so that no sum waits for the one before. Transposed, a group of rows is
added to y in one pass, so that y is read and written once for all of them.

The elements of a large y are shared out to the team of threads: by rows of the matrix, or, transposed, by columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from llvmlite import ir

from staticbp.runtime.intrinsics import sharing
from staticbp.runtime.intrinsics import vectors as v
from staticbp.runtime.intrinsics.vectors import SIZE, Value
from staticbp.runtime.limits import GEMV_PART

# Rows at once: with twice as many sums, of which sixteen vector registers hold eight beside the operands.
DOT_ROWS = 4
# Rows added in one pass; their factors stay in registers.
SUM_ROWS = 8


def gemv(builder: Value, arguments: Sequence[Value], *, transposed: bool) -> None:
    """Call the product: the arguments are m, n, A, x, y, alpha and beta; A is m by n, transposed or not."""
    m, n, a, x, y, alpha, beta = arguments
    write, name = (_gemv_of_columns, "columns") if transposed else (_gemv_of_rows, "rows")
    is_small = builder.icmp_signed("<", builder.mul(m, n), SIZE(2 * GEMV_PART))
    with builder.if_else(is_small) as (small, large):
        with small:
            v.call_shared(builder, f"gemv_of_{name}", write, [m, n, n, a, x, y, alpha, beta])
        with large:
            v.call_shared(builder, f"gemv_of_many_{name}", partial(_gemv_in_parts, transposed), arguments)


def _gemv_in_parts(
    transposed: bool, builder: Value, m: Value, n: Value, a: Value, x: Value, y: Value, alpha: Value, beta: Value
) -> None:
    """The product by as many threads as there are."""
    lanes = v.host_lanes(a.type.pointee)
    unit, size = (lanes, n) if transposed else (DOT_ROWS, m)
    count = v.quotient(builder, size, unit)
    grain = builder.add(builder.sdiv(builder.mul(SIZE(GEMV_PART), count), builder.mul(m, n)), SIZE(1))

    def part(inside: Value, low: Value, high: Value, *captured: Value) -> None:
        m, n, a, x, y, alpha, beta = captured
        size = n if transposed else m
        first, end = (v.smaller(inside, inside.mul(bound, SIZE(unit)), size) for bound in (low, high))
        here, target = inside.sub(end, first), v.at(inside, y, (first, SIZE(1)))
        start = v.at(inside, a, (first, SIZE(1) if transposed else n))
        if transposed:
            v.call(inside, "gemv_of_columns", _gemv_of_columns, [m, here, n, start, x, target, alpha, beta])
        else:
            v.call(inside, "gemv_of_rows", _gemv_of_rows, [here, n, n, start, x, target, alpha, beta])

    name = f"staticbp_gemv_{'columns' if transposed else 'rows'}_part_{a.type.pointee}_{lanes}"
    sharing.share(builder, count, grain, name, part, [m, n, a, x, y, alpha, beta])


def _gemv_of_rows(
    builder: Value, m: Value, n: Value, width: Value, a: Value, x: Value, y: Value, alpha: Value, beta: Value
) -> None:
    whole = builder.and_(m, SIZE(-DOT_ROWS))
    for start, stop, count in ((SIZE(0), whole, DOT_ROWS), (whole, m, 1)):
        with v.loop(builder, start, stop, count) as row:
            sources = [v.at(builder, a, (builder.add(row, SIZE(i)), width)) for i in range(count)]
            for i, total in enumerate(_dots(builder, sources, x, n)):
                place = v.at(builder, y, (builder.add(row, SIZE(i)), SIZE(1)))
                scaled = builder.fmul(alpha, total)
                kept = v.muladd(builder, beta, builder.load(place), scaled)
                builder.store(builder.select(v.is_zero(builder, beta), scaled, kept), place)


def _dots(builder: Value, rows: list[Value], x: Value, n: Value) -> list[Value]:
    """The products of some rows with x: by two vectors, by one, and by the elements that are left over."""
    element = x.type.pointee
    lanes = v.host_lanes(element)
    zero = ir.Constant(ir.VectorType(element, lanes), None)
    pairs, whole = (builder.and_(n, SIZE(-step)) for step in (2 * lanes, lanes))
    sums = [[v.variable(builder, zero) for _ in rows] for _ in range(2)]
    for start, stop, count in ((SIZE(0), pairs, 2), (pairs, whole, 1)):
        with v.loop(builder, start, stop, count * lanes) as column:
            for number in range(count):
                place = builder.add(column, SIZE(number * lanes)), SIZE(1)
                right = v.read(builder, v.at(builder, x, place), lanes)
                for row, memory in zip(rows, sums[number], strict=True):
                    left = v.read(builder, v.at(builder, row, place), lanes)
                    builder.store(v.muladd(builder, left, right, builder.load(memory)), memory)
    both = [builder.fadd(builder.load(first), builder.load(second)) for first, second in zip(*sums, strict=True)]
    totals = [v.variable(builder, v.total(builder, vector)) for vector in both]
    with v.loop(builder, whole, n) as column:
        right = builder.load(v.at(builder, x, (column, SIZE(1))))
        for row, memory in zip(rows, totals, strict=True):
            left = builder.load(v.at(builder, row, (column, SIZE(1))))
            builder.store(v.muladd(builder, left, right, builder.load(memory)), memory)
    return [builder.load(memory) for memory in totals]


def _gemv_of_columns(
    builder: Value, m: Value, n: Value, width: Value, a: Value, x: Value, y: Value, alpha: Value, beta: Value
) -> None:
    zero = ir.Constant(beta.type, 0)
    with v.loop(builder, SIZE(0), n) as column:
        place = v.at(builder, y, (column, SIZE(1)))
        kept = builder.fmul(beta, builder.load(place))
        builder.store(builder.select(v.is_zero(builder, beta), zero, kept), place)
    whole = builder.and_(m, SIZE(-SUM_ROWS))
    for start, stop, count in ((SIZE(0), whole, SUM_ROWS), (whole, m, 1)):
        with v.loop(builder, start, stop, count) as row:
            numbers = [builder.add(row, SIZE(i)) for i in range(count)]
            factors = [builder.fmul(alpha, builder.load(v.at(builder, x, (number, SIZE(1))))) for number in numbers]
            _add_rows(builder, [v.at(builder, a, (number, width)) for number in numbers], factors, y, n)


def _add_rows(builder: Value, rows: list[Value], factors: list[Value], y: Value, n: Value) -> None:
    """Add the rows, each times its factor, to y."""
    lanes = v.host_lanes(y.type.pointee)
    whole = builder.and_(n, SIZE(-lanes))
    spread = [v.spread(builder, factor, lanes) for factor in factors]
    with v.loop(builder, SIZE(0), whole, lanes) as column:
        place = v.at(builder, y, (column, SIZE(1)))
        total = v.read(builder, place, lanes)
        for row, factor in zip(rows, spread, strict=True):
            total = v.muladd(builder, factor, v.read(builder, v.at(builder, row, (column, SIZE(1))), lanes), total)
        v.write(builder, total, place)
    with v.loop(builder, whole, n) as column:
        place = v.at(builder, y, (column, SIZE(1)))
        total = builder.load(place)
        for row, factor in zip(rows, factors, strict=True):
            total = v.muladd(builder, factor, builder.load(v.at(builder, row, (column, SIZE(1)))), total)
        builder.store(total, place)
