"""Sums of rows by index, and checks of index values that nobody waits for."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .base import CudaPrimitives
from .errors import ErrorRecord
from .launcher import WARP, scalar

Array = Any

THREADS = 256
VECTOR_BYTES = 16
#: `scatter_add_scan` reads the whole index for every row of the result, but needs no sorting: for small cases.
SCAN_ROWS, SCAN_COMPARISONS = 1 << 16, 1 << 22
#: The C++ types of indices, by dtype.
VALUES = {
    "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned", "uint64": "unsigned long long",
}  # fmt: skip


class IndexingPrimitives(CudaPrimitives):
    """`scatter_add` and `check_index_range`."""

    errors: ErrorRecord

    def scatter_add(self, values: Array, index: Array, size: int) -> Array:
        cp = self.launcher.cp
        rows, width = values.shape[0], values.shape[1:]
        columns = prod(width)
        if rows * columns * size == 0:
            return cp.zeros((size, *width), dtype=values.dtype)
        if values.dtype.kind in "iu":  # whose sums have no order: atomic additions, modulo 2**64
            counts = cp.zeros((size, *width), dtype=np.uint64)
            # an index out of range, of which an error tells later, must do no harm until then
            cp.add.at(counts, index % size, values.astype(np.int64, copy=False).view(np.uint64))
            return counts.astype(values.dtype)
        if values.dtype.kind == "c":  # as pairs of real numbers
            parts = self.contiguous(values).view(values.real.dtype).reshape(rows, *width, 2)
            return self.scatter_add(parts, index, size).view(values.dtype).reshape(size, *width)
        out = self.empty((size, *width), values.dtype)
        values, index = self.contiguous(values), self.contiguous(index.astype(np.int64, copy=False))
        vector = VECTOR_BYTES // values.dtype.itemsize
        vectorized = columns % vector == 0 and values.data.ptr % VECTOR_BYTES == 0
        vectors = columns // vector if vectorized else columns
        if size <= SCAN_ROWS and size * rows <= SCAN_COMPARISONS:
            block = WARP, min(size, THREADS // WARP)
            name, where = "scatter_add_scan", [index]
        else:
            lanes = min(WARP, 1 << (vectors - 1).bit_length())
            block = lanes, THREADS // lanes
            order = cp.argsort(index, kind="stable")
            name, where = "scatter_add_sorted", [index[order], order]
        grid = (-(-size // block[1]) * -(-vectors // block[0]),)
        self.launcher.kernel("scatter_add", name, SCALAR=scalar(values.dtype))(
            grid, block, values, *where, out, rows, size, columns, vectorized
        )
        return out

    def check_index_range(self, index: Array, low: int, high: int, message: str, ignore: int | None = None) -> None:
        if not index.size:
            return
        limits = np.iinfo(index.dtype)
        first, last = max(low, int(limits.min)), min(high - 1, int(limits.max))
        if first > last:  # no value of this dtype is in the range; nor is one in an empty range of the dtype
            first, last = 1, 0
        has_ignore = ignore is not None and limits.min <= ignore <= limits.max
        self.launcher.kernel("index_range", "check_index_range", VALUE=VALUES[index.dtype.name])(
            (self.blocks(index.nbytes // VECTOR_BYTES, THREADS, most=1024),), (THREADS,),
            self.contiguous(index), index.size, first, last, ignore if has_ignore else 0, has_ignore,
            self.record, self.errors.check(message), self.launcher.tickets(4),
        )  # fmt: skip
