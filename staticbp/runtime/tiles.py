"""Products of matrices that fit in cache, in registers: the code of `blas.gemm` between the loops and the library.

The result is made a tile at a time: a few rows by a few vectors, all in registers, to which each step along the
inner dimension adds one column of A times one row of B. B is copied first, a panel as wide as the tile at a
time, so that the steps read it in order and transposed or not costs the same; A is read where it lies, one
element at a time, so that it may be transposed too. Tiles that stick out over an edge are made beside the
result, of rows that exist and of zeros, and what exists of them is copied.

The size of the tile follows from the vector registers of the CPU that code is made for, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from staticbp.runtime import vectors as v
from staticbp.runtime.vectors import Value

# Vectors in a panel of B: at most 32 KiB, so that it stays in the first cache while A passes by.
PANEL = 512


@dataclass(frozen=True, slots=True)
class Shape:
    """A tile: rows by vectors of so many lanes."""

    rows: int
    vectors: int
    lanes: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def depth(self) -> int:
        """Rows of a panel, which are the steps between two visits of a tile."""
        return PANEL // self.vectors & -self.lanes

    @property
    def heights(self) -> tuple[int, ...]:
        """The rows of the tiles that code is made for: the last ones of a column may do with fewer."""
        return (4, self.rows)


def tile_shape(bits: int, features: str) -> Shape:
    """The tile for elements of so many bits on a CPU with these features, as LLVM writes them.

    32 vector registers hold 24 of sums, 16 of them 12; the rest are for the operands.

    Examples
    --------
    >>> tile_shape(32, "+avx,+avx2,+fma")
    Shape(rows=6, vectors=2, lanes=8)
    >>> tile_shape(64, "+avx2,+avx512f")
    Shape(rows=8, vectors=3, lanes=8)
    """
    lanes = v.vector_bits(features) // bits
    many = not {"+avx512f", "+neon"}.isdisjoint(features.split(","))
    return Shape(8, 3, lanes) if many else Shape(6, 2, lanes)


def host_shape(element: ir.Type) -> Shape:
    """The tile for elements of a type on the CPU that code is made for."""
    return tile_shape(64 if isinstance(element, ir.DoubleType) else 32, v.host_features())


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
    element = a.type.pointee
    shape = host_shape(element)
    zero, one = v.SIZE(0), v.SIZE(1)
    down_a, along_a = builder.select(trans_a, one, k), builder.select(trans_a, m, one)
    down_b, along_b = builder.select(trans_b, one, n), builder.select(trans_b, k, one)
    panel = v.scratch(builder, element, shape.depth * shape.columns)
    # Without an inner dimension there is still beta to apply: one panel of no rows.
    depths = builder.select(builder.icmp_signed("<", k, one), one, k)
    with v.loop(builder, zero, depths, shape.depth) as first:
        depth = v.smaller(builder, builder.sub(k, first), v.SIZE(shape.depth))
        kept = builder.select(builder.icmp_signed("==", first, zero), beta, ir.Constant(element, 1))
        with v.loop(builder, zero, n, shape.columns) as column:
            columns = v.smaller(builder, builder.sub(n, column), v.SIZE(shape.columns))
            source = v.at(builder, b, (first, down_b), (column, along_b))
            _call(builder, "pack", _pack, [depth, columns, source, builder.select(trans_b, k, n), trans_b, panel])
            left, target = v.at(builder, a, (first, along_a)), v.at(builder, c, (column, one))
            arguments = [m, columns, depth, left, down_a, along_a, panel, target, n, alpha, kept]
            _call(builder, "column", _column_of_tiles, arguments)


def _pack(
    builder: Value, depth: Value, columns: Value, b: Value, stride: Value, transposed: Value, panel: Value
) -> None:
    """Copy so many rows and columns of op(B) to the panel, whose rows are as wide as a tile; zeros fill them up."""
    shape, zero, one = host_shape(b.type.pointee), v.SIZE(0), v.SIZE(1)
    width, blocks = v.SIZE(shape.columns), v.SIZE(-shape.lanes)
    with builder.if_else(transposed) as (yes, no):
        with yes:
            whole_rows, whole_columns = builder.and_(depth, blocks), builder.and_(columns, blocks)
            with v.loop(builder, zero, whole_columns, shape.lanes) as column:
                with v.loop(builder, zero, whole_rows, shape.lanes) as row:
                    source = v.at(builder, b, (column, stride), (row, one))
                    _transpose_block(builder, source, stride, v.at(builder, panel, (row, width), (column, one)), shape)
                beyond = builder.add(column, v.SIZE(shape.lanes))
                _copy_transposed(builder, b, stride, panel, width, (column, beyond), (whole_rows, depth))
            _copy_transposed(builder, b, stride, panel, width, (whole_columns, columns), (zero, depth))
        with no, v.loop(builder, zero, depth) as row:
            source, target = v.at(builder, b, (row, stride)), v.at(builder, panel, (row, width))
            with builder.if_else(builder.icmp_signed("==", columns, width)) as (whole, part):
                with whole:
                    for lane in range(0, shape.columns, shape.lanes):
                        vector = v.read(builder, v.at(builder, source, (v.SIZE(lane), one)), shape.lanes)
                        v.write(builder, vector, v.at(builder, target, (v.SIZE(lane), one)))
                with part, v.loop(builder, zero, columns) as column:
                    value = builder.load(v.at(builder, source, (column, one)))
                    builder.store(value, v.at(builder, target, (column, one)))
    with v.loop(builder, zero, depth) as row, v.loop(builder, columns, width) as column:
        builder.store(ir.Constant(b.type.pointee, 0), v.at(builder, panel, (row, width), (column, one)))


def _copy_transposed(
    builder: Value,
    b: Value,
    stride: Value,
    panel: Value,
    width: Value,
    columns: tuple[Value, Value],
    rows: tuple[Value, Value],
) -> None:
    """So many columns and rows of the panel, an element at a time."""
    with v.loop(builder, *columns) as column, v.loop(builder, *rows) as row:
        value = builder.load(v.at(builder, b, (column, stride), (row, v.SIZE(1))))
        builder.store(value, v.at(builder, panel, (row, width), (column, v.SIZE(1))))


def _transpose_block(builder: Value, source: Value, stride: Value, target: Value, shape: Shape) -> None:
    """As many rows as a vector has lanes: shuffled together, the first with the middle one and so on, they turn."""
    lanes = shape.lanes
    rows = [v.read(builder, v.at(builder, source, (v.SIZE(row), stride)), lanes) for row in range(lanes)]
    low = [lane for pair in range(lanes // 2) for lane in (pair, lanes + pair)]
    masks = [ir.Constant(ir.VectorType(v.LANE, lanes), [lane + half for lane in low]) for half in (0, lanes // 2)]
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
        rows = [builder.shuffle_vector(first, second, mask) for first, second in pairs for mask in masks]
    for row, vector in enumerate(rows):
        v.write(builder, vector, v.at(builder, target, (v.SIZE(row * shape.columns), v.SIZE(1))))


def _column_of_tiles(
    builder: Value,
    rows: Value,
    columns: Value,
    depth: Value,
    a: Value,
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
            is_high = builder.icmp_signed(">", left, v.SIZE(shape.heights[0]))
            with builder.if_else(is_high) as branches:
                for height, branch in zip(reversed(shape.heights), branches, strict=True):
                    with branch:
                        there = v.smaller(builder, left, v.SIZE(height))
                        sources = [depth, there, v.at(builder, a, (row, down)), down, along, panel]
                        target = v.at(builder, c, (row, width))
                        is_whole = builder.and_(exact, builder.icmp_signed("==", there, v.SIZE(height)))
                        with builder.if_else(is_whole) as (whole, part):
                            with whole:
                                _call_tile(builder, height, narrow, [*sources, target, width, alpha, beta])
                            with part:
                                plain = [beside, v.SIZE(shape.columns), element(1), element(0)]
                                _call_tile(builder, height, narrow, [*sources, *plain])
                                _call(builder, "merge", _merge, [there, columns, beside, target, width, alpha, beta])
        builder.branch(done)
        builder.position_at_end(after)
    builder.branch(done)
    builder.position_at_end(done)


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
