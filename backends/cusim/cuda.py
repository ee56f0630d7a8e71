"""The simulator's stand-in for `cupy.cuda`."""

from __future__ import annotations

from types import SimpleNamespace

from . import cuda_runtime as runtime
from .device import Device, current_device
from .errors import CompileException, CUDADriverError, OutOfMemoryError
from .pinned import (
    PinnedMemory,
    PinnedMemoryPointer,
    PinnedMemoryPool,
    alloc_pinned_memory,
    set_pinned_memory_allocator,
)
from .pointer import BaseMemory, Memory, MemoryPointer
from .pool import MemoryPool, alloc, get_allocator, set_allocator, using_allocator
from .stream import Event, Stream, get_current_stream, get_elapsed_time

__all__ = [
    "BaseMemory",
    "Device",
    "Event",
    "Memory",
    "MemoryPointer",
    "MemoryPool",
    "PinnedMemory",
    "PinnedMemoryPointer",
    "PinnedMemoryPool",
    "Stream",
    "alloc",
    "alloc_pinned_memory",
    "compiler",
    "device",
    "driver",
    "get_allocator",
    "get_current_stream",
    "get_device_id",
    "get_elapsed_time",
    "is_available",
    "memory",
    "runtime",
    "set_allocator",
    "set_pinned_memory_allocator",
    "stream",
    "using_allocator",
]

device = SimpleNamespace(Device=Device, get_device_id=current_device)
stream = SimpleNamespace(Event=Event, Stream=Stream, get_current_stream=get_current_stream)
compiler = SimpleNamespace(CompileException=CompileException)
driver = SimpleNamespace(CUDADriverError=CUDADriverError)
memory = SimpleNamespace(
    BaseMemory=BaseMemory, Memory=Memory, MemoryPointer=MemoryPointer, MemoryPool=MemoryPool,
    OutOfMemoryError=OutOfMemoryError, alloc=alloc, get_allocator=get_allocator, set_allocator=set_allocator,
)  # fmt: skip


def get_device_id() -> int:
    return current_device()


def is_available() -> bool:
    return True
