"""Padding: a border around a tensor, of a constant or of the tensor's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._common import as_tensor, check_number
from dlcore.ops.indexing import GetItem

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pad"]

MODES = ("constant", "reflect", "replicate", "circular")
Pads = tuple[tuple[int, int, int], ...]  # (axis, before, after)


class ConstantPad(Function):
    """A border of one value; where a pad is negative, the tensor is cropped instead."""

    def __init__(self, pads: Pads, value: Any) -> None:
        self.pads, self.value = pads, value

    def forward(self, x: Any) -> Any:
        xp = self.xp
        taken, placed, shape = [slice(None)] * x.ndim, [slice(None)] * x.ndim, list(x.shape)
        for axis, before, after in self.pads:
            size = x.shape[axis]
            shape[axis] = size + before + after
            taken[axis] = slice(max(-before, 0), max(size + min(after, 0), 0))
            placed[axis] = slice(max(before, 0), max(before, 0) + size + min(before, 0) + min(after, 0))
        if all(before <= 0 and after <= 0 for _, before, after in self.pads):
            return xp.asarray(x[(*taken, ...)], copy=True)
        if self.value == 0:
            out = xp.zeros(tuple(shape), dtype=x.dtype)
        else:
            out = xp.full(tuple(shape), self.value, dtype=x.dtype)
        if all(part.start < part.stop for part in taken if part.stop is not None):  # else nothing of x is left
            out[(*placed, ...)] = x[(*taken, ...)]
        return out

    def backward(self, grad: Tensor) -> Tensor:
        if all(before >= 0 and after >= 0 for _, before, after in self.pads):
            return GetItem(_inside(grad.ndim, self.pads, grad.shape), False)(grad)
        return ConstantPad(tuple([(axis, -before, -after) for axis, before, after in self.pads]), 0)(grad)


class BorderPad(Function):
    """A border of the tensor's own values, one axis after the other; no pad is negative."""

    def __init__(self, pads: Pads, mode: str) -> None:
        self.pads, self.mode = pads, mode

    def forward(self, x: Any) -> Any:
        shape = list(x.shape)
        for axis, before, after in self.pads:
            shape[axis] += before + after
        out = self.xp.empty(tuple(shape), dtype=x.dtype)
        inside = list(_inside(x.ndim, self.pads, out.shape))
        out[tuple(inside)] = x
        for axis, before, after in self.pads:
            inside[axis] = slice(None)
            for border, source in _copies(self.mode, before, x.shape[axis], after, before):
                out[_at(inside, axis, border)] = out[_at(inside, axis, source)]
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return BorderFold(self.pads, self.mode)(grad)


class BorderFold(Function):
    """The transpose of BorderPad: each element of the border is added to the one that it was copied from."""

    def __init__(self, pads: Pads, mode: str) -> None:
        self.pads, self.mode = pads, mode

    def forward(self, grad: Any) -> Any:
        xp = self.xp
        every = [slice(None)] * grad.ndim
        for axis, before, after in reversed(self.pads):
            size = grad.shape[axis] - before - after
            out = xp.asarray(grad[_at(every, axis, slice(before, before + size))], copy=True)
            for border, source in _copies(self.mode, before, size, after, 0):
                strip = grad[_at(every, axis, border)]
                if self.mode == "replicate":
                    strip = self.backend.sum(strip, (axis,), True)
                place = out[_at(every, axis, source)]
                place += strip
            grad = out
        return grad

    def backward(self, grad: Tensor) -> Tensor:
        return BorderPad(self.pads, self.mode)(grad)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """A border around the last dimensions, as PyTorch's `pad`. Twice differentiable.

    Args:
        input: a tensor. In the modes other than "constant", of 2 or 3 dimensions to pad one of them, 3 or 4 for two,
            4 or 5 for three.
        pad: (before, after) of the last dimension, then of the one before it, and so on. Negative numbers crop.
        mode: what the border holds: "constant" `value`; "reflect" the elements mirrored at the first and at the last,
            which are not repeated; "replicate" the first and the last ("neighbour padding"); "circular" those of the
            other end. "circular" crops first, the others last.
        value: of the constant; default 0. It must fit the dtype of `input`.

    Returns:
        A new tensor, in which each padded dimension is longer by before + after.

    Raises:
        ShapeError: more pads than dimensions, a pad that reaches beyond what there is to copy (reflect: it must be
            less than the size, circular: at most the size), or one that crops more than there is.
        ValueError: an unknown mode, an odd number of pads, or a value where the mode takes none.
        TypeError: pads that are not ints.

    >>> x = dl.tensor([[1.0, 2.0, 3.0]])
    >>> F.pad(x, (1, 2))
    tensor([[0., 1., 2., 3., 0., 0.]])
    >>> F.pad(x, (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    >>> F.pad(x, (1, 1), mode="circular")
    tensor([[3., 1., 2., 3., 1.]])
    """
    x = as_tensor("pad", "input", input)
    if mode not in MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(MODES)}, got {mode!r}")
    pads = _pads(x, pad)
    for axis, before, after in pads:
        crop = -min(before, 0) - min(after, 0)
        if (crop if mode in ("constant", "circular") else -before - after) > x.shape[axis]:
            raise ShapeError(f"pad: ({before}, {after}) crops more than dimension {axis} of size {x.shape[axis]} has")
    if mode == "constant":
        return ConstantPad(pads, _value(x, value))(x)
    if value is not None and value != 0:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value!r}")
    _check_border(x, pads, len(pad) // 2, mode)
    border = tuple([(axis, max(before, 0), max(after, 0)) for axis, before, after in pads if max(before, after) > 0])
    cropped = tuple([(axis, min(before, 0), min(after, 0)) for axis, before, after in pads if min(before, after) < 0])
    if mode == "circular":
        x = ConstantPad(cropped, 0)(x) if cropped else x
        _check_round(x, border)
        return BorderPad(border, mode)(x) if border or not cropped else x
    x = BorderPad(border, mode)(x) if border or not cropped else x
    return ConstantPad(cropped, 0)(x) if cropped else x


def _pads(x: Tensor, pad: Any) -> Pads:
    if not isinstance(pad, (tuple, list)) or not all(
        hasattr(number, "__index__") and not isinstance(number, bool) for number in pad
    ):
        raise TypeError(f"pad: pad must be a tuple of ints, (before, after) of the last dimension first, got {pad!r}")
    numbers = [number.__index__() for number in pad]
    if len(numbers) % 2:
        raise ValueError(f"pad: pad must have an even number of elements, got {pad!r}")
    if len(numbers) > 2 * x.ndim:
        raise ShapeError(f"pad: {len(numbers)} pads for an input of shape {x.shape}; expected at most {2 * x.ndim}")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return tuple([(x.ndim - 1 - i, before, after) for i, (before, after) in enumerate(pairs) if before or after])


def _value(x: Tensor, value: Any) -> Any:
    if value is None:
        return 0
    if x.dtype.kind in "biu" and isinstance(value, float) and value.is_integer():
        value = int(value)  # PyTorch's signature says float
    try:
        return check_number("pad", "value", value, x.dtype)
    except DTypeError as error:
        raise DTypeError(f"{error}, the dtype of input") from None


def _check_border(x: Tensor, pads: Pads, given: int, mode: str) -> None:
    """Whether there is something to copy into the border; the dimensions that PyTorch takes."""
    if not 1 <= given <= 3 or x.ndim not in (given + 1, given + 2):
        raise ShapeError(
            f"pad: mode {mode!r} pads one dimension of a tensor with 2 or 3, two with 3 or 4, three with 4 or 5; "
            f"got {2 * given} pads for an input of shape {x.shape}"
        )
    if mode == "circular":
        return
    if 0 in x.shape[x.ndim - given - 1 :]:
        raise ShapeError(f"pad: mode {mode!r} has nothing to copy from an input of shape {x.shape}")
    for axis, before, after in pads:
        size = x.shape[axis]
        if mode == "reflect" and max(before, after) >= size:
            raise ShapeError(
                f"pad: to reflect, ({before}, {after}) must be less than the size {size} of dimension {axis}"
            )
    left = dict.fromkeys(range(x.ndim - given, x.ndim), 0) | {axis: before + after for axis, before, after in pads}
    if all(x.shape[axis] + more < 1 for axis, more in left.items()):
        raise ShapeError(f"pad: mode {mode!r} leaves nothing of an input of shape {x.shape}")


def _check_round(x: Tensor, pads: Pads) -> None:
    for axis, before, after in pads:
        if max(before, after) > x.shape[axis]:
            raise ShapeError(
                f"pad: circular padding of dimension {axis} by ({before}, {after}) goes around more than once: "
                f"there are {x.shape[axis]} elements"
            )


def _inside(ndim: int, pads: Pads, padded: Sequence[int]) -> tuple[slice, ...]:
    """Where the padded tensor holds the original one."""
    parts = [slice(None)] * ndim
    for axis, before, after in pads:
        parts[axis] = slice(before, padded[axis] - after)
    return tuple(parts)


def _copies(mode: str, before: int, size: int, after: int, origin: int) -> list[tuple[slice, slice]]:
    """(border, source) along one axis: the border in the padded tensor, the source counted from `origin`."""
    if mode == "reflect":
        sources = _run(origin + before, before, -1), _run(origin + size - 2, after, -1)
    elif mode == "replicate":
        sources = _run(origin, 1, 1), _run(origin + size - 1, 1, 1)
    else:
        sources = _run(origin + size - before, before, 1), _run(origin, after, 1)
    borders = _run(0, before, 1), _run(before + size, after, 1)
    return [(border, source) for border, source, count in zip(borders, sources, (before, after), strict=True) if count]


def _run(start: int, count: int, step: int) -> slice:
    stop = start + count * step
    return slice(start, None if stop < 0 else stop, step)


def _at(parts: Sequence[slice], axis: int, part: slice) -> tuple[slice, ...]:
    return (*parts[:axis], part, *parts[axis + 1 :])
