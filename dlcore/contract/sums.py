"""Sums and matrix products."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class SumContract(Contract):
    """Sums and matrix products."""

    def sum(self, x: Array, axes: tuple[int, ...], keepdims: bool = False, out: Array | None = None) -> Array:
        """The sum over `axes`. Integers and bools as the array API says: int64, uint64 for unsigned ones."""
        return reference.sum(self.xp, x, axes, keepdims, out)

    def matmul(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """x (..., M, K) @ y (..., K, N) -> (..., M, N); leading axes broadcast."""
        return reference.matmul(self.xp, x, y, out)
