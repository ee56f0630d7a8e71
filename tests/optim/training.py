"""What the tests of optimizers share: the optimizers, a small network, and how to compare weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, Optimizer, RMSprop

Make = Callable[[Any], Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "SGD": lambda params: SGD(params, lr=0.1),
    "SGD with momentum": lambda params: SGD(params, lr=0.1, momentum=0.9),
    "Adam": lambda params: Adam(params, lr=0.1),
    "Adam with amsgrad": lambda params: Adam(params, lr=0.1, amsgrad=True),
    "AdamW": lambda params: AdamW(params, lr=0.1, weight_decay=0.1),
    "NAdam": lambda params: NAdam(params, lr=0.1),
    "NAdam with all": lambda params: NAdam(params, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "Lion": lambda params: Lion(params, lr=0.02, weight_decay=0.1),
    "Adagrad": lambda params: Adagrad(params, lr=0.1),
    "Adagrad with an initial value": lambda params: Adagrad(params, lr=0.1, initial_accumulator_value=0.5),
    "Adadelta": lambda params: Adadelta(params, lr=3.0, eps=1e-3),
    "RMSprop": lambda params: RMSprop(params, lr=0.1),
    "RMSprop with all": lambda params: RMSprop(params, lr=0.01, momentum=0.9, centered=True, eps=1e-3),
}
UPDATES = {"sgd_update", "adam_update", "adagrad_update", "adadelta_update", "rmsprop_update", "nadam_update",
           "lion_update"}  # fmt: skip
PRIMITIVES = UPDATES | {"fill_zero", "l2_norm"}

every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def network() -> dl.nn.Sequential:
    """Layers whose sizes leave gaps between the parameters in the flat buffer."""
    generator = dl.Generator(1)
    model = dl.nn.Sequential(dl.nn.Linear(3, 5), dl.nn.Tanh(), dl.nn.Linear(5, 5), dl.nn.Tanh(), dl.nn.Linear(5, 1))
    for parameter in model.parameters():
        dl.nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)
    return model


def backward(model: dl.nn.Module, dtype: str = "float32") -> None:
    x = dl.rand(4, 3, generator=dl.Generator(2)).astype(dtype)
    dl.mean(dl.square(model(x) - 1)).backward()


def weights(model: dl.nn.Module) -> list[np.ndarray[Any, Any]]:
    return [p.numpy().copy() for p in model.parameters()]


def assert_same(a: list[np.ndarray[Any, Any]], b: list[np.ndarray[Any, Any]]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y, strict=True)


def assert_other(a: list[np.ndarray[Any, Any]], b: list[np.ndarray[Any, Any]]) -> None:
    assert all(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def expected(make: Make, steps: int) -> list[np.ndarray[Any, Any]]:
    """The weights after so many undisturbed steps."""
    model = network()
    optimizer = make(model.parameters())
    for _ in range(steps):
        backward(model)
        optimizer.step()
        optimizer.zero_grad()
    return weights(model)
