"""Sums whose rounding error stays small however many terms there are.

NumPy adds pairwise along the axis that is contiguous in memory, where the error grows with the logarithm of the
number of terms, but row by row along the others, where it grows with the number itself: a million float32 rows come
out 1% wrong. Here such an axis is cut into blocks, and the sums of the blocks are summed in the same way.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

Array = Any

BLOCK = 256  # terms added one after the other: an error of at most 256 roundings, as a rule of 16
_reduce: Any = np.add.reduce  # np.sum without its detours; the stub wants a literal `keepdims`


def sum_axes(x: Array, axes: tuple[int, ...], keepdims: bool = False, out: Array | None = None) -> Array:
    """The sum of a float or complex array over distinct `axes`."""
    terms = x.shape[axes[0]] if len(axes) == 1 else prod([x.shape[axis] for axis in axes])
    if terms <= BLOCK or (len(axes) == x.ndim and x.flags.forc):
        total = _reduce(x, axis=axes, keepdims=keepdims, out=out)
        return total if isinstance(total, np.ndarray) else np.asarray(total)
    total = x
    for axis in sorted(axes, key=lambda axis: abs(x.strides[axis])):
        total = _along(total, axis)
    if out is not None:
        out[...] = total.reshape(out.shape)
        return out
    return total if keepdims else total.reshape([size for axis, size in enumerate(x.shape) if axis not in axes])


def _along(x: Array, axis: int) -> Array:
    """The sum over one axis, which stays with size 1."""
    count = x.shape[axis]
    if count <= BLOCK or abs(x.strides[axis]) == x.itemsize:
        return _reduce(x, axis=axis, keepdims=True)
    full = count // BLOCK
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    whole = x[(slice(None),) * axis + (slice(full * BLOCK),)]
    blocks = _reduce(whole.reshape((*before, full, BLOCK, *after)), axis=axis + 1)
    total = _along(blocks, axis)
    if count > full * BLOCK:
        total += _reduce(x[(slice(None),) * axis + (slice(full * BLOCK, None),)], axis=axis, keepdims=True)
    return total
