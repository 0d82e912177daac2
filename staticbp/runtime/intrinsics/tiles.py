"""Products of matrices that fit in cache, in registers: the code of `blas.gemm` between the loops and the library.

The result is made a tile at a time: a few rows by a few vectors, all in registers, to which each step along the
inner dimension adds one column of A times one row of B. B is copied first, a panel as wide as the tile at a
time, so that the steps read it in order and transposed or not costs the same; one that was packed is such panels.
A is read where it lies, one element at a time, so that it may be transposed too; if it is, and many panels will pass
by it, it is copied as well, for then every element lies in a line of its own. Tiles that stick out over an edge are
made beside the result, of rows that exist and of zeros, and what exists of them is copied.

A large product is shared out to the team of threads, by rows or by columns of the result. Each element is the same
sum in the same order, whoever makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from llvmlite import ir

from staticbp.runtime.intrinsics import sharing
from staticbp.runtime.intrinsics import vectors as v
from staticbp.runtime.intrinsics.packing import copy_strips, pack, panel_of, stored
from staticbp.runtime.intrinsics.tileshape import call, host_shape
from staticbp.runtime.intrinsics.vectors import Value
from staticbp.runtime.limits import PART

# Elements of A that are copied at a time: 192 KiB of float32 or float64, so that they stay in the second cache.
STRIP_BYTES = 3 * 2**16

# A transposed A is copied for so many panels of B or more.
STRIP_PANELS = 4


def gemm(builder: Value, arguments: Sequence[Value]) -> None:
    """Call the product: the arguments are m, n, k, A, B, C, the flags, alpha and beta.

    The flags say whether A and B are transposed, and whether B is packed.
    """
    call(builder, "gemm", _gemm, arguments, v.call_shared)


def _gemm(
    builder: Value,
    m: Value,
    n: Value,
    k: Value,
    a: Value,
    b: Value,
    c: Value,
    trans_a: Value,
    trans_b: Value,
    packed: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """In one part, or by rows or columns of C in as many as there are threads; packed columns by whole panels."""
    shape, zero, one = host_shape(a.type.pointee), v.SIZE(0), v.SIZE(1)
    down_a, along_a = builder.select(trans_a, one, k), builder.select(trans_a, m, one)
    width_b = builder.select(trans_b, k, n)
    work = builder.mul(builder.mul(m, n), k)
    panels = v.quotient(builder, n, shape.columns)
    left, right = [a, down_a, along_a], [b, width_b, trans_b, packed]
    with builder.if_else(builder.icmp_signed("<", work, v.SIZE(2 * PART))) as (small, large):
        with small:
            call(builder, "block", _block, [m, n, k, *left, *right, zero, panels, c, n, alpha, beta])
        with large:
            tiles = v.quotient(builder, m, shape.rows)
            pieces = builder.select(packed, panels, v.quotient(builder, n, shape.lanes))
            by_rows = builder.icmp_signed("<=", _cost(builder, tiles, pieces), _cost(builder, pieces, tiles))
            count = builder.select(by_rows, tiles, pieces)
            grain = builder.add(builder.sdiv(builder.mul(v.SIZE(PART), count), work), one)
            captured = [by_rows, pieces, m, n, k, *left, *right, c, alpha, beta]
            name = f"staticbp_tiled_{shape.rows}x{shape.columns}_part_{a.type.pointee}"
            sharing.share(builder, count, grain, name, _part, captured)


def _cost(builder: Value, shared: Value, whole: Value) -> Value:
    """What half of the tiles or pieces of C takes: to copy those of an operand takes as long as to pass two."""
    half = builder.lshr(builder.add(shared, v.SIZE(1)), v.SIZE(1))
    return builder.mul(builder.add(half, v.SIZE(2)), builder.add(whole, v.SIZE(2)))


def _part(
    builder: Value,
    low: Value,
    high: Value,
    by_rows: Value,
    pieces: Value,
    m: Value,
    n: Value,
    k: Value,
    a: Value,
    down_a: Value,
    along_a: Value,
    b: Value,
    width_b: Value,
    trans_b: Value,
    packed: Value,
    c: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """The tiles of some rows, or the vectors of some columns, or some packed panels."""
    shape, zero, one = host_shape(a.type.pointee), v.SIZE(0), v.SIZE(1)
    ends = [v.smaller(builder, builder.mul(bound, v.SIZE(shape.rows)), m) for bound in (low, high)]
    row, row_end = (builder.select(by_rows, end, whole) for end, whole in zip(ends, (zero, m), strict=True))
    first, last = (builder.select(by_rows, whole, bound) for bound, whole in ((low, zero), (high, pieces)))
    ends = [v.smaller(builder, builder.mul(bound, v.SIZE(shape.lanes)), n) for bound in (first, last)]
    column, column_end = (builder.select(packed, whole, end) for end, whole in zip(ends, (zero, n), strict=True))
    columns = builder.sub(column_end, column)
    panels = v.quotient(builder, columns, shape.columns)
    numbers = [builder.select(packed, bound, whole) for bound, whole in ((first, zero), (last, panels))]
    along_b = builder.select(trans_b, width_b, one)
    left, right = v.at(builder, a, (row, down_a)), v.at(builder, b, (column, along_b))
    target = v.at(builder, c, (row, n), (column, one))
    operands = [left, down_a, along_a, right, width_b, trans_b, packed]
    sizes = [builder.sub(row_end, row), columns, k]
    call(builder, "block", _block, [*sizes, *operands, *numbers, target, n, alpha, beta])


def _block(
    builder: Value,
    m: Value,
    n: Value,
    k: Value,
    a: Value,
    down_a: Value,
    along_a: Value,
    b: Value,
    width_b: Value,
    trans_b: Value,
    packed: Value,
    low: Value,
    high: Value,
    c: Value,
    width: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """A part of the product, in one thread: of op(B)'s n columns those in the panels from one number to another."""
    element = a.type.pointee
    shape, one = host_shape(element), v.SIZE(1)
    down_b, along_b = builder.select(trans_b, one, width_b), builder.select(trans_b, width_b, one)
    copy, vectors = v.scratch(builder, element, shape.depth * shape.columns), v.quotient(builder, n, shape.lanes)
    with stretches(builder, m, n, k, a, down_a, along_a) as part, v.loop(builder, low, high) as number:
        column, columns = panel_of(builder, number, vectors, n, shape)
        with builder.if_then(builder.not_(packed)):
            right = v.at(builder, b, (part.first, down_b), (column, along_b))
            call(builder, "pack", pack, [part.depth, columns, right, width_b, trans_b, copy])
        panel = builder.select(packed, stored(builder, b, column, n, part.first, part.depth), copy)
        part.multiply(builder, columns, panel, v.at(builder, c, (column, one)), width, alpha, beta)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of A, and some steps along them: as much as stays in cache while panels of B pass by."""

    row: Value
    rows: Value
    first: Value
    depth: Value
    source: Value
    steps: Sequence[Value]  # from tile to tile, from row to row and from step to step

    def multiply(
        self, builder: Value, columns: Value, panel: Value, c: Value, width: Value, alpha: Value, beta: Value
    ) -> None:
        """Add what the stretch gives with a panel to some columns of C; what was there counts the first time."""
        is_first = builder.icmp_signed("==", self.first, v.SIZE(0))
        kept = builder.select(is_first, beta, ir.Constant(beta.type, 1))
        there = v.at(builder, c, (self.row, width))
        arguments = [self.rows, columns, self.depth, self.source, *self.steps, panel, there, width, alpha, kept]
        call(builder, "column", _column_of_tiles, arguments)


@contextmanager
def stretches(builder: Value, m: Value, n: Value, k: Value, a: Value, down: Value, along: Value) -> Iterator[Stretch]:
    """A loop over the stretches of op(A), whose product has n columns."""
    element = a.type.pointee
    shape, zero, one, strip_size = host_shape(element), v.SIZE(0), v.SIZE(1), STRIP_BYTES // v.width(element)
    strip = v.scratch(builder, element, strip_size)
    is_wide = builder.icmp_signed(">=", n, v.SIZE(STRIP_PANELS * shape.columns))
    copies = builder.and_(is_wide, builder.icmp_signed("!=", along, one))
    between = builder.select(copies, v.SIZE(strip_size // shape.depth // shape.rows * shape.rows), m)
    # Without an inner dimension there is still beta to apply: one panel of no rows.
    depths = builder.select(builder.icmp_signed("<", k, one), one, k)
    with v.loop(builder, zero, depths, shape.depth) as first, v.loop(builder, zero, m, between) as row:
        depth = v.smaller(builder, builder.sub(k, first), v.SIZE(shape.depth))
        rows = v.smaller(builder, builder.sub(m, row), between)
        left = v.at(builder, a, (row, down), (first, along))
        with builder.if_then(copies):
            call(builder, "strips", copy_strips, [rows, depth, left, down, along, strip])
        steps = [
            builder.select(copies, copied, in_place)
            for copied, in_place in ((depth, down), (one, down), (v.SIZE(shape.rows), along))
        ]
        yield Stretch(row, rows, first, depth, builder.select(copies, strip, left), steps)


def _column_of_tiles(
    builder: Value,
    rows: Value,
    columns: Value,
    depth: Value,
    a: Value,
    between: Value,
    down: Value,
    along: Value,
    panel: Value,
    c: Value,
    width: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """All tiles on one panel."""
    element = a.type.pointee
    shape = host_shape(element)
    beside = v.scratch(builder, element, shape.rows * shape.columns)
    vectors = builder.sdiv(builder.add(columns, v.SIZE(shape.lanes - 1)), v.SIZE(shape.lanes))
    exact = builder.icmp_signed("==", columns, builder.mul(vectors, v.SIZE(shape.lanes)))
    done = builder.append_basic_block("done")
    for narrow in range(shape.vectors, 0, -1):
        here, after = builder.append_basic_block("width"), builder.append_basic_block("narrower")
        builder.cbranch(builder.icmp_signed("==", vectors, v.SIZE(narrow)), here, after)
        builder.position_at_end(here)
        with v.loop(builder, v.SIZE(0), rows, shape.rows) as row:
            left = builder.sub(rows, row)
            sources = [left, columns, depth, v.at(builder, a, (row, between)), down, along, panel]
            arguments = [*sources, v.at(builder, c, (row, width)), width, alpha, beta]
            if len(shape.heights) == 1:
                _call_tile_or_part(builder, shape.rows, narrow, exact, beside, arguments)
            else:
                is_high = builder.icmp_signed(">", left, v.SIZE(shape.heights[0]))
                with builder.if_else(is_high) as branches:
                    for height, branch in zip(reversed(shape.heights), branches, strict=True):
                        with branch:
                            _call_tile_or_part(builder, height, narrow, exact, beside, arguments)
        builder.branch(done)
        builder.position_at_end(after)
    builder.branch(done)
    builder.position_at_end(done)


def _call_tile_or_part(
    builder: Value, height: int, narrow: int, exact: Value, beside: Value, arguments: Sequence[Value]
) -> None:
    """A tile in its place, or beside the result what is left of one."""
    shape = host_shape(beside.type.pointee)
    left, columns, depth, a, down, along, panel, *target = arguments
    there = v.smaller(builder, left, v.SIZE(height))
    sources = [depth, there, a, down, along, panel]
    is_whole = builder.and_(exact, builder.icmp_signed("==", there, v.SIZE(height)))
    with builder.if_else(is_whole) as (whole, part):
        with whole:
            _call_tile(builder, height, narrow, [*sources, *target])
        with part:
            element = a.type.pointee
            _call_tile(builder, height, narrow, [*sources, beside, v.SIZE(shape.columns), element(1), element(0)])
            call(builder, "merge", _merge, [there, columns, beside, *target])


def _call_tile(builder: Value, height: int, narrow: int, arguments: Sequence[Value]) -> None:
    def write(body: Value, *parameters: Value) -> None:
        _tile(body, height, narrow, *parameters)

    call(builder, f"tile_{height}x{narrow}", write, arguments)


def _tile(
    builder: Value,
    height: int,
    narrow: int,
    depth: Value,
    rows: Value,
    a: Value,
    down: Value,
    along: Value,
    panel: Value,
    c: Value,
    width: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """One tile. Rows that do not exist repeat the last one."""
    shape, one = host_shape(a.type.pointee), v.SIZE(1)
    lanes = shape.lanes
    last = builder.sub(rows, one)
    lefts = [v.at(builder, a, (v.smaller(builder, v.SIZE(row), last), down)) for row in range(height)]
    kind = ir.VectorType(a.type.pointee, lanes)
    for number in range(height):
        for start in range(0, narrow * lanes, 64 // v.width(a.type.pointee)):
            v.prefetch(builder, v.at(builder, c, (v.SIZE(number), width), (v.SIZE(start), one)))
        v.prefetch(builder, v.at(builder, c, (v.SIZE(number), width), (v.SIZE(narrow * lanes - 1), one)))
    entry = builder.block
    test, body = builder.append_basic_block("test"), builder.append_basic_block("step")
    done = builder.append_basic_block("done")
    builder.branch(test)
    builder.position_at_end(test)
    step, offset, right = builder.phi(v.SIZE), builder.phi(v.SIZE), builder.phi(panel.type)
    sums = [[builder.phi(kind) for _ in range(narrow)] for _ in range(height)]
    for phi, start in ((step, v.SIZE(0)), (offset, v.SIZE(0)), (right, panel)):
        phi.add_incoming(start, entry)
    for total in (total for row in sums for total in row):
        total.add_incoming(ir.Constant(kind, None), entry)
    builder.cbranch(builder.icmp_signed("<", step, depth), body, done)
    builder.position_at_end(body)
    vectors = [v.read(builder, v.at(builder, right, (v.SIZE(i * lanes), one)), lanes) for i in range(narrow)]
    for left, row in zip(lefts, sums, strict=True):
        factor = v.spread(builder, builder.load(builder.gep(left, [offset], inbounds=True)), lanes)
        for vector, total in zip(vectors, row, strict=True):
            total.add_incoming(v.muladd(builder, factor, vector, total), body)
    step.add_incoming(builder.add(step, one), body)
    offset.add_incoming(builder.add(offset, along), body)
    right.add_incoming(v.at(builder, right, (v.SIZE(narrow * lanes), one)), body)
    v.leave_alone(builder.branch(test))
    builder.position_at_end(done)
    scale, kept = v.spread(builder, alpha, lanes), v.spread(builder, beta, lanes)
    with builder.if_else(v.is_zero(builder, beta)) as branches:
        for reads, branch in zip((False, True), branches, strict=True):
            with branch:
                for number, row in enumerate(sums):
                    for i, total in enumerate(row):
                        place = v.at(builder, c, (v.SIZE(number), width), (v.SIZE(i * lanes), one))
                        result = builder.fmul(scale, total)
                        if reads:
                            result = v.muladd(builder, kept, v.read(builder, place, lanes), result)
                        v.write(builder, result, place)


def _merge(
    builder: Value,
    rows: Value,
    columns: Value,
    tile: Value,
    c: Value,
    width: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """What exists of a tile that was made beside the result, into the result."""
    shape, one, forget = host_shape(c.type.pointee), v.SIZE(1), v.is_zero(builder, beta)
    with v.loop(builder, v.SIZE(0), rows) as row, v.loop(builder, v.SIZE(0), columns) as column:
        product = builder.load(v.at(builder, tile, (row, v.SIZE(shape.columns)), (column, one)))
        place = v.at(builder, c, (row, width), (column, one))
        scaled = builder.fmul(alpha, product)
        kept = v.muladd(builder, beta, builder.load(place), scaled)
        builder.store(builder.select(forget, scaled, kept), place)
