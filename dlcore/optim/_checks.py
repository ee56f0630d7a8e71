"""Checks of arguments that schedules and averages share: each raises an error that names what is wrong."""

from __future__ import annotations

import math
from typing import Any

from dlcore.optim.optimizer import is_number


def require(name: str, argument: str, value: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name}: {argument} must be {expected}, got {value!r:.80}")


def require_int(name: str, argument: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: {argument} must be an int, got {value!r:.80}")
    require(name, argument, value, value >= least, f"an int >= {least}")


def require_number(name: str, argument: str, value: Any, least: float = 0.0, most: float = math.inf) -> None:
    """Finite, and in [least, most]."""
    if not is_number(value) or isinstance(value, bool):
        raise TypeError(f"{name}: {argument} must be a number, got {value!r:.80}")
    expected = f"a number in [{least:g}, {most:g}]" if most < math.inf else f"a number >= {least:g}"
    require(name, argument, value, math.isfinite(value) and least <= value <= most, expected)
