"""The conversion between dtypes on CUDA: every float16, rounding where it is hard, one launch, each byte once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.cusim import counters

from .devices import moved, new_backend, simulated

FLOATS = ("float16", "float32", "float64")


@pytest.fixture
def backend() -> Any:
    return new_backend()


@pytest.mark.parametrize("target", ["float32", "float64"])
def test_every_float16(backend: Any, target: str) -> None:
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    wanted = x.astype(target)
    np.testing.assert_array_equal(backend.to_host(backend.cast(backend.from_host(x), np.dtype(target))), wanted)
    back = backend.to_host(backend.cast(backend.from_host(wanted), np.dtype(np.float16)))
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("source", ["float32", "float64"])
def test_between_two_float16_the_nearest_is_taken(backend: Any, source: str) -> None:
    """Halfway, and as little beside it as the source can say: rounding twice would go wrong there."""
    x = np.arange(2**15, dtype=np.uint16).view(np.float16)[:0x7C00].astype(source)  # the finite ones that are not < 0
    middle = (x[:-1] + x[1:]) / 2
    values = np.concatenate([middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf).astype(source)])
    values = np.concatenate([values, -values, np.array([65520, 1e5, -1e5, np.finfo(source).max], source)])
    with np.errstate(over="ignore"):
        wanted = values.astype(np.float16)
    got = backend.to_host(backend.cast(backend.from_host(values), np.dtype(np.float16)))
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))


@simulated
@pytest.mark.parametrize("source", [*FLOATS, "uint8"])
@pytest.mark.parametrize("target", FLOATS)
def test_one_launch_moves_each_byte_once(source: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == target:
        return
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    x = backend.from_host(np.ones(16 * 1024, source))
    with counters.record() as record:
        out = backend.cast(x, np.dtype(target))
    assert record.launches == 1
    assert moved(record, "cast") <= 1.05 * (x.nbytes + out.nbytes)


@simulated
def test_a_tensor_is_cast_by_it() -> None:
    with dl.device("cusim"):
        x = dl.tensor(np.ones((8, 8), np.float32), requires_grad=True)
        with counters.record() as record:
            y = x.astype("float64")
        assert record.by_kernel == {"cast": 1}
        assert record.launches == 1
        y.sum().backward()
        assert x.grad is not None
        assert x.grad.dtype == dl.float32
