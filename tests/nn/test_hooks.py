"""Hooks: what they cost (nothing where there are none), what they keep apart, and what they may not do.

What they are shown is compared with PyTorch in tests/oracle/test_hooks.py.
"""

from __future__ import annotations

import copy
import gc
import weakref
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.autograd import hooks


def nodes(y: dl.Tensor) -> list[str]:
    """The kinds of nodes behind a result, the youngest first."""
    found, stack = [], [y._node]
    while stack:
        node = stack.pop(0)
        if isinstance(node, dl.Function):
            found.append(type(node).__name__)
            stack.extend(node._edges)  # type: ignore[arg-type]
    return found


def model() -> nn.Sequential:
    dl.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_without_hooks_nothing_is_there() -> None:
    plain = model()
    assert all(module._hooks is None for module in plain.modules())
    assert nodes(plain(dl.ones((5, 3)))) == ["Linear", "LinearActivation"]
    assert (hooks.of_nodes, hooks.of_leaves) == ({}, {})


@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"])
@pytest.mark.parametrize("position", [0, 1])
def test_a_layer_with_a_hook_is_not_fused_until_the_hook_is_gone(kind: str, position: int) -> None:
    hooked, plain = model(), model()
    calls: list[int] = []
    handle = getattr(hooked[position], kind)(lambda *arguments: calls.append(1))
    x = dl.ones((5, 3)).requires_grad_()
    y = hooked(x)
    assert "LinearActivation" not in nodes(y)
    y.sum().backward()
    assert calls == [1]
    np.testing.assert_allclose(y.numpy(), plain(dl.ones((5, 3))).numpy(), rtol=1e-6)
    handle.remove()
    assert nodes(hooked(dl.ones((5, 3)))) == ["Linear", "LinearActivation"]
    assert calls == [1]


def test_hooks_of_tensors_die_with_them() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda grad: grad)
    y = x * 2
    y.register_hook(lambda grad: grad)
    assert (len(hooks.of_leaves), len(hooks.of_nodes)) == (1, 1)
    total = y.sum()
    del y  # its node is still part of the graph
    assert len(hooks.of_nodes) == 1
    total.backward()
    del total, x
    assert (hooks.of_nodes, hooks.of_leaves) == ({}, {})


def test_the_graph_of_a_module_with_hooks_is_free_of_cycles() -> None:
    layer = nn.Linear(3, 2)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: None)
    gc.collect()
    gc.disable()
    try:
        x = dl.ones((4, 3)).requires_grad_()
        y = layer(x)
        node = weakref.ref(y._node)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_hooked_gradient_does_not_lie_in_the_optimizers_buffer() -> None:
    """A hook may keep what it was shown; the next step must not write over it."""
    layer = nn.Linear(3, 2)
    kept: list[dl.Tensor] = []
    layer.weight.register_hook(kept.append)  # type: ignore[arg-type]
    optimizer = dl.optim.SGD(layer.parameters(), lr=0.1)
    for scale in (1.0, 2.0):
        optimizer.zero_grad()
        (layer(dl.ones((4, 3))) * scale).sum().backward()
        optimizer.step()
    assert [grad.numpy()[0, 0] for grad in kept] == [4.0, 8.0]


def test_the_hook_of_a_loss_scales_everything() -> None:
    """Losses take a short cut where the gradient that arrives is 1: not after a hook has changed it."""
    found = []
    for factor in (1.0, 3.0):
        logits = dl.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
        loss = nn.CrossEntropyLoss()(logits, dl.tensor([0, 1]))
        loss.register_hook(lambda grad, factor=factor: grad * factor)
        loss.backward()
        assert logits.grad is not None
        found.append(logits.grad.numpy())
    np.testing.assert_allclose(found[1], 3 * found[0], rtol=1e-6)


def test_checkpoints_call_a_hook_once() -> None:
    w = dl.tensor([3.0], requires_grad=True)
    calls: list[float] = []
    w.register_hook(lambda grad: calls.append(grad.item()))
    dl.autograd.checkpoint(lambda x: x * w * w, dl.tensor([2.0])).sum().backward()
    assert calls == [12.0]


def test_hooks_are_copied_with_their_module() -> None:
    layer = nn.ReLU()
    calls: list[Any] = []
    layer.register_forward_hook(lambda *arguments: calls.append(1))
    copy.deepcopy(layer)(dl.ones(2))
    assert calls == [1]


def test_an_input_changed_in_place_is_noticed_through_the_hook() -> None:
    class Square(nn.Module):
        def forward(self, x: dl.Tensor) -> dl.Tensor:
            return x * x

    square = Square()
    square.register_full_backward_hook(lambda *arguments: None)
    x = dl.ones(3).requires_grad_() * 2
    y = square(x)
    with dl.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="modified in place"):
        y.sum().backward()


def test_no_graph_no_backward_hook() -> None:
    layer = nn.Linear(3, 2)
    layer.register_full_backward_hook(lambda *arguments: pytest.fail("there is no backward pass"))
    with dl.no_grad():
        assert layer(dl.ones((1, 3))).shape == (1, 2)


class Odd(nn.Module):
    def forward(self, x: dl.Tensor) -> Any:
        return {"y": x * 2}


def returning(value: Any) -> Any:
    """A backward pass through a layer whose hook returns this."""
    layer = nn.Linear(3, 2)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: value)
    layer(dl.ones((4, 3)).requires_grad_()).sum().backward()


def of_tensor(value: Any) -> None:
    x = dl.ones(3).requires_grad_()
    x.register_hook(lambda grad: value)
    x.sum().backward()


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "tensor: no grad": (
        lambda: dl.ones(2).register_hook(print),
        RuntimeError,
        "register_hook: the tensor does not req",
    ),
    "tensor: no function": (
        lambda: dl.ones(2).requires_grad_().register_hook(3),
        TypeError,
        "hook must be callable, got i",
    ),
    "tensor: number": (lambda: of_tensor(3.0), TypeError, "a hook must return a Tensor or None, got float"),
    "tensor: shape": (lambda: of_tensor(dl.ones(2)), dl.ShapeError, r"gradient of shape \(3,\) into \(2,\)"),
    "tensor: dtype": (lambda: of_tensor(dl.ones(3, dtype="float64")), dl.DTypeError, "float32 into float64"),
    "module: no function": (
        lambda: nn.ReLU().register_forward_hook(3),
        TypeError,
        "ReLU: a hook must be callable, got i",
    ),
    "module: always_call": (
        lambda: nn.ReLU().register_forward_hook(print, always_call=True),
        NotImplementedError,
        "always_call=True is not",
    ),
    "backward: count": (lambda: returning((None, None)), RuntimeError, "returned 2 gradients for 1 arguments"),
    "backward: number": (lambda: returning((1.0,)), RuntimeError, "returned 1.0 for argument 0"),
    "backward: shape": (
        lambda: returning((dl.ones(3),)),
        RuntimeError,
        r"shape \(4, 3\), float32, into \(3,\), float32",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_hook_is_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_results_of_other_kinds_are_refused() -> None:
    odd = Odd()
    odd.register_full_backward_hook(lambda *arguments: None)
    with pytest.raises(
        TypeError, match="Odd: with a full backward hook the result must be a Tensor or a tuple, got dict"
    ):
        odd(dl.ones(2))
    relu = nn.ReLU()
    relu.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(TypeError, match=r"ReLU: a forward pre-hook with kwargs must return \(args, kwargs\) or None"):
        relu(dl.ones(2))
