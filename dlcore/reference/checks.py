"""Checks of float values."""

from __future__ import annotations

from typing import Any

Array = Any


def check_value_range(xp: Any, x: Array, low: float, high: float, message: str) -> None:
    right = (x >= low) & (x <= high)
    if not xp.all(right):
        raise ValueError(f"{message}{float(x[~right][0])}")
