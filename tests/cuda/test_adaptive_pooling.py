"""Adaptive pooling on CUDA: one launch, each byte once, 64-bit indices, the bits of the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitives.cases import CASES
from primitives.test_parity import check

from dlcore import reference
from dlcore.backends.cusim import counters

from .devices import new_backend, simulated

FAMILY = (
    "adaptive_avg_pool2d_forward", "adaptive_avg_pool2d_backward", "adaptive_max_pool2d_forward",
    "adaptive_pool2d_gather", "adaptive_pool2d_scatter",
)  # fmt: skip
SIZES = [(3, 5), (7, 7), (13, 20)]
SHAPE = (2, 3, 12, 17)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A simulated backend whose kernels are checked access by access."""
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    return new_backend()


@simulated
@pytest.mark.parametrize("primitive", FAMILY)
def test_indices_of_64_bits(primitive: str, checked: Any) -> None:
    checked.launcher.index_limit = 0
    for case in CASES[primitive]:
        if "float32-contiguous-normal" in case.name:
            check(checked, primitive, case)


@simulated
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_one_launch_touches_each_byte_once(
    size: tuple[int, int], dtype: str, checked: Any, rng: np.random.Generator
) -> None:
    x = checked.from_host(rng.normal(size=SHAPE).astype(dtype))
    y, index = checked.adaptive_max_pool2d_forward(x, size)
    calls = {
        "adaptive_avg_pool2d_forward": (lambda: checked.adaptive_avg_pool2d_forward(x, size), (x, y)),
        "adaptive_avg_pool2d_backward": (lambda: checked.adaptive_avg_pool2d_backward(y, SHAPE), (x, y)),
        "adaptive_max_pool2d_forward": (lambda: checked.adaptive_max_pool2d_forward(x, size), (x, y, index)),
        "adaptive_pool2d_gather": (lambda: checked.adaptive_pool2d_gather(x, index), (x, y, index)),
        "adaptive_pool2d_scatter": (lambda: checked.adaptive_pool2d_scatter(y, index, SHAPE), (x, y, index)),
    }
    for kernel, (call, arrays) in calls.items():
        with counters.record() as record:
            call()
        assert record.launches == record.by_kernel[kernel] == 1
        (statistics,) = record.statistics[kernel]  # parts overlap: what they share is read again, from the cache
        assert statistics.unique_read + statistics.unique_written <= sum(array.nbytes for array in arrays)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_gradients_have_the_bits_of_the_reference(size: tuple[int, int], dtype: str, rng: np.random.Generator) -> None:
    """Sums are in the order of the parts, and shares are divided before they are summed, there and here."""
    backend = new_backend()
    _, index = reference.adaptive_max_pool2d_forward(np, rng.integers(0, 4, SHAPE).astype(dtype), size)
    grad = rng.normal(size=index.shape).astype(dtype)
    on_device = backend.from_host(grad)
    np.testing.assert_array_equal(
        backend.to_host(backend.adaptive_pool2d_scatter(on_device, backend.from_host(index), SHAPE)),
        reference.adaptive_pool2d_scatter(np, grad, index, SHAPE),
    )
    np.testing.assert_array_equal(
        backend.to_host(backend.adaptive_avg_pool2d_backward(on_device, SHAPE)),
        reference.adaptive_avg_pool2d_backward(np, grad, SHAPE),
    )


def test_integers_take_the_reference() -> None:
    """Callers of the library pass floats; the contract has other dtypes, too."""
    backend = new_backend()
    x = np.arange(2 * 5 * 4).reshape(1, 2, 5, 4)
    y, index = backend.adaptive_max_pool2d_forward(backend.from_host(x), (2, 2))
    wanted, places = reference.adaptive_max_pool2d_forward(np, x, (2, 2))
    np.testing.assert_array_equal(backend.to_host(y), wanted)
    np.testing.assert_array_equal(backend.to_host(index), places)
