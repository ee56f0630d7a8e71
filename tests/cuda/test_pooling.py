"""Pooling on CUDA: one launch, each byte once, 64-bit indices, the same bits as the reference in the backward, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitives.cases import CASES
from primitives.test_parity import check

from dlcore import reference
from dlcore.backend import Pool2dSpec
from dlcore.backends.cusim import counters

from .devices import new_backend, simulated

FAMILY = (
    "max_pool2d_forward", "min_pool2d_forward", "index_pool2d_gather", "index_pool2d_scatter", "avg_pool2d_forward",
    "avg_pool2d_backward",
)  # fmt: skip
SPECS = {
    "halves": Pool2dSpec((2, 2), (2, 2)),
    "overlapping": Pool2dSpec((3, 3), (2, 2), (1, 1, 1, 1)),
    "dilated": Pool2dSpec((3, 2), (1, 2), (2, 1, 0, 1), (2, 3), ceil_mode=True),
}


@pytest.fixture
def backend() -> Any:
    return new_backend()


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
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_one_launch_touches_each_byte_once(
    spec: Pool2dSpec, dtype: str, checked: Any, rng: np.random.Generator
) -> None:
    shape = (3, 4, 12, 14)
    x = checked.from_host(rng.normal(size=shape).astype(dtype))
    y, index = checked.max_pool2d_forward(x, spec)
    calls = {
        "max_pool2d_forward": (lambda: checked.max_pool2d_forward(x, spec), (x, y, index)),
        "min_pool2d_forward": (lambda: checked.min_pool2d_forward(x, spec), (x, y, index)),
        "index_pool2d_gather": (lambda: checked.index_pool2d_gather(x, index, spec), (x, y, index)),
        "index_pool2d_scatter": (lambda: checked.index_pool2d_scatter(y, index, shape, spec), (x, y, index)),
        "avg_pool2d_forward": (lambda: checked.avg_pool2d_forward(x, spec), (x, y)),
        "avg_pool2d_backward": (lambda: checked.avg_pool2d_backward(y, shape, spec), (x, y)),
    }
    for kernel, (call, arrays) in calls.items():
        with counters.record() as record:
            call()
        assert record.launches == record.by_kernel[kernel] == 1
        (statistics,) = record.statistics[kernel]  # windows overlap: what they share is read again, from the cache
        assert statistics.unique_read + statistics.unique_written <= sum(array.nbytes for array in arrays)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_gradients_have_the_bits_of_the_reference(
    spec: Pool2dSpec, dtype: str, count_include_pad: bool, backend: Any, rng: np.random.Generator
) -> None:
    """Sums are in the order of the taps, and shares are divided before they are summed, there and here."""
    shape = (2, 3, 13, 17)
    x = rng.normal(size=shape).astype(dtype)
    _, index = reference.max_pool2d_forward(np, x, spec)
    grad = rng.normal(size=index.shape).astype(dtype)
    on_device = backend.from_host(grad)
    np.testing.assert_array_equal(
        backend.to_host(backend.index_pool2d_scatter(on_device, backend.from_host(index), shape, spec)),
        reference.index_pool2d_scatter(np, grad, index, shape, spec),
    )
    np.testing.assert_array_equal(
        backend.to_host(backend.avg_pool2d_backward(on_device, shape, spec, count_include_pad)),
        reference.avg_pool2d_backward(np, grad, shape, spec, count_include_pad),
    )
    np.testing.assert_array_equal(
        backend.to_host(backend.avg_pool2d_forward(backend.from_host(x), spec, count_include_pad)),
        reference.avg_pool2d_forward(np, x, spec, count_include_pad),
    )


def test_more_outputs_than_a_grid_has_threads(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks take several rounds then."""
    monkeypatch.setattr(type(backend), "blocks", lambda self, items, threads, most=2: min(-(-items // threads), 2))
    x = np.random.default_rng(0).normal(size=(3, 5, 20, 20)).astype(np.float32)
    spec = SPECS["overlapping"]
    wanted, places = reference.max_pool2d_forward(np, x, spec)
    y, index = backend.max_pool2d_forward(backend.from_host(x), spec)
    np.testing.assert_array_equal(backend.to_host(y), wanted)
    np.testing.assert_array_equal(backend.to_host(index), places)
    gradient = backend.index_pool2d_scatter(y, index, x.shape, spec)
    np.testing.assert_array_equal(
        backend.to_host(gradient), reference.index_pool2d_scatter(np, wanted, places, x.shape, spec)
    )
