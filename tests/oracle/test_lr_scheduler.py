"""dl.optim.lr_scheduler against PyTorch's: the learning rates and momenta of every step."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

STEPS = 40
RATES = (0.7, 0.03)  # of two groups
TOLERANCE = 1e-12

#: By name, how to build a schedule of (the module, the optimizer).
Build = Callable[[Any, Any], Any]
SCHEDULES: dict[str, Build] = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "LambdaLR, two": lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (1 + epoch), lambda epoch: 0.9**epoch]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9 + 0.01 * (epoch % 3)),
    "StepLR": lambda s, o: s.StepLR(o, 3),
    "StepLR of 1": lambda s, o: s.StepLR(o, 1, gamma=0.9),
    "StepLR upwards": lambda s, o: s.StepLR(o, 4, gamma=1.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.5),
    "MultiStepLR, unsorted": lambda s, o: s.MultiStepLR(o, [30, 0, 7]),
    "ConstantLR": lambda s, o: s.ConstantLR(o),
    "ConstantLR, other": lambda s, o: s.ConstantLR(o, factor=0.4, total_iters=1),
    "LinearLR": lambda s, o: s.LinearLR(o),
    "LinearLR, other": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.8, total_iters=17),
    "LinearLR downwards": lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=8),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, gamma=0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o),
    "PolynomialLR, other": lambda s, o: s.PolynomialLR(o, total_iters=30, power=2.5),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 10),
    "CosineAnnealingLR, other": lambda s, o: s.CosineAnnealingLR(o, T_max=7, eta_min=0.01),
    "CosineAnnealingLR of 1": lambda s, o: s.CosineAnnealingLR(o, T_max=1, eta_min=0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5),
    "CosineAnnealingWarmRestarts, other": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=1e-3),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, max_lr=0.5, total_steps=STEPS),
    "OneCycleLR by epochs": lambda s, o: s.OneCycleLR(o, [0.5, 0.1], epochs=8, steps_per_epoch=5, pct_start=0.45),
    "OneCycleLR, linear": lambda s, o: s.OneCycleLR(
        o, 0.3, total_steps=STEPS + 3, anneal_strategy="linear", div_factor=5.0, final_div_factor=50.0
    ),
    "OneCycleLR, three phases": lambda s, o: s.OneCycleLR(
        o, 0.3, total_steps=STEPS, three_phase=True, base_momentum=[0.5, 0.6], max_momentum=0.8
    ),
    "OneCycleLR without momentum": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=STEPS, cycle_momentum=False),
    "CyclicLR": lambda s, o: s.CyclicLR(o, base_lr=0.01, max_lr=0.2, step_size_up=4),
    "CyclicLR, triangular2": lambda s, o: s.CyclicLR(
        o, [0.01, 0.02], [0.2, 0.3], step_size_up=4, step_size_down=7, mode="triangular2"
    ),
    "CyclicLR, exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 3, mode="exp_range", gamma=0.95, cycle_momentum=False),
    "CyclicLR by function": lambda s, o: s.CyclicLR(
        o, 0.01, 0.2, 3, scale_fn=lambda x: 1 / (5 + x), scale_mode="iterations", base_momentum=0.3
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, total_iters=4), s.CosineAnnealingLR(o, 20), s.ExponentialLR(o, 0.9)], milestones=[4, 24]
    ),
    "SequentialLR from its second": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5), s.StepLR(o, 3)], milestones=[0]
    ),
    "SequentialLR of restarts": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5, 3), s.CosineAnnealingWarmRestarts(o, 5, 2)], milestones=[3]
    ),
    "SequentialLR of sequences": lambda s, o: s.SequentialLR(
        o,
        [s.SequentialLR(o, [s.ConstantLR(o, 0.5), s.ExponentialLR(o, 0.9)], milestones=[5]), s.StepLR(o, 3)],
        milestones=[12],
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, total_iters=2), s.ExponentialLR(o, 0.95), s.MultiStepLR(o, [20], 0.5)]
    ),
    "ChainedScheduler with its optimizer": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o), s.PolynomialLR(o, 50)], optimizer=o
    ),
}
OPTIMIZERS: dict[str, Callable[[Any, Any], Any]] = {
    "SGD": lambda optim, groups: optim.SGD(groups, lr=1.0, momentum=0.9),
    "Adam": lambda optim, groups: optim.Adam(groups, lr=1.0),
}


def sides(make: Callable[[Any, Any], Any] = OPTIMIZERS["SGD"]) -> list[tuple[Any, Any]]:
    """The schedules' module and an optimizer of two groups, of both libraries."""
    found = []
    for library, parameter in ((dl, dl.nn.Parameter(dl.ones(2))), (torch, torch.nn.Parameter(torch.ones(2)))):
        other = copy.deepcopy(parameter)
        groups = [{"params": [p], "lr": lr} for p, lr in zip((parameter, other), RATES, strict=True)]
        found.append((library.optim.lr_scheduler, make(library.optim, groups)))
    return found


def settings(optimizer: Any) -> list[float]:
    """What schedules change, of each group."""
    values: list[float] = []
    for group in optimizer.param_groups:
        values += [group["lr"], group["betas"][0] if "betas" in group else group["momentum"]]
    return values


def close(expected: list[float]) -> Any:
    return pytest.approx(expected, rel=TOLERANCE, abs=1e-15)


def walk(schedule: Any, optimizer: Any, steps: int, *epochs: Any) -> list[list[float]]:
    found = []
    for _ in range(steps):
        optimizer.step()
        schedule.step(*epochs)
        found.append([*settings(optimizer), *schedule.get_last_lr()])
    return found


pytestmark = pytest.mark.filterwarnings("ignore:Detected call of")  # PyTorch warns of its own first step

every_schedule = pytest.mark.parametrize("build", SCHEDULES.values(), ids=SCHEDULES)


@every_schedule
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_step(build: Build, optimizer: str) -> None:
    results = []
    for module, opt in sides(OPTIMIZERS[optimizer]):
        schedule = build(module, opt)
        results.append([[*settings(opt), *schedule.get_last_lr()], *walk(schedule, opt, STEPS)])
    for step, (ours, theirs) in enumerate(zip(*results, strict=True)):
        assert ours == close(theirs), step
    if "mom" not in str(build):
        assert len({tuple(values) for values in results[0]}) > 1  # it changed something


@every_schedule
@pytest.mark.parametrize("source", ["own", "pytorch"])
def test_state_dict_midway(build: Build, source: str) -> None:
    """A new schedule with the state goes on as the old one would have; PyTorch's state does as well."""
    (ours, mine), (theirs, other) = sides()
    schedule, reference = build(ours, mine), build(theirs, other)
    walk(schedule, mine, 11)
    walk(reference, other, 11)
    state = copy.deepcopy((schedule if source == "own" else reference).state_dict())
    kept, fresh = settings(mine), build(ours, mine)
    fresh.load_state_dict(state)
    for group, lr, momentum in zip(mine.param_groups, kept[::2], kept[1::2], strict=True):
        group["lr"], group["momentum"] = lr, momentum  # as the optimizer's state would
    assert fresh.get_last_lr() == close(schedule.get_last_lr())
    assert fresh.last_epoch == 11 if hasattr(schedule, "last_epoch") else True
    for a, b in zip(walk(fresh, mine, 20), walk(reference, other, 20), strict=True):
        assert a == close(b)


@pytest.mark.parametrize("build", [b for n, b in SCHEDULES.items() if "Sequential" not in n and "Chained" not in n])
def test_going_on_from_an_epoch(build: Build) -> None:
    """`last_epoch` with an optimizer that has the state of the first run."""
    results = []
    for module, opt in sides():
        schedule = build(module, opt)
        walk(schedule, opt, 6)
        rates = settings(opt)
        name = type(schedule).__name__

        class Later:
            """The module, with schedules that begin at epoch 6."""

            def __getattr__(self, wanted: str, module: Any = module) -> Any:
                return lambda *args, **kwargs: getattr(module, wanted)(*args, **kwargs, last_epoch=6)

        later = build(Later(), opt)
        assert type(later).__name__ == name
        results.append([rates, settings(opt), *walk(later, opt, 12)])
    for ours, theirs in zip(*results, strict=True):
        assert ours == close(theirs)


@pytest.mark.parametrize(
    "build", [b for n, b in SCHEDULES.items() if not n.startswith(("Sequential", "Chained", "Multiplicative"))]
)
def test_jumps(build: Build) -> None:
    results = []
    for module, opt in sides():
        schedule, found = build(module, opt), []
        for epoch in (3, 0, 17, 18, None, 5):
            opt.step()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch deprecates it
                schedule.step(epoch)
            found.append([*settings(opt), schedule.last_epoch])
        results.append(found)
    for ours, theirs in zip(*results, strict=True):
        assert ours == close(theirs)


def test_fractions_of_an_epoch_between_restarts() -> None:
    results = []
    for module, opt in sides():
        schedule, found = module.CosineAnnealingWarmRestarts(opt, 3, 2), []
        for i in range(60):
            opt.step()
            schedule.step(i / 4)
            found.append(settings(opt))
        results.append(found)
    for ours, theirs in zip(*results, strict=True):
        assert ours == close(theirs)


PLATEAUS: dict[str, dict[str, Any]] = {
    "default": {},
    "quick": {"patience": 0, "factor": 0.5},
    "max": {"mode": "max", "patience": 2},
    "absolute": {"patience": 1, "threshold": 0.5, "threshold_mode": "abs"},
    "max, absolute": {"mode": "max", "patience": 1, "threshold": 0.5, "threshold_mode": "abs"},
    "relative": {"patience": 1, "threshold": 0.3},
    "max, relative": {"mode": "max", "patience": 1, "threshold": 0.3},
    "cooldown": {"patience": 1, "cooldown": 3, "factor": 0.7},
    "least": {"patience": 0, "factor": 0.3, "min_lr": [0.1, 0.02]},
    "eps": {"patience": 0, "factor": 0.5, "eps": 1e-2},
}


@pytest.mark.parametrize("options", PLATEAUS.values(), ids=PLATEAUS)
def test_plateaus(options: dict[str, Any], rng: Any) -> None:
    metrics = (rng.normal(size=60).cumsum() + 3).tolist()
    metrics[10:14] = [float("nan")] * 4
    metrics[30:45] = [1.0] * 15
    results = []
    for module, opt in sides():
        schedule, found = module.ReduceLROnPlateau(opt, **options), []
        for i, metric in enumerate(metrics):
            opt.step()
            schedule.step(metric)
            found.append([*settings(opt), *schedule.get_last_lr(), schedule.num_bad_epochs, schedule.last_epoch])
            if i == 20:
                state = copy.deepcopy(schedule.state_dict())
                schedule = module.ReduceLROnPlateau(opt)
                schedule.load_state_dict(state)
        results.append(found)
    for ours, theirs in zip(*results, strict=True):
        assert ours == close(theirs)


def test_the_state_of_a_plateau_is_pytorchs() -> None:
    (ours, mine), (theirs, other) = sides()
    here, there = ours.ReduceLROnPlateau(mine).state_dict(), theirs.ReduceLROnPlateau(other).state_dict()
    assert here == there


@pytest.mark.parametrize("name", dl.optim.lr_scheduler.__all__)
def test_arguments_are_pytorchs(name: str) -> None:
    mine, other = (
        inspect.signature(getattr(module, name)).parameters
        for module in (dl.optim.lr_scheduler, torch.optim.lr_scheduler)
    )
    assert list(mine) == list(other)
    assert [p.default for p in mine.values()] == [p.default for p in other.values()]


def test_all_schedules_are_here() -> None:
    assert set(torch.optim.lr_scheduler.__all__) == set(dl.optim.lr_scheduler.__all__)


@pytest.mark.parametrize("build", [SCHEDULES["StepLR"], SCHEDULES["SequentialLR"], SCHEDULES["OneCycleLR"]])
def test_the_wrong_order_warns(build: Build) -> None:
    for module, opt in sides():
        schedule = build(module, opt)
        with pytest.warns(UserWarning, match=r"step.*before"):
            schedule.step()


REFUSED: dict[str, Build] = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 1.0]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, 3),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=1.5),
    "LinearLR": lambda s, o: s.LinearLR(o, start_factor=0.0),
    "LinearLR, end": lambda s, o: s.LinearLR(o, end_factor=1.5),
    "SequentialLR, none": lambda s, o: s.SequentialLR(o, [], []),
    "SequentialLR, milestones": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o)], [3]),
    "SequentialLR, no schedule": lambda s, o: s.SequentialLR(o, [3], []),
    "SequentialLR, plateau": lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    "SequentialLR, other": lambda s, o: s.SequentialLR(copy.deepcopy(o), [s.ConstantLR(o)], []),
    "ChainedScheduler, none": lambda s, o: s.ChainedScheduler([]),
    "ChainedScheduler, plateau": lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
    "ChainedScheduler, other": lambda s, o: s.ChainedScheduler([s.ConstantLR(o)], copy.deepcopy(o)),
    "plateau, factor": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau, mode": lambda s, o: s.ReduceLROnPlateau(o, mode="best"),
    "plateau, threshold mode": lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="best"),
    "plateau, min_lr": lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
    "plateau, no optimizer": lambda s, o: s.ReduceLROnPlateau(3),
    "no optimizer": lambda s, o: s.StepLR(3, 1),
    "not begun": lambda s, o: s.StepLR(o, 1, last_epoch=3),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "restarts, T_mult": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 0),
    "restarts, eta_min": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, eta_min="0"),
    "restarts, epoch": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3).step(-1),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.1),
    "OneCycleLR, total": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=0),
    "OneCycleLR, epochs": lambda s, o: s.OneCycleLR(o, 0.1, epochs=0, steps_per_epoch=3),
    "OneCycleLR, per epoch": lambda s, o: s.OneCycleLR(o, 0.1, epochs=3, steps_per_epoch=0),
    "OneCycleLR, pct": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=9, pct_start=1.5),
    "OneCycleLR, pct int": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=9, pct_start=1),
    "OneCycleLR, strategy": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=9, anneal_strategy="sin"),
    "OneCycleLR, groups": lambda s, o: s.OneCycleLR(o, [0.1], total_steps=9),
    "OneCycleLR, too far": lambda s, o: [z := s.OneCycleLR(o, 0.1, total_steps=2), *(z.step() for _ in range(3))],
    "CyclicLR, mode": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="round"),
    "CyclicLR, groups": lambda s, o: s.CyclicLR(o, [0.1], 0.2),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name: str) -> None:
    (ours, mine), (theirs, other) = sides()
    with pytest.raises(Exception):  # noqa: B017, PT011 - PyTorch's choice of type and text is not the point
        REFUSED[name](theirs, other)
    with pytest.raises((ValueError, TypeError, KeyError)) as caught:
        REFUSED[name](ours, mine)
    assert str(caught.value)


def test_momentum_is_needed_to_cycle_it() -> None:
    for library, p in ((dl, dl.nn.Parameter(dl.ones(1))), (torch, torch.nn.Parameter(torch.ones(1)))):
        optimizer = library.optim.Adagrad([p])
        with pytest.raises(ValueError, match="momentum"):
            library.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
        with pytest.raises(ValueError, match="momentum"):
            library.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.2)
