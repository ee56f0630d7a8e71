"""Random numbers and dropout on CUDA: launches, bytes, positions, what the parity cases do not reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore import reference
from dlcore.backend import PhiloxCounter
from dlcore.backends.cusim import counters

from .devices import moved, new_backend, simulated

AT = PhiloxCounter(0xFEDCBA9876543210, 2**64 - 5, 2**63 + 1)  # numbers that need all 64 bits; the offset wraps around
DTYPES = ("float16", "float32", "float64")


@pytest.fixture
def backend() -> Any:
    return new_backend()


DRAWS = {
    "philox_words": (4, lambda backend, n: backend.philox(AT, n)),
    "random_integers": (8, lambda backend, n: backend.random_integers(AT, (n,), -5, 7)),
    **{
        f"random_{kind} {dtype}": (
            np.dtype(dtype).itemsize,
            lambda backend, n, kind=kind, dtype=dtype: getattr(backend, f"random_{kind}")(AT, (n,), np.dtype(dtype)),
        )
        for kind in ("uniform", "normal")
        for dtype in DTYPES
    },
}


@simulated
@pytest.mark.parametrize("what", DRAWS)
def test_a_draw_is_one_launch_that_writes_each_element_once(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend, n = new_backend(), 1001
    itemsize, draw = DRAWS[what]
    with counters.record() as record:
        draw(backend, n)
    kernel = what.split()[0]
    assert record.by_kernel == {kernel: 1}
    assert not record.by_op
    assert not record.synchronisations
    assert moved(record, kernel) == n * itemsize


@pytest.mark.parametrize("what", DRAWS)
def test_every_length_is_the_start_of_one_sequence(what: str, backend: Any) -> None:
    _, draw = DRAWS[what]
    longest = backend.to_host(draw(backend, 2000))
    for n in (*range(1, 20), 1023, 1025):
        np.testing.assert_array_equal(backend.to_host(draw(backend, n)), longest[:n])


def test_normal_numbers_at_the_ends_of_the_range(backend: Any) -> None:
    """More draws than the parity cases have, so that rare words come up: radii near 0, angles near the axes."""
    for dtype, n in (("float32", 300_000), ("float64", 100_000)):
        actual = backend.to_host(backend.random_normal(AT, (n,), np.dtype(dtype)))
        expected = reference.random_normal(np, AT, (n,), np.dtype(dtype))
        np.testing.assert_array_equal(actual.view(np.uint8), expected.view(np.uint8))  # signs of zeros, too


# --- dropout ------------------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_keeps_no_mask_and_moves_each_element_twice(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    x = backend.from_host(np.ones((7, 143), dtype))
    with counters.record() as record:
        y, mask = backend.dropout_forward(x, 0.3, AT)
        backend.dropout_backward(y, 0.3, AT, mask)
    assert mask is None
    assert record.by_kernel == {"dropout": 2}
    assert not record.by_op
    assert not record.synchronisations
    assert moved(record, "dropout") == 4 * x.nbytes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("start", [1, 3, 4, 8])
def test_dropout_of_an_array_that_is_not_aligned(
    dtype: str, start: int, backend: Any, rng: np.random.Generator
) -> None:
    values = rng.normal(size=500).astype(dtype)
    for n in (1, 5, 300):
        x = backend.from_host(values)[start : start + n]
        y, _ = backend.dropout_forward(x, 0.4, AT)
        expected, _ = reference.dropout_forward(np, values[start : start + n], 0.4, AT)
        np.testing.assert_array_equal(backend.to_host(y), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_keeps_numbers_below_the_smallest_normal_one(dtype: str, backend: Any) -> None:
    """CuPy compiles with -ftz=true, under which an ordinary multiplication gives 0 here."""
    tiny = np.full(64, np.finfo(dtype).smallest_subnormal * 12, dtype)
    y, _ = backend.dropout_forward(backend.from_host(tiny), 0.25, AT)
    expected, _ = reference.dropout_forward(np, tiny, 0.25, AT)
    assert np.count_nonzero(expected)
    np.testing.assert_array_equal(backend.to_host(y), expected)
