"""The demo: one epoch of it, with everything it writes and says."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import dlcore as dl

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "digits.py"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits_example"] = module
    spec.loader.exec_module(module)
    return module


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def test_writes_checkpoint_curves_and_mistakes(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = demo.main(["--epochs", "2", "--seed", "1", "--output", str(tmp_path)])
    assert 0.6 < accuracy <= 1
    captured = capsys.readouterr()
    assert "images/s" in captured.err  # the progress bar
    assert f"reloaded, held-out accuracy {accuracy:.2%}" in captured.out
    restored = demo.small_cnn()
    restored.load_state_dict(dl.load(tmp_path / "digits.safetensors"))
    held_out = dl.data.digits(train=False)
    logits = demo.predict(restored, held_out)
    labels = held_out.tensors[1].numpy()
    assert (logits.argmax(axis=1) == labels).mean() == accuracy
    wrong = int((logits.argmax(axis=1) != labels).sum())
    assert f"{wrong} misread digits" in captured.out
    for kind in ("curves", "mistakes"):
        width, height = png_size(tmp_path / f"digits-{kind}.png")
        assert width > 300
        assert height > 100


def test_same_seed_gives_the_same_bits(demo: ModuleType, tmp_path: Path) -> None:
    for run in ("first", "second"):
        demo.main(["--epochs", "1", "--seed", "5", "--output", str(tmp_path / run)])
    first, second = (dl.load(tmp_path / run / "digits.safetensors") for run in ("first", "second"))
    for name, tensor in first.items():
        assert tensor.numpy().tobytes() == second[name].numpy().tobytes(), name


def test_other_seeds_give_other_weights(demo: ModuleType, tmp_path: Path) -> None:
    weights = []
    for seed in ("1", "2"):
        dl.manual_seed(int(seed))
        weights.append(demo.small_cnn().state_dict()["0.weight"].numpy())
    assert not np.array_equal(*weights)


def test_device_option(demo: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(dl.DeviceError, match="unknown device 'abacus'"):
        demo.main(["--device", "abacus", "--epochs", "1", "--output", str(tmp_path)])


def test_lenet5_has_the_shapes_of_the_paper(demo: ModuleType) -> None:
    model = demo.lenet5()
    assert sum(parameter.size for parameter in model.parameters()) == 61706
    assert model(dl.zeros((2, 1, 28, 28))).shape == (2, 10)


@pytest.mark.skipif("DLCORE_DATA" not in os.environ, reason="DLCORE_DATA does not name a folder with MNIST")
def test_lenet5_learns_mnist(demo: ModuleType) -> None:
    training, held_out = dl.data.mnist(train=True), dl.data.mnist(train=False)
    dl.manual_seed(0)
    model = demo.lenet5()
    optimizer = dl.optim.Adam(model.parameters(), lr=2e-3)
    subset = dl.data.TensorDataset(*training[:6000])
    demo.train_epoch(model, dl.data.DataLoader(subset, batch_size=64, shuffle=True), optimizer, "epoch")
    few = dl.data.TensorDataset(*held_out[:2000])
    _, accuracy = demo.evaluate(demo.predict(model, few), few.tensors[1].numpy())
    assert accuracy > 0.85
