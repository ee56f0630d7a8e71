"""The memory of the simulated devices: what the driver hands out, which part of it is valid, and guard zones.

A block is what `cudaMalloc` gives. Inside it lie allocations (see `pool`), each 256-byte aligned with a guard zone on
either side. Fresh memory, that of a reused pool block too, is filled with 0xFF (NaN, or -1); guards hold another NaN,
so that a kernel that reads past an array computes NaN and one that writes there is found out: guards are
verified when an allocation is freed and when the host synchronises. NumPy cannot write there, so only what a launch
has seen is verified.

Addresses inside a block are spread by a factor of two, which leaves room for guards between neighbours
while sizes and statistics stay CuPy's. What is never touched costs no memory.
"""

from __future__ import annotations

import atexit
import ctypes
import threading
from collections import deque
from typing import Any

import numpy as np

from . import counters
from .errors import OUT_OF_MEMORY, CUDARuntimeError, GuardError
from .settings import DEVICES

ALIGNMENT = 256
GUARD = 256
# NaN for every float format. Signalling ones for float64 and for every other float32: arithmetic changes their bits, so
# that `+=` on a guard is seen as well.
_PATTERN = bytes.fromhex("bfffbfffbffff7ff") * 128
DEFAULT_TOTAL = 8 << 30


class Buffer:
    """One live allocation: the memory that a kernel may touch.

    `name` is for error messages and set for the time of a launch; `last_use` stays. `shadow` belongs to the engine.
    """

    __slots__ = ("_shadow", "address", "back", "last_use", "name", "nbytes", "seen", "written")

    def __init__(self, address: int, nbytes: int, room: int, seen: int) -> None:
        self.address = address
        self.nbytes = nbytes
        self.back = room - nbytes + GUARD  # bytes behind the valid ones that are guard
        self.name = ""
        self.last_use = ""
        self._shadow: Any = None
        self.written = (nbytes, 0)  # between these the host wrote, before there was a shadow to note it
        self.seen = seen  # the launches up to which its guards are known to be whole

    @property
    def shadow(self) -> Any:
        return self._shadow

    @shadow.setter
    def shadow(self, shadow: Any) -> None:
        self._shadow = shadow
        low, high = self.written
        if shadow is not None and low < high:
            shadow.mark_written(low, high - low)

    def mark_written(self, address: int, nbytes: int) -> None:
        """The host, or a function of the namespace, has written here: it counts as initialised."""
        low = address - self.address
        if self._shadow is not None:
            self._shadow.mark_written(low, nbytes)
        else:
            self.written = min(self.written[0], low), max(self.written[1], low + nbytes)


class DeviceMemory:
    """The state of one device's memory."""

    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self.total = DEFAULT_TOTAL
        self.used = 0  # bytes that the driver has handed out
        self._buffers: dict[int, Buffer] = {}  # the live ones, by address
        self.launches = 0
        self.recent: deque[str] = deque(maxlen=32)  # kernels launched since the guards were last verified
        self.damage: list[str] = []  # found in a finaliser, to be raised at the next chance
        self.lock = threading.RLock()
        self.closed = False  # at the end of the interpreter, finalisers must leave everything alone

    def add(self, buffer: Buffer) -> None:
        self._buffers[buffer.address] = buffer

    def buffers(self) -> list[Buffer]:
        """All live allocations. A copy, as a finaliser may remove one at any time."""
        return list(self._buffers.values())

    def note_launch(self, kernel: str) -> None:
        self.launches += 1
        self.recent.append(kernel)

    def verify(self, buffer: Buffer) -> str | None:
        """What is wrong with the guards of `buffer`, if a kernel ran since they were last seen whole."""
        if buffer.seen == self.launches:
            return None
        buffer.seen = self.launches
        front = ctypes.string_at(buffer.address - GUARD, GUARD)
        back = ctypes.string_at(buffer.address + buffer.nbytes, buffer.back)
        whole_front, whole_back = guards_of(buffer)
        if front == whole_front and back == whole_back:
            return None
        write_guards(buffer)
        if front != whole_front:
            place = GUARD - max(i for i in range(GUARD) if front[i] != whole_front[i])
            where = f"{place} bytes before the start"
        else:
            where = f"{next(i for i in range(buffer.back) if back[i] != whole_back[i])} bytes behind the end"
        return (
            f"a kernel wrote {where} of an allocation of {buffer.nbytes} bytes at {buffer.address:#x}"
            f" (last used as {buffer.last_use or 'nothing'} in a launch)"
            f"; launched since the guards were last verified: {', '.join(self.recent) or 'nothing'}"
        )

    def check_guards(self) -> None:
        """Raise GuardError if a guard zone of this device was written to."""
        found = [message for message in map(self.verify, self.buffers()) if message]
        found, self.damage = self.damage + found, []
        self.recent.clear()
        if found:
            raise GuardError("\n".join(found))

    def retire(self, buffer: Buffer) -> None:
        """The allocation is freed. Called by finalisers, so damage is kept for the next check."""
        if self.closed:
            return
        self._buffers.pop(buffer.address, None)
        message = self.verify(buffer)
        if message:
            self.damage.append(message)


def guards_of(buffer: Buffer) -> tuple[bytes, bytes]:
    """What the guard zones before and behind a buffer hold while nobody writes there."""
    phase = buffer.nbytes % 8
    return _PATTERN[:GUARD], _PATTERN[phase : phase + buffer.back]


def write_guards(buffer: Buffer) -> None:
    front, back = guards_of(buffer)
    ctypes.memmove(buffer.address - GUARD, front, GUARD)
    ctypes.memmove(buffer.address + buffer.nbytes, back, buffer.back)


DEVICE_MEMORY = [DeviceMemory(device_id) for device_id in range(DEVICES)]


@atexit.register
def _close() -> None:
    for owner in DEVICE_MEMORY:
        owner.closed = True


class Block:
    """What `cudaMalloc` gives: `size` bytes of a device, freed with the object.

    Raises:
        CUDARuntimeError: cudaErrorMemoryAllocation, the device is full.
    """

    __slots__ = ("address", "device_id", "owner", "raw", "raw_address", "size")

    def __init__(self, device_id: int, size: int) -> None:
        self.size = 0
        self.device_id = device_id
        owner = self.owner = DEVICE_MEMORY[device_id]
        with owner.lock:
            if owner.used + size > owner.total:
                raise CUDARuntimeError(OUT_OF_MEMORY)
            self.raw: Any = np.empty(GUARD + ALIGNMENT + 2 * size + GUARD, np.uint8)
            owner.used += size
            self.size = size
        self.raw_address: int = self.raw.ctypes.data
        self.address = -(-(self.raw_address + GUARD) // ALIGNMENT) * ALIGNMENT
        counters.allocation(device_id, size)

    def __del__(self) -> None:
        if self.size and not self.owner.closed:
            with self.owner.lock:
                self.owner.used -= self.size
            counters.free(self.device_id)

    def place(self, offset: int) -> int:
        """The address of the byte that CuPy would find at `offset`, a multiple of the pool's unit."""
        return self.address + 2 * offset


def memory_info(device_id: int) -> tuple[int, int]:
    """Free and total bytes of a device."""
    owner = DEVICE_MEMORY[device_id]
    return owner.total - owner.used, owner.total
