"""Convolution and the layer `linear`: kernels of our own, or cuBLAS.

A convolution is one launch of a kernel that `convolution_plans` chooses by its shape. The gradient of the input takes
another, to reorder the weights, unless it is small or has kernels of one tap; the gradient of the weights sums over its
splits in the same launch. What these kernels do not take, kernels of very many taps, goes by way of im2col and cuBLAS.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.backend import Conv2dSpec

from . import convolution_plans as plans
from .base import FLOATS, CudaPrimitives
from .im2col import Im2col
from .launcher import scalar
from .table import ACTIVATIONS
from .tiles import LINEAR

Array = Any

#: Multiply-adds of a linear layer up to which one launch of ours is faster than cuBLAS and another launch after it.
LINEAR_LIMIT = 1 << 25


class ConvolutionPrimitives(CudaPrimitives):
    """`conv2d_forward`, `conv2d_backward_input`, `conv2d_backward_weight`, `linear_forward`."""

    #: The name of the tile that convolutions take if they can, for tests and measurements; None: the best one.
    tile: str | None = None
    #: How many blocks share a tile of the gradient of weights, likewise.
    splits: int | None = None

    def conv2d_forward(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        spec: Conv2dSpec,
        activation: str = "identity",
        alpha: float = 0.0,
    ) -> Array:
        if not _floats(x, weight, bias):
            return super().conv2d_forward(x, weight, bias, spec, activation, alpha)
        x, weight = self.contiguous(x), self.contiguous(weight)
        geometry, *macros = self._convolution(x.shape, weight, spec)
        plan = plans.forward(geometry, *macros, _aligned(x, weight), self.tile)
        if plan is None:
            y = Im2col(self, self.launcher, x.shape, weight.shape, spec).forward(x, weight)
            if y.size and (bias is not None or activation != "identity"):
                self.bias_activation_forward(y, bias, activation, alpha, axis=1, out=y)
            return y
        out = self.empty(geometry.out_shape, x.dtype)
        if out.size:
            bias = bias if bias is None else self.contiguous(bias)
            self._launch_plan(plan, (x, weight, bias, out), ACTIVATIONS.index(activation), alpha)
        return out

    def conv2d_backward_input(
        self, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
    ) -> Array:
        if not _floats(grad, weight):
            return super().conv2d_backward_input(grad, weight, input_shape, spec)
        out = self.empty(input_shape, grad.dtype)
        if not out.size or not grad.size:
            out.fill(0)
            return out
        grad, weight = self.contiguous(grad), self.contiguous(weight)
        geometry, *macros = self._convolution(input_shape, weight, spec)
        plan = plans.backward_input(geometry, *macros, _aligned(grad, weight), self.tile)
        if plan is None:
            return Im2col(self, self.launcher, input_shape, weight.shape, spec).backward_input(grad, weight)
        if plan.pack is not None:
            packed = self.empty((plan.packed,), weight.dtype)
            self._launch_plan(plan.pack, (weight, packed))
            weight = packed
        self._launch_plan(plan.launch, (grad, weight, out))
        return out

    def conv2d_backward_weight(
        self,
        grad: Array,
        x: Array,
        weight_shape: tuple[int, int, int, int],
        spec: Conv2dSpec,
        out: Array | None = None,
    ) -> Array:
        if not _floats(grad, x, out):
            return super().conv2d_backward_weight(grad, x, weight_shape, spec, out)
        result = self.empty(weight_shape, grad.dtype) if out is None else out
        if not grad.size or not x.size:
            result.fill(0)
            return result
        grad, x = self.contiguous(grad), self.contiguous(x)
        geometry, *macros = self._convolution(x.shape, result, spec)
        plan = plans.backward_weight(geometry, *macros, _aligned(grad, x), self.tile, self.splits)
        if plan is None:
            result[...] = Im2col(self, self.launcher, x.shape, weight_shape, spec).backward_weight(grad, x)
            return result
        partials, tickets = None, None
        if plan.partials:
            partials = self.empty((plan.partials,), np.float64 if grad.dtype == np.float64 else np.float32)
            tickets = self.launcher.tickets(plan.tickets)
        self._launch_plan(plan.launch, (grad, x, result, partials, tickets))
        return result

    def linear_forward(
        self, x: Array, weight: Array, bias: Array | None, activation: str = "identity", alpha: float = 0.0
    ) -> Array:
        (rows, inputs), outputs = x.shape, weight.shape[0]
        if not _floats(x, weight, bias) or rows * inputs * outputs > LINEAR_LIMIT or not inputs:
            return super().linear_forward(x, weight, bias, activation, alpha)
        out = self.empty((rows, outputs), x.dtype)
        if out.size:
            x, weight = self.contiguous(x), self.contiguous(weight)
            bias = bias if bias is None else self.contiguous(bias)
            kernel = self.launcher.kernel(
                "gemm_linear", "linear_forward", **LINEAR.macros, SCALAR=scalar(x.dtype), INDEX="int"
            )
            blocks, code = LINEAR.blocks(rows, outputs), ACTIVATIONS.index(activation)
            kernel((blocks,), (LINEAR.threads,), x, weight, bias, out, rows, inputs, outputs, code, alpha)
        return out

    def _convolution(
        self, x_shape: tuple[int, ...], weight: Array, spec: Conv2dSpec
    ) -> tuple[plans.Geometry, str, str]:
        """Geometry, and the macros SCALAR and INDEX."""
        geometry = plans.geometry(tuple(x_shape), tuple(weight.shape), spec)
        return geometry, scalar(weight.dtype), self.launcher.index(geometry.largest_index(), weight.size)

    def _launch_plan(self, plan: plans.Plan, arrays: tuple[Array, ...], *last: float) -> None:
        kernel = self.launcher.kernel(plan.source, plan.kernel, **plan.macros)
        kernel(plan.grid, plan.block, *arrays, *plan.numbers, *last, shared=plan.shared)


def _floats(first: Array, *others: Array | None) -> bool:
    """Whether the kernels take the arrays: all of one float dtype."""
    return first.dtype.name in FLOATS and all(other is None or other.dtype == first.dtype for other in others)


def _aligned(*arrays: Array) -> bool:
    """Whether all begin at a multiple of 16 bytes."""
    return all(array.data.ptr % 16 == 0 for array in arrays)
