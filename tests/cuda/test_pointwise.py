"""Activations that stand alone on CUDA: one table, one launch, each byte once, arrays of any place."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from dlcore import reference
from dlcore.backends.cupy.launcher import source_text
from dlcore.backends.cupy.pointwise import CODES
from dlcore.backends.cusim import counters
from dlcore.reference import ACTIVATIONS, POINTWISE

from .devices import moved, new_backend, simulated

DTYPES = ("float16", "float32", "float64")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backend whose kernels, in the simulator, are checked access by access."""
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    return new_backend()


def test_the_kernels_and_the_reference_number_the_same_functions() -> None:
    table = source_text("pointwise").split("POINTWISE_TABLE(ROW)")[1].split("// clang-format on")[0]
    assert re.findall(r"ROW\((\w+),", table) == list(POINTWISE) == list(CODES)
    assert not POINTWISE.keys() & ACTIVATIONS.keys()


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_launch_moves_each_byte_once(dtype: str, checked: Any) -> None:
    x = checked.from_host(np.ones((40, 64), dtype))
    with counters.record() as record:
        checked.pointwise_forward(x, "silu")
    assert record.launches == 1
    assert moved(record, "pointwise_forward") <= 1.05 * 2 * x.nbytes
    with counters.record() as record:
        checked.pointwise_backward(x, x + 1, "silu")
    assert moved(record, "pointwise_backward") <= 1.05 * 3 * x.nbytes


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_that_are_not_aligned(dtype: str, checked: Any, rng: np.random.Generator) -> None:
    grad, x = (rng.normal(size=42).astype(dtype) for _ in range(2))
    on_device = [checked.from_host(array)[1:] for array in (grad, x)]
    limit = {"float16": 2e-3, "float32": 5e-6, "float64": 1e-12}[dtype]
    for actual, wanted in (
        (checked.pointwise_forward(on_device[1], "mish"), reference.pointwise_forward(np, x[1:], "mish")),
        (checked.pointwise_backward(*on_device, "mish"), reference.pointwise_backward(np, grad[1:], x[1:], "mish")),
    ):
        np.testing.assert_allclose(checked.to_host(actual), wanted, rtol=0, atol=limit * np.abs(wanted).max())


def test_a_grid_that_takes_several_rounds(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    backend = new_backend()
    monkeypatch.setattr(type(backend), "blocks", lambda self, items, threads, most=2: 1)
    x = rng.normal(size=2051)
    wanted = reference.pointwise_forward(np, x, "softsign")
    np.testing.assert_allclose(backend.to_host(backend.pointwise_forward(backend.from_host(x), "softsign")), wanted)
