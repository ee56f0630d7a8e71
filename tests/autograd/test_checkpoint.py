"""Checkpoints: the gradients are those without, the memory is not, and what is called again must do the same."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
import dlcore.nn.functional as F
from dlcore import nn
from dlcore.autograd import checkpoint


def leaves(*shapes: tuple[int, ...]) -> list[dl.Tensor]:
    rng = np.random.default_rng(0)
    return [dl.tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]


def block(x: dl.Tensor, w: dl.Tensor) -> dl.Tensor:
    return dl.tanh(dl.exp(x @ w) * x)


def gradients(function: Callable[..., Any], inputs: list[dl.Tensor]) -> list[Any]:
    for x in inputs:
        x.grad = None
    function(*inputs).sum().backward()
    return [x.grad.numpy() for x in inputs if x.grad is not None]


def test_values_and_gradients_are_those_without() -> None:
    inputs = leaves((2, 3), (3, 3))
    np.testing.assert_array_equal(checkpoint(block, *inputs).numpy(), block(*inputs).numpy())
    for mine, expected in zip(
        gradients(lambda *a: checkpoint(block, *a), inputs), gradients(block, inputs), strict=True
    ):
        np.testing.assert_array_equal(mine, expected)


def test_derivatives_of_second_order() -> None:
    x, w = leaves((2, 3), (3, 3))
    assert dl.gradcheck(lambda x, w: checkpoint(block, x, w), [x, w], second_order=True)
    assert dl.gradcheck(lambda x, w: checkpoint(lambda x: block(x, w), x), [x, w], second_order=True)


def test_what_the_function_uses_besides_its_arguments_gets_its_gradient() -> None:
    """The weight is not an argument, and the argument itself depends on the weight."""
    x, w = leaves((2, 3), (3, 3))

    def here(x: dl.Tensor, w: dl.Tensor) -> dl.Tensor:
        hidden = x @ w
        return checkpoint(lambda h: block(h, w) + hidden, hidden)

    def plain(x: dl.Tensor, w: dl.Tensor) -> dl.Tensor:
        return block(x @ w, w) + x @ w

    for mine, expected in zip(gradients(here, [x, w]), gradients(plain, [x, w]), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-13)
    found, expected = dl.grad(here(x, w).sum(), [x, w]), dl.grad(plain(x, w).sum(), [x, w])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-13)


def test_only_the_weights_require_grad() -> None:
    (w,) = leaves((3, 3))
    data = dl.ones((2, 3), dtype="float64")
    np.testing.assert_array_equal(
        gradients(lambda w: checkpoint(block, data, w), [w])[0], gradients(lambda w: block(data, w), [w])[0]
    )


def test_nested() -> None:
    x, w = leaves((2, 3), (3, 3))

    def inner(x: dl.Tensor) -> dl.Tensor:
        return checkpoint(block, checkpoint(block, x, w), w)

    def nested(x: dl.Tensor, w: dl.Tensor) -> dl.Tensor:
        return checkpoint(lambda x: checkpoint(inner, x) * x, x)

    for mine, expected in zip(
        gradients(nested, [x, w]), gradients(lambda x, w: block(block(x, w), w) * x, [x, w]), strict=True
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-13)
    assert dl.gradcheck(nested, [x, w], second_order=True)


def test_several_outputs_and_other_values() -> None:
    x, w = leaves((2, 3), (3, 3))
    y, note, constant, z = checkpoint(lambda x: (dl.exp(x) @ w, "note", dl.ones((2,)), x * w[0]), x)
    assert note == "note"
    assert not constant.requires_grad
    expected = dl.grad((dl.exp(x) @ w).sum() + (x * w[0] * 2).sum(), [x, w])
    for a, b in zip(dl.grad(y.sum() + (z * 2).sum(), [x, w], retain_graph=True), expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy())
    (only,) = dl.grad(z.sum(), x)
    np.testing.assert_allclose(only.numpy(), np.broadcast_to(w.numpy()[0], (2, 3)))
    assert isinstance(checkpoint(lambda x: [x * 2, x], x), list)


def test_keywords_and_the_argument_itself_as_the_result() -> None:
    (x,) = leaves((3,))
    y = checkpoint(lambda x, factor: x * factor, x, factor=3.0)
    np.testing.assert_array_equal(dl.grad(y.sum(), x)[0].numpy(), [3.0] * 3)
    np.testing.assert_array_equal(dl.grad(checkpoint(lambda x: x, x).sum(), x)[0].numpy(), [1.0] * 3)
    np.testing.assert_array_equal(dl.grad(checkpoint(lambda x: x, x * 2).sum(), x)[0].numpy(), [2.0] * 3)


def test_nothing_to_record() -> None:
    calls = []

    def function(x: dl.Tensor) -> dl.Tensor:
        calls.append(1)
        return x * 2

    assert not checkpoint(function, dl.ones((2,))).requires_grad
    with dl.no_grad():
        assert not checkpoint(function, dl.ones((2,), requires_grad=True)).requires_grad
    assert len(calls) == 2


@pytest.mark.parametrize("outer", [False, True])
def test_dropout_has_the_same_mask_again(outer: bool) -> None:
    dl.manual_seed(5)
    x = dl.ones((100,), dtype="float64", requires_grad=True)

    def function(x: dl.Tensor) -> dl.Tensor:
        return F.dropout(F.dropout(x, 0.5) * x, 0.5)

    y = checkpoint(lambda x: checkpoint(function, x) if outer else function(x), x)
    after = dl.random.default_generator().state_dict()
    (g,) = dl.grad(y.sum(), x, retain_graph=True)
    np.testing.assert_array_equal(g.numpy(), 2 * y.numpy())
    np.testing.assert_array_equal(dl.grad(y.sum(), x)[0].numpy(), g.numpy())
    assert dl.random.default_generator().state_dict() == after  # the generator has moved on once
    dl.manual_seed(5)
    np.testing.assert_array_equal(function(x).numpy(), y.numpy())
    assert dl.random.default_generator().state_dict() == after


def test_without_preserving_the_generator_the_masks_differ() -> None:
    dl.manual_seed(5)
    x = dl.ones((100,), dtype="float64", requires_grad=True)
    y = checkpoint(lambda x: F.dropout(x, 0.5), x, preserve_rng_state=False)
    assert (dl.grad(y.sum(), x)[0].numpy() != y.numpy()).any()


def test_inner_values_are_released_until_backward() -> None:
    """Counted: how many of the tensors that the layers made are alive after the forward pass, and at most."""
    made: list[weakref.ref[dl.Tensor]] = []
    alive = 0

    def layer(x: dl.Tensor) -> dl.Tensor:
        nonlocal alive
        y = dl.exp(x * 0.1)
        made.append(weakref.ref(y))
        alive = max(alive, sum(ref() is not None for ref in made))
        return y * y

    def piece(x: dl.Tensor) -> dl.Tensor:
        for _ in range(4):
            x = layer(x)
        return x

    def run(call: Callable[[dl.Tensor], dl.Tensor]) -> tuple[int, int, Any]:
        nonlocal alive
        made.clear()
        alive = 0
        leaf = dl.ones((2,), dtype="float64", requires_grad=True)
        x = leaf
        for _ in range(4):
            x = call(x)
        after = sum(ref() is not None for ref in made)
        x.sum().backward()
        assert leaf.grad is not None
        return after, alive, leaf.grad.numpy()

    kept, most, expected = run(piece)
    assert (kept, most) == (16, 16)
    kept, most, gradient = run(lambda x: checkpoint(piece, x))
    assert (kept, most) == (0, 4)
    np.testing.assert_array_equal(gradient, expected)


def test_the_gradient_of_a_module_goes_to_its_weights_and_to_the_optimizer_s_memory() -> None:
    def train(wrapped: bool) -> list[Any]:
        dl.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        optimizer = dl.optim.SGD(network.parameters(), lr=0.1)
        x = dl.randn(5, 3)
        for _ in range(3):
            optimizer.zero_grad()
            y = checkpoint(network, x) if wrapped else network(x)
            (y * y).mean().backward()
            optimizer.step()
        return [p.numpy().copy() for p in network.parameters()]

    for mine, expected in zip(train(True), train(False), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_a_graph_that_was_released() -> None:
    (x,) = leaves((3,))
    y = checkpoint(dl.exp, x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="already used and released"):
        y.backward()


def test_an_argument_was_modified() -> None:
    (x,) = leaves((3,))
    hidden = x * 2
    y = checkpoint(dl.exp, hidden).sum()
    with dl.no_grad():
        hidden[0] = 0.0
    with pytest.raises(RuntimeError, match="checkpoint: an argument of shape \\(3,\\) was modified in place"):
        y.backward()


def test_a_function_that_does_something_else_when_repeated() -> None:
    (x,) = leaves((3,))
    count = iter(range(10))
    y = checkpoint(lambda x: x * 2 if next(count) == 0 else x.sum(), x)
    with pytest.raises(RuntimeError, match=r"the function gave .* at first, and"):
        y.sum().backward()
    other, hidden = x * 3, x * 2
    for second in (lambda x: other * 2, lambda x: x.detach(), lambda x: x + other):
        count = iter(range(10))
        y = checkpoint(lambda x, count=count, second=second: x * 2 if next(count) == 0 else second(x), hidden)
        with pytest.raises(RuntimeError, match="used other tensors when it was repeated"):
            y.sum().backward(retain_graph=True)


def test_bad_input() -> None:
    with pytest.raises(TypeError, match="checkpoint: function must be callable, got Tensor"):
        checkpoint(dl.ones((2,)), dl.exp)
    with pytest.raises(TypeError, match="checkpoint: function must return a tensor, or a tuple or list"):
        checkpoint(lambda x: {"y": x}, dl.ones((2,), requires_grad=True))


def test_the_current_device_is_that_of_the_first_call() -> None:
    (x,) = leaves((3,))
    seen = []

    def function(x: dl.Tensor) -> dl.Tensor:
        seen.append(dl.current_device())
        return x * 2

    y = checkpoint(function, x)
    with dl.device("cusim" if str(dl.current_device()) == "numpy" else "numpy"):
        y.sum().backward()
        assert seen[0] is not dl.current_device()
    assert seen[0] is seen[1]
