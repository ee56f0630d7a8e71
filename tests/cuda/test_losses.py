"""Losses on CUDA: loss and gradient in one launch, each byte once, labels of every type, weights of every shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitives.cases import CASES
from primitives.test_parity import check

from dlcore import reference
from dlcore.backends.cupy import channel_sums, losses
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


def compare(backend: Any, actual: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, expected in zip(actual, wanted, strict=True):
        assert got.dtype == expected.dtype
        assert got.shape == expected.shape
        limit = TOLERANCE[expected.dtype.name] * float(np.abs(expected).max())
        np.testing.assert_allclose(backend.to_host(got), expected, rtol=0, atol=limit)


@simulated
def test_indices_of_64_bits(checked: Any) -> None:
    checked.launcher.index_limit = 0
    for case in CASES["bce_with_logits"]:
        if "float32-contiguous" in case.name:
            check(checked, "bce_with_logits", case)


# --- cross-entropy ------------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "classes"), [(128, 10), (40, 64), (6, 1104)])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_cross_entropy_is_one_launch_that_moves_each_byte_once(
    rows: int, classes: int, dtype: str, reduction: str, checked: Any, rng: np.random.Generator
) -> None:
    logits = checked.from_host(rng.normal(size=(rows, classes)).astype(dtype))
    labels = checked.from_host(rng.integers(0, classes, size=rows))
    checked.softmax_cross_entropy(logits, labels, reduction=reduction)
    with counters.record() as record:
        checked.softmax_cross_entropy(logits, labels, reduction=reduction)
    (kernel,) = record.by_kernel
    assert record.launches == 1
    assert record.synchronisations == 0
    assert record.allocations == 0
    ((_, (blocks, _, _), _),) = record.launch_list
    # The label's own logit is read once more, and every block reads all labels: of many classes next to nothing.
    small = rows * 32 + labels.nbytes * (2 + (blocks if reduction == "mean" else 0)) + 16 * blocks + 8 * rows
    assert moved(record, kernel) <= 1.05 * 2 * logits.nbytes + small


@pytest.mark.parametrize("rows", [0, 1, 3, losses.TOTAL_IN_BLOCK, losses.TOTAL_IN_BLOCK + 1, 9000])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_over_any_number_of_rows(rows: int, weighted: bool, backend: Any, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(rows, 3)).astype(np.float32), rng.integers(-1, 3, size=rows)
    weight = rng.random(3).astype(np.float32) if weighted else None
    wanted = reference.softmax_cross_entropy(
        np, logits.astype(np.float64), labels, None if weight is None else weight.astype(np.float64), -1
    )
    actual = backend.softmax_cross_entropy(
        *map(backend.from_host, (logits, labels)), None if weight is None else backend.from_host(weight), -1
    )
    for got, expected in zip(actual, wanted, strict=True):
        np.testing.assert_allclose(backend.to_host(got), expected, rtol=2e-5, atol=1e-9)


@simulated
@pytest.mark.parametrize(("rows", "launches"), [(losses.TOTAL_IN_BLOCK, 1), (losses.TOTAL_IN_BLOCK + 1, 2)])
def test_weights_of_many_rows_are_summed_before(rows: int, launches: int, backend: Any) -> None:
    logits, labels = backend.from_host(np.zeros((rows, 4), np.float32)), backend.from_host(np.zeros(rows, np.int64))
    backend.softmax_cross_entropy(logits, labels)
    with counters.record() as record:
        backend.softmax_cross_entropy(logits, labels)
        backend.softmax_cross_entropy(logits, labels, reduction="sum")  # which needs no total
    assert record.launches == launches + 1


def test_a_mean_whose_weights_are_all_zero_is_nan(backend: Any) -> None:
    logits, labels, weight = np.zeros((3, 4), np.float32), np.array([0, 0, -1]), np.array([0, 1, 1, 1], np.float32)
    wanted = reference.softmax_cross_entropy(np, logits, labels, weight, -1, 0.1)
    actual = backend.softmax_cross_entropy(*map(backend.from_host, (logits, labels, weight)), -1, 0.1)
    for got, expected in zip(actual, wanted, strict=True):
        np.testing.assert_array_equal(backend.to_host(got), expected)
    assert np.isnan(wanted[0])


@pytest.mark.parametrize("classes", [5, 64, 1037, 1104, 9000])
def test_logits_of_minus_infinity(classes: int, backend: Any, rng: np.random.Generator) -> None:
    """A class that cannot be: no probability, a gradient of 0; a loss of inf where it is the label."""
    logits = rng.normal(size=(3, classes)).astype(np.float32)
    logits[:, 1 : classes // 2] = -np.inf
    labels = np.array([0, 1, -1])
    with np.errstate(divide="ignore"):
        wanted = reference.softmax_cross_entropy(np, logits, labels, None, -1, reduction="none")
    actual = backend.softmax_cross_entropy(*map(backend.from_host, (logits, labels)), None, -1, reduction="none")
    for got, expected in zip(actual, wanted, strict=True):
        np.testing.assert_allclose(backend.to_host(got), expected, rtol=1e-5, atol=1e-7)


@simulated
@pytest.mark.parametrize("label", [5, -1, 2**40, -(2**40)])
@pytest.mark.parametrize("classes", [5, 1037])
def test_labels_out_of_range_read_nothing_out_of_bounds(label: int, classes: int, checked: Any) -> None:
    """Their error is raised later (check_index_range), and their result is used by nobody."""
    label = classes if label == 5 else label
    arrays = np.zeros((2, classes), np.float32), np.array([0, label]), np.ones(classes, np.float32)
    for smoothing in (0.0, 0.1):
        _, gradient = checked.softmax_cross_entropy(*map(checked.from_host, arrays), label_smoothing=smoothing)
        checked.to_host(gradient)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_labels_of_every_integer_type(dtype: str, backend: Any, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(70, 100)), rng.integers(0, 100, size=70).astype(dtype)
    compare(
        backend,
        backend.softmax_cross_entropy(*map(backend.from_host, (logits, labels))),
        reference.softmax_cross_entropy(np, logits, labels),
    )


@pytest.mark.parametrize("shape", [(9, 64), (3, 1104)], ids=str)
def test_logits_that_are_not_aligned(shape: tuple[int, int], checked: Any, rng: np.random.Generator) -> None:
    flat, labels = rng.normal(size=shape[0] * shape[1] + 1), rng.integers(0, shape[1], size=shape[0])
    logits = checked.from_host(flat)[1:].reshape(shape)
    compare(
        checked,
        checked.softmax_cross_entropy(logits, checked.from_host(labels)),
        reference.softmax_cross_entropy(np, flat[1:].reshape(shape), labels),
    )


def test_the_same_loss_each_time(backend: Any, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(3000, 20)).astype(np.float32), rng.integers(0, 20, size=3000)
    target = rng.random(size=(3000, 20)).astype(np.float32)
    arrays = [backend.from_host(array) for array in (logits, labels, target)]
    for loss in (
        lambda: backend.softmax_cross_entropy(arrays[0], arrays[1]),
        lambda: backend.bce_with_logits(arrays[0], arrays[2]),
    ):
        first, again = ([backend.to_host(array).tobytes() for array in loss()] for _ in range(2))
        assert first == again


@pytest.mark.parametrize("classes", [6, 64, 1104])
def test_a_grid_that_takes_several_rounds(
    classes: int, backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(losses, "BLOCKS", 2)
    monkeypatch.setattr(channel_sums, "BLOCKS", 2)
    logits, labels = rng.normal(size=(50, classes)), rng.integers(0, classes, size=50)
    target = rng.random(size=logits.shape)
    on_device = [backend.from_host(array) for array in (logits, labels, target)]
    for reduction in ("none", "mean"):
        compare(
            backend,
            backend.softmax_cross_entropy(*on_device[:2], reduction=reduction),
            reference.softmax_cross_entropy(np, logits, labels, reduction=reduction),
        )
        compare(
            backend,
            backend.bce_with_logits(on_device[0], on_device[2], reduction=reduction),
            reference.bce_with_logits(np, logits, target, reduction=reduction),
        )


# --- binary cross-entropy -----------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_bce_is_one_launch_that_moves_each_byte_once(
    dtype: str, reduction: str, checked: Any, rng: np.random.Generator
) -> None:
    logits, target = (checked.from_host(rng.random(size=(70, 64)).astype(dtype)) for _ in range(2))
    checked.bce_with_logits(logits, target, reduction=reduction)
    with counters.record() as record:
        checked.bce_with_logits(logits, target, reduction=reduction)
    assert record.launches == 1
    assert record.synchronisations == 0
    assert moved(record, "bce_with_logits") <= 1.05 * (4 if reduction == "none" else 3) * logits.nbytes


@simulated
@pytest.mark.parametrize(
    ("shape", "launches"),
    [((), 1), ((5,), 1), ((3, 1, 1), 1), ((4, 1), 1), ((4, 5), 1), ((3, 4, 5), 1), ((3, 4, 1), 1), ((3, 1, 5), 2)],
    ids=str,
)
def test_weights_are_not_expanded_unless_they_must_be(
    shape: tuple[int, ...], launches: int, backend: Any, rng: np.random.Generator
) -> None:
    logits, target = rng.normal(size=(3, 4, 5)), rng.random(size=(3, 4, 5))
    weight = np.asarray(rng.random(size=shape))
    arrays = [backend.from_host(array) for array in (logits, target, weight, weight)]
    with counters.record() as record:
        actual = backend.bce_with_logits(*arrays[:3])
    assert record.launches + record.copies == launches
    compare(backend, actual, reference.bce_with_logits(np, logits, target, weight))
    compare(backend, backend.bce_with_logits(*arrays), reference.bce_with_logits(np, logits, target, weight, weight))
