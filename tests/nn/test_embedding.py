"""Embeddings: rows by number, gradients of repeated rows, padding, norms, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import DTypeError, ShapeError, nn
from dlcore.nn import functional as F

TABLE = np.arange(12.0, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,), (2, 0)], ids=str)
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_rows_by_number(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    index = np.asarray(rng.integers(0, 4, shape), dtype)
    y = F.embedding(dl.tensor(index), dl.tensor(TABLE))
    assert y.shape == (*shape, 3)
    np.testing.assert_array_equal(y.numpy(), TABLE[index])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_gradient_of_a_row_is_the_sum_over_its_uses(dtype: str, rng: np.random.Generator) -> None:
    weight = dl.tensor(TABLE.astype(dtype), requires_grad=True)
    index, seed = rng.integers(0, 3, (6, 5)), rng.normal(size=(6, 5, 3)).astype(dtype)
    F.embedding(dl.tensor(index), weight).backward(dl.tensor(seed))
    expected = np.zeros((4, 3))
    np.add.at(expected, index, seed.astype(np.float64))
    assert weight.grad.dtype == dtype
    np.testing.assert_allclose(weight.grad.numpy(), expected, rtol=2e-3 if dtype == "float16" else 1e-5, atol=1e-3)
    assert not weight.grad.numpy()[3].any()


@pytest.mark.parametrize("padding_idx", [1, -3])
def test_padding_gets_no_gradient(padding_idx: int) -> None:
    weight = dl.tensor(TABLE, requires_grad=True)
    y = F.embedding(dl.tensor([1, 2, 1]), weight, padding_idx)
    np.testing.assert_array_equal(y.numpy(), TABLE[[1, 2, 1]])
    y.sum().backward()
    np.testing.assert_array_equal(weight.grad.numpy().sum(axis=1), [0, 0, 3, 0])


@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}])
def test_derivatives(options: dict[str, Any], rng: np.random.Generator) -> None:
    index = dl.tensor([[0, 2, 2], [3, 0, 2]])
    weight = dl.tensor(rng.normal(size=(4, 2)), requires_grad=True)
    inner = options.get("padding_idx")

    def rows(w: dl.Tensor) -> dl.Tensor:
        used = w if inner is None else dl.index_update(w, inner, 0.0)  # its gradient is 0 by decree
        return dl.square(F.embedding(index, used, **options))

    assert dl.gradcheck(rows, [weight], second_order=True)


def test_frequencies_divide_the_gradient_at_every_order(rng: np.random.Generator) -> None:
    """Linear in the gradient that arrives: the second derivative is the transposed map."""
    index, weight = dl.tensor([0, 2, 2, 2]), dl.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    seed = dl.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    y = F.embedding(index, weight, scale_grad_by_freq=True)
    (gradient,) = dl.grad(y, weight, seed, create_graph=True)
    s = seed.numpy()
    np.testing.assert_allclose(gradient.numpy(), [s[0], 0 * s[0], s[1:].mean(axis=0), 0 * s[0]], rtol=1e-12)
    direction = rng.normal(size=(4, 3))
    (transposed,) = dl.grad(gradient, seed, dl.tensor(direction))
    third = direction[2] / 3
    np.testing.assert_allclose(transposed.numpy(), [direction[0], third, third, third], rtol=1e-12)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, np.inf])
def test_rows_that_are_looked_up_are_scaled_to_the_norm(norm_type: float) -> None:
    weight = dl.tensor(TABLE, requires_grad=True)
    y = F.embedding(dl.tensor([3, 0, 3]), weight, max_norm=2.0, norm_type=norm_type)
    norms = np.linalg.norm(weight.numpy(), ord=norm_type, axis=1)
    np.testing.assert_allclose(norms[3], 2.0, rtol=1e-5)
    np.testing.assert_array_equal(weight.numpy()[1:3], TABLE[1:3])  # not looked up
    if norm_type == np.inf:
        np.testing.assert_array_equal(weight.numpy()[0], TABLE[0])  # small enough
    np.testing.assert_array_equal(y.numpy(), weight.numpy()[[3, 0, 3]])


def test_a_scaled_table_is_noticed_by_a_graph_that_needs_it() -> None:
    weight = dl.tensor(TABLE, requires_grad=True)
    y = (weight * weight).sum()
    F.embedding(dl.tensor([3]), weight, max_norm=1.0)
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


def test_layer() -> None:
    dl.manual_seed(0)
    layer = nn.Embedding(1000, 20, padding_idx=-1)
    values = layer.weight.numpy()
    assert list(layer.state_dict()) == ["weight"]
    assert abs(values[:-1].mean()) < 0.03
    assert abs(values[:-1].std() - 1) < 0.03
    assert not values[-1].any()
    assert layer.padding_idx == 999
    assert repr(layer) == "Embedding(1000, 20, padding_idx=999)"
    full = nn.Embedding(3, 2, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True)
    assert repr(full) == "Embedding(3, 2, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True)"


def test_a_table_that_is_given() -> None:
    table = dl.tensor(TABLE)
    frozen = nn.Embedding.from_pretrained(table, padding_idx=0)
    assert not frozen.weight.requires_grad
    assert frozen(dl.tensor([0, 2])).tolist() == TABLE[[0, 2]].tolist()
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    assert not nn.Embedding(3, 2, _freeze=True).weight.requires_grad


def test_an_index_changed_before_backward_is_noticed() -> None:
    index, weight = dl.tensor([0, 1]), dl.tensor(TABLE, requires_grad=True)
    y = F.embedding(index, weight)
    index[0] = 3
    with pytest.raises(RuntimeError, match="modified in place"):
        y.sum().backward()


INDEX, WEIGHT = dl.tensor([0, 1]), dl.tensor(TABLE)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "too large": (lambda: F.embedding(dl.tensor([0, 4]), WEIGHT).numpy(), IndexError, r"must be in 0\.\.3, got 4"),
    "negative": (lambda: F.embedding(dl.tensor([-1]), WEIGHT).numpy(), IndexError, r"must be in 0\.\.3, got -1"),
    "no rows": (lambda: F.embedding(INDEX, dl.ones((0, 3))), IndexError, "rows of a table that has none"),
    "floats": (lambda: F.embedding(dl.tensor([0.0]), WEIGHT), DTypeError, "input must be integers"),
    "a list": (lambda: F.embedding([0], WEIGHT), TypeError, "input must be a Tensor"),  # type: ignore[arg-type]
    "integers": (lambda: F.embedding(INDEX, dl.ones((3, 2), dtype="int64")), DTypeError, "weight must be a float"),
    "a vector": (lambda: F.embedding(INDEX, dl.ones(3)), ShapeError, r"weight must have shape \(V, D\)"),
    "padding": (lambda: F.embedding(INDEX, WEIGHT, 4), ValueError, r"padding_idx must be in -4\.\.3"),
    "padding's type": (lambda: F.embedding(INDEX, WEIGHT, 1.0), TypeError, "padding_idx must be an int"),  # type: ignore[arg-type]
    "max_norm": (lambda: F.embedding(INDEX, WEIGHT, max_norm=-1.0), ValueError, "max_norm must be a number above 0"),
    "norm_type": (lambda: F.embedding(INDEX, WEIGHT, max_norm=1.0, norm_type=0.0), ValueError, "norm_type must be"),
    "sparse": (lambda: F.embedding(INDEX, WEIGHT, sparse=True), ValueError, "sparse=True is not supported"),
    "sparse layer": (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "sparse=True is not supported"),
    "no numbers": (lambda: nn.Embedding(0, 2), ValueError, "num_embeddings must be an int >= 1"),
    "layer's padding": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx must be in"),
    "table of a layer": (lambda: nn.Embedding(3, 2, _weight=WEIGHT), ShapeError, r"_weight must have shape \(3, 2\)"),
    "pretrained": (lambda: nn.Embedding.from_pretrained(dl.ones(3)), ShapeError, r"embeddings must have shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
