"""Pinned host memory: page-locked, so that copies from and to it run while the host goes on."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

_live: dict[int, int] = {}  # address -> size


def is_pinned(address: int, size: int) -> bool:
    """Whether all of a piece of host memory is pinned."""
    return any(start <= address and address + size <= start + length for start, length in list(_live.items()))


class PinnedMemory:
    """`size` bytes of pinned host memory."""

    def __init__(self, size: int, flags: int = 0) -> None:
        self.size = size
        self._raw = np.empty(max(size, 1), np.uint8)
        self.ptr: int = self._raw.ctypes.data if size else 0
        self._live = _live  # a finaliser cannot rely on globals
        if size:
            _live[self.ptr] = size

    def __int__(self) -> int:
        return self.ptr

    def __del__(self) -> None:
        if self.ptr:
            self._live.pop(self.ptr, None)


class PinnedMemoryPointer:
    """A place in pinned memory; gives a buffer, as in `numpy.frombuffer(pointer, dtype, count)`."""

    mem: Any
    ptr: int

    def __int__(self) -> int:
        return self.ptr

    def size(self) -> int:
        """Bytes from here to the end of the memory."""
        return int(self.mem.size) - (self.ptr - int(self.mem.ptr))

    def __add__(self, offset: int) -> PinnedMemoryPointer:
        return pinned_pointer(self.mem, self.ptr - self.mem.ptr + offset)

    def __sub__(self, offset: int) -> PinnedMemoryPointer:
        return self + -offset


@lru_cache(maxsize=256)
def _pointer_class(size: int) -> Any:
    """Before Python 3.12 only classes made in C can give buffers, and among them ctypes' arrays can be extended."""
    return type("PinnedMemoryPointer", (PinnedMemoryPointer, ctypes.c_uint8 * size), {"__slots__": ("mem", "ptr")})


def pinned_pointer(mem: Any, offset: int) -> PinnedMemoryPointer:
    size = int(mem.size) - offset
    made: PinnedMemoryPointer = _pointer_class(size).from_buffer(mem._raw, offset)
    made.mem, made.ptr = mem, mem.ptr + offset
    return made


class PooledPinnedMemory:
    """Pinned memory that goes back to its pool."""

    def __init__(self, mem: PinnedMemory, pool: PinnedMemoryPool) -> None:
        self.mem, self.ptr, self.size, self._raw, self._pool = mem, mem.ptr, mem.size, mem._raw, pool

    def __int__(self) -> int:
        return self.ptr

    def __del__(self) -> None:
        if self.ptr:
            self._pool._free.setdefault(self.size, []).append(self.mem)


class PinnedMemoryPool:
    """Keeps freed pinned memory for the next request of its size, rounded up to a power of two."""

    def __init__(self, allocator: Callable[[int], PinnedMemoryPointer] | None = None) -> None:
        self._alloc = allocator or _malloc
        self._free: dict[int, list[PinnedMemory]] = {}
        self._lock = threading.Lock()

    def malloc(self, size: int) -> PinnedMemoryPointer:
        if size == 0:
            return pinned_pointer(PinnedMemory(0), 0)
        size = 1 << (max(size, 512) - 1).bit_length()
        with self._lock:
            free = self._free.get(size)
            mem = free.pop() if free else self._alloc(size).mem
        return pinned_pointer(PooledPinnedMemory(mem, self), 0)

    def free_all_blocks(self) -> None:
        self._free.clear()

    def n_free_blocks(self) -> int:
        return sum(map(len, list(self._free.values())))


def _malloc(size: int) -> PinnedMemoryPointer:
    return pinned_pointer(PinnedMemory(size), 0)


default_pinned_pool = PinnedMemoryPool()
_allocator: Callable[[int], PinnedMemoryPointer] = default_pinned_pool.malloc


def alloc_pinned_memory(size: int) -> PinnedMemoryPointer:
    """Pinned memory from the current allocator, by default a pool."""
    return _allocator(size)


def set_pinned_memory_allocator(allocator: Callable[[int], PinnedMemoryPointer] | None = None) -> None:
    global _allocator
    _allocator = allocator or _malloc


def get_default_pinned_memory_pool() -> PinnedMemoryPool:
    return default_pinned_pool
