"""Convolution as im2col and cuBLAS: for what the tiled kernels do not take, and to measure them against.

For some images at a time, so that the columns stay below WORKSPACE_BYTES:
    forward          out (G, K/G, P*Q)       = weight (G, K/G, C/G*R*S) @ columns (G, C/G*R*S, P*Q)
    backward input   dcolumns                = weight^T @ grad, and col2im adds them up
    backward weight  dweight (G, K/G, C/G*R*S) = sum over the images of grad @ columns^T
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlcore.backend import Backend, Conv2dSpec

from .launcher import Launcher, scalar

Array = Any

WORKSPACE_BYTES = 256 << 20
THREADS = 256


class Im2col:
    """The three convolutions of one geometry; `x_shape` (N, C, H, W), `weight_shape` (K, C/G, R, S)."""

    def __init__(
        self, backend: Backend, launcher: Launcher, x_shape: tuple[int, ...], weight_shape: tuple[int, ...],
        spec: Conv2dSpec,
    ) -> None:  # fmt: skip
        self.backend, self.launcher, self.spec = backend, launcher, spec
        self.x_shape, self.weight_shape = x_shape, weight_shape
        kernel = (weight_shape[2], weight_shape[3])
        self.out_size = spec.output_size((x_shape[2], x_shape[3]), kernel)
        self.pixels = self.out_size[0] * self.out_size[1]
        self.taps = kernel[0] * kernel[1]
        top, _, left, _ = spec.padding
        self.geometry = (*x_shape[2:], *kernel, *self.out_size, *spec.stride, top, left, *spec.dilation)

    def forward(self, x: Array, weight: Array) -> Array:
        """x and weight C-contiguous -> (N, K, P, Q), without the bias."""
        n, k = x.shape[0], weight.shape[0]
        out = self.backend.xp.empty((n, self.spec.groups, k // self.spec.groups, self.pixels), dtype=x.dtype)
        matrix = self._matrix(weight)
        for images in self._images(x.itemsize):
            self.backend.matmul(matrix, self._columns(x[images]), out[images])
        return out.reshape(n, k, *self.out_size)

    def backward_weight(self, grad: Array, x: Array) -> Array:
        """grad and x C-contiguous -> (K, C/G, R, S)."""
        total = None
        for images in self._images(x.itemsize):
            grads = grad[images].reshape(-1, self.spec.groups, grad.shape[1] // self.spec.groups, self.pixels)
            products = self.backend.matmul(grads, self._columns(x[images]).transpose(0, 1, 3, 2))
            part = self.backend.sum(products, (0,))
            total = part if total is None else total + part
        return total.reshape(self.weight_shape)  # type: ignore[union-attr]

    def backward_input(self, grad: Array, weight: Array) -> Array:
        """grad and weight C-contiguous -> (N, C, H, W)."""
        xp = self.backend.xp
        out = xp.empty(self.x_shape, dtype=grad.dtype)
        transposed = self._matrix(weight).transpose(0, 2, 1)
        for images in self._images(grad.itemsize):
            grads = grad[images].reshape(-1, self.spec.groups, grad.shape[1] // self.spec.groups, self.pixels)
            columns, part = xp.ascontiguousarray(self.backend.matmul(transposed, grads)), out[images]
            self._launch("col2im", columns, part, part.size)
        return out

    def _matrix(self, weight: Array) -> Array:
        return weight.reshape(self.spec.groups, weight.shape[0] // self.spec.groups, -1)

    def _columns(self, x: Array) -> Array:
        """(n, G, C/G*R*S, P*Q) of some images."""
        n, c = x.shape[:2]
        columns = self.backend.xp.empty(
            (n, self.spec.groups, c // self.spec.groups * self.taps, self.pixels), dtype=x.dtype
        )
        self._launch("im2col", x, columns, columns.size)
        return columns

    def _launch(self, kernel: str, source: Array, out: Array, size: int) -> None:
        index = self.launcher.index(source.size, out.size)
        made = self.launcher.kernel("im2col", kernel, SCALAR=scalar(out.dtype), INDEX=index)
        blocks = max(1, min(-(-size // THREADS), 65535))
        made((blocks,), (THREADS,), source, out, size, *self.geometry)

    def _images(self, itemsize: int) -> Iterator[slice]:
        n = self.x_shape[0]
        step = max(1, WORKSPACE_BYTES // max(1, self.x_shape[1] * self.taps * self.pixels * itemsize))
        for start in range(0, n, step):
            yield slice(start, min(start + step, n))
