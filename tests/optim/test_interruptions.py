"""What may happen to a parameter between steps: rebound, moved, loaded, given to another optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import SGD

from .training import Make, assert_same, backward, every_optimizer, expected, network, weights


def rebind(model: dl.nn.Module) -> None:
    for p in model.parameters():
        p._array = p.array.copy()


def there_and_back(model: dl.nn.Module) -> None:
    model.to("float64").to("float32")


def load(model: dl.nn.Module) -> None:
    model.load_state_dict({name: value.numpy().copy() for name, value in model.state_dict().items()})


def another_optimizer(model: dl.nn.Module) -> None:
    SGD(model.parameters(), lr=0.0).step()


def one_of_them(model: dl.nn.Module) -> None:
    p = next(iter(model.parameters()))
    p._array = p.array.copy()


INTERRUPTIONS = [rebind, there_and_back, load, another_optimizer, one_of_them]


@every_optimizer
@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("moment", ["before backward", "before step", "before zero_grad"])
def test_training_goes_on_with_its_state(make: Make, interrupt: Any, moment: str) -> None:
    model = network()
    optimizer = make(model.parameters())
    for turn in range(4):
        for name, action in (
            ("before backward", lambda: backward(model)),
            ("before step", optimizer.step),
            ("before zero_grad", lambda: optimizer.zero_grad(set_to_none=False)),
        ):
            if turn == 2 and name == moment:
                interrupt(model)
            action()
    assert_same(weights(model), expected(make, 4))


@every_optimizer
def test_moved_to_another_dtype_or_device(make: Make, other_device: str) -> None:
    model = network()
    optimizer = make(model.parameters())
    parameters = list(model.parameters())
    backward(model)
    gradients = [p.grad.numpy().copy() for p in parameters]
    model.to("float64").to(other_device)
    assert list(map(id, model.parameters())) == list(map(id, parameters))
    for p, gradient in zip(parameters, gradients, strict=True):
        assert p.device == p.grad.device == other_device
        assert p.dtype == p.grad.dtype == np.float64
        np.testing.assert_array_equal(p.grad.numpy(), gradient.astype(np.float64))
    optimizer.step()
    optimizer.zero_grad()
    with dl.device(other_device):
        for _ in range(2):
            backward(model, "float64")
            optimizer.step()
            optimizer.zero_grad()
    assert all(p.device == other_device for p in model.parameters())
    for a, b in zip(weights(model), expected(make, 3), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert all(entry["step"] == 3 for entry in optimizer.state_dict()["state"].values())


def test_gradients_after_a_move_do_not_go_to_the_old_buffer() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    model.to("float64")
    backward(model, "float64")
    assert all(p.grad.dtype == np.float64 for p in model.parameters())
    fresh = network().to("float64")
    backward(fresh, "float64")
    assert optimizer.grad_norm() == SGD(fresh.parameters()).grad_norm()


def test_a_gradient_assigned_by_the_user_counts() -> None:
    p, q = Parameter(dl.tensor([1.0, 2.0, 3.0])), Parameter(dl.tensor([1.0]))
    optimizer = SGD([p, q], lr=0.5)
    given = dl.tensor([2.0, 4.0, 6.0])
    p.grad = given
    q.grad = dl.tensor([2.0])
    assert optimizer.grad_norm() == pytest.approx(60**0.5)
    optimizer.step()
    assert p.tolist() == [0.0, 0.0, 0.0]
    assert q.tolist() == [0.0]
    assert p.grad is given
    assert given.tolist() == [2.0, 4.0, 6.0]
    (p * 1).sum().backward()  # adds to it
    assert p.grad.tolist() == [3.0, 5.0, 7.0]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0, 0.0]
    optimizer.step()
    assert p.tolist() == [0.0, 0.0, 0.0]


def test_a_gradient_with_a_graph_can_be_stepped_with() -> None:
    p = Parameter(dl.tensor([1.0, 2.0]))
    optimizer = SGD([p], lr=0.1)
    (p**3).sum().backward(create_graph=True)
    assert p.grad.requires_grad
    optimizer.step()
    np.testing.assert_allclose(p.numpy(), [0.7, 0.8], rtol=1e-6)
    optimizer.zero_grad(set_to_none=False)
    assert not p.grad.requires_grad
    assert p.grad.tolist() == [0.0, 0.0]


@every_optimizer
def test_two_optimizers_on_the_same_parameters_in_turn(make: Make) -> None:
    """As if each had its own copies of state, and both one set of parameters."""
    p, q, r = (Parameter(dl.tensor([1.0, -2.0, 3.0])) for _ in range(3))
    first, second = make([p, q]), make([q, r])
    a, b, c = ([Parameter(dl.tensor([1.0, -2.0, 3.0]))] for _ in range(3))
    alone = {"first p": make(a), "first q": make(b), "second q": make(b), "second r": make(c)}

    for _ in range(3):
        for optimizer, members in ((first, (("first p", p, a[0]), ("first q", q, b[0]))),
                                   (second, (("second q", q, b[0]), ("second r", r, c[0])))):  # fmt: skip
            for name, together, single in members:
                together.grad = single.grad = None
                (together * together).sum().backward()
                (single * single).sum().backward()
                alone[name].step()
            optimizer.step()
    for x, y in ((p, a[0]), (q, b[0]), (r, c[0])):
        np.testing.assert_array_equal(x.numpy(), y.numpy())
