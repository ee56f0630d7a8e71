"""Scatter-add by both of its ways, and checks of indices whose errors come later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore import reference
from dlcore.backends.cupy import indexing
from dlcore.backends.cupy.errors import MESSAGES, ErrorRecord
from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cusim

from .devices import moved, new_backend, simulated

DTYPES = ("float16", "float32", "float64")
WAYS = ("scan", "sorted")


@pytest.fixture
def backend() -> Any:
    return new_backend()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways for all sizes; left alone, sizes choose."""
    monkeypatch.setattr(indexing, "SCAN_ROWS", 1 << 30 if request.param == "scan" else 0)
    monkeypatch.setattr(indexing, "SCAN_COMPARISONS", 1 << 60)
    return str(request.param)


def check_scatter(backend: Any, values: np.ndarray, index: np.ndarray, size: int) -> None:
    actual = backend.to_host(backend.scatter_add(backend.from_host(values), backend.from_host(index), size))
    expected = reference.scatter_add(np, values, index, size)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [(), (1,), (3,), (8,), (31,), (40,), (5, 8), (129,), (160,)], ids=str)
def test_scatter_add(way: str, dtype: str, width: tuple[int, ...], backend: Any, rng: np.random.Generator) -> None:
    for rows, size in ((1, 1), (33, 5), (70, 40), (9, 100), (100, 1)):
        values = (rng.normal(size=(rows, *width)) * 10.0 ** rng.integers(-3, 4, size=(rows, *width))).astype(dtype)
        check_scatter(backend, values, rng.integers(0, size, size=rows), size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scatter_add_of_values_that_are_not_aligned(
    way: str, dtype: str, backend: Any, rng: np.random.Generator
) -> None:
    flat = rng.normal(size=801).astype(dtype)
    index = rng.integers(0, 7, size=20)
    values = backend.from_host(flat)[1:].reshape(20, 40)
    actual = backend.to_host(backend.scatter_add(values, backend.from_host(index), 7))
    np.testing.assert_array_equal(actual, reference.scatter_add(np, flat[1:].reshape(20, 40), index, 7))


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_scatter_add_takes_every_integer(way: str, kind: str, backend: Any, rng: np.random.Generator) -> None:
    check_scatter(backend, rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 9, size=30).astype(kind), 9)


def test_scatter_add_ignores_rows_of_no_place(way: str, backend: Any, rng: np.random.Generator) -> None:
    """Whose index was found wrong, but whose error has not been raised yet: memory beside the result stays whole."""
    values = rng.normal(size=(40, 12)).astype(np.float32)
    index = rng.integers(-3, 12, size=40)
    inside = (index >= 0) & (index < 9)
    actual = backend.to_host(backend.scatter_add(backend.from_host(values), backend.from_host(index), 9))
    np.testing.assert_array_equal(actual, reference.scatter_add(np, values[inside], index[inside], 9))


def test_scatter_add_sums_below_the_smallest_normal_number(way: str, backend: Any) -> None:
    tiny = np.full((5, 4), np.finfo(np.float32).smallest_subnormal * 3, np.float32)
    check_scatter(backend, tiny, np.array([1, 1, 0, 1, 1]), 3)


@simulated
def test_sizes_choose_the_way(backend: Any) -> None:
    values = backend.from_host(np.ones((128, 4), np.float32))
    index = backend.from_host(np.arange(128))
    for size, kernel in ((1000, "scatter_add_scan"), (40_000, "scatter_add_sorted"), (70_000, "scatter_add_sorted")):
        with counters.record() as record:
            backend.scatter_add(values, index, size)
        assert record.by_kernel == {kernel: 1}
        assert record.launches == (1 if kernel == "scatter_add_scan" else 3)  # sort, and take the indices in order
        assert not record.synchronisations


@simulated
def test_scatter_add_moves_the_values_once(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend, rng = new_backend(), np.random.default_rng(1)
    values, rows, size = backend.from_host(np.ones((60, 4096), np.float32)), 60, 21
    index = backend.from_host(rng.integers(0, size, size=rows))
    with counters.record() as record:
        out = backend.scatter_add(values, index, size)
    assert record.bytes_written[f"scatter_add_{way}"] == out.nbytes
    # Each warp (32 vectors of a row of the result) also looks through the index, or for its part of it.
    warps = size * 4096 // (4 * 32)
    looked_at = rows * 8 if way == "scan" else rows // size * 8 + 2 * 32 * 7
    assert record.bytes_read[f"scatter_add_{way}"] <= 1.05 * values.nbytes + warps * looked_at


# --- checks of indices --------------------------------------------------------------------------


def raised(backend: Any, *arguments: Any) -> str:
    backend.check_index_range(*arguments)
    with pytest.raises(IndexError) as caught:
        backend.synchronize()
    return str(caught.value)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "uint8", "uint16"])
def test_the_first_wrong_value_is_named(kind: str, start: int, backend: Any, rng: np.random.Generator) -> None:
    """Over several blocks, with many wrong values, aligned and not."""
    n = 30_000 if kind != "int64" else 9_000
    for first in (0, 1, 31, 4_097, n - 2, n - 1):
        values = rng.integers(0, 50, size=n).astype(kind)
        values[first:] = rng.integers(50, 100, size=n - first)
        index = backend.from_host(np.concatenate([np.zeros(start, kind), values]))[start:]
        assert raised(backend, index, 0, 50, "place: ") == f"place: {values[first]}"


def test_extreme_values_and_bounds(backend: Any) -> None:
    for kind in ("int8", "int64", "uint8", "uint64"):
        limits = np.iinfo(kind)
        for value in (limits.min, limits.max):
            index = backend.from_host(np.array([7, value], kind))
            assert raised(backend, index, 1, 100, "") == str(value)
            assert raised(backend, index, 10, 10, "") == "7"
        low, high = int(limits.min), int(limits.max)
        backend.check_index_range(backend.from_host(np.array([low, high], kind)), low - 5, high + 5, "")
        backend.check_index_range(backend.from_host(np.array([low, high], kind)), low, high + 1, "")
        backend.synchronize()
        assert raised(backend, backend.from_host(np.array([high, low], kind)), low, high, "") == str(high)
    index = backend.from_host(np.array([3, 250], "uint8"))
    assert raised(backend, index, 300, 400, "none fits: ") == "none fits: 3"
    assert raised(backend, index, -400, -300, "none fits: ") == "none fits: 3"


def test_ignored_values(backend: Any) -> None:
    index = backend.from_host(np.array([-100, 4, -100, -7, -100]))
    assert raised(backend, index, 0, 5, "", -100) == "-7"
    backend.check_index_range(backend.from_host(np.array([200, 4], "uint8")), 0, 5, "", 200)
    backend.synchronize()
    # No value of uint8 is -56, though 200 has its bits.
    assert raised(backend, backend.from_host(np.array([200], "uint8")), 0, 5, "", -56) == "200"


@simulated
@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_a_check_is_one_launch_that_reads_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    index = backend.from_host(np.zeros(5_000, kind))
    backend.check_index_range(index, 0, 1, "")
    with counters.record() as record:
        backend.check_index_range(index, 0, 1, "")
    assert record.by_kernel == {"check_index_range": 1}
    assert not record.by_op
    assert not record.synchronisations
    assert moved(record, "check_index_range") <= 1.05 * index.nbytes


@simulated
def test_the_record_is_read_only_after_a_check() -> None:
    backend = new_backend()
    x = backend.from_host(np.arange(3))
    with counters.record() as record:
        backend.to_host(x)
    assert record.device_to_host_bytes == x.nbytes
    backend.check_index_range(x, 0, 3, "")
    with counters.record() as record:
        backend.to_host(x)
        backend.to_host(x)
    assert record.device_to_host_bytes == 2 * x.nbytes + 32


def test_the_first_error_stays_until_it_is_raised_and_then_is_gone(backend: Any) -> None:
    good, bad = backend.from_host(np.array([1, 2])), backend.from_host(np.array([1, 5, 6]))
    backend.check_index_range(bad, 0, 3, "first: ")
    backend.check_index_range(bad, 0, 6, "second: ")
    backend.check_index_range(good, 0, 3, "third: ")
    with pytest.raises(IndexError, match=r"^first: 5$"):
        backend.to_host(good)
    backend.to_host(good)
    backend.check_index_range(good, 0, 3, "first: ")
    backend.synchronize()
    assert raised(backend, bad, 0, 6, "second: ") == "second: 6"


def test_no_update_while_an_error_is_pending(backend: Any, rng: np.random.Generator) -> None:
    p, g, m, v = (rng.random(50) for _ in range(4))
    for update, states, settings in (
        ("sgd_update", (None,), {}),
        ("sgd_update", (m,), {"momentum": 0.9}),
        ("adagrad_update", (v,), {}),
        ("adadelta_update", (v, v), {}),
        ("rmsprop_update", (v, None, None), {}),
        ("adam_update", (m, v, None), {}),
        ("adam_update", (m, v, v), {"step": np.asarray(3)}),
    ):
        arrays = [None if x is None else backend.from_host(x) for x in (p, g, *states)]
        settings = {"lr": 0.1} | {k: backend.from_host(x) if k == "step" else x for k, x in settings.items()}
        backend.check_index_range(backend.from_host(np.array([9])), 0, 9, "label ")
        getattr(backend, update)(*arrays, **settings)
        with pytest.raises(IndexError, match=r"^label 9$"):
            backend.synchronize()
        for before, after in zip((p, g, *states), arrays, strict=True):
            if before is not None:
                np.testing.assert_array_equal(backend.to_host(after), before)
        getattr(backend, update)(*arrays, **settings)  # the next one goes through
        assert not np.array_equal(backend.to_host(arrays[0]), p)


# --- messages -----------------------------------------------------------------------------------


def test_equal_messages_have_one_number_and_old_ones_are_forgotten() -> None:
    errors = ErrorRecord(cusim)
    numbers = [errors.check(f"message {i}: ") for i in range(MESSAGES)]
    assert len(set(numbers)) == MESSAGES
    assert errors.check("message 7: ") == numbers[7]
    errors.check("one more: ")
    errors.record[...] = cusim.asarray(np.array([1, numbers[0], 4, 0]))
    with pytest.raises(IndexError, match=r"^an index is out of range: 4$"):
        errors.raise_pending()
    errors.record[...] = cusim.asarray(np.array([1, numbers[1], -4, 1]))
    errors.check("message 1: ")
    with pytest.raises(IndexError, match=r"^message 1: 18446744073709551612$"):
        errors.raise_pending()


def test_a_check_on_another_stream_is_not_forgotten() -> None:
    errors = ErrorRecord(cusim)
    with cusim.cuda.Stream(non_blocking=True):
        number = errors.check("side: ")
    errors.raise_pending()  # the work of the other stream may not be done
    errors.record[...] = cusim.asarray(np.array([1, number, 8, 0]))
    with pytest.raises(IndexError, match=r"^side: 8$"):
        errors.raise_pending()
