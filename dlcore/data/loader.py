"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore import _device
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor, asarray
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.random import generator_for, randperm

if TYPE_CHECKING:
    from dlcore.random import Generator


class DataLoader:
    """Iterates over a data set in batches; each `iter()` is one epoch.

    Args:
        dataset: a `TensorDataset` (its batches are one indexing each), or anything with `__len__` and `__getitem__`,
            whose items are fetched one by one and stacked.
        batch_size: items per batch, at least 1. Default: 1.
        shuffle: a new random order every epoch. Default: False.
        drop_last: leave out the last batch if it is smaller. Default: False.
        generator: where the random order comes from. Default: the library's generator (`dl.manual_seed`). The same
            seed gives the same order on every device.
        device: where the batches are. Default: the device that is current when the epoch begins.

    Yields:
        Tensors, in tuples or dicts if the items are tuples or dicts. The first axis counts the items of the batch:
        items of shape (...) give (batch_size, ...). Batches are copies: changing one leaves the data set as it is.

    Raises:
        ValueError: the data set is empty, or `batch_size` is less than 1.
        TypeError: `batch_size` is no integer, or an item is of a kind that cannot be stacked.
        ShapeError: the items of a batch have different shapes.

    >>> import dlcore as dl
    >>> ds = dl.data.TensorDataset([[1.0], [2.0], [3.0]], [1, 2, 3])
    >>> loader = dl.data.DataLoader(ds, batch_size=2)
    >>> len(loader)
    2
    >>> for x, y in loader:
    ...     print(x.shape, y)
    (2, 1) tensor([1, 2])
    (1, 1) tensor([3])
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: Generator | None = None,
        device: str | _device.device | None = None,
    ) -> None:
        try:
            size = operator.index(batch_size)
        except TypeError:
            raise TypeError(f"DataLoader: batch_size must be an integer, got {batch_size!r}") from None
        if size < 1 or isinstance(batch_size, bool):
            raise ValueError(f"DataLoader: batch_size must be at least 1, got {batch_size!r}")
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(f"DataLoader: dataset must have __len__ and __getitem__, got {type(dataset).__name__}")
        self.dataset = dataset
        self.batch_size = size
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        if generator is not None:
            generator_for("DataLoader", generator)
        self.generator = generator
        self.device = None if device is None else _device.device(device)
        self._item_count()

    def __len__(self) -> int:
        """The number of batches of one epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[Any]:
        # No generator function: the order is drawn now, not at the first batch, so that it does not depend on
        # what else is drawn in between.
        count = self._item_count()
        where = self.device or _device.current_device()
        order = randperm(count, generator=self.generator).numpy() if self.shuffle else np.arange(count)
        return self._batches(order, where)

    def _batches(self, order: np.ndarray[Any, Any], where: _device.device) -> Iterator[Any]:
        dataset = self.dataset
        # A subclass may give other items than the rows, so only the indexing of TensorDataset itself is trusted.
        by_rows = isinstance(dataset, TensorDataset) and type(dataset).__getitem__ is TensorDataset.__getitem__
        for number in range(len(self)):
            indices = order[number * self.batch_size : (number + 1) * self.batch_size]
            if by_rows:
                rows = dataset[indices]  # type: ignore[index]
                yield tuple(tensor if tensor.device is where else tensor.to(where) for tensor in rows)
            else:
                yield _stack([dataset[int(index)] for index in indices], where)

    def _item_count(self) -> int:
        count = len(self.dataset)
        if count == 0:
            raise ValueError(f"DataLoader: the data set is empty ({self.dataset!r:.80})")
        return count


def _stack(items: list[Any], where: _device.device) -> Any:
    """Items of one batch along a new first axis; tuples and dicts entry by entry."""
    first = items[0]
    for item in items:
        if _structure(item) != _structure(first):
            raise TypeError(f"DataLoader: the items of a batch differ in their structure: {first!r:.80}, {item!r:.80}")
    if isinstance(first, tuple | list):
        return tuple(_stack(list(entries), where) for entries in zip(*items, strict=True))
    if isinstance(first, Mapping):
        return {key: _stack([item[key] for item in items], where) for key in first}
    if not isinstance(first, Tensor | np.ndarray):
        return asarray(items, device=where)  # Python numbers take the library's default dtypes
    arrays = [item.numpy() if isinstance(item, Tensor) else np.asarray(item) for item in items]
    for array in arrays:
        if array.shape != arrays[0].shape:
            raise ShapeError(
                f"DataLoader: the items of a batch must have the same shape, got {arrays[0].shape} and {array.shape}"
            )
    return asarray(np.stack(arrays), device=where)


def _structure(item: Any) -> Any:
    """What two items must have in common to be stacked, apart from shapes."""
    if isinstance(item, tuple | list):
        return type(item), len(item)
    if isinstance(item, Mapping):
        return set(item)
    if isinstance(item, Tensor | np.ndarray | np.generic | bool | int | float | complex):
        return "numbers"
    raise TypeError(
        f"DataLoader: an item (or an entry of it) is of type {type(item).__name__}; "
        "expected tensors, NumPy arrays, numbers, or tuples or dicts of these"
    )
