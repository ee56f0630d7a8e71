"""The small tables: shapes, known rows and sums, and where they come from."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import dlcore as dl

# By name: shape of the features, first row, first and last target, sum of the features and of the targets.
KNOWN: dict[str, tuple[tuple[int, int], list[float], tuple[float, float], float, float]] = {
    "iris": ((150, 4), [5.1, 3.5, 1.4, 0.2], (0, 2), 2078.7, 150),
    "breast_cancer": ((569, 30), [17.99, 10.38, 122.8, 1001.0, 0.1184], (0, 1), 1056474.46, 357),
    "wine": ((178, 13), [14.23, 1.71, 2.43, 15.6, 127.0], (0, 2), 159975.296, 167),
    "diabetes": ((442, 10), [59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87], (151, 57), 276404.2336, 67243),
}


@pytest.mark.parametrize("name", KNOWN)
def test_content(name: str) -> None:
    shape, first, ends, total, targets_total = KNOWN[name]
    features, targets = getattr(dl.data, name)().tensors
    assert features.shape == shape
    assert features.dtype == np.float32
    assert targets.shape == shape[:1]
    assert targets.dtype == (np.float32 if name == "diabetes" else np.int64)
    np.testing.assert_allclose(features.numpy()[0, : len(first)], first, rtol=1e-6)
    assert (targets[0].item(), targets[-1].item()) == ends
    assert features.numpy().sum(dtype="f8") == pytest.approx(total, rel=1e-6)
    assert targets.numpy().sum(dtype="f8") == targets_total


@pytest.mark.parametrize("name", KNOWN)
def test_a_linear_model_learns_it(name: str) -> None:
    features, targets = (t.numpy().astype("f8") for t in getattr(dl.data, name)().tensors)
    x = np.column_stack([(features - features.mean(0)) / features.std(0), np.ones(len(features))])
    wanted = targets[:, None] if name == "diabetes" else np.eye(int(targets.max()) + 1)[targets.astype(int)]
    fitted = x @ np.linalg.lstsq(x, wanted, rcond=None)[0]
    if name == "diabetes":
        assert 1 - ((fitted - wanted) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum() > 0.5
    else:
        assert (fitted.argmax(1) == targets).mean() > 0.84


def test_all_together_are_small() -> None:
    folder: Any = files("dlcore.data")
    assert sum(folder.joinpath(name).stat().st_size for name in ("tables.npz", "digits.npz")) < 300_000
    licence = folder.joinpath("LICENSE-tables.txt").read_text()
    for source in ("10.24432/C56C76", "10.24432/C5DW2B", "10.24432/C5PC7J", "CC BY 4.0", "BSD 3-Clause"):
        assert source in licence


def test_each_call_gives_new_memory() -> None:
    dl.data.iris().tensors[0].array[...] = 0
    assert dl.data.iris().tensors[0].numpy().any()


def test_device() -> None:
    assert dl.data.wine(device="numpy").tensors[0].device == "numpy"
    with pytest.raises(dl.DeviceError, match="nowhere"):
        dl.data.iris(device="nowhere")
