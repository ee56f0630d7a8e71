"""Networks whose layers and activations run as one operation, against PyTorch: values, first and second gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

Network = Callable[[Any], Any]
NETWORKS: dict[str, tuple[Network, tuple[int, ...]]] = {
    "mlp": (lambda nn: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3),
                                     nn.Sigmoid()), (4, 6)),
    "three axes, no bias": (lambda nn: nn.Sequential(nn.Linear(6, 8, bias=False), nn.Sigmoid(), nn.Linear(8, 2)),
                            (2, 3, 6)),
    "lenet": (lambda nn: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3),
                                       nn.ReLU(), nn.Flatten(), nn.Linear(64, 10), nn.Sigmoid(), nn.Linear(10, 2)),
              (3, 1, 12, 12)),
    "strided, grouped, dilated": (lambda nn: nn.Sequential(
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), nn.Sigmoid(), nn.Conv2d(6, 6, 2, dilation=2, groups=6,
        bias=False), nn.Tanh()), (9, 4, 9, 9)),
}  # fmt: skip
TOLERANCE = {"float64": 1e-11, "float32": 2e-4}


def pair(name: str, dtype: str, rng: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    build, shape = NETWORKS[name]
    mine, other = build(dl.nn).to(dtype), build(torch.nn).to(getattr(torch, dtype))
    mine.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()})
    x = rng.normal(size=shape).astype(dtype)
    return mine, other, dl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)


def close(ours: Any, theirs: Any, dtype: str) -> None:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = a.numpy(), b.detach().numpy()
        largest = max(float(np.abs(b).max(initial=0)), 1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[dtype] * largest, strict=True, err_msg=str(i))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", NETWORKS)
def test_values_and_first_gradients(name: str, dtype: str, rng: np.random.Generator) -> None:
    mine, other, x, x_other = pair(name, dtype, rng)
    with dl.no_grad():
        close([mine(x)], [other(x_other)], dtype)
    y, y_other = mine(x), other(x_other)
    close([y], [y_other], dtype)
    weights = rng.normal(size=y.shape).astype(dtype)
    (y * dl.tensor(weights)).sum().backward()
    (y_other * torch.tensor(weights)).sum().backward()
    close([t.grad for t in (x, *mine.parameters())], [t.grad for t in (x_other, *other.parameters())], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", NETWORKS)
def test_second_gradients(name: str, dtype: str, rng: np.random.Generator) -> None:
    mine, other, x, x_other = pair(name, dtype, rng)
    ours, theirs = [x, *mine.parameters()], [x_other, *other.parameters()]
    first = dl.grad(dl.square(mine(x)).sum(), ours, create_graph=True)
    first_other = torch.autograd.grad((other(x_other) ** 2).sum(), theirs, create_graph=True)
    weights = [rng.normal(size=g.shape).astype(dtype) for g in first]
    total = sum((g * dl.tensor(w)).sum() for g, w in zip(first, weights, strict=True))
    total_other = sum((g * torch.tensor(w)).sum() for g, w in zip(first_other, weights, strict=True))
    close(dl.grad(total, ours), torch.autograd.grad(total_other, theirs), dtype)


@pytest.mark.parametrize("name", ["mlp", "lenet"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop"])
def test_training(name: str, optimizer: str, rng: np.random.Generator) -> None:
    mine, other, x, x_other = pair(name, "float64", rng)
    a = getattr(dl.optim, optimizer)(mine.parameters(), lr=0.01)
    b = getattr(torch.optim, optimizer)(other.parameters(), lr=0.01)
    for _ in range(10):
        a.zero_grad()
        b.zero_grad()
        dl.mean(dl.square(mine(x) - 1)).backward()
        ((other(x_other) - 1) ** 2).mean().backward()
        a.step()
        b.step()
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-7, atol=1e-9)
