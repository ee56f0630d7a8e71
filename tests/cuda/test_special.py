"""erf, erfc and erfinv on CUDA: exact over the whole range, one launch, each byte once, arrays of any place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import dlcore as dl
from dlcore.backends.cusim import counters

from .devices import moved, new_backend, simulated

FUNCTIONS = ("erf", "erfc", "erfinv")
#: Units in the last place: CUDA states 1 to 2 for erf, 3 to 6 for erfc; erfinv is our own.
ULPS = {"float32": {"erf": 4, "erfc": 8, "erfinv": 8}, "float64": {"erf": 4, "erfc": 520, "erfinv": 9}}


@pytest.fixture
def backend() -> Any:
    return new_backend()


def values(name: str, rng: np.random.Generator, dtype: str) -> np.ndarray:
    if name == "erfinv":
        near_1 = 1 - 10 ** rng.uniform(-7 if dtype == "float32" else -16, -0.5, 2000)
        return np.concatenate([rng.uniform(-1, 1, 8000), near_1, -near_1, 10 ** rng.uniform(-20, 0, 500)]).astype(dtype)
    beyond = 9 if dtype == "float32" else 26
    return np.concatenate([rng.uniform(-7, beyond, 10000), 10 ** rng.uniform(-20, 0, 1000)]).astype(dtype)


@pytest.mark.parametrize("dtype", ULPS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_exact_to_a_few_units_in_the_last_place(name: str, dtype: str, backend: Any, rng: np.random.Generator) -> None:
    x = values(name, rng, dtype)
    exact = getattr(special, name)(x.astype("float64"))  # SciPy's own erfc is off by 500 units far out
    kept = np.isfinite(exact) & (np.abs(exact) > np.finfo(dtype).tiny)
    y = backend.to_host(getattr(backend, name)(backend.from_host(x)))
    error = np.abs(y[kept] - exact[kept]) / np.spacing(np.abs(exact[kept]).astype(dtype))
    assert error.max() <= ULPS[dtype][name], x[kept][error.argmax()]


@simulated
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_launch_moves_each_byte_once(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    x = backend.from_host(np.full(4 * 1024, 0.5, dtype))
    with counters.record() as record:
        out = getattr(backend, name)(x)
    assert record.launches == 1
    assert moved(record, f"{name}_forward") <= 1.05 * (x.nbytes + out.nbytes)


@simulated
def test_arrays_that_are_not_aligned_and_64_bit_indices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    backend.launcher.index_limit = 0
    host = np.linspace(-2, 2, 1001, dtype=np.float32)
    x = backend.from_host(host)[1:]
    np.testing.assert_allclose(backend.to_host(backend.erf(x)), special.erf(host[1:]), rtol=1e-6)


@simulated
def test_a_tensor_takes_them() -> None:
    with dl.device("cusim"):
        x = dl.tensor([0.25, -0.5], requires_grad=True)
        with counters.record() as record:
            y = dl.erf(x)
        assert record.by_kernel == {"erf_forward": 1}
        assert record.launches == 1
        y.sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), 2 / np.sqrt(np.pi) * np.exp([-0.0625, -0.25]), rtol=1e-6)
