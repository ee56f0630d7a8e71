"""Training on the simulated GPU: the same numbers as on NumPy from the same seed, in few launches, with no waiting."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
import dlcore.nn.functional as F
from dlcore import nn
from dlcore.backends.cusim import counters


def small_cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.Tanh(), nn.Flatten(),
        nn.Dropout(0.4), nn.Linear(24, 16), nn.Sigmoid(), nn.Dropout(0.2), nn.Linear(16, 10),
    )  # fmt: skip


def lenet5() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def train(
    device: str, dtype: str, optimizer: Callable[..., dl.optim.Optimizer], steps: int
) -> tuple[list[float], list[np.ndarray]]:
    """The losses of some steps on digits, and the gradients of the first one."""
    losses, first = [], []
    with dl.device(device):
        dl.manual_seed(11)
        model = small_cnn().to(dtype)
        opt = optimizer(model.parameters())
        loader = dl.data.DataLoader(dl.data.digits(train=True), batch_size=16, shuffle=True)
        for images, labels in loader:
            opt.zero_grad()
            loss = F.cross_entropy(model(images.astype(dtype)), labels)
            loss.backward()
            if not losses:
                first = [p.grad.numpy() for p in model.parameters()]
            opt.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
    return losses, first


def test_float64_losses_agree_over_20_steps_of_adam() -> None:
    losses = [train(device, "float64", dl.optim.Adam, 20)[0] for device in ("numpy", "cusim")]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-9)
    assert losses[0][0] != losses[0][-1]


def test_float32_agrees_with_numpy() -> None:
    def sgd(parameters: list[nn.Parameter]) -> dl.optim.Optimizer:
        return dl.optim.SGD(parameters, lr=0.05)

    (expected, gradients), (losses, got) = (train(device, "float32", sgd, 20) for device in ("numpy", "cusim"))
    assert losses[0] == pytest.approx(expected[0], rel=1e-5)
    for theirs, ours in zip(gradients, got, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-4)


def test_initial_weights_and_masks_have_the_same_bits() -> None:
    made = []
    for device in ("numpy", "cusim"):
        with dl.device(device):
            dl.manual_seed(5)
            tensors = [
                *small_cnn().parameters(), dl.randn(33), dl.rand(7, dtype="float64"), dl.randint(-5, 9, (11,)),
                dl.randperm(50), F.dropout(dl.ones(101), 0.3), nn.init.kaiming_normal_(dl.zeros((5, 7))),
            ]  # fmt: skip
            made.append([x.numpy() for x in tensors])
    for theirs, ours in zip(*made, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_training_twice_from_one_seed_gives_the_same_bits() -> None:
    first, second = (train("cusim", "float32", dl.optim.Adam, 3)[0] for _ in range(2))
    assert first == second


@pytest.fixture(scope="module")
def lenet_step() -> counters.Record:
    """What one training step in the steady state does: LeNet-5, batch 128, Adam."""
    with dl.device("cusim"):
        dl.manual_seed(0)
        model = lenet5()
        optimizer = dl.optim.Adam(model.parameters())
        images, labels = dl.rand(128, 1, 28, 28), dl.randint(0, 10, (128,))

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


def test_a_step_of_lenet_takes_at_most_30_launches(lenet_step: counters.Record) -> None:
    assert lenet_step.launches <= 30, lenet_step


def test_a_step_of_lenet_does_not_wait_and_takes_no_new_memory(lenet_step: counters.Record) -> None:
    assert lenet_step.synchronisations == 0, lenet_step
    assert lenet_step.allocations == 0, lenet_step


def test_an_optimizer_step_is_one_launch_for_each_dtype() -> None:
    makers: list[Callable[..., dl.optim.Optimizer]] = [
        dl.optim.SGD, lambda p: dl.optim.SGD(p, momentum=0.9, nesterov=True), dl.optim.Adam, dl.optim.AdamW,
        dl.optim.Adagrad, dl.optim.Adadelta, dl.optim.RMSprop,
        lambda p: dl.optim.RMSprop(p, momentum=0.9, centered=True), lambda p: dl.optim.Adam(p, amsgrad=True),
    ]  # fmt: skip
    for make in makers:
        with dl.device("cusim"):
            parameters = [nn.Parameter(dl.randn(5, 3)), nn.Parameter(dl.randn(7)),
                          nn.Parameter(dl.randn(4).to("float64"))]  # fmt: skip
            optimizer = make(parameters)
            for _ in range(2):
                optimizer.zero_grad()
                sum(((p * p).sum().to("float32") for p in parameters), start=dl.zeros(())).backward()
                with counters.record() as record:
                    optimizer.step()
        assert record.launches == 2, (optimizer, record)
        assert record.synchronisations == 0


def test_the_demo_runs_on_the_simulated_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = spec_from_file_location("digits_example", Path(__file__).parents[2] / "examples" / "digits.py")
    assert spec is not None
    assert spec.loader is not None
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    try:
        accuracy = example.main(["--device", "cusim", "--epochs", "1", "--output", str(tmp_path)])
    finally:
        dl.set_device(None)
    assert accuracy > 0.6
    assert "digits on cusim:0" in capsys.readouterr().out
