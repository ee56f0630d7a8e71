"""Convolution and the layer `linear`: kernels that multiply by tiles, or cuBLAS.

A convolution is one launch: an implicit matrix product (kernels/cuda/conv2d_*.cu), whose tile `convolution_plans`
chooses by its shape. The gradient of the input takes another, to reorder the weights, unless it is small; the gradient
of the weights sums over its splits in the same launch. What these kernels do not take, kernels of very many taps, goes
by way of im2col and cuBLAS.
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

Array = Any


class ConvolutionPrimitives(CudaPrimitives):
    """`conv2d_forward`, `conv2d_backward_input`, `conv2d_backward_weight`, `linear_forward`."""

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
        bias = bias if bias is None else self.contiguous(bias)
        geometry, kind, index = self._geometry(x.shape, weight, spec)
        plan = plans.forward(geometry, kind, index)
        if plan is not None:
            return self.run_forward(geometry, plan, x, weight, bias, activation, alpha)
        y = Im2col(self, self.launcher, x.shape, weight.shape, spec).forward(x, weight)
        if y.size and (bias is not None or activation != "identity"):
            self.bias_activation_forward(y, bias, activation, alpha, axis=1, out=y)
        return y

    def run_forward(
        self, geometry: plans.Geometry, plan: plans.Plan, x: Array, weight: Array, bias: Array | None,
        activation: str = "identity", alpha: float = 0.0,
    ) -> Array:  # fmt: skip
        """The forward as planned, of contiguous arrays."""
        out = self.empty(geometry.out_shape, x.dtype)
        if out.size:
            kernel = self.launcher.kernel("conv2d_forward", "conv2d_forward", **plan.macros)
            code = ACTIVATIONS.index(activation)
            kernel(
                plan.grid, plan.block, x, weight, bias, out, *plan.numbers, code, alpha, shared=plan.shared
            )  # fmt: skip
        return out

    def conv2d_backward_input(
        self, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
    ) -> Array:
        if not _floats(grad, weight):
            return super().conv2d_backward_input(grad, weight, input_shape, spec)
        grad, weight = self.contiguous(grad), self.contiguous(weight)
        geometry, kind, index = self._geometry(input_shape, weight, spec)
        plan = plans.backward_input(geometry, kind, index)
        if plan is not None:
            return self.run_backward_input(geometry, plan, grad, weight, input_shape)
        return Im2col(self, self.launcher, input_shape, weight.shape, spec).backward_input(grad, weight)

    def run_backward_input(
        self, geometry: plans.Geometry, plan: plans.BackwardInput, grad: Array, weight: Array,
        input_shape: tuple[int, ...],
    ) -> Array:  # fmt: skip
        """The gradient of the input as planned, of contiguous arrays."""
        out = self.empty(input_shape, grad.dtype)
        if not out.size:
            return out
        if not grad.size:
            out.fill(0)
            return out
        launch, pack = plan.launch, plan.pack
        if pack is not None:
            packed = self.empty((plan.packed,), weight.dtype)
            kernel = self.launcher.kernel("conv2d_backward_input", "conv2d_pack_weights", **pack.macros)
            kernel(pack.grid, pack.block, weight, packed, *pack.numbers)
            weight = packed
        kernel = self.launcher.kernel("conv2d_backward_input", "conv2d_backward_input", **launch.macros)
        kernel(launch.grid, launch.block, grad, weight, out, *launch.numbers, shared=launch.shared)
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
        geometry, kind, index = self._geometry(x.shape, result, spec)
        plan = plans.backward_weight(geometry, kind, index)
        if plan is not None:
            return self.run_backward_weight(plan, grad, x, result)
        result[...] = Im2col(self, self.launcher, x.shape, weight_shape, spec).backward_weight(grad, x)
        return result

    def run_backward_weight(self, plan: plans.BackwardWeight, grad: Array, x: Array, out: Array) -> Array:
        """The gradient of the weights as planned, of contiguous arrays, in `out`."""
        launch, partials, tickets = plan.launch, None, None
        if plan.partials:
            partials = self.empty((plan.partials,), np.float64 if grad.dtype == np.float64 else np.float32)
            tickets = self.launcher.tickets(plan.tickets)
        kernel = self.launcher.kernel("conv2d_backward_weight", "conv2d_backward_weight", **launch.macros)
        kernel(launch.grid, launch.block, grad, x, out, partials, tickets, *launch.numbers)
        return out

    def _geometry(
        self, x_shape: tuple[int, ...], weight: Array, spec: Conv2dSpec
    ) -> tuple[plans.Geometry, str, str]:  # fmt: skip
        """Geometry, and the macros SCALAR and INDEX."""
        geometry = plans.geometry(tuple(x_shape), tuple(weight.shape), spec)
        return geometry, scalar(weight.dtype), self.launcher.index(geometry.largest_index(), weight.size)


def _floats(first: Array, *others: Array | None) -> bool:
    """Whether the kernels take the arrays: all of one float dtype."""
    return first.dtype.name in FLOATS and all(other is None or other.dtype == first.dtype for other in others)
