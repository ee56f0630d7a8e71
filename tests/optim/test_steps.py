"""Gradients and steps: what accumulates, what autograd sees, and long runs."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import GD, SGD, NAdam, Optimizer

from .training import Make, assert_same, backward, every_optimizer, network, weights


@every_optimizer
def test_gradients_accumulate_over_backwards(make: Make) -> None:
    x = dl.rand(8, 3, generator=dl.Generator(5))
    whole, parts = network(), network()
    one, many = make(whole.parameters()), make(parts.parameters())
    for set_to_none in (True, False):
        one.zero_grad(set_to_none)
        many.zero_grad(set_to_none)
        whole(x).sum().backward()
        for start in range(0, 8, 2):
            parts(x[start : start + 2]).sum().backward()
        for p, q in zip(whole.parameters(), parts.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5, atol=1e-6)
        assert one.grad_norm() == pytest.approx(many.grad_norm(), rel=1e-5)


@every_optimizer
def test_gradients_from_before_the_optimizer_are_kept(make: Make) -> None:
    model, other = network(), network()
    backward(model)
    optimizer = make(model.parameters())
    optimizer.step()
    late = make(other.parameters())
    backward(other)
    late.step()
    assert_same(weights(model), weights(other))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_grad_norm(dtype: str) -> None:
    p = [Parameter(dl.zeros(n, dtype=dtype)) for n in (1, 3, 2)]
    q = Parameter(dl.zeros(1, dtype="float16"))
    optimizer = SGD([{"params": p}, {"params": [q]}], lr=0.1)
    assert optimizer.grad_norm() == 0.0
    p[0].grad = dl.tensor([3.0], dtype=dtype)
    assert optimizer.grad_norm() == 3.0
    p[2].grad = dl.tensor([0.0, 4.0], dtype=dtype)  # p[1] has none
    assert optimizer.grad_norm() == 5.0
    q.grad = dl.tensor([12.0], dtype="float16")
    assert optimizer.grad_norm() == 13.0
    optimizer.zero_grad()
    p[1].grad = dl.tensor([1.0, 2.0, 2.0], dtype=dtype)  # what the others left in the buffer does not count
    assert optimizer.grad_norm() == 3.0
    optimizer.zero_grad()
    p[0].grad, p[2].grad = dl.tensor([3.0], dtype=dtype), dl.tensor([0.0, 4.0], dtype=dtype)
    assert optimizer.grad_norm() == 5.0
    assert isinstance(optimizer.grad_norm(), float)


@every_optimizer
def test_a_step_is_an_in_place_change_that_autograd_sees(make: Make) -> None:
    p = Parameter(dl.tensor([1.0, 2.0]))
    optimizer = make([p])
    y = (p * p).sum()
    p.grad = dl.ones(2)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


def test_moving_a_module_is_a_change_that_autograd_sees() -> None:
    model = dl.nn.Linear(2, 1)
    y = model(dl.ones((1, 2), dtype="float32").requires_grad_()).sum()
    model.to("float64")
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


@pytest.mark.host_memory  # it measures what NumPy allocates
@every_optimizer
def test_memory_stays_constant(make: Make) -> None:
    model = network()
    optimizer = make(model.parameters())

    def steps(count: int) -> int:
        for _ in range(count):
            optimizer.zero_grad()
            backward(model)
            optimizer.step()
        gc.collect()  # which also empties Python's lists of tuples to use again
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = steps(20)
        assert steps(200) - first < 4096
    finally:
        tracemalloc.stop()


@every_optimizer
def test_the_same_seed_gives_the_same_bits(make: Make) -> None:
    def train() -> list[np.ndarray[Any, Any]]:
        dl.manual_seed(7)
        model = dl.nn.Sequential(dl.nn.Linear(6, 16), dl.nn.ReLU(), dl.nn.Dropout(0.3), dl.nn.Linear(16, 3))
        optimizer = make(model.parameters())
        for _ in range(20):
            x, y = dl.randn(8, 6), dl.randint(0, 3, (8,))
            optimizer.zero_grad()
            dl.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return weights(model)

    first = train()
    assert_same(first, train())
    assert all(np.isfinite(w).all() for w in first)


# --- learning rates in tensors, closures, momenta per parameter ----------------------------------------------


@every_optimizer
def test_a_learning_rate_in_a_tensor(make: Make) -> None:
    """It is not read, but handed on, and may be changed in place."""
    p, q = (Parameter(dl.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    one, other = make([p]), make([q])
    rate = dl.tensor(0.25)
    one.param_groups[0]["lr"], other.param_groups[0]["lr"] = rate, 0.25
    for lr in (0.25, 0.5):
        rate[...] = lr
        other.param_groups[0]["lr"] = lr
        for optimizer, x in ((one, p), (other, q)):
            optimizer.zero_grad()
            (x * x).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-6)
    state = one.state_dict()
    rate[...] = 7.0
    assert state["param_groups"][0]["lr"].item() == 0.5  # a copy
    one.load_state_dict(state)
    assert one.param_groups[0]["lr"].item() == 0.5
    assert one.param_groups[0]["lr"] is not state["param_groups"][0]["lr"]


def test_a_closure_is_called_first_with_gradients_recorded() -> None:
    p = Parameter(dl.tensor([2.0]))
    optimizer = SGD([p], lr=0.5)

    def closure() -> dl.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with dl.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert p.tolist() == [0.0]
    assert optimizer.step() is None


def test_nadam_keeps_a_product_of_momenta_for_each_parameter() -> None:
    """Equal step counts do not mean equal products, if the momentum changed in between."""
    p, q, alone = (Parameter(dl.tensor([1.0], dtype="float64")) for _ in range(3))
    together, single = NAdam([p, q], lr=0.1), NAdam([alone], lr=0.1)

    def step(optimizer: Optimizer, beta: float, *members: Parameter) -> None:
        optimizer.param_groups[0]["betas"] = (beta, 0.999)
        for member in members:
            member.grad = dl.ones(1, dtype="float64")
        optimizer.step()
        optimizer.zero_grad()

    step(together, 0.9, p)
    step(together, 0.5, q)
    step(together, 0.7, p, q)
    for beta in (0.5, 0.7):
        step(single, beta, alone)
    assert q.item() == alone.item() != p.item()
    products = [entry["mu_product"] for entry in together.state_dict()["state"].values()]
    assert products[0] == pytest.approx(products[1] * 0.9 / 0.5, rel=1e-6)


@pytest.mark.parametrize("bad", [[1.0, 2.0], "x", 1j])
def test_a_product_that_is_no_number_is_refused(bad: object) -> None:
    p = Parameter(dl.ones(1))
    optimizer = NAdam([p])
    state = {"state": {0: {"step": 1, "mu_product": bad}}, "param_groups": [{"params": [0]}]}
    with pytest.raises(ValueError, match="mu_product of parameter 0 must be one number"):
        optimizer.load_state_dict(state)


def test_gd_is_plain_sgd() -> None:
    p, q = (Parameter(dl.tensor([1.0, -2.0])) for _ in range(2))
    for optimizer, x in ((GD([p], lr=0.1), p), (SGD([q], lr=0.1), q)):
        for _ in range(3):
            optimizer.zero_grad()
            (x**4).sum().backward()
            optimizer.step()
    np.testing.assert_array_equal(p.numpy(), q.numpy())
    with pytest.raises(TypeError, match="momentum"):
        GD([p], momentum=0.9)  # type: ignore[call-arg]
