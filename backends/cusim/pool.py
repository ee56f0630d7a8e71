"""Device memory as CuPy sees it: pointers, the caching pool, and which allocator arrays use.

The pool is CuPy's `SingleDeviceMemoryPool`: sizes are rounded up to 512 bytes, the smallest free chunk that fits is
taken and split, neighbours that are free are merged again, each stream has its own arena. So a program asks
the driver for memory here exactly where it would with CuPy, and "no new allocation in the steady state" means the same.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import counters
from .device import Device, current_device
from .errors import OUT_OF_MEMORY, CUDARuntimeError, OutOfMemoryError
from .memory import DEVICE_MEMORY, Block, Buffer, DeviceMemory, memory_info, write_guards
from .settings import DEVICES
from .stream import get_current_stream

UNIT = 512
_serials = itertools.count()


def round_size(size: int) -> int:
    return (size + UNIT - 1) // UNIT * UNIT


class BaseMemory:
    """Device memory with an owner: `ptr`, `size`, `device_id`, `device`."""

    ptr: int = 0
    size: int = 0
    device_id: int = 0
    _raw: Any = None  # the NumPy bytes that the block is made of; the memory begins at `start`
    _start: int = 0
    _buffer: Buffer | None = None
    _owner: DeviceMemory  # finalisers cannot rely on globals

    def __int__(self) -> int:
        return self.ptr

    @property
    def device(self) -> Device:
        return Device(self.device_id)

    def _open(self, block: Block, offset: int, room: int, nbytes: int) -> None:
        """Make `nbytes` at `offset` of the block valid, fresh memory."""
        owner = self._owner = DEVICE_MEMORY[block.device_id]
        self.device_id = block.device_id
        self.ptr = block.place(offset)
        self._raw = block.raw
        self._start = self.ptr - block.raw_address
        self._buffer = Buffer(self.ptr, nbytes, room, owner.launches)
        ctypes.memset(self.ptr, 0xFF, nbytes)
        write_guards(self._buffer)
        owner.buffers.add(self._buffer)

    def _close(self) -> None:
        if self._buffer is not None:
            self._owner.retire(self._buffer)
            self._buffer = None


class Memory(BaseMemory):
    """Memory straight from the driver."""

    def __init__(self, size: int) -> None:
        self.device_id = current_device()
        self.size = size
        if size:
            self.block = Block(self.device_id, round_size(size))
            self._open(self.block, 0, round_size(size), size)

    def __del__(self) -> None:
        self._close()


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
            arena = self._arenas.setdefault(get_current_stream(self.device_id).ptr, _Arena())
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


class MemoryPointer:
    """A place in device memory; keeps its memory alive."""

    __slots__ = ("mem", "ptr")

    def __init__(self, mem: BaseMemory, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset

    def __int__(self) -> int:
        return self.ptr

    def __repr__(self) -> str:
        return f"<MemoryPointer {self.ptr:#x} device={self.device_id} mem={self.mem!r}>"

    @property
    def device_id(self) -> int:
        return self.mem.device_id

    @property
    def device(self) -> Device:
        return self.mem.device

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr - self.mem.ptr + offset)

    def __sub__(self, offset: int) -> MemoryPointer:
        return self + -offset

    def _range(self, size: int) -> int:
        """The address, after checking that `size` bytes from here are valid: a real copy would destroy others' data."""
        buffer = self.mem._buffer
        if size and (buffer is None or not 0 <= self.ptr - buffer.address <= buffer.nbytes - size):
            raise CUDARuntimeError(1, f"{size} bytes at {self.ptr:#x} are not inside one allocation")
        return self.ptr

    def _wrote(self, size: int) -> None:
        if self.mem._buffer is not None:
            self.mem._buffer.mark_written(self.ptr, size)

    def copy_from_device(self, src: MemoryPointer, size: int) -> None:
        ctypes.memmove(self._range(size), src._range(size), size)
        self._wrote(size)
        counters.copy(self.device_id, size)

    def copy_from_device_async(self, src: MemoryPointer, size: int, stream: Any = None) -> None:
        self.copy_from_device(src, size)

    def copy_from_host_async(self, mem: Any, size: int, stream: Any = None) -> None:
        from .pinned import is_pinned

        address = _host_address(mem)
        ctypes.memmove(self._range(size), address, size)
        self._wrote(size)
        counters.host_to_device(self.device_id, size)
        if not is_pinned(address, size):
            counters.synchronisation(self.device_id, "copy from pageable memory")

    def copy_to_host_async(self, mem: Any, size: int, stream: Any = None) -> None:
        from .pinned import is_pinned

        address = _host_address(mem)
        ctypes.memmove(address, self._range(size), size)
        counters.device_to_host(self.device_id, size)
        if not is_pinned(address, size):
            counters.synchronisation(self.device_id, "copy to pageable memory")

    def memset_async(self, value: int, size: int, stream: Any = None) -> None:
        ctypes.memset(self._range(size), value, size)
        self._wrote(size)
        counters.op(self.device_id, "memset")

    def memset(self, value: int, size: int) -> None:
        self.memset_async(value, size)


def _host_address(mem: Any) -> int:
    return int(getattr(mem, "value", mem))  # an address, or a ctypes.c_void_p


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
