"""Losses. Cross-entropies compute their value and gradient in one primitive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._dtypes import int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, different_devices, is_grad_enabled
from dlcore.nn.functional._args import floats, reduction_of, same_dtype, unit_interval
from dlcore.nn.functional.activation import sigmoid, softmax
from dlcore.ops import expand_dims, mean, permute_dims, reshape, square, zeros_like
from dlcore.ops import sum as sum_
from dlcore.ops._common import as_tensor, plain, raw
from dlcore.ops.arithmetic import Multiply

if TYPE_CHECKING:
    from dlcore.backend import Reduction


class CrossEntropy(Function):
    """(logits (N, C), labels (N,), class weights (C,) or None) -> the loss; only the logits have a gradient."""

    saves = (0, 1, 2)

    def __init__(self, ignore_index: int, label_smoothing: float, reduction: Reduction) -> None:
        self.arguments = (ignore_index, label_smoothing, reduction)

    def forward(self, logits: Any, labels: Any, weight: Any) -> Any:
        loss, self.kept = self.backend.softmax_cross_entropy(logits, labels, weight, *self.arguments)
        return loss

    def backward(self, grad: Tensor) -> tuple[Tensor, None, None]:
        if grad.ndim:
            grad = expand_dims(grad, axis=1)
        if not is_grad_enabled():
            gradient = plain(grad, self.kept)
            return gradient if self.grad_is_one else Multiply()(grad, gradient), None, None
        # The same gradient as an expression of the logits, to be differentiated once more: it is
        # s*softmax(z) - t, where the targets t do not depend on z and s is their sum over the row.
        logits, labels, weight = self.saved
        soft = softmax(logits, dim=1)
        targets = plain(logits, self._targets(soft, labels._array, raw(weight)))
        return grad * (soft * sum_(targets, axis=1, keepdims=True) - targets), None, None

    def _targets(self, soft: Tensor, labels: Any, weight: Any) -> Any:
        """What softmax is compared with, weights and the mean's divisor included."""
        ignore_index, smoothing, reduction = self.arguments
        xp, classes, dtype = self.xp, soft.shape[1], soft.dtype
        counted = xp.astype(labels != ignore_index, dtype)
        hit = xp.astype(labels[:, None] == xp.arange(classes, dtype=int64), dtype)
        targets = (1 - smoothing) * hit + smoothing / classes
        per_label = counted
        if weight is not None:
            targets = targets * weight
            per_label = counted * xp.sum(hit * weight, axis=1)
        targets = targets * counted[:, None]
        if reduction != "mean":
            return targets
        total = xp.sum(per_label)
        return targets / xp.where(total == 0, xp.ones_like(total), total)  # no target counts: all of them are 0


class BCEWithLogits(Function):
    """(logits, target, weight or None, pos_weight or None) -> the loss; logits and target may need gradients."""

    saves = (0, 1, 2, 3)

    def __init__(self, reduction: Reduction) -> None:
        self.reduction = reduction

    def forward(self, logits: Any, target: Any, weight: Any, pos_weight: Any) -> Any:
        loss, self.kept = self.backend.bce_with_logits(logits, target, weight, pos_weight, self.reduction)
        return loss

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        by_logits = by_target = None
        as_expression = is_grad_enabled()  # of the inputs, to be differentiated once more
        if self.needs(0) and not as_expression:
            gradient = plain(grad, self.kept)
            by_logits = gradient if self.grad_is_one else Multiply()(grad, gradient)
        if self.needs(1) or as_expression:
            x, t, weight, pos_weight = self.saved
            scale: Any = grad * (1.0 / x.size) if self.reduction == "mean" and x.size else grad
            if weight is not None:
                scale = scale * weight
            excess = 0.0 if pos_weight is None else pos_weight - 1
            if self.needs(0) and as_expression:
                by_logits = scale * (1 - t - (1 + t * excess) * sigmoid(-x))
            if self.needs(1):
                by_target = scale * (excess * _softplus(-x) - x)
        return by_logits, by_target, None, None


def _softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)) without overflow: the loss of x against the target 0."""
    return BCEWithLogits("none")(x, zeros_like(x), None, None)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared difference (input - target)^2, averaged, summed or ("none") by element.

    Args:
        input, target: float tensors of one shape and dtype. (PyTorch broadcasts them with a warning.)
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: shapes or dtypes that differ. ValueError: an unknown reduction.

    >>> F.mse_loss(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    2.0
    """
    x, t = _matching("mse_loss", input, target)
    return _reduce("mse_loss", square(x - t), reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]): the cross-entropy between logits and class indices, as PyTorch's.

    Args:
        input: logits, shape (C,), (N, C) or (N, C, d1, ...), float.
        target: class indices, integers in 0..C-1 or `ignore_index`, shape (), (N,) or (N, d1, ...).
        weight: a factor for each class, shape (C,).
        ignore_index: targets with this value do not count.
        reduction: "mean" (divided by the summed weights of the targets that count), "sum" or "none".
        label_smoothing: mix the target with the uniform distribution, 0 <= label_smoothing <= 1
            (Szegedy et al., "Rethinking the Inception architecture", 2016).

    Returns:
        A 0-d tensor, or with "none" one of the shape of `target`.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        IndexError: a target out of range. ValueError: a reduction or smoothing out of range.

    >>> round(F.cross_entropy(dl.tensor([[0.0, 0.0]]), dl.tensor([1])).item(), 4)
    0.6931
    """
    name = "cross_entropy"
    logits = floats(name, "input", input)
    labels = as_tensor(name, "target", target)
    reduction_of(name, reduction)
    if labels._array.dtype.kind not in "iu":
        raise DTypeError(f"{name}: target must hold class indices (integers), got {labels.dtype}")
    if logits._device is not labels._device:
        raise different_devices(name, (logits, labels))
    if label_smoothing != 0:
        label_smoothing = unit_interval(name, "label_smoothing", label_smoothing)
    shape, logits_shape = labels._array.shape, logits._array.shape
    axis = 0 if len(logits_shape) == 1 else 1
    if not logits_shape or shape != logits_shape[:axis] + logits_shape[axis + 1 :]:
        raise ShapeError(
            f"{name}: target of shape {labels.shape} does not fit input of shape {logits.shape}: expected (N, C, ...) "
            "and (N, ...), or (C,) and ()"
        )
    classes = logits_shape[axis]
    if classes == 0:
        raise ShapeError(f"{name}: input of shape {logits.shape} has no classes")
    if weight is not None:
        weight = floats(name, "weight", weight)
        same_dtype(name, input=logits, weight=weight)
        if weight.shape != (classes,):
            raise ShapeError(f"{name}: weight must have shape ({classes},), got {weight.shape}")
        if weight._device is not logits._device:
            raise different_devices(name, (logits, weight))
        if weight._requires_grad:
            raise RuntimeError(f"{name}: weight has no gradient here; pass weight.detach()")
    labels._device.backend.check_index_range(
        labels._array, 0, classes,
        f"{name}: target must be in 0..{classes - 1} or {ignore_index} (ignore_index), got ", ignore_index,
    )  # fmt: skip
    if len(logits_shape) == 1:
        logits = reshape(logits, (1, classes))
    elif len(logits_shape) > 2:  # (N, C, d...) -> (N*d..., C)
        last = permute_dims(logits, (0, *range(2, logits.ndim), 1))
        logits = reshape(last, (labels.size, classes))
    flat = labels if len(shape) == 1 else reshape(labels, (labels.size,))
    loss = CrossEntropy(ignore_index, label_smoothing, reduction)(logits, flat, weight)  # type: ignore[arg-type]
    return reshape(loss, shape) if reduction == "none" and shape != loss.shape else loss


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-w [p t log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))], stable for large |x|; as PyTorch's.

    Args:
        input: logits, float, any shape.
        target: probabilities in [0, 1], of the same shape and dtype.
        weight: a factor w that broadcasts to that shape.
        reduction: "mean", "sum" or "none".
        pos_weight: a factor p for positive targets that broadcasts to that shape.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> round(F.binary_cross_entropy_with_logits(dl.zeros(2), dl.ones(2)).item(), 4)
    0.6931
    """
    name = "binary_cross_entropy_with_logits"
    x, t = _matching(name, input, target)
    reduction_of(name, reduction)
    factors = []
    for argument, factor in (("weight", weight), ("pos_weight", pos_weight)):
        if factor is not None:
            factor = floats(name, argument, factor)
            same_dtype(name, input=x, **{argument: factor})
            if factor._device is not x._device:
                raise different_devices(name, (x, factor))
            extra = x.ndim - factor.ndim
            if extra < 0 or any(a not in (1, b) for a, b in zip(factor.shape, x.shape[extra:], strict=True)):
                raise ShapeError(f"{name}: {argument} of shape {factor.shape} does not broadcast to {x.shape}")
            if factor._requires_grad:
                raise RuntimeError(f"{name}: {argument} has no gradient here; pass {argument}.detach()")
        factors.append(factor)
    return BCEWithLogits(reduction)(x, t, *factors)  # type: ignore[arg-type]


def _matching(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    x, t = floats(name, "input", input), floats(name, "target", target)
    same_dtype(name, input=x, target=t)
    if x.shape != t.shape:
        raise ShapeError(f"{name}: input of shape {x.shape} and target of shape {t.shape} must have one shape")
    return x, t


def _reduce(name: str, loss: Tensor, reduction: str) -> Tensor:
    reduction_of(name, reduction)
    return mean(loss) if reduction == "mean" else sum_(loss) if reduction == "sum" else loss
