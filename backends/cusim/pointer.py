"""Device memory with an owner, and pointers into it, as in `cupy.cuda.memory`."""

from __future__ import annotations

import ctypes
from typing import Any

from . import counters, uploads
from .device import Device, current_device
from .errors import INVALID_VALUE, CUDARuntimeError
from .memory import DEVICE_MEMORY, Block, Buffer, DeviceMemory, write_guards
from .pinned import is_pinned
from .stream import get_current_stream

UNIT = 512


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
        owner.add(self._buffer)

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
            raise CUDARuntimeError(INVALID_VALUE, f"{size} bytes at {self.ptr:#x} are not inside one allocation")
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
        address = _host_address(mem)
        ctypes.memmove(self._range(size), address, size)
        self._wrote(size)
        counters.host_to_device(self.device_id, size)
        if is_pinned(address, size):
            uploads.begin(self.device_id, (stream or get_current_stream(self.device_id)).ptr, address, size)
        else:
            counters.synchronisation(self.device_id, "copy from pageable memory")

    def copy_to_host_async(self, mem: Any, size: int, stream: Any = None) -> None:
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
