"""Parts of data sets, and several in a row."""

from __future__ import annotations

import math
import operator
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._tensor import Tensor
from dlcore.data.dataset import Dataset
from dlcore.random import generator_for, randperm

if TYPE_CHECKING:
    from dlcore.random import Generator


class Subset(Dataset):
    """Some items of a data set: item i is item indices[i] of it.

    Args:
        dataset: anything with `__len__` and `__getitem__`.
        indices: which items, in which order; integers in -len(dataset)..len(dataset)-1.

    Attributes:
        dataset: the whole.
        indices: the numbers, an int64 array, all >= 0.

    Raises:
        TypeError: `dataset` is none, or `indices` are no integers. IndexError: an index out of range.

    >>> part = dl.data.Subset(["a", "b", "c", "d"], [3, 0])
    >>> len(part), part[0]
    (2, 'd')
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | np.ndarray[Any, Any] | Tensor) -> None:
        count = _length("Subset", dataset)
        given = indices.numpy() if isinstance(indices, Tensor) else np.asarray(indices)
        if given.size == 0:
            given = np.zeros(0, np.int64)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise TypeError(f"Subset: indices must be a list of integers, got {indices!r:.80}")
        wrong = given[(given < -count) | (given >= count)]
        if wrong.size:
            raise IndexError(f"Subset: index {wrong[0]} is out of range for {count} items")
        numbers = given.astype(np.int64)
        self.dataset = dataset
        self.indices: np.ndarray[Any, Any] = np.where(numbers < 0, numbers + count, numbers)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> Any:
        return self.dataset[int(self.indices[_checked("Subset", index, len(self))])]

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


class ConcatDataset(Dataset):
    """Several data sets in a row.

    Args:
        datasets: at least one.

    Attributes:
        datasets: the list of them.
        cumulative_sizes: where each of them ends.

    Raises:
        ValueError: none. TypeError: something that is no data set.

    >>> both = dl.data.ConcatDataset([["a", "b"], ["c"]])
    >>> len(both), both[2], both[-3]
    (3, 'c', 'a')
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected at least one data set, got none")
        self.cumulative_sizes = list(accumulate(_length("ConcatDataset", dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int, /) -> Any:
        number = _checked("ConcatDataset", index, len(self))
        which = bisect_right(self.cumulative_sizes, number)
        return self.datasets[which][number - (self.cumulative_sizes[which - 1] if which else 0)]


def random_split(
    dataset: Dataset, lengths: Sequence[int] | Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Parts of a data set, drawn at random, that have no item in common and together all of them. As in PyTorch.

    Args:
        dataset: anything with `__len__` and `__getitem__`.
        lengths: how many items each part gets, together all; or fractions that add up to 1, of which each part gets
            the floor, and what is left over goes to the first parts, one each.
        generator: where the order comes from. Default: the library's (`dl.manual_seed`). The same seed gives the same
            parts on every device.

    Returns:
        A `Subset` for each length.

    Raises:
        ValueError: lengths that are negative or do not add up. TypeError: no numbers.

    Warns:
        UserWarning: a fraction that leaves a part without items.

    >>> train, test = dl.data.random_split(range(10), [0.75, 0.25], dl.Generator(0))
    >>> len(train), len(test), sorted([*train, *test]) == list(range(10))
    (8, 2, True)
    """
    count = _length("random_split", dataset)
    sizes = _sizes(lengths, count)
    order = randperm(count, generator=generator_for("random_split", generator)).numpy()
    ends = list(accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def _sizes(lengths: Any, count: int) -> list[int]:
    given = list(lengths)
    for length in given:
        if not hasattr(length, "__float__") or isinstance(length, bool):
            raise TypeError(f"random_split: lengths must be numbers, got {given!r:.80}")
        if not length >= 0:
            raise ValueError(f"random_split: lengths must be >= 0, got {given!r:.80}")
    if math.isclose(sum(given), 1) and (count != 1 or not all(hasattr(length, "__index__") for length in given)):
        sizes = [math.floor(count * fraction) for fraction in given]
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
        for i, size in enumerate(sizes):
            if size == 0:
                warnings.warn(f"random_split: part {i}, {given[i]} of {count} items, is empty", stacklevel=3)
        return sizes
    if not all(hasattr(length, "__index__") for length in given) or sum(given) != count:
        raise ValueError(
            f"random_split: lengths must be integers that add up to {count}, or fractions that add up to 1, got "
            f"{given!r:.80}"
        )
    return [operator.index(length) for length in given]


def _length(name: str, dataset: Any) -> int:
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise TypeError(f"{name}: a data set must have __len__ and __getitem__, got {type(dataset).__name__}")
    return len(dataset)


def _checked(name: str, index: Any, count: int) -> int:
    try:
        number = operator.index(index)
    except TypeError:
        raise TypeError(f"{name}: the index must be an integer, got {index!r:.80}") from None
    if not -count <= number < count:
        raise IndexError(f"{name}: index {number} is out of range for {count} items")
    return number % count
