"""Transforms of batches: against plain loops and SciPy, their randomness, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import dlcore as dl
from dlcore.data import DataLoader, TensorDataset
from dlcore.data import transforms as t
from dlcore.data.transforms import affine, inverse_of

RANDOM = {
    "crop": t.RandomCrop(5, padding=2),
    "crop of the inside": t.RandomCrop((4, 3)),
    "horizontal flip": t.RandomHorizontalFlip(),
    "vertical flip": t.RandomVerticalFlip(0.3),
    "affine": t.RandomAffine(30, (0.2, 0.1), (0.8, 1.2), 10),
    "several": t.Compose([t.RandomCrop(6, 1), t.RandomHorizontalFlip(), t.RandomAffine(5), t.Normalize(0.5, 0.25)]),
}


def images(rng: np.random.Generator, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return rng.uniform(size=(7, 3, 6, 6)).astype(dtype)


@pytest.mark.parametrize("name", RANDOM)
def test_the_generator_decides(name: str, rng: np.random.Generator) -> None:
    transform, batch = RANDOM[name], images(rng)
    kept = batch.copy()
    first, again, other = (transform(batch, dl.Generator(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(batch, kept)
    assert not np.shares_memory(first, batch)
    assert first.dtype == batch.dtype
    dl.manual_seed(1)
    np.testing.assert_array_equal(transform(batch), first)
    as_tensor = transform(dl.tensor(batch), dl.Generator(1))
    np.testing.assert_array_equal(as_tensor.numpy(), first)
    assert as_tensor.device == dl.current_device()


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("shape", [(0, 3, 6, 6), (1, 1, 6, 6), (3, 0, 6, 6)])
def test_small_batches(name: str, shape: tuple[int, ...]) -> None:
    result = RANDOM[name](np.ones(shape, np.float32))
    assert result.shape[:2] == shape[:2]


def test_each_image_gets_a_window_of_its_own(rng: np.random.Generator) -> None:
    batch = images(rng)
    padded = np.pad(batch, ((0, 0), (0, 0), (2, 2), (1, 1)))
    seen = set()
    for seed in range(30):
        cropped = t.RandomCrop((5, 4), padding=(2, 1))(batch, dl.Generator(seed))
        assert cropped.shape == (7, 3, 5, 4)
        for image, whole in zip(cropped, padded, strict=True):
            found = [
                (top, left)
                for top in range(6)
                for left in range(5)
                if np.array_equal(whole[:, top : top + 5, left : left + 4], image)
            ]
            assert found
            seen |= set(found[:1])
    assert len(seen) == 6 * 5  # every place occurs, the last ones too


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_padding_modes(mode: str, rng: np.random.Generator) -> None:
    batch = images(rng)
    options = {"constant_values": 7} if mode == "constant" else {}
    wanted = np.pad(batch, ((0, 0), (0, 0), (1, 1), (2, 2)), mode=mode, **options)  # type: ignore[call-overload]
    np.testing.assert_array_equal(t.RandomCrop((8, 10), (1, 2), mode, fill=7)(batch), wanted)


@pytest.mark.parametrize(("transform", "axis"), [(t.RandomHorizontalFlip, 3), (t.RandomVerticalFlip, 2)])
def test_flips(transform: Any, axis: int, rng: np.random.Generator) -> None:
    batch = rng.integers(0, 255, (400, 1, 2, 3)).astype(np.uint8)
    flipped = transform(0.25)(batch, dl.Generator(3))
    turned = [np.array_equal(a, np.flip(b, axis - 1)) for a, b in zip(flipped, batch, strict=True)]
    assert all(np.array_equal(a, b) or yes for a, b, yes in zip(flipped, batch, turned, strict=True))
    assert 70 < sum(turned) < 130
    np.testing.assert_array_equal(transform(0.0)(batch), batch)
    np.testing.assert_array_equal(transform(1.0)(batch), np.flip(batch, axis))


def test_normalize_to_float_and_centre(rng: np.random.Generator) -> None:
    batch = rng.integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    floats = t.ToFloat()(batch)
    np.testing.assert_array_equal(floats, batch.astype(np.float32) / np.float32(255))
    assert t.ToFloat()(batch.astype(np.int16)).max() == batch.max()
    assert t.ToFloat()(floats.astype(np.float64)).dtype == np.float32
    mean, std = [0.1, 0.2, 0.3], (0.5, 0.25, 0.125)
    normal = t.Normalize(mean, std)(floats)
    wanted = (floats - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    np.testing.assert_allclose(normal, wanted, rtol=1e-5, atol=1e-6)
    assert normal.dtype == np.float32
    np.testing.assert_array_equal(t.CenterCrop((2, 1))(batch), batch[:, :, 1:3, 2:3])


@pytest.mark.parametrize("fill", [0.0, 0.5])
def test_affine_is_what_scipy_does(fill: float, rng: np.random.Generator) -> None:
    batch = rng.uniform(size=(5, 2, 9, 6))
    angle, scale, shear = rng.uniform(-3, 3, 5), rng.uniform(0.3, 2, 5), rng.uniform(-0.5, 0.5, 5)
    shift_x, shift_y = rng.uniform(-3, 3, (2, 5))
    actual = affine(batch, inverse_of(angle, scale, shear), shift_x, shift_y, fill)
    centre = np.array([4.0, 2.5])
    for i in range(5):
        # The forward map of places (x, y): a shear, a turn counter-clockwise on a screen (y points down), a scale.
        cos, sin = np.cos(angle[i]), np.sin(angle[i])
        forward = scale[i] * np.array([[cos, sin], [-sin, cos]]) @ np.array([[1, np.tan(shear[i])], [0, 1]])
        by_rows = np.linalg.inv(forward)[::-1, ::-1]  # SciPy counts (row, column)
        offset = centre - by_rows @ (centre + np.array([shift_y[i], shift_x[i]]))
        for channel in range(2):
            # `grid-constant` interpolates between the image and the constant, as we do.
            wanted = ndimage.affine_transform(
                batch[i, channel], by_rows, offset, order=1, mode="grid-constant", cval=fill
            )
            np.testing.assert_allclose(actual[i, channel], wanted, rtol=0, atol=1e-10)


def test_affine_of_nothing_and_of_quarter_turns(rng: np.random.Generator) -> None:
    batch = images(rng)
    np.testing.assert_allclose(t.RandomAffine(0)(batch), batch, rtol=0, atol=1e-6)
    np.testing.assert_allclose(t.RandomAffine((90, 90))(batch), np.rot90(batch, 1, (2, 3)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(t.RandomAffine((180, 180))(batch), batch[:, :, ::-1, ::-1], rtol=0, atol=1e-5)
    halved = t.RandomAffine(0, scale=(0.5, 0.5), fill=9)(np.ones((1, 1, 8, 8)))
    assert halved[0, 0, 3, 3] == 1
    assert halved[0, 0, 0, 0] == 9


def test_ranges_are_used_to_their_ends() -> None:
    bar = np.zeros((500, 1, 1, 41))
    bar[..., 20] = 1
    moved = t.RandomAffine(0, translate=(0.25, 0.0))(bar, dl.Generator(0))
    centres = (moved * np.arange(41)).sum(axis=(1, 2, 3)) / moved.sum(axis=(1, 2, 3)) - 20
    assert -10.26 < centres.min() < -9.5
    assert 9.5 < centres.max() < 10.26


def test_the_loader_gives_the_same_with_any_workers(rng: np.random.Generator) -> None:
    dataset = TensorDataset(images(rng), np.arange(7))

    def epoch(workers: int) -> list[Any]:
        loader = DataLoader(
            dataset, 3, shuffle=True, generator=dl.Generator(4), transform=RANDOM["several"], num_workers=workers
        )
        return [[entry.tolist() for entry in batch] for batch in loader]

    assert epoch(0) == epoch(1) == epoch(3)


BATCH = np.zeros((2, 3, 4, 4), np.float32)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "axes": (lambda: t.ToFloat()(BATCH[0]), dl.ShapeError, r"ToFloat: expected a batch .*got shape \(3, 4, 4\)"),
    "dtype": (lambda: t.ToFloat()(BATCH.astype(complex)), dl.DTypeError, "expected real numbers, got complex128"),
    "compose": (lambda: t.Compose([3]), TypeError, "Compose: a transform must be a function, got 3"),  # type: ignore[list-item]
    "std": (lambda: t.Normalize(0.0, 0.0), ValueError, "std must be > 0, got 0.0"),
    "mean": (lambda: t.Normalize("x", 1.0), ValueError, "mean must be a number or a list of them, got 'x'"),  # type: ignore[arg-type]
    "channels": (lambda: t.Normalize([0, 0], 1)(BATCH), dl.ShapeError, "2 values in mean for 3 channels"),
    "integers": (lambda: t.Normalize(0, 1)(BATCH.astype(int)), dl.DTypeError, "expected floats, got int64; ToFloat"),
    "crop": (lambda: t.RandomCrop(0), ValueError, "size must be an int >= 1 or a pair of them, got 0"),
    "crop kind": (lambda: t.RandomCrop(1.5), TypeError, "size must be an int or a pair of them, got 1.5"),  # type: ignore[arg-type]
    "padding": (lambda: t.RandomCrop(1, -1), ValueError, "padding must be an int >= 0 or a pair of them, got -1"),
    "padding_mode": (lambda: t.RandomCrop(1, 1, "wrap"), ValueError, "padding_mode must be constant, .*got 'wrap'"),
    "large": (lambda: t.RandomCrop(7, 1)(BATCH), dl.ShapeError, r"images of \(6, 6\) are smaller than \(7, 7\)"),
    "centre": (lambda: t.CenterCrop(5)(BATCH), dl.ShapeError, r"CenterCrop: images of \(4, 4\) are smaller"),
    "p": (lambda: t.RandomHorizontalFlip(1.5), ValueError, r"RandomHorizontalFlip: p must be .*\[0, 1\], got 1.5"),
    "vertical p": (lambda: t.RandomVerticalFlip("x"), ValueError, "RandomVerticalFlip: p must be a number"),  # type: ignore[arg-type]
    "degrees": (lambda: t.RandomAffine(-1), ValueError, r"degrees must be >= 0 or \(low, high\), got -1"),
    "degrees order": (lambda: t.RandomAffine((3, 1)), ValueError, r"degrees must be >= 0 or \(low, high\), got \(3, 1"),
    "degrees NaN": (lambda: t.RandomAffine(float("nan")), ValueError, "degrees must be >= 0"),
    "translate": (lambda: t.RandomAffine(0, (0, 2)), ValueError, r"translate must be .* in \[0, 1\], got \(0, 2"),
    "one translate": (lambda: t.RandomAffine(0, 0.1), ValueError, "translate must be two numbers, got 0.1"),  # type: ignore[arg-type]
    "scale": (lambda: t.RandomAffine(0, scale=(0, 1)), ValueError, r"scale must be 0 < low <= high, got \(0, 1\)"),
    "shear": (lambda: t.RandomAffine(0, shear=-1), ValueError, "shear must be >= 0"),
    "affine integers": (lambda: t.RandomAffine(0)(BATCH.astype(int)), dl.DTypeError, "expected floats, got int64"),
    "generator": (lambda: t.RandomCrop(2)(BATCH, 3), TypeError, "generator must be a dl.Generator"),  # type: ignore[arg-type]
    "nothing": (lambda: t.Transform()(BATCH), NotImplementedError, "Transform must define apply"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    build, error, message = BAD[name]
    with pytest.raises(error, match=message):
        build()


def test_repr() -> None:
    assert repr(t.Compose([t.RandomCrop(4, 1), t.ToFloat()])) == (
        "Compose(transforms=[RandomCrop(size=(4, 4), padding=(1, 1), padding_mode='constant', fill=0.0), ToFloat()])"
    )
