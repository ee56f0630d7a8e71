"""Sums of rows by index, in the order of the rows; the places of the largest elements."""

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


def top_places(x: Array, k: int, largest: bool) -> Array:
    """Along the last axis of a matrix without NaN, 0 < k < columns: found by a partition, and only those k sorted."""
    columns = x.shape[1]
    edge = columns - k if largest else k - 1
    limit = np.partition(x, edge, axis=1)[:, edge, None]  # the least of those that are taken
    taken = x >= limit if largest else x <= limit
    if np.count_nonzero(taken) != k * x.shape[0]:  # more are equal to the limit than there is room for
        equal = x == limit
        room = k - np.count_nonzero(taken ^ equal, axis=1)[:, None]
        taken ^= equal & (np.cumsum(equal, axis=1) > room)
    places = np.nonzero(taken)[1].reshape(-1, k)  # in ascending order in each row
    if largest:  # from behind, so that equal elements keep their order
        places = places[:, ::-1]
    order = np.argsort(np.take_along_axis(x, places, axis=1), axis=1, kind="stable")
    return np.take_along_axis(places, order[:, ::-1] if largest else order, axis=1)
