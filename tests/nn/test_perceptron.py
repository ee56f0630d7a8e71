"""The perceptron: its outputs, its rule against one that goes sample by sample, and Novikoff's bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore import nn

Array = np.ndarray[Any, Any]
TABLE = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "nand": [1, 1, 1, 0]}
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)


def zeros(perceptron: nn.Perceptron) -> nn.Perceptron:
    for parameter in perceptron.parameters():
        nn.init.zeros_(parameter)
    return perceptron


def by_the_book(x: Array, y: Array, lr: float, epochs: int) -> tuple[Array, float, list[int]]:
    """One neuron from zero weights, sample by sample."""
    w, b, history = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes = 0
        for sample, label in zip(x, y, strict=True):
            output = 1.0 if w @ sample + b >= 0 else 0.0
            if output != label:
                w, b, mistakes = w + lr * (label - output) * sample, b + lr * (label - output), mistakes + 1
        history.append(mistakes)
        if not mistakes:
            break
    return w, b, history


def test_output() -> None:
    neurons = nn.Perceptron(2, 2, dtype="float64")
    with dl.no_grad():
        neurons.weight[...] = dl.tensor(np.array([[1.0, 1.0], [-1.0, 0.0]]))
        neurons.bias[...] = dl.tensor(np.array([-1.5, 0.0]))
    np.testing.assert_array_equal(neurons(dl.tensor(CORNERS)).numpy(), [[0, 1], [0, 1], [0, 0], [1, 0]])
    y = neurons(dl.tensor(CORNERS[1]))
    assert (y.shape, y.dtype, y.requires_grad) == ((2,), np.float64, False)


@pytest.mark.parametrize("name", TABLE)
def test_logic(name: str) -> None:
    neuron = nn.Perceptron(2, dtype="float64")
    assert neuron.learn(dl.tensor(CORNERS), dl.tensor(TABLE[name]))[-1] == 0
    assert neuron(dl.tensor(CORNERS)).numpy()[:, 0].tolist() == TABLE[name]


def test_exclusive_or_is_not_learned_and_learning_ends() -> None:
    neuron = nn.Perceptron(2, dtype="float64")
    history = neuron.learn(dl.tensor(CORNERS), dl.tensor([0, 1, 1, 0]), epochs=17)
    assert len(history) == 17
    assert min(history) > 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 4), st.sampled_from([1.0, 0.25]))
def test_the_rule_and_its_bound(seed: int, count: int, features: int, lr: float) -> None:
    """Samples that a known plane parts: the same steps as by the book, and at most (R/m)^2 of them."""
    rng = np.random.default_rng(seed)
    plane = rng.normal(size=features + 1)
    plane /= np.linalg.norm(plane)
    x = np.round(rng.normal(size=(count, features)), 2)
    extended = np.concatenate([x, np.ones((count, 1))], axis=1)
    distances = extended @ plane
    kept = np.abs(distances) > 0.05
    x, extended, distances = x[kept], extended[kept], distances[kept]
    y = (distances > 0).astype(np.int64)
    if not len(x):
        return
    neuron = zeros(nn.Perceptron(features, dtype="float64"))
    history = neuron.learn(dl.tensor(x), dl.tensor(y), lr=lr, epochs=10_000)
    w, b, expected = by_the_book(x, y, lr, 10_000)
    assert history == expected
    assert history[-1] == 0
    np.testing.assert_allclose(neuron.weight.numpy()[0], w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(neuron.bias.numpy()[0], b, rtol=1e-9, atol=1e-9)
    radius, margin = np.linalg.norm(extended, axis=1).max(), np.abs(distances).min()
    assert sum(history) <= (radius / margin) ** 2


def test_neurons_do_not_know_of_each_other(rng: np.random.Generator) -> None:
    x = rng.normal(size=(300, 3)).round(1)
    y = np.stack([x[:, 0] + 0.05 > 0, x @ [1, 2, -1] > 0.55, x[:, 1] * x[:, 2] > 0], axis=1).astype(np.float32)
    together = zeros(nn.Perceptron(3, 3, dtype="float64"))
    history = together.learn(dl.tensor(x), dl.tensor(y), epochs=5)
    alone = [by_the_book(x, column, 1.0, 5) for column in y.T]
    np.testing.assert_allclose(together.weight.numpy(), [w for w, _, _ in alone], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(together.bias.numpy(), [b for _, b, _ in alone], rtol=1e-9, atol=1e-9)
    padded = [h + [0] * (5 - len(h)) for _, _, h in alone]
    assert history == [sum(passes) for passes in zip(*padded, strict=True)][: len(history)]


def test_without_bias() -> None:
    neuron = zeros(nn.Perceptron(1, bias=False))
    assert list(neuron.state_dict()) == ["weight"]
    assert neuron.learn(dl.tensor([[-1.0], [2.0]]), dl.tensor([0, 1]))[-1] == 0
    assert "bias=False" in repr(neuron)


def test_no_samples_are_learned_at_once() -> None:
    assert nn.Perceptron(2).learn(dl.zeros((0, 2)), dl.zeros((0, 1))) == [0]


X, Y = dl.zeros((4, 2)), dl.tensor([0, 0, 1, 1])
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "x": ({"x": dl.zeros((4, 3))}, dl.ShapeError, r"x must have shape \(N, 2\), got \(4, 3\)"),
    "x dimensions": ({"x": dl.zeros(2)}, dl.ShapeError, r"x must have shape \(N, 2\), got \(2,\)"),
    "x dtype": ({"x": X.astype("float64")}, dl.DTypeError, "x is float64, the weights are float32"),
    "x integers": ({"x": X.astype("int64")}, dl.DTypeError, "x must be a float tensor, got int64"),
    "x NaN": ({"x": X + float("nan")}, ValueError, "x must be finite"),
    "y": ({"y": dl.tensor([0, 1])}, dl.ShapeError, r"y must have shape \(4, 1\), got \(2,\)"),
    "y array": ({"y": [0, 1, 0, 1]}, TypeError, "y must be a Tensor"),
    "y values": ({"y": dl.tensor([0, 1, -1, 1])}, ValueError, "y must hold 0 and 1, got -1"),
    "lr": ({"lr": 0.0}, ValueError, "lr must be a number > 0, got 0.0"),
    "lr infinite": ({"lr": float("inf")}, ValueError, "lr must be a number > 0, got inf"),
    "lr NaN": ({"lr": float("nan")}, ValueError, "lr must be a number > 0, got nan"),
    "epochs": ({"epochs": 0}, ValueError, "epochs must be an int >= 1, got 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named_and_nothing_changes(name: str) -> None:
    changed, error, message = BAD[name]
    neuron = nn.Perceptron(2)
    before = neuron.weight.numpy().copy()
    with pytest.raises(error, match=f"Perceptron.learn: {message}"):
        neuron.learn(**({"x": X, "y": Y} | changed))
    np.testing.assert_array_equal(neuron.weight.numpy(), before)
    with pytest.raises(ValueError, match="Perceptron: out_features must be an int >= 1, got 0"):
        nn.Perceptron(2, 0)
