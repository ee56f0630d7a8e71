"""Checks of float values."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class CheckContract(Contract):
    """Checks of float values; `check_index_range` does the same for integers."""

    def check_value_range(self, x: Array, low: float, high: float, message: str) -> None:
        """Raise ValueError(`message` + the value) for the first float that is not low <= x <= high; NaN never is.

        A device that runs asynchronously may raise at its next synchronisation point instead, and
        then suppresses the parameter update that would have used the result.
        """
        reference.check_value_range(self.xp, x, low, high, message)
