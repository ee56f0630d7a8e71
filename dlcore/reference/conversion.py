"""Conversion between dtypes."""

from __future__ import annotations

from typing import Any

Array = Any


def cast(xp: Any, x: Array, dtype: Any) -> Array:
    return xp.astype(x, dtype)
