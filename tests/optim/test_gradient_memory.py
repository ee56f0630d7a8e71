"""Gradients that live in an optimizer's flat buffer behave as if each backward pass gave new ones."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

import dlcore as dl
import dlcore.nn.functional as F


def layer(values: list[list[float]]) -> tuple[dl.nn.Parameter, dl.optim.SGD]:
    w = dl.nn.Parameter(dl.tensor(values, dtype="float64"))
    return w, dl.optim.SGD([w], lr=0.1)


def run(w: dl.Tensor, x: list[list[float]]) -> None:
    F.linear(dl.tensor(x, dtype="float64"), w).sum().backward()


ZEROING = {
    "optimizer": lambda w, opt: opt.zero_grad(),
    "assignment": lambda w, opt: setattr(w, "grad", None),
    "optimizer, in place, after another gradient": lambda w, opt: (
        setattr(w, "grad", dl.ones_like(w)),
        opt.zero_grad(set_to_none=False),
    ),
}


@pytest.mark.parametrize("zero", ZEROING.values(), ids=ZEROING.keys())
@pytest.mark.parametrize("look", [lambda g: g, lambda g: g.detach(), lambda g: g.numpy(), lambda g: g[0]])
def test_a_gradient_that_was_read_keeps_its_values(zero: Any, look: Any) -> None:
    w, opt = layer([[1.0, 2.0]])
    run(w, [[1.0, 2.0]])
    kept = look(w.grad)
    before = np.array(kept.numpy() if isinstance(kept, dl.Tensor) else kept)
    zero(w, opt)
    run(w, [[5.0, 7.0]])
    np.testing.assert_array_equal(kept.numpy() if isinstance(kept, dl.Tensor) else kept, before)
    opt.step()
    np.testing.assert_array_equal(kept.numpy() if isinstance(kept, dl.Tensor) else kept, before)


def test_steps_are_right_after_gradients_were_read() -> None:
    values = {}
    for read in (False, True):
        w, opt = layer([[1.0, 2.0]])
        for i in range(4):
            opt.zero_grad()
            run(w, [[1.0 + i, 2.0]])
            if read:
                assert w.grad is not None
            opt.step()
        values[read] = w.numpy().copy()
    np.testing.assert_array_equal(values[False], values[True])


def test_accumulation_goes_into_the_gradient_that_was_read() -> None:
    w, _ = layer([[1.0, 2.0]])
    run(w, [[1.0, 2.0]])
    first = w.grad
    run(w, [[10.0, 20.0]])
    assert w.grad is first
    assert w.grad.tolist() == [[11.0, 22.0]]


def test_a_graph_that_saved_a_gradient_gets_the_right_values() -> None:
    w, opt = layer([[3.0, 4.0]])
    v = dl.tensor([[1.0, 1.0]], dtype="float64", requires_grad=True)
    run(w, [[1.0, 2.0]])
    g = w.grad
    opt.zero_grad()
    assert g is not None
    x = dl.tensor([[5.0, 7.0]], dtype="float64")
    ((g * v).sum() + F.linear(x, w).sum()).backward()
    assert v.grad is not None
    assert v.grad.tolist() == [[1.0, 2.0]]
    assert w.grad is not None
    assert w.grad.tolist() == [[5.0, 7.0]]


class Nested(dl.Function):
    """The identity, whose backward differentiates something else with respect to the same weight."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.xp.asarray(x, copy=True)

    def backward(self, grad: dl.Tensor) -> dl.Tensor:
        with dl.enable_grad():
            self.inner()
        return grad


@pytest.mark.parametrize("with_optimizer", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_a_backward_inside_a_backward(with_optimizer: bool, tied: bool) -> None:
    w = dl.nn.Parameter(dl.tensor([[1.0, 2.0], [3.0, 4.0]], dtype="float64"))
    if with_optimizer:
        dl.optim.SGD([w], lr=0.1)
    x = dl.tensor([[1.0, 2.0]], dtype="float64")
    z = dl.tensor([[10.0, 20.0]], dtype="float64")
    inner = Nested(lambda: F.linear(z, w).sum().backward())
    y = inner(F.linear(x, w))
    (F.linear(y, w) if tied else y).sum().backward()
    once = np.array([[1.0, 2.0], [1.0, 2.0]])
    outer = once if not tied else np.array([[1.0, 2.0]]) * (w.numpy().sum(axis=0)[:, None]) + x.numpy() @ w.numpy().T
    assert w.grad is not None
    np.testing.assert_allclose(w.grad.numpy(), outer + 10 * once)


def test_dl_grad_inside_a_backward_returns_memory_of_its_own() -> None:
    w, _ = layer([[1.0, 2.0]])
    z = dl.tensor([[10.0, 20.0]], dtype="float64")
    found: list[dl.Tensor | None] = []
    inner = Nested(lambda: found.extend(dl.grad(F.linear(z, w).sum(), w)))
    inner(F.linear(dl.tensor([[1.0, 2.0]], dtype="float64"), w)).sum().backward()
    assert found[0] is not None
    assert found[0].tolist() == [[10.0, 20.0]]
    assert w.grad is not None
    assert w.grad.tolist() == [[1.0, 2.0]]


def test_an_error_in_backward_leaves_the_buffer_in_place() -> None:
    def fail() -> None:
        raise KeyError("on purpose")

    w, opt = layer([[1.0, 2.0]])
    x = dl.tensor([[1.0, 2.0]], dtype="float64")
    y = F.linear(x, w)
    with pytest.raises(KeyError, match="on purpose"):
        Nested(fail)(y).sum().backward()
    assert w.grad is None
    run(w, [[1.0, 2.0]])
    opt.step()
    np.testing.assert_allclose(w.numpy(), [[0.9, 1.8]])


@pytest.mark.parametrize("with_optimizer", [False, True])
def test_threads_that_share_a_parameter(with_optimizer: bool) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(60):
            w = dl.nn.Parameter(dl.tensor([[1.0, 2.0]], dtype="float64"))
            if with_optimizer:
                dl.optim.SGD([w], lr=0.1)
            threads = [threading.Thread(target=run, args=(w, [[1.0, float(i)]])) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert w.grad is not None
            assert w.grad.tolist() == [[4.0, 6.0]]
    finally:
        sys.setswitchinterval(interval)


def test_building_an_optimizer_leaves_a_gradient_with_a_graph_alone() -> None:
    w = dl.nn.Parameter(dl.tensor([2.0]))
    (w**3).sum().backward(create_graph=True)
    dl.optim.SGD([w], lr=0.1)
    assert w.grad is not None
    assert w.grad.requires_grad
