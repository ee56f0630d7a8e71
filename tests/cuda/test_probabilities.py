"""Cross-entropy with class probabilities on CUDA: one launch, each byte once; and checks that nobody waits for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import reference
from dlcore.backends.cupy import losses
from dlcore.backends.cusim import counters
from dlcore.nn import functional as F

from .devices import DEVICE, moved, new_backend, simulated

DTYPES = ("float16", "float32", "float64")
TOLERANCE = {"float16": 2e-3, "float32": 5e-6, "float64": 1e-12}


@pytest.fixture
def backend() -> Any:
    return new_backend()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backend whose kernels, in the simulator, are checked access by access."""
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    return new_backend()


def distributions(rng: np.random.Generator, shape: tuple[int, int], dtype: str) -> Any:
    values = rng.random(shape)
    return (values / values.sum(axis=1, keepdims=True)).astype(dtype)


def close(backend: Any, actual: Any, wanted: Any) -> None:
    for got, expected in zip(actual, wanted, strict=True):
        limit = TOLERANCE[expected.dtype.name] * float(np.abs(expected).max())
        np.testing.assert_allclose(backend.to_host(got), expected, rtol=0, atol=limit)


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(20, 64), (20, 10), (4, 1104)], ids=str)
def test_one_launch(shape: tuple[int, int], dtype: str, checked: Any, rng: np.random.Generator) -> None:
    x, target = (
        checked.from_host(rng.normal(size=shape).astype(dtype)),
        checked.from_host(distributions(rng, shape, dtype)),
    )
    checked.soft_cross_entropy(x, target)  # the first launch of a stream makes its tickets
    with counters.record() as record:
        checked.soft_cross_entropy(x, target)
    (kernel,) = record.by_kernel
    assert record.launches == 1
    if shape[1] % 8 == 0 and shape[1] <= 1024:  # held in registers
        assert moved(record, kernel) <= 1.06 * 3 * x.nbytes + 4096


@pytest.mark.parametrize("shape", [(3, 64), (2, 1104)], ids=str)
def test_arrays_that_are_not_aligned(shape: tuple[int, int], checked: Any, rng: np.random.Generator) -> None:
    size = int(np.prod(shape))
    x, target = np.zeros(size + 1, np.float32), np.zeros(size + 1, np.float32)
    x[1:], target[1:] = rng.normal(size=size), distributions(rng, shape, "float32").ravel()
    on_device = [checked.from_host(array)[1:].reshape(shape) for array in (x, target)]
    wanted = reference.soft_cross_entropy(np, x[1:].reshape(shape), target[1:].reshape(shape), None, 0.1)
    close(checked, checked.soft_cross_entropy(*on_device, None, 0.1), wanted)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_grid_that_takes_several_rounds(
    reduction: Any, backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(losses, "BLOCKS", 2)
    shape = (70, 12)
    x, target = rng.normal(size=shape), distributions(rng, shape, "float64")
    wanted = reference.soft_cross_entropy(np, x, target, reduction=reduction)
    close(backend, backend.soft_cross_entropy(*map(backend.from_host, (x, target)), reduction=reduction), wanted)


# --- checks of values ---------------------------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_check_is_one_launch_that_reads_each_byte_once(dtype: str, checked: Any) -> None:
    x = checked.from_host(np.ones((40, 64), dtype))
    checked.check_value_range(x, 0.0, 1.0, "x: ")
    with counters.record() as record:
        checked.check_value_range(x, 0.0, 1.0, "x: ")
    assert record.launches == 1
    assert record.synchronisations == 0
    assert moved(record, "check_value_range") <= x.nbytes + 256
    checked.synchronize()


def test_the_first_wrong_value_of_several_checks_is_raised_when_the_device_is_waited_for(backend: Any) -> None:
    x = backend.from_host(np.array([0.5, 1.25, -1.0], np.float32))
    backend.check_value_range(x, 0.0, 1.0, "first: ")
    backend.check_value_range(x, 0.75, 1.0, "second: ")
    with pytest.raises(ValueError, match=r"^first: 1.25$"):
        backend.synchronize()
    backend.synchronize()  # and only once
    backend.check_value_range(x, -1.0, 1.25, "third: ")
    backend.synchronize()


def test_numbers_of_other_dtypes_are_checked_at_once(backend: Any) -> None:
    with pytest.raises(ValueError, match=r"^x: 3.0$"):
        backend.check_value_range(backend.from_host(np.array([1, 3])), 0.0, 2.0, "x: ")


def test_a_wrong_probability_suppresses_the_update() -> None:
    with dl.device(DEVICE):
        layer = dl.nn.Linear(2, 1)
        before = layer.weight.numpy().copy()
        optimizer = dl.optim.SGD(layer.parameters(), lr=0.1)
        loss = F.binary_cross_entropy(F.sigmoid(layer(dl.ones((3, 2)))), dl.full((3, 1), 1.5))
        loss.backward()
        optimizer.step()
        with pytest.raises(ValueError, match=r"binary_cross_entropy: target must be in \[0, 1\], got 1.5"):
            loss.item()
        np.testing.assert_array_equal(layer.weight.numpy(), before)
