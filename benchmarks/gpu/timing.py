"""How calls are timed on a GPU: with its own clock, the host's share apart.

- The host queues work faster than the GPU does it, or what is measured is the host. So before each measurement the
  GPU gets other work, long enough for the host to queue everything that is to be measured behind it.
- `hot`: events around groups of calls, the time divided by the number of calls; inputs may lie in the L2 cache.
- `cold`: events around single calls, before each of which a buffer of at least twice the L2 cache has been written.
- `host`: what a call costs the host, while the GPU falls behind.

Of each the median, and the 10th and 90th percentile.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

Call = Callable[[], Any]


class Spread(NamedTuple):
    """Microseconds."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, microseconds: list[float]) -> Spread:
        low, middle, high = np.percentile(microseconds, (10, 50, 90))
        return cls(float(middle), float(low), float(high))


@dataclass
class Times:
    hot: Spread
    cold: Spread
    host: Spread

    def as_json(self) -> dict[str, Any]:
        return {name: dict(spread._asdict()) for name, spread in vars(self).items()}


@dataclass(frozen=True)
class Effort:
    """How much is measured: calls before anything counts, groups of calls, calls in one, single cold calls."""

    warm_up: int = 10
    groups: int = 20
    calls: int = 10
    cold_calls: int = 30

    def as_json(self) -> dict[str, int]:
        return asdict(self)


TINY = Effort(warm_up=1, groups=1, calls=1, cold_calls=1)


class Timer:
    """Measures on the current device and stream of `cp`, which is CuPy or a module with the same names."""

    def __init__(self, cp: Any, effort: Effort) -> None:
        self.cp, self.effort = cp, effort
        properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.Device().id)
        self.l2_bytes = 1 << 16 if effort == TINY else int(properties.get("l2CacheSize", 0)) or 64 << 20
        # Large enough for writing it to take the GPU much longer than starting it takes the host.
        least = 0 if effort == TINY else 64 << 20
        self._flush_buffer = cp.zeros(max(2 * self.l2_bytes, least), dtype=np.uint8)
        self._flush()
        self._synchronize()
        self._flush_time = max(1.0, self._between(self._flush))

    def measure(self, call: Call) -> Times:
        return self.measure_in_turn({"": call})[""]

    def measure_in_turn(self, calls: dict[str, Call]) -> dict[str, Times]:
        """The times of several calls, group by group in turn, so that what changes meanwhile changes for all."""
        effort = self.effort
        for call in calls.values():
            for _ in range(effort.warm_up):
                call()
        host: dict[str, list[float]] = {name: [] for name in calls}
        hot: dict[str, list[float]] = {name: [] for name in calls}
        cold: dict[str, list[tuple[Any, Any]]] = {name: [] for name in calls}
        for _ in range(effort.groups):
            for name, call in calls.items():
                host[name].append(self._host_time(call))
        ahead = {name: float(np.median(times)) for name, times in host.items()}
        for _ in range(effort.groups):
            for name, call in calls.items():
                self._occupy(ahead[name] * (effort.calls + 1))
                call()  # the buffer is behind it, the inputs are in the cache as far as they fit
                pair = self._record_around(partial(_repeat, call, effort.calls))
                self._synchronize()
                hot[name].append(self._elapsed(pair) / effort.calls)
        for _ in range(effort.cold_calls):
            for name, call in calls.items():
                self._occupy(ahead[name])  # writes the buffer at least once
                cold[name].append(self._record_around(call))
        self._synchronize()
        return {
            name: Times(
                Spread.of(hot[name]), Spread.of([self._elapsed(pair) for pair in cold[name]]), Spread.of(host[name])
            )
            for name in calls
        }

    def _host_time(self, call: Call) -> float:
        self._synchronize()
        started = time.perf_counter()
        _repeat(call, self.effort.calls)
        return (time.perf_counter() - started) / self.effort.calls * 1e6

    def _occupy(self, microseconds: float) -> None:
        """Give the GPU work for longer than that, which also leaves nothing of the inputs in the L2 cache."""
        if self.effort == TINY:
            microseconds = 0
        for _ in range(1 + math.ceil(1.5 * microseconds / self._flush_time)):
            self._flush()

    def _flush(self) -> None:
        self._flush_buffer.fill(1)

    def _between(self, call: Call) -> float:
        pair = self._record_around(call)
        self._synchronize()
        return self._elapsed(pair)

    def _record_around(self, call: Call) -> tuple[Any, Any]:
        start, stop = self.cp.cuda.Event(), self.cp.cuda.Event()
        start.record()
        call()
        stop.record()
        return start, stop

    def _elapsed(self, pair: tuple[Any, Any]) -> float:
        return float(self.cp.cuda.get_elapsed_time(*pair)) * 1e3

    def _synchronize(self) -> None:
        self.cp.cuda.get_current_stream().synchronize()


def _repeat(call: Call, times: int) -> None:
    for _ in range(times):
        call()


@dataclass
class Rates:
    """What this device reaches: copying in bytes a second, multiplying in operations a second."""

    copy: float
    gemm: float
    gemm_tf32: float | None

    def floor(self, nbytes: int, flops: float) -> float:
        """The least microseconds that so much work takes, in float32."""
        return max(nbytes / self.copy, flops / self.gemm) * 1e6


def rates(cp: Any, timer: Timer) -> Rates:
    """Measured in the run that they are used in. Needs about 1 GiB, or next to nothing for a run without meaning."""
    tiny = timer.effort == TINY
    source = cp.zeros((1 << 12) if tiny else (1 << 27), dtype=np.float32)
    target = cp.empty_like(source)
    copied = timer.measure(lambda: cp.copyto(target, source)).hot.median
    n = 64 if tiny else 4096
    x, y, z = (cp.ones((n, n), dtype=np.float32) for _ in range(3))

    def gemm() -> float:
        return 2.0 * n**3 / timer.measure(lambda: cp.matmul(x, y, out=z)).hot.median * 1e6

    plain = gemm()
    return Rates(2 * source.nbytes / copied * 1e6, plain, _with_tf32(cp, gemm))


def _with_tf32(cp: Any, measure: Callable[[], float]) -> float | None:
    """The measurement with TF32 for products, which CuPy leaves off by default; None for another module than CuPy."""
    if cp.__name__ != "cupy":
        return None
    linalg = import_module("cupy._core._routines_linalg")
    single = np.dtype(np.float32)
    before = linalg.get_compute_type(single)
    linalg.set_compute_type(single, linalg.COMPUTE_TYPE_TF32)
    try:
        return measure()
    finally:
        linalg.set_compute_type(single, before)
