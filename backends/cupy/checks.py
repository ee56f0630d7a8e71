"""Checks of float values that nobody waits for."""

from __future__ import annotations

from typing import Any

from .base import FLOATS, CudaPrimitives
from .channel_sums import THREADS, vector
from .errors import ErrorRecord
from .launcher import scalar

Array = Any


class CheckPrimitives(CudaPrimitives):
    """`check_value_range`."""

    errors: ErrorRecord

    def check_value_range(self, x: Array, low: float, high: float, message: str) -> None:
        if x.dtype.name not in FLOATS:
            super().check_value_range(x, low, high, message)
        elif x.size:
            self.launcher.kernel("value_range", "check_value_range", SCALAR=scalar(x.dtype))(
                (self.blocks(-(-x.size // vector(x.dtype)), THREADS, most=1024),), (THREADS,),
                self.contiguous(x), x.size, low, high, self.record, self.errors.check(message),
                self.launcher.tickets(4),
            )  # fmt: skip
