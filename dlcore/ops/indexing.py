"""Indexing: views by slices, gathers by integer arrays and masks, their gradients, and updates of a copy."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlcore import reference
from dlcore._dtypes import bool_, int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, different_devices, is_grad_enabled
from dlcore.ops._broadcast import BroadcastTo, Reshape, fit
from dlcore.ops._common import as_tensor, cast, check_number, plain, raw
from dlcore.ops.arithmetic import add

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["index_update", "one_hot"]


class GetItem(Function):
    """x[index]. With slices and ints alone it is a view, with integer arrays a gather.

    `unique`: the arrays name no place twice, since they come from masks.
    """

    def __init__(self, index: tuple[Any, ...], gathers: bool, unique: bool = False) -> None:
        self.index, self.gathers, self.unique = index, gathers, unique
        self.is_view = not gathers

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return x[self.index]

    def backward(self, grad: Tensor) -> Tensor:
        return SetZeros(self.index, self.gathers, self.shape, self.unique)(grad)


class SetZeros(Function):
    """The transpose of GetItem: values put at `index` into zeros, summed where an integer array repeats itself."""

    def __init__(self, index: tuple[Any, ...], gathers: bool, shape: tuple[int, ...], unique: bool = False) -> None:
        self.index, self.gathers, self.shape, self.unique = index, gathers, shape, unique

    def forward(self, values: Any) -> Any:
        xp = self.xp
        if not self.gathers or self.unique:
            out = xp.zeros(self.shape, dtype=values.dtype)
            out[self.index] = values
            return out
        size = prod(self.shape)
        if len(self.index) == 1:  # whole rows, as in an embedding
            (rows,) = self.index
            count = self.shape[0]
            flat = xp.astype(xp.reshape(rows, (-1,)), int64)  # the count may not fit into the dtype of the index
            values = xp.reshape(values, (flat.shape[0], *self.shape[1:]))
            return self.backend.scatter_add(values, xp.where(flat < 0, flat + count, flat), count)
        places = xp.reshape(xp.arange(size, dtype=int64), self.shape)[self.index]
        summed = self.backend.scatter_add(xp.reshape(values, (-1,)), xp.reshape(places, (-1,)), size)
        return xp.reshape(summed, self.shape)

    def backward(self, grad: Tensor) -> Tensor:
        return GetItem(self.index, self.gathers, self.unique)(grad)


class IndexUpdate(Function):
    """A copy of x with x[index] = value."""

    def __init__(self, index: tuple[Any, ...], gathers: bool) -> None:
        self.index, self.gathers = index, gathers

    def forward(self, x: Any, value: Any) -> Any:
        self.value_shape = getattr(value, "shape", ())
        out = self.xp.asarray(x, copy=True)
        out[self.index] = value
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        return (
            IndexUpdate(self.index, self.gathers)(grad, 0) if self.needs(0) else None,
            fit(GetItem(self.index, self.gathers, unique=True)(grad), self.value_shape) if self.needs(1) else None,
        )


def getitem(x: Tensor, index: Any) -> Tensor:
    """`x[index]`: ints, slices, None, Ellipsis, integer tensors or arrays, and boolean masks, as in NumPy.

    A mask stands for the places of its True elements, in row-major order; it covers as many axes as it has. How many
    they are decides the shape, so the host waits for a GPU.

    Raises:
        IndexError: an index is out of range, there are too many, or a mask has another shape than its axes.
        DTypeError: an index of another kind, such as a float tensor.
    """
    mask = _only_mask(x, index)
    if mask is not None:
        xp = x._device.backend.xp
        places = xp.nonzero(xp.reshape(mask, (-1,)))
        rows = Reshape((mask.size, *x.shape[mask.ndim :]))(x)
        return GetItem(places, True, unique=True)(rows)
    parts = _normalise("indexing", x, index)
    return GetItem(_frozen(x, parts), parts.gathers, parts.unique)(x)


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`, in place, on a tensor that is not part of a graph."""
    if is_grad_enabled() and (x._requires_grad or (isinstance(value, Tensor) and value._requires_grad)):
        raise RuntimeError(
            "item assignment would lose the graph that the tensor or the value is part of; "
            "use x = dl.index_update(x, index, value), or assign under dl.no_grad()"
        )
    mask = None if isinstance(value, Tensor) and value.size > 1 else _only_mask(x, index)
    places = (mask,) if mask is not None else _normalise("item assignment", x, index).places
    value = value_for("item assignment", x, value)
    if isinstance(value, Tensor) and value.ndim:
        target = x._array[places].shape
        if not broadcasts_to(value.shape, target):
            raise ShapeError(
                f"item assignment: a value of shape {value.shape} does not broadcast to x[index] of {target}"
            )
    if (activate := x._device.backend.activate) is not None:
        activate()
    x._array[places] = raw(value)
    x._version[0] += 1


def index_update(x: Tensor, index: Any, value: Any, *, accumulate: bool = False) -> Tensor:
    """A copy of x in which x[index] is `value`: item assignment for tensors that are part of a graph.

    Args:
        x: a tensor.
        index: as in `x[index]`. Integer arrays must not name a place twice, unless values are added.
        value: a number or a tensor that broadcasts to x[index] and can be cast to x's dtype.
        accumulate: add the value to what is there, once for each time that a place is named, in a fixed order.

    Raises:
        IndexError, DTypeError, ShapeError: as indexing, and a value that does not fit.
        ValueError: a place is named twice, so that the result would depend on the order.

    >>> dl.index_update(dl.zeros((3,)), 1, 5.0)
    tensor([0., 5., 0.])
    >>> dl.index_update(dl.zeros((3,)), [0, 2, 0], 1.0, accumulate=True)
    tensor([2., 0., 1.])
    """
    x = as_tensor("index_update", "x", x)
    parts = _normalise("index_update", x, index)
    value = value_for("index_update", x, value)
    if parts.gathers and not parts.unique and not accumulate:
        numbers = np.arange(x.size).reshape(x.shape)[tuple([_host(x, part) for part in parts.places])]
        if np.unique(numbers).size != numbers.size:
            raise ValueError(f"index_update: index {index!r} names a place twice")
    target = np.broadcast_to(False, x.shape)[tuple([_host(x, part) for part in parts.places])].shape
    shape = value.shape if isinstance(value, Tensor) else ()
    if not broadcasts_to(shape, target):
        raise ShapeError(f"index_update: a value of shape {shape} does not broadcast to x[index] of shape {target}")
    places = _frozen(x, parts)
    if not accumulate:
        return IndexUpdate(places, parts.gathers)(x, value)
    if x.dtype.kind == "b":
        raise DTypeError("index_update: bool tensors cannot be added to; convert with astype")
    if not isinstance(value, Tensor):
        value = plain(x, x._device.backend.xp.full(target, value, dtype=x.dtype))
    elif value.shape != target:
        value = BroadcastTo(target)(value)
    return add(x, SetZeros(places, parts.gathers, x.shape, parts.unique)(value))


def one_hot(labels: Tensor, num_classes: int = -1) -> Tensor:
    """Class indices as rows with a single 1: PyTorch's `one_hot`.

    Args:
        labels: integers, shape (...), each in 0..num_classes-1.
        num_classes: the length of the rows; -1 means the largest label plus one.

    Returns:
        int64, shape (..., num_classes).

    Raises:
        DTypeError: labels that are not integers.
        IndexError: a label out of range.

    >>> dl.one_hot(dl.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    labels = as_tensor("one_hot", "labels", labels)
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"one_hot: labels must be integers, got {labels.dtype}")
    backend = labels._device.backend
    if isinstance(num_classes, bool) or not hasattr(num_classes, "__index__"):
        raise TypeError(f"one_hot: num_classes must be an int, got {num_classes!r}")
    if num_classes == -1:
        if labels.size == 0:
            raise ValueError("one_hot: num_classes must be given when there are no labels")
        num_classes = int(backend.to_host(backend.xp.max(labels._array))) + 1
    if num_classes < 1:
        raise ValueError(f"one_hot: num_classes must be at least 1, got {num_classes}")
    backend.check_index_range(labels._array, 0, num_classes, f"one_hot: labels must be in 0..{num_classes - 1}, got ")
    places = backend.xp.astype(labels._array, int64)  # the dtype of the labels may not hold every class
    return plain(labels, backend.xp.astype(places[..., None] == backend.xp.arange(num_classes, dtype=int64), int64))


def broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether values of `shape` can be written into a place of shape `target`."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def value_for(name: str, x: Tensor, value: Any) -> Any:
    """A value to be written into x: of x's dtype and device."""
    kinds = "bifc"
    if isinstance(value, Tensor):
        if value._device is not x._device:
            raise different_devices(name, (x, value))
        if kinds.index(value.dtype.kind.replace("u", "i")) > kinds.index(x.dtype.kind.replace("u", "i")):
            raise DTypeError(f"{name}: a value of dtype {value.dtype} does not fit into {x.dtype}; use astype")
        return cast(value, x.dtype)
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"{name}: value must be a number or a Tensor, got {type(value).__name__}")
    return check_number(name, "value", value, x.dtype)


def _frozen(x: Tensor, parts: Places) -> tuple[Any, ...]:
    """The index as backward will need it: arrays are copied, as the caller may write into theirs before that."""
    if not parts.gathers or parts.unique or not is_grad_enabled():
        return parts.places
    xp = x._device.backend.xp
    return tuple([xp.asarray(part, copy=True) if hasattr(part, "shape") else part for part in parts.places])


def _host(x: Tensor, part: Any) -> Any:
    return x._device.backend.to_host(part) if isinstance(part, x._device.backend.array_type) else part


class Places(NamedTuple):
    """An index as raw parts, each checked; whether it has arrays (a gather, not a view), and masks alone."""

    places: tuple[Any, ...]
    gathers: bool
    unique: bool


def _only_mask(x: Tensor, index: Any) -> Any:
    """The raw array of an index that is one mask over leading axes of x, or None."""
    if not isinstance(index, Tensor) or index._array.dtype.kind != "b" or index._device is not x._device:
        return None
    mask = index._array
    return mask if mask.ndim and mask.shape == x.shape[: mask.ndim] else None


def _normalise(name: str, x: Tensor, index: Any) -> Places:
    parts = list(index) if isinstance(index, tuple) else [index]
    backend = x._device.backend
    arrays = masks = 0
    for i, part in enumerate(parts):
        if isinstance(part, bool):
            raise DTypeError(f"{name}: a bool is no index")
        if isinstance(part, slice):
            parts[i] = _slice(name, part)
        elif part is None or part is Ellipsis:
            continue
        elif isinstance(part, (Tensor, np.ndarray, list, backend.array_type)):
            parts[i] = part = _integers(name, x, part)
            arrays += 1
            masks += part.dtype.kind == "b"
        elif hasattr(part, "__index__"):
            parts[i] = part.__index__()
        else:
            raise TypeError(f"{name}: an index must be an int, a slice, None, ... or an integer tensor, got {part!r}")
    checks = []  # of values: after those of shapes, as a GPU says later what is wrong with values
    for axis, part in _axes_indexed(name, x, parts):
        size = x.shape[axis]
        if isinstance(part, int):
            if not -size <= part < size:
                raise IndexError(f"{name}: index {part} is out of range for axis {axis} of size {size}")
        elif isinstance(part, slice):
            continue
        elif part.dtype.kind == "b":
            if part.shape != x.shape[axis : axis + part.ndim]:
                raise IndexError(
                    f"{name}: a mask of shape {part.shape} at axis {axis} of a tensor of shape {x.shape}; "
                    f"expected {x.shape[axis : axis + part.ndim]}"
                )
        else:
            checks.append((axis, size, part))
    if masks:
        parts = [place for part in parts for place in _expanded(backend, part)]
    if arrays:
        _check_joint(name, parts)
        for axis, size, part in checks:
            message = f"{name}: the indices of axis {axis} must be in {-size}..{size - 1}, got "
            if isinstance(part, backend.array_type):
                backend.check_index_range(part, -size, size, message)
                if size == 0 and part.size:
                    backend.synchronize()  # an array library may have an error of its own for this
            else:
                reference.check_index_range(np, part, -size, size, message)
        parts = [backend.from_host(part) if isinstance(part, np.ndarray) else part for part in parts]
    elif Ellipsis not in parts:
        parts.append(Ellipsis)  # so that NumPy gives a view of a single element, too, and not a scalar
    return Places(tuple(parts), arrays > 0, 0 < masks == arrays)


def _expanded(backend: Any, part: Any) -> Sequence[Any]:
    """A mask as the integer arrays that it stands for, one for each of its axes."""
    if getattr(part, "dtype", None) != bool_:
        return (part,)
    found: tuple[Any, ...] = (np if isinstance(part, np.ndarray) else backend.xp).nonzero(part)
    return found


def _slice(name: str, part: slice) -> slice:
    ends = (part.start, part.stop, part.step)
    if not all(end is None or hasattr(end, "__index__") for end in ends):
        raise TypeError(f"{name}: the ends and the step of a slice must be ints, got {part}")
    start, stop, step = (None if end is None else end.__index__() for end in ends)
    if step == 0:
        raise ValueError(f"{name}: the step of a slice must not be 0, got {part}")
    return slice(start, stop, step)


def _check_joint(name: str, parts: list[Any]) -> None:
    """Several integer arrays name places together, so their shapes must broadcast."""
    shapes = [part.shape for part in parts if hasattr(part, "shape")]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        shown = " and ".join(str(shape) for shape in shapes)
        raise ShapeError(f"{name}: index arrays of shapes {shown} do not broadcast together") from None


def _integers(name: str, x: Tensor, part: Any) -> Any:
    """A tensor, array or list of indices, or a mask, as a raw array: on the device of x if it is there, or the host."""
    if isinstance(part, Tensor) and part._device is not x._device:
        raise different_devices(name, (x, part))
    array = part._array if isinstance(part, Tensor) else part
    if isinstance(array, list):
        try:
            array = np.asarray(array)
        except ValueError as error:
            raise ShapeError(f"{name}: {part!r} is not a rectangular array of ints") from error
        if array.size == 0:
            array = array.astype(int64)
    if array.dtype.kind == "b" and array.ndim == 0:
        raise DTypeError(f"{name}: a bool is no index")
    if array.dtype.kind not in "iub":
        raise DTypeError(f"{name}: an index must hold integers or be a mask, got {array.dtype}")
    return array


def _axes_indexed(name: str, x: Tensor, parts: list[Any]) -> Iterator[tuple[int, Any]]:
    """Which axis of x each int, slice and array of the index applies to."""
    used = sum(_axes_taken(part) for part in parts)
    if used > x.ndim:
        raise IndexError(f"{name}: {used} indices for a tensor with {x.ndim} dimension(s)")
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError(f"{name}: an index can have only one ...")
    axis = 0
    for part in parts:
        if part is Ellipsis:
            axis += x.ndim - used
        elif part is not None:
            yield axis, part
            axis += _axes_taken(part)


def _axes_taken(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if getattr(part, "dtype", None) == bool_ else 1
