"""Sums, norms, products and scaling on CUDA: one launch, each byte once, small errors, no waiting for factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitives.cases import CASES
from primitives.test_parity import check

from dlcore.backends.cupy.channel_sums import View, plan, tile, view_of
from dlcore.backends.cusim import counters

from .devices import moved, new_backend, simulated

DTYPES = ("float16", "float32", "float64")
TOLERANCE = {"float16": 1e-3, "float32": 5e-7, "float64": 1e-14}


@pytest.fixture
def backend() -> Any:
    return new_backend()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A simulated backend whose kernels are checked access by access."""
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    return new_backend()


@simulated
@pytest.mark.parametrize("primitive", ["sum", "l2_norm", "scale"])
def test_indices_of_64_bits(primitive: str, checked: Any) -> None:
    checked.launcher.index_limit = 0
    for case in CASES[primitive]:
        if "float32" in case.name:
            check(checked, primitive, case)


@pytest.mark.parametrize(
    ("shape", "kept", "view"),
    [
        ((5, 4), (1,), (5, 4, 1)),
        ((5, 4), (0,), (1, 5, 4)),
        ((5, 4), (-1,), (5, 4, 1)),
        ((2, 3, 4, 5), (1,), (2, 3, 20)),
        ((2, 3, 4, 5), (1, 2), (2, 12, 5)),
        ((2, 3, 4, 5), (0, 1, 2, 3), (1, 120, 1)),
        ((2, 3, 4, 5), (), (1, 1, 120)),
        ((2, 3, 4, 5), (1, 3), None),
        ((2, 3, 1, 5), (1, 3), (2, 15, 1)),
        ((2, 1, 4, 5), (1,), (1, 1, 40)),
        ((2, 1, 4, 5), (1, 3), (8, 5, 1)),
        ((), (), (1, 1, 1)),
    ],
)
def test_views(shape: tuple[int, ...], kept: tuple[int, ...], view: tuple[int, int, int] | None) -> None:
    assert view_of(shape, kept) == (None if view is None else View(*view))


def test_geometry_of_sums(backend: Any) -> None:
    """What a block has is not more than 256 threads; a grid is not more than it takes; all of it is covered."""
    float32 = np.dtype(np.float32)
    for outer, channels, inner in ((1, 1, 1), (1, 1, 10**7), (10**5, 10, 1), (128, 120, 1), (32, 6, 784), (7, 5, 3)):
        for widest in (1, 4):
            sums = plan(backend.launcher, View(outer, channels, inner), float32, widest)
            (groups, shares), threads = sums.grid, int(np.prod(sums.block))
            assert threads <= 256
            assert groups * shares <= max(1024, groups)
            assert (sums.partials is None) == (sums.tickets is None) == (shares == 1)
            if sums.in_columns:
                lanes, rows = sums.block
                assert rows & (rows - 1) == 0
                assert (groups - 1) * lanes * sums.width < channels <= groups * lanes * sums.width
            else:
                assert (groups, threads % 32) == (channels, 0)
    assert tile(3, 6, 4) == (1, (8, 4), 1)


# --- sums ---------------------------------------------------------------------------------------

FORMS = [
    ((640, 12), (0,)),
    ((640, 10), (0,)),
    ((30, 70), (1,)),
    ((30, 1100), (1,)),
    ((30, 64), (1,)),
    ((5, 6, 8, 16), (0, 2, 3)),
    ((37, 41), (0, 1)),
]


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axes"), FORMS, ids=str)
def test_a_sum_is_one_launch_that_moves_each_byte_once(
    shape: tuple[int, ...], axes: tuple[int, ...], dtype: str, checked: Any
) -> None:
    x = checked.from_host(np.ones(shape, dtype))
    checked.sum(x, axes)
    with counters.record() as record:
        result = checked.sum(x, axes)
    assert record.launches == 1
    assert record.allocations == record.synchronisations == 0
    ((kernel, grid, _),) = record.launch_list
    assert kernel in ("sums_in_columns", "sums_in_planes", "sums_in_rows")
    partials = 2 * grid[1] * result.size * 8 + 8 * grid[0] * grid[1] if grid[1] > 1 else 0
    assert moved(record, kernel) <= 1.05 * x.nbytes + result.nbytes + partials


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "axes"), [((100_000, 4), (0,)), ((40_000, 3), (0,)), ((300, 3, 17, 19), (0, 2, 3)), ((400_001,), (0,))]
)
def test_long_sums_have_small_errors_and_the_same_bits_each_time(
    shape: tuple[int, ...], axes: tuple[int, ...], dtype: str, backend: Any, rng: np.random.Generator
) -> None:
    values = (rng.random(size=shape) / 16).astype(dtype)
    wanted = values.astype(np.longdouble).sum(axis=axes)
    x = backend.from_host(values)
    first, again = (backend.to_host(backend.sum(x, axes)) for _ in range(2))
    assert first.dtype == dtype
    assert first.tobytes() == again.tobytes()
    np.testing.assert_allclose(first.astype(np.longdouble), wanted, rtol=TOLERANCE[dtype])


def test_nan_and_infinity_reach_the_sum(backend: Any) -> None:
    x = np.ones((50, 4), np.float32)
    x[49, 1], x[7, 2], x[8, 3], x[9, 3] = np.nan, np.inf, np.inf, -np.inf
    np.testing.assert_array_equal(
        backend.to_host(backend.sum(backend.from_host(x), (0,))), np.array([50, np.nan, np.inf, np.nan], np.float32)
    )


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "uint64", "complex64", "float16"])
def test_sums_of_other_dtypes_and_forms(dtype: str, backend: Any, rng: np.random.Generator) -> None:
    values = rng.integers(0, 100, size=(3, 4, 5)).astype(dtype)
    for axes in ((1,), (0, 2), (), (0, 1, 2)):
        kind = np.dtype(dtype).kind
        wide = {"b": np.int64, "i": np.int64, "u": np.uint64}.get(kind, np.dtype(dtype))
        wanted = values.astype(np.complex128 if kind == "c" else np.float64).sum(axis=axes).astype(wide)
        result = backend.to_host(backend.sum(backend.from_host(values), axes))
        assert result.dtype == wide
        np.testing.assert_array_equal(result, wanted)


@simulated
def test_partial_sums_of_columns_weigh_little(checked: Any) -> None:
    x = checked.from_host(np.ones((512, 128), np.float32))
    with counters.record() as record:
        checked.sum(x, (0,))
    assert record.launch_list[0][1][1] > 1  # blocks below one another
    assert moved(record, "sums_in_columns") <= 1.05 * x.nbytes


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), (0, 1, 2)])
def test_a_sum_goes_where_it_is_told(axes: tuple[int, ...], backend: Any, rng: np.random.Generator) -> None:
    values = rng.normal(size=(6, 4, 5))
    for dtype in (np.float64, np.float16):
        wanted = values.astype(dtype).astype(np.float64).sum(axis=axes, keepdims=True)
        out = backend.from_host(np.zeros(wanted.shape, dtype))
        assert backend.sum(backend.from_host(values.astype(dtype)), axes, True, out) is out
        np.testing.assert_allclose(backend.to_host(out), wanted, rtol=1e-2 if dtype == np.float16 else 1e-12, atol=1e-2)


# --- norms and scaling --------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
def test_norm_and_scale_are_one_launch_each_that_moves_each_byte_once(dtype: str, checked: Any) -> None:
    x = checked.from_host(np.ones(5003, dtype))
    checked.l2_norm(x)
    with counters.record() as record:
        norm = checked.l2_norm(x)
        checked.scale(x, norm)
    assert record.by_kernel == {"l2_norm": 1, "scale": 1}
    assert record.launches == 2
    assert record.synchronisations == record.device_to_host == record.host_to_device == 0
    assert moved(record, "l2_norm") <= 1.05 * x.nbytes + 200
    assert moved(record, "scale") <= 1.05 * 2 * x.nbytes + 8 * 32 * -(-x.nbytes // 4096)  # each warp reads the factor
    np.testing.assert_allclose(checked.to_host(x), np.full(5003, np.sqrt(5003), dtype), rtol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("start", [0, 1])
def test_norms_against_float64(start: int, dtype: str, backend: Any, rng: np.random.Generator) -> None:
    values = rng.normal(size=300_001).astype(dtype)
    norm = backend.l2_norm(backend.from_host(values)[start:])
    assert norm.shape == ()
    wanted = np.sqrt(np.sum(values[start:].astype(np.longdouble) ** 2))
    np.testing.assert_allclose(backend.to_host(norm).astype(np.longdouble), wanted, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", ["number", "array", "float64 array"])
def test_scaling_of_arrays_of_any_place(factor: str, dtype: str, backend: Any, rng: np.random.Generator) -> None:
    values = rng.normal(size=2001).astype(dtype)
    by = 0.5 if factor == "number" else backend.from_host(np.asarray(0.5, "float64" if "64" in factor else dtype))
    for part in (slice(None), slice(1, None), slice(None, None, 3)):
        x = backend.from_host(values)
        backend.scale(x[part], by)
        wanted = values.copy()
        wanted[part] *= np.asarray(0.5, dtype)
        np.testing.assert_array_equal(backend.to_host(x), wanted)
