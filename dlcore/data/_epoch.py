"""One epoch's work: which items are in which batch, and how a batch is made. Workers carry it out, or the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcore import random
from dlcore.data._collate import stacked, transformed
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.data.subset import Subset
from dlcore.random import Generator

Rows = Callable[[np.ndarray[Any, Any]], tuple[Any, ...]]


@dataclass(frozen=True)
class Epoch:
    """Batch i is made of items order[i * batch_size : (i + 1) * batch_size].

    What is random in it (the transform, and `dl.rand` and its like in the data set) comes from a generator of its own,
    number i of `seed`: whoever makes the batch, and whenever, it is the same. Without a seed nothing is drawn.
    """

    dataset: Dataset
    order: np.ndarray[Any, Any]
    batch_size: int
    count: int  # of batches
    seed: int | None
    transform: Callable[..., Any] | None

    def batch(self, number: int) -> Any:
        """Batch `number`, on the host: arrays, in tuples or dicts."""
        indices = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        generator = None if self.seed is None else Generator(self.seed, stream=number)
        token = random._context.set(generator) if generator is not None else None
        try:
            rows = rows_of(self.dataset)
            if rows is not None:
                made: Any = tuple(tensor.numpy() for tensor in rows(indices))
            else:
                made = stacked([self.dataset[int(index)] for index in indices])
            return made if self.transform is None else transformed(made, self.transform, generator)
        finally:
            if token is not None:
                random._context.reset(token)


def rows_of(dataset: Dataset) -> Rows | None:
    """What gives the rows of many indices at once, if the data set has it.

    A subclass may give other items than the rows, so only the indexing of the classes themselves is trusted.
    """
    if isinstance(dataset, TensorDataset) and type(dataset).__getitem__ is TensorDataset.__getitem__:
        return dataset.__getitem__
    if isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__:
        inner, own = rows_of(dataset.dataset), dataset.indices
        return None if inner is None else lambda indices: inner(own[indices])
    return None
