"""How the convolution kernels are launched, from shapes alone: worked out once for each geometry and kept."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, isqrt, prod
from typing import NamedTuple

from dlcore.backend import Conv2dSpec

from .tiles import SHARED_BYTES, Tile, available, choose, splits

Shape = tuple[int, ...]

#: Bits that the kernels have for rows and columns of taps: see TapGrid in conv2d_taps.cuh.
MAX_TAP_LINES = 31
MAX_GRID = 65535  # blocks along the second and the third axis
KEPT = 1024  # geometries


class Geometry(NamedTuple):
    """The sizes of one group's convolution, as kernels name them: x (N, G*channels, height, width), and so on."""

    images: int
    groups: int
    channels: int
    height: int
    width: int
    kernels: int
    kernel_height: int
    kernel_width: int
    out_height: int
    out_width: int
    stride: tuple[int, int]
    before: tuple[int, int]  # padding at the top and at the left
    dilation: tuple[int, int]

    @property
    def taps(self) -> int:
        return self.kernel_height * self.kernel_width

    @property
    def plane(self) -> int:
        return self.height * self.width

    @property
    def out_plane(self) -> int:
        return self.out_height * self.out_width

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        return self.images, self.groups * self.kernels, self.out_height, self.out_width

    def largest_index(self) -> int:
        """What the kernels count to, with the pixels that a last tile has beyond the last image."""
        rest = 1 << 16
        planes = min(self.plane, self.out_plane)
        images = self.images + rest // max(1, planes) + 1
        most = max(self.channels * self.plane, self.kernels * self.out_plane)
        return images * self.groups * most + rest

    def fits(self) -> bool:
        """Whether the tiled kernels take it at all."""
        lines = self.kernel_height + self.kernel_width
        return lines <= MAX_TAP_LINES and max(self.groups, prod(self.stride)) <= MAX_GRID


@lru_cache(KEPT)
def geometry(x_shape: Shape, weight_shape: Shape, spec: Conv2dSpec) -> Geometry:
    n, c, h, w = x_shape
    k, _, r, s = weight_shape
    p, q = spec.output_size((h, w), (r, s))
    top, _, left, _ = spec.padding
    groups = spec.groups
    return Geometry(n, groups, c // groups, h, w, k // groups, r, s, p, q, spec.stride, (top, left), spec.dilation)


class Plan(NamedTuple):
    """A launch but for its arrays: `numbers` are the arguments from the first number on."""

    macros: dict[str, str]
    grid: tuple[int, ...]
    block: tuple[int, ...]
    numbers: tuple[int, ...]
    shared: int = 0


def _macros(tile: Tile, scalar: str, index: str) -> dict[str, str]:
    return {**tile.macros, "SCALAR": scalar, "INDEX": index}


def _real_bytes(scalar: str) -> int:
    return 8 if scalar == "double" else 4


def _entries(tile: Tile, depth: int, taps: int) -> int:
    """Entries of a block's table of taps: see Cursor in conv2d_taps.cuh."""
    return tile.depth + min(tile.depth * taps, depth - ((depth - 1) % tile.depth + 1))


def _fitting(scalar: str, index: str, depth: int, taps: int, entry_bytes: int) -> list[Tile]:
    """The tiles whose table of taps finds room in shared memory."""
    return [
        tile
        for tile in available(scalar, index)
        if tile.shared(_real_bytes(scalar)) + _entries(tile, depth, taps) * entry_bytes <= SHARED_BYTES
    ]


# --- forward --------------------------------------------------------------------------------------


@lru_cache(KEPT)
def forward(g: Geometry, scalar: str, index: str, tile: Tile | None = None) -> Plan | None:
    """For `conv2d_forward`; `tile`: this one and no other. None: no tile takes it."""
    depth, pixels = g.channels * g.taps, g.images * g.out_plane
    entry_bytes = 8 if index == "int" else 16
    fitting = _fitting(scalar, index, depth, g.taps, entry_bytes)
    if not g.fits() or not fitting:
        return None
    tile = tile or choose(fitting, g.kernels, pixels, g.groups)
    return Plan(
        _macros(tile, scalar, index),
        (tile.blocks(g.kernels, pixels), g.groups),
        (tile.threads,),
        (
            pixels, g.channels, g.height, g.width, g.kernels, g.kernel_height, g.kernel_width, g.out_height,
            g.out_width, *g.stride, *g.before, *g.dilation,
        ),
        _entries(tile, depth, g.taps) * entry_bytes,
    )  # fmt: skip


# --- backward input -------------------------------------------------------------------------------


class BackwardInput(NamedTuple):
    launch: Plan
    pack: Plan | None  # the launch that reorders the weights first
    packed: int  # elements of the reordered weights


@lru_cache(KEPT)
def backward_input(g: Geometry, scalar: str, index: str, tile: Tile | None = None) -> BackwardInput | None:
    """For `conv2d_backward_input`; see `forward`."""
    steps = tuple(stride // gcd(stride, dilation) for stride, dilation in zip(g.stride, g.dilation, strict=True))
    most_taps = -(-g.kernel_height // steps[0]) * -(-g.kernel_width // steps[1])
    phases, depth = prod(g.stride), g.kernels * most_taps
    entry_bytes, offset_bytes = (8, 4) if index == "int" else (16, 8)
    fitting = _fitting(scalar, index, depth, most_taps, entry_bytes + offset_bytes)
    if not g.fits() or not fitting:
        return None
    pixels = g.images * -(-g.height // g.stride[0]) * -(-g.width // g.stride[1])  # of the largest phase
    tile = tile or choose(fitting, g.channels, pixels, g.groups * phases)
    macros = _macros(tile, scalar, index)
    is_packed = tile.rows >= 64
    pitch = -(-g.channels // tile.rows) * tile.rows if is_packed else 0
    packed = g.groups * phases * depth * pitch
    tail = (*g.stride, *g.before, *g.dilation, *steps, most_taps, pitch)
    kernel = (g.kernels, g.kernel_height, g.kernel_width)
    pack = None
    if is_packed:
        blocks = min(-(-packed // 256), MAX_GRID)
        pack = Plan(macros, (blocks,), (256,), (g.groups, g.channels, *kernel, *tail))
    launch = Plan(
        macros,
        (tile.blocks(g.channels, pixels), phases, g.groups),
        (tile.threads,),
        (g.images, g.channels, g.height, g.width, *kernel, g.out_height, g.out_width, *tail),
        (tile.depth + min(tile.depth * most_taps, depth)) * (entry_bytes + (0 if is_packed else offset_bytes)),
    )
    return BackwardInput(launch, pack, packed)


# --- backward weight ------------------------------------------------------------------------------


class BackwardWeight(NamedTuple):
    launch: Plan
    partials: int  # numbers of the workspace, and of the tickets; 0: none
    tickets: int


def magic(divisor: int) -> tuple[int, int]:
    """(magic, shift) with n // divisor = ((n * magic >> 32) + n) >> shift for all 0 <= n < 2**31; see gemm_load.cuh."""
    shift = (divisor - 1).bit_length()
    return ((1 << 32) * ((1 << shift) - divisor)) // divisor + 1, shift


@lru_cache(KEPT)
def backward_weight(g: Geometry, scalar: str, index: str, tile: Tile | None = None) -> BackwardWeight | None:
    """For `conv2d_backward_weight`; see `forward`."""
    if not g.fits():
        return None
    depth, pixels = g.channels * g.taps, g.images * g.out_plane
    # Splits keep all multiprocessors busy whatever the tile: the sizes of tiles that cover the result decide.
    tile = tile or min(
        available(scalar, index),
        key=lambda tile: tile.blocks(g.kernels, depth) * tile.rows * tile.columns / tile.efficiency,
    )
    tiles = tile.blocks(g.kernels, depth)
    parts = min(splits(tile, tiles * g.groups, -(-pixels // tile.depth)), MAX_GRID)
    cluster = isqrt(parts - 1) + 1  # the root, rounded up: both levels of the sum read about as many
    launch = Plan(
        _macros(tile, scalar, index),
        (tiles, parts, g.groups),
        (tile.threads,),
        (
            pixels, g.channels, g.height, g.width, g.kernels, g.kernel_height, g.kernel_width, g.out_width, *g.stride,
            *g.before, *g.dilation, g.plane, g.out_plane, g.groups * g.channels * g.plane,
            g.groups * g.kernels * g.out_plane, *magic(g.out_plane), *magic(g.out_width), cluster,
        ),
    )  # fmt: skip
    if parts == 1:
        return BackwardWeight(launch, 0, 0)
    count = tiles * g.groups
    return BackwardWeight(launch, count * parts * tile.rows * tile.columns, count * (1 + -(-parts // cluster)))
