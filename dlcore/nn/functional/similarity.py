"""Distances and angles of vectors, and the losses that are made of them."""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import different_devices
from dlcore.nn.functional._args import floats, real_number, reduction_of, same_dtype
from dlcore.nn.functional._losses import numbers_like, reduced, same_shape
from dlcore.ops import broadcast_to, clip, equal, minimum, sqrt, where
from dlcore.ops import sum as sum_
from dlcore.ops._common import axes_of, check_broadcast, plain
from dlcore.ops.norms import vector_norm


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) * max(|x2|, eps)): the cosine of the angle between vectors along `dim`.

    Args:
        x1, x2: float tensors of one dtype whose shapes broadcast together.
        dim: the axis of the vectors, which is summed away.
        eps: what smaller lengths count as.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.

    >>> round(F.cosine_similarity(dl.tensor([3.0, 4.0]), dl.tensor([4.0, 3.0]), dim=0).item(), 4)
    0.96
    """
    name = "cosine_similarity"
    a, b = _pair(name, x1, x2)
    shape = check_broadcast(name, a, b) or (1,)  # as in PyTorch, a number is a vector of one element
    (axis,) = axes_of(name, (dim,), len(shape))
    length = real_number(name, "eps", eps)
    a, b = (_directed(broadcast_to(x, shape), axis, length) for x in (a, b))
    return sum_(a * b, axis=axis)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis.

    Args:
        x1, x2: float tensors (N, D) or (D,) of one dtype; they broadcast.
        p: the norm's exponent.
        eps: added to each difference, so that the gradient exists where x1 and x2 are equal.
        keepdim: keep the last axis with size 1.

    >>> F.pairwise_distance(dl.tensor([0.0, 0.0]), dl.tensor([3.0, 4.0]), eps=0.0)
    tensor(5.)
    """
    a, b = _pair("pairwise_distance", x1, x2)
    check_broadcast("pairwise_distance", a, b)
    return _distance(
        a, b, real_number("pairwise_distance", "p", p), real_number("pairwise_distance", "eps", eps), keepdim
    )


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos for a pair that belongs together (target 1), max(0, cos - margin) for one that does not (target -1).

    Args:
        input1, input2: float tensors (N, D), or (D,) for one pair.
        target: 1 or -1 for each pair, integer or of that dtype: (N,) or ().
        margin: from -1 to 1, better 0 to 0.5.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> x = dl.tensor([[1.0, 0.0]])
    >>> F.cosine_embedding_loss(x, x, dl.tensor([-1]), margin=0.25).item()
    0.75
    """
    name = "cosine_embedding_loss"
    a, b = _pair(name, input1, input2)
    same_shape(name, input1=a, input2=b)
    t = numbers_like(name, "target", target, a)
    reduction_of(name, reduction)
    limit = real_number(name, "margin", margin)
    if a.ndim not in (1, 2) or t.shape != a.shape[:-1]:
        raise ShapeError(
            f"{name}: inputs of shape {a.shape} and target of shape {t.shape}: expected (N, D) and (N,), or (D,) and ()"
        )
    tiny = 1e-12  # PyTorch's constant
    squares = (sum_(a * a, axis=-1) + tiny) * (sum_(b * b, axis=-1) + tiny)
    cosine = sum_(a * b, axis=-1) / sqrt(squares)
    apart = where(equal(t, -1), clip(cosine - limit, min=0), 0.0)
    return reduced(name, where(equal(t, 1), 1 - cosine, apart), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d as `pairwise_distance`.

    Schroff, Kalenichenko, Philbin, "FaceNet", CVPR 2015; `swap`: Balntas et al., BMVC 2016.

    Args:
        anchor, positive, negative: float tensors (N, D) or (D,) of one dtype; they broadcast.
        margin: > 0.
        p, eps: of the distance.
        swap: take d(positive, negative) where it is smaller than d(anchor, negative).
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: margin <= 0, an unknown reduction.

    >>> a, b = dl.tensor([[0.0, 0.0]]), dl.tensor([[3.0, 4.0]])
    >>> F.triplet_margin_loss(a, a, b, margin=6.0, eps=0.0).item()
    1.0
    """
    name = "triplet_margin_loss"
    a, b = _pair(name, anchor, positive, "anchor", "positive")
    _, c = _pair(name, anchor, negative, "anchor", "negative")
    if not a.ndim == b.ndim == c.ndim:
        raise ShapeError(f"{name}: one number of axes expected, got shapes {a.shape}, {b.shape} and {c.shape}")
    check_broadcast(name, a, b, c)
    reduction_of(name, reduction)
    if real_number(name, "margin", margin) <= 0:
        raise ValueError(f"{name}: margin must be > 0, got {margin!r}")
    exponent, small = real_number(name, "p", p), real_number(name, "eps", eps)
    near, far = _distance(a, b, exponent, small), _distance(a, c, exponent, small)
    if swap:
        far = minimum(far, _distance(b, c, exponent, small))
    return reduced(name, clip(near - far + float(margin), min=0), reduction)


def _pair(name: str, x1: Any, x2: Any, first: str = "input1", second: str = "input2") -> tuple[Tensor, Tensor]:
    if name in ("cosine_similarity", "pairwise_distance"):
        first, second = "x1", "x2"
    a, b = floats(name, first, x1), floats(name, second, x2)
    same_dtype(name, **{first: a, second: b})
    if a._device is not b._device:
        raise different_devices(name, (a, b))
    return a, b


def _directed(x: Tensor, axis: int, eps: float) -> Tensor:
    """x with length 1. A length below eps counts as eps; its gradient passes, as in PyTorch."""
    length = vector_norm(x, axis=axis, keepdims=True)
    raised = plain(length, length._device.backend.xp.maximum(length._array, eps) - length._array)
    return x / (length + raised)


def _distance(a: Tensor, b: Tensor, p: float, eps: float, keepdim: bool = False) -> Tensor:
    return vector_norm(a - b + eps, axis=-1, keepdims=keepdim, ord=p)
