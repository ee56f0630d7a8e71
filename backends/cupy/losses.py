"""Losses that come with their gradient, in one launch."""

from __future__ import annotations

from math import prod
from typing import Any

from dlcore.backend import Reduction

from .base import FLOATS, CudaPrimitives
from .channel_sums import BLOCKS, THREADS, WARP_ROW, View, aligned, plan, real, row_warps, vector, view_of
from .launcher import WARP, scalar

Array = Any

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}  # as the kernels number them
#: Up to so many rows, each block of the cross-entropy adds up the weights of all labels; beyond, a launch before it.
TOTAL_IN_BLOCK = 2048


class LossPrimitives(CudaPrimitives):
    """`softmax_cross_entropy`, `soft_cross_entropy` and `bce_with_logits`."""

    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        weight: Array | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        rows, classes = logits.shape
        mixed = weight is not None and weight.dtype != logits.dtype
        if logits.dtype.name not in FLOATS or mixed or not classes:
            return super().softmax_cross_entropy(logits, labels, weight, ignore_index, label_smoothing, reduction)
        gradient = self.empty(logits.shape, logits.dtype)
        loss = self.empty((rows,) if reduction == "none" else (), logits.dtype)
        if not rows and reduction == "none":
            return loss, gradient
        logits = self.contiguous(logits)
        labels, weight = self.contiguous(labels), None if weight is None else self.contiguous(weight)
        targets = labels, 2 * labels.dtype.itemsize + (labels.dtype.kind == "i"), weight  # its type: LABELS_OF
        widest = vector(logits.dtype) if aligned(logits, weight, gradient) else 1
        macros = {"SCALAR": scalar(logits.dtype), "INDEX": "long long"}
        total = None
        if reduction == "mean" and rows > TOTAL_IN_BLOCK:
            total = self.empty((1,), real(logits.dtype))
            sums = plan(self.launcher, View(1, 1, rows), logits.dtype, 1)
            self.launcher.kernel("cross_entropy", "cross_entropy_total", **macros)(
                sums.grid, sums.block, *targets, total, sums.partials, sums.tickets, rows, classes, ignore_index
            )
        warps = row_warps(rows) or 1
        name, groups, threads = (
            ("cross_entropy_warp", warps, warps * WARP) if classes <= WARP_ROW else ("cross_entropy_block", 1, THREADS)
        )
        grid = self.blocks(rows, groups, BLOCKS)
        self.launcher.kernel("cross_entropy", name, **macros)(
            (grid,), (threads,), logits, *targets, total, loss, gradient, *self._meeting(grid, logits.dtype), rows,
            classes, ignore_index, label_smoothing, REDUCTIONS[reduction], widest if classes % widest == 0 else 1,
        )  # fmt: skip
        return loss, gradient

    def soft_cross_entropy(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        rows, classes = logits.shape
        mixed = target.dtype != logits.dtype or (weight is not None and weight.dtype != logits.dtype)
        if logits.dtype.name not in FLOATS or mixed or not classes:
            return super().soft_cross_entropy(logits, target, weight, label_smoothing, reduction)
        gradient = self.empty(logits.shape, logits.dtype)
        loss = self.empty((rows,) if reduction == "none" else (), logits.dtype)
        if not rows and reduction == "none":
            return loss, gradient
        logits, target = self.contiguous(logits), self.contiguous(target)
        weight = None if weight is None else self.contiguous(weight)
        widest = vector(logits.dtype) if aligned(logits, target, weight, gradient) else 1
        warps = row_warps(rows) or 1
        name, groups, threads = (
            ("soft_cross_entropy_warp", warps, warps * WARP)
            if classes <= WARP_ROW
            else ("soft_cross_entropy_block", 1, THREADS)
        )
        grid = self.blocks(rows, groups, BLOCKS)
        self.launcher.kernel("soft_cross_entropy", name, SCALAR=scalar(logits.dtype), INDEX="long long")(
            (grid,), (threads,), logits, target, weight, loss, gradient, *self._meeting(grid, logits.dtype), rows,
            classes, label_smoothing, REDUCTIONS[reduction], widest if classes % widest == 0 else 1,
        )  # fmt: skip
        return loss, gradient

    def _meeting(self, blocks: int, dtype: Any) -> tuple[Array | None, Array | None]:
        """Partial sums and a ticket for a grid of that many blocks."""
        return (self.empty((blocks,), real(dtype)), self.launcher.tickets(1)) if blocks > 1 else (None, None)

    def bce_with_logits(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        pos_weight: Array | None = None,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        dtype, shape = logits.dtype, logits.shape
        if dtype.name not in FLOATS or any(w is not None and w.dtype != dtype for w in (target, weight, pos_weight)):
            return super().bce_with_logits(logits, target, weight, pos_weight, reduction)
        gradient = self.empty(shape, dtype)
        loss = self.empty(shape if reduction == "none" else (), dtype)
        if not logits.size and reduction == "none":
            return loss, gradient
        weight, *weight_view = self._broadcast(weight, shape)
        pos_weight, *pos_view = self._broadcast(pos_weight, shape)
        arrays = (self.contiguous(logits), self.contiguous(target), weight, pos_weight, loss, gradient)
        accessed = (*arrays[:2], gradient, loss if reduction == "none" else None)
        view = View(1, 1, logits.size)
        sums = plan(self.launcher, view, dtype, vector(dtype) if aligned(*accessed) else 1)
        self.launcher.kernel(
            "bce", "bce_with_logits", SCALAR=scalar(dtype), INDEX=self.launcher.index(logits.size)
        )(
            sums.grid, sums.block, *arrays, sums.partials, sums.tickets, logits.size, *weight_view, *pos_view,
            REDUCTIONS[reduction], sums.width,
        )  # fmt: skip
        return loss, gradient

    def _broadcast(self, weight: Array | None, shape: tuple[int, ...]) -> tuple[Array | None, int, int]:
        """A weight as values along one axis of (outer, channels, inner); expanded if it is none."""
        if weight is None:
            return None, 1, 1
        sizes = (1,) * (len(shape) - weight.ndim) + weight.shape
        view = view_of(shape, tuple(axis for axis, size in enumerate(sizes) if size == shape[axis]))
        if view is not None:
            return self.contiguous(weight), view.channels, view.inner
        expanded = self.launcher.cp.ascontiguousarray(self.launcher.cp.broadcast_to(weight, shape))
        return expanded, prod(shape), 1
