"""Checkpoints travel between dlcore and PyTorch, bit for bit."""

from __future__ import annotations

from pathlib import Path

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
