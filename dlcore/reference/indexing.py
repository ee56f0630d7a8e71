"""Checks of index values, sums of rows by index, and the places of the largest elements."""

from __future__ import annotations

from typing import Any

from ._precision import cast, wide

Array = Any


def check_index_range(xp: Any, index: Array, low: int, high: int, message: str, ignore: int | None = None) -> None:
    wrong = (index < low) | (index >= high)
    if ignore is not None:
        wrong = wrong & (index != ignore)
    if xp.any(wrong):
        raise IndexError(f"{message}{int(index[wrong][0])}")


def scatter_add(xp: Any, values: Array, index: Array, size: int) -> Array:
    rows = wide(xp, values)
    result = xp.zeros((size, *values.shape[1:]), dtype=rows.dtype)
    for row in range(values.shape[0]):
        result[int(index[row]), ...] += rows[row, ...]
    return cast(xp, result, values.dtype)


def top_places(xp: Any, x: Array, k: int, axis: int, largest: bool) -> Array:
    if largest:  # from behind, so that equal elements keep their order
        order = x.shape[axis] - 1 - xp.flip(xp.argsort(xp.flip(x, axis), axis=axis, kind="stable"), axis)
    else:
        order = xp.argsort(x, axis=axis, kind="stable")
    first: Array = order[(*(slice(None),) * axis, slice(k), ...)]
    return xp.astype(first, xp.int64)
