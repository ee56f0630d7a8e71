"""Norms of flat buffers."""

from __future__ import annotations

from typing import Any

from ._precision import wide

Array = Any


def l2_norm(xp: Any, x: Array) -> Array:
    values = wide(xp, x)
    return xp.asarray(xp.sqrt(xp.sum(values * values)), dtype=x.dtype)
