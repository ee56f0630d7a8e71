"""Sums of rows by index, in the order of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

BLOCK = 65536  # elements whose places are spelled out at a time


def scatter_add(values: Array, index: Array, size: int) -> Array:
    """`np.add.at` over single elements: its loop for one-dimensional arguments is many times that for rows.

    It adds in order. float16 is accumulated in float32.
    """
    accumulate = np.float32 if values.dtype == np.float16 else values.dtype
    result = np.zeros((size, *values.shape[1:]), accumulate)
    if values.size:
        flat, width = result.reshape(-1), values[0].size
        within = np.arange(width)
        rows = max(1, BLOCK // width)
        for start in range(0, values.shape[0], rows):
            part = slice(start, start + rows)
            places = index[part].astype(np.int64)[:, None] * width + within
            np.add.at(flat, places.reshape(-1), values[part].astype(accumulate, copy=False).reshape(-1))
    return result.astype(values.dtype, copy=False)
