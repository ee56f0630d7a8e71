"""How the convolution kernels are launched, from shapes alone: worked out once for each geometry and kept.

Three families of kernels, the first that fits:

- depthwise.cu: one input channel to a group. Little arithmetic, so the kernels are direct ones.
- gemm_pointwise.cu: kernels of one tap, stride 1, no padding, float32, everything in quads that are aligned. The
  images are matrices as they lie in memory.
- conv2d_*.cu: implicit matrix products, for all the rest but kernels of very many taps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd, isqrt, prod
from typing import NamedTuple

from dlcore.backend import Conv2dSpec

from .launcher import C_TYPES
from .tiles import MULTIPROCESSORS, SHARED_BYTES, TILES, Tile, available, choose, splits

Shape = tuple[int, ...]

#: Bits that the kernels have for rows and columns of taps: see TapGrid in conv2d_taps.cuh.
MAX_TAP_LINES = 31
MAX_GRID = 65535  # blocks along the second and the third axis
QUAD = 4  # float32 numbers in 16 bytes
THREADS = 256  # of a block of the kernels without tiles
DEPTHWISE_TAPS = 9  # that a block of depthwise_backward_weight sums
DEPTHWISE_PIXELS = 128  # that one of its splits has at least
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

    @property
    def is_depthwise(self) -> bool:
        return self.channels == 1 and self.groups > 1

    @property
    def has_bits(self) -> bool:
        """Whether its taps find room in the kernels' bit masks."""
        return self.kernel_height + self.kernel_width <= MAX_TAP_LINES

    @property
    def fits_grid(self) -> bool:
        return max(self.groups, prod(self.stride)) <= MAX_GRID

    def is_pointwise(self, scalar: str, index: str, aligned: bool) -> bool:
        """Whether gemm_pointwise.cu takes it, as far as all three kernels are concerned."""
        same = (self.height, self.width) == (self.out_height, self.out_width)
        plain = self.taps == 1 and self.stride == (1, 1) and self.before == (0, 0) and same
        return plain and aligned and (scalar, index) == ("float", "int") and self.plane % QUAD == 0

    def largest_index(self) -> int:
        """What the kernels count to, with the pixels that a last tile has beyond the last image."""
        rest = 1 << 16
        images = self.images + rest // max(1, min(self.plane, self.out_plane)) + 1
        most = max(self.channels * self.plane, self.kernels * self.out_plane)
        return images * self.groups * most + rest


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

    source: str
    kernel: str
    macros: dict[str, str]
    grid: tuple[int, ...]
    block: tuple[int, ...]
    numbers: tuple[int, ...]
    shared: int = 0


class WeightPlan(NamedTuple):
    """Of a gradient of weights: the launch, and the numbers of its workspace and of its tickets (0: none)."""

    launch: Plan
    partials: int
    tickets: int


class InputPlan(NamedTuple):
    """Of a gradient of the input: the launch, the one before it that reorders the weights, and their number then."""

    launch: Plan
    pack: Plan | None
    packed: int


# --- what the kernels with tiles share ----------------------------------------------------------------


def _tile(tiles: Sequence[Tile], forced: str | None, rows: int, columns: int, groups: int) -> Tile:
    """The tile of that name if it is among them, else the best."""
    for tile in tiles:
        if tile.name == forced:
            return tile
    return choose(tiles, rows, columns, groups)


def _macros(tile: Tile, scalar: str, index: str) -> dict[str, str]:
    return {**tile.macros, "SCALAR": scalar, "INDEX": index}


def _entries(tile: Tile, depth: int, taps: int) -> int:
    """Entries of a block's table of taps: see Cursor in conv2d_taps.cuh."""
    return tile.depth + min(tile.depth * taps, depth)


def _fitting(scalar: str, index: str, depth: int, taps: int, entry_bytes: int) -> list[Tile]:
    """The tiles whose table of taps finds room in shared memory."""
    real_bytes = 8 if scalar == "double" else 4
    return [
        tile
        for tile in available(scalar, index)
        if tile.shared(real_bytes) + _entries(tile, depth, taps) * entry_bytes <= SHARED_BYTES
    ]


_POINTWISE = tuple(tile for tile in TILES.values() if tile.rows >= 64)


def _tap_steps(g: Geometry) -> tuple[int, ...]:
    """How far apart, along both axes, taps lie that reach the same inputs: see Phase in conv2d_phase.cuh."""
    return tuple(stride // gcd(stride, dilation) for stride, dilation in zip(g.stride, g.dilation, strict=True))


def _blocks(items: int) -> int:
    return min(-(-items // THREADS), MAX_GRID)


# --- forward --------------------------------------------------------------------------------------


@lru_cache(KEPT)
def forward(g: Geometry, scalar: str, index: str, aligned: bool, tile_name: str | None = None) -> Plan | None:
    """For x, weight, bias, out. `aligned`: x and weight are, to 16 bytes. None: these kernels do not take it."""
    if g.is_depthwise:
        runs = g.images * g.groups * g.kernels * g.out_height * -(-g.out_width // _run(scalar))
        numbers = (
            runs, g.groups, g.kernels, g.height, g.width, g.kernel_height, g.kernel_width, g.out_height, g.out_width,
            *g.stride, *g.before, *g.dilation,
        )  # fmt: skip
        return _depthwise("forward", scalar, index, (_blocks(runs),), numbers)
    if not g.fits_grid:
        return None
    pixels = g.images * g.out_plane
    if g.is_pointwise(scalar, index, aligned) and g.channels % QUAD == 0 and g.kernels > TILES["Tile16x64"].rows:
        tile = _tile(_POINTWISE, tile_name, g.kernels, pixels, g.groups)
        grid = (tile.blocks(g.kernels, pixels), g.groups)
        return _pointwise("forward", tile, grid, (pixels, g.plane, g.channels, g.kernels))
    depth, entry_bytes = g.channels * g.taps, 8 if index == "int" else 16
    tiles = _fitting(scalar, index, depth, g.taps, entry_bytes)
    if not aligned or depth % QUAD:  # the largest tile reads the weights by quads only
        tiles = [tile for tile in tiles if tile.rows < 128]
    if not g.has_bits or not tiles:
        return None
    tile = _tile(tiles, tile_name, g.kernels, pixels, g.groups)
    return Plan(
        "conv2d_forward",
        "conv2d_forward",
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


@lru_cache(KEPT)
def backward_input(
    g: Geometry, scalar: str, index: str, aligned: bool, tile_name: str | None = None
) -> InputPlan | None:
    """For grad, weight, out; see `forward`."""
    if not g.fits_grid:
        return None
    steps, phases = _tap_steps(g), prod(g.stride)
    kernel = (g.kernels, g.kernel_height, g.kernel_width)
    phase_height, phase_width = -(-g.height // g.stride[0]), -(-g.width // g.stride[1])  # of the largest
    if g.is_depthwise:
        planes = g.images * g.groups
        blocks = _blocks(planes * phase_height * -(-phase_width // _run(scalar)))
        numbers = (
            planes, g.groups, g.kernels, g.height, g.width, g.kernel_height, g.kernel_width, g.out_height, g.out_width,
            *g.stride, *g.before, *g.dilation, *steps,
        )  # fmt: skip
        return InputPlan(_depthwise("backward_input", scalar, index, (blocks, phases), numbers), None, 0)
    pixels = g.images * phase_height * phase_width
    if g.is_pointwise(scalar, index, aligned) and g.channels % QUAD == 0 and g.channels > TILES["Tile16x64"].rows:
        tile = _tile(_POINTWISE, tile_name, g.channels, pixels, g.groups)
        grid = (tile.blocks(g.channels, pixels), g.groups)
        return InputPlan(
            _pointwise("backward_input", tile, grid, (pixels, g.plane, g.channels, g.kernels)), None, 0
        )  # fmt: skip
    most_taps = -(-g.kernel_height // steps[0]) * -(-g.kernel_width // steps[1])
    depth = g.kernels * most_taps
    entry_bytes, offset_bytes = (8, 4) if index == "int" else (16, 8)
    tiles = _fitting(scalar, index, depth, most_taps, entry_bytes + offset_bytes)
    if not g.has_bits or not tiles:
        return None
    tile = _tile(tiles, tile_name, g.channels, pixels, g.groups * phases)
    macros = _macros(tile, scalar, index)
    is_packed = tile.rows >= 64
    pitch = -(-g.channels // tile.rows) * tile.rows if is_packed else 0
    packed = g.groups * phases * depth * pitch
    tail = (*g.stride, *g.before, *g.dilation, *steps, most_taps, pitch)
    pack = None
    if is_packed:
        numbers = (g.groups, g.channels, *kernel, *tail)
        pack = Plan(
            "conv2d_pack_weights", "conv2d_pack_weights", {"SCALAR": scalar, "INDEX": index},
            (_blocks(packed // _run(scalar)),), (THREADS,), numbers,
        )  # fmt: skip
    launch = Plan(
        "conv2d_backward_input",
        "conv2d_backward_input",
        macros,
        (tile.blocks(g.channels, pixels), phases, g.groups),
        (tile.threads,),
        (g.images, g.channels, g.height, g.width, *kernel, g.out_height, g.out_width, *tail),
        _entries(tile, depth, most_taps) * (entry_bytes + (0 if is_packed else offset_bytes)),
    )
    return InputPlan(launch, pack, packed)


# --- backward weight ------------------------------------------------------------------------------


@lru_cache(KEPT)
def backward_weight(
    g: Geometry, scalar: str, index: str, aligned: bool, tile_name: str | None = None, parts: int | None = None
) -> WeightPlan | None:
    """For grad, x, out, partials, tickets; see `forward`. `aligned`: grad and x are. `parts`: the splits to have."""
    if not g.has_bits or not g.fits_grid:
        return None
    if g.is_depthwise:
        return _depthwise_backward_weight(g, scalar, index)
    pixels = g.images * g.out_plane
    depth, is_pointwise = g.channels * g.taps, g.is_pointwise(scalar, index, aligned)
    is_pointwise = is_pointwise and g.kernels > TILES["Tile16x64"].rows
    tile = _for_weights(_POINTWISE if is_pointwise else available(scalar, index), tile_name, g.kernels, depth)
    tiles = tile.blocks(g.kernels, depth)
    parts = parts or min(splits(tile, tiles * g.groups, -(-pixels // tile.depth)), MAX_GRID)
    cluster = isqrt(parts - 1) + 1  # the root, rounded up: both levels of the sum read about as many
    grid = (tiles, parts, g.groups)
    if is_pointwise:
        numbers: tuple[int, ...] = (pixels, g.plane, g.channels, g.kernels, *magic(g.plane), cluster)
        launch = _pointwise("backward_weight", tile, grid, numbers)
    else:
        numbers = (
            pixels, g.channels, g.height, g.width, g.kernels, g.kernel_height, g.kernel_width, g.out_width, *g.stride,
            *g.before, *g.dilation, g.plane, g.out_plane, g.groups * g.channels * g.plane,
            g.groups * g.kernels * g.out_plane, *magic(g.out_plane), *magic(g.out_width), cluster,
        )  # fmt: skip
        macros = _macros(tile, scalar, index)
        launch = Plan(
            "conv2d_backward_weight", "conv2d_backward_weight", macros, grid, (tile.threads,), numbers
        )  # fmt: skip
    if parts == 1:
        return WeightPlan(launch, 0, 0)
    count = tiles * g.groups
    return WeightPlan(launch, count * parts * tile.rows * tile.columns, count * (1 + -(-parts // cluster)))


def _for_weights(tiles: Sequence[Tile], forced: str | None, rows: int, columns: int) -> Tile:
    """Splits keep all multiprocessors busy whatever the tile: what counts is how much tiles hold beyond the result."""
    for tile in tiles:
        if tile.name == forced:
            return tile
    return min(tiles, key=lambda tile: tile.blocks(rows, columns) * tile.rows * tile.columns / tile.efficiency)


def magic(divisor: int) -> tuple[int, int]:
    """(magic, shift) with n // divisor = ((n * magic >> 32) + n) >> shift for all 0 <= n < 2**31; see gemm_load.cuh."""
    shift = (divisor - 1).bit_length()
    return ((1 << 32) * ((1 << shift) - divisor)) // divisor + 1, shift


# --- launches of the two other families -----------------------------------------------------------------


def _pointwise(name: str, tile: Tile, grid: tuple[int, ...], numbers: tuple[int, ...]) -> Plan:
    macros = _macros(tile, "float", "int")
    return Plan("gemm_pointwise", f"pointwise_{name}", macros, grid, (tile.threads,), numbers)


def _run(scalar: str) -> int:
    """How many elements there are in 16 bytes: what a thread of the kernels without tiles has side by side."""
    return 16 // C_TYPES[scalar].itemsize


def _depthwise(name: str, scalar: str, index: str, grid: tuple[int, ...], numbers: tuple[int, ...]) -> Plan:
    macros = {"SCALAR": scalar, "INDEX": index}
    return Plan("depthwise", f"depthwise_{name}", macros, grid, (THREADS,), numbers)


def _depthwise_backward_weight(g: Geometry, scalar: str, index: str) -> WeightPlan:
    lines = g.images * g.out_height
    blocks = g.groups * g.kernels * -(-g.taps // DEPTHWISE_TAPS)
    most = min(4 * MULTIPROCESSORS // blocks, lines // -(-DEPTHWISE_PIXELS // g.out_width), MAX_GRID)
    parts = max(1, most)
    columns = min(THREADS, 1 << (g.out_width - 1).bit_length())
    numbers = (
        lines, g.groups, g.kernels, g.height, g.width, g.kernel_height, g.kernel_width, g.out_height, g.out_width,
        *g.stride, *g.before, *g.dilation, *magic(g.out_height), columns,
    )  # fmt: skip
    launch = _depthwise("backward_weight", scalar, index, (blocks, parts), numbers)
    return WeightPlan(launch, blocks * parts * DEPTHWISE_TAPS, blocks) if parts > 1 else WeightPlan(launch, 0, 0)
