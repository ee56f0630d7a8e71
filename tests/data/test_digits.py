"""The embedded digits: their content, and the split, which must never change."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl

ROOT = Path(__file__).parents[2]


def as_numpy(train: bool | None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    images, labels = dl.data.digits(train).tensors
    return images.numpy(), labels.numpy()


def test_shapes_dtypes_and_range() -> None:
    for train, count in ((True, 1438), (False, 359), (None, 1797)):
        images, labels = as_numpy(train)
        assert images.shape == (count, 1, 8, 8)
        assert images.dtype == np.float32
        assert labels.shape == (count,)
        assert labels.dtype == np.int64
        assert images.min() == 0
        assert images.max() == 1
    assert len(dl.data.digits()) == 1438


def test_the_content_is_what_the_tool_made() -> None:
    spec = importlib.util.spec_from_file_location("make_digits", ROOT / "tools" / "make_digits.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    with np.load(ROOT / "dlcore" / "data" / "digits.npz") as archive:
        content = b"".join(archive[name].tobytes() for name in ("images", "labels", "held_out"))
    assert hashlib.sha256(content).hexdigest() == tool.CONTENT_SHA256


def test_the_split_is_pinned() -> None:
    digest = hashlib.sha256()
    for train in (True, False):
        images, labels = as_numpy(train)
        digest.update((images * 16).astype(np.uint8).tobytes())
        digest.update(labels.astype(np.uint8).tobytes())
    assert digest.hexdigest() == "6bcc4d533e29dff4d33737294524e89510c446f4d84e0f964c30cf92ccb542b2"


def test_the_split_is_stratified_and_complete() -> None:
    (train, train_labels), (held_out, held_labels), (every, labels) = (as_numpy(part) for part in (True, False, None))
    counts = np.bincount(labels)
    np.testing.assert_array_equal(np.bincount(held_labels), np.round(counts / 5))
    rows = sorted(np.concatenate([train, held_out]).reshape(-1, 64).tolist())
    assert rows == sorted(every.reshape(-1, 64).tolist())
    np.testing.assert_array_equal(labels[:10], np.arange(10))  # the order of the source
    assert np.bincount(train_labels).sum() == 1438


def test_the_images_look_like_their_labels() -> None:
    """Each class has its own mean image: the nearest one names nine held-out digits of ten."""
    images, labels = as_numpy(True)
    means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])
    held_out, expected = as_numpy(False)
    distances = ((held_out.reshape(-1, 1, 64) - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == expected).mean() > 0.88


@pytest.mark.parametrize("train", ["train", 2, 0.5])
def test_bad_arguments(train: Any) -> None:
    with pytest.raises(TypeError, match="train must be True, False or None"):
        dl.data.digits(train)
