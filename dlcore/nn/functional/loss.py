"""Cross-entropies of logits, which compute their value and gradient in one primitive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._dtypes import float16, int64
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, is_grad_enabled
from dlcore.nn.functional._args import floats, reduction_of, unit_interval
from dlcore.nn.functional._losses import class_indices, factor, matching
from dlcore.nn.functional.activation import log_softmax, sigmoid, softmax
from dlcore.nn.functional.likelihood import in_unit_interval
from dlcore.ops import expand_dims, permute_dims, reshape, zeros_like
from dlcore.ops import sum as sum_
from dlcore.ops._common import plain, raw
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


class SoftCrossEntropy(Function):
    """(logits (N, C), class probabilities (N, C), class weights (C,) or None) -> the loss."""

    saves = (0, 1, 2)

    def __init__(self, label_smoothing: float, reduction: Reduction) -> None:
        self.label_smoothing, self.reduction = label_smoothing, reduction

    def forward(self, logits: Any, target: Any, weight: Any) -> Any:
        loss, self.kept = self.backend.soft_cross_entropy(logits, target, weight, self.label_smoothing, self.reduction)
        return loss

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        if grad.ndim:
            grad = expand_dims(grad, axis=1)
        by_logits = by_target = None
        as_expression = is_grad_enabled()  # of the inputs, to be differentiated once more
        if self.needs(0) and not as_expression:
            gradient = plain(grad, self.kept)
            by_logits = gradient if self.grad_is_one else Multiply()(grad, gradient)
        if self.needs(1) or as_expression:
            logits, target, weight = self.saved
            rows, classes = logits.shape
            scale: Any = grad * (1.0 / rows) if self.reduction == "mean" and rows else grad
            if weight is not None:
                scale = scale * weight
            if self.needs(0) and as_expression:
                wanted = scale * (target * (1 - self.label_smoothing) + self.label_smoothing / classes)
                by_logits = softmax(logits, dim=1) * sum_(wanted, axis=1, keepdims=True) - wanted
            if self.needs(1):
                by_target = log_softmax(logits, dim=1) * (scale * (self.label_smoothing - 1))
        return by_logits, by_target, None


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


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]): the cross-entropy between logits and classes or their probabilities, as PyTorch's.

    Args:
        input: logits, shape (C,), (N, C) or (N, C, d1, ...), float.
        target: class indices, integers in 0..C-1 or `ignore_index`, shape (), (N,) or (N, d1, ...); or class
            probabilities (one-hot, say), of the shape and dtype of `input`, that sum to 1 over the classes. The loss
            then is -sum(target * log(softmax(input))).
        weight: a factor for each class, shape (C,).
        ignore_index: class indices with this value do not count. Not with probabilities.
        reduction: "mean" (divided by the summed weights of the indices that count; with probabilities by the number
            of rows), "sum" or "none".
        label_smoothing: mix the target with the uniform distribution, 0 <= label_smoothing <= 1
            (Szegedy et al., "Rethinking the Inception architecture", 2016).

    Returns:
        A 0-d tensor, or with "none" one of the shape of `input` without its classes.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        IndexError: an index out of range.
        ValueError: a reduction or smoothing out of range, an `ignore_index` beside probabilities, probabilities out of
            [0, 1] or whose sum is off by more than 0.001 (0.01 in float16). CUDA raises what is wrong with the values
            of the target at the next synchronisation.

    >>> round(F.cross_entropy(dl.tensor([[0.0, 0.0]]), dl.tensor([1])).item(), 4)
    0.6931
    >>> round(F.cross_entropy(dl.tensor([[0.0, 0.0]]), dl.tensor([[0.25, 0.75]])).item(), 4)
    0.6931
    """
    name = "cross_entropy"
    logits = floats(name, "input", input)
    reduction_of(name, reduction)
    if label_smoothing != 0:
        label_smoothing = unit_interval(name, "label_smoothing", label_smoothing)
    if isinstance(target, Tensor) and target._array.dtype.kind == "f":
        return _of_probabilities(name, logits, target, weight, ignore_index, reduction, label_smoothing)
    labels, axis = class_indices(name, logits, target)
    classes = logits.shape[axis]
    w = None if weight is None else factor(name, "weight", weight, logits, (classes,))
    labels._device.backend.check_index_range(
        labels._array, 0, classes,
        f"{name}: target must be in 0..{classes - 1} or {ignore_index} (ignore_index), got ", ignore_index,
    )  # fmt: skip
    shape = labels._array.shape
    flat = labels if len(shape) == 1 else reshape(labels, (labels.size,))
    loss = CrossEntropy(ignore_index, label_smoothing, reduction)(_rows(logits), flat, w)  # type: ignore[arg-type]
    return reshape(loss, shape) if reduction == "none" and shape != loss.shape else loss


def _of_probabilities(
    name: str, logits: Tensor, target: Tensor, weight: Any, ignore_index: int, reduction: Any, label_smoothing: float
) -> Tensor:
    logits, target = matching(name, logits, target)
    if not logits.ndim:
        raise ShapeError(f"{name}: input and target of shape () have no classes")
    axis = 0 if logits.ndim == 1 else 1
    classes = logits.shape[axis]
    if not classes:
        raise ShapeError(f"{name}: input of shape {logits.shape} has no classes")
    w = None if weight is None else factor(name, "weight", weight, logits, (classes,))
    if ignore_index >= 0:
        raise ValueError(f"{name}: ignore_index={ignore_index} is for class indices, the target holds probabilities")
    in_unit_interval(name, "target", target)
    backend, tolerance = logits._device.backend, 1e-2 if logits.dtype == float16 else 1e-3
    sums = backend.sum(target._array, (axis,))
    message = f"{name}: probabilities of the target must sum to 1 over the classes, got "
    backend.check_value_range(sums, 1 - tolerance, 1 + tolerance, message)
    loss = SoftCrossEntropy(label_smoothing, reduction)(_rows(logits), _rows(target), w)
    shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    return reshape(loss, shape) if reduction == "none" and shape != loss.shape else loss


def _rows(x: Tensor) -> Tensor:
    """(C,), (N, C) or (N, C, d...) -> (N*d..., C)"""
    if x.ndim == 1:
        return reshape(x, (1, x.shape[0]))
    if x.ndim == 2:
        return x
    return reshape(permute_dims(x, (0, *range(2, x.ndim), 1)), (x.size // x.shape[1], x.shape[1]))


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
    x, t = matching(name, input, target)
    reduction_of(name, reduction)
    factors = [None if w is None else factor(name, argument, w, x)
               for argument, w in (("weight", weight), ("pos_weight", pos_weight))]  # fmt: skip
    return BCEWithLogits(reduction)(x, t, *factors)  # type: ignore[arg-type]
