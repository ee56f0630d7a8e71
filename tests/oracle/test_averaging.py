"""ExponentialMovingAverage against PyTorch's AveragedModel with the same decay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)


def network(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2, bias=False), nn.PReLU())


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6), ("float16", 2e-3)])
@pytest.mark.parametrize("optimized", [False, True])
def test_many_updates(decay: float, dtype: str, tolerance: float, optimized: bool, rng: np.random.Generator) -> None:
    mine, other = network(dl.nn).to(dtype), network(torch.nn).to(getattr(torch, dtype))
    ema = dl.optim.ExponentialMovingAverage(mine, decay)
    optimizer = dl.optim.SGD(mine.parameters()) if optimized else None  # which moves the parameters
    averaged = torch.optim.swa_utils.AveragedModel(
        other, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    )
    for _ in range(30):
        for p, q in zip(mine.parameters(), other.parameters(), strict=True):
            value = rng.normal(size=p.shape).astype(dtype)
            p.array[...] = dl.tensor(value).array
            q.data.copy_(torch.tensor(value))
        ema.update()
        averaged.update_parameters(other)
    expected = {name.removeprefix("module."): p.detach() for name, p in averaged.named_parameters()}
    actual = ema.averages()
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name].numpy(), value.numpy(), rtol=tolerance, atol=tolerance, strict=True)
    assert ema.n_averaged == int(averaged.n_averaged) == 30
    assert optimizer is None or len(optimizer.param_groups) == 1


@pytest.mark.parametrize("decay", [-0.1, 1.1])
def test_what_pytorch_refuses_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    with pytest.raises(ValueError, match="decay"):
        dl.optim.ExponentialMovingAverage(network(dl.nn), decay)
