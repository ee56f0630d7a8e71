"""Bias and activation, softmax: one launch each."""

from __future__ import annotations

from math import prod
from typing import Any

from .base import FLOATS, CudaPrimitives
from .channel_sums import BLOCKS, ROWS_PER_THREAD, THREADS, WARP_ROW, View, aligned, plan, row_warps, tile, vector
from .launcher import WARP, Kernel, scalar

Array = Any

#: So many columns keep a GPU busy with a thread for each.
MANY_COLUMNS = 1 << 16


class ActivationPrimitives(CudaPrimitives):
    """`bias_activation_forward` and `_backward`, `softmax_forward` and `_backward`."""

    def bias_activation_forward(
        self,
        x: Array,
        bias: Array | None,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        out: Array | None = None,
    ) -> Array:
        if x.dtype.name not in FLOATS or (bias is not None and bias.dtype != x.dtype):
            return super().bias_activation_forward(x, bias, activation, alpha, axis, out)
        values = self.contiguous(x)
        result = out if out is not None and out.flags.c_contiguous else self.empty(x.shape, x.dtype)
        view = View(1, 1, x.size)
        if bias is not None:
            bias, view = self.contiguous(bias), _along(x.shape, axis)
        if x.size and view.inner == 1 and view.channels > 1:
            widest = vector(x.dtype) if aligned(values, bias, result) else 1
            groups, block, width = tile(view.outer, view.channels, widest)
            shares = max(1, min(-(-view.outer // (block[1] * ROWS_PER_THREAD)), BLOCKS // groups))
            self._activation_kernel("bias_activation_forward_columns", activation, x)(
                (groups, shares), block, values, bias, result, view.outer, view.channels, width, alpha
            )
        elif x.size:
            grid = self.blocks(-(-x.size // vector(x.dtype)), THREADS)
            self._activation_kernel("bias_activation_forward", activation, x)(
                (grid,), (THREADS,), values, bias, result, x.size, view.channels, view.inner, alpha
            )
        if out is None or out is result:
            return result
        out[...] = result
        return out

    def bias_activation_backward(
        self,
        grad: Array,
        saved: Array,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        bias_grad: bool = False,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None]:
        if grad.dtype.name not in FLOATS or saved.dtype != grad.dtype:
            return super().bias_activation_backward(grad, saved, activation, alpha, axis, bias_grad, bias_out)
        result = self.empty(grad.shape, grad.dtype)
        summed = None
        if bias_grad:
            summed = self.empty((grad.shape[axis],), grad.dtype) if bias_out is None else bias_out
        if not grad.size:
            if summed is not None:
                summed.fill(0)
            return result, summed
        grad = self.contiguous(grad)
        kept = None if activation == "identity" else self.contiguous(saved)
        if summed is None:
            grid = self.blocks(-(-grad.size // vector(grad.dtype)), THREADS)
            self._activation_kernel("activation_backward", activation, grad)(
                (grid,), (THREADS,), grad, kept, result, grad.size, alpha
            )
            return result, None
        view = _along(grad.shape, axis)
        sums = plan(self.launcher, view, grad.dtype, vector(grad.dtype) if aligned(grad, kept, result) else 1)
        where = (grad, kept, result, summed, sums.partials, sums.tickets)
        if sums.in_columns:
            self._activation_kernel("bias_activation_backward_columns", activation, grad)(
                sums.grid, sums.block, *where, view.outer, view.channels, sums.width, alpha
            )
        else:
            self._activation_kernel("bias_activation_backward_planes", activation, grad)(
                sums.grid, sums.block, *where, *view, sums.width, alpha
            )
        return result, summed

    def _activation_kernel(self, name: str, activation: str, x: Array) -> Kernel:
        return self.launcher.kernel(
            "bias_activation", name, ACTIVATION=activation, SCALAR=scalar(x.dtype), INDEX=self.launcher.index(x.size)
        )

    # --- softmax --------------------------------------------------------------------------------

    def softmax_forward(self, x: Array, axis: int, log: bool = False) -> Array:
        if x.dtype.name not in FLOATS:
            return super().softmax_forward(x, axis, log)
        return self._softmax("softmax_forward", axis, log, x)

    def softmax_backward(self, grad: Array, output: Array, axis: int, log: bool = False) -> Array:
        if grad.dtype.name not in FLOATS or output.dtype != grad.dtype:
            return super().softmax_backward(grad, output, axis, log)
        return self._softmax("softmax_backward", axis, log, grad, output)

    def _softmax(self, name: str, axis: int, log: bool, *inputs: Array) -> Array:
        x = inputs[0]
        result = self.empty(x.shape, x.dtype)
        if not x.size:
            return result
        outer, length, inner = _along(x.shape, axis)
        arrays = [*(self.contiguous(array) for array in inputs), result]
        widest = vector(x.dtype) if aligned(*arrays) else 1
        macros = {"SCALAR": scalar(x.dtype), "INDEX": "long long"}
        if inner > 1:
            width = widest if inner % widest == 0 else 1
            columns = outer * inner // width
            block = column_block(columns, length)
            grid = -(-columns // block[0])
            kernel = self.launcher.kernel("softmax", f"{name}_columns", **macros)
            kernel((grid,), block, *arrays, outer, length, inner, log, width)
            return result
        width = widest if length % widest == 0 else 1
        if length <= WARP_ROW:
            warps = row_warps(outer)
            kernel = self.launcher.kernel("softmax", f"{name}_warp", **macros)
            kernel((-(-outer // warps),), (warps * WARP,), *arrays, outer, length, log, width)
        else:
            kernel = self.launcher.kernel("softmax", f"{name}_block", **macros)
            kernel((outer,), (THREADS,), *arrays, length, log, width)
        return result


def _along(shape: tuple[int, ...], axis: int) -> View:
    """The view with one axis as channels, be it of size 1."""
    return View(prod(shape[: axis % len(shape)]), shape[axis], prod(shape[axis % len(shape) + 1 :]))


def column_block(columns: int, length: int) -> tuple[int, int]:
    """The threads beside each other and those that share out the length of their columns; powers of two."""
    lanes, shares = min(WARP, 1 << (columns - 1).bit_length()), 1 << (length - 1).bit_length()
    return (THREADS, 1) if columns >= MANY_COLUMNS else (lanes, min(THREADS // lanes, shares))
