"""Simulated device memory: the pool and its statistics, fresh memory, guard zones, limits, pinned memory."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import counters, memory
from dlcore.backends.cusim import namespace as cp
from dlcore.backends.cusim.engine import KernelError

OutOfMemoryError = cp.cuda.memory.OutOfMemoryError


@pytest.fixture
def pool() -> Iterator[Any]:
    """A pool of this test's own, for this thread."""
    made = cp.cuda.MemoryPool()
    with cp.cuda.using_allocator(made.malloc):
        yield made


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> int:
    """Leaves one MiB of memory on the device."""
    gc.collect()
    cp.get_default_memory_pool().free_all_blocks()
    device = memory.DEVICE_MEMORY[0]
    monkeypatch.setattr(device, "total", device.used + (1 << 20))
    return 1 << 20


def floats(count: int) -> Any:
    return cp.empty(count, dtype=cp.float32)


# --- the pool -------------------------------------------------------------------------------------


def test_statistics(pool: Any) -> None:
    assert (pool.used_bytes(), pool.total_bytes(), pool.n_free_blocks()) == (0, 0, 0)
    x = floats(1)
    assert (pool.used_bytes(), pool.total_bytes(), pool.free_bytes(), pool.n_free_blocks()) == (512, 512, 0, 0)
    del x
    assert (pool.used_bytes(), pool.total_bytes(), pool.free_bytes(), pool.n_free_blocks()) == (0, 512, 512, 1)
    pool.free_all_blocks()
    assert (pool.total_bytes(), pool.n_free_blocks()) == (0, 0)


def test_a_freed_block_is_used_again(pool: Any) -> None:
    with counters.record() as r:
        address = floats(100).data.ptr
        again = floats(128)
    assert again.data.ptr == address
    assert (r.allocations, r.allocated_bytes) == (1, 512)


def test_blocks_are_split_and_merged(pool: Any) -> None:
    x = floats(1024)
    del x
    with counters.record() as r:
        parts = [floats(256) for _ in range(4)]
    assert r.allocations == 0
    assert pool.used_bytes() == pool.total_bytes() == 4096
    assert len({part.data.ptr for part in parts}) == 4
    del parts[1], parts[1]  # the two in the middle become one
    assert pool.n_free_blocks() == 1
    pool.free_all_blocks()
    assert pool.total_bytes() == 4096  # a block that was split is kept until all of it is free
    parts.clear()
    assert pool.n_free_blocks() == 1
    pool.free_all_blocks()
    assert pool.total_bytes() == 0


def test_the_smallest_block_that_fits_is_taken(pool: Any) -> None:
    large, small = floats(2048), floats(512)
    address = small.data.ptr
    del large, small
    assert floats(400).data.ptr == address


def test_a_stream_has_an_arena_of_its_own(pool: Any) -> None:
    stream = cp.cuda.Stream()
    with stream:
        address = floats(1).data.ptr
    assert floats(1).data.ptr != address
    with stream:
        assert floats(1).data.ptr == address
    pool.free_all_blocks(stream)
    assert pool.total_bytes() == 512


def test_nothing_is_allocated_in_the_steady_state(pool: Any) -> None:
    def step() -> None:
        x = cp.ones((64, 64), dtype=cp.float32)
        y = cp.tanh(x @ x.T + 1)
        y[:, :3] *= 2
        float(cp.sum(y))

    step()
    with counters.record() as r:
        for _ in range(3):
            step()
    assert r.allocations == r.frees == 0


def test_limit(pool: Any) -> None:
    pool.set_limit(size=4096)
    assert pool.get_limit() == 4096
    x = floats(512)
    with pytest.raises(OutOfMemoryError) as error:
        floats(600)
    assert str(error.value) == (
        "Out of memory allocating 2,560 bytes (allocated so far: 2,048 bytes, limit set to: 4,096 bytes)."
    )
    assert isinstance(error.value, MemoryError)
    del x
    floats(1024)  # what is free goes back first
    with pytest.raises(OutOfMemoryError):
        floats(1025)
    pool.set_limit()
    assert pool.get_limit() == 0
    floats(1025)
    pool.set_limit(fraction=0.5)
    assert pool.get_limit() == memory.DEVICE_MEMORY[0].total // 2
    for wrong in ({"size": -1}, {"fraction": 1.5}, {"size": 1, "fraction": 0.5}):
        with pytest.raises(ValueError, match=r"memory limit|at one time"):
            pool.set_limit(**wrong)


def test_a_full_device(small_device: int) -> None:
    free, total = cp.cuda.runtime.memGetInfo()
    assert free == small_device
    with cp.cuda.using_allocator(cp.cuda.MemoryPool().malloc):  # that of the process may keep parts of blocks in use
        x = floats(small_device // 8)
        assert cp.cuda.Device(0).mem_info == (free // 2, total)
        with pytest.raises(OutOfMemoryError, match=r"allocating 1,048,576 bytes \(allocated so far: "):
            floats(small_device // 4)
        y = floats(small_device // 8)
        del x, y
        floats(small_device // 4)  # the pool gives back what it keeps before it gives up


def test_without_a_pool(small_device: int) -> None:
    with cp.cuda.using_allocator(None):
        x = floats(1)
        with counters.record() as r:
            del x
            floats(1)
        assert (r.allocations, r.frees) == (1, 2)
        with pytest.raises(OutOfMemoryError):
            floats(small_device)
        with pytest.raises(ValueError, match="using_allocator"):
            cp.cuda.set_allocator(None)


def test_the_allocator_is_a_threads_own(pool: Any) -> None:
    used = []
    thread = threading.Thread(target=lambda: used.append((floats(1), pool.used_bytes())))
    thread.start()
    thread.join()
    assert used[0][1] == 0
    assert cp.cuda.get_allocator() == pool.malloc


def test_threads_share_a_pool() -> None:
    pool = cp.cuda.MemoryPool()
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            with cp.cuda.using_allocator(pool.malloc):
                kept: list[Any] = []
                for size in np.random.default_rng(seed).integers(1, 2000, 300):
                    kept.append(cp.full(int(size), seed, dtype=cp.int32))
                    if len(kept) > 5:
                        assert (kept.pop(0).get() == seed).all()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert pool.used_bytes() == 0
    pool.free_all_blocks()
    assert (pool.total_bytes(), pool.n_free_blocks()) == (0, 0)


def test_arrays_without_elements(pool: Any) -> None:
    with counters.record() as r:
        x = cp.zeros((0, 3)) + 1
    assert (x.shape, r.allocations, pool.used_bytes(), x.data.ptr) == ((0, 3), 0, 0, 0)


# --- what memory holds ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_fresh_memory_is_nan(pool: Any, dtype: str) -> None:
    first = cp.empty(100, dtype=dtype)
    address = first.data.ptr
    assert cp.isnan(first).all()
    first[...] = 1
    del first
    again = cp.empty(100, dtype=dtype)
    assert again.data.ptr == address
    assert cp.isnan(again).all()


@pytest.mark.parametrize("size", [1, 100, 128, 129, 5000])
def test_addresses_are_aligned_and_apart(pool: Any, size: int) -> None:
    arrays = [floats(size) for _ in range(5)]
    addresses = sorted(x.data.ptr for x in arrays)
    assert all(address % memory.ALIGNMENT == 0 for address in addresses)
    gaps = [high - low - 4 * size for low, high in itertools.pairwise(addresses)]
    assert min(gaps) >= memory.GUARD


WRITE = cp.RawKernel(
    """extern "C" __global__ void write(float* x, int first, int last, float value) {
        for (int i = first; i < last; ++i) x[i] = value; }
    extern "C" __global__ void read(const float* x, float* out, int place) { *out = x[place]; }
    extern "C" __global__ void accumulate(float* x, int place) { x[place] += 1; }
    """,
    "write",
)


def write(x: Any, first: int, last: int, value: float = 3.0) -> None:
    WRITE((1,), (1,), (x, np.int32(first), np.int32(last), np.float32(value)))


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "0")


@pytest.mark.usefixtures("fast")
def test_reading_a_guard_gives_nan(pool: Any) -> None:
    x, out = cp.zeros(128, dtype=cp.float32), floats(1)
    kernel = cp.RawKernel(WRITE.code, "read")
    for place in (-1, -64, 128, 129):
        out[...] = 0
        kernel((1,), (1,), (x, out, np.int32(place)))
        assert cp.isnan(out).all()


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("synchronize", ["device", "stream", "get"])
@pytest.mark.parametrize(
    ("first", "where"),
    [(-1, "bytes before the start"), (10, "0 bytes behind the end"), (63, "212 bytes behind the end")],
)
def test_writing_to_a_guard_is_found(pool: Any, first: int, where: str, synchronize: str) -> None:
    x = cp.zeros(10, dtype=cp.float32)
    write(x, first, first + 1)
    wait = {
        "device": cp.cuda.Device().synchronize, "stream": cp.cuda.get_current_stream().synchronize, "get": x.get
    }[synchronize]  # fmt: skip
    with pytest.raises(KernelError, match=f"{where} of an allocation of 40 bytes.*write's x.*launched.*: write"):
        wait()
    wait()  # said once


@pytest.mark.usefixtures("fast")
def test_a_guard_is_verified_when_memory_is_freed(pool: Any) -> None:
    x = cp.zeros(10, dtype=cp.float32)
    write(x, 10, 11)
    del x
    cp.zeros(10, dtype=cp.float32)  # the same memory again
    with pytest.raises(KernelError, match="behind the end of an allocation of 40 bytes"):
        cp.cuda.Device().synchronize()


@pytest.mark.usefixtures("fast")
def test_accumulating_onto_a_guard_is_found(pool: Any) -> None:
    x = cp.zeros(10, dtype=cp.float32)
    cp.RawKernel(WRITE.code, "accumulate")((1,), (1,), (x, np.int32(10)))
    with pytest.raises(KernelError, match="behind the end"):
        cp.cuda.Device().synchronize()


@pytest.mark.usefixtures("fast")
def test_guards_stay_whole_else(pool: Any) -> None:
    x = cp.zeros(10, dtype=cp.float32)
    write(x, 0, 10)
    y = x[3:].copy() * 2
    del x
    cp.cuda.Device().synchronize()
    assert y.tolist() == [6.0] * 7


def test_check_mode_names_the_array(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    x = cp.zeros(10, dtype=cp.float32)
    part = x[5:]
    for array, place in ((x, 10), (part, -6)):
        with pytest.raises(KernelError, match=r"write: kernel\.cu:2: .*'x'") as error:
            write(array, place, place + 1)
        assert error.value.kind == "out of bounds"
    write(part, -5, 5)  # a view may reach all of its allocation


def test_freed_memory_may_not_be_used(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    address = floats(10).data.ptr
    with pytest.raises(KernelError, match=r"write: kernel\.cu:2: .*memory"):
        WRITE((1,), (1,), (np.uintp(address), np.int32(0), np.int32(1), np.float32(0)))


# --- who has written what -------------------------------------------------------------------------

WRITERS: dict[str, Any] = {
    "zeros": lambda x: cp.zeros(10, dtype=cp.float32),
    "ones_like": lambda x: cp.ones_like(x),
    "a result": lambda x: cp.zeros(10, dtype=cp.float32) + 1,
    "from the host": lambda x: cp.asarray(np.ones(10, np.float32)),
    "fill": lambda x: x.fill(1),
    "set": lambda x: x.set(np.ones(10, np.float32)),
    "assignment": lambda x: x.__setitem__(..., cp.zeros(10)),
    "assignment by parts": lambda x: [x.__setitem__(slice(0, 4), 1), x.__setitem__(slice(4, None), 1)],
    "copyto": lambda x: cp.copyto(x, cp.zeros(10, dtype=cp.float32)),
    "out": lambda x: cp.add(cp.zeros(10), 1, out=x, casting="unsafe"),
    "out of a reduction": lambda x: cp.sum(cp.zeros((2, 10), dtype=cp.float32), axis=0, out=x),
    "memset": lambda x: x.data.memset_async(0, 40),
    "copy_from_device": lambda x: x.data.copy_from_device(cp.zeros(10, dtype=cp.float32).data, 40),
    "a kernel": lambda x: write(x, 0, 10),
}  # fmt: skip


@pytest.fixture
def initialised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading memory that nobody has written is an error."""
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    monkeypatch.setenv("DLCORE_CUSIM_INITIALISED", "1")


def read(x: Any, place: int) -> None:
    cp.RawKernel(WRITE.code, "read")((1,), (1,), (x, floats(1), np.int32(place)))


@pytest.mark.usefixtures("initialised")
@pytest.mark.parametrize("known", [False, True], ids=["before the first launch", "after"])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_what_the_namespace_writes_is_initialised(pool: Any, writer: Any, known: bool) -> None:
    x = floats(10)
    if known:
        WRITE((1,), (1,), (x, np.int32(0), np.int32(0), np.float32(0)))  # writes nothing, but the engine now knows x
    made = writer(x)
    target = made if isinstance(made, cp.ndarray) else x
    for place in (0, 5, 9):
        read(target, place)


@pytest.mark.usefixtures("initialised")
def test_what_nobody_has_written_is_not(pool: Any) -> None:
    x = floats(10)
    x[:4] = 0
    read(x, 3)
    with pytest.raises(KernelError, match="'x'"):
        read(x, 4)
    del x
    with pytest.raises(KernelError, match="'x'"):
        read(floats(10), 3)  # the same memory for another purpose
