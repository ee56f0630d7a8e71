"""ImageFolder: classes and files in order, read when they are asked for, and clear about what is wrong."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import DataLoader, ImageFolder

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three classes, the second with a folder inside and a file that is no image."""
    for name, files in {"cat": ["b.png", "a.PNG"], "dog": ["deep/er/1.png", "z.bmp"], "ant": ["x.png"]}.items():
        for file in files:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)).save(path)
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    (tmp_path / "readme.txt").write_text("no class")
    return tmp_path


def test_order_and_values(folder: Path) -> None:
    images = ImageFolder(folder)
    assert images.classes == ["ant", "cat", "dog"]
    assert images.class_to_idx == {"ant": 0, "cat": 1, "dog": 2}
    names = [(str(Path(path).relative_to(folder)), number) for path, number in images.samples]
    assert names == [("ant/x.png", 0), ("cat/a.PNG", 1), ("cat/b.png", 1), ("dog/deep/er/1.png", 2), ("dog/z.bmp", 2)]
    for i in range(len(images)):
        image, label = images[i]
        with Image.open(images.samples[i][0]) as file:
            pixels = np.asarray(file.convert("RGB"))
        np.testing.assert_array_equal(
            image, pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255), strict=True
        )
        assert label == images.samples[i][1]
    assert repr(images) == f"ImageFolder({str(folder)!r}, 5 images, 3 classes)"


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 4)])
def test_modes_and_sizes(folder: Path, mode: str, channels: int) -> None:
    image, _ = ImageFolder(folder, size=(3, 8), mode=mode)[0]
    assert image.shape == (channels, 3, 8)
    assert ImageFolder(folder, size=5, mode=mode)[0][0].shape == (channels, 5, 5)
    assert 0 <= image.min() <= image.max() <= 1


def test_grey_palette_and_deep_images(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    Image.new("L", (2, 2), 51).save(tmp_path / "one" / "a.png")
    Image.new("P", (2, 2), 0).save(tmp_path / "one" / "b.gif")
    Image.new("1", (2, 2), 1).save(tmp_path / "one" / "c.png")
    images = ImageFolder(tmp_path)
    np.testing.assert_allclose(images[0][0], 0.2, rtol=1e-6)
    assert images[1][0].shape == (3, 2, 2)
    assert images[2][0].min() == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_batches(folder: Path, workers: int) -> None:
    images = ImageFolder(folder, transform=lambda image: image[:1] * 2)
    batches = list(DataLoader(images, batch_size=3, num_workers=workers))
    assert [batch.shape for batch, _ in batches] == [(3, 1, 4, 6), (2, 1, 4, 6)]
    assert [label for _, labels in batches for label in labels.tolist()] == [0, 1, 1, 2, 2]
    assert batches[0][0].dtype == np.float32


def test_files_are_read_when_they_are_asked_for(folder: Path) -> None:
    images = ImageFolder(folder)
    (folder / "ant" / "x.png").write_bytes(b"broken")
    (folder / "cat" / "a.PNG").write_bytes((folder / "cat" / "b.png").read_bytes()[:-30])
    (folder / "cat" / "b.png").unlink()
    for position, name in ((0, "x.png"), (1, "a.PNG")):
        with pytest.raises(ValueError, match=rf"{name}' is no image, or a broken one"):
            images[position]
    with pytest.raises(FileNotFoundError, match=r"b\.png"):
        images[2]
    assert images[3][1] == 2


def test_a_bomb_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(ValueError, match=r"x\.png' is no image, or a broken one"):
        ImageFolder(folder)[0]


BAD: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "folder": (lambda f: ImageFolder(f / "none"), FileNotFoundError, "there is no folder .*none"),
    "classes": (lambda f: ImageFolder(f / "ant"), FileNotFoundError, "has no folders; expected one for each class"),
    "images": (lambda f: ImageFolder(f / "dog" / "deep"), FileNotFoundError, "class 'er' has no images"),
    "mode": (lambda f: ImageFolder(f, mode="CMYK"), ValueError, "mode must be one of RGB, L, RGBA, got 'CMYK'"),
    "size": (lambda f: ImageFolder(f, size=0), ValueError, "size must be an int > 0 or a pair of them, got 0"),
    "sizes": (lambda f: ImageFolder(f, size=(1, 2, 3)), ValueError, r"got \(1, 2, 3\)"),  # type: ignore[arg-type]
    "transform": (lambda f: ImageFolder(f, transform=3), TypeError, "transform must be a function, got 3"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name: str, folder: Path) -> None:
    build, error, message = BAD[name]
    (folder / "dog" / "deep" / "er" / "1.png").rename(folder / "dog" / "deep" / "1.png")
    with pytest.raises(error, match=f"^ImageFolder: .*{message}"):
        build(folder)


def test_pillow_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "PIL":
            raise ModuleNotFoundError("No module named 'PIL'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="ImageFolder needs Pillow: python -m pip install pillow"):
        ImageFolder(folder)


def test_images_of_several_sizes_need_a_size(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for i in (1, 2):
        Image.new("L", (i, 2)).save(tmp_path / "one" / f"{i}.png")
    with pytest.raises(dl.ShapeError, match="same shape"):
        next(iter(DataLoader(ImageFolder(tmp_path), batch_size=2)))
    ((batch, _),) = DataLoader(ImageFolder(tmp_path, size=2), batch_size=2)
    assert batch.shape == (2, 3, 2, 2)
