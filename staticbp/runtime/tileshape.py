"""The size of the tiles that products are made of, which follows from the vector registers of a CPU."""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from staticbp.runtime import vectors as v

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
        return (4, self.rows) if self.rows > 4 else (self.rows,)


def tile_shape(bits: int, features: str) -> Shape:
    """The tile for elements of so many bits on a CPU with these features, as LLVM writes them.

    32 vector registers hold 24 of sums, 16 of them 12; the rest are for the operands. The wider a tile, the fewer
    times A passes by.

    Examples
    --------
    >>> tile_shape(32, "+avx,+avx2,+fma")
    Shape(rows=4, vectors=3, lanes=8)
    >>> tile_shape(64, "+avx2,+avx512f")
    Shape(rows=8, vectors=3, lanes=8)
    """
    lanes = v.vector_bits(features) // bits
    many = not {"+avx512f", "+neon"}.isdisjoint(features.split(","))
    return Shape(8, 3, lanes) if many else Shape(4, 3, lanes)


def host_shape(element: ir.Type) -> Shape:
    """The tile for elements of a type on the CPU that code is made for."""
    return tile_shape(64 if isinstance(element, ir.DoubleType) else 32, v.host_features())
