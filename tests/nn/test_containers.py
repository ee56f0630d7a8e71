"""Lists, dicts and sums of modules: what they hold, under which names, and what they refuse."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_children()]


def layers(count: int) -> list[nn.Module]:
    return [nn.Linear(2, 2) for _ in range(count)]


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_lists_of_modules(kind: Any) -> None:
    a, b, c, d, e = layers(5)
    made = kind(a, b) if kind is nn.Sequential else kind([a, b])
    assert made.append(c) is made
    assert list(made) == [a, b, c]
    assert made.insert(1, d) is made
    assert list(made) == [a, d, b, c]
    assert names(made) == ["0", "1", "2", "3"]
    assert made.pop() is c
    assert made.pop(0) is a
    assert list(made) == [d, b]
    assert made.extend([e, c]) is made
    assert list(made) == [d, b, e, c]
    made[1] = a
    made[-1] = b
    assert list(made) == [d, a, e, b]
    del made[1:3]
    assert list(made) == [d, b]
    assert names(made) == ["0", "1"]
    more = made + nn.ModuleList([a])
    assert type(more) is kind
    assert list(more) == [d, b, a]
    made += [c]
    assert list(made) == [d, b, c]
    assert list(made[1:]) == [b, c]
    assert names(made[1:]) == (["1", "2"] if kind is nn.Sequential else ["0", "1"])
    assert len(list(made.parameters())) == 6
    assert names(copy.deepcopy(made)) == names(pickle.loads(pickle.dumps(made))) == ["0", "1", "2"]
    assert len(kind()) == 0
    with pytest.raises(IndexError):
        made[3]
    with pytest.raises(TypeError, match="one module is assigned at a time"):
        made[0:1] = [a]
    with pytest.raises(IndexError, match="index 4 is out of range for 3 modules"):
        made.insert(4, a)
    for bad in (lambda: made.append(1), lambda: made.extend([a, 1]), lambda: made.insert(0, None)):
        with pytest.raises(TypeError, match=f"{kind.__name__}: expected a Module, got"):
            bad()
    assert list(made) == [d, b, c]
    with pytest.raises(TypeError):
        made + 1


def test_a_sequential_of_names() -> None:
    model = nn.Sequential(OrderedDict([("first", nn.Linear(2, 3)), ("act", nn.ReLU()), ("last", nn.Linear(3, 1))]))
    assert list(model.state_dict()) == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert model(dl.ones((4, 2))).shape == (4, 1)
    assert names(model[1:]) == ["act", "last"]
    for bad, error in [({"a.b": nn.ReLU()}, KeyError), ({"": nn.ReLU()}, KeyError), ({"forward": nn.ReLU()}, KeyError),
                       ({1: nn.ReLU()}, TypeError), ({"a": 1}, TypeError)]:  # fmt: skip
        with pytest.raises(error, match="Sequential"):
            nn.Sequential(bad)


def test_a_list_has_no_forward() -> None:
    for made in (nn.ModuleList(layers(1)), nn.ModuleDict({"a": nn.ReLU()})):
        with pytest.raises(NotImplementedError, match=type(made).__name__):
            made(dl.ones((1, 2)))


def test_dicts_of_modules() -> None:
    a, b, c = layers(3)
    made = nn.ModuleDict({"up": a})
    made["down"] = b
    assert (made["up"], made["down"], len(made)) == (a, b, 2)
    assert list(made) == made.keys() == ["up", "down"]
    assert made.values() == [a, b]
    assert made.items() == [("up", a), ("down", b)]
    assert "up" in made
    assert "training" not in made
    assert 3 not in made
    made.update([("up", c), ("side", a)])
    assert made.items() == [("up", c), ("down", b), ("side", a)]
    assert list(made.state_dict())[:2] == ["up.weight", "up.bias"]
    assert made.pop("down") is b
    del made["up"]
    assert made.keys() == ["side"]
    made.update(nn.ModuleDict({"other": b}))
    assert made.keys() == ["side", "other"]
    made.clear()
    assert len(made) == 0
    for key, error in [("a.b", KeyError), ("", KeyError), ("keys", KeyError), ("training", KeyError), (3, TypeError)]:
        with pytest.raises(error, match="ModuleDict"):
            made[key] = a  # type: ignore[index]
    with pytest.raises(TypeError, match="ModuleDict: expected a Module for 'a', got int"):
        made["a"] = 1  # type: ignore[assignment]
    for missing in (lambda: made["x"], lambda: made.pop("x"), lambda: made.__delitem__("x")):
        with pytest.raises(KeyError, match="no module 'x'"):
            missing()


def test_identity_and_residual(rng: np.random.Generator) -> None:
    x = dl.asarray(rng.normal(size=(3, 4)))
    assert nn.Identity(5, anything="goes")(x) is x
    inner, shortcut = nn.Linear(4, 4, dtype="float64"), nn.Linear(4, 4, dtype="float64")
    np.testing.assert_array_equal(nn.Residual(inner)(x).numpy(), inner(x).numpy() + x.numpy())
    block = nn.Residual(inner, shortcut)
    np.testing.assert_array_equal(block(x).numpy(), inner(x).numpy() + shortcut(x).numpy())
    assert list(block.state_dict()) == ["module.weight", "module.bias", "shortcut.weight", "shortcut.bias"]
    assert len(list(nn.Residual(inner).parameters())) == 2
    with pytest.raises(dl.ShapeError, match=r"Residual: module gives shape \(3, 2\), shortcut \(3, 4\)"):
        nn.Residual(nn.Linear(4, 2, dtype="float64"))(x)
    with pytest.raises(TypeError, match="Residual: module must be a Module, got function"):
        nn.Residual(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Residual: shortcut must be a Module, got int"):
        nn.Residual(inner, 1)  # type: ignore[arg-type]


UNFLATTEN: list[tuple[int, Any, tuple[int, ...], Any]] = [
    (1, (3, 4), (2, 12), (2, 3, 4)),
    (-1, (3, -1), (2, 12), (2, 3, 4)),
    (0, [2, 1, 1], (2, 5), (2, 1, 1, 5)),
    (1, (0, 3), (2, 0), (2, 0, 3)),
    (2, (3, 4), (2, 12), dl.ShapeError),
    (1, (3, 5), (2, 12), dl.ShapeError),
    (1, (5, -1), (2, 12), dl.ShapeError),
    (1, (-1, -1), (2, 12), dl.ShapeError),
    (1, (0, -1), (2, 0), dl.ShapeError),
    (1, (), (2, 12), TypeError),
    (1, 3, (2, 12), TypeError),
    (1.0, (3, 4), (2, 12), TypeError),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("dim", "sizes", "shape", "expected"), UNFLATTEN)
def test_unflatten(dim: int, sizes: Any, shape: tuple[int, ...], expected: Any) -> None:
    def call() -> dl.Tensor:
        return nn.Unflatten(dim, sizes)(dl.ones(shape))

    if isinstance(expected, tuple):
        assert call().shape == expected
    else:
        with pytest.raises(expected, match="Unflatten: "):
            call()


def test_a_number_is_flattened_to_a_vector() -> None:
    assert nn.Flatten(0)(dl.tensor(3.0)).shape == (1,)


REPRS: list[tuple[Callable[[], nn.Module], str]] = [
    (lambda: nn.Identity(), "Identity()"),
    (lambda: nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
    (lambda: nn.ModuleList([nn.ReLU()]), "ModuleList(\n  (0): ReLU()\n)"),
    (lambda: nn.ModuleDict({"a": nn.ReLU()}), "ModuleDict(\n  (a): ReLU()\n)"),
]


@pytest.mark.parametrize(("make", "text"), REPRS)
def test_repr(make: Callable[[], nn.Module], text: str) -> None:
    assert repr(make()) == text
