"""Copies of the operands of a product, in the order in which tiles read them."""

from __future__ import annotations

from llvmlite import ir

from staticbp.runtime import vectors as v
from staticbp.runtime.tileshape import Shape, host_shape
from staticbp.runtime.vectors import Value


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
    """Copy so many rows and columns of op(B) to the panel, whose rows are as wide as a tile; zeros fill up a vector."""
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
        with no:
            _copy_rows(builder, depth, columns, b, stride, panel, shape.vectors)
    filled = builder.mul(v.quotient(builder, columns, shape.lanes), v.SIZE(shape.lanes))
    with v.loop(builder, zero, depth) as row, v.loop(builder, columns, filled) as column:
        builder.store(ir.Constant(b.type.pointee, 0), v.at(builder, panel, (row, width), (column, one)))


def _copy_rows(builder: Value, depth: Value, columns: Value, b: Value, stride: Value, panel: Value, count: int) -> None:
    """Rows of a number of columns that is known when compiled if it is `count` vectors, or less by whole vectors."""
    shape, zero, one = host_shape(b.type.pointee), v.SIZE(0), v.SIZE(1)
    width, lanes = v.SIZE(shape.columns), shape.lanes
    with builder.if_else(builder.icmp_signed("==", columns, v.SIZE(count * lanes))) as (whole, part):
        with whole, v.loop(builder, zero, depth) as row:
            source, target = v.at(builder, b, (row, stride)), v.at(builder, panel, (row, width))
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
    shape, zero, one = host_shape(b.type.pointee), v.SIZE(0), v.SIZE(1)
    width, lanes = v.SIZE(shape.columns), shape.lanes
    vectors = builder.and_(columns, v.SIZE(-lanes))
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
