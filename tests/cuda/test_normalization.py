"""Normalisation on CUDA: few launches, each byte as often as must be, arrays of any place, the same bits each time."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from primitives.cases import CASES
from primitives.test_parity import check

from dlcore import reference
from dlcore.backends.cupy import normalization
from dlcore.backends.cusim import counters

from .devices import moved, new_backend, simulated

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


def close(backend: Any, actual: tuple[Any, ...], wanted: tuple[Any, ...]) -> None:
    for got, expected in zip(actual, wanted, strict=True):
        limit = TOLERANCE[expected.dtype.name] * float(np.abs(expected).max())
        np.testing.assert_allclose(backend.to_host(got), expected, rtol=0, atol=limit)


@simulated
@pytest.mark.parametrize(
    "primitive",
    ["batch_norm_forward", "batch_norm_inference", "batch_norm_backward", "group_norm_forward", "group_norm_backward"],
)
def test_indices_of_64_bits(primitive: str, checked: Any) -> None:
    checked.launcher.index_limit = 0
    for case in CASES[primitive]:
        arguments, _ = case.make(np.random.default_rng(0))
        if "float32-contiguous" in case.name and arguments[0].size < 1200:
            check(checked, primitive, case)


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(64, 64), (64, 30), (8, 6, 8, 16), (4, 16, 6, 7), (2, 3, 64, 64)], ids=str)
def test_a_channel_that_fits_into_registers_takes_one_launch_each_way(
    shape: tuple[int, ...], dtype: str, checked: Any, rng: np.random.Generator
) -> None:
    channels = shape[1]
    x, grad = (checked.from_host(rng.normal(size=shape).astype(dtype)) for _ in range(2))
    weight, bias, mean, var = (checked.from_host(np.ones(channels, dtype)) for _ in range(4))
    batches = checked.from_host(np.array(0))
    with counters.record() as record:
        _, statistics = checked.batch_norm_forward(x, weight, bias, mean, var, batches)
    (kernel,) = record.by_kernel
    assert record.launches == 1
    (_, grid, block), *_ = record.launch_list
    lines = 256 * prod(grid) * prod(block)  # what each thread knows of its channels
    assert moved(record, kernel) <= 1.05 * 2 * x.nbytes + lines
    with counters.record() as record:
        checked.batch_norm_backward(grad, x, weight, statistics)
    (kernel,) = record.by_kernel
    assert record.launches == 1
    assert moved(record, kernel) <= 1.05 * 3 * x.nbytes + lines
    assert int(checked.to_host(batches)) == 1


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(600, 64), (8, 2, 64, 32), (4, 3, 41, 35)], ids=str)
def test_a_longer_one_takes_two(shape: tuple[int, ...], dtype: str, checked: Any) -> None:
    channels = shape[1]
    x, grad = (checked.from_host(np.random.default_rng(i).normal(size=shape).astype(dtype)) for i in (0, 1))
    weight, bias, mean, var = (checked.from_host(np.ones(channels, dtype)) for _ in range(4))
    batches = checked.from_host(np.array(0))
    checked.batch_norm_forward(x, weight, bias, mean, var, batches, None)  # tickets
    with counters.record() as record:
        _, statistics = checked.batch_norm_forward(x, weight, bias, mean, var, batches, None)
    assert record.launches == 2
    (found, apply) = record.by_kernel
    workspace = 4000 + 200 * channels  # partial sums and what belongs to channels: for large arrays nothing
    assert moved(record, found) <= 1.05 * x.nbytes + workspace * record.launch_list[0][1][1]
    lines = (
        256 * 256 * prod(record.launch_list[1][1]) if len(shape) == 2 else 0
    )  # what each thread knows of its columns
    assert moved(record, apply) <= 1.05 * 2 * x.nbytes + workspace + lines
    with counters.record() as record:
        checked.batch_norm_backward(grad, x, weight, statistics)
    assert record.launches == 2
    (sums, gradient) = record.by_kernel
    assert moved(record, sums) <= 1.05 * 2 * x.nbytes + workspace * record.launch_list[0][1][1]
    assert moved(record, gradient) <= 1.05 * 3 * x.nbytes + workspace + lines
    with counters.record() as record:
        checked.batch_norm_inference(x, weight, bias, mean, var)
    assert record.launches == 1


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "groups"), [((40, 64), 1), ((4, 1104), 1), ((6, 8, 4, 8), 2)], ids=str)
def test_rows_take_a_launch_and_their_sums_another(
    shape: tuple[int, ...], groups: int, dtype: str, checked: Any, rng: np.random.Generator
) -> None:
    x, grad = (checked.from_host(rng.normal(size=shape).astype(dtype)) for _ in range(2))
    weight, bias = (checked.from_host(np.ones(shape[1], dtype)) for _ in range(2))
    with counters.record() as record:
        _, statistics = checked.group_norm_forward(x, weight, bias, groups)
    (kernel,) = record.by_kernel
    rows = shape[0] * groups
    affine = 2 * weight.nbytes * rows + statistics.nbytes  # read for each row, from a cache
    first = rows * x.itemsize * (1024 if shape[1] > 1024 else 32)  # a row's first element, by each of its threads
    assert record.launches == 1
    assert moved(record, kernel) <= 1.05 * (2 * x.nbytes + affine) + first
    with counters.record() as record:
        checked.group_norm_backward(grad, x, weight, statistics, False)
    assert record.launches == 1
    (kernel,) = record.by_kernel
    assert moved(record, kernel) <= 1.05 * (3 * x.nbytes + affine) + 3 * first
    with counters.record() as record:
        checked.group_norm_backward(grad, x, weight, statistics)
    assert record.launches == 2
    _, sums = record.by_kernel
    partials = 4 * record.launch_list[1][1][1] * 8 * shape[1]
    assert moved(record, sums) <= 1.05 * (2 * x.nbytes + affine) + partials + 100 * first


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(30, 8), (4, 3, 4, 8), (2, 1200)], ids=str)
def test_arrays_that_are_not_aligned(
    shape: tuple[int, ...], dtype: str, checked: Any, rng: np.random.Generator
) -> None:
    size, channels = int(np.prod(shape)), shape[1]
    flat = rng.normal(size=(2, size + 1)).astype(dtype)
    vectors = rng.normal(size=(2, channels + 1)).astype(dtype)
    x, grad = (checked.from_host(row)[1:].reshape(shape) for row in flat)
    host_x, host_grad = (row[1:].reshape(shape) for row in flat)
    weight, bias = (checked.from_host(row)[1:] for row in vectors)
    host_weight, host_bias = (row[1:] for row in vectors)
    for groups in (0, 1):
        name, options = ("group_norm", (1,)) if groups else ("batch_norm", (None, None))
        arguments = (host_x, host_weight, host_bias, *options)
        wanted = getattr(reference, f"{name}_forward")(np, *arguments)
        actual = getattr(checked, f"{name}_forward")(x, weight, bias, *options)
        close(checked, actual, wanted)
        wanted = getattr(reference, f"{name}_backward")(np, host_grad, host_x, host_weight, wanted[1])
        actual = getattr(checked, f"{name}_backward")(grad, x, weight, actual[1])
        close(checked, actual, wanted)
    average, var = rng.normal(size=channels).astype(dtype), rng.uniform(0.5, 2, channels).astype(dtype)
    wanted = reference.batch_norm_inference(np, host_x, host_weight, host_bias, average, var)
    actual = checked.batch_norm_inference(x, weight, bias, checked.from_host(average), checked.from_host(var))
    close(checked, (actual,), (wanted,))


@pytest.mark.parametrize("shape", [(20000, 12), (50, 3, 40, 30), (64, 2, 1, 701)], ids=str)
def test_long_channels_are_exact_and_the_same_each_time(
    shape: tuple[int, ...], backend: Any, rng: np.random.Generator
) -> None:
    x = (1000 + rng.normal(size=shape)).astype(np.float32)
    axes = (0, *range(2, len(shape)))
    exact = x.astype(np.float64)
    on_device = backend.from_host(x)
    first, again = (backend.batch_norm_forward(on_device, None, None, None, None, None, 0.1, 0.0) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert backend.to_host(one).tobytes() == backend.to_host(other).tobytes()
    mean, rest, inverse = backend.to_host(first[1]).astype(np.float64)
    np.testing.assert_allclose(mean + rest, exact.mean(axis=axes), rtol=0, atol=1e-6)
    np.testing.assert_allclose(inverse, 1 / exact.std(axis=axes), rtol=2e-6)
    statistics = first[1]
    grad = backend.from_host(rng.normal(size=shape).astype(np.float32))
    results = [backend.batch_norm_backward(grad, on_device, None, statistics) for _ in range(2)]
    for one, other in zip(*results, strict=True):
        assert backend.to_host(one).tobytes() == backend.to_host(other).tobytes()


@pytest.mark.parametrize("shape", [(150, 12), (150, 7), (6, 3, 20, 24), (3, 4, 5, 7)], ids=str)
def test_a_grid_that_takes_several_rounds(
    shape: tuple[int, ...], backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """As grids do for arrays that more blocks would not be quicker for."""
    monkeypatch.setattr(normalization, "BLOCKS", 2)
    monkeypatch.setattr(normalization, "_held", lambda *arguments: None)
    monkeypatch.setattr(type(backend), "blocks", lambda self, items, threads, most=2: min(-(-items // threads), 2))
    x, grad, weight = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape[1])
    on_device = [backend.from_host(array) for array in (grad, x, weight)]
    for name, options in (("batch_norm", (None, None)), ("group_norm", (1,))):
        wanted = getattr(reference, f"{name}_forward")(np, x, weight, None, *options)
        actual = getattr(backend, f"{name}_forward")(*on_device[1:], None, *options)
        close(backend, actual, wanted)
        wanted = getattr(reference, f"{name}_backward")(np, grad, x, weight, wanted[1])
        close(backend, getattr(backend, f"{name}_backward")(*on_device, actual[1]), wanted)


def test_running_statistics_of_any_strides(backend: Any, rng: np.random.Generator) -> None:
    x, both = rng.normal(size=(6, 3)), rng.random((3, 2))
    wide = backend.from_host(both)
    backend.batch_norm_forward(backend.from_host(x), None, None, wide[:, 0], wide[:, 1], None, 0.25)
    expected = 0.75 * both + 0.25 * np.stack([x.mean(axis=0), x.var(axis=0, ddof=1)], axis=1)
    np.testing.assert_allclose(backend.to_host(wide), expected, rtol=1e-12)
