"""Sums and matrix products."""

from __future__ import annotations

from typing import Any

from ._precision import cast, result_in, wide

Array = Any


def sum(xp: Any, x: Array, axes: tuple[int, ...], keepdims: bool = False, out: Array | None = None) -> Array:
    total = xp.sum(wide(xp, x), axis=axes, keepdims=keepdims)
    return result_in(out, cast(xp, total, x.dtype if x.dtype.kind in "fc" else total.dtype))


def matmul(xp: Any, x: Array, y: Array, out: Array | None = None) -> Array:
    return result_in(out, cast(xp, xp.matmul(wide(xp, x), wide(xp, y)), x.dtype))
