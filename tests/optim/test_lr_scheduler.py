"""Schedules: what they do to the optimizer, their state, and what they refuse. Their values: tests/oracle."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import SGD, Adagrad, Adam, Optimizer
from dlcore.optim import lr_scheduler as s


def sgd(groups: int = 1, **options: Any) -> SGD:
    return SGD([{"params": [Parameter(dl.ones(1))]} for _ in range(groups)], lr=1.0, **options)


def walk(schedule: Any, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        schedule.optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    return rates


# --- the optimizer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tensor", [False, True])
def test_training_goes_by_the_schedule(tensor: bool) -> None:
    """A learning rate that is a tensor stays that tensor, wherever it is."""
    p = Parameter(dl.tensor([0.0, 0.0]))
    rate = dl.tensor(1.0) if tensor else 1.0
    optimizer = SGD([p], lr=rate)  # type: ignore[arg-type]
    schedule = s.StepLR(optimizer, 2, gamma=0.5)
    seen = []
    for _ in range(5):
        p.grad = -dl.ones(2)
        before = p.numpy().copy()
        optimizer.step()
        schedule.step()
        seen.append(float((p.numpy() - before)[0]))
    assert seen == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert all(type(lr) is float for lr in schedule.get_last_lr())
    if tensor:
        assert optimizer.param_groups[0]["lr"] is rate
        assert rate.item() == 0.25
    p.grad = dl.ones(2)
    assert optimizer.grad_norm() == pytest.approx(2**0.5)  # the flat buffer is as it was


def test_warm_restarts_and_plateaus_change_a_tensor_in_place() -> None:
    for build in (
        lambda o: s.CosineAnnealingWarmRestarts(o, 2),
        lambda o: s.CyclicLR(o, 0.5, 1.0, 2, cycle_momentum=False),
    ):
        rate = dl.tensor(1.0)
        optimizer = SGD([Parameter(dl.ones(1))], lr=rate)  # type: ignore[arg-type]
        schedule = build(optimizer)
        walk(schedule, 1)
        assert optimizer.param_groups[0]["lr"] is rate
        assert rate.item() == pytest.approx(schedule.get_last_lr()[0])
    plateau = s.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    for _ in range(2):
        plateau.step(dl.tensor(1.0))
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.5 * 0.75)


def test_a_run_is_continued_from_both_states() -> None:
    """The optimizer's state holds what schedules keep in its groups."""

    def made() -> tuple[Parameter, Optimizer, s.OneCycleLR]:
        p = Parameter(dl.tensor([1.0, -2.0]))
        optimizer = Adam([p], lr=0.1)
        return p, optimizer, s.OneCycleLR(optimizer, 0.3, total_steps=20)

    def train(p: Parameter, optimizer: Optimizer, schedule: s.OneCycleLR, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
            schedule.step()

    straight, first, second = made(), made(), made()
    train(*straight, 16)
    train(*first, 8)
    states = first[1].state_dict(), first[2].state_dict()
    assert {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"} < set(states[0]["param_groups"][0])
    second[0]._array[...] = first[0].numpy() if second[0].device.type == "numpy" else first[0].array
    second[1].load_state_dict(states[0])
    second[2].load_state_dict(states[1])
    train(*second, 8)
    np.testing.assert_array_equal(second[0].numpy(), straight[0].numpy())


def test_a_group_may_bring_its_initial_rate() -> None:
    optimizer = SGD([{"params": [Parameter(dl.ones(1))], "lr": 0.25, "initial_lr": 1.0}])
    assert walk(s.ExponentialLR(optimizer, 0.5, last_epoch=2), 1) == [0.125]


def test_the_wrong_order_warns_once() -> None:
    optimizer = sgd()
    schedule = s.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match="StepLR: `step` was called before the optimizer's"):
        schedule.step()
    schedule.step()  # said once
    right = s.StepLR(sgd(), 1)
    right.optimizer.step()
    right.step()
    with warnings.catch_warnings(record=True):
        s.SequentialLR(optimizer, [s.SequentialLR(optimizer, [s.StepLR(optimizer, 1)], [])], [])
    assert not sgd().stepped


CLOSED: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: s.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda o: s.MultiStepLR(o, [2, 7, 7], gamma=0.5),
    "ExponentialLR": lambda o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: s.PolynomialLR(o, 8, power=2.0),
    "ConstantLR": lambda o: s.ConstantLR(o, 0.25, total_iters=4),
    "LinearLR": lambda o: s.LinearLR(o, 0.1, 0.9, total_iters=7),
    "CosineAnnealingLR": lambda o: s.CosineAnnealingLR(o, 5, eta_min=0.1),
    "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 3, 2, eta_min=0.1),
    "LambdaLR": lambda o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "OneCycleLR": lambda o: s.OneCycleLR(o, 1.0, 20, anneal_strategy="linear", three_phase=True),
    "CyclicLR": lambda o: s.CyclicLR(o, 0.1, 1.0, 3, mode="exp_range", gamma=0.9),
    "CyclicLR, triangular2": lambda o: s.CyclicLR(o, 0.1, 1.0, 3, 2, mode="triangular2"),
}


@pytest.mark.parametrize("build", CLOSED.values(), ids=CLOSED)
def test_step_by_step_and_by_the_closed_form(build: Callable[[Any], Any]) -> None:
    schedule, other = build(sgd()), build(sgd())
    other.optimizer.step()
    for epoch in range(1, 15):
        (rate,) = walk(schedule, 1)
        other.step(epoch)
        assert rate == pytest.approx(other.get_last_lr()[0], rel=1e-9, abs=1e-15)
        assert schedule.last_epoch == other.last_epoch == epoch
        assert schedule.optimizer.param_groups[0]["momentum"] == other.optimizer.param_groups[0]["momentum"]


def test_one_schedule_after_the_other_and_several_at_once() -> None:
    optimizer = sgd()
    parts = [s.ConstantLR(optimizer, 0.5, total_iters=5), s.ExponentialLR(optimizer, 0.5)]
    sequence = s.SequentialLR(optimizer, parts, milestones=[2])
    other = sgd()
    both = s.ChainedScheduler([s.ConstantLR(other, 0.5, total_iters=2), s.ExponentialLR(other, 0.5)])
    assert walk(sequence, 4) == [0.5, 1.0, 0.5, 0.25]
    assert walk(both, 3) == [0.25, 0.25, 0.125]
    states = sequence.state_dict(), both.state_dict()
    again = SGD([Parameter(dl.ones(1))], lr=1.0)
    resumed = s.SequentialLR(again, [s.ConstantLR(again, 0.5, 5), s.ExponentialLR(again, 0.5)], milestones=[2])
    resumed.load_state_dict(states[0])
    again.param_groups[0]["lr"] = 0.25
    assert walk(resumed, 2) == [0.125, 0.0625]
    both.load_state_dict(states[1])
    assert walk(both, 1) == [0.0625]


# --- state --------------------------------------------------------------------------------------------------


class Remembers:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, epoch: float) -> float:
        self.calls += 1
        return 1.0 / self.calls


@pytest.mark.parametrize(
    "build",
    [
        lambda o: s.LambdaLR(o, Remembers()),
        lambda o: s.MultiplicativeLR(o, Remembers()),
        lambda o: s.CyclicLR(o, 0.1, 1.0, 3, scale_fn=Remembers(), cycle_momentum=False),
    ],
)
def test_callable_objects_are_part_of_the_state(build: Callable[[Any], Any]) -> None:
    schedule, other = build(sgd()), build(sgd())
    walk(schedule, 5)
    other.load_state_dict(schedule.state_dict())
    other.optimizer.param_groups[0]["lr"] = schedule.get_last_lr()[0]
    assert walk(other, 4) == walk(schedule, 4)


def test_the_state_is_a_copy() -> None:
    schedule = s.MultiStepLR(sgd(), [1, 2])
    state = schedule.state_dict()
    walk(schedule, 2)
    assert state["_last_lr"] == [1.0]
    state["base_lrs"][0] = 5.0
    assert schedule.base_lrs == [1.0]
    assert "optimizer" not in state


def sequence(optimizer: Optimizer) -> s.SequentialLR:
    return s.SequentialLR(optimizer, [s.ConstantLR(optimizer), s.StepLR(optimizer, 2)], [3])


BAD_STATES: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "no dict": (lambda o: s.StepLR(o, 1), 3, "expected a dict, got int"),
    "missing": (lambda o: s.StepLR(o, 1), {"gamma": 1.0}, "missing.*'last_epoch'"),
    "another": (lambda o: s.StepLR(o, 1), s.ExponentialLR(sgd(), 1.0).state_dict(), "missing.*'step_size'"),
    "unknown": (lambda o: s.StepLR(o, 1), {**s.StepLR(sgd(), 1).state_dict(), "power": 1}, "unknown.*'power'"),
    "groups": (lambda o: s.StepLR(o, 1), s.StepLR(sgd(3), 1).state_dict(), "base_lrs of 3 groups, expected 2"),
    "schedules": (sequence, {**sequence(sgd(2)).state_dict(), "_schedulers": [{}]}, "1 schedules, expected 2"),
    "inner": (sequence, {**sequence(sgd(2)).state_dict(), "_schedulers": [{}, {}]}, "ConstantLR.*missing"),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_bad_state_changes_nothing(name: str) -> None:
    build, state, message = BAD_STATES[name]
    schedule = build(sgd(2))
    before = repr(schedule.state_dict())
    with pytest.raises(ValueError, match=f"load_state_dict: .*{message}" if "inner" not in name else message):
        schedule.load_state_dict(state)
    assert repr(schedule.state_dict()) == before


# --- what is refused ----------------------------------------------------------------------------------------

BAD: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "optimizer": (lambda o: s.StepLR(3, 1), TypeError, "StepLR: optimizer must be .*Optimizer, got int"),  # type: ignore[arg-type]
    "last_epoch": (lambda o: s.StepLR(o, 1, last_epoch=-2), ValueError, "last_epoch must be an int >= -1, got -2"),
    "last_epoch kind": (lambda o: s.StepLR(o, 1, last_epoch=1.0), TypeError, "last_epoch must be an int, got 1.0"),  # type: ignore[arg-type]
    "nothing to go on from": (lambda o: s.StepLR(o, 1, last_epoch=3), KeyError, "group 0 has no 'initial_lr'"),
    "lambda": (lambda o: s.LambdaLR(o, 0.5), TypeError, "LambdaLR: lr_lambda must be a function.*got 0.5"),  # type: ignore[arg-type]
    "lambdas": (lambda o: s.LambdaLR(o, []), ValueError, r"lr_lambda must be a function or 1 of them, got \[\]"),
    "step_size": (lambda o: s.StepLR(o, 0), ValueError, "step_size must be an int >= 1, got 0"),
    "step_size kind": (lambda o: s.StepLR(o, 1.5), TypeError, "step_size must be an int, got 1.5"),  # type: ignore[arg-type]
    "gamma": (lambda o: s.ExponentialLR(o, -0.1), ValueError, "gamma must be a number >= 0, got -0.1"),
    "gamma NaN": (lambda o: s.StepLR(o, 1, float("nan")), ValueError, "gamma must be a number >= 0, got nan"),
    "gamma kind": (lambda o: s.MultiStepLR(o, [1], "x"), TypeError, "gamma must be a number, got 'x'"),  # type: ignore[arg-type]
    "milestones": (lambda o: s.MultiStepLR(o, 3), TypeError, "milestones must be a list of ints, got 3"),  # type: ignore[arg-type]
    "milestone": (lambda o: s.MultiStepLR(o, [1, -1]), ValueError, "a milestone must be an int >= 0, got -1"),
    "factor": (lambda o: s.ConstantLR(o, 0.0), ValueError, r"factor must be a number in \(0, 1\], got 0.0"),
    "total_iters": (lambda o: s.ConstantLR(o, total_iters=0), ValueError, "total_iters must be an int >= 1, got 0"),
    "start_factor": (lambda o: s.LinearLR(o, 1.5), ValueError, r"start_factor must be .*\[0, 1\], got 1.5"),
    "end_factor": (lambda o: s.LinearLR(o, end_factor=-1), ValueError, r"end_factor must be .*\[0, 1\], got -1"),
    "linear iters": (lambda o: s.LinearLR(o, total_iters=0), ValueError, "total_iters must be an int >= 1, got 0"),
    "power": (lambda o: s.PolynomialLR(o, power=-1), ValueError, "power must be a number >= 0, got -1"),
    "polynomial iters": (lambda o: s.PolynomialLR(o, 0), ValueError, "total_iters must be an int >= 1, got 0"),
    "T_max": (lambda o: s.CosineAnnealingLR(o, 0), ValueError, "T_max must be an int >= 1, got 0"),
    "eta_min": (lambda o: s.CosineAnnealingLR(o, 1, -0.1), ValueError, "eta_min must be a number >= 0, got -0.1"),
    "T_0": (lambda o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 must be an int >= 1, got 0"),
    "T_mult": (lambda o: s.CosineAnnealingWarmRestarts(o, 1, 0), ValueError, "T_mult must be an int >= 1, got 0"),
    "restart epoch": (
        lambda o: s.CosineAnnealingWarmRestarts(o, 1).step(-0.5), ValueError, "epoch must be a number >= 0, got -0.5",
    ),
    "epoch": (lambda o: s.StepLR(o, 1).step(-1), ValueError, "StepLR.step: epoch must be an int >= 0, got -1"),
    "no steps": (lambda o: s.OneCycleLR(o, 1.0), ValueError, "either total_steps or both"),
    "total_steps": (lambda o: s.OneCycleLR(o, 1.0, 0), ValueError, "total_steps must be an int >= 1, got 0"),
    "max_lr": (lambda o: s.OneCycleLR(o, -1.0, 5), ValueError, "max_lr must be a number >= 0, got -1.0"),
    "max_lr of groups": (
        lambda o: s.OneCycleLR(o, [1.0, 2.0], 5), ValueError, r"max_lr must be a number or 1 of them.*got \[1.0, 2.0\]",
    ),
    "pct_start": (lambda o: s.OneCycleLR(o, 1.0, 5, pct_start=2.0), ValueError, r"pct_start must be .*\[0, 1\], got 2"),
    "strategy": (lambda o: s.OneCycleLR(o, 1.0, 5, anneal_strategy="sin"), ValueError, "'cos' or 'linear', got 'sin'"),
    "div_factor": (lambda o: s.OneCycleLR(o, 1.0, 5, div_factor=0.0), ValueError, "div_factor must be a number > 0"),
    "momentum": (lambda o: s.OneCycleLR(o, 1.0, 5, max_momentum=-1.0), ValueError, "max_momentum must be .*got -1.0"),
    "beta": (
        lambda o: s.OneCycleLR(Adam([Parameter(dl.ones(1))]), 1.0, 5, max_momentum=1.0), ValueError,
        "max_momentum must be .*got 1.0",
    ),
    "no momentum": (
        lambda o: s.OneCycleLR(Adagrad([Parameter(dl.ones(1))]), 1.0, 5), ValueError,
        "cycle_momentum=True needs an optimizer with momentum or betas, which Adagrad has not",
    ),
    "base_lr": (lambda o: s.CyclicLR(o, -1.0, 1.0), ValueError, "base_lr must be a number >= 0, got -1.0"),
    "step_size_up": (lambda o: s.CyclicLR(o, 0.1, 1.0, 0), ValueError, "step_size_up must be an int >= 1, got 0"),
    "step_size_down": (lambda o: s.CyclicLR(o, 0.1, 1.0, 1, 0), ValueError, "step_size_down must be an int >= 1"),
    "cycle mode": (lambda o: s.CyclicLR(o, 0.1, 1.0, mode="x"), ValueError, "mode must be one of tri.*, got 'x'"),
    "scale_fn": (lambda o: s.CyclicLR(o, 0.1, 1.0, scale_fn=3), TypeError, "scale_fn must be a function, got 3"),  # type: ignore[arg-type]
    "scale_mode": (
        lambda o: s.CyclicLR(o, 0.1, 1.0, scale_fn=abs, scale_mode="x"), ValueError, "'cycle' or 'iterations', got 'x'",
    ),
    "plateau mode": (lambda o: s.ReduceLROnPlateau(o, "best"), ValueError, "mode must be 'min' or 'max', got 'best'"),
    "plateau factor": (lambda o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, r"factor must be .*\[0, 1\), got 1.0"),
    "patience": (lambda o: s.ReduceLROnPlateau(o, patience=-1), ValueError, "patience must be an int >= 0, got -1"),
    "threshold": (lambda o: s.ReduceLROnPlateau(o, threshold=-1), ValueError, "threshold must be .*, got -1"),
    "threshold_mode": (lambda o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "'rel' or 'abs', got 'x'"),
    "cooldown": (lambda o: s.ReduceLROnPlateau(o, cooldown=-1), ValueError, "cooldown must be an int >= 0, got -1"),
    "min_lr": (lambda o: s.ReduceLROnPlateau(o, min_lr=-1), ValueError, "min_lr must be a number >= 0, got -1"),
    "metric": (lambda o: s.ReduceLROnPlateau(o).step("good"), TypeError, "metrics must be a number, got 'good'"),
    "metrics": (lambda o: s.ReduceLROnPlateau(o).step(dl.ones(2)), TypeError, "metrics must be a number, got tensor"),
    "metric epoch": (lambda o: s.ReduceLROnPlateau(o).step(1.0, epoch=-1), ValueError, "epoch must be an int >= 0"),
    "no schedules": (lambda o: s.SequentialLR(o, [], []), ValueError, "schedulers must be a list with at least one"),
    "no schedule": (lambda o: s.ChainedScheduler([3]), TypeError, r"schedulers\[0\] is no LRScheduler, but int"),  # type: ignore[list-item]
    "a plateau": (lambda o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), ValueError, "ReduceLROnPlateau, whose step"),
    "another optimizer": (
        lambda o: s.SequentialLR(sgd(), [s.StepLR(o, 1)], []), ValueError, r"schedulers\[0\] is of another optimizer",
    ),
    "count": (lambda o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]), ValueError, r"1 schedules need 0 mile.*got \[1\]"),
    "order": (
        lambda o: s.SequentialLR(o, [s.StepLR(o, 1), s.StepLR(o, 1), s.StepLR(o, 1)], [3, 3]), ValueError,
        r"milestones must be rising, got \[3, 3\]",
    ),
    "nested": (
        lambda o: s.SequentialLR(o, [s.StepLR(o, 1), s.ChainedScheduler([s.StepLR(o, 1)])], [3]), ValueError,
        "ChainedScheduler, which can only be the first",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named(name: str) -> None:
    build, error, message = BAD[name]
    optimizer = sgd()
    with pytest.raises(error, match=message):
        build(optimizer)
    if error is not KeyError:
        assert optimizer.param_groups[0]["momentum"] == 0.0


def test_no_step_after_the_cycle() -> None:
    schedule = s.OneCycleLR(sgd(), 1.0, 3)
    walk(schedule, 3)
    before = repr(schedule.state_dict()), dict(schedule.optimizer.param_groups[0])
    with pytest.raises(ValueError, match="step 4 of a cycle of 3 steps"):
        schedule.step()
    assert (repr(schedule.state_dict()), schedule.optimizer.param_groups[0]) == before


def test_a_phase_of_no_steps_is_passed_at_once() -> None:
    """PyTorch divides by zero there."""
    schedule = s.OneCycleLR(sgd(), 1.0, total_steps=10, pct_start=0.1)
    assert schedule.get_last_lr() == [1.0]
    assert walk(schedule, 9)[-1] == pytest.approx(1.0 / 25 / 1e4)


def test_a_plateau_asks_for_limits_of_new_groups() -> None:
    optimizer = sgd()
    plain, listed = s.ReduceLROnPlateau(optimizer, patience=0, min_lr=0.2), s.ReduceLROnPlateau(optimizer, min_lr=[0.2])
    optimizer.add_param_group({"params": [Parameter(dl.ones(1))]})
    for _ in range(4):
        plain.step(1.0)
    assert plain.get_last_lr() == [0.2, 0.2]
    with pytest.raises(ValueError, match="1 min_lr for 2 groups"):
        listed.step(1.0)


def test_a_schedule_of_ones_own_must_say_its_rates() -> None:
    with pytest.raises(NotImplementedError, match="LRScheduler must define get_lr"):
        s.LRScheduler(sgd())
