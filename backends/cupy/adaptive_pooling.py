"""Adaptive 2-D pooling: a thread for each element of the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import FLOATS, CudaPrimitives
from .launcher import scalar

Array = Any
Shape = tuple[int, int, int, int]

THREADS = 256


class AdaptivePoolingPrimitives(CudaPrimitives):
    """Adaptive max and average pooling, and the moves along the places of the maxima."""

    def adaptive_avg_pool2d_forward(self, x: Array, output_size: tuple[int, int]) -> Array:
        if x.dtype.name not in FLOATS:
            return super().adaptive_avg_pool2d_forward(x, output_size)
        out = self.empty((*x.shape[:2], *output_size), x.dtype)
        self._launch_adaptive("adaptive_avg_pool2d_forward", x, out, (self.contiguous(x), out), x.shape, output_size)
        return out

    def adaptive_avg_pool2d_backward(self, grad: Array, input_shape: Shape) -> Array:
        if grad.dtype.name not in FLOATS:
            return super().adaptive_avg_pool2d_backward(grad, input_shape)
        out = self.empty(input_shape, grad.dtype)
        arrays = (self.contiguous(grad), out)
        self._launch_adaptive("adaptive_avg_pool2d_backward", grad, out, arrays, input_shape, grad.shape[2:])
        return out

    def adaptive_max_pool2d_forward(self, x: Array, output_size: tuple[int, int]) -> tuple[Array, Array]:
        if x.dtype.name not in FLOATS:
            return super().adaptive_max_pool2d_forward(x, output_size)
        out = self.empty((*x.shape[:2], *output_size), x.dtype)
        index = self.empty(out.shape, np.dtype(np.int64))
        self._launch_adaptive(
            "adaptive_max_pool2d_forward", x, out, (self.contiguous(x), out, index), x.shape, output_size
        )
        return out, index

    def adaptive_pool2d_gather(self, x: Array, index: Array) -> Array:
        if x.dtype.name not in FLOATS or index.dtype != np.int64:
            return super().adaptive_pool2d_gather(x, index)
        out = self.empty(index.shape, x.dtype)
        arrays = (self.contiguous(x), self.contiguous(index), out)
        self._launch_adaptive("adaptive_pool2d_gather", x, out, arrays, x.shape, index.shape[2:])
        return out

    def adaptive_pool2d_scatter(self, grad: Array, index: Array, input_shape: Shape) -> Array:
        if grad.dtype.name not in FLOATS or index.dtype != np.int64:
            return super().adaptive_pool2d_scatter(grad, index, input_shape)
        out = self.empty(input_shape, grad.dtype)
        arrays = (self.contiguous(grad), self.contiguous(index), out)
        self._launch_adaptive("adaptive_pool2d_scatter", grad, out, arrays, input_shape, grad.shape[2:])
        return out

    def _launch_adaptive(
        self, name: str, x: Array, out: Array, arrays: tuple[Array, ...], input_shape: Shape, output_size: Any
    ) -> None:
        if out.size:
            index = self.launcher.index(x.size, out.size)
            kernel = self.launcher.kernel("adaptive_pool2d", name, SCALAR=scalar(x.dtype), INDEX=index)
            kernel((self.blocks(out.size, THREADS),), (THREADS,), *arrays, out.size, *input_shape[2:], *output_size)
