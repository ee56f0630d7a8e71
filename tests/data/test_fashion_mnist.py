"""fashion_mnist(): where its files are looked for. How they are fetched: test_mnist.py, for it is the same code."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import _mnist

from .mirror import CONTENT, NAMES, assert_is_training_set, files_under


def use_small_fashion(monkeypatch: pytest.MonkeyPatch, url: str, installed: Path) -> None:
    small = _mnist._MNIST._replace(name="fashion-mnist", url=url, installed=str(installed))
    monkeypatch.setattr(_mnist, "_FASHION_MNIST", small)


@pytest.mark.parametrize("place", ["root", "DLCORE_DATA", "installed", "cache"])
def test_where_fashion_mnist_is_looked_for(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    use_small_fashion(monkeypatch, mirror + "missing/", tmp_path / "system")
    folder = {
        "root": tmp_path / "here" / "fashion-mnist",
        "DLCORE_DATA": tmp_path / "here" / "fashion-mnist",
        "installed": tmp_path / "system",
        "cache": tmp_path / "cache" / "dlcore" / "fashion-mnist",
    }[place]
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    if place == "DLCORE_DATA":
        monkeypatch.setenv("DLCORE_DATA", str(tmp_path / "here"))
    assert_is_training_set(dl.data.fashion_mnist(root=tmp_path / "here" if place == "root" else None))


def test_fashion_mnist_is_fetched_into_the_cache(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_fashion(monkeypatch, mirror + "good/", tmp_path / "system")
    assert_is_training_set(dl.data.fashion_mnist())
    assert files_under(tmp_path / "cache") == [f"{name}.gz" for name in NAMES[:2]]
    assert not (tmp_path / "system").exists()
    use_small_fashion(monkeypatch, mirror + "missing/", tmp_path / "system")
    with pytest.raises(FileNotFoundError, match=r"fashion-mnist: .*Put the files .* into .*cache") as caught:
        dl.data.fashion_mnist(train=False)
    assert str(tmp_path / "system") in str(caught.value)  # it was looked for there


def test_fashion_mnist_bad_argument() -> None:
    with pytest.raises(TypeError, match=r"fashion-mnist: train must be True or False, got 'yes'"):
        dl.data.fashion_mnist(train="yes")  # type: ignore[arg-type]


def test_the_real_fashion_mnist_of_the_system() -> None:
    folder = Path(_mnist._FASHION_MNIST.installed)
    if not all((folder / f"{name}.gz").is_file() for name in NAMES):
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    images, labels = dl.data.fashion_mnist(train=False, root=None).tensors
    assert images.shape == (10000, 1, 28, 28)
    assert np.bincount(labels.numpy()).tolist() == [1000] * 10
