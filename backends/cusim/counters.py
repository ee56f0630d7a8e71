"""What the simulated devices did: launches, copies, transfers, synchronisations and allocations.

>>> from dlcore.backends.cusim import counters, namespace as cp
>>> x = cp.ones(4)
>>> with counters.record() as r:
...     y = x + x
>>> r.launches, r.by_op["add"], r.synchronisations
(1, 1, 0)

A launch is one run of a kernel of ours (`by_kernel`) or one namespace function that has to start at least one kernel
on a GPU (`by_op`). What only moves data between two device arrays is a copy and counts apart; making a view is free.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Record:
    """Sums over everything that happened while it was active, in any thread, on `device` or (None) on all of them."""

    def __init__(self, device: int | None = None) -> None:
        self.device = device
        self.by_kernel: Counter[str] = Counter()
        self.by_op: Counter[str] = Counter()
        self.copies = 0  # device to device
        self.copied_bytes = 0
        self.host_to_device = 0
        self.host_to_device_bytes = 0
        self.device_to_host = 0
        self.device_to_host_bytes = 0
        self.by_synchronisation: Counter[str] = Counter()  # what waited: "get", "Stream.synchronize", ...
        self.event_waits = 0  # Event.synchronize: waits for older work only, which has usually passed
        self.allocations = 0  # from the driver: what the memory pool could not serve
        self.allocated_bytes = 0
        self.frees = 0  # back to the driver
        self.bytes_read: Counter[str] = Counter()  # unique bytes per launch, summed by kernel; check mode only
        self.bytes_written: Counter[str] = Counter()
        self.statistics: dict[str, list[Any]] = {}  # what the engine said of each launch, by kernel
        self.launch_list: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = []  # kernel, grid, block in order

    @property
    def launches(self) -> int:
        return self.by_kernel.total() + self.by_op.total()

    @property
    def synchronisations(self) -> int:
        return self.by_synchronisation.total()

    def __repr__(self) -> str:
        return (
            f"<Record launches={self.launches} kernels={dict(self.by_kernel)} ops={dict(self.by_op)}"
            f" copies={self.copies} host_to_device={self.host_to_device} device_to_host={self.device_to_host}"
            f" synchronisations={dict(self.by_synchronisation)} allocations={self.allocations}>"
        )


_active: tuple[Record, ...] = ()  # replaced as a whole, so that it can be read without the lock
_lock = threading.RLock()


@contextmanager
def record(device: int | None = None) -> Iterator[Record]:
    """Count what happens on the simulated devices until the block ends; records may be nested."""
    global _active
    made = Record(device)
    with _lock:
        _active = (*_active, made)
    try:
        yield made
    finally:
        with _lock:
            _active = tuple(each for each in _active if each is not made)


def _listeners(device: int) -> list[Record]:
    return [each for each in _active if each.device is None or each.device == device]


def kernel(device: int, name: str, grid: tuple[int, int, int], block: tuple[int, int, int], statistics: Any) -> None:
    """A kernel of ours ran; `statistics` is what the engine measured."""
    if _active:
        with _lock:
            for each in _listeners(device):
                each.by_kernel[name] += 1
                each.bytes_read[name] += statistics.bytes_read
                each.bytes_written[name] += statistics.bytes_written
                each.statistics.setdefault(name, []).append(statistics)
                each.launch_list.append((name, grid, block))


def op(device: int, name: str) -> None:
    """A namespace function ran on the device."""
    if _active:
        with _lock:
            for each in _listeners(device):
                each.by_op[name] += 1


def copy(device: int, nbytes: int) -> None:
    """Data went from one device array to another."""
    if _active:
        with _lock:
            for each in _listeners(device):
                each.copies += 1
                each.copied_bytes += nbytes


def host_to_device(device: int, nbytes: int) -> None:
    if _active:
        with _lock:
            for each in _listeners(device):
                each.host_to_device += 1
                each.host_to_device_bytes += nbytes


def device_to_host(device: int, nbytes: int) -> None:
    if _active:
        with _lock:
            for each in _listeners(device):
                each.device_to_host += 1
                each.device_to_host_bytes += nbytes


def synchronisation(device: int, what: str) -> None:
    """The host waited for the device."""
    if _active:
        with _lock:
            for each in _listeners(device):
                each.by_synchronisation[what] += 1


def event_wait(device: int) -> None:
    if _active:
        with _lock:
            for each in _listeners(device):
                each.event_waits += 1


def allocation(device: int, nbytes: int) -> None:
    """The driver was asked for memory."""
    if _active:
        with _lock:
            for each in _listeners(device):
                each.allocations += 1
                each.allocated_bytes += nbytes


def free(device: int) -> None:
    """Memory went back to the driver."""
    if _active:
        with _lock:
            for each in _listeners(device):
                each.frees += 1
