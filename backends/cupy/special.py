"""erf, erfc and erfinv: one launch each."""

from __future__ import annotations

from typing import Any

from .base import FLOATS, CudaPrimitives
from .channel_sums import THREADS, vector
from .launcher import scalar

Array = Any


class SpecialPrimitives(CudaPrimitives):
    """`erf`, `erfc`, `erfinv`."""

    def erf(self, x: Array) -> Array:
        return self._special("erf_forward", x) if x.dtype.name in FLOATS else super().erf(x)

    def erfc(self, x: Array) -> Array:
        return self._special("erfc_forward", x) if x.dtype.name in FLOATS else super().erfc(x)

    def erfinv(self, x: Array) -> Array:
        return self._special("erfinv_forward", x) if x.dtype.name in FLOATS else super().erfinv(x)

    def _special(self, name: str, x: Array) -> Array:
        values, result = self.contiguous(x), self.empty(x.shape, x.dtype)
        if x.size:
            grid = self.blocks(-(-x.size // vector(x.dtype)), THREADS)
            macros = {"SCALAR": scalar(x.dtype), "INDEX": self.launcher.index(x.size)}
            self.launcher.kernel("special", name, **macros)((grid,), (THREADS,), values, result, x.size)
        return result
