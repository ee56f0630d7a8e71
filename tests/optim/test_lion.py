"""Lion against its algorithm, written out in float64; PyTorch has none to compare with."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import Lion

STEPS = 50
SETTINGS = list(product((1e-3, 0.05), ((0.9, 0.99), (0.5, 0.2), (0.0, 0.9)), (0.0, 0.3), (False, True)))


def algorithm(
    x: np.ndarray[Any, Any], gradients: list[np.ndarray[Any, Any]], lr: float, betas: tuple[float, float], decay: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Chen et al., 2023, algorithm 2, line by line."""
    theta, m = x.copy(), np.zeros_like(x)
    for g in gradients:
        c = betas[0] * m + (1 - betas[0]) * g
        theta = theta - lr * (np.sign(c) + decay * theta)
        m = betas[1] * m + (1 - betas[1]) * g
    return theta, m


@pytest.mark.parametrize(("lr", "betas", "decay", "maximize"), SETTINGS)
def test_many_steps(
    lr: float, betas: tuple[float, float], decay: float, maximize: bool, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(3, 7))
    gradients = [rng.normal(size=x.shape) for _ in range(STEPS)]
    gradients[3][0, :] = 0  # whose sign is 0 in the first column, where there is no momentum yet
    for g in gradients[:4]:
        g[0, 0] = 0
    p = Parameter(dl.tensor(x))
    optimizer = Lion([p], lr=lr, betas=betas, weight_decay=decay, maximize=maximize)
    for g in gradients:
        p.grad = dl.tensor(g)
        optimizer.step()
    theta, m = algorithm(x, [-g for g in gradients] if maximize else gradients, lr, betas, decay)
    np.testing.assert_allclose(p.numpy(), theta, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(optimizer.state_dict()["state"][0]["exp_avg"].numpy(), m, rtol=1e-8, atol=1e-12)


def test_float32_and_a_gradient_that_depends_on_the_parameter(rng: np.random.Generator) -> None:
    p = Parameter(dl.tensor(rng.uniform(-1, 1, size=20).astype(np.float32)))
    optimizer = Lion([p], lr=0.01)
    for _ in range(400):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    assert float(np.abs(p.numpy()).max()) < 0.2  # it swings around the minimum, by lr and what the momentum adds
