"""Conversion between dtypes."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract, DType


class ConversionContract(Contract):
    """Conversion between dtypes."""

    def cast(self, x: Array, dtype: DType) -> Array:
        """x in another dtype, a new array: rounded to the nearest, ties to even; beyond the range infinity."""
        return reference.cast(self.xp, x, dtype)
