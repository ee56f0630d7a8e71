"""Random numbers and dropout: functions of a position in the Philox sequence, bit-identical to every other device's."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from dlcore.backend import PhiloxCounter
from dlcore.reference.dropout import dropout_scale

from .base import CudaPrimitives
from .launcher import scalar

Array = Any
DType = Any

THREADS = 256
VECTOR_BYTES = 16  # what a thread makes


class RandomPrimitives(CudaPrimitives):
    """`philox`, the distributions and dropout."""

    def philox(self, counter: PhiloxCounter, count: int) -> Array:
        return self._draw("random_integers", "philox_words", counter, (count,), np.dtype(np.uint32))

    def random_uniform(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        dtype = np.dtype(dtype)
        return self._draw("random", "random_uniform", counter, shape, dtype, SCALAR=scalar(dtype))

    def random_normal(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        dtype = np.dtype(dtype)
        return self._draw("random", "random_normal", counter, shape, dtype, SCALAR=scalar(dtype))

    def random_integers(self, counter: PhiloxCounter, shape: tuple[int, ...], low: int, high: int) -> Array:
        bounds = low % 2**64, (high - low) % 2**64  # the kernel takes a span of 0 for 2**64
        return self._draw("random_integers", "random_integers", counter, shape, np.dtype(np.int64), *bounds)

    def random_permutation(self, counter: PhiloxCounter, n: int) -> Array:
        draws = self.philox(counter, 2 * n).view(np.uint64)  # of two words each: the device is little-endian
        return self.launcher.cp.argsort(draws, kind="stable")

    def _draw(
        self, source: str, kernel: str, counter: PhiloxCounter, shape: tuple[int, ...], dtype: np.dtype[Any],
        *arguments: int, **macros: str,
    ) -> Array:  # fmt: skip
        out = self.empty(shape, dtype)
        n = prod(shape)
        if n:
            grid = (self.blocks(-(-n * dtype.itemsize // VECTOR_BYTES), THREADS),)
            self.launcher.kernel(source, kernel, **macros)(
                grid, (THREADS,), out, n, counter.seed, counter.offset, counter.stream, *arguments
            )
        return out

    # --- dropout: the mask is never stored -------------------------------------------------------

    def dropout_forward(self, x: Array, p: float, counter: PhiloxCounter) -> tuple[Array, Array | None]:
        return self._dropout(x, p, counter), None

    def dropout_backward(self, grad: Array, p: float, counter: PhiloxCounter, mask: Array | None) -> Array:
        return self._dropout(grad, p, counter)

    def _dropout(self, x: Array, p: float, counter: PhiloxCounter) -> Array:
        out = self.empty(x.shape, x.dtype)
        if x.size:
            self.launcher.kernel("dropout", "dropout", SCALAR=scalar(x.dtype))(
                (self.blocks(-(-x.nbytes // VECTOR_BYTES), THREADS),), (THREADS,), self.contiguous(x), out, x.size,
                round(p * 2**24), dropout_scale(p), counter.seed, counter.offset, counter.stream,
            )  # fmt: skip
        return out
