"""The state of optimizers: state_dict, copies, pickles, and bad states."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import SGD, Adagrad, Adam, AdamW

from .training import Make, assert_same, backward, every_optimizer, expected, network, weights


@every_optimizer
def test_a_state_dict_is_a_copy(make: Make) -> None:
    model = network()
    optimizer = make(model.parameters())
    backward(model)
    optimizer.step()
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    optimizer.step()
    for number, entry in kept["state"].items():
        for key, value in entry.items():
            now = state["state"][number][key]
            assert now == value if isinstance(value, int | float) else np.array_equal(now.numpy(), value.numpy())


@every_optimizer
def test_a_state_dict_holds_what_training_needs(make: Make) -> None:
    model = network()
    optimizer = make(model.parameters())
    for turn in range(4):
        backward(model)
        optimizer.step()
        optimizer.zero_grad()
        if turn == 1:
            state = optimizer.state_dict()
            optimizer = make(model.parameters())
            optimizer.load_state_dict(state)
    assert_same(weights(model), expected(make, 4))


@every_optimizer
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_model_with_its_optimizer_can_be_copied(make: Make, how: str) -> None:
    model = network()
    optimizer = make(model.parameters())
    backward(model)
    optimizer.step()
    optimizer.zero_grad()
    before = weights(model)
    pair = (model, optimizer)
    other, twin = copy.deepcopy(pair) if how == "deepcopy" else pickle.loads(pickle.dumps(pair))
    assert_same(weights(other), before)
    for _ in range(2):
        backward(other)
        twin.step()
        twin.zero_grad()
    assert_same(weights(model), before)  # nothing is shared
    assert_same(weights(other), expected(make, 3))


ADAM = {"step": 1, "exp_avg": [0.0, 0.0], "exp_avg_sq": [0.0, 0.0]}


BAD_STATES: dict[str, tuple[Any, type[Exception], str]] = {
    "no dict": (3, ValueError, "state.*param_groups"),
    "no groups": ({"state": {}}, ValueError, "state.*param_groups"),
    "no params": ({"state": {}, "param_groups": [{"lr": 1.0}]}, ValueError, "params"),
    "too many groups": ({"state": {}, "param_groups": [{"params": [0]}] * 3}, ValueError, r"\[1, 1, 1\].*\[1, 1\]"),
    "too many parameters": (
        {"state": {}, "param_groups": [{"params": [0]}, {"params": [1, 2]}]}, ValueError, r"\[1, 2\].*\[1, 1\]",
    ),
    "setting": (
        {"state": {}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1], "lr": -1.0}]}, ValueError, "lr.*-1",
    ),
    "unknown setting": (
        {"state": {}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1], "rate": 1.0}]}, ValueError, "rate",
    ),
    "unknown state": (
        {"state": {1: {"step": 1, "momentum_buffer": [0.0, 0.0]}}, "param_groups": [{"params": [0], "lr": 5.0},
         {"params": [1]}]}, ValueError, "parameter 1.*momentum_buffer",
    ),
    "no step": (
        {"state": {1: {"exp_avg": [0.0, 0.0]}}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1]}]},
        ValueError, "step",
    ),
    "negative step": (
        {"state": {1: {"step": -1}}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1]}]}, ValueError, "-1",
    ),
    "shape": (
        {"state": {0: ADAM, 1: {**ADAM, "exp_avg": [0.0]}}, "param_groups": [{"params": [0], "lr": 5.0},
         {"params": [1]}]}, dl.ShapeError, r"exp_avg of parameter 1.*\(1,\).*\(2,\)",
    ),
    "dtype": (
        {"state": {0: ADAM, 1: {**ADAM, "exp_avg": [0j, 0j]}}, "param_groups": [{"params": [0], "lr": 5.0},
         {"params": [1]}]}, dl.DTypeError, "exp_avg of parameter 1.*complex",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_bad_state_dict_changes_nothing(name: str) -> None:
    bad, error, message = BAD_STATES[name]
    p, q = Parameter(dl.ones(2)), Parameter(dl.ones(2))
    optimizer = Adam([{"params": [p]}, {"params": [q]}], lr=0.1)
    p.grad = q.grad = dl.ones(2)
    optimizer.step()
    before = repr(optimizer.state_dict())
    with pytest.raises(error, match=f"(?s)^Adam.*{message}"):
        optimizer.load_state_dict(bad)
    assert repr(optimizer.state_dict()) == before


def test_repr() -> None:
    optimizer = SGD([{"params": [Parameter(dl.ones(1))], "lr": 0.5}, {"params": [Parameter(dl.ones(1))]}], lr=0.1)
    settings = "momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False"
    assert (
        repr(optimizer)
        == f"""SGD (
  group 0: 1 parameters, lr=0.5, {settings}
  group 1: 1 parameters, lr=0.1, {settings}
)"""
    )


@pytest.mark.parametrize("moment", ["at first", "after a step"])
def test_adagrad_starts_from_its_initial_value(moment: str) -> None:
    """Of each group, and parameters that have taken no step yet keep theirs through everything."""
    p, q, r = Parameter(dl.ones(3)), Parameter(dl.ones(5)), Parameter(dl.ones(2))
    optimizer = Adagrad([{"params": [p, q]}, {"params": [r], "initial_accumulator_value": 7.0}],
                        initial_accumulator_value=0.5)  # fmt: skip
    if moment == "after a step":
        p.grad = dl.ones(3)
        optimizer.step()
    p._array = p.array.copy()  # and so flattened anew
    state = optimizer.state_dict()
    assert list(state["state"]) == [0, 1, 2]
    assert state["state"][1] == {"step": 0, "sum": state["state"][1]["sum"]}
    assert state["state"][1]["sum"].tolist() == [0.5] * 5
    assert state["state"][2]["sum"].tolist() == [7.0] * 2
    other = Adagrad([{"params": [p, q]}, {"params": [r]}])
    other.load_state_dict(state)
    p.grad, q.grad, r.grad = None, dl.ones(5), dl.ones(2)
    other.step()
    sums = [entry["sum"].tolist() for entry in other.state_dict()["state"].values()]
    assert sums == [[1.5 if moment == "after a step" else 0.5] * 3, [1.5] * 5, [8.0] * 2]


def test_adamw_stays_decoupled_with_the_state_of_adam() -> None:
    p, q = Parameter(dl.ones(2)), Parameter(dl.ones(2))
    plain, decoupled = Adam([p], lr=0.1, weight_decay=0.5), AdamW([q])
    decoupled.load_state_dict(plain.state_dict())
    p.grad, q.grad = dl.zeros(2), dl.zeros(2)
    plain.step()
    decoupled.step()
    np.testing.assert_allclose(p.numpy(), 0.9, rtol=1e-6)  # the decay alone, as a gradient of any size: 1 - lr
    np.testing.assert_allclose(q.numpy(), 0.95, rtol=1e-6)  # 1 - lr * weight_decay
