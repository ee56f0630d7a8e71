"""dl.data against PyTorch: sizes of splits and batches, and the affine transform."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.transforms import affine, inverse_of

torch = pytest.importorskip("torch", exc_type=ImportError)

LENGTHS: list[list[Any]] = [
    [10], [3, 7], [0, 10], [10, 0], [1.0], [0.5, 0.5], [0.75, 0.25], [0.33, 0.33, 0.34], [0.05, 0.95], [0.1] * 10,
    [0.01, 0.99], [1, 0], [0.25] * 4, [1 / 3] * 3,
]  # fmt: skip


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 10, 11, 97])
def test_sizes_of_splits(count: int, lengths: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = [len(part) for part in torch.utils.data.random_split(range(count), lengths)]
        except ValueError:
            with pytest.raises(ValueError, match="lengths"):
                dl.data.random_split(range(count), lengths)
            return
        parts = dl.data.random_split(range(count), lengths)
    assert [len(part) for part in parts] == expected
    assert sorted(item for part in parts for item in part) == list(range(count))


@pytest.mark.parametrize("lengths", [[0.5, 0.6], [0.5, 0.4], [3, 3], [1.5, -0.5]], ids=str)
def test_splits_that_pytorch_refuses(lengths: list[Any]) -> None:
    with pytest.raises(ValueError, match=r".") as theirs:
        torch.utils.data.random_split(range(10), lengths)
    with pytest.raises(ValueError, match="lengths"):
        dl.data.random_split(range(10), lengths)
    assert str(theirs.value)


@pytest.mark.parametrize("count", [1, 7, 8])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_batches(count: int, drop_last: bool, workers: int) -> None:
    x = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    mine = dl.data.DataLoader(dl.data.TensorDataset(x, x[:, 0]), 4, drop_last=drop_last, num_workers=workers)
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(x[:, 0]))
    other = torch.utils.data.DataLoader(data, 4, drop_last=drop_last)
    assert len(mine) == len(other)
    for ours, theirs in zip(mine, other, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), strict=True)


def test_affine(rng: np.random.Generator) -> None:
    """The inverse maps as `grid_sample` takes them, in units of half a width and height."""
    batch = rng.uniform(size=(6, 3, 8, 11))
    angle, scale, shear = rng.uniform(-3, 3, 6), rng.uniform(0.4, 2, 6), rng.uniform(-0.5, 0.5, 6)
    shift = rng.uniform(-3, 3, (2, 6))
    inverse = inverse_of(angle, scale, shear)
    half = np.array([11.0, 8.0]) / 2
    theta = inverse * half[None, None, :] / half[None, :, None]
    offset = -(inverse @ shift.T[:, :, None]) / half[None, :, None]
    grid = torch.nn.functional.affine_grid(
        torch.tensor(np.concatenate([theta, offset], 2)), (6, 3, 8, 11), align_corners=False
    )
    wanted = torch.nn.functional.grid_sample(torch.tensor(batch), grid, align_corners=False)
    np.testing.assert_allclose(affine(batch, inverse, *shift, 0.0), wanted.numpy(), rtol=0, atol=1e-10)
