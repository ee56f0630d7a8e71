"""Dropout: its statistics, its mask and its generator."""

from __future__ import annotations

from math import nan, sqrt
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.nn import functional as F

DTYPES = ["float16", "float32", "float64"]


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_share_and_the_scale(p: float, dtype: str) -> None:
    n = 100_000
    y = F.dropout(dl.ones((n,), dtype=dtype), p, generator=dl.Generator(1)).numpy()
    assert y.dtype == dtype
    assert set(np.unique(y)) == {0, np.dtype(dtype).type(1 / (1 - p))}
    dropped = (y == 0).mean()
    assert dropped == pytest.approx(p, abs=5 * sqrt(p * (1 - p) / n))
    zero = y == 0
    both = (zero[1:] & zero[:-1]).mean()  # neighbours are independent
    assert both == pytest.approx(p * p, abs=5 * sqrt(p * p * (1 - p * p) / n) + 0.002)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("x", [[1.0, -2.0, nan], 3.0, [[]]], ids=repr)
def test_nothing_happens_in_evaluation(p: float, x: Any) -> None:
    t = dl.tensor(x)
    state = dl.random.default_generator().state_dict()
    np.testing.assert_array_equal(F.dropout(t, p, training=False).numpy(), t.numpy())
    np.testing.assert_array_equal(nn.Dropout(p).eval()(t).numpy(), t.numpy())
    assert dl.random.default_generator().state_dict() == state


def test_the_ends() -> None:
    x = dl.tensor([1.0, -2.0], requires_grad=True)
    assert F.dropout(x, 0.0).tolist() == [1.0, -2.0]
    y = F.dropout(x, 1.0)
    assert y.tolist() == [0.0, 0.0]
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    assert F.dropout(dl.zeros((0, 3)), 0.5).shape == (0, 3)
    assert F.dropout(dl.tensor(2.0), 0.5).item() in (0.0, 4.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_goes_through_the_same_mask(dtype: str) -> None:
    x = dl.ones((50, 7), dtype=dtype).requires_grad_()
    y = F.dropout(x, 0.4)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
    (first,) = dl.grad(F.dropout(x * x, 0.4, generator=dl.Generator(2)).sum(), x, create_graph=True)
    (second,) = dl.grad(first.sum(), x)
    mask = F.dropout(dl.ones((50, 7), dtype=dtype), 0.4, generator=dl.Generator(2)).numpy()
    np.testing.assert_allclose(second.numpy(), 2 * mask, rtol=1e-3)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_the_mask_depends_on_the_generator_only(p: float, rng: np.random.Generator) -> None:
    """Not on the dtype, the values, the strides or the shape: element i in row-major order has word i."""
    plain = F.dropout(dl.ones((6, 8)), p, generator=dl.Generator(9)).numpy() != 0
    for x in (
        dl.ones((6, 8), dtype="float64"),
        dl.ones((6, 8), dtype="float16"),
        dl.asarray(rng.uniform(1, 2, (6, 8))),
        dl.ones((8, 6)).T,
        dl.asarray(np.ones((12, 16), np.float32)[::-2, ::2]),
        dl.ones((2, 3, 4, 2)),
        dl.ones(48),
    ):
        y = F.dropout(x, p, generator=dl.Generator(9)).numpy()
        np.testing.assert_array_equal(y.reshape(6, 8) != 0, plain)
    other = F.dropout(dl.ones((6, 8)), p, generator=dl.Generator(10)).numpy() != 0
    assert (other != plain).any()


def test_what_is_dropped_is_zero_whatever_it_was() -> None:
    x = dl.full((1000,), float("inf"))
    assert set(np.unique(F.dropout(x, 0.5).numpy())) == {0.0, np.inf}


def test_a_model_is_reproducible_by_its_seed() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    x = dl.ones((10, 10))
    dl.manual_seed(4)
    first, second = model(x).numpy(), model(x).numpy()
    assert not np.array_equal(first, second)
    assert 0.1 < (first != 0).mean() < 0.4  # two different masks
    dl.manual_seed(4)
    np.testing.assert_array_equal(model(x).numpy(), first)
    generator = dl.Generator(4)
    state = generator.state_dict()
    once = F.dropout(x, 0.5, generator=generator).numpy()
    assert generator.state_dict() != state
    generator.load_state_dict(state)
    np.testing.assert_array_equal(F.dropout(x, 0.5, generator=generator).numpy(), once)


@pytest.mark.parametrize("p", [-0.1, 1.1, nan, "half", None])
def test_a_probability_out_of_range_is_refused(p: Any) -> None:
    state = dl.random.default_generator().state_dict()
    with pytest.raises(ValueError, match=f"dropout: p must be in .*got {p!r}"):
        F.dropout(dl.ones(3), p)
    with pytest.raises(ValueError, match=f"Dropout: p must be in .*got {p!r}"):
        nn.Dropout(p)
    assert dl.random.default_generator().state_dict() == state


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_a_generator_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(TypeError, match=r"dropout: generator must be a dl\.Generator or None, got True"):
        F.dropout(dl.ones(3), p, True, True)  # type: ignore[arg-type] - in PyTorch the fourth argument is `inplace`


def test_integers_are_refused() -> None:
    with pytest.raises(dl.DTypeError, match="dropout: input must be a float tensor, got int64"):
        F.dropout(dl.tensor([1, 2]))
