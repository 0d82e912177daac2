"""The size of the tiles that products are made of, which follows from the vector registers of a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from staticbp.runtime.intrinsics import vectors as v
from staticbp.runtime.intrinsics.vectors import Value

# Bytes of a panel of B, which stays in the first cache while A passes by: where there are 16 vector registers, and 32.
PANELS = 25_600, 32_768


@dataclass(frozen=True, slots=True)
class Shape:
    """A tile: rows by vectors of so many lanes.

    A panel has so many rows at most, its `depth`: they are the steps between two visits of a tile.
    """

    rows: int
    vectors: int
    lanes: int
    depth: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def heights(self) -> tuple[int, ...]:
        """The rows of the tiles that code is made for: the last ones of a column may do with fewer."""
        return (4, self.rows) if self.rows > 4 else (self.rows,)


def tile_shape(bits: int, features: str) -> Shape:
    """The tile for elements of so many bits on a CPU with these features, as LLVM writes them.

    32 vector registers hold 24 of sums, 16 of them 12; the rest are for the operands. The wider a tile, the fewer
    times A passes by.

    Examples
    --------
    >>> tile_shape(32, "+avx,+avx2,+fma")
    Shape(rows=4, vectors=3, lanes=8, depth=264)
    >>> tile_shape(64, "+avx2,+avx512f")
    Shape(rows=8, vectors=3, lanes=8, depth=168)
    """
    width = v.vector_bits(features)
    many = not {"+avx512f", "+neon"}.isdisjoint(features.split(","))
    rows, vectors, lanes = 8 if many else 4, 3, width // bits
    return Shape(rows, vectors, lanes, depth=8 * PANELS[many] // (vectors * width) & -lanes)


def host_shape(element: ir.Type) -> Shape:
    """The tile for elements of a type on the CPU that code is made for."""
    return tile_shape(64 if isinstance(element, ir.DoubleType) else 32, v.host_features())


def call(
    builder: Value,
    name: str,
    write: Callable[..., None],
    arguments: Sequence[Value],
    how: Callable[..., None] = v.call,
) -> None:
    """Call a function for tiles of this machine, one of the module (see `vectors.call`), or one that is shared."""
    element = next(argument.type.pointee for argument in arguments if isinstance(argument.type, ir.PointerType))
    shape = host_shape(element)
    how(builder, f"tiled_{shape.rows}x{shape.columns}_{name}", write, arguments)
