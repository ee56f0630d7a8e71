"""MNIST and Fashion-MNIST, from files on this machine or from the network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._tensor import asarray
from dlcore.data._download import download
from dlcore.data._idx import read_idx
from dlcore.data.dataset import TensorDataset
from dlcore.io._cache import user_cache_dir

if TYPE_CHECKING:
    from typing import Any

VARIABLE = "DLCORE_DATA"


class _Files(NamedTuple):
    """A data set in MNIST's format: its folder, where it can be fetched, its files and their content."""

    name: str
    url: str  # of the folder that has `<file>.gz`
    train: tuple[tuple[str, str], tuple[str, str]]  # (images, labels), each (file, sha256 of the uncompressed content)
    test: tuple[tuple[str, str], tuple[str, str]]
    installed: str = ""  # the folder that a package of the system puts the files into


_MNIST = _Files(
    name="mnist",
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    train=(
        ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ),
    test=(
        ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
)
_FASHION_MNIST = _Files(
    name="fashion-mnist",
    url="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    train=(
        ("train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        ("train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    ),
    test=(
        ("t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        ("t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    installed="/usr/share/datasets/fashion-mnist",
)
_MAX_DOWNLOAD = 64 << 20  # bytes; the largest file has 26 MB


def mnist(
    train: bool = True, root: str | os.PathLike[str] | None = None, *, device: str | device_ | None = None
) -> TensorDataset:
    """The MNIST hand-written digits: 60,000 images to train on, 10,000 to test, of 28x28.

    Args:
        train: True gives the training set (the default), False the test set.
        root: the folder that has (or will have) a folder `mnist` with the IDX files
            `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
            `t10k-labels-idx1-ubyte`, each plain or with `.gz`. Default: the folder that the environment variable
            `DLCORE_DATA` names, then `dlcore` in the user's cache folder. Files that are in none of them are fetched
            from PyTorch's public mirror, with a progress bar, into `root` if given, else into the cache.
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the images, (N, 1, 28, 28) float32 in [0, 1], and the labels, (N,) int64 in 0..9.

    Raises:
        FileNotFoundError: the files are not there and cannot be fetched; the message says which files to put where.
        ValueError: a file is corrupt or has other content than MNIST (its sha256 is checked); nothing is replaced.
        OSError: a fetched file could not be written.
        DeviceError: as for `dl.device`.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; CC BY-SA 3.0.

    `mnist().tensors[0].shape` is `(60000, 1, 28, 28)`.
    """
    return _load(_MNIST, train, root, device)


def fashion_mnist(
    train: bool = True, root: str | os.PathLike[str] | None = None, *, device: str | device_ | None = None
) -> TensorDataset:
    """Fashion-MNIST: 60,000 images of clothes to train on, 10,000 to test, of 28x28, in MNIST's format but harder.

    Args:
        train: True gives the training set (the default), False the test set.
        root: the folder that has (or will have) a folder `fashion-mnist` with the four IDX files, named as those of
            `mnist`, each plain or with `.gz`. Default: the folder that the environment variable `DLCORE_DATA` names,
            then what Debian's package `dataset-fashion-mnist` installs (`/usr/share/datasets/fashion-mnist`), then
            `dlcore` in the user's cache folder. Files that are in none of them are fetched from the authors' repository
            on GitHub, with a progress bar, into `root` if given, else into the cache.
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the images, (N, 1, 28, 28) float32 in [0, 1], and the labels, (N,) int64: 0 T-shirt,
        1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Raises:
        FileNotFoundError, ValueError, OSError, DeviceError: as `mnist`.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv 1708.07747, 2017; copyright 2017 Zalando SE, MIT licence.

    `fashion_mnist().tensors[0].shape` is `(60000, 1, 28, 28)`.
    """
    return _load(_FASHION_MNIST, train, root, device)


def _load(
    source: _Files, train: bool, root: str | os.PathLike[str] | None, device: str | device_ | None
) -> TensorDataset:
    if train not in (True, False):
        raise TypeError(f"{source.name}: train must be True or False, got {train!r}")
    where = current_device() if device is None else device_(device)
    (images_name, images_hash), (labels_name, labels_hash) = source.train if train else source.test
    images = _read(source, root, images_name, images_hash)
    labels = _read(source, root, labels_name, labels_hash)
    scaled = images[:, np.newaxis].astype(np.float32) / np.float32(255)
    return TensorDataset(asarray(scaled, device=where), asarray(labels.astype(np.int64), device=where))


def _read(source: _Files, root: str | os.PathLike[str] | None, name: str, sha256: str) -> np.ndarray[Any, Any]:
    folders = _folders(source, root)
    for folder in folders:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return read_idx(path, sha256)

    path = folders[-1] / f"{name}.gz"
    url = f"{source.url}{name}.gz"
    try:
        download(url, path, lambda temporary: _check(url, temporary, sha256), _MAX_DOWNLOAD)
    except ConnectionError as error:
        own = next(folder for folder in folders if str(folder) != source.installed)
        names = [f"{file}.gz" for file, _ in (*source.train, *source.test)]
        raise FileNotFoundError(
            f"{source.name}: {name}.gz is not in {' nor in '.join(str(folder) for folder in folders)}, and fetching "
            f"it failed ({error}). Put the files {', '.join(names)} (or the same without .gz) into {own}; "
            f"{VARIABLE} can name another folder that has a folder {source.name!r} with them"
        ) from error
    return read_idx(path, sha256)


def _check(url: str, temporary: str, sha256: str) -> None:
    try:
        read_idx(temporary, sha256)
    except ValueError as error:
        raise ValueError(f"what came from {url} was not kept: {error}") from error


def _folders(source: _Files, root: str | os.PathLike[str] | None) -> list[Path]:
    """Where the files may be; a fetched file goes into the last one."""
    if root is not None:
        return [Path(root) / source.name]
    chosen, cache = os.environ.get(VARIABLE), user_cache_dir() / source.name
    folders = [Path(chosen) / source.name] if chosen else []
    if source.installed:
        folders.append(Path(source.installed))
    return [*folders, cache]
