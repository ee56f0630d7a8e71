"""Matrix products."""

from __future__ import annotations

from typing import Any

from ._precision import cast, wide

Array = Any


def matmul(xp: Any, x: Array, y: Array, out: Array | None = None) -> Array:
    product = cast(xp, xp.matmul(wide(xp, x), wide(xp, y)), x.dtype)
    if out is None:
        return product
    out[...] = product
    return out
