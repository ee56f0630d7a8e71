"""Optimizer updates on CUDA: one launch, no waiting, each byte once; numbers in device memory; arrays of any place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dlcore import reference
from dlcore.backends.cusim import counters

from .devices import moved, new_backend, simulated

DTYPES = ("float16", "float32", "float64")
TOLERANCE = {"float16": 2e-3, "float32": 5e-6, "float64": 1e-12}  # of the largest value, as in the parity test

#: By name: the primitive, which states it has (p: any sign, q: not negative, None: left out), and its settings.
UPDATES: dict[str, tuple[str, tuple[str | None, ...], dict[str, Any]]] = {
    "sgd": ("sgd_update", (None,), {"weight_decay": 0.1}),
    "sgd momentum": ("sgd_update", ("p",), {"momentum": 0.9, "dampening": 0.2, "maximize": True}),
    "sgd nesterov": ("sgd_update", ("p",), {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("adagrad_update", ("q",), {"lr_decay": 0.01, "step": 7}),
    "adadelta": ("adadelta_update", ("q", "q"), {"rho": 0.8}),
    "rmsprop": ("rmsprop_update", ("q", None, None), {}),
    "rmsprop centered": ("rmsprop_update", ("q", "p", None), {"weight_decay": 0.1}),
    "rmsprop momentum": ("rmsprop_update", ("q", None, "p"), {"momentum": 0.8}),
    "rmsprop both": ("rmsprop_update", ("q", "p", "p"), {"momentum": 0.8, "maximize": True}),
    "adam": ("adam_update", ("p", "q", None), {"step": 3, "weight_decay": 0.1}),
    "adamw": ("adam_update", ("p", "q", None), {"step": 3, "weight_decay": 0.1, "decoupled": True}),
    "amsgrad": ("adam_update", ("p", "q", "q"), {"step": 3, "maximize": True}),
    "nadam": ("nadam_update", ("p", "q"), {"weight_decay": 0.1, "grad_factor": 0.7, "mean_factor": 1.1}),
    "nadamw": (
        "nadam_update", ("p", "q"),
        {"weight_decay": 0.1, "decoupled": True, "grad_factor": 0.7, "mean_factor": 1.1, "maximize": True},
    ),
    "lion": ("lion_update", ("p",), {"weight_decay": 0.1}),
}  # fmt: skip


@pytest.fixture
def backend() -> Any:
    return new_backend()


def arrays_for(states: tuple[str | None, ...], n: int, dtype: str, rng: np.random.Generator) -> list[np.ndarray | None]:
    """Parameter, gradient and states."""
    limits = {"p": (-0.5, 0.5), "q": (1.0, 2.0)}
    return [None if kind is None else rng.uniform(*limits[kind], size=n).astype(dtype) for kind in ("p", "p", *states)]


def on_device(backend: Any, arrays: list[np.ndarray | None], place: Callable[[Any], Any] = lambda x: x) -> list[Any]:
    return [None if x is None else place(backend.from_host(x)) for x in arrays]


def check(
    backend: Any, what: str, actual: list[Any], arrays: list[np.ndarray | None], settings: dict[str, Any]
) -> None:
    """Run the reference on `arrays`; the gradient must be as it was, everything else as the reference has it."""
    getattr(reference, UPDATES[what][0])(np, *arrays, **settings)
    for got, wanted in zip(actual, arrays, strict=True):
        if wanted is not None:
            limit = TOLERANCE[wanted.dtype.name] * float(np.abs(wanted).max())
            np.testing.assert_allclose(backend.to_host(got), wanted, rtol=0, atol=limit)


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", UPDATES)
def test_an_update_is_one_launch_that_moves_each_byte_once(
    what: str, dtype: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    primitive, states, settings = UPDATES[what]
    arrays = arrays_for(states, 6_000, dtype, rng)
    actual = on_device(backend, arrays)
    with counters.record() as record:
        getattr(backend, primitive)(*actual, lr=0.1, **settings)
    assert record.by_kernel == {primitive: 1}
    assert record.launches == 1
    assert not record.copies
    assert not record.synchronisations
    assert not record.host_to_device
    minimum = sum((1 if i == 1 else 2) * x.nbytes for i, x in enumerate(arrays) if x is not None)
    assert minimum <= moved(record, primitive) <= 1.05 * minimum
    check(backend, what, actual, arrays, {"lr": 0.1} | settings)


@simulated
def test_the_first_step_of_sgd_does_not_read_the_momentum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    backend = new_backend()
    p, g = (backend.from_host(np.ones(4_000, np.float32)) for _ in range(2))
    buffer = backend.from_host(np.full(4_000, np.nan, np.float32))
    with counters.record() as record:
        backend.sgd_update(p, g, buffer, lr=0.5, momentum=0.9, dampening=0.5, first_step=True)
    assert moved(record, "sgd_update") <= 1.05 * 4 * p.nbytes
    np.testing.assert_array_equal(backend.to_host(p), np.full(4_000, 0.5, np.float32))
    np.testing.assert_array_equal(backend.to_host(buffer), np.ones(4_000, np.float32))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", UPDATES)
def test_arrays_that_are_not_aligned(what: str, dtype: str, backend: Any, rng: np.random.Generator) -> None:
    """One of the arrays after the other starts beside a 16-byte boundary."""
    primitive, states, settings = UPDATES[what]
    for shifted in range(2 + len(states)):
        if shifted > 1 and states[shifted - 2] is None:
            continue
        for n in (1, 5, 700):
            arrays = arrays_for(states, n, dtype, rng)
            actual = on_device(backend, arrays)
            longer = backend.from_host(np.concatenate([np.full(1, 7, dtype), arrays[shifted], np.full(1, 7, dtype)]))
            actual[shifted] = longer[1:-1]
            getattr(backend, primitive)(*actual, lr=0.1, **settings)
            check(backend, what, actual, arrays, {"lr": 0.1} | settings)
            assert backend.to_host(longer)[[0, -1]].tolist() == [7, 7]


# --- numbers in device memory -------------------------------------------------------------------

LR = 0.0123456789123456789


@pytest.mark.parametrize("lr_type", ["number", "float16", "float32", "float64"])
@pytest.mark.parametrize("step_type", ["number", "int32", "int64", "uint8", "float32", "float64"])
@pytest.mark.parametrize("what", ["adagrad", "adam", "adamw", "amsgrad"])
def test_learning_rate_and_step_in_device_memory(
    what: str, lr_type: str, step_type: str, backend: Any, rng: np.random.Generator
) -> None:
    primitive, states, settings = UPDATES[what]
    for step in (1, 2, 200):
        arrays = arrays_for(states, 3_000, "float64", rng)
        actual = on_device(backend, arrays)
        lr: Any = LR if lr_type == "number" else np.asarray(LR, lr_type)
        t: Any = step if step_type == "number" else np.asarray(step, step_type)
        where = [backend.from_host(x) if isinstance(x, np.ndarray) else x for x in (lr, t)]
        getattr(backend, primitive)(*actual, **settings | {"lr": where[0], "step": where[1]})
        check(backend, what, actual, arrays, settings | {"lr": float(lr), "step": step})


@pytest.mark.parametrize("lr_type", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "what", ["sgd", "sgd momentum", "adadelta", "rmsprop", "rmsprop both", "nadam", "nadamw", "lion"]
)
def test_learning_rate_in_device_memory(what: str, lr_type: str, backend: Any, rng: np.random.Generator) -> None:
    primitive, states, settings = UPDATES[what]
    arrays = arrays_for(states, 300, "float64", rng)
    actual = on_device(backend, arrays)
    lr = np.asarray(LR, lr_type)
    getattr(backend, primitive)(*actual, **settings | {"lr": backend.from_host(lr)})
    check(backend, what, actual, arrays, settings | {"lr": float(lr)})


@simulated
@pytest.mark.parametrize("what", UPDATES)
def test_numbers_in_device_memory_are_not_waited_for(what: str, backend: Any, rng: np.random.Generator) -> None:
    primitive, states, settings = UPDATES[what]
    actual = on_device(backend, arrays_for(states, 300, "float32", rng))
    places = {"lr": backend.from_host(np.asarray(0.1, "float32"))}
    if "step" in settings:
        places["step"] = backend.from_host(np.asarray(5))
    with counters.record() as record:
        getattr(backend, primitive)(*actual, **settings | places)
    assert record.launches == 1
    assert not record.synchronisations
    assert not record.device_to_host
    assert not record.host_to_device


@simulated
def test_blocks_that_combine_numbers_first_are_few_and_loop(backend: Any) -> None:
    n = 2_200_003  # 550,001 vectors of float32 for 2048 * 256 threads
    p, g, m, v = (backend.from_host(np.full(n, value, np.float32)) for value in (1, 2, 0, 0))
    step = backend.from_host(np.asarray(1))
    with counters.record() as record:
        backend.adam_update(p, g, m, v, None, lr=0.5, step=step)
        backend.adagrad_update(p, g, m, lr=0.5, step=step)
        backend.adagrad_update(p, g, m, lr=0.5, step=1)
    assert [grid[0] for _, grid, _ in record.launch_list] == [2048, 2048, 2149]
    # Adam's first step moves by lr and leaves m = (1 - beta1) * 2 = 0.2, which Adagrad takes for its sum of squares.
    expected = 0.5 - 0.5 * 2 / np.sqrt(4.2) - 0.5 * 2 / np.sqrt(8.2)
    np.testing.assert_allclose(backend.to_host(p)[:7], expected, rtol=1e-5)
    for array in (p, m, v):
        assert np.unique(backend.to_host(array)).size == 1


# --- special values -----------------------------------------------------------------------------


def test_not_a_number_stays_in_the_largest_and_in_the_variance(backend: Any) -> None:
    ones = np.ones(5, np.float32)
    nan = np.array([1, np.nan, 1, 1, 1], np.float32)
    m, v, largest = (backend.from_host(ones) for _ in range(3))
    p = backend.from_host(ones)
    backend.adam_update(p, backend.from_host(nan), m, v, largest, lr=0.1, step=2)
    for array in (p, m, v, largest):
        assert np.isnan(backend.to_host(array)).tolist() == [False, True, False, False, False]
    p, v, mean = (backend.from_host(ones) for _ in range(3))
    backend.rmsprop_update(p, backend.from_host(nan), v, mean, None, lr=0.1)
    assert np.isnan(backend.to_host(p)).tolist() == [False, True, False, False, False]


def test_an_infinite_parameter_without_decay_does_not_spoil_its_momentum(backend: Any) -> None:
    p = backend.from_host(np.array([np.inf, 1.0]))
    buffer = backend.from_host(np.zeros(2))
    backend.sgd_update(p, backend.from_host(np.ones(2)), buffer, lr=0.1, momentum=0.9)
    assert backend.to_host(buffer).tolist() == [1, 1]


def test_the_sign_of_nothing_and_of_not_a_number(backend: Any) -> None:
    p, m = (backend.from_host(np.zeros(3, np.float32)) for _ in range(2))
    backend.lion_update(p, backend.from_host(np.array([0.0, np.nan, -1e-30], np.float32)), m, lr=0.5)
    np.testing.assert_array_equal(backend.to_host(p), np.array([0.0, np.nan, 0.5], np.float32))


def test_mixed_dtypes_are_left_to_the_reference(backend: Any) -> None:
    p = backend.from_host(np.ones(3, np.float32))
    backend.sgd_update(p, backend.from_host(np.ones(3)), None, lr=0.5)
    assert backend.to_host(p).tolist() == [0.5, 0.5, 0.5]
    assert p.dtype == np.float32
