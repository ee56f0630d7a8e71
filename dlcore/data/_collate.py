"""From items to batches: stacked on the host, as NumPy arrays, and then brought to the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor, asarray

if TYPE_CHECKING:
    from dlcore._device import device


class Numbers(NamedTuple):
    """Python numbers of a batch: they take the library's default dtypes when they become a tensor."""

    values: list[Any]


def stacked(items: list[Any]) -> Any:
    """Items of one batch along a new first axis, as arrays or `Numbers`; tuples and dicts entry by entry.

    Raises:
        TypeError: items of different structure, or of a kind that cannot be stacked. ShapeError: different shapes.
    """
    first = items[0]
    for item in items:
        if _structure(item) != _structure(first):
            raise TypeError(f"DataLoader: the items of a batch differ in their structure: {first!r:.80}, {item!r:.80}")
    if isinstance(first, tuple | list):
        return tuple(stacked(list(entries)) for entries in zip(*items, strict=True))
    if isinstance(first, Mapping):
        return {key: stacked([item[key] for item in items]) for key in first}
    if not isinstance(first, Tensor | np.ndarray):
        return Numbers(items)
    arrays = [item.numpy() if isinstance(item, Tensor) else np.asarray(item) for item in items]
    for array in arrays:
        if array.shape != arrays[0].shape:
            raise ShapeError(
                f"DataLoader: the items of a batch must have the same shape, got {arrays[0].shape} and {array.shape}"
            )
    return np.stack(arrays)


def delivered(batch: Any, where: device) -> Any:
    """The batch as tensors on a device."""
    if isinstance(batch, Numbers):
        return asarray(batch.values, device=where)
    if isinstance(batch, tuple):
        return tuple(delivered(entry, where) for entry in batch)
    if isinstance(batch, Mapping):
        return {key: delivered(entry, where) for key, entry in batch.items()}
    return asarray(batch, device=where)


def transformed(batch: Any, transform: Any, generator: Any) -> Any:
    """The batch with its first entry (of a tuple or dict) transformed, which must be an array."""
    if isinstance(batch, tuple) and not isinstance(batch, Numbers):
        return (transformed(batch[0], transform, generator), *batch[1:])
    if isinstance(batch, Mapping):
        first = next(iter(batch))
        return {**batch, first: transformed(batch[first], transform, generator)}
    if not isinstance(batch, np.ndarray):
        raise TypeError(
            f"DataLoader: transform needs batches whose first entry is an array, got {type(batch).__name__}"
        )
    result = transform(batch, generator)
    return result.numpy() if isinstance(result, Tensor) else np.asarray(result)


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
