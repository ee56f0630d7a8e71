"""Convolution."""

from __future__ import annotations

from typing import Any

from dlcore.backend import Conv2dSpec

from .base import CudaPrimitives
from .im2col import Im2col

Array = Any


class ConvolutionPrimitives(CudaPrimitives):
    """The three convolutions."""

    def conv2d_forward(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        spec: Conv2dSpec,
        activation: str = "identity",
        alpha: float = 0.0,
    ) -> Array:
        x, weight = self.contiguous(x), self.contiguous(weight)
        y = Im2col(self, self.launcher, x.shape, weight.shape, spec).forward(x, weight)
        if y.size and (bias is not None or activation != "identity"):
            self.bias_activation_forward(y, bias, activation, alpha, axis=1, out=y)
        return y

    def conv2d_backward_input(
        self, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
    ) -> Array:
        grad, weight = self.contiguous(grad), self.contiguous(weight)
        return Im2col(self, self.launcher, input_shape, weight.shape, spec).backward_input(grad, weight)

    def conv2d_backward_weight(
        self,
        grad: Array,
        x: Array,
        weight_shape: tuple[int, int, int, int],
        spec: Conv2dSpec,
        out: Array | None = None,
    ) -> Array:
        grad, x = self.contiguous(grad), self.contiguous(x)
        if not grad.size or not x.size:
            result = self.xp.zeros(weight_shape, dtype=grad.dtype)
        else:
            result = Im2col(self, self.launcher, x.shape, weight_shape, spec).backward_weight(grad, x)
        if out is None:
            return result
        out[...] = result
        return out
