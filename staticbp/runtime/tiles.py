"""Products of matrices that fit in cache, in registers: the code of `blas.gemm` between the loops and the library.

The result is made a tile at a time: a few rows by a few vectors, all in registers, to which each step along the
inner dimension adds one column of A times one row of B. B is copied first, a panel as wide as the tile at a
time, so that the steps read it in order and transposed or not costs the same. A is read where it lies, one element
at a time, so that it may be transposed too; if it is, and many panels will pass by it, it is copied as well, for
then every element lies in a line of its own. Tiles that stick out over an edge are made beside the result, of rows
that exist and of zeros, and what exists of them is copied.

A large product is shared out to the team of threads, by rows or by columns of the result. Each element is the same
sum in the same order, whoever makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from staticbp.runtime import sharing
from staticbp.runtime import vectors as v
from staticbp.runtime.limits import PART
from staticbp.runtime.packing import copy_strips, pack
from staticbp.runtime.tileshape import Shape, host_shape
from staticbp.runtime.vectors import Value

# Elements of A that are copied at a time: 192 KiB of float32 or float64, so that they stay in the second cache.
STRIP_BYTES = 3 * 2**16

# A transposed A is copied for so many panels of B or more.
STRIP_PANELS = 4


def gemm(builder: Value, arguments: Sequence[Value]) -> None:
    """Call the product: the arguments are m, n, k, A, B, C, the two flags, alpha and beta."""
    _call(builder, "gemm", _gemm, arguments)


def _call(builder: Value, name: str, write: Callable[..., None], arguments: Sequence[Value]) -> None:
    element = next(argument.type.pointee for argument in arguments if isinstance(argument.type, ir.PointerType))
    shape = host_shape(element)
    v.call(builder, f"tiled_{shape.rows}x{shape.columns}_{name}", write, arguments)


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
    alpha: Value,
    beta: Value,
) -> None:
    """In one part, or by rows or columns of C in as many as there are threads."""
    shape, one = host_shape(a.type.pointee), v.SIZE(1)
    down_a, along_a = builder.select(trans_a, one, k), builder.select(trans_a, m, one)
    width_b = builder.select(trans_b, k, n)
    work = builder.mul(builder.mul(m, n), k)
    with builder.if_else(builder.icmp_signed("<", work, v.SIZE(2 * PART))) as (small, large):
        with small:
            _call(builder, "block", _block, [m, n, k, a, down_a, along_a, b, width_b, trans_b, c, n, alpha, beta])
        with large:
            tiles, vectors = v.quotient(builder, m, shape.rows), v.quotient(builder, n, shape.lanes)
            by_rows = builder.icmp_signed("<=", _cost(builder, tiles, vectors), _cost(builder, vectors, tiles))
            count = builder.select(by_rows, tiles, vectors)
            grain = builder.add(builder.sdiv(builder.mul(v.SIZE(PART), count), work), one)
            captured = [by_rows, m, n, k, a, down_a, along_a, b, width_b, trans_b, c, alpha, beta]
            name = f"staticbp_tiled_{shape.rows}x{shape.columns}_part_{a.type.pointee}"
            sharing.share(builder, count, grain, name, _part, captured)


def _cost(builder: Value, shared: Value, whole: Value) -> Value:
    """What half of the tiles or vectors of C takes: to copy those of an operand takes as long as to pass two."""
    half = builder.lshr(builder.add(shared, v.SIZE(1)), v.SIZE(1))
    return builder.mul(builder.add(half, v.SIZE(2)), builder.add(whole, v.SIZE(2)))


def _part(
    builder: Value,
    low: Value,
    high: Value,
    by_rows: Value,
    m: Value,
    n: Value,
    k: Value,
    a: Value,
    down_a: Value,
    along_a: Value,
    b: Value,
    width_b: Value,
    trans_b: Value,
    c: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """The tiles of some rows, or the vectors of some columns."""
    shape, zero, one = host_shape(a.type.pointee), v.SIZE(0), v.SIZE(1)
    bounds = []
    for shares, unit, size in ((by_rows, shape.rows, m), (builder.not_(by_rows), shape.lanes, n)):
        for bound, otherwise in ((low, zero), (high, size)):
            place = v.smaller(builder, builder.mul(bound, v.SIZE(unit)), size)
            bounds.append(builder.select(shares, place, otherwise))
    row, row_end, column, column_end = bounds
    along_b = builder.select(trans_b, width_b, one)
    left, right = v.at(builder, a, (row, down_a)), v.at(builder, b, (column, along_b))
    target = v.at(builder, c, (row, n), (column, one))
    sizes = [builder.sub(row_end, row), builder.sub(column_end, column), k]
    _call(builder, "block", _block, [*sizes, left, down_a, along_a, right, width_b, trans_b, target, n, alpha, beta])


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
    c: Value,
    width: Value,
    alpha: Value,
    beta: Value,
) -> None:
    """A part of the product, in one thread."""
    element = a.type.pointee
    shape = host_shape(element)
    zero, one, height = v.SIZE(0), v.SIZE(1), v.SIZE(shape.rows)
    down_b, along_b = builder.select(trans_b, one, width_b), builder.select(trans_b, width_b, one)
    panel = v.scratch(builder, element, shape.depth * shape.columns)
    vectors, panels = v.quotient(builder, n, shape.lanes), v.quotient(builder, n, shape.columns)
    strip_size = STRIP_BYTES // v.width(element)
    strip = v.scratch(builder, element, strip_size)
    is_wide = builder.icmp_signed(">=", n, v.SIZE(STRIP_PANELS * shape.columns))
    copies = builder.and_(is_wide, builder.icmp_signed("!=", along_a, one))
    between = builder.select(copies, v.SIZE(strip_size // shape.depth // shape.rows * shape.rows), m)
    # Without an inner dimension there is still beta to apply: one panel of no rows.
    depths = builder.select(builder.icmp_signed("<", k, one), one, k)
    with v.loop(builder, zero, depths, shape.depth) as first:
        depth = v.smaller(builder, builder.sub(k, first), v.SIZE(shape.depth))
        kept = builder.select(builder.icmp_signed("==", first, zero), beta, ir.Constant(element, 1))
        with v.loop(builder, zero, m, between) as row:
            rows = v.smaller(builder, builder.sub(m, row), between)
            left, target = v.at(builder, a, (row, down_a), (first, along_a)), v.at(builder, c, (row, width))
            with builder.if_then(copies):
                _call(builder, "strips", copy_strips, [rows, depth, left, down_a, along_a, strip])
            # From tile to tile, from row to row and from step to step.
            steps = [
                builder.select(copies, copied, in_place)
                for copied, in_place in ((depth, down_a), (one, down_a), (height, along_a))
            ]
            source = builder.select(copies, strip, left)
            with v.loop(builder, zero, panels) as number:
                column, columns = _panel(builder, number, vectors, n, shape)
                right = v.at(builder, b, (first, down_b), (column, along_b))
                _call(builder, "pack", pack, [depth, columns, right, width_b, trans_b, panel])
                there = v.at(builder, target, (column, one))
                arguments = [rows, columns, depth, source, *steps, panel, there, width, alpha, kept]
                _call(builder, "column", _column_of_tiles, arguments)


def _panel(builder: Value, number: Value, vectors: Value, n: Value, shape: Shape) -> tuple[Value, Value]:
    """The first column of a panel and how many it has.

    All are as wide as a tile, except that one vector is not left alone at the end, for a tile of one waits for
    itself: the first two panels give up one each for it.
    """
    lonely = builder.icmp_signed("==", builder.urem(vectors, v.SIZE(shape.vectors)), v.SIZE(1))
    gives = builder.and_(lonely, builder.icmp_signed(">", vectors, v.SIZE(shape.vectors)))
    given = builder.select(gives, v.smaller(builder, number, v.SIZE(2)), v.SIZE(0))
    first = builder.sub(builder.mul(number, v.SIZE(shape.vectors)), given)
    is_narrow = builder.and_(gives, builder.icmp_signed("<", number, v.SIZE(2)))
    wide = builder.select(is_narrow, v.SIZE(shape.columns - shape.lanes), v.SIZE(shape.columns))
    column = builder.mul(first, v.SIZE(shape.lanes))
    return column, v.smaller(builder, builder.sub(n, column), wide)


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
            _call(builder, "merge", _merge, [there, columns, beside, *target])


def _call_tile(builder: Value, height: int, narrow: int, arguments: Sequence[Value]) -> None:
    def write(body: Value, *parameters: Value) -> None:
        _tile(body, height, narrow, *parameters)

    _call(builder, f"tile_{height}x{narrow}", write, arguments)


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
    right.add_incoming(v.at(builder, right, (v.SIZE(shape.columns), one)), body)
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
