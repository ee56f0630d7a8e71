"""Two simulated devices, streams and events."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cp

Device, Stream, runtime = cp.cuda.Device, cp.cuda.Stream, cp.cuda.runtime


@pytest.fixture
def pair() -> tuple[Any, Any]:
    """An array on each device."""
    with Device(1):
        second = cp.full(3, 2.0, dtype=cp.float32)
    return cp.ones(3, dtype=cp.float32), second


def test_there_are_two() -> None:
    assert runtime.getDeviceCount() == 2
    assert (Device(0), Device(1)) == (Device(0), Device(1))
    assert Device(0) != Device(1)
    assert (int(Device(1)), Device(1).id, repr(Device(1))) == (1, 1, "<CUDA Device 1>")
    assert Device(Device(1)).id == 1
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorInvalidDevice: invalid device ordinal"):
        Device(2).use()
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorInvalidDevice"):
        runtime.setDevice(-1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Device(0))


def test_the_current_device() -> None:
    assert runtime.getDevice() == 0
    with Device(1) as device:
        assert device.id == runtime.getDevice() == cp.cuda.get_device_id() == Device().id == 1
        with Device(0):
            assert runtime.getDevice() == 0
        assert runtime.getDevice() == 1
    assert runtime.getDevice() == 0
    Device(1).use()
    try:
        assert Device().id == 1
        other = []
        thread = threading.Thread(target=lambda: other.append(runtime.getDevice()))
        thread.start()
        thread.join()
        assert other == [0]  # each thread has its own
    finally:
        runtime.setDevice(0)


def test_arrays_belong_to_a_device(pair: tuple[Any, Any]) -> None:
    first, second = pair
    assert (first.device.id, second.device.id) == (0, 1)
    assert (first.data.device_id, second.data.device_id) == (0, 1)
    assert second[1:].device.id == 1
    assert second.tolist() == [2, 2, 2]  # reading works from anywhere
    with Device(1):
        assert (second + 1).device.id == 1


MIXED = {
    "operator": lambda x, y: x + y,
    "in place": lambda x, y: x.__iadd__(y),
    "out": lambda x, y: cp.add(x, 1, out=y),
    "of the other device alone": lambda x, y: y * 2,
    "where": lambda x, y: cp.where(x > 0, x, y),
    "concatenate": lambda x, y: cp.concatenate([x, y]),
    "reduction": lambda x, y: y.sum(),
    "assignment": lambda x, y: x.__setitem__(..., y),
    "assignment to the other": lambda x, y: y.__setitem__(0, 1),
    "index": lambda x, y: x[y.astype(int)],
    "index on the other": lambda x, y: y[cp.asarray([0])],
    "take": lambda x, y: x.take(y),
    "fill": lambda x, y: y.fill(1),
    "cast": lambda x, y: y.astype(cp.float64),
    "copyto": lambda x, y: cp.copyto(x, y),
    "matmul": lambda x, y: x @ y,
    "sort": lambda x, y: y.sort(),
    "ravel of a transpose": lambda x, y: cp.broadcast_to(y, (2, 3)).T.ravel(),
}  # fmt: skip


@pytest.mark.parametrize("call", MIXED.values(), ids=MIXED.keys())
def test_devices_do_not_mix(pair: tuple[Any, Any], call: Any) -> None:
    with pytest.raises(ValueError, match="Array device must be same as the current device"):
        call(*pair)
    assert (pair[0].tolist(), pair[1].tolist()) == ([1, 1, 1], [2, 2, 2])


def test_kernels_do_not_mix_devices(pair: tuple[Any, Any]) -> None:
    kernel = cp.RawKernel('extern "C" __global__ void f(float* a, float* b) { *a = *b; }', "f")
    with pytest.raises(ValueError, match="kernel f, parameter b: Array device must be same"):
        kernel((1,), (1,), pair)
    with Device(1):
        kernel((1,), (1,), (pair[1], pair[1] + 1))
    assert pair[1].tolist() == [3, 2, 2]


def test_in_check_mode_a_kernel_sees_its_own_device_only(
    pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    kernel = cp.RawKernel('extern "C" __global__ void f(float* a) { *a = 1; }', "f")
    with pytest.raises(RuntimeError, match="f: "):
        kernel((1,), (1,), (np.uintp(pair[1].data.ptr),))


def test_copies_cross(pair: tuple[Any, Any]) -> None:
    for made in (pair[1].copy(), cp.array(pair[1]), cp.asarray(pair[1])):
        assert made.device.id == 0
        assert made.tolist() == [2, 2, 2]


def test_each_device_has_its_memory() -> None:
    pool = cp.get_default_memory_pool()
    before = pool.used_bytes()
    with Device(1):
        used = pool.used_bytes()
        kept = cp.zeros(1024, dtype=cp.float32)
        assert pool.used_bytes() == used + 4096
        pool.set_limit(size=1 << 20)
        assert pool.get_limit() == 1 << 20
        pool.set_limit(size=0)
    assert pool.used_bytes() == before
    assert pool.get_limit() == 0
    assert kept.device.mem_info[1] == 8 << 30


def test_what_a_device_says_of_itself() -> None:
    device = Device(0)
    assert device.compute_capability == "86"
    assert device.attributes["WarpSize"] == 32
    assert device.attributes["MaxSharedMemoryPerBlockOptin"] == 99 * 1024
    properties = runtime.getDeviceProperties(1)
    assert properties["name"] == b"dlcore CUDA simulator"
    assert properties["multiProcessorCount"] == device.attributes["MultiProcessorCount"]
    assert runtime.driverGetVersion() >= runtime.runtimeGetVersion() >= 12000
    assert runtime.deviceCanAccessPeer(0, 1) == 0
    assert cp.is_available()
    assert cp.cuda.is_available()


# --- streams --------------------------------------------------------------------------------------


def test_the_current_stream() -> None:
    assert cp.cuda.get_current_stream() is Stream.null
    stream = Stream(non_blocking=True)
    with stream as entered:
        assert entered is stream is cp.cuda.get_current_stream()
        with Device(1):
            assert cp.cuda.get_current_stream() is Stream.null  # each device has its own
    assert cp.cuda.get_current_stream() == Stream(null=True)
    stream.use()
    try:
        assert cp.cuda.get_current_stream() is stream
    finally:
        Stream.null.use()
    assert (stream.device_id, Stream.null.device_id, Stream.null.ptr) == (0, -1, 0)
    assert stream != Stream.null
    assert len({stream, stream, Stream.null}) == 2


def test_a_stream_belongs_to_a_device() -> None:
    stream = Stream()
    with Device(1):
        for call in (stream.use, stream.__enter__):
            with pytest.raises(RuntimeError, match=r"created on \(0\) does not match with the current device \(1\)"):
                call()
    with Device(1):
        theirs = Stream()
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorInvalidResourceHandle"):
        theirs.record(cp.cuda.Event())


def test_events() -> None:
    start, end = cp.cuda.Event(), cp.cuda.Event()
    with pytest.raises(runtime.CUDARuntimeError, match="recorded"):
        cp.cuda.get_elapsed_time(start, end)
    start.record()
    assert Stream.null.record(end) is end
    assert cp.cuda.get_elapsed_time(start, end) >= 0
    Stream().wait_event(end)
    assert end.done
    with counters.record() as r:
        end.synchronize()
    assert (r.event_waits, r.synchronisations) == (1, 0)
    untimed = cp.cuda.Event(disable_timing=True)
    untimed.record()
    with pytest.raises(runtime.CUDARuntimeError, match="timing"):
        cp.cuda.get_elapsed_time(start, untimed)
    with pytest.raises(ValueError, match="Timing must be disabled"):
        cp.cuda.Event(interprocess=True)
