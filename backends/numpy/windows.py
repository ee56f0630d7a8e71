"""Where the taps of a sliding window fall: slices instead of a padded copy of the input.

Along one axis, output o meets input o*stride + tap*dilation - padding with its tap. For each tap this gives the
range of outputs whose input exists, and the slice of the input that they meet; outside it lies padding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Tap(NamedTuple):
    """Outputs `low` <= o < `high` meet the inputs `first`, `first + stride`, ..."""

    low: int
    high: int
    first: int
    stride: int

    def inputs(self, low: int, high: int) -> slice:
        """The inputs of the outputs low..high-1, which must be within this tap's range and at least one."""
        start = self.first + (low - self.low) * self.stride
        return slice(start, start + (high - low - 1) * self.stride + 1, self.stride)


@lru_cache(maxsize=1024)
def taps(
    input_size: int, output_size: int, kernel_size: int, stride: int, dilation: int, padding: int
) -> tuple[Tap, ...]:
    result = []
    for tap in range(kernel_size):
        offset = tap * dilation - padding
        low = max(0, -(offset // stride))
        high = max(low, min(output_size, (input_size - 1 - offset) // stride + 1))
        result.append(Tap(low, high, low * stride + offset, stride))
    return tuple(result)
