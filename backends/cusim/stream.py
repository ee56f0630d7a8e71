"""Streams and events, as in `cupy.cuda.stream`. Work is done when it is issued, so that all orders are kept.

What a real GPU would do later, it does at once here; what the host would have to wait for is counted.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

from . import counters, uploads
from .device import current_device, synchronize_device
from .errors import INVALID_HANDLE, CUDARuntimeError
from .settings import DEVICES

_handles = itertools.count(0x5000_0000, 16)


class Stream:
    """A stream of the current device; `Stream.null` belongs to whichever device is current."""

    null: Stream
    ptds: Stream

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None
    ) -> None:
        if null:
            self.ptr, self.device_id = 0, -1
        elif ptds:
            self.ptr, self.device_id = 2, -1
        else:
            self.ptr, self.device_id = next(_handles), current_device()

    def _device(self) -> int:
        """The current device, which must be the stream's own."""
        current = current_device()
        if self.device_id not in (-1, current):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id})"
                f" does not match with the current device ({current})"
            )
        return current

    def __enter__(self) -> Stream:
        device = self._device()
        _thread.stack.append((device, _thread.current[device]))
        _thread.current[device] = self
        return self

    def __exit__(self, *exc: object) -> None:
        device, previous = _thread.stack.pop()
        _thread.current[device] = previous

    def use(self) -> Stream:
        _thread.current[self._device()] = self
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.ptr == other.ptr

    def __hash__(self) -> int:
        return self.ptr

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ptr} (device {self.device_id})>"

    @property
    def done(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return False

    def synchronize(self) -> None:
        """Wait for the stream; raises GuardError if a kernel wrote into a guard zone."""
        device = current_device() if self.device_id == -1 else self.device_id
        synchronize_device(device, "Stream.synchronize", self.ptr)

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event._record(self)
        return event

    def wait_event(self, event: Event) -> None:
        if not isinstance(event, Event):
            raise AttributeError(f"{type(event).__name__!r} object has no attribute 'ptr'")


Stream.null = Stream(null=True)
Stream.ptds = Stream(ptds=True)


class Event:
    """A point in a stream. Times are those of the simulation: they say nothing about a GPU."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        if interprocess and not disable_timing:
            raise ValueError("Timing must be disabled for interprocess events")
        self.ptr = next(_handles)
        self._timed = not disable_timing
        self._time: float | None = None
        self._stream = self._position = 0
        self._device_id = current_device()

    def _record(self, stream: Stream) -> None:
        if stream.device_id not in (-1, self._device_id):
            raise CUDARuntimeError(INVALID_HANDLE, "the event and the stream belong to different devices")
        self._time = time.perf_counter()
        self._stream, self._position = stream.ptr, uploads.position()

    @property
    def done(self) -> bool:
        uploads.finish(self._device_id, self._stream, self._position)
        return True

    def record(self, stream: Stream | None = None) -> None:
        self._record(stream or get_current_stream())

    def synchronize(self) -> None:
        counters.event_wait(self._device_id)
        uploads.finish(self._device_id, self._stream, self._position)


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two events that were recorded with timing."""
    start, end = start_event._time, end_event._time
    if start is None or end is None or not (start_event._timed and end_event._timed):
        raise CUDARuntimeError(INVALID_HANDLE, "both events must have been recorded, with timing enabled")
    return 1e3 * (end - start)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.current: list[Any] = [Stream.null] * DEVICES
        self.stack: list[tuple[int, Any]] = []


_thread = _Thread()


def get_current_stream(device_id: int = -1) -> Any:
    """The current stream of this thread on a device (-1: the current one)."""
    return _thread.current[current_device() if device_id == -1 else device_id]
