"""dlcore.nn.utils against PyTorch: norms, clipped gradients, and the training that follows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn.utils import clip_grad_norm_, clip_grad_value_

torch = pytest.importorskip("torch", exc_type=ImportError)

SHAPES = [(3, 4), (4,), (), (2, 1, 3), (5,), (0,)]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 5e-3}


def pairs(rng: np.random.Generator, dtype: str, scale: float = 1.0) -> tuple[list[Any], list[Any]]:
    """Equal parameters with equal gradients; the third has none."""
    ours, theirs = [], []
    for i, shape in enumerate(SHAPES):
        value, gradient = (np.asarray(rng.normal(size=shape) * scale, dtype=dtype) for _ in range(2))
        ours.append(dl.nn.Parameter(dl.tensor(value)))
        theirs.append(torch.nn.Parameter(torch.tensor(value)))
        if i != 3:
            ours[-1].grad, theirs[-1].grad = dl.tensor(gradient), torch.tensor(gradient)
    return ours, theirs


def check(ours: list[Any], theirs: list[Any], tolerance: float) -> None:
    for p, q in zip(ours, theirs, strict=True):
        if q.grad is None:
            assert p.grad is None
        else:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=tolerance, atol=0, strict=True)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("norm_type", [2, 2.0, 1, 0.5, 3, math.inf])
@pytest.mark.parametrize("max_norm", [0, 0.3, 1, 1e3])
def test_clip_grad_norm(dtype: str, norm_type: float, max_norm: float, rng: np.random.Generator) -> None:
    ours, theirs = pairs(rng, dtype)
    if norm_type == math.inf:  # PyTorch knows none of nothing
        ours.pop()
        theirs.pop()
    mine = clip_grad_norm_(ours, max_norm, norm_type)
    other = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=TOLERANCE[dtype], strict=True)
    check(ours, theirs, 2 * TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("clip_value", [0, 0.5, 1, 10])
def test_clip_grad_value(dtype: str, clip_value: float, rng: np.random.Generator) -> None:
    ours, theirs = pairs(rng, dtype)
    ours[0].grad[0, 0] = theirs[0].grad[0, 0] = math.nan
    ours[0].grad[0, 1] = theirs[0].grad[0, 1] = math.inf
    clip_grad_value_(ours, clip_value)
    torch.nn.utils.clip_grad_value_(theirs, clip_value)
    check(ours, theirs, 0)


def test_an_infinite_gradient(rng: np.random.Generator) -> None:
    ours, theirs = pairs(rng, "float64")
    ours[0].grad[1, 1] = theirs[0].grad[1, 1] = math.inf
    with np.errstate(invalid="ignore"):  # inf * 0
        mine, other = clip_grad_norm_(ours, 1.0), torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    assert mine.item() == other.item() == math.inf
    check(ours, theirs, 0)


def test_without_gradients() -> None:
    assert clip_grad_norm_([], 1.0).item() == torch.nn.utils.clip_grad_norm_([], 1.0).item() == 0


@pytest.mark.parametrize("clip", ["norm", "value"])
def test_training_with_clipped_gradients(clip: str, rng: np.random.Generator) -> None:
    mine = dl.nn.Sequential(dl.nn.Linear(5, 7), dl.nn.Tanh(), dl.nn.Linear(7, 3)).to("float64")
    other = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3)).to(torch.float64)
    mine.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()})
    optimizers = dl.optim.Adam(mine.parameters(), lr=0.01), torch.optim.Adam(other.parameters(), lr=0.01)
    for _ in range(20):
        x = 10 * rng.normal(size=(4, 5))
        for optimizer in optimizers:
            optimizer.zero_grad()
        (mine(dl.tensor(x)) ** 2).sum().backward()
        (other(torch.tensor(x)) ** 2).sum().backward()
        for utils, model in ((dl.nn.utils, mine), (torch.nn.utils, other)):
            if clip == "norm":
                utils.clip_grad_norm_(model.parameters(), 0.5)
            else:
                utils.clip_grad_value_(model.parameters(), 0.5)
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-9, atol=1e-10)
