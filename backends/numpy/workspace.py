"""Scratch memory that is kept between calls: one set of buffers for each thread.

Fresh memory of some megabytes costs a page fault for every 4 KiB, often more than the work done in it. A buffer
belongs to one use, named by the caller, and grows to the largest size asked for; its old values are undefined.
"""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

Array = Any


class _Buffers(threading.local):
    def __init__(self) -> None:
        self.by_use: dict[tuple[str, np.dtype[Any]], Array] = {}


_buffers = _Buffers()


def scratch(use: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """A C-contiguous array over this thread's buffer for `use`, valid until the next call with the same `use`."""
    size = prod(shape)
    key = (use, np.dtype(dtype))
    buffer = _buffers.by_use.get(key)
    if buffer is None or buffer.size < size:
        buffer = _buffers.by_use[key] = np.empty(size, dtype)
    return buffer[:size].reshape(shape)


def scratch_like(x: Array, use: str, dtype: Any) -> Array:
    """Scratch of the shape of `x` with its axes in the same order in memory."""
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    buffer = scratch(use, tuple(x.shape[axis] for axis in order), dtype)
    return buffer.transpose([order.index(axis) for axis in range(x.ndim)])
