"""Device memory as a user sees it, and the way there from the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore._errors import OutOfMemoryError
from dlcore.backend import MemoryInfo

Array = Any

STAGING_BYTES = 8 << 20  # per buffer: a batch of 256 images of 3x96x96 in float32 fits
STAGING_BUFFERS = 4


def memory_info(cp: Any) -> MemoryInfo:
    pool = cp.get_default_memory_pool()
    free, total = cp.cuda.runtime.memGetInfo()
    return MemoryInfo(pool.used_bytes(), pool.total_bytes(), pool.get_limit(), free, total)


def out_of_memory(cp: Any, device: str, operation: str, error: MemoryError) -> OutOfMemoryError:
    """CuPy's error with what else a reader wants to know: who has the memory, and what can be done."""
    info = memory_info(cp)
    elsewhere = max(0, info.total - info.free - info.pooled)
    limit = f"limit {info.limit:,}" if info.limit else "no limit"
    return OutOfMemoryError(
        f"{operation}: out of memory on {device}. {error}. Bytes: {info.used:,} in dlcore's and CuPy's arrays, "
        f"{info.pooled - info.used:,} kept in the pool ({limit}), {elsewhere:,} used by others, {info.free:,} free "
        f"of {info.total:,}. Use smaller batches, free arrays, or call dl.cuda.empty_cache()"
    )


class Upload:
    """Copies from the host that do not wait for the device: through pinned buffers that are used in turn.

    The values are first copied into a pinned buffer, so the caller may change the source at once. A buffer is used
    again when the event recorded after its last copy has passed.
    """

    def __init__(self, cp: Any) -> None:
        self._cp = cp
        self._buffers: list[Any] = []  # (host memory as bytes, event)
        self._next = 0

    def __call__(self, source: np.ndarray[Any, Any]) -> Array:
        """A device array with the values of a host array."""
        cp = self._cp
        source = np.ascontiguousarray(source) if source.ndim else source
        result = cp.empty(source.shape, dtype=source.dtype)
        if source.nbytes > STAGING_BYTES:
            result.set(source)
        elif source.nbytes:
            memory, event = self._buffer()
            if not event.done:
                event.synchronize()
            staged = np.frombuffer(memory, source.dtype, source.size).reshape(source.shape)
            staged[...] = source
            stream = cp.cuda.get_current_stream()
            result.set(staged, stream=stream)
            event.record(stream)
        return result

    def _buffer(self) -> tuple[Any, Any]:
        cp = self._cp
        if len(self._buffers) < STAGING_BUFFERS:
            event = cp.cuda.Event(disable_timing=True)
            event.record()
            self._buffers.append((cp.cuda.alloc_pinned_memory(STAGING_BYTES), event))
            return self._buffers[-1]  # type: ignore[no-any-return]
        self._next = (self._next + 1) % STAGING_BUFFERS
        return self._buffers[self._next]  # type: ignore[no-any-return]
