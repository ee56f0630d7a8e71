"""dlcore.optim against PyTorch: equal weights and equal gradients give equal weights after many steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

Array = np.ndarray[Any, Any]
SHAPES = [(3, 4), (4,), (), (2, 1, 3), (5,)]
STEPS = 50
TOLERANCE = 1e-8


def combinations(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(choices, chosen, strict=True)) for chosen in product(*choices.values())]


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("SGD", {"lr": 0.05, **c})
        for c in combinations(
            momentum=(0.0, 0.9), dampening=(0.0, 0.3), weight_decay=(0.0, 0.1), nesterov=(False, True),
            maximize=(False, True),
        )
        if not c["nesterov"] or (c["momentum"] and not c["dampening"])
    ),
    *(
        ("Adam", {"lr": 0.05, **c})
        for c in combinations(
            betas=((0.9, 0.999), (0.0, 0.5)), eps=(1e-8, 1e-2), weight_decay=(0.0, 0.1), amsgrad=(False, True),
            maximize=(False, True),
        )
    ),
    *(
        ("AdamW", {"lr": 0.05, **c})
        for c in combinations(
            betas=((0.9, 0.999), (0.0, 0.5)), weight_decay=(0.0, 0.01, 0.5), amsgrad=(False, True),
            maximize=(False, True),
        )
    ),
    *(
        ("Adagrad", {"lr": 0.05, **c})
        for c in combinations(
            lr_decay=(0.0, 0.1), weight_decay=(0.0, 0.1), initial_accumulator_value=(0.0, 0.5), eps=(1e-10, 1e-2),
        )
    ),
    ("Adagrad", {"lr": 0.05, "maximize": True, "weight_decay": 0.1}),
    *(
        ("Adadelta", {"lr": lr, **c})
        for lr, c in zip((1.0, 20.0) * 6, combinations(rho=(0.9, 0.5, 0.0), eps=(1e-6, 1e-2), weight_decay=(0.0, 0.1)),
                         strict=True)
    ),
    ("Adadelta", {"lr": 1.0, "maximize": True, "weight_decay": 0.1}),
    *(
        ("RMSprop", {"lr": 0.05, **c})
        for c in combinations(
            alpha=(0.99, 0.5), eps=(1e-8, 1e-2), weight_decay=(0.0, 0.1), momentum=(0.0, 0.9), centered=(False, True),
        )
    ),
    ("RMSprop", {"lr": 0.05, "maximize": True, "weight_decay": 0.1}),
    *(
        ("NAdam", {"lr": 0.01, **c})
        for c in combinations(
            betas=((0.9, 0.999), (0.0, 0.5)), eps=(1e-8, 1e-2), weight_decay=(0.0, 0.1), momentum_decay=(4e-3, 0.5),
            decoupled_weight_decay=(False, True), maximize=(False, True),
        )
        if c["weight_decay"] or not c["decoupled_weight_decay"]
    ),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
]  # fmt: skip
TYPICAL: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.01}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05, "amsgrad": True}),
    ("Adagrad", {"lr": 0.05}),
    ("Adagrad", {"lr": 0.05, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.01}),
    ("Adadelta", {"lr": 1.0}),
    ("Adadelta", {"lr": 5.0, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.01}),
    ("RMSprop", {"lr": 0.05}),
    ("RMSprop", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    ("RMSprop", {"lr": 0.05, "centered": True, "eps": 1e-3}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01, "momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
]


def named(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"{k}={v}" for k, v in value.items())


every_setting = pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=named)
typical_settings = pytest.mark.parametrize(("name", "settings"), TYPICAL, ids=named)


class Pair:
    """The same parameters in both libraries, and the same gradients for them."""

    def __init__(self, rng: np.random.Generator, shapes: list[tuple[int, ...]] = SHAPES, dtype: str = "float64"):
        self.rng = rng
        start = [np.asarray(rng.normal(size=shape), dtype=dtype) for shape in shapes]
        self.ours = [dl.nn.Parameter(dl.tensor(a)) for a in start]
        self.theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start]

    def give_gradients(self, wanted: Callable[[int], bool] = lambda i: True) -> None:
        """The gradients of sum(factor * p^2 / 2), which depend on the parameters; some parameters take no part."""
        factors = [np.asarray(self.rng.normal(size=p.shape), dtype=p.dtype) for p in self.ours]
        for i, factor in enumerate(factors):
            if wanted(i):
                (self.ours[i] * self.ours[i] * dl.tensor(factor)).sum().backward()
                (self.theirs[i] * self.theirs[i] * torch.tensor(factor)).sum().backward()

    def check(self, tolerance: float = TOLERANCE) -> None:
        for i, (p, q) in enumerate(zip(self.ours, self.theirs, strict=True)):
            np.testing.assert_allclose(
                p.numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance, strict=True, err_msg=f"parameter {i}"
            )


def optimizers(name: str, pair: Pair, settings: dict[str, Any]) -> tuple[Any, Any]:
    return getattr(dl.optim, name)(pair.ours, **settings), getattr(torch.optim, name)(pair.theirs, **settings)


def step(mine: Any, other: Any, set_to_none: bool = True) -> None:
    for optimizer in (mine, other):
        optimizer.step()
        optimizer.zero_grad(set_to_none)


@every_setting
def test_many_steps(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    pair = Pair(rng)
    both = optimizers(name, pair, settings)
    for _ in range(STEPS):
        pair.give_gradients()
        step(*both)
    pair.check()


@every_setting
def test_the_arithmetic_is_pytorchs(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    """Gradients that do not depend on the parameters, so that rounding is not amplified."""
    pair = Pair(rng)
    both = optimizers(name, pair, settings)
    for _ in range(20):
        for p, q in zip(pair.ours, pair.theirs, strict=True):
            gradient = np.asarray(rng.normal(size=p.shape))
            p.grad, q.grad = dl.tensor(gradient), torch.tensor(gradient)
        step(*both)
    pair.check(1e-12)


@every_setting
def test_parameters_without_a_gradient_are_skipped(
    name: str, settings: dict[str, Any], rng: np.random.Generator
) -> None:
    """Each parameter is left out in other steps, so the step counts differ."""
    pair = Pair(rng)
    both = optimizers(name, pair, settings)
    for turn in range(STEPS):
        chosen = rng.random(len(SHAPES)) < 0.6
        pair.give_gradients(lambda i, chosen=chosen: bool(chosen[i]))
        step(*both, set_to_none=turn % 7 != 3)  # once in a while zeros stay, and they count as a gradient
    pair.check()


@typical_settings
def test_float32(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    pair = Pair(rng, dtype="float32")
    both = optimizers(name, pair, settings)
    for _ in range(10):
        pair.give_gradients()
        step(*both)
    pair.check(1e-4)


@typical_settings
def test_a_mixture_of_dtypes(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    narrow, wide = Pair(rng, [(3,), (2, 2)], "float32"), Pair(rng, [(4,), ()], "float64")
    both = Pair(rng, [])
    for pair in (wide, narrow):
        both.ours += pair.ours[:1]
        both.theirs += pair.theirs[:1]
    for pair in (wide, narrow):
        both.ours += pair.ours[1:]
        both.theirs += pair.theirs[1:]
    mine, other = optimizers(name, both, settings)
    for _ in range(10):
        both.give_gradients()
        step(mine, other)
    wide.check()
    narrow.check(1e-4)


@typical_settings
def test_frozen_parameters(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    pair = Pair(rng)
    mine, other = optimizers(name, pair, settings)
    before = pair.ours[1].numpy().copy()
    for parameters in (pair.ours, pair.theirs):
        parameters[1].requires_grad_(False)
    for _ in range(STEPS // 2):
        pair.give_gradients(lambda i: i != 1)
        step(mine, other)
    np.testing.assert_array_equal(pair.ours[1].numpy(), before)
    for parameters in (pair.ours, pair.theirs):  # and thawed
        parameters[1].requires_grad_(True)
    for _ in range(STEPS // 2):
        pair.give_gradients()
        step(mine, other)
    pair.check()


def tied(nn: Any) -> Any:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4, bias=False))
    setattr(model[2], "weight", model[0].weight)  # noqa: B010 - one statement for both libraries' types
    return model


@typical_settings
def test_tied_parameters_count_once(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    mine, other = tied(dl.nn).to("float64"), tied(torch.nn).to(torch.float64)
    assert len(list(mine.parameters())) == len(list(other.parameters())) == 2
    mine.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()})
    a = getattr(dl.optim, name)(mine.parameters(), **settings)
    b = getattr(torch.optim, name)(other.parameters(), **settings)
    for _ in range(STEPS):
        x = rng.normal(size=(3, 4))
        mine(dl.tensor(x)).sum().backward()
        other(torch.tensor(x)).sum().backward()
        step(a, b)
    assert mine[0].weight is mine[2].weight
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=TOLERANCE, atol=TOLERANCE)


GROUPS = {
    "SGD": [{}, {"lr": 0.5}, {"momentum": 0.5, "nesterov": True}, {"weight_decay": 0.2, "maximize": True}],
    "Adam": [{}, {"lr": 0.5}, {"betas": (0.5, 0.9), "eps": 1e-3}, {"amsgrad": True, "weight_decay": 0.2}],
    "AdamW": [{}, {"lr": 0.5}, {"betas": (0.5, 0.9), "eps": 1e-3}, {"amsgrad": True, "weight_decay": 0.2}],
    "Adagrad": [{}, {"lr": 0.5}, {"lr_decay": 0.5, "eps": 1e-3}, {"weight_decay": 0.2, "maximize": True}],
    "Adadelta": [{}, {"lr": 3.0}, {"rho": 0.5, "eps": 1e-3}, {"weight_decay": 0.2, "maximize": True}],
    "RMSprop": [{}, {"lr": 0.5}, {"alpha": 0.5, "momentum": 0.9}, {"centered": True, "weight_decay": 0.2}],
    "NAdam": [{}, {"lr": 0.5}, {"betas": (0.5, 0.9), "momentum_decay": 0.1}, {"weight_decay": 0.2, "maximize": True}],
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups_with_settings_of_their_own(name: str, rng: np.random.Generator) -> None:
    pair = Pair(rng)
    given = []
    for parameters in (pair.ours, pair.theirs):
        groups: list[dict[str, Any]] = [
            {"params": [p], **own} for p, own in zip(parameters, GROUPS[name], strict=False)
        ]
        groups[0]["params"].append(parameters[4])
        given.append(groups)
    mine, other = getattr(dl.optim, name)(given[0], lr=0.05), getattr(torch.optim, name)(given[1], lr=0.05)
    for turn in range(STEPS):
        chosen = rng.random(len(SHAPES)) < 0.8
        pair.give_gradients(lambda i, chosen=chosen: bool(chosen[i]))
        step(mine, other)
        if turn == STEPS // 2:
            for optimizer in (mine, other):
                optimizer.param_groups[1]["lr"] = 0.01
    pair.check()


@typical_settings
def test_add_param_group_midway(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    pair = Pair(rng)
    mine = getattr(dl.optim, name)(pair.ours[:2], **settings)
    other = getattr(torch.optim, name)(pair.theirs[:2], **settings)
    for turn in range(STEPS):
        if turn == 20:
            mine.add_param_group({"params": pair.ours[2:], "lr": 0.01})
            other.add_param_group({"params": pair.theirs[2:], "lr": 0.01})
        pair.give_gradients()  # of all: the later ones pile up until they have an optimizer
        step(mine, other)
    pair.check()


@typical_settings
def test_a_learning_rate_changed_midway(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    pair = Pair(rng)
    both = optimizers(name, pair, settings)
    for turn in range(STEPS):
        for optimizer in both:
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + turn)
        pair.give_gradients()
        step(*both)
    pair.check()


def converted(theirs: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """PyTorch's state_dict with arrays for tensors, without the settings that choose its implementation."""
    state = {}
    for number, entry in theirs["state"].items():
        state[number] = {k: v.numpy() if v is not None else None for k, v in entry.items()}
        state[number].setdefault("step", 1)  # PyTorch's SGD does not count
    groups = [{k: v for k, v in g.items() if k in known} for g in theirs["param_groups"]]
    return {"state": state, "param_groups": groups}


@typical_settings
@pytest.mark.parametrize("source", ["own", "pytorch"])
def test_state_dict_round_trip_midway(
    name: str, settings: dict[str, Any], source: str, rng: np.random.Generator
) -> None:
    pair = Pair(rng)
    mine, other = optimizers(name, pair, settings)

    def half() -> None:
        for _ in range(STEPS // 2):
            chosen = rng.random(len(SHAPES) - 1) < 0.7  # the last one never has a gradient
            pair.give_gradients(lambda i, chosen=chosen: i < len(chosen) and bool(chosen[i]))
            step(mine, other)

    half()
    state = mine.state_dict() if source == "own" else converted(other.state_dict(), {*mine.defaults, "params"})
    partial = name != "Adagrad" and settings != {"lr": 0.05}  # PyTorch's Adagrad has state from the start, its SGD none
    assert 0 < len(state["state"]) < len(SHAPES) or not partial
    mine = getattr(dl.optim, name)(pair.ours, lr=99.0)  # the settings come with the state
    mine.load_state_dict(state)
    half()
    pair.check()


@typical_settings
def test_the_state_is_pytorchs(name: str, settings: dict[str, Any], rng: np.random.Generator) -> None:
    pair = Pair(rng)
    mine, other = optimizers(name, pair, settings)
    for _ in range(3):
        pair.give_gradients()
        step(mine, other)
    ours, theirs = mine.state_dict(), converted(other.state_dict(), {*mine.defaults, "params"})
    assert [set(g) for g in ours["param_groups"]] == [set(g) for g in theirs["param_groups"]]
    assert ours["param_groups"] == theirs["param_groups"]
    if settings != {"lr": 0.05} or name != "SGD":  # PyTorch's plain SGD keeps no state, ours counts the steps
        assert ours["state"].keys() == theirs["state"].keys()
    for number, entry in theirs["state"].items():
        for key, value in entry.items():
            if key == "mu_product":
                assert ours["state"][number][key] == float(value)
            elif value is not None and key != "step":
                np.testing.assert_allclose(ours["state"][number][key].numpy(), value, rtol=1e-12, strict=True)
        if name != "SGD":
            assert ours["state"][number]["step"] == int(entry["step"])


REFUSED: dict[str, Callable[[Any, Any], Any]] = {  # of the optimizers and a new parameter
    "no parameters": lambda optim, p: optim.SGD([], lr=0.1),
    "a tensor": lambda optim, p: optim.SGD(p, lr=0.1),
    "not a tensor": lambda optim, p: optim.SGD([1.0], lr=0.1),
    "not a leaf": lambda optim, p: optim.SGD([p * 2], lr=0.1),
    "a set": lambda optim, p: optim.SGD([{"params": {p}}], lr=0.1),
    "two groups": lambda optim, p: optim.SGD([{"params": [p]}, {"params": [p]}], lr=0.1),
    "lr": lambda optim, p: optim.SGD([p], lr=-0.1),
    "momentum": lambda optim, p: optim.SGD([p], lr=0.1, momentum=-0.1),
    "weight_decay": lambda optim, p: optim.SGD([p], lr=0.1, weight_decay=-0.1),
    "nesterov without momentum": lambda optim, p: optim.SGD([p], lr=0.1, nesterov=True),
    "nesterov with dampening": lambda optim, p: optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.1, nesterov=True),
    "Adam lr": lambda optim, p: optim.Adam([p], lr=-1.0),
    "Adam eps": lambda optim, p: optim.Adam([p], eps=-1.0),
    "Adam beta 1": lambda optim, p: optim.Adam([p], betas=(1.0, 0.999)),
    "Adam beta 2": lambda optim, p: optim.Adam([p], betas=(0.9, -0.1)),
    "Adam weight_decay": lambda optim, p: optim.Adam([p], weight_decay=-1.0),
    "AdamW lr": lambda optim, p: optim.AdamW([p], lr=-1.0),
    "AdamW beta 1": lambda optim, p: optim.AdamW([p], betas=(1.0, 0.999)),
    "Adagrad lr": lambda optim, p: optim.Adagrad([p], lr=-1.0),
    "Adagrad lr_decay": lambda optim, p: optim.Adagrad([p], lr_decay=-1.0),
    "Adagrad weight_decay": lambda optim, p: optim.Adagrad([p], weight_decay=-1.0),
    "Adagrad initial": lambda optim, p: optim.Adagrad([p], initial_accumulator_value=-1.0),
    "Adagrad eps": lambda optim, p: optim.Adagrad([p], eps=-1.0),
    "Adadelta lr": lambda optim, p: optim.Adadelta([p], lr=-1.0),
    "Adadelta rho": lambda optim, p: optim.Adadelta([p], rho=1.1),
    "Adadelta rho below 0": lambda optim, p: optim.Adadelta([p], rho=-0.1),
    "Adadelta eps": lambda optim, p: optim.Adadelta([p], eps=-1.0),
    "Adadelta weight_decay": lambda optim, p: optim.Adadelta([p], weight_decay=-1.0),
    "RMSprop lr": lambda optim, p: optim.RMSprop([p], lr=-1.0),
    "RMSprop alpha": lambda optim, p: optim.RMSprop([p], alpha=-1.0),
    "RMSprop eps": lambda optim, p: optim.RMSprop([p], eps=-1.0),
    "RMSprop momentum": lambda optim, p: optim.RMSprop([p], momentum=-1.0),
    "RMSprop weight_decay": lambda optim, p: optim.RMSprop([p], weight_decay=-1.0),
    "NAdam lr": lambda optim, p: optim.NAdam([p], lr=-1.0),
    "NAdam eps": lambda optim, p: optim.NAdam([p], eps=-1.0),
    "NAdam beta 1": lambda optim, p: optim.NAdam([p], betas=(1.0, 0.999)),
    "NAdam beta 2": lambda optim, p: optim.NAdam([p], betas=(0.9, 1.0)),
    "NAdam weight_decay": lambda optim, p: optim.NAdam([p], weight_decay=-1.0),
    "NAdam momentum_decay": lambda optim, p: optim.NAdam([p], momentum_decay=-1.0),
    "add: taken": lambda optim, p: optim.Adam([p]).add_param_group({"params": [p]}),
    "add: no dict": lambda optim, p: optim.Adam([p]).add_param_group([p]),
    "load: groups": lambda optim, p: optim.Adam([p]).load_state_dict({"state": {}, "param_groups": []}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - PyTorch's choice of type and text is not the point
        REFUSED[name](torch.optim, torch.nn.Parameter(torch.ones(2)))
    with pytest.raises((ValueError, TypeError)) as caught:
        REFUSED[name](dl.optim, dl.nn.Parameter(dl.ones(2)))
    assert str(caught.value)
