"""The caching pool of device memory, and which allocator arrays use.

The pool is CuPy's `SingleDeviceMemoryPool`: sizes are rounded up to 512 bytes, the smallest free chunk that fits is
taken and split, neighbours that are free are merged again, each stream has its own arena. So a program asks
the driver for memory here exactly where it would with CuPy, and "no new allocation in the steady state" means the same.
"""

from __future__ import annotations

import gc
import itertools
import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .device import current_device
from .errors import OUT_OF_MEMORY, CUDARuntimeError, OutOfMemoryError
from .memory import Block, memory_info
from .pointer import BaseMemory, Memory, MemoryPointer, round_size
from .settings import DEVICES
from .stream import get_current_stream

_serials = itertools.count()


class _Chunk:
    """A part of a block; `previous` and `next` are what it was split from."""

    __slots__ = ("arena", "block", "next", "offset", "previous", "serial", "size")

    def __init__(self, block: Block, offset: int, size: int, arena: _Arena) -> None:
        self.block, self.offset, self.size, self.arena = block, offset, size, arena
        self.serial = next(_serials)  # among equal sizes, the oldest is taken
        self.previous: _Chunk | None = None
        self.next: _Chunk | None = None

    def key(self) -> tuple[int, int]:
        return self.size, self.serial

    def split(self, size: int) -> _Chunk | None:
        """Keep the first `size` bytes and give the rest as a chunk of its own."""
        if self.size == size:
            return None
        rest = _Chunk(self.block, self.offset + size, self.size - size, self.arena)
        rest.previous, rest.next, self.next, self.size = self, self.next, rest, size
        if rest.next is not None:
            rest.next.previous = rest
        return rest

    def merge_next(self) -> None:
        assert self.next is not None
        self.size += self.next.size
        self.next = self.next.next
        if self.next is not None:
            self.next.previous = self


class _Arena:
    """The free chunks of one stream, by size."""

    def __init__(self) -> None:
        self.index: list[tuple[int, int]] = []
        self.chunks: dict[tuple[int, int], _Chunk] = {}

    def take(self, size: int) -> _Chunk | None:
        place = bisect_left(self.index, (size, -1))
        if place == len(self.index):
            return None
        chunk = self.chunks.pop(self.index.pop(place))
        rest = chunk.split(size)
        if rest is not None:
            self.insert(rest)
        return chunk

    def remove(self, chunk: _Chunk | None) -> bool:
        """Take a particular chunk out, if it is free."""
        if chunk is None or self.chunks.get(chunk.key()) is not chunk:
            return False
        key = chunk.key()
        del self.chunks[key]
        self.index.pop(bisect_left(self.index, key))
        return True

    def insert(self, chunk: _Chunk) -> None:
        self.chunks[chunk.key()] = chunk
        insort(self.index, chunk.key())

    def give_back(self, chunk: _Chunk) -> None:
        while self.remove(chunk.next):
            chunk.merge_next()
        while self.remove(chunk.previous):
            assert chunk.previous is not None
            chunk = chunk.previous
            chunk.merge_next()
        self.insert(chunk)

    def free_whole(self) -> int:
        """Drop the chunks that are whole blocks; their blocks go back to the driver."""
        whole = [chunk for chunk in self.chunks.values() if chunk.next is None and chunk.previous is None]
        for chunk in whole:
            self.remove(chunk)
        return sum(chunk.size for chunk in whole)


class PooledMemory(BaseMemory):
    """Memory that goes back to its pool when nobody refers to it."""

    def __init__(self, chunk: _Chunk, pool: SingleDeviceMemoryPool, nbytes: int) -> None:
        self._chunk: _Chunk | None = chunk
        self._pool = pool
        self.size = chunk.size
        self._open(chunk.block, chunk.offset, chunk.size, nbytes)

    def free(self) -> None:
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            self._close()
            self._pool._returned.append(chunk)

    def __del__(self) -> None:
        self.free()


class SingleDeviceMemoryPool:
    def __init__(self, allocator: Callable[[int], MemoryPointer] | None, device_id: int) -> None:
        self.device_id = device_id
        self._arenas: dict[int, _Arena] = {}
        self._total = 0
        self._in_use = 0
        self._limit = 0
        self._returned: deque[_Chunk] = deque()  # finalisers may run anywhere, so they only append
        self._lock = threading.RLock()

    def _collect(self) -> None:
        while self._returned:
            chunk = self._returned.popleft()
            self._in_use -= chunk.size
            chunk.arena.give_back(chunk)

    def malloc(self, size: int) -> MemoryPointer:
        if size < 0:
            raise OverflowError("can't convert negative value to size_t")
        rounded = round_size(size)
        if rounded == 0:
            return MemoryPointer(Memory(0), 0)
        with self._lock:
            self._collect()
            stream = get_current_stream(self.device_id).ptr
            arena = self._arenas.get(stream)
            if arena is None:
                arena = self._arenas[stream] = _Arena()
            chunk = arena.take(rounded)
            if chunk is None:
                chunk = _Chunk(self._from_driver(rounded), 0, rounded, arena)
            self._in_use += chunk.size
        return MemoryPointer(PooledMemory(chunk, self, size), 0)

    def _from_driver(self, size: int) -> Block:
        if self._limit and size > self._limit:
            raise OutOfMemoryError(size, self._total, self._limit)
        for attempt in range(3):
            if not self._limit or self._total + size <= self._limit:
                try:
                    block = Block(self.device_id, size)
                except CUDARuntimeError as error:
                    if error.status != OUT_OF_MEMORY:
                        raise
                else:
                    self._total += size
                    return block
            if attempt:
                gc.collect()
            self.free_all_blocks()
        raise OutOfMemoryError(size, self._total, self._limit) from None

    def free_all_blocks(self, stream: Any = None) -> None:
        with self._lock:
            self._collect()
            arenas = list(self._arenas.values()) if stream is None else [self._arenas.get(stream.ptr, _Arena())]
            for arena in arenas:
                self._total -= arena.free_whole()

    def n_free_blocks(self) -> int:
        with self._lock:
            self._collect()
            return sum(len(arena.index) for arena in self._arenas.values())

    def used_bytes(self) -> int:
        with self._lock:
            self._collect()
            return self._in_use

    def total_bytes(self) -> int:
        return self._total

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        if size is None:
            if fraction is None:
                size = 0
            elif not 0 <= fraction <= 1:
                raise ValueError(f"memory limit fraction out of range: {fraction}")
            else:
                size = int(fraction * memory_info(self.device_id)[1])
        elif fraction is not None:
            raise ValueError("size and fraction cannot be specified at one time")
        if size < 0:
            raise ValueError(f"memory limit size out of range: {size}")
        self._limit = size


class MemoryPool:
    """A caching pool for every device; each method works on the pool of the current device."""

    def __init__(self, allocator: Callable[[int], MemoryPointer] | None = None) -> None:
        if allocator is not None:
            raise NotImplementedError("the simulator's memory pool has no other allocator than the driver")
        self._pools = [SingleDeviceMemoryPool(allocator, device_id) for device_id in range(DEVICES)]

    def _device_pool(self) -> SingleDeviceMemoryPool:
        return self._pools[current_device()]

    def malloc(self, size: int) -> MemoryPointer:
        return self._device_pool().malloc(size)

    def free_all_blocks(self, stream: Any = None) -> None:
        self._device_pool().free_all_blocks(stream)

    def n_free_blocks(self) -> int:
        return self._device_pool().n_free_blocks()

    def used_bytes(self) -> int:
        return self._device_pool().used_bytes()

    def free_bytes(self) -> int:
        return self.total_bytes() - self.used_bytes()

    def total_bytes(self) -> int:
        return self._device_pool().total_bytes()

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self._device_pool().set_limit(size, fraction)

    def get_limit(self) -> int:
        return self._device_pool()._limit


def _malloc(size: int) -> MemoryPointer:
    """Straight from the driver, as CuPy's `set_allocator(None)` has it."""
    try:
        return MemoryPointer(Memory(size), 0)
    except CUDARuntimeError as error:
        if error.status != OUT_OF_MEMORY:
            raise
        raise OutOfMemoryError(size, -1) from None


default_pool = MemoryPool()
_allocator: Callable[[int], MemoryPointer] = default_pool.malloc
_thread = threading.local()


def alloc(size: int) -> MemoryPointer:
    """Memory of the current device from the current allocator."""
    allocator = getattr(_thread, "allocator", None) or _allocator
    return allocator(size)


def set_allocator(allocator: Callable[[int], MemoryPointer] | None = None) -> None:
    """What arrays allocate with, in the whole process; None: the driver, without a pool."""
    global _allocator
    if getattr(_thread, "allocator", None) is not None:
        raise ValueError("Can't change the global allocator inside `using_allocator` context manager")
    _allocator = allocator or _malloc


def get_allocator() -> Callable[[int], MemoryPointer]:
    return getattr(_thread, "allocator", None) or _allocator


@contextmanager
def using_allocator(allocator: Callable[[int], MemoryPointer] | None = None) -> Iterator[None]:
    """As `set_allocator`, for this thread and this block."""
    previous = getattr(_thread, "allocator", None)
    _thread.allocator = allocator or _malloc
    try:
        yield
    finally:
        _thread.allocator = previous


def get_default_memory_pool() -> MemoryPool:
    return default_pool
