"""2-D pooling: a thread for each element of the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.backend import Pool2dSpec

from .base import FLOATS, CudaPrimitives
from .launcher import Kernel, scalar

Array = Any
Shape = tuple[int, int, int, int]

THREADS = 256


class PoolingPrimitives(CudaPrimitives):
    """Max, min and average pooling, and the moves along the places that they found."""

    def max_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        if x.dtype.name not in FLOATS:
            return super().max_pool2d_forward(x, spec)
        return self._extreme("max_pool2d_forward", x, spec)

    def min_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        if x.dtype.name not in FLOATS:
            return super().min_pool2d_forward(x, spec)
        return self._extreme("min_pool2d_forward", x, spec)

    def _extreme(self, name: str, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        output_size = spec.output_size(x.shape[2:])
        out = self.empty((*x.shape[:2], *output_size), x.dtype)
        index = self.empty(out.shape, np.dtype(spec.index_dtype()))
        if out.size:
            self._launch(
                self._index_kernel(name, spec, x, out), out.size, self.contiguous(x), out, index,
                geometry=_geometry(spec, x.shape, output_size),
            )  # fmt: skip
        return out, index

    def index_pool2d_gather(self, x: Array, index: Array, spec: Pool2dSpec) -> Array:
        if x.dtype.name not in FLOATS or index.dtype.name != spec.index_dtype():
            return super().index_pool2d_gather(x, index, spec)
        out = self.empty(index.shape, x.dtype)
        if out.size:
            self._launch(
                self._index_kernel("index_pool2d_gather", spec, x, out), out.size, self.contiguous(x),
                self.contiguous(index), out, geometry=_geometry(spec, x.shape, out.shape[2:]),
            )  # fmt: skip
        return out

    def index_pool2d_scatter(self, grad: Array, index: Array, input_shape: Shape, spec: Pool2dSpec) -> Array:
        if grad.dtype.name not in FLOATS or index.dtype.name != spec.index_dtype():
            return super().index_pool2d_scatter(grad, index, input_shape, spec)
        result = self.empty(input_shape, grad.dtype)
        if result.size:
            self._launch(
                self._index_kernel("index_pool2d_scatter", spec, result, grad), result.size, self.contiguous(grad),
                self.contiguous(index), result, geometry=_geometry(spec, input_shape, grad.shape[2:]),
            )  # fmt: skip
        return result

    def _index_kernel(self, name: str, spec: Pool2dSpec, *arrays: Array) -> Kernel:
        small = spec.index_dtype() == "uint8"
        return self.launcher.kernel(
            "pool2d",
            name,
            SCALAR=scalar(arrays[0].dtype),
            PLACE="unsigned char" if small else "int",
            # windows of more than 256 elements are too rare for a form of their own with 32-bit indices
            INDEX=self.launcher.index(*(array.size for array in arrays)) if small else "long long",
        )

    def avg_pool2d_forward(
        self, x: Array, spec: Pool2dSpec, count_include_pad: bool = True, divisor: int | None = None
    ) -> Array:
        if x.dtype.name not in FLOATS:
            return super().avg_pool2d_forward(x, spec, count_include_pad, divisor)
        output_size = spec.output_size(x.shape[2:])
        out = self.empty((*x.shape[:2], *output_size), x.dtype)
        if out.size:
            self._launch(
                self._average_kernel("avg_pool2d_forward", x, out), out.size, self.contiguous(x), out,
                geometry=(*_geometry(spec, x.shape, output_size), *_divisor(spec, count_include_pad, divisor)),
            )  # fmt: skip
        return out

    def avg_pool2d_backward(
        self,
        grad: Array,
        input_shape: Shape,
        spec: Pool2dSpec,
        count_include_pad: bool = True,
        divisor: int | None = None,
    ) -> Array:
        if grad.dtype.name not in FLOATS:
            return super().avg_pool2d_backward(grad, input_shape, spec, count_include_pad, divisor)
        result = self.empty(input_shape, grad.dtype)
        if result.size:
            geometry = _geometry(spec, input_shape, grad.shape[2:])
            self._launch(
                self._average_kernel("avg_pool2d_backward", result, grad), result.size, self.contiguous(grad), result,
                geometry=(*geometry, *_divisor(spec, count_include_pad, divisor)),
            )  # fmt: skip
        return result

    def _average_kernel(self, name: str, x: Array, out: Array) -> Kernel:
        index = self.launcher.index(x.size, out.size)
        return self.launcher.kernel("avg_pool2d", name, SCALAR=scalar(x.dtype), INDEX=index)

    def _launch(self, kernel: Kernel, threads: int, *arrays: Array, geometry: tuple[int, ...]) -> None:
        kernel((self.blocks(threads, THREADS),), (THREADS,), *arrays, threads, *geometry)


def _geometry(spec: Pool2dSpec, input_shape: tuple[int, ...], output_size: tuple[int, int]) -> tuple[int, ...]:
    """The numbers from `height` on in the kernels' parameters."""
    top, _, left, _ = spec.padding
    return (*input_shape[2:], *output_size, *spec.kernel_size, *spec.stride, top, left, *spec.dilation)


def _divisor(spec: Pool2dSpec, count_include_pad: bool, divisor: int | None) -> tuple[int, ...]:
    _, bottom, _, right = spec.padding
    return bottom, right, count_include_pad, divisor or 0
