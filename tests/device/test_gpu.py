"""What a GPU adds to the library, on the simulated ones: memory, late errors, two devices in one program."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import dlcore as dl
import dlcore.nn.functional as F
from dlcore import nn
from dlcore.backends.cusim import counters

GPU, SECOND = "cusim", "cusim:1"


@pytest.fixture(autouse=True)
def _on_the_gpu() -> Iterator[None]:
    with dl.device(GPU):
        yield
    dl.cuda.set_memory_limit(None, GPU)


# --- values that the device finds wrong ----------------------------------------------------------------


def test_a_wrong_label_is_raised_when_the_program_waits_and_its_update_is_suppressed() -> None:
    dl.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = dl.optim.Adam(model.parameters())
    before = model.weight.numpy().copy()
    loss = F.cross_entropy(model(dl.randn(5, 4)), dl.tensor([0, 1, 7, 2, -5]))
    loss.backward()
    optimizer.step()  # not reached by the error, and without effect
    with pytest.raises(IndexError, match=r"cross_entropy: target must be in 0..2 or -100 \(ignore_index\), got 7"):
        dl.cuda.synchronize()
    np.testing.assert_array_equal(model.weight.numpy(), before)  # raised once: this does not raise again

    optimizer.zero_grad()
    F.cross_entropy(model(dl.randn(5, 4)), dl.tensor([0, 1, 1, 2, 0])).backward()
    optimizer.step()
    assert (model.weight.numpy() != before).any()


def test_a_wrong_index_is_raised_by_whatever_fetches_values() -> None:
    x = dl.arange(6).reshape(3, 2)
    y = x[dl.tensor([0, 3])]
    with pytest.raises(IndexError, match=r"indices of axis 0 must be in -3..2, got 3"):
        y.numpy()
    assert x[dl.tensor([-1])].tolist() == [[4, 5]]


# --- memory ----------------------------------------------------------------------------------------------


def test_memory_that_runs_out_is_an_error_with_the_sizes_in_it() -> None:
    dl.cuda.empty_cache()
    dl.cuda.set_memory_limit(dl.cuda.memory_info().pooled + 4_000_000)
    x = dl.zeros((500, 500))
    for make in (lambda: dl.zeros((2000, 2000)), lambda: dl.concat([x] * 20), lambda: dl.tensor(np.zeros(8_000_000))):
        with pytest.raises(dl.cuda.OutOfMemoryError) as caught:
            make()
        message = str(caught.value)
        assert "out of memory on cusim:0" in message
        assert "limit" in message
        assert "Use smaller batches" in message
    assert (x + 1).numpy().sum() == 250_000  # the device goes on


@pytest.mark.parametrize("limit", [-1, 1.5, 0.0, "1 GB", True])
def test_a_limit_that_is_none(limit: Any) -> None:
    with pytest.raises(ValueError, match="set_memory_limit: limit must be a number of bytes, a fraction"):
        dl.cuda.set_memory_limit(limit)


def test_memory_comes_back() -> None:
    gc.collect()  # what other tests left is not to come back in the middle of this one
    before = dl.cuda.memory_info()
    x = dl.zeros((1000, 1000))
    during = dl.cuda.memory_info()
    assert during.used - before.used >= x.size * 4
    del x
    assert dl.cuda.memory_info().used == before.used
    dl.cuda.empty_cache()
    assert dl.cuda.memory_info().pooled <= during.pooled - 4_000_000


@pytest.mark.parametrize("function", ["synchronize", "memory_info", "empty_cache"])
def test_a_device_that_is_no_gpu(function: str) -> None:
    with pytest.raises(dl.DeviceError, match=rf"{function}: device 'numpy' is no GPU; expected 'cuda', 'cuda:1'"):
        getattr(dl.cuda, function)("numpy")


# --- two devices -------------------------------------------------------------------------------------------


def test_two_devices_in_one_program() -> None:
    weights = []
    for where in (GPU, SECOND):
        with dl.device(where):
            dl.manual_seed(3)
            model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(18, 4))
            optimizer = dl.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            for _ in range(2):
                optimizer.zero_grad()
                F.cross_entropy(model(dl.randn(6, 1, 5, 5)), dl.tensor([0, 1, 2, 3, 0, 1])).backward()
                optimizer.step()
        assert all(str(p.device) == str(dl.device(where)) for p in model.parameters())
        weights.append([p.numpy() for p in model.parameters()])  # outside of `with`: a call with another one current
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_graph_across_two_devices(rng: np.random.Generator) -> None:
    values = rng.normal(size=(3, 4))
    x = dl.tensor(values, device=GPU, requires_grad=True)
    w = dl.tensor(values, device=SECOND, requires_grad=True)
    loss = ((x * 2).to(SECOND) * w).sum()
    loss.backward()
    assert x.grad is not None
    assert w.grad is not None
    assert (str(x.grad.device), str(w.grad.device)) == ("cusim:0", "cusim:1")
    np.testing.assert_allclose(x.grad.numpy(), 2 * values, rtol=1e-15)
    np.testing.assert_allclose(w.grad.numpy(), 2 * values, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("Add", lambda x, y: x + y),
        ("Linear", lambda x, y: F.linear(x, y)),
        ("where", lambda x, y: dl.where(x > 0, x, y)),
        ("item assignment", lambda x, y: x.__setitem__(0, y[0])),
    ],
)
def test_tensors_on_different_devices(name: str, call: Any) -> None:
    x, y = dl.ones((2, 2), device=GPU), dl.ones((2, 2), device=SECOND)
    with pytest.raises(
        dl.DeviceError, match=rf"(?i){name}: all tensors must be on one device, got .*cusim:[01], cusim:[01]"
    ):
        call(x, y)
    with pytest.raises(dl.DeviceError, match=rf"(?i){name}: all tensors must be on one device, got .*cusim:0.*numpy"):
        call(x, dl.ones((2, 2), device="numpy"))


def test_a_number_that_is_not_there() -> None:
    with pytest.raises(dl.DeviceError, match=r"'cusim:9': there are 2 simulated devices"):
        dl.device("cusim:9")


# --- from the host -------------------------------------------------------------------------------------------


def test_the_source_of_a_copy_may_change_at_once() -> None:
    sources = [np.full((100,), i, np.float32) for i in range(20)]  # more than there are staging buffers
    tensors = []
    for source in sources:
        tensors.append(dl.tensor(source))
        source[...] = -1
    for i, x in enumerate(tensors):
        assert (x.numpy() == i).all()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (2, 3), (3000, 1000)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool", "complex64"])
def test_there_and_back(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    values = (3 * rng.normal(size=shape)).astype(dtype)
    for layout in (values, values[::-1] if values.ndim else values, values.T):
        back = dl.tensor(layout).numpy()
        assert back.dtype == values.dtype
        np.testing.assert_array_equal(back, layout)


def test_batches_travel_without_waiting() -> None:
    with dl.device("numpy"):
        dataset = dl.data.TensorDataset(np.arange(400, dtype=np.float32).reshape(100, 4), np.arange(100))
    loader = dl.data.DataLoader(dataset, batch_size=10, shuffle=True, device=GPU)
    batches = []
    with counters.record() as record:
        for x, y in loader:
            assert (str(x.device), str(y.device)) == ("cusim:0", "cusim:0")
            batches.append((x, y))
    assert record.host_to_device == 20
    assert record.device_to_host <= 1  # the random order, once an epoch
    assert set(record.by_synchronisation) <= {"get"}, record
    for x, y in batches:
        np.testing.assert_array_equal(x.numpy()[:, 0], 4 * y.numpy())
