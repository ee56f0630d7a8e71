"""The current device of a thread, and `Device`, as in `cupy.cuda`."""

from __future__ import annotations

import threading
from typing import Any

from . import counters, uploads
from .errors import INVALID_DEVICE, CUDARuntimeError
from .memory import DEVICE_MEMORY, memory_info
from .settings import DEVICES

# What an NVIDIA RTX A4000 or 3070 (sm_86) says of itself, as far as a launcher may ask.
ATTRIBUTES = {
    "ComputeCapabilityMajor": 8,
    "ComputeCapabilityMinor": 6,
    "MaxBlockDimX": 1024,
    "MaxBlockDimY": 1024,
    "MaxBlockDimZ": 64,
    "MaxBlocksPerMultiprocessor": 16,
    "MaxGridDimX": 2**31 - 1,
    "MaxGridDimY": 65535,
    "MaxGridDimZ": 65535,
    "MaxRegistersPerBlock": 65536,
    "MaxRegistersPerMultiprocessor": 65536,
    "MaxSharedMemoryPerBlock": 48 * 1024,
    "MaxSharedMemoryPerBlockOptin": 99 * 1024,
    "MaxSharedMemoryPerMultiprocessor": 100 * 1024,
    "MaxThreadsPerBlock": 1024,
    "MaxThreadsPerMultiProcessor": 1536,
    "MultiProcessorCount": 46,
    "WarpSize": 32,
}


class _Thread(threading.local):
    current = 0

    def __init__(self) -> None:
        self.stack: list[int] = []


_thread = _Thread()


def current_device() -> int:
    return _thread.current


def set_device(device_id: int) -> None:
    if not 0 <= device_id < DEVICES:
        raise CUDARuntimeError(INVALID_DEVICE)
    _thread.current = device_id


def synchronize_device(device_id: int, what: str, stream: int = 0) -> None:
    """Wait for a stream of a device (0: for all). All has run already; what is left is to find what went wrong."""
    counters.synchronisation(device_id, what)
    uploads.finish(device_id, stream)
    owner = DEVICE_MEMORY[device_id]
    if owner.recent or owner.damage:
        owner.check_guards()


class Device:
    """A simulated device; a context manager that makes it current."""

    def __init__(self, device: Any = None) -> None:
        self.id = _thread.current if device is None else int(device)

    def __int__(self) -> int:
        return self.id

    def __enter__(self) -> Device:
        _thread.stack.append(_thread.current)
        set_device(self.id)
        return self

    def __exit__(self, *exc: object) -> None:
        set_device(_thread.stack.pop())

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    __hash__ = None  # type: ignore[assignment]  # CuPy's is not hashable either

    def use(self) -> Device:
        set_device(self.id)
        return self

    def synchronize(self) -> None:
        """Wait for the device; raises GuardError if a kernel wrote into a guard zone."""
        with self:
            synchronize_device(self.id, "Device.synchronize")

    @property
    def compute_capability(self) -> str:
        return f"{ATTRIBUTES['ComputeCapabilityMajor']}{ATTRIBUTES['ComputeCapabilityMinor']}"

    @property
    def mem_info(self) -> tuple[int, int]:
        with self:
            return memory_info(self.id)

    @property
    def attributes(self) -> dict[str, int]:
        return dict(ATTRIBUTES)

    @property
    def pci_bus_id(self) -> str:
        return f"0000:{self.id + 1:02X}:00.0"
