"""What losses share: arguments that belong together, and the reduction of what each element or row has lost."""

from __future__ import annotations

from typing import Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import different_devices
from dlcore.nn.functional._args import floats, reduction_of, same_dtype
from dlcore.ops import astype, mean
from dlcore.ops import sum as sum_
from dlcore.ops._common import as_tensor


def matching(name: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Input and target: floats of one dtype, one shape and one device."""
    x, t = floats(name, "input", input), floats(name, "target", target)
    same_dtype(name, input=x, target=t)
    same_shape(name, input=x, target=t)
    return x, t


def same_shape(name: str, **tensors: Tensor) -> None:
    """All given tensors must have one shape and be on one device."""
    first, *others = tensors.values()
    if any(other.shape != first.shape for other in others):
        shown = " and ".join(f"{argument} of shape {x.shape}" for argument, x in tensors.items())
        raise ShapeError(f"{name}: {shown} must have one shape")
    if any(other._device is not first._device for other in others):
        raise different_devices(name, (first, *others))


def numbers_like(name: str, argument: str, value: Any, like: Tensor) -> Tensor:
    """A target that may also be integers, such as 1 and -1, in the dtype of `like`."""
    t = as_tensor(name, argument, value)
    if t._device is not like._device:
        raise different_devices(name, (like, t))
    if t.dtype.kind in "iu":
        return astype(t, like.dtype)
    same_dtype(name, input=like, **{argument: floats(name, argument, t)})
    return t


def factor(name: str, argument: str, value: Any, like: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """A weight without gradient, of the dtype of `like`; of this shape, or one that broadcasts to that of `like`."""
    w = floats(name, argument, value)
    same_dtype(name, input=like, **{argument: w})
    if w._device is not like._device:
        raise different_devices(name, (like, w))
    if shape is not None and w.shape != shape:
        raise ShapeError(f"{name}: {argument} must have shape {shape}, got {w.shape}")
    extra = like.ndim - w.ndim
    if shape is None and (extra < 0 or any(a not in (1, b) for a, b in zip(w.shape, like.shape[extra:], strict=True))):
        raise ShapeError(f"{name}: {argument} of shape {w.shape} does not broadcast to {like.shape}")
    if w._requires_grad:
        raise RuntimeError(f"{name}: {argument} has no gradient here; pass {argument}.detach()")
    return w


def reduced(name: str, loss: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or the losses as they are."""
    reduction_of(name, reduction)
    return mean(loss) if reduction == "mean" else sum_(loss) if reduction == "sum" else loss


def class_indices(name: str, logits: Tensor, target: Any) -> tuple[Tensor, int]:
    """Integer targets that fit logits (C,), (N, C) or (N, C, d...), and the axis of the classes."""
    labels = as_tensor(name, "target", target)
    if labels._array.dtype.kind not in "iu":
        raise DTypeError(f"{name}: target must hold class indices (integers), got {labels.dtype}")
    if logits._device is not labels._device:
        raise different_devices(name, (logits, labels))
    shape, logits_shape = labels._array.shape, logits._array.shape
    axis = 0 if len(logits_shape) == 1 else 1
    if not logits_shape or shape != logits_shape[:axis] + logits_shape[axis + 1 :]:
        raise ShapeError(
            f"{name}: target of shape {labels.shape} does not fit input of shape {logits.shape}: expected (N, C, ...) "
            "and (N, ...), or (C,) and ()"
        )
    if logits_shape[axis] == 0:
        raise ShapeError(f"{name}: input of shape {logits.shape} has no classes")
    return labels, axis
