"""Copies between memories: pointers, pinned memory, copies that the host does not wait for."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cp
from dlcore.backends.cusim.errors import TransferError


@pytest.fixture
def check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")


def test_memory_pointers() -> None:
    x, y = cp.arange(8, dtype=cp.float32), cp.zeros(8, dtype=cp.float32)
    (y.data + 8).copy_from_device_async(x.data, 8)
    assert y.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    y.data.memset_async(0, y.nbytes)
    assert not y.any()
    host = np.full(2, 5, np.float32)
    y.data.copy_from_host_async(host.ctypes.data, 8)
    assert y.tolist() == [5, 5, 0, 0, 0, 0, 0, 0]
    cp.cuda.runtime.memcpyAsync(host.ctypes.data, x.data.ptr + 4, 8, cp.cuda.runtime.memcpyDeviceToHost, 0)
    assert host.tolist() == [1, 2]
    assert x.data.device == cp.cuda.Device(0)
    for call in (
        lambda: y.data.memset_async(0, 33),
        lambda: (y.data - 4).memset_async(0, 4),
        lambda: y.data.copy_from_device(x.data + 16, 32),
        lambda: cp.cuda.runtime.memcpyAsync(y.data.ptr, x.data.ptr, 36, cp.cuda.runtime.memcpyDeviceToDevice, 0),
    ):
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="not inside one allocation"):
            call()


def test_pinned_memory() -> None:
    pointer = cp.cuda.alloc_pinned_memory(100)
    assert pointer.size() >= 100
    assert ((pointer + 4).ptr, (pointer + 4).size()) == (pointer.ptr + 4, pointer.size() - 4)
    host = np.frombuffer(pointer, np.float32, 25)
    host[...] = np.arange(25)
    assert host.ctypes.data == pointer.ptr
    x = cp.empty(25, dtype=cp.float32)
    with counters.record() as r:
        x.set(host)
        (x.data + 4).copy_from_host_async(pointer.ptr, 4)
        out = np.frombuffer(cp.cuda.alloc_pinned_memory(100), np.float32, 25)
        x.get(out=out, blocking=False)
    assert (r.host_to_device, r.host_to_device_bytes, r.device_to_host, r.synchronisations) == (2, 104, 1, 0)
    assert out[:3].tolist() == [0, 0, 2]
    with counters.record() as r:
        x.set(np.zeros(25, np.float32))
        x.get(blocking=False)
    assert r.synchronisations == 2  # pageable memory: the driver has to copy it first


@pytest.mark.usefixtures("check_mode")
def test_pinned_memory_that_was_given_back_is_not_looked_at() -> None:
    memory = cp.cuda.PinnedMemory(40)
    x = cp.empty(10, dtype=cp.float32)
    x.data.copy_from_host_async(memory.ptr, 40)
    ctypes.memset(memory.ptr, 1, 40)
    del memory
    cp.cuda.Device().synchronize()


def test_host_memory_by_address() -> None:
    runtime, x = cp.cuda.runtime, cp.arange(4, dtype=cp.float32)
    address = runtime.hostAlloc(16, runtime.hostAllocPortable)
    with counters.record() as r:
        runtime.memcpyAsync(address, x.data.ptr, 16, runtime.memcpyDeviceToHost, 0)
    assert r.synchronisations == 0
    assert list((ctypes.c_float * 4).from_address(address)) == [0, 1, 2, 3]
    runtime.freeHost(address)
    with pytest.raises(runtime.CUDARuntimeError, match="not given by hostAlloc"):
        runtime.freeHost(address)


def test_the_pinned_pool() -> None:
    pool = cp.cuda.PinnedMemoryPool()
    first = pool.malloc(1000)
    address = first.ptr
    assert (first.size(), pool.n_free_blocks()) == (1024, 0)
    array = np.frombuffer(first, np.uint8)
    del first
    assert pool.n_free_blocks() == 0  # the array still uses it
    del array
    assert pool.n_free_blocks() == 1
    assert pool.malloc(513).ptr == address
    pool.free_all_blocks()
    assert pool.malloc(0).ptr == 0


# --- copies that the host does not wait for -------------------------------------------------------


def staged() -> Any:
    source = np.frombuffer(cp.cuda.alloc_pinned_memory(40), np.float32, 10)
    source[...] = 1
    return source


@pytest.mark.usefixtures("check_mode")
@pytest.mark.parametrize("how", ["set", "pointer", "memcpyAsync"])
def test_the_source_of_a_copy_must_not_change(how: str) -> None:
    source, x = staged(), cp.empty(10, dtype=cp.float32)
    if how == "set":
        x.set(source)
    elif how == "pointer":
        x.data.copy_from_host_async(source.ctypes.data, 40)
    else:
        runtime = cp.cuda.runtime
        runtime.memcpyAsync(x.data.ptr, source.ctypes.data, 40, runtime.memcpyHostToDevice, 0)
    source[3] = 2
    with pytest.raises(TransferError, match=r"40 bytes of pinned memory .* changed while .* copied to device 0"):
        cp.cuda.Device().synchronize()
    cp.cuda.Device().synchronize()


@pytest.mark.usefixtures("check_mode")
@pytest.mark.parametrize("wait", ["event", "done", "stream", "device", "get"])
def test_the_source_of_a_copy_may_change_when_the_host_has_waited(wait: str) -> None:
    source, x = staged(), cp.empty(10, dtype=cp.float32)
    stream = cp.cuda.Stream()
    x.set(source, stream=stream)
    event = stream.record()
    if wait == "event":
        event.synchronize()
    elif wait == "done":
        assert event.done
    elif wait == "get":
        x.get(stream=stream)
    else:
        {"stream": stream, "device": cp.cuda.Device()}[wait].synchronize()
    source[...] = 2
    cp.cuda.Device().synchronize()


@pytest.mark.usefixtures("check_mode")
def test_waiting_for_something_else_is_not_enough() -> None:
    source, x = staged(), cp.empty(10, dtype=cp.float32)
    first, second = cp.cuda.Stream(), cp.cuda.Stream()
    event = first.record()
    x.set(source, stream=first)
    event.synchronize()  # recorded before the copy
    second.synchronize()  # another stream
    source[...] = 2
    with pytest.raises(TransferError):
        first.synchronize()
