"""Normalisation: a batch in one launch each way if a block holds a channel, else in two; rows in one, sums in one."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from .base import FLOATS, CudaPrimitives
from .channel_sums import (
    BLOCKS,
    PACKS_PER_THREAD,
    ROWS_PER_THREAD,
    THREADS,
    WARP_ROW,
    Sums,
    View,
    aligned,
    real,
    row_warps,
    tile,
    vector,
)
from .launcher import WARP, Kernel, scalar

Array = Any

#: Threads beside each other on the columns of a block that holds them: 128 bytes of a row.
HELD_LANES = 8


class NormalizationPrimitives(CudaPrimitives):
    """`batch_norm_*` and `group_norm_*`."""

    def batch_norm_forward(
        self,
        x: Array,
        weight: Array | None,
        bias: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        batches: Array | None = None,
        momentum: float | None = 0.1,
        eps: float = 1e-5,
    ) -> tuple[Array, Array]:
        if not _one_float_dtype(x, weight, bias, running_mean, running_var):
            return super().batch_norm_forward(x, weight, bias, running_mean, running_var, batches, momentum, eps)
        x, weight, bias = self._contiguous(x, weight, bias)
        average, var = self._contiguous(running_mean, running_var)
        out, statistics = self.empty(x.shape, x.dtype), self.empty((3, x.shape[1]), real(x.dtype))
        view = _view(x)
        where: tuple[Any, ...]
        # Averages need the count of batches in every block, so that none of them may change it.
        if momentum is not None and (held := _held(view, x.dtype, x, out)) is not None:
            where = (x, weight, bias, statistics, average, var, batches, out)
            self._hold("batch_norm_forward", held, x, where, view, (momentum, eps))
        else:
            sums = self._reduction(view, x, 3, x)
            where = (x, statistics, average, var, batches, sums.partials, sums.tickets)
            options = (momentum is None, momentum or 0.0, eps)
            self._reduce("batch_norm", "batch_norm_statistics", sums, x, where, view, (), options)
            self._apply(x, weight, bias, statistics, None, None, out, batches, eps)
        for running, moved in ((running_mean, average), (running_var, var)):
            if running is not None and moved is not running:
                running[...] = moved
        return out, statistics

    def batch_norm_inference(
        self, x: Array, weight: Array | None, bias: Array | None, mean: Array, var: Array, eps: float = 1e-5
    ) -> Array:
        if not _one_float_dtype(x, weight, bias, mean, var):
            return super().batch_norm_inference(x, weight, bias, mean, var, eps)
        x, weight, bias, mean, var = self._contiguous(x, weight, bias, mean, var)
        out = self.empty(x.shape, x.dtype)
        if x.size:
            self._apply(x, weight, bias, None, mean, var, out, None, eps)
        return out

    def _apply(self, x: Array, *arguments: Any) -> None:
        *arrays, out, batches, eps = arguments
        self._lines("batch_norm_apply", x, (x, *arrays, out), (batches,), (x, out), (eps,))

    def _lines(
        self,
        name: str,
        x: Array,
        arrays: tuple[Array | None, ...],
        counted: tuple[Array | None, ...],
        large: tuple[Array | None, ...],
        options: tuple[Any, ...],
    ) -> None:
        """A kernel of batch_norm.cu that works element by element on the `large` ones of its arrays."""
        outer, channels, inner = _view(x)
        if inner == 1:
            groups, block, width = tile(outer, channels, vector(x.dtype) if aligned(*large) else 1)
            shares = max(1, min(-(-outer // (block[1] * ROWS_PER_THREAD)), BLOCKS // groups))
            kernel = self._normalization_kernel("batch_norm", f"{name}_columns", x)
            kernel((groups, shares), block, *arrays, *counted, outer, channels, width, *options)
        else:
            grid = self.blocks(-(-x.size // vector(x.dtype)), THREADS)
            kernel = self._normalization_kernel("batch_norm", name, x)
            kernel((grid,), (THREADS,), *arrays, *counted, x.size, channels, inner, *options)

    def batch_norm_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None,
        statistics: Array,
        training: bool = True,
        weight_out: Array | None = None,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        if not _one_float_dtype(grad, x, weight) or not x.size:
            return super().batch_norm_backward(grad, x, weight, statistics, training, weight_out, bias_out)
        grad, x, weight, statistics = self._contiguous(grad, x, weight, statistics.astype(real(x.dtype), copy=False))
        channels = x.shape[1]
        by_weight, by_bias = self._results((weight_out, bias_out), channels, x)
        by_x, kept, view = self.empty(x.shape, x.dtype), x if training else None, _view(x)
        elements = x.size // channels
        where: tuple[Any, ...]
        if training and (held := _held(view, x.dtype, grad, x, by_x)) is not None:
            where = (grad, x, weight, statistics, by_weight, by_bias, by_x)
            self._hold("batch_norm_backward", held, x, where, view, (elements,))
        else:
            lines = self.empty((3, channels), real(x.dtype))
            sums = self._reduction(view, x, 2, grad, x, statistics)
            where = (grad, x, weight, statistics, by_weight, by_bias, lines, sums.partials, sums.tickets)
            self._reduce("batch_norm", "batch_norm_sums", sums, x, where, view, (), (elements,))
            self._lines("batch_norm_gradient", x, (grad, kept, statistics, lines, by_x), (), (grad, kept, by_x), ())
        return by_x, by_weight, by_bias

    def _hold(
        self, name: str, held: Held, x: Array, where: tuple[Any, ...], view: View, options: tuple[Any, ...]
    ) -> None:
        """A kernel of batch_norm_held.cu, for channels that fit into registers."""
        in_columns = view.inner == 1
        kernel = self._normalization_kernel("batch_norm_held", f"{name}_{'columns' if in_columns else 'planes'}", x)
        kernel(held.grid, held.block, *where, *(view[:2] if in_columns else view), held.width, *options)

    # --- groups ---------------------------------------------------------------------------------

    def group_norm_forward(
        self, x: Array, weight: Array | None, bias: Array | None, groups: int = 1, eps: float = 1e-5
    ) -> tuple[Array, Array]:
        if not _one_float_dtype(x, weight, bias):
            return super().group_norm_forward(x, weight, bias, groups, eps)
        x, weight, bias = self._contiguous(x, weight, bias)
        out, statistics = self.empty(x.shape, x.dtype), self.empty((3, x.shape[0], groups), real(x.dtype))
        if x.size:
            self._rows("group_norm_forward", groups, x, (x, weight, bias, statistics, out), (eps,))
        return out, statistics

    def group_norm_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None,
        statistics: Array,
        affine: bool = True,
        weight_out: Array | None = None,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None, Array | None]:
        if not _one_float_dtype(grad, x, weight) or not x.size:
            return super().group_norm_backward(grad, x, weight, statistics, affine, weight_out, bias_out)
        grad, x, weight, statistics = self._contiguous(grad, x, weight, statistics.astype(real(x.dtype), copy=False))
        groups, by_x = statistics.shape[2], self.empty(x.shape, x.dtype)
        self._rows("group_norm_backward", groups, x, (grad, x, weight, statistics, by_x), ())
        if not affine:
            return by_x, None, None
        channels = x.shape[1]
        by_weight, by_bias = self._results((weight_out, bias_out), channels, x)
        view = View(x.shape[0], channels, prod(x.shape[2:]))  # as it is: each sample has its own statistics
        sums = self._reduction(view, x, 2, grad, x)
        where = (grad, x, statistics, by_weight, by_bias, sums.partials, sums.tickets)
        self._reduce("group_norm", "group_norm_sums", sums, x, where, view, (groups, channels // groups), ())
        return by_x, by_weight, by_bias

    def _rows(self, name: str, groups: int, x: Array, arrays: tuple[Any, ...], options: tuple[Any, ...]) -> None:
        """A warp or a block for each row, that is, each group of each sample."""
        rows, per_group, inner = x.shape[0] * groups, x.shape[1] // groups, prod(x.shape[2:])
        length = per_group * inner
        widest = vector(x.dtype)
        width = widest if length % widest == 0 and aligned(*arrays) else 1
        sizes = (rows, groups, per_group, inner, width, *options)
        if length <= WARP_ROW:
            warps = row_warps(rows)
            kernel = self._normalization_kernel("group_norm", f"{name}_warp", x)
            kernel((-(-rows // warps),), (warps * WARP,), *arrays, *sizes)
        else:
            kernel = self._normalization_kernel("group_norm", f"{name}_block", x)
            kernel((rows,), (THREADS,), *arrays, *sizes)

    # --- what they share ------------------------------------------------------------------------

    def _contiguous(self, *arrays: Array | None) -> list[Any]:
        return [None if array is None else self.contiguous(array) for array in arrays]

    def _results(self, given: tuple[Array | None, ...], channels: int, x: Array) -> list[Array]:
        return [self.empty((channels,), x.dtype) if out is None else out for out in given]

    def _normalization_kernel(self, source: str, name: str, x: Array) -> Kernel:
        return self.launcher.kernel(source, name, SCALAR=scalar(x.dtype), INDEX=self.launcher.index(x.size))

    def _reduction(self, view: View, x: Array, numbers: int, *read: Array) -> Sums:
        """Geometry and workspace of `reduce_columns` and `reduce_planes` for so many numbers of each channel."""
        outer, channels, inner = view
        widest = vector(x.dtype) if aligned(*read) else 1
        block: tuple[int, ...]
        if inner == 1:
            groups, block, width = tile(outer, channels, widest)
            shares = -(-outer // (block[1] * ROWS_PER_THREAD))
        else:
            width = widest if inner % widest == 0 else 1
            packs = outer * (inner // width)
            block = (min(THREADS, -(-packs // WARP) * WARP),)
            groups, shares = channels, -(-packs // (block[0] * PACKS_PER_THREAD))
        shares = max(1, min(shares, BLOCKS // groups))
        partials = tickets = None
        if shares > 1:
            partials = self.empty((numbers * shares * channels,), real(x.dtype))
            tickets = self.launcher.tickets(groups)
        return Sums(inner == 1, (groups, shares), block, width, partials, tickets)

    def _reduce(
        self,
        source: str,
        name: str,
        sums: Sums,
        x: Array,
        where: tuple[Any, ...],
        view: View,
        sizes: tuple[int, ...],
        options: tuple[Any, ...],
    ) -> None:
        kernel = self._normalization_kernel(source, f"{name}_{'columns' if sums.in_columns else 'planes'}", x)
        extents = view[:2] if sums.in_columns else view
        kernel(sums.grid, sums.block, *where, *extents, *sizes, sums.width, *options)


class Held(NamedTuple):
    """How blocks take channels that they hold in registers."""

    grid: tuple[int]
    block: tuple[int, ...]
    width: int  # elements that a thread takes at a time


def _held(view: View, dtype: Any, *arrays: Array) -> Held | None:
    """None if a channel does not fit into the registers of a block."""
    outer, channels, inner = view
    widest = vector(dtype) if aligned(*arrays) else 1
    if inner > 1:
        width = widest if inner % widest == 0 else 1
        packs = outer * (inner // width)
        threads = min(THREADS, -(-packs // WARP) * WARP)
        return Held((channels,), (threads,), width) if packs <= threads * _steps(width) else None
    width = widest if channels % widest == 0 else 1
    lanes = min(HELD_LANES, 1 << (channels // width - 1).bit_length())
    shares = min(THREADS // lanes, 1 << (outer - 1).bit_length())
    return Held((-(-channels // (lanes * width)),), (lanes, shares), width) if outer <= shares * _steps(width) else None


def _steps(width: int) -> int:
    """Packs of a thread: HELD_STEPS and HELD_SINGLES of the kernels."""
    return 32 // width if width > 1 else 16


def _one_float_dtype(x: Array, *others: Array | None) -> bool:
    return x.dtype.name in FLOATS and all(other is None or other.dtype == x.dtype for other in others)


def _view(x: Array) -> View:
    """(outer, channels, inner) of (N, C, ...); what belongs to one channel is one plane."""
    outer, channels, inner = x.shape[0], x.shape[1], prod(x.shape[2:])
    return View(1, 1, outer * inner) if channels == 1 else View(outer, channels, inner)
