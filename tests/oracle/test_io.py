"""Checkpoints travel between dlcore and PyTorch, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import dlcore as dl

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64"]
SHAPES = [(), (0,), (3,), (2, 0, 3), (2, 3, 4)]


def sample(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.normal(size=shape) * 50).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch_reads_what_dlcore_writes(tmp_path: Path, rng: np.random.Generator, dtype: str) -> None:
    state = {f"layer.{n}": sample(rng, dtype, shape) for n, shape in enumerate(SHAPES)}
    dl.save({name: dl.tensor(array) for name, array in state.items()}, tmp_path / "f", metadata={"epoch": "1"})
    loaded = load_file(tmp_path / "f")
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        assert loaded[name].dtype == getattr(torch, dtype)
        assert loaded[name].shape == array.shape
        assert loaded[name].numpy().tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlcore_reads_what_pytorch_writes(tmp_path: Path, rng: np.random.Generator, dtype: str) -> None:
    state = {f"layer.{n}": sample(rng, dtype, shape) for n, shape in enumerate(SHAPES)}
    save_file({name: torch.from_numpy(array) for name, array in state.items()}, tmp_path / "f")
    loaded = dl.load(tmp_path / "f")
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert loaded[name].numpy().tobytes() == array.tobytes()


def test_bfloat16_is_refused_by_name(tmp_path: Path) -> None:
    save_file({"fine": torch.zeros(2), "head.weight": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "f")
    with pytest.raises(dl.DTypeError, match=r"'head\.weight' .* BF16"):
        dl.load(tmp_path / "f")


def lenet(nn: Any) -> Any:
    """LeNet-5 as a class with layers under names, in either library."""

    class LeNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
                nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(16, 120, 5), nn.Tanh(),
            )  # fmt: skip
            self.flat = nn.Flatten()
            self.hidden = nn.Linear(120, 84)
            self.classifier = nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            return self.classifier(nn.functional.tanh(self.hidden(self.flat(self.features(x)))))

    return LeNet()


@pytest.mark.every_device
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_lenet_of_pytorch_gives_the_same_here(tmp_path: Path, rng: np.random.Generator, dtype: str) -> None:
    """Its file is read by name: outputs, loss and every gradient are equal."""
    theirs, mine = lenet(torch.nn).to(getattr(torch, dtype)), lenet(dl.nn).to(dtype)
    save_file(theirs.state_dict(), tmp_path / "lenet.safetensors")
    mine.load_state_dict(dl.load(tmp_path / "lenet.safetensors"))
    images, labels = rng.normal(size=(5, 1, 28, 28)).astype(dtype), rng.integers(0, 10, 5)
    x, other = dl.tensor(images, requires_grad=True), torch.tensor(images, requires_grad=True)
    a, b = mine(x), theirs(other)
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-6}
    np.testing.assert_allclose(a.numpy(), b.detach().numpy(), **tolerance, strict=True)
    loss = dl.nn.CrossEntropyLoss()(a, dl.tensor(labels))
    other_loss = torch.nn.CrossEntropyLoss()(b, torch.tensor(labels))
    loss.backward()
    other_loss.backward()
    np.testing.assert_allclose(loss.item(), other_loss.item(), **tolerance)
    leaves = zip([x, *mine.parameters()], [other, *theirs.parameters()], ["input", *theirs.state_dict()], strict=True)
    for p, q, name in leaves:
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), **tolerance, strict=True, err_msg=name)
