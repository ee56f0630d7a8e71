"""Checks of index values, the gradient of integer indexing, and the largest elements."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class IndexingContract(Contract):
    """Checks of index values, the gradient of integer indexing, and the largest elements."""

    def check_index_range(self, index: Array, low: int, high: int, message: str, ignore: int | None = None) -> None:
        """Raise IndexError(`message` + the value) for the first index that is not low <= index < high, nor `ignore`.

        A device that runs asynchronously may raise at its next synchronisation point instead, and
        then suppresses the parameter update that would have used the result.
        """
        reference.check_index_range(self.xp, index, low, high, message, ignore)

    def scatter_add(self, values: Array, index: Array, size: int) -> Array:
        """values (M, ...), index (M,) with 0 <= index < size -> (size, ...): sums of the rows with equal index.

        Rows are added in their order. This is the backward of integer indexing.
        """
        return reference.scatter_add(self.xp, values, index, size)

    def top_places(self, x: Array, k: int, axis: int, largest: bool) -> Array:
        """int64, k along the axis: the places of the largest (or smallest) elements, these first. NaN is the largest.

        Of equal elements those that come first are taken, in their order.
        """
        return reference.top_places(self.xp, x, k, axis, largest)
