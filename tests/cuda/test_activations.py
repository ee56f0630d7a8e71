"""Bias, activation and softmax on CUDA: one table of activations, one launch, each byte once, arrays of any place."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from primitives.cases import CASES
from primitives.test_parity import check

from dlcore import reference
from dlcore.backends.cupy import activations, channel_sums, table
from dlcore.backends.cupy.launcher import source_text
from dlcore.backends.cusim import counters
from dlcore.reference import ACTIVATIONS

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


def close(backend: Any, actual: Any, wanted: Any) -> None:
    limit = TOLERANCE[wanted.dtype.name] * float(np.abs(wanted).max())
    np.testing.assert_allclose(backend.to_host(actual), wanted, rtol=0, atol=limit)


def test_the_kernels_the_reference_and_the_table_know_the_same_activations() -> None:
    rows = dict(re.findall(r"ROW\((\w+), (input|output),", source_text("bias_activation")))
    assert rows == {name: activation.saves for name, activation in ACTIVATIONS.items()}
    assert set(table.ACTIVATIONS) == set(ACTIVATIONS)


@simulated
@pytest.mark.parametrize("primitive", ["bias_activation_forward", "bias_activation_backward"])
def test_indices_of_64_bits(primitive: str, checked: Any) -> None:
    checked.launcher.index_limit = 0
    for case in CASES[primitive]:
        if "float32-contiguous" in case.name and not case.name.startswith(("sigmoid", "tanh", "elu")):
            check(checked, primitive, case)


# --- bias and activation ------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axis"), [((256, 64), -1), ((64, 30), -1), ((5, 6, 8, 16), 1)], ids=str)
def test_one_launch_moves_each_byte_once(shape: tuple[int, ...], axis: int, dtype: str, checked: Any) -> None:
    x, grad, bias = (checked.from_host(np.ones(s, dtype)) for s in (shape, shape, (shape[axis],)))
    nbytes = x.nbytes
    with counters.record() as record:
        y = checked.bias_activation_forward(x, bias, "relu", 0.0, axis)
    assert record.launches == 1
    (kernel,) = record.by_kernel
    assert 2 * nbytes + bias.nbytes <= moved(record, kernel) <= 1.05 * (2 * nbytes + bias.nbytes)
    with counters.record() as record:
        checked.bias_activation_backward(grad, y, "relu", 0.0, axis)
    assert record.launches == 1
    assert moved(record, "activation_backward") <= 1.05 * 3 * nbytes
    checked.bias_activation_backward(grad, y, "relu", 0.0, axis, True)
    with counters.record() as record:
        checked.bias_activation_backward(grad, y, "relu", 0.0, axis, True)
    assert record.launches == 1
    (kernel,) = record.by_kernel
    partials = record.launch_list[0][1][1] * shape[axis] * 8  # written once, read once: for large arrays nothing
    assert moved(record, kernel) - 2 * partials <= 1.05 * (3 * nbytes + bias.nbytes)
    with counters.record() as record:
        checked.bias_activation_backward(grad, y, "identity")
    assert moved(record, "activation_backward") <= 1.05 * 2 * nbytes  # its backward looks at nothing that was saved


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axis"), [((30, 8), -1), ((4, 3, 4, 8), 1)], ids=str)
def test_arrays_that_are_not_aligned(
    shape: tuple[int, ...], axis: int, dtype: str, checked: Any, rng: np.random.Generator
) -> None:
    size = int(np.prod(shape))
    flat = rng.normal(size=(3, size + 1)).astype(dtype)
    x, grad, saved = (checked.from_host(row)[1:].reshape(shape) for row in flat)
    host = [row[1:].reshape(shape) for row in flat]
    bias = rng.normal(size=shape[axis]).astype(dtype)
    out = checked.from_host(np.zeros(size + 1, dtype))[1:].reshape(shape)
    wanted = reference.bias_activation_forward(np, host[0], bias, "elu", 0.7, axis)
    result = checked.bias_activation_forward(x, checked.from_host(bias), "elu", 0.7, axis, out)
    assert result is out
    close(checked, result, wanted)
    wanted_gradients = reference.bias_activation_backward(np, host[1], host[2], "elu", 0.7, axis, True)
    for actual, expected in zip(
        checked.bias_activation_backward(grad, saved, "elu", 0.7, axis, True), wanted_gradients, strict=True
    ):
        close(checked, actual, expected)


def test_in_place_and_into_strides(backend: Any, rng: np.random.Generator) -> None:
    host, bias = rng.normal(size=(6, 8)), rng.normal(size=8)
    wanted = np.tanh(host + bias)
    for x in (backend.from_host(host), backend.from_host(host.T.copy()).T):
        result = backend.bias_activation_forward(x, backend.from_host(bias), "tanh", out=x)
        assert result is x
        np.testing.assert_allclose(backend.to_host(x), wanted, rtol=1e-14)
    wide = backend.from_host(np.zeros((6, 16)))
    backend.bias_activation_forward(backend.from_host(host), backend.from_host(bias), "tanh", out=wide[:, ::2])
    np.testing.assert_allclose(backend.to_host(wide)[:, ::2], wanted, rtol=1e-14)
    assert not backend.to_host(wide)[:, 1::2].any()


@pytest.mark.parametrize(("shape", "axis"), [((20000, 12), 1), ((50, 3, 40, 30), 1)], ids=str)
def test_long_bias_gradients_are_exact_and_the_same_each_time(
    shape: tuple[int, ...], axis: int, backend: Any, rng: np.random.Generator
) -> None:
    grad, saved = (rng.random(size=shape).astype(np.float32) for _ in range(2))
    others = tuple(i for i in range(len(shape)) if i != axis)
    wanted = grad.astype(np.float64).sum(axis=others)
    on_device = backend.from_host(grad), backend.from_host(saved)
    first = backend.to_host(backend.bias_activation_backward(*on_device, "relu", 0.0, axis, True)[1])
    again = backend.to_host(backend.bias_activation_backward(*on_device, "relu", 0.0, axis, True)[1])
    assert first.tobytes() == again.tobytes()
    np.testing.assert_allclose(first, wanted, rtol=5e-7)


@pytest.mark.parametrize(("shape", "axis"), [((150, 12), 1), ((150, 7), 1), ((6, 3, 20, 24), 1)], ids=str)
def test_a_grid_that_takes_several_rounds(
    shape: tuple[int, ...], axis: int, backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """As grids do for arrays that more blocks would not be quicker for; in place, so that nothing is done twice."""
    monkeypatch.setattr(channel_sums, "BLOCKS", 2)
    monkeypatch.setattr(activations, "BLOCKS", 2)
    monkeypatch.setattr(type(backend), "blocks", lambda self, items, threads, most=2: min(-(-items // threads), 2))
    host, bias, grad = rng.normal(size=shape), rng.normal(size=shape[axis]), rng.normal(size=shape)
    x, on_device = backend.from_host(host), backend.from_host(grad)
    y = reference.bias_activation_forward(np, host, bias, "leaky_relu", -2.0, axis)
    close(backend, backend.bias_activation_forward(x, backend.from_host(bias), "leaky_relu", -2.0, axis, x), y)
    for bias_grad in (False, True):
        wanted = reference.bias_activation_backward(np, grad, y, "leaky_relu", -2.0, axis, bias_grad)
        actual = backend.bias_activation_backward(on_device, x, "leaky_relu", -2.0, axis, bias_grad)
        for got, expected in zip(actual, wanted, strict=True):
            if expected is not None:
                close(backend, got, expected)


# --- softmax ------------------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "axis"), [((20, 64), 1), ((20, 10), 1), ((4, 1104), 1), ((2, 8192), 1), ((3, 10, 32), 1)], ids=str
)
@pytest.mark.parametrize("log", [False, True])
def test_softmax_is_one_launch_that_moves_each_byte_once(
    shape: tuple[int, ...], axis: int, dtype: str, log: bool, checked: Any, rng: np.random.Generator
) -> None:
    x = checked.from_host(rng.normal(size=shape).astype(dtype))
    with counters.record() as record:
        y = checked.softmax_forward(x, axis, log)
    (kernel,) = record.by_kernel
    assert record.launches == 1
    assert moved(record, kernel) <= 1.05 * 2 * x.nbytes
    with counters.record() as record:
        checked.softmax_backward(x, y, axis, log)
    (kernel,) = record.by_kernel
    assert record.launches == 1
    assert moved(record, kernel) <= 1.05 * 3 * x.nbytes


@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 300), 1), ((2, 64), 1), ((2, 1200), 1), ((2, 9000), 1), ((300, 8), 0)], ids=str
)
def test_softmax_of_infinities(shape: tuple[int, ...], axis: int, backend: Any, rng: np.random.Generator) -> None:
    """-inf is a probability of 0 unless all are; inf and NaN make their row NaN, wherever threads meet them."""
    x = rng.normal(size=shape).astype(np.float32)
    rows = x if axis else x.T
    rows[0, : rows.shape[1] // 2] = -np.inf
    for values in (-np.inf, np.inf, np.nan):
        rows[1, rows.shape[1] // 3 :] = values
        if values == -np.inf:
            rows[1] = -np.inf
        for log in (False, True):
            with np.errstate(invalid="ignore", divide="ignore"):
                wanted = reference.softmax_forward(np, x.astype(np.float64), axis, log)
            np.testing.assert_allclose(
                backend.to_host(backend.softmax_forward(backend.from_host(x), axis, log)), wanted, rtol=1e-5, atol=1e-7
            )


@pytest.mark.parametrize("shape", [(3, 64), (2, 1104), (2, 9000), (3, 5, 16)], ids=str)
def test_softmax_of_arrays_that_are_not_aligned(shape: tuple[int, ...], checked: Any, rng: np.random.Generator) -> None:
    flat = rng.normal(size=int(np.prod(shape)) + 1).astype(np.float32)
    x, host = checked.from_host(flat)[1:].reshape(shape), flat[1:].reshape(shape)
    y = reference.softmax_forward(np, host, 1)
    close(checked, checked.softmax_forward(x, 1), y)
    close(checked, checked.softmax_backward(x, checked.from_host(y), 1), reference.softmax_backward(np, host, y, 1))
