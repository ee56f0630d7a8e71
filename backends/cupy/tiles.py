"""The tiles of the kernels that multiply matrices (kernels/cuda/gemm_tile.cuh), and which one a product gets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Multiprocessors that the choice reckons with: those of an H100, about as many as other large GPUs have. A fixed
#: number, so that results do not change from one GPU to another.
MULTIPROCESSORS = 132
#: What a block may have in shared memory without asking for more.
SHARED_BYTES = 48 * 1024
#: Steps of the depth that a split has at least.
MIN_STEPS = 4


class Tile(NamedTuple):
    """One block computes `rows` x `columns` sums, `depth` products of each at a step."""

    name: str  # in gemm_tile.cuh
    rows: int
    columns: int
    depth: int
    threads: int
    resident: int  # blocks that a multiprocessor holds at a time
    efficiency: float  # share of multiply-adds in the loop, relative to the best

    def blocks(self, rows: int, columns: int) -> int:
        """How many tiles cover a result."""
        return -(-rows // self.rows) * -(-columns // self.columns)

    def shared(self, real_bytes: int) -> int:
        """Bytes of shared memory for two copies of both operands of a step."""
        quad = 16 // real_bytes
        return 2 * self.depth * (self.rows + self.columns + 2 * quad) * real_bytes

    @property
    def macros(self) -> dict[str, str]:
        return {"TILE": self.name, "TILE_THREADS": str(self.threads)}


TILES = {
    tile.name: tile
    for tile in (
        Tile("Tile128x128", 128, 128, 8, 256, 2, 1.0),
        Tile("Tile64x128", 64, 128, 8, 128, 3, 0.97),
        Tile("Tile64x64", 64, 64, 16, 256, 3, 0.85),
        Tile("Tile16x64", 16, 64, 16, 128, 6, 0.6),
    )
}
LINEAR = Tile("Tile32x32", 32, 32, 32, 256, 3, 0.5)


def available(scalar: str, index: str) -> tuple[Tile, ...]:
    """The tiles that the table of specialisations has for a type of numbers and of indices."""
    if index != "int":
        return (TILES["Tile64x64"],)
    if scalar != "float":
        return TILES["Tile64x64"], TILES["Tile16x64"]
    return tuple(TILES.values())


def choose(tiles: Iterable[Tile], rows: int, columns: int, groups: int = 1) -> Tile:
    """The tile that is done first with `groups` results of this size, if arithmetic is what takes time.

    Multiprocessors work side by side, and each takes as long as its share of the tiles, whole tiles, what they hold
    beyond the result included.
    """

    def time(tile: Tile) -> float:
        busy = -(-tile.blocks(rows, columns) * groups // MULTIPROCESSORS)
        return busy * tile.rows * tile.columns / tile.efficiency

    return min(tiles, key=time)


def splits(tile: Tile, tiles: int, steps: int) -> int:
    """Over how many blocks to spread the depth of each of `tiles` tiles, `steps` steps, so that all GPU is at work.

    As many as run at a time, but not fewer than MIN_STEPS steps to a block.
    """
    most = min(tile.resident * MULTIPROCESSORS // tiles, steps // MIN_STEPS)
    return -(-steps // -(-steps // most)) if most > 1 else 1
