"""Images in folders, a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dlcore.data.dataset import Dataset

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
_MODES = {"RGB": 3, "L": 1, "RGBA": 4}


class ImageFolder(Dataset):
    """The images under `root/class/...`, with the number of their class. Each is read when it is asked for.

    Needs Pillow (the extra `image`). Classes, and the files of each, are sorted by name, so that the numbers are the
    same everywhere.

    Args:
        root: the folder with a folder for each class; images may lie in folders of these, too. Files with other
            endings than those of images are passed over.
        size: (height, width) that every image is resized to, bilinearly; an int for both. None leaves them as they are,
            and only images of one size can be in one batch.
        mode: "RGB" (the default), "L" (grey) or "RGBA".
        transform: called with each image, a (C, H, W) float32 array; what it returns is the item's image. For
            transforms of whole batches see `DataLoader`.

    Attributes:
        classes: the names of the classes.
        class_to_idx: their numbers by name.
        samples: the list of (path, class number).

    An item is a float32 array (C, H, W) in [0, 1] and an int.

    Raises:
        FileNotFoundError: no such folder, no class in it, or a class without images.
        ModuleNotFoundError: Pillow is not installed. ValueError: an argument out of range.
        ValueError: by an item whose file is no image, or a broken one; the message names it.

    >>> from PIL import Image
    >>> import os
    >>> for name, colour in (("cats", "black"), ("dogs", "white")):
    ...     os.makedirs(f"pets/{name}")
    ...     Image.new("RGB", (4, 3), colour).save(f"pets/{name}/1.png")
    >>> pets = dl.data.ImageFolder("pets")
    >>> pets.classes, len(pets)
    (['cats', 'dogs'], 2)
    >>> image, label = pets[1]
    >>> image.shape, float(image.min()), label
    ((3, 3, 4), 1.0, 1)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: int | tuple[int, int] | None = None,
        mode: str = "RGB",
        transform: Callable[[np.ndarray[Any, Any]], Any] | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"ImageFolder: mode must be one of {', '.join(_MODES)}, got {mode!r}")
        if transform is not None and not callable(transform):
            raise TypeError(f"ImageFolder: transform must be a function, got {transform!r:.80}")
        self.size = None if size is None else _size(size)
        _pillow()
        folder = Path(root)
        if not folder.is_dir():
            raise FileNotFoundError(f"ImageFolder: there is no folder {str(folder)!r}")
        self.root, self.mode, self.transform = folder, mode, transform
        self.classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"ImageFolder: {str(folder)!r} has no folders; expected one for each class")
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        self.samples: list[tuple[str, int]] = []
        for name, number in self.class_to_idx.items():
            found = sorted(str(path) for path in _files(folder / name) if path.suffix.lower() in EXTENSIONS)
            if not found:
                raise FileNotFoundError(
                    f"ImageFolder: class {name!r} has no images; supported are {', '.join(EXTENSIONS)}"
                )
            self.samples += [(path, number) for path in found]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> tuple[Any, int]:
        path, number = self.samples[index]
        image = self._read(path)
        return (image if self.transform is None else self.transform(image)), number

    def _read(self, path: str) -> np.ndarray[Any, Any]:
        pillow = _pillow()
        try:
            with pillow.open(path) as file:
                image = file.convert(self.mode)
        except FileNotFoundError:
            raise
        except (OSError, SyntaxError, ValueError, EOFError, pillow.DecompressionBombError) as error:
            raise ValueError(f"ImageFolder: {path!r} is no image, or a broken one: {error}") from error
        if self.size is not None:
            image = image.resize(self.size[::-1], pillow.Resampling.BILINEAR)
        values = np.asarray(image, np.uint8)
        values = values[np.newaxis] if values.ndim == 2 else values.transpose(2, 0, 1)
        return np.ascontiguousarray(values, np.float32) / np.float32(255)

    def __repr__(self) -> str:
        return f"ImageFolder({str(self.root)!r}, {len(self)} images, {len(self.classes)} classes)"


def _size(size: Any) -> tuple[int, int]:
    pair = size if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in pair):
        raise ValueError(f"ImageFolder: size must be an int > 0 or a pair of them, got {size!r}")
    return pair[0], pair[1]


def _files(folder: Path) -> list[Path]:
    return [Path(parent) / name for parent, _, names in os.walk(folder, followlinks=True) for name in names]


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "ImageFolder needs Pillow: python -m pip install pillow (or dlcore-nn's extra `image`)"
        ) from error
    return Image
