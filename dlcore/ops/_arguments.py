"""Arguments that operations on axes and indices have in common: one axis, an int, a tensor of indices."""

from __future__ import annotations

from typing import Any

from dlcore._dtypes import int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import different_devices
from dlcore.ops._common import as_tensor, axes_of, cast


def axis_of(name: str, axis: Any, ndim: int) -> int:
    """One axis as a non-negative int."""
    if isinstance(axis, (tuple, list)) or axis is None:
        raise TypeError(f"{name}: axis must be an int, got {axis!r}")
    return axes_of(name, axis, ndim)[0]


def int_of(name: str, argument: str, number: Any) -> int:
    """A Python or NumPy int; no bool."""
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"{name}: {argument} must be an int, got {number!r}")
    return int(number.__index__())


def real(name: str, argument: str, value: Any) -> Tensor:
    """A tensor of something that has an order."""
    x = as_tensor(name, argument, value)
    if x._array.dtype.kind == "c":
        raise DTypeError(f"{name}: {argument} is {x.dtype}, and complex numbers have no order")
    return x


def indices_of(name: str, argument: str, x: Tensor, value: Any, size: int, low: int, axis: int) -> Tensor:
    """A tensor of places in low..size-1 along an axis of x, as int64."""
    index = as_tensor(name, argument, value)
    if index.dtype.kind not in "iu":
        raise DTypeError(f"{name}: {argument} must hold integers, got {index.dtype}")
    if index._device is not x._device:
        raise different_devices(name, (x, index))
    if size == 0 and index.size:
        raise IndexError(f"{name}: {argument} has shape {index.shape}, but axis {axis} of x has no elements")
    x._device.backend.check_index_range(
        index._array, low, size, f"{name}: {argument} of axis {axis} must be in {low}..{size - 1}, got "
    )
    return cast(index, int64)


def same_axes(name: str, argument: str, x: Tensor, index: Tensor, axis: int, smaller: bool) -> None:
    """The shapes must agree except along the axis; with `smaller`, that of the index may be less."""
    fits = index.ndim == x.ndim and all(
        i == axis or a == b or (smaller and a <= b) for i, (a, b) in enumerate(zip(index.shape, x.shape, strict=True))
    )
    if not fits:
        how = "be at most that of x" if smaller else "be that of x"
        raise ShapeError(
            f"{name}: {argument} has shape {index.shape}, x {x.shape}; it must {how} except along axis {axis}"
        )
