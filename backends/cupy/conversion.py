"""Conversion between dtypes: our kernel for floats and bytes, which moves 16 bytes at a time; CuPy's for the rest."""

from __future__ import annotations

from typing import Any

from .base import FLOATS, CudaPrimitives
from .launcher import scalar

Array = Any

THREADS = 256
SOURCES = {"float16": "half_t", "float32": "float", "float64": "double", "uint8": "unsigned char"}


class ConversionPrimitives(CudaPrimitives):
    """`cast`."""

    def cast(self, x: Array, dtype: Any) -> Array:
        if x.dtype.name not in SOURCES or dtype.name not in FLOATS or x.dtype == dtype or not x.flags.c_contiguous:
            return super().cast(x, dtype)
        out = self.empty(x.shape, dtype)
        if x.size:
            wide = 16 // max(x.dtype.itemsize, dtype.itemsize)
            self.launcher.kernel("cast", "cast", SOURCE=SOURCES[x.dtype.name], SCALAR=scalar(dtype), INDEX="long long")(
                (self.blocks(-(-x.size // wide), THREADS),), (THREADS,), x, out, x.size
            )
        return out
