"""Activations that stand alone: one launch each, all of them in one compiled kernel."""

from __future__ import annotations

from typing import Any

from dlcore.reference import POINTWISE

from .base import FLOATS, CudaPrimitives
from .channel_sums import THREADS, vector
from .launcher import scalar

Array = Any

#: The numbers by which the kernels know the functions.
CODES = {name: code for code, name in enumerate(POINTWISE)}


class PointwisePrimitives(CudaPrimitives):
    """`pointwise_forward` and `pointwise_backward`."""

    def pointwise_forward(self, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
        if x.dtype.name not in FLOATS:
            return super().pointwise_forward(x, function, alpha, beta)
        return self._pointwise("pointwise_forward", (x,), function, alpha, beta)

    def pointwise_backward(self, grad: Array, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
        if grad.dtype.name not in FLOATS or x.dtype != grad.dtype:
            return super().pointwise_backward(grad, x, function, alpha, beta)
        return self._pointwise("pointwise_backward", (grad, x), function, alpha, beta)

    def _pointwise(self, name: str, inputs: tuple[Array, ...], function: str, alpha: float, beta: float) -> Array:
        first = inputs[0]
        result = self.empty(first.shape, first.dtype)
        if first.size:
            kernel = self.launcher.kernel("pointwise", name, SCALAR=scalar(first.dtype), INDEX="long long")
            grid = self.blocks(-(-first.size // vector(first.dtype)), THREADS)
            arrays = [self.contiguous(x) for x in inputs]
            kernel((grid,), (THREADS,), *arrays, result, first.size, CODES[function], alpha, beta)
        return result
