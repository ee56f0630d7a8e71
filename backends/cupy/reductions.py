"""Sums, matrix products, and what clips gradients: the norm of a flat buffer and its scaling."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import FLOATS, CudaPrimitives
from .channel_sums import THREADS, WARP_ROW, View, aligned, plan, row_warps, vector, view_of
from .launcher import WARP, scalar

Array = Any


class ReductionPrimitives(CudaPrimitives):
    """`sum`, `matmul`, `l2_norm`, `scale`, `fill_zero`."""

    def sum(self, x: Array, axes: tuple[int, ...], keepdims: bool = False, out: Array | None = None) -> Array:
        """Our kernels sum float arrays of which one run of axes is kept; CuPy sums the others, in a launch or two."""
        axes = tuple(axis % x.ndim for axis in axes)
        kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape) if keepdims or axis in kept)
        view = view_of(x.shape, kept) if axes and x.dtype.name in FLOATS and x.flags.c_contiguous and x.size else None
        if view is None:
            return self._sum_by_cupy(x, axes, keepdims, out)
        result = self.empty(shape, x.dtype) if out is None else out
        widest = vector(x.dtype) if aligned(x) else 1
        macros = {"SCALAR": scalar(x.dtype), "INDEX": self.launcher.index(x.size)}
        if view.outer == 1 < view.channels and view.inner <= WARP_ROW:
            warps, width = row_warps(view.channels), widest if view.inner % widest == 0 else 1
            kernel = self.launcher.kernel("reductions", "sums_in_rows", **macros)
            kernel((-(-view.channels // warps),), (warps * WARP,), x, result, view.channels, view.inner, width)
            return result
        sums = plan(self.launcher, view, x.dtype, widest)
        workspace = (sums.partials, sums.tickets)
        if sums.in_columns:
            kernel = self.launcher.kernel("reductions", "sums_in_columns", **macros)
            kernel(sums.grid, sums.block, x, result, *workspace, view.outer, view.channels, sums.width)
        else:
            kernel = self.launcher.kernel("reductions", "sums_in_planes", **macros)
            kernel(sums.grid, sums.block, x, result, *workspace, *view, sums.width)
        return result

    def _sum_by_cupy(self, x: Array, axes: tuple[int, ...], keepdims: bool, out: Array | None) -> Array:
        cp = self.launcher.cp
        dtype = x.dtype if x.dtype.kind in "fc" else np.dtype(np.uint64 if x.dtype.kind == "u" else np.int64)
        if not axes:
            if out is None:
                return x.astype(dtype, order="C", copy=True)
            out[...] = x
            return out
        if dtype != np.float16:
            return cp.sum(x, axis=axes, dtype=dtype, keepdims=keepdims, out=out)
        total = cp.sum(x, axis=axes, dtype=np.float32, keepdims=keepdims)
        if out is None:
            return total.astype(dtype)
        out[...] = total
        return out

    def matmul(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return self.launcher.cp.matmul(x, y, out=out)

    # --- flat buffers ---------------------------------------------------------------------------

    def l2_norm(self, x: Array) -> Array:
        if x.dtype.name not in FLOATS:
            return super().l2_norm(x)
        result = self.empty((), x.dtype)
        if not x.size:
            result.fill(0)
            return result
        x = self.contiguous(x)
        sums = plan(self.launcher, View(1, 1, x.size), x.dtype, vector(x.dtype) if aligned(x) else 1)
        self.launcher.kernel("reductions", "l2_norm", SCALAR=scalar(x.dtype), INDEX=self.launcher.index(x.size))(
            sums.grid, sums.block, x, result, sums.partials, sums.tickets, x.size, sums.width
        )
        return result

    def scale(self, x: Array, factor: float | Array) -> None:
        if x.dtype.name not in FLOATS or not x.flags.c_contiguous:
            self.launcher.cp.multiply(x, factor, out=x)
        elif x.size:
            number: Any = factor
            in_memory = None
            if isinstance(number, self.array_type):
                number, in_memory = 0.0, number.astype(x.dtype, copy=False)
            grid = self.blocks(-(-x.size // vector(x.dtype)), THREADS)
            self.launcher.kernel("scale", "scale", SCALAR=scalar(x.dtype), INDEX=self.launcher.index(x.size))(
                (grid,), (THREADS,), x, x.size, number, in_memory
            )

    def fill_zero(self, x: Array) -> None:
        x.fill(0)
