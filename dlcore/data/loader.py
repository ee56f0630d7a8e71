"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import numpy as np

from dlcore import _device
from dlcore.data._collate import delivered
from dlcore.data._epoch import Epoch, rows_of
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.data.subset import Subset
from dlcore.random import Generator, generator_for, randint, randperm

_OTHER_STREAM = 0xD1B54A32D192ED03  # any number that nobody chooses for a stream of his own


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
        transform: called as transform(x, generator) with the first entry x of each batch, a NumPy array (N, ...) on the
            host, before it goes to the device; what it returns takes the place of x. See `dl.data.transforms`.
        num_workers: how many workers make batches ahead of time. 0, the default: each is made when it is asked for.
        workers: "threads", which suit transforms of whole batches, as NumPy lets others run meanwhile; or "processes",
            for data sets whose items are made by Python code. Processes are spawned anew for each epoch, so a script
            has to start its work under `if __name__ == "__main__":`; data set and transform are pickled once for each
            process, whose kernels run in one thread each, on NumPy.
        prefetch_factor: how many batches each worker may be ahead. Default: 2.

    Batches come in order, and are the same for any number of workers of either kind: what `dl.rand` and its like give
    in the data set, and the generator that the transform gets, belong to the number of the batch. (NumPy's and Python's
    own generators are not seeded.)

    Yields:
        Tensors, in tuples or dicts if the items are tuples or dicts. The first axis counts the items of the batch:
        items of shape (...) give (batch_size, ...). Batches are copies: changing one leaves the data set as it is.

    Raises:
        ValueError: the data set is empty, or `batch_size` is less than 1.
        TypeError: `batch_size` is no integer, or an item is of a kind that cannot be stacked.
        ShapeError: the items of a batch have different shapes.
        RuntimeError: a worker process died. What is raised in a worker is raised where its batch was due; from a
            process with the traceback of the process as its cause.

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
        *,
        transform: Callable[..., Any] | None = None,
        num_workers: int = 0,
        workers: str = "threads",
        prefetch_factor: int = 2,
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
        if transform is not None and not callable(transform):
            raise TypeError(f"DataLoader: transform must be a function, got {transform!r:.80}")
        for argument, value, least in (("num_workers", num_workers, 0), ("prefetch_factor", prefetch_factor, 1)):
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise TypeError(f"DataLoader: {argument} must be an integer, got {value!r:.80}")
            if value < least:
                raise ValueError(f"DataLoader: {argument} must be at least {least}, got {value!r}")
        if workers not in ("threads", "processes"):
            raise ValueError(f"DataLoader: workers must be 'threads' or 'processes', got {workers!r:.80}")
        self.transform = transform
        self.num_workers = operator.index(num_workers)
        self.workers = workers
        self.prefetch_factor = operator.index(prefetch_factor)
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
        generator = self.generator
        order = randperm(count, generator=generator).numpy() if self.shuffle else np.arange(count)
        draws = self.transform is not None or rows_of(self.dataset) is None
        seed = _seed(generator_for("DataLoader", generator), moved=self.shuffle) if draws else None
        dataset = self.dataset
        if self.transform is not None and rows_of(dataset) is not None and not _on_the_host(dataset):
            dataset = _host_copy(dataset)
        return self._batches(Epoch(dataset, order, self.batch_size, len(self), seed, self.transform), where)

    def _batches(self, epoch: Epoch, where: _device.device) -> Iterator[Any]:
        rows = rows_of(epoch.dataset) if epoch.transform is None else None
        if rows is not None and not (self.num_workers and _on_the_host(epoch.dataset)):
            size = epoch.batch_size  # one indexing each, on the device that has the data set
            for number in range(epoch.count):
                tensors = rows(epoch.order[number * size : (number + 1) * size])
                yield tuple(tensor if tensor.device is where else tensor.to(where) for tensor in tensors)
            return
        from dlcore.data._workers import by_processes, by_threads  # here, because they cost time to import

        workers = min(self.num_workers, epoch.count)
        if workers == 0:
            made: Iterator[Any] = map(epoch.batch, range(epoch.count))
        elif self.workers == "threads":
            made = by_threads(epoch, workers, self.prefetch_factor)
        else:
            made = by_processes(epoch, workers, self.prefetch_factor)
        try:
            for batch in made:
                yield delivered(batch, where)
        finally:
            if isinstance(made, GeneratorType):
                made.close()  # which ends the workers

    def _item_count(self) -> int:
        count = len(self.dataset)
        if count == 0:
            raise ValueError(f"DataLoader: the data set is empty ({self.dataset!r:.80})")
        return count


def _seed(generator: Generator, moved: bool) -> int:
    """A seed for the batches of an epoch. It must not change the orders that are drawn later.

    So it comes from another stream at the generator's position, which drawing the order has `moved` already.
    """
    state = generator.state_dict()
    if not moved:
        generator.draw(1)
    other = Generator()
    other.load_state_dict({**state, "stream": state["stream"] ^ _OTHER_STREAM})
    return int(randint(-(2**63), 2**63, (1,), generator=other, device="numpy").item()) + 2**63


def _on_the_host(dataset: Any) -> bool:
    """Whether the rows are NumPy arrays, which threads may index at the same time."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return all(isinstance(tensor.array, np.ndarray) for tensor in dataset.tensors)


def _host_copy(dataset: Any) -> Dataset:
    """The same rows as NumPy arrays: several threads, or processes, may take batches of them."""
    if isinstance(dataset, Subset):
        return Subset(_host_copy(dataset.dataset), dataset.indices)
    return TensorDataset(*(tensor.detach().to("numpy") for tensor in dataset.tensors))
