"""The part of `cupy.cuda.runtime` that a program may ask for: devices, versions, memory, flags."""

from __future__ import annotations

import ctypes
from typing import Any

from . import counters, uploads
from .device import ATTRIBUTES, current_device, set_device, synchronize_device
from .errors import INVALID_DEVICE, INVALID_VALUE, CUDARuntimeError
from .memory import DEVICE_MEMORY, Buffer, memory_info
from .pinned import PinnedMemory, is_pinned
from .settings import DEVICES

__all__ = [
    "CUDARuntimeError",
    "deviceCanAccessPeer",
    "deviceGetAttribute",
    "deviceSynchronize",
    "driverGetVersion",
    "eventBlockingSync",
    "eventDefault",
    "eventDisableTiming",
    "eventInterprocess",
    "freeHost",
    "getDevice",
    "getDeviceCount",
    "getDeviceProperties",
    "hostAlloc",
    "hostAllocDefault",
    "hostAllocMapped",
    "hostAllocPortable",
    "hostAllocWriteCombined",
    "is_hip",
    "memGetInfo",
    "memcpyAsync",
    "memcpyDefault",
    "memcpyDeviceToDevice",
    "memcpyDeviceToHost",
    "memcpyHostToDevice",
    "memcpyHostToHost",
    "runtimeGetVersion",
    "setDevice",
    "streamDefault",
    "streamLegacy",
    "streamNonBlocking",
    "streamPerThread",
]

is_hip = False
eventDefault, eventBlockingSync, eventDisableTiming, eventInterprocess = 0, 1, 2, 4  # noqa: N816 - CUDA's names
hostAllocDefault, hostAllocPortable, hostAllocMapped, hostAllocWriteCombined = 0, 1, 2, 4  # noqa: N816
memcpyHostToHost, memcpyHostToDevice, memcpyDeviceToHost, memcpyDeviceToDevice, memcpyDefault = range(5)  # noqa: N816
streamDefault, streamNonBlocking, streamLegacy, streamPerThread = 0, 1, 1, 2  # noqa: N816


def getDeviceCount() -> int:  # noqa: N802
    return DEVICES


def getDevice() -> int:  # noqa: N802
    return current_device()


def setDevice(device: int) -> None:  # noqa: N802
    set_device(device)


def deviceSynchronize() -> None:  # noqa: N802
    synchronize_device(current_device(), "deviceSynchronize")


def deviceCanAccessPeer(device: int, peerDevice: int) -> int:  # noqa: N802, N803
    return 0


def deviceGetAttribute(attrib: int, device: int) -> int:  # noqa: N802
    """Attributes by number; by name they are in `Device.attributes`."""
    numbers = {1: "MaxThreadsPerBlock", 8: "MaxSharedMemoryPerBlock", 10: "WarpSize", 16: "MultiProcessorCount"}
    numbers |= {75: "ComputeCapabilityMajor", 76: "ComputeCapabilityMinor", 97: "MaxSharedMemoryPerBlockOptin"}
    if attrib not in numbers:
        raise CUDARuntimeError(INVALID_VALUE, f"the simulator does not know attribute {attrib}")
    return ATTRIBUTES[numbers[attrib]]


def getDeviceProperties(device: int) -> dict[str, Any]:  # noqa: N802
    if not 0 <= device < DEVICES:
        raise CUDARuntimeError(INVALID_DEVICE)
    return {
        "name": b"dlcore CUDA simulator",
        "totalGlobalMem": DEVICE_MEMORY[device].total,
        "sharedMemPerBlock": ATTRIBUTES["MaxSharedMemoryPerBlock"],
        "sharedMemPerBlockOptin": ATTRIBUTES["MaxSharedMemoryPerBlockOptin"],
        "regsPerBlock": ATTRIBUTES["MaxRegistersPerBlock"],
        "warpSize": ATTRIBUTES["WarpSize"],
        "maxThreadsPerBlock": ATTRIBUTES["MaxThreadsPerBlock"],
        "multiProcessorCount": ATTRIBUTES["MultiProcessorCount"],
        "major": ATTRIBUTES["ComputeCapabilityMajor"],
        "minor": ATTRIBUTES["ComputeCapabilityMinor"],
    }


def driverGetVersion() -> int:  # noqa: N802
    return 13000


def runtimeGetVersion() -> int:  # noqa: N802
    return 13000


def memGetInfo() -> tuple[int, int]:  # noqa: N802
    """Free and total bytes of the current device."""
    return memory_info(current_device())


_host_memory: dict[int, PinnedMemory] = {}


def hostAlloc(size: int, flags: int) -> int:  # noqa: N802
    """Pinned host memory; the address."""
    memory = PinnedMemory(size, flags)
    _host_memory[memory.ptr] = memory
    return memory.ptr


def freeHost(ptr: int) -> None:  # noqa: N802
    if _host_memory.pop(ptr, None) is None:
        raise CUDARuntimeError(INVALID_VALUE, f"{ptr:#x} was not given by hostAlloc")


def memcpyAsync(dst: int, src: int, size: int, kind: int, stream: int) -> None:  # noqa: N802
    """Copy between addresses; the device's side must lie in one allocation."""
    device = current_device()
    if kind not in (memcpyHostToDevice, memcpyDeviceToHost, memcpyDeviceToDevice):
        raise CUDARuntimeError(INVALID_VALUE, f"kind {kind}: the simulator copies to, from and on the device")
    if kind != memcpyHostToDevice:
        _buffer_at(device, src, size)
    target = None if kind == memcpyDeviceToHost else _buffer_at(device, dst, size)
    ctypes.memmove(dst, src, size)
    if target is not None:
        target.mark_written(dst, size)
    if kind == memcpyDeviceToDevice:
        counters.copy(device, size)
    elif kind == memcpyHostToDevice:
        counters.host_to_device(device, size)
        if is_pinned(src, size):
            uploads.begin(device, stream, src, size)
        else:
            counters.synchronisation(device, "copy from pageable memory")
    else:
        counters.device_to_host(device, size)
        if not is_pinned(dst, size):
            counters.synchronisation(device, "copy to pageable memory")


def _buffer_at(device: int, address: int, size: int) -> Buffer:
    """The allocation that these bytes lie in."""
    for buffer in DEVICE_MEMORY[device].buffers():
        if buffer.address <= address and address + size <= buffer.address + buffer.nbytes:
            return buffer
    raise CUDARuntimeError(INVALID_VALUE, f"{size} bytes at {address:#x} are not inside one allocation")
