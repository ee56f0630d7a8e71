"""Networks with normalisation and embeddings on the simulated GPU: NumPy's numbers, few launches, no waiting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import dlcore as dl
import dlcore.nn.functional as F
from dlcore import DeviceError, nn
from dlcore.backends.cusim import counters


def cnn(momentum: float | None = 0.1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4, momentum=momentum), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3), nn.GroupNorm(2, 6), nn.ReLU(), nn.Flatten(),
        nn.Linear(24, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.LayerNorm(16), nn.Linear(16, 10),
    )  # fmt: skip


def text() -> nn.Sequential:
    return nn.Sequential(nn.Embedding(50, 8, padding_idx=0), nn.Flatten(), nn.Linear(32, 10), nn.BatchNorm1d(10))


def train(device: str, make: Callable[[], nn.Sequential], steps: int) -> tuple[list[float], dict[str, np.ndarray]]:
    """The losses of some steps, and the state that they leave."""
    losses = []
    with dl.device(device):
        dl.manual_seed(3)
        model = make().to("float64")
        optimizer = dl.optim.Adam(model.parameters(), lr=1e-2)
        if isinstance(model[0], nn.Embedding):
            inputs = dl.randint(0, 50, (steps, 12, 4))
        else:
            inputs = dl.rand(steps, 12, 1, 8, 8, dtype="float64")
        labels = dl.randint(0, 10, (steps, 12))
        for x, y in zip(inputs, labels, strict=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses, {name: value.numpy().copy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("make", [cnn, lambda: cnn(None), text], ids=["momentum", "averages", "embedding"])
def test_float64_losses_and_running_statistics_agree_over_10_steps(make: Callable[[], nn.Sequential]) -> None:
    (expected, state), (losses, other) = (train(device, make, 10) for device in ("numpy", "cusim"))
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)
    assert losses[0] != losses[-1]
    for name, value in state.items():
        np.testing.assert_allclose(other[name], value, rtol=0, atol=1e-7, err_msg=name)


def test_training_twice_from_one_seed_gives_the_same_bits() -> None:
    (first, state), (second, other) = (train("cusim", cnn, 3) for _ in range(2))
    assert first == second
    assert all(value.tobytes() == other[name].tobytes() for name, value in state.items())


def step_of(make: Callable[[], nn.Module], x: Callable[[], dl.Tensor]) -> counters.Record:
    """What a training step in the steady state does."""
    with dl.device("cusim"):
        model, images = make(), x()
        optimizer = dl.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        labels = dl.randint(0, 10, (images.shape[0],))

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()

        for _ in range(2):
            step()
        with counters.record() as record:
            step()
        dl.cuda.synchronize()
    return record


@pytest.mark.parametrize(("momentum", "launches"), [(0.1, 2), (None, 3)])
@pytest.mark.parametrize("batch", [16, 300])
def test_launches_of_a_layer_of_batch_normalisation(momentum: float | None, launches: int, batch: int) -> None:
    """One each way where a channel fits into registers, else two; running statistics and gradients are among them.

    For averages the statistics, which read the number of batches, are a launch of their own.
    """

    def images() -> dl.Tensor:
        return dl.rand(batch, 3, 8, 8)

    def model(*between: nn.Module) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 8, 3), *between, nn.Flatten(), nn.Linear(288, 10))

    plain = step_of(model, images)
    normalised = step_of(lambda: model(nn.BatchNorm2d(8, momentum=momentum)), images)
    expected = launches if batch == 16 else 4
    assert normalised.launches == plain.launches + expected, (plain, normalised)
    assert normalised.synchronisations == 0
    assert normalised.allocations == 0


def test_a_step_of_a_normalised_network_does_not_wait() -> None:
    record = step_of(cnn, lambda: dl.rand(12, 1, 8, 8))
    assert record.launches <= 50, record
    assert record.synchronisations == 0, record
    assert record.allocations == 0, record


def test_an_embedding_does_not_wait() -> None:
    record = step_of(text, lambda: dl.randint(0, 50, (12, 4)))
    assert record.synchronisations == 0, record


def test_rows_out_of_range_raise_at_the_next_synchronisation() -> None:
    with dl.device("cusim"):
        layer = nn.Embedding(4, 3)
        y = layer(dl.tensor([0, 4]))
        with pytest.raises(IndexError, match=r"embedding: input must be in 0\.\.3, got 4"):
            y.numpy()
        assert layer(dl.tensor([0, 3])).numpy().shape == (2, 3)


def test_frozen_rows_take_one_launch_backwards() -> None:
    with dl.device("cusim"):
        norm, x = nn.GroupNorm(2, 4).requires_grad_(False), dl.rand(3, 4, 5).requires_grad_()
        y, seed = norm(x), dl.rand(3, 4, 5)
        with counters.record() as record:
            dl.grad(y, x, seed)
    assert record.launches == 1


def test_everything_is_on_one_device() -> None:
    there, here = dl.ones((4, 3), device="cusim"), dl.ones(3, device="numpy")
    with pytest.raises(DeviceError, match="batch_norm: all tensors must be on one device"):
        F.batch_norm(there, here, here, training=True)
    with pytest.raises(DeviceError, match="layer_norm: all tensors"):
        F.layer_norm(there, 3, here)
    with pytest.raises(DeviceError, match="embedding: all tensors"):
        F.embedding(dl.tensor([0], device="numpy"), there)


def test_evaluation_takes_one_launch_for_a_layer() -> None:
    with dl.device("cusim"):
        norm, x = nn.BatchNorm2d(3).eval(), dl.rand(4, 3, 5, 5)
        with dl.no_grad():
            norm(x)
            with counters.record() as record:
                norm(x)
    assert record.launches == 1
