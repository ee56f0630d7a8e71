"""How arrays are shared out among the threads of `kernels/cuda/channel_sums.cuh`: sums over all axes but a few.

Grids depend on shapes alone, never on the GPU, so that the same inputs give the same bits on every one.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from .launcher import WARP, Launcher

Array = Any

THREADS = 256
VECTOR_BYTES = 16
#: Beyond that many blocks a grid fills any GPU, and a sum is not split further.
BLOCKS = 1024
#: What a thread should have to do before its work is split: rows, and packs of elements.
ROWS_PER_THREAD, PACKS_PER_THREAD = 4, 4
#: The longest row that a warp works on.
WARP_ROW = 1024


class View(NamedTuple):
    """An array seen as (outer, channels, inner)."""

    outer: int
    channels: int
    inner: int


def view_of(shape: tuple[int, ...], kept: tuple[int, ...]) -> View | None:
    """The view with the `kept` axes as channels; None if they do not lie side by side (axes of size 1 aside)."""
    kept = tuple(sorted(axis % len(shape) for axis in kept if shape[axis] != 1))
    if not kept:
        return View(1, 1, prod(shape))
    first, last = kept[0], kept[-1]
    if any(shape[axis] != 1 and axis not in kept for axis in range(first, last)):
        return None
    return View(prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :]))


class Sums(NamedTuple):
    """The launch of a kernel over `channel_sums.cuh`, and the memory that its blocks meet in."""

    in_columns: bool  # else in planes
    grid: tuple[int, int]
    block: tuple[int, ...]
    width: int  # elements that a thread takes at a time
    partials: Array | None
    tickets: Array | None


def aligned(*arrays: Array | None) -> bool:
    """Whether 16-byte accesses may be used on each of these (an argument that is None is not read)."""
    return all(array is None or array.data.ptr % VECTOR_BYTES == 0 for array in arrays)


def vector(dtype: np.dtype[Any]) -> int:
    """How many elements a 16-byte access moves."""
    return VECTOR_BYTES // dtype.itemsize


def real(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """The dtype that kernels compute in."""
    return np.float64 if dtype == np.float64 else np.float32


class Tile(NamedTuple):
    """How blocks of (x, y) threads stand beside the columns of a matrix."""

    groups: int  # of columns, a block for each
    block: tuple[int, int]
    width: int  # neighbouring columns that a thread has


def tile(rows: int, columns: int, widest: int) -> Tile:
    """`widest`: how many columns a thread may have where their number allows it (1 or `vector(dtype)`).

    Half a warp beside the columns reads 256 bytes in a row by 16-byte accesses. That is enough, and the more threads a
    block has below one another, the fewer are the blocks that a column's partial sums come from.
    """
    width = widest if columns % widest == 0 else 1
    lanes = min(WARP if width == 1 else WARP // 2, _power_of_two(columns // width))
    return Tile(-(-columns // (lanes * width)), (lanes, min(THREADS // lanes, _power_of_two(rows))), width)


def row_warps(rows: int) -> int:
    """How many warps a block has, each with a row of its own."""
    return min(THREADS // WARP, rows)


def plan(launcher: Launcher, view: View, dtype: np.dtype[Any], widest: int) -> Sums:
    """Geometry and workspace for sums over an array that is not empty.

    `widest`: how many elements a thread may take at a time where the shape allows it (1 or `vector(dtype)`).
    """
    outer, channels, inner = view
    in_columns = inner == 1 and channels > 1
    block: tuple[int, ...]
    if in_columns:
        groups, block, width = tile(outer, channels, widest)
        shares = -(-outer // (block[1] * ROWS_PER_THREAD))
    else:
        if channels == 1:
            outer, inner = 1, outer * inner
        width = widest if inner % widest == 0 or outer * channels == 1 else 1
        packs = outer * (inner // width)
        block = (min(THREADS, max(1, -(-packs // WARP)) * WARP),)
        groups, shares = channels, -(-packs // (block[0] * PACKS_PER_THREAD))
    shares = max(1, min(shares, BLOCKS // groups))
    partials = tickets = None
    if shares > 1:
        partials = launcher.cp.empty(shares * channels, dtype=real(dtype))
        tickets = launcher.tickets(groups)
    return Sums(in_columns, (groups, shares), block, width, partials, tickets)


def _power_of_two(count: int) -> int:
    """The smallest one that is not below `count`."""
    return 1 << (count - 1).bit_length()
