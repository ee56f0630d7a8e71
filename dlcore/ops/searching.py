"""What is there, and where: elements that are not zero, places in a sorted vector, distinct values. No gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

from dlcore._dtypes import int64, result_type
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import different_devices
from dlcore.ops._arguments import indices_of, real
from dlcore.ops._common import as_tensor, cast, plain

__all__ = ["nonzero", "searchsorted", "unique_all", "unique_counts", "unique_inverse", "unique_values"]


class UniqueAll(NamedTuple):
    """What `unique_all` finds."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` finds."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` finds."""

    values: Tensor
    inverse_indices: Tensor


def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero (or True), in row-major order: an int64 tensor for each axis.

    How many there are depends on the values, so the host waits for a GPU.

    Raises:
        ShapeError: a tensor without dimensions.

    >>> dl.nonzero(dl.tensor([[0, 1], [2, 0]]))
    (tensor([0, 1]), tensor([1, 0]))
    """
    x = as_tensor("nonzero", "x", x)
    if x.ndim == 0:
        raise ShapeError("nonzero: x must have at least 1 dimension, got shape ()")
    xp = x._device.backend.xp
    return tuple([plain(x, xp.astype(part, int64, copy=False)) for part in xp.nonzero(x._array)])


def searchsorted(x1: Tensor, x2: Tensor, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Where the elements of x2 would have to be put into x1 for it to stay sorted.

    Args:
        x1: a vector in ascending order (in which NaN comes last).
        x2: what to look up, of any shape.
        side: "left" gives the first such place, x1[i - 1] < v <= x1[i]; "right" the last, x1[i - 1] <= v < x1[i].
        sorter: the indices that sort x1, as from `argsort`, if it is not sorted.

    Returns:
        int64, the shape of x2, values in 0..n for a vector of n elements.

    Raises:
        ShapeError: x1 or sorter is no vector, or their sizes differ. ValueError: another side.
        DTypeError: complex numbers, which have no order.

    >>> dl.searchsorted(dl.tensor([1.0, 3.0, 5.0]), dl.tensor([3.0, 4.0]))
    tensor([1, 2])
    """
    x1, x2 = real("searchsorted", "x1", x1), real("searchsorted", "x2", x2)
    if x1._device is not x2._device:
        raise different_devices("searchsorted", (x1, x2))
    if x1.ndim != 1:
        raise ShapeError(f"searchsorted: x1 must be a vector, got shape {x1.shape}")
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    dtype = result_type("searchsorted", x1.dtype, x2.dtype)
    ordered, xp = cast(x1.detach(), dtype)._array, x1._device.backend.xp
    if sorter is not None:
        if as_tensor("searchsorted", "sorter", sorter).shape != x1.shape:
            raise ShapeError(f"searchsorted: sorter has shape {sorter.shape}, x1 {x1.shape}; they must agree")
        order = indices_of("searchsorted", "sorter", x1, sorter, x1.size, 0, 0)
        ordered = xp.take(ordered, order._array)
    return plain(x1, xp.searchsorted(ordered, cast(x2.detach(), dtype)._array, side))


def unique_all(x: Tensor) -> UniqueAll:
    """The distinct values of x, and where they are. Each NaN is a value of its own, 0.0 and -0.0 are one.

    How many there are depends on the values, so the host waits for a GPU. No gradients.

    Args:
        x: a tensor; flattened.

    Returns:
        values: in ascending order. indices: int64, where each stands first in the flattened x.
        inverse_indices: int64, the shape of x, with values[inverse_indices] equal to x.
        counts: int64, how often each stands in x.

    >>> dl.unique_all(dl.tensor([3, 1, 3])).inverse_indices
    tensor([1, 0, 1])
    """
    values, indices, inverse, counts = _unique("unique_all", x, True, True, True)
    return UniqueAll(values, indices, inverse, counts)


def unique_counts(x: Tensor) -> UniqueCounts:
    """The distinct values of x in ascending order, and how often each stands in it; as `unique_all`.

    >>> values, counts = dl.unique_counts(dl.tensor([3, 1, 3]))
    >>> counts
    tensor([1, 2])
    """
    return UniqueCounts(*_unique("unique_counts", x, False, False, True))


def unique_inverse(x: Tensor) -> UniqueInverse:
    """The distinct values of x in ascending order, and for each element of x which of them it is; as `unique_all`.

    >>> values, inverse = dl.unique_inverse(dl.tensor([[3, 1], [1, 3]]))
    >>> inverse
    tensor([[1, 0],
            [0, 1]])
    """
    return UniqueInverse(*_unique("unique_inverse", x, False, True, False))


def unique_values(x: Tensor) -> Tensor:
    """The distinct values of x in ascending order; as `unique_all`.

    >>> dl.unique_values(dl.tensor([3, 1, 3]))
    tensor([1, 3])
    """
    return _unique("unique_values", x, False, False, False)[0]


def _unique(name: str, value: Any, indices: bool, inverse: bool, counts: bool) -> list[Tensor]:
    x = as_tensor(name, "x", value)
    xp = x._device.backend.xp
    flat = xp.reshape(x._array, (-1,))
    # with the indices, it sorts in a stable way: then each NaN has the same number whatever else is asked for
    found = xp.unique(flat, indices or inverse, inverse, counts, equal_nan=False)
    if not isinstance(found, tuple):
        found = (found,)
    places = [xp.astype(part, int64, copy=False) for part in found[1:]]
    if inverse:
        places[1] = xp.reshape(places[1], x.shape)
        if not indices:
            del places[0]
    return [plain(x, part) for part in (found[0], *places)]
