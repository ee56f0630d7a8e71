"""GPUs as such: how many there are, their memory, and waiting for them. `dl.cuda.memory_info()`.

Every function takes a device, `"cuda:1"` say, or the simulator's `"cusim"`; the default is the current device if it
is one of those, else `"cuda"`.
"""

from __future__ import annotations

from typing import Protocol, cast

from dlcore import _device, _probe
from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._errors import DeviceError, OutOfMemoryError
from dlcore._specs import MemoryInfo

__all__ = [
    "MemoryInfo",
    "OutOfMemoryError",
    "device_count",
    "empty_cache",
    "is_available",
    "memory_info",
    "set_memory_limit",
    "synchronize",
]


class _Gpu(Protocol):
    """What the backend of a GPU, real or simulated, has besides the contract."""

    def synchronize(self) -> None: ...
    def memory_info(self) -> MemoryInfo: ...
    def set_memory_limit(self, limit: int | float | None) -> None: ...
    def empty_cache(self) -> None: ...


def is_available() -> bool:
    """Whether a GPU really answers, and not only whether CuPy is installed.

    >>> dl.cuda.is_available() in (True, False)
    True
    """
    return _device._lack("cuda", 0) is None


def device_count() -> int:
    """The number of GPUs that CuPy sees; 0 without CuPy or a driver.

    >>> dl.cuda.device_count() >= 0
    True
    """
    return _probe.cuda_count()


def synchronize(device: str | device_ | None = None) -> None:
    """Wait until the device has done all that it was told, and raise what it found wrong.

    Raises:
        IndexError: a label or index that was out of range since the last time, with its value.
        DeviceError: `device` is no GPU, or cannot be used.

    >>> dl.cuda.synchronize("cusim")
    """
    _backend("synchronize", device).synchronize()


def memory_info(device: str | device_ | None = None) -> MemoryInfo:
    """Bytes of GPU memory as a named tuple.

    Returns:
        `used` (in arrays), `pooled` (taken from the driver: in arrays, or kept for the next ones), `limit` (what
        the pool may take, 0 for no limit), `free` and `total` (of the GPU, for all programs together).

    Raises:
        DeviceError: `device` is no GPU, or cannot be used.

    >>> info = dl.cuda.memory_info("cusim")
    >>> 0 <= info.used <= info.pooled <= info.total
    True
    """
    return _backend("memory_info", device).memory_info()


def set_memory_limit(limit: int | float | None, device: str | device_ | None = None) -> None:
    """Bound the memory that arrays of this program may take on a GPU; beyond it, `dl.cuda.OutOfMemoryError`.

    Args:
        limit: bytes (int), a fraction of the GPU's memory (float in (0, 1]), or None for no limit.

    Raises:
        ValueError: a negative number of bytes, or a fraction outside (0, 1]. DeviceError: as `memory_info`.

    >>> dl.cuda.set_memory_limit(2**30, "cusim")
    >>> dl.cuda.memory_info("cusim").limit
    1073741824
    >>> dl.cuda.set_memory_limit(None, "cusim")
    """
    valid = limit is None or (
        0 < limit <= 1 if isinstance(limit, float) else hasattr(limit, "__index__") and limit >= 0
    )
    if not valid or isinstance(limit, bool):
        raise ValueError(
            f"set_memory_limit: limit must be a number of bytes, a fraction in (0, 1] or None, got {limit!r}"
        )
    _backend("set_memory_limit", device).set_memory_limit(limit)


def empty_cache(device: str | device_ | None = None) -> None:
    """Give the memory that is kept for the next arrays back to the driver, for other programs.

    Raises:
        DeviceError: as `memory_info`.

    >>> dl.cuda.empty_cache("cusim")
    """
    _backend("empty_cache", device).empty_cache()


def _backend(name: str, where: str | device_ | None) -> _Gpu:
    if where is None:
        current = current_device()
        where = current if hasattr(current.backend, "memory_info") else "cuda"
    found = device_(where)
    if not hasattr(found.backend, "memory_info"):
        raise DeviceError(f"{name}: device {str(found)!r} is no GPU; expected 'cuda', 'cuda:1', ... or 'cusim'")
    return cast(_Gpu, found.backend)
