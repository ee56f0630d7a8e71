"""What optimizers refuse: by name, and with nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import GD, SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop

BAD_ARGUMENTS: dict[str, tuple[Callable[[Parameter], Any], type[Exception], str]] = {
    "empty": (lambda p: SGD([]), ValueError, "params is empty"),
    "empty generator": (lambda p: Adam(x for x in ()), ValueError, "params is empty"),
    "empty group": (lambda p: SGD([{"params": []}]), ValueError, "params is empty"),
    "one tensor": (lambda p: SGD(p), TypeError, "params must be an iterable.*one tensor"),
    "no tensor": (lambda p: SGD([p, 1.5]), TypeError, "params must be tensors, got float"),
    "names": (lambda p: SGD([("w", p)]), TypeError, "params must be tensors, got tuple"),
    "an array": (lambda p: SGD([np.ones(2)]), TypeError, "params must be tensors, got ndarray"),
    "integers": (lambda p: SGD([dl.ones(2, dtype="int64")]), dl.DTypeError, "params must be real floats, got int64"),
    "complex": (lambda p: SGD([dl.ones(2, dtype="complex64")]), dl.DTypeError, "real floats, got complex64"),
    "not a leaf": (lambda p: SGD([p * 1]), ValueError, "must be a leaf"),
    "a set": (lambda p: SGD([{"params": {p}}]), TypeError, "set"),
    "twice": (lambda p: SGD([{"params": [p]}, {"params": [p]}]), ValueError, "more than one parameter group"),
    "added twice": (lambda p: SGD([p]).add_param_group({"params": [p]}), ValueError, "more than one parameter group"),
    "group without params": (lambda p: SGD([{"lr": 0.1}]), TypeError, "key 'params'"),
    "group and tensor": (lambda p: SGD([{"params": [p]}, p]), TypeError, "must be a dict"),
    "unknown setting": (lambda p: SGD([{"params": [p], "rate": 1.0}]), ValueError, r"unknown settings \['rate'\]"),
    "lr": (lambda p: SGD([p], lr=-0.1), ValueError, "lr must be a number >= 0, got -0.1"),
    "lr NaN": (lambda p: SGD([p], lr=float("nan")), ValueError, "lr must be a number >= 0, got nan"),
    "lr text": (lambda p: SGD([p], lr="0.1"), ValueError, "lr must be a number >= 0, got '0.1'"),  # type: ignore[arg-type]
    "lr None": (lambda p: Adam([p], lr=None), ValueError, "lr must be a number >= 0, got None"),  # type: ignore[arg-type]
    "lr of a group": (lambda p: SGD([{"params": [p], "lr": -1}]), ValueError, "lr must be .*, got -1"),
    "momentum": (lambda p: SGD([p], momentum=-1), ValueError, "momentum must be .*, got -1"),
    "dampening": (lambda p: SGD([p], dampening="x"), ValueError, "dampening must be .*, got 'x'"),  # type: ignore[arg-type]
    "weight_decay": (lambda p: SGD([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "nesterov": (lambda p: SGD([p], nesterov=True), ValueError, "nesterov needs momentum > 0 and dampening 0, got 0"),
    "dampened nesterov": (
        lambda p: SGD([p], momentum=0.9, dampening=0.5, nesterov=True), ValueError, "nesterov.*got 0.9 and 0.5",
    ),
    "beta 1": (lambda p: Adam([p], betas=(1.0, 0.9)), ValueError, r"betas must be two .*, got \(1.0, 0.9\)"),
    "beta 2": (lambda p: Adam([p], betas=(0.9, -0.1)), ValueError, "betas must be"),
    "one beta": (lambda p: Adam([p], betas=0.9), ValueError, "betas must be two .*, got 0.9"),  # type: ignore[arg-type]
    "three betas": (lambda p: Adam([p], betas=(0.9, 0.9, 0.9)), ValueError, "betas must be"),  # type: ignore[arg-type]
    "betas of text": (lambda p: Adam([p], betas=("a", "b")), ValueError, "betas must be"),  # type: ignore[arg-type]
    "eps": (lambda p: Adam([p], eps=-1e-8), ValueError, "eps must be .*, got -1e-08"),
    "Adam weight_decay": (lambda p: Adam([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "AdamW weight_decay": (lambda p: AdamW([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "AdamW betas": (lambda p: AdamW([p], betas=(0.9, 1.0)), ValueError, r"betas must be two .*, got \(0.9, 1.0\)"),
    "lr_decay": (lambda p: Adagrad([p], lr_decay=-1), ValueError, "lr_decay must be a number >= 0, got -1"),
    "initial": (
        lambda p: Adagrad([p], initial_accumulator_value=-1), ValueError, "initial_accumulator_value must .*, got -1",
    ),
    "initial of a group": (
        lambda p: Adagrad([{"params": [p], "initial_accumulator_value": "x"}]), ValueError, "initial.* got 'x'",
    ),
    "Adagrad eps": (lambda p: Adagrad([p], eps=-1), ValueError, "eps must be .*, got -1"),
    "Adagrad weight_decay": (lambda p: Adagrad([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "rho": (lambda p: Adadelta([p], rho=1.5), ValueError, r"rho must be a number in \[0, 1\], got 1.5"),
    "rho text": (lambda p: Adadelta([p], rho="x"), ValueError, r"rho must be .*, got 'x'"),  # type: ignore[arg-type]
    "Adadelta eps": (lambda p: Adadelta([p], eps=-1), ValueError, "eps must be .*, got -1"),
    "alpha": (lambda p: RMSprop([p], alpha=-1), ValueError, "alpha must be a number >= 0, got -1"),
    "RMSprop momentum": (lambda p: RMSprop([p], momentum=-1), ValueError, "momentum must be .*, got -1"),
    "NAdam lr": (lambda p: NAdam([p], lr=-1), ValueError, "lr must be .*, got -1"),
    "NAdam eps": (lambda p: NAdam([p], eps=-1), ValueError, "eps must be .*, got -1"),
    "NAdam betas": (lambda p: NAdam([p], betas=(0.9, 1)), ValueError, r"betas must be two .*, got \(0.9, 1\)"),
    "momentum_decay": (lambda p: NAdam([p], momentum_decay=-1), ValueError, "momentum_decay must be .*, got -1"),
    "NAdam decay": (lambda p: NAdam([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "Lion lr": (lambda p: Lion([p], lr=-1), ValueError, "lr must be .*, got -1"),
    "Lion betas": (lambda p: Lion([p], betas=(-0.1, 0.9)), ValueError, r"betas must be two .*, got \(-0.1, 0.9\)"),
    "Lion decay": (lambda p: Lion([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "GD lr": (lambda p: GD([p], lr=-1), ValueError, "lr must be .*, got -1"),
    "several lr": (lambda p: SGD([p], lr=dl.tensor([0.1, 0.1])), ValueError, r"lr must be .*, got tensor\(\["),  # type: ignore[arg-type]
    "negative tensor": (lambda p: SGD([p], lr=dl.tensor(-0.1)), ValueError, r"lr must be .*, got tensor\(-0.1"),  # type: ignore[arg-type]
    "lr in an array": (lambda p: SGD([p], lr=np.ones(2)), ValueError, "lr must be .*, got array"),  # type: ignore[arg-type]
    "beta in a tensor": (lambda p: Adam([p], betas=(0.9, dl.tensor(0.9))), ValueError, "betas must be two"),  # type: ignore[arg-type]
    "RMSprop eps": (lambda p: RMSprop([p], eps=-1), ValueError, "eps must be .*, got -1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_a_bad_argument_is_named_and_nothing_is_changed(name: str) -> None:
    build, error, message = BAD_ARGUMENTS[name]
    p = Parameter(dl.ones(2))
    array = p.array
    with pytest.raises(error, match=f"^(GD|SGD|Ad[a-zA-Z]+|RMSprop|NAdam|Lion): .*{message}"):
        build(p)
    if "added" not in name:
        assert p.array is array


def test_a_bad_second_group_leaves_the_first_alone() -> None:
    p, q = Parameter(dl.ones(2)), Parameter(dl.ones(2))
    array = p.array
    with pytest.raises(ValueError, match="lr"):
        SGD([{"params": [p]}, {"params": [q], "lr": -1}], lr=0.1)
    assert p.array is array
    optimizer = SGD([p], lr=0.1)
    with pytest.raises(ValueError, match="lr"):
        optimizer.add_param_group({"params": [q], "lr": -1})
    assert len(optimizer.param_groups) == 1
    p.grad = dl.ones(2)
    optimizer.step()
    assert len(optimizer.state_dict()["param_groups"]) == 1
