"""ExponentialMovingAverage: where it takes the parameters from, apply and restore, state. Values: tests/oracle."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import SGD, ExponentialMovingAverage
from dlcore.optim.bucket import flat_values

from .training import assert_same, backward, network, weights


def train(model: dl.nn.Module, optimizer: SGD, ema: ExponentialMovingAverage, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        backward(model, str(next(iter(model.parameters())).dtype))
        optimizer.step()
        ema.update()


def expected(model: dl.nn.Module, optimizer: SGD, decay: float, steps: int) -> list[np.ndarray[Any, Any]]:
    average: list[np.ndarray[Any, Any]] = []
    for _ in range(steps):
        optimizer.zero_grad()
        backward(model)
        optimizer.step()
        now = weights(model)
        average = [decay * a + (1 - decay) * w for a, w in zip(average, now, strict=True)] if average else now
    return average


@pytest.mark.parametrize("first", ["average", "optimizer"])
def test_training_with_an_average(first: str) -> None:
    model, other = network(), network()
    makers = [lambda: ExponentialMovingAverage(model, 0.8), lambda: SGD(model.parameters(), lr=0.1)]
    made = [make() for make in (makers if first == "average" else makers[::-1])]
    ema, optimizer = made if first == "average" else made[::-1]
    train(model, optimizer, ema, 6)  # type: ignore[arg-type]
    wanted = expected(other, SGD(other.parameters(), lr=0.1), 0.8, 6)
    for got, average in zip(ema.averages().values(), wanted, strict=True):  # type: ignore[union-attr]
        np.testing.assert_allclose(got.numpy(), average, rtol=1e-5, atol=1e-6)
    assert list(ema.averages()) == [name for name, _ in model.named_parameters()]  # type: ignore[union-attr]


def test_parameters_side_by_side_are_one_run() -> None:
    p = [Parameter(dl.ones(n)) for n in (3, 4, 2, 5)]
    lone = Parameter(dl.ones(7))
    assert [run for run, _ in flat_values(p)] == [range(0, 1), range(1, 2), range(2, 3), range(3, 4)]
    optimizer = SGD(p)
    runs = flat_values([*p, lone])
    assert [run for run, _ in runs] == [range(0, 4), range(4, 5)]
    assert runs[0][1].shape == (4 + 4 + 4 + 5,)
    assert [run for run, _ in flat_values([p[0], p[2], p[3], p[1]])] == [range(0, 1), range(1, 3), range(3, 4)]
    p[1]._array = p[1].array.copy()  # which the optimizer has not noticed yet
    assert [run for run, _ in flat_values(p)] == [range(0, 1), range(1, 2), range(2, 4)]
    assert optimizer.param_groups


def test_apply_and_restore() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    ema = ExponentialMovingAverage(model, 0.5)
    train(model, optimizer, ema, 3)
    before, averages = weights(model), [a.numpy() for a in ema.averages().values()]
    with ema.applied():
        assert_same(weights(model), averages)
    assert_same(weights(model), before)
    ema.apply()
    assert_same(weights(model), averages)
    ema.restore()
    assert_same(weights(model), before)
    train(model, optimizer, ema, 1)  # the optimizer's buffers are still the parameters
    assert not any(np.array_equal(a, b) for a, b in zip(weights(model), before, strict=True))
    with pytest.raises(KeyError), ema.applied():
        raise KeyError
    ema.update()  # restored in spite of the error


def test_applying_is_a_change_that_autograd_sees() -> None:
    p = Parameter(dl.tensor([1.0, 2.0]))
    ema = ExponentialMovingAverage([p])
    y = (p * p).sum()
    ema.apply()
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


def test_an_average_before_the_first_update_is_what_the_parameters_were() -> None:
    p = Parameter(dl.tensor([1.0]))
    ema = ExponentialMovingAverage(iter([p, p]), 0.9)
    p.array[...] = 5.0
    assert [a.tolist() for a in ema.averages().values()] == [[1.0]]
    ema.update()
    assert ema.averages()["0"].tolist() == [5.0]
    ema.averages()["0"].array[...] = 7.0  # a copy
    assert ema.averages()["0"].tolist() == [5.0]


def test_parameters_of_several_dtypes_that_move() -> None:
    p = [Parameter(dl.tensor([float(i)], dtype=dtype)) for i, dtype in enumerate(("float32", "float64", "float32"))]
    ema = ExponentialMovingAverage(p, 0.5)
    ema.update()
    p[0]._array = p[0].array.astype("float64")
    for parameter in p:
        parameter.array[...] += 1
    ema.update()
    assert [a.tolist() for a in ema.averages().values()] == [[0.5], [1.5], [2.5]]
    assert [str(a.dtype) for a in ema.averages().values()] == ["float64", "float64", "float32"]


def test_the_state_is_continued() -> None:
    models = [network() for _ in range(2)]
    optimizers = [SGD(model.parameters(), lr=0.1) for model in models]
    straight = ExponentialMovingAverage(models[0], 0.8)
    train(models[0], optimizers[0], straight, 6)
    first = ExponentialMovingAverage(models[1], 0.8)
    train(models[1], optimizers[1], first, 3)
    state = copy.deepcopy(first.state_dict())
    second = ExponentialMovingAverage(models[1], 0.1)
    second.load_state_dict(state)
    train(models[1], optimizers[1], second, 3)
    for a, b in zip(straight.averages().values(), second.averages().values(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert second.state_dict()["n_averaged"] == 6


def state(**changes: Any) -> dict[str, Any]:
    return {"decay": 0.5, "n_averaged": 1, "averages": {"0": [1.0, 2.0]}} | changes


BAD_STATES: dict[str, tuple[Any, type[Exception], str]] = {
    "no dict": (3, ValueError, "expected a dict"),
    "keys": ({"decay": 0.5}, ValueError, "'n_averaged'"),
    "decay": (state(decay=2.0), ValueError, "decay must be .* got 2.0"),
    "n_averaged": (state(n_averaged=-1), ValueError, "n_averaged must be .* got -1"),
    "names": (state(averages={"w": [1.0]}), ValueError, r"missing \['0'\], unknown \['w'\]"),
    "shape": (state(averages={"0": [1.0]}), dl.ShapeError, r"0 has shape \(1,\), expected \(2,\)"),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_bad_state_changes_nothing(name: str) -> None:
    bad, error, message = BAD_STATES[name]
    ema = ExponentialMovingAverage([Parameter(dl.ones(2))], 0.9)
    before = repr(ema.state_dict())
    with pytest.raises(error, match=message):
        ema.load_state_dict(bad)
    assert repr(ema.state_dict()) == before


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "decay": (lambda: ExponentialMovingAverage([Parameter(dl.ones(1))], 1.5), ValueError, "decay .* got 1.5"),
    "decay kind": (lambda: ExponentialMovingAverage([Parameter(dl.ones(1))], "x"), TypeError, "decay must be a number"),  # type: ignore[arg-type]
    "number": (lambda: ExponentialMovingAverage(3), TypeError, "must be a module or tensors, got int"),  # type: ignore[arg-type]
    "one tensor": (lambda: ExponentialMovingAverage(dl.ones(1)), TypeError, "must be a module or tensors, got Tensor"),  # type: ignore[arg-type]
    "no tensors": (lambda: ExponentialMovingAverage([3]), TypeError, "must be tensors, got int"),  # type: ignore[list-item]
    "nothing": (lambda: ExponentialMovingAverage(dl.nn.Flatten()), ValueError, "there are no parameters"),
    "integers": (lambda: ExponentialMovingAverage([dl.ones(1, dtype="int64")]), dl.DTypeError, "floats, got int64"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named(name: str) -> None:
    build, error, message = BAD[name]
    with pytest.raises(error, match=f"^ExponentialMovingAverage: .*{message}"):
        build()


def test_apply_restore_and_update_in_the_wrong_order() -> None:
    ema = ExponentialMovingAverage([Parameter(dl.ones(1))])
    with pytest.raises(RuntimeError, match="restore: the averages are not applied"):
        ema.restore()
    ema.apply()
    with pytest.raises(RuntimeError, match="apply: the averages are applied already"):
        ema.apply()
    with pytest.raises(RuntimeError, match="update: the averages are applied; restore"):
        ema.update()
