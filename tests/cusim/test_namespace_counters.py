"""What the simulator counts: launches, copies, transfers, synchronisations, allocations."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cp

X = np.arange(12, dtype=np.float32).reshape(3, 4)

# name: (what is done with an array, launches, copies, synchronisations)
COUNTS: dict[str, tuple[Any, int, int, int]] = {
    "operator": (lambda x: x + 1, 1, 0, 0),
    "two operators": (lambda x: 2 * x + 1, 2, 0, 0),
    "in place": (lambda x: x.__iadd__(x), 1, 0, 0),
    "comparison": (lambda x: x > 0, 1, 0, 0),
    "exp": (lambda x: cp.exp(x), 1, 0, 0),
    "reduction": (lambda x: x.sum(axis=0), 1, 0, 0),
    "matmul": (lambda x: x @ x.T, 1, 0, 0),
    "where": (lambda x: cp.where(x > 0, x, 0), 2, 0, 0),
    "concatenate": (lambda x: cp.concatenate([x, x]), 1, 0, 0),
    "argsort": (lambda x: cp.argsort(x), 1, 0, 0),
    "astype": (lambda x: x.astype(cp.float64), 1, 0, 0),
    "astype to the same": (lambda x: x.astype(cp.float32, copy=False), 0, 0, 0),
    "zeros": (lambda x: cp.zeros(3), 1, 0, 0),
    "empty": (lambda x: cp.empty_like(x), 0, 0, 0),
    "full": (lambda x: cp.full(3, 2), 1, 0, 0),
    "arange": (lambda x: cp.arange(3), 1, 0, 0),
    "a number": (lambda x: cp.asarray(2.5), 1, 0, 0),
    "fill": (lambda x: x.fill(0), 1, 0, 0),
    "views": (lambda x: x[1:, None].reshape(2, -1).T, 0, 0, 0),
    "moveaxis": (lambda x: cp.moveaxis(x, 0, 1), 0, 0, 0),
    "copy": (lambda x: x.copy(), 0, 1, 0),
    "array of an array": (lambda x: cp.array(x), 0, 1, 0),
    "asarray of an array": (lambda x: cp.asarray(x), 0, 0, 0),
    "reshape that copies": (lambda x: x.T.reshape(12), 0, 1, 0),
    "ascontiguousarray": (lambda x: cp.ascontiguousarray(x.T), 0, 1, 0),
    "assignment": (lambda x: x.__setitem__(0, x[1]), 0, 1, 0),
    "assignment of a number": (lambda x: x.__setitem__(0, 1), 1, 0, 0),
    "copyto": (lambda x: cp.copyto(x, x[::-1]), 0, 1, 0),
    "integer index": (lambda x: x[cp.asarray(2)[None]], 2, 0, 0),
    "integer index assigned": (lambda x: x.__setitem__(I, x[:2]), 1, 0, 0),
    "mask": (lambda x: x[x > 3], 2, 0, 1),
    "mask assigned": (lambda x: x.__setitem__(x > 3, 0), 2, 0, 1),
    "nonzero": (lambda x: cp.nonzero(x), 1, 0, 1),
    "unique": (lambda x: cp.unique(x), 1, 0, 1),
    "get": (lambda x: x.get(), 0, 0, 1),
    "asnumpy": (lambda x: cp.asnumpy(x), 0, 0, 1),
    "item": (lambda x: x[0, 0].item(), 0, 0, 1),
    "float": (lambda x: float(x[0, 0]), 0, 0, 1),
    "bool": (lambda x: bool(x.any()), 1, 0, 1),
    "if": (lambda x: 1 if x.any() else 0, 1, 0, 1),
    "repr": (lambda x: repr(x), 0, 0, 1),
    "format": (lambda x: f"{x[0, 0]}", 0, 0, 1),
    "tolist": (lambda x: x.tolist(), 0, 0, 1),
    "device": (lambda x: cp.cuda.Device().synchronize(), 0, 0, 1),
    "stream": (lambda x: cp.cuda.get_current_stream().synchronize(), 0, 0, 1),
    "deviceSynchronize": (lambda x: cp.cuda.runtime.deviceSynchronize(), 0, 0, 1),
    "from the host": (lambda x: cp.asarray(X), 0, 0, 0),
    "metadata": (lambda x: (cp.shape(x), cp.result_type(x), cp.may_share_memory(x, x), x.nbytes), 0, 0, 0),
}  # fmt: skip
I = cp.asarray(np.array([0, 2]))  # noqa: E741


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    action, launches, copies, synchronisations = COUNTS[name]
    x = cp.asarray(X)
    with counters.record() as r:
        action(x)
    assert (r.launches, r.copies, r.synchronisations) == (launches, copies, synchronisations), r


def test_names() -> None:
    x = cp.asarray(X)
    with counters.record() as r:
        float(cp.sum(x * x + x))
    assert dict(r.by_op) == {"multiply": 1, "add": 1, "sum": 1}
    assert dict(r.by_synchronisation) == {"get": 1}


def test_transfers() -> None:
    with counters.record() as r:
        x = cp.asarray(X)
        x.get()
        x[:, 0].get()
        x[[0, 1]]
    assert (r.host_to_device, r.host_to_device_bytes) == (2, 48 + 16)
    assert (r.device_to_host, r.device_to_host_bytes) == (2, 48 + 12)


KERNEL = cp.RawKernel(
    """extern "C" __global__ void twice(const float* x, float* y, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] = 2 * x[i]; }""",
    "twice",
)


def test_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cp.asarray(X), cp.empty_like(cp.asarray(X))
    with counters.record() as r:
        KERNEL((1,), (32,), (x, y, np.int32(12)))
    assert (r.launches, dict(r.by_kernel), r.launch_list) == (1, {"twice": 1}, [("twice", (1, 1, 1), (32, 1, 1))])
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    with counters.record() as r:
        KERNEL((1,), (32,), (x, y, np.int32(12)))
        KERNEL((1,), (32,), (x, y, np.int32(4)))
    assert (r.bytes_read["twice"], r.bytes_written["twice"]) == (64, 64)
    assert len(r.statistics["twice"]) == 2


def test_a_launch_that_is_refused_does_not_count() -> None:
    with counters.record() as r, pytest.raises(TypeError):
        KERNEL((1,), (32,), (cp.asarray(X), None, 12))
    assert not r.by_kernel


def test_records_nest_and_end() -> None:
    x = cp.asarray(X)
    with counters.record() as outer:
        x + 1
        with counters.record() as inner:
            x + 1
    x + 1
    assert (outer.launches, inner.launches) == (2, 1)


def test_records_of_a_device() -> None:
    with counters.record(device=1) as r:
        cp.zeros(3)
        with cp.cuda.Device(1):
            cp.zeros(3).get()
    assert (r.launches, r.synchronisations) == (1, 1)


def test_records_see_all_threads() -> None:
    def work() -> None:
        for _ in range(200):
            cp.zeros(3)

    with counters.record() as r:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert r.by_op["zeros"] == 800


def test_a_failing_block_ends_the_record() -> None:
    with pytest.raises(RuntimeError, match="stop"), counters.record() as r:
        raise RuntimeError("stop")
    cp.zeros(3)
    assert r.launches == 0
    assert "launches=0" in repr(r)
