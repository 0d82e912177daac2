"""Copies of the operands of a product, in the order in which tiles read them.

A whole B that is packed lies in panels, as its product would copy them one after the other: for each stretch of the
inner dimension all panels, each of them row by row. They take as many elements as B has with its rows filled up to
whole vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from staticbp.runtime.intrinsics import vectors as v
from staticbp.runtime.intrinsics.tileshape import Shape, call, host_shape
from staticbp.runtime.intrinsics.vectors import Value


def pack_whole(builder: Value, arguments: Sequence[Value]) -> None:
    """Pack a matrix: the arguments are k, n, B, the flag, and where the panels go."""
    call(builder, "pack_whole", _pack_whole, arguments, v.call_shared)


def _pack_whole(builder: Value, k: Value, n: Value, b: Value, trans_b: Value, panels: Value) -> None:
    shape, zero, one = host_shape(b.type.pointee), v.SIZE(0), v.SIZE(1)
    width, vectors = builder.select(trans_b, k, n), v.quotient(builder, n, shape.lanes)
    down, along = builder.select(trans_b, one, width), builder.select(trans_b, width, one)
    with (
        v.loop(builder, zero, k, shape.depth) as first,
        v.loop(builder, zero, v.quotient(builder, n, shape.columns)) as number,
    ):
        depth = v.smaller(builder, builder.sub(k, first), v.SIZE(shape.depth))
        column, columns = panel_of(builder, number, vectors, n, shape)
        source = v.at(builder, b, (first, down), (column, along))
        target = stored(builder, panels, column, n, first, depth)
        call(builder, "pack", pack, [depth, columns, source, width, trans_b, target])


def panel_of(builder: Value, number: Value, vectors: Value, n: Value, shape: Shape) -> tuple[Value, Value]:
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


def stored(builder: Value, panels: Value, column: Value, n: Value, first: Value, depth: Value) -> Value:
    """Where the panel lies, in a packed matrix of n columns, that begins with a column, of the stretch from `first`."""
    lanes = host_shape(panels.type.pointee).lanes
    width = builder.mul(v.quotient(builder, n, lanes), v.SIZE(lanes))
    return v.at(builder, panels, (first, width), (column, depth))


def copy_strips(builder: Value, rows: Value, depth: Value, a: Value, down: Value, along: Value, strip: Value) -> None:
    """Copy so many rows and steps of op(A), the rows of a tile after those of another, and theirs step by step."""
    shape, zero, one = host_shape(a.type.pointee), v.SIZE(0), v.SIZE(1)
    height = v.SIZE(shape.rows)
    with v.loop(builder, zero, rows, shape.rows) as row:
        there = v.smaller(builder, builder.sub(rows, row), height)
        source, target = v.at(builder, a, (row, down)), v.at(builder, strip, (row, depth))
        is_whole = builder.icmp_signed("==", there, height)
        with builder.if_else(is_whole) as (whole, part):
            with whole, v.loop(builder, zero, depth) as step:
                vector = v.read(builder, v.at(builder, source, (step, along)), shape.rows)
                v.write(builder, vector, v.at(builder, target, (step, height)))
            with part, v.loop(builder, zero, depth) as step, v.loop(builder, zero, there) as number:
                value = builder.load(v.at(builder, source, (step, along), (number, down)))
                builder.store(value, v.at(builder, target, (step, height), (number, one)))


def pack(
    builder: Value, depth: Value, columns: Value, b: Value, stride: Value, transposed: Value, panel: Value
) -> None:
    """Copy so many rows and columns of op(B) to the panel, whose rows are whole vectors: zeros fill up the last."""
    shape, zero, one = host_shape(b.type.pointee), v.SIZE(0), v.SIZE(1)
    blocks = v.SIZE(-shape.lanes)
    width = builder.and_(builder.add(columns, v.SIZE(shape.lanes - 1)), blocks)
    with builder.if_else(transposed) as (yes, no):
        with yes:
            whole_rows, whole_columns = builder.and_(depth, blocks), builder.and_(columns, blocks)
            with v.loop(builder, zero, whole_columns, shape.lanes) as column:
                with v.loop(builder, zero, whole_rows, shape.lanes) as row:
                    source = v.at(builder, b, (column, stride), (row, one))
                    _transpose_block(builder, source, stride, v.at(builder, panel, (row, width), (column, one)), width)
                beyond = builder.add(column, v.SIZE(shape.lanes))
                _copy_transposed(builder, b, stride, panel, width, (column, beyond), (whole_rows, depth))
            _copy_transposed(builder, b, stride, panel, width, (whole_columns, columns), (zero, depth))
        with no:
            _copy_rows(builder, depth, columns, b, stride, panel, shape.vectors)
    with v.loop(builder, zero, depth) as row, v.loop(builder, columns, width) as column:
        builder.store(ir.Constant(b.type.pointee, 0), v.at(builder, panel, (row, width), (column, one)))


def _copy_rows(builder: Value, depth: Value, columns: Value, b: Value, stride: Value, panel: Value, count: int) -> None:
    """Rows of a number of columns that is known when compiled if it is `count` vectors, or less by whole vectors."""
    shape, zero, one = host_shape(b.type.pointee), v.SIZE(0), v.SIZE(1)
    lanes = shape.lanes
    with builder.if_else(builder.icmp_signed("==", columns, v.SIZE(count * lanes))) as (whole, part):
        with whole, v.loop(builder, zero, depth) as row:
            source, target = v.at(builder, b, (row, stride)), v.at(builder, panel, (row, columns))
            for lane in range(0, count * lanes, lanes):
                vector = v.read(builder, v.at(builder, source, (v.SIZE(lane), one)), lanes)
                v.write(builder, vector, v.at(builder, target, (v.SIZE(lane), one)))
        with part:
            if count > 1:
                _copy_rows(builder, depth, columns, b, stride, panel, count - 1)
            else:
                _copy_ragged_rows(builder, depth, columns, b, stride, panel)


def _copy_ragged_rows(builder: Value, depth: Value, columns: Value, b: Value, stride: Value, panel: Value) -> None:
    """Rows of any number of columns."""
    lanes, zero, one = v.host_lanes(b.type.pointee), v.SIZE(0), v.SIZE(1)
    vectors = builder.and_(columns, v.SIZE(-lanes))
    width = builder.and_(builder.add(columns, v.SIZE(lanes - 1)), v.SIZE(-lanes))
    with v.loop(builder, zero, depth) as row:
        source, target = v.at(builder, b, (row, stride)), v.at(builder, panel, (row, width))
        with v.loop(builder, zero, vectors, lanes) as column:
            vector = v.read(builder, v.at(builder, source, (column, one)), lanes)
            v.write(builder, vector, v.at(builder, target, (column, one)))
        with v.loop(builder, vectors, columns) as column:
            value = builder.load(v.at(builder, source, (column, one)))
            builder.store(value, v.at(builder, target, (column, one)))


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


def _transpose_block(builder: Value, source: Value, stride: Value, target: Value, width: Value) -> None:
    """As many rows as a vector has lanes: shuffled together, the first with the middle one and so on, they turn."""
    lanes = v.host_lanes(source.type.pointee)
    rows = [v.read(builder, v.at(builder, source, (v.SIZE(row), stride)), lanes) for row in range(lanes)]
    low = [lane for pair in range(lanes // 2) for lane in (pair, lanes + pair)]
    masks = [ir.Constant(ir.VectorType(v.LANE, lanes), [lane + half for lane in low]) for half in (0, lanes // 2)]
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
        rows = [builder.shuffle_vector(first, second, mask) for first, second in pairs for mask in masks]
    for row, vector in enumerate(rows):
        v.write(builder, vector, v.at(builder, target, (v.SIZE(row), width)))
