"""Losses that are negative log-likelihoods, of probabilities or their logarithms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore._dtypes import int64
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, different_devices
from dlcore.nn.functional._args import REDUCTIONS, floats, real_number, reduction_of, same_dtype
from dlcore.nn.functional._losses import class_indices, factor, matching, reduced
from dlcore.ops import clip, equal, exp, expand_dims, greater, less, log, log1p, multiply, square, where
from dlcore.ops import sum as sum_
from dlcore.ops._common import check_broadcast, plain, raw

#: The lowest logarithm of a probability that counts, as in PyTorch: that of 0 would be -inf, and its loss NaN.
LOWEST_LOG = -100.0
KL_REDUCTIONS = (*REDUCTIONS, "batchmean")


class BinaryCrossEntropy(Function):
    """(probability p, target t) -> -(t * log(p) + (1 - t) * log(1 - p)), the logarithms at least -100."""

    saves = (0, 1)

    def forward(self, p: Any, t: Any) -> Any:
        xp = self.xp
        lowest = xp.full((), LOWEST_LOG, dtype=p.dtype)
        with np.errstate(divide="ignore"):  # of 0, whose logarithm gives way to -100
            return (t - 1) * xp.maximum(xp.log1p(-p), lowest) - t * xp.maximum(xp.log(p), lowest)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        p, t = self.saved
        by_target = None
        if self.needs(1):
            inside = plain(p, (p._array > 0) & (p._array < 1))
            safe = where(inside, p, 0.5)
            low = clip(log1p(-safe), min=LOWEST_LOG) - clip(log(safe), min=LOWEST_LOG)
            by_target = grad * where(inside, low, where(equal(p, 0), -LOWEST_LOG, plain(p, LOWEST_LOG + 0 * p._array)))
        least = max(1e-12, float(np.finfo(p.dtype).tiny))  # PyTorch's constant is 0 in float16
        return grad * (p - t) / clip((1 - p) * p, min=least) if self.needs(0) else None, by_target


class NLL(Function):
    """(log-probabilities, labels, class weights or None) -> the losses; its gradient does not depend on the first."""

    saves = (1, 2)

    def __init__(self, axis: int, ignore_index: int) -> None:
        self.axis, self.ignore_index = axis, ignore_index

    def forward(self, x: Any, labels: Any, weight: Any) -> Any:
        self.shape = x.shape
        counts, label, row_weight = chosen(self.xp, labels, x.shape[self.axis], weight, self.ignore_index, x.dtype)
        picked = self.xp.take_along_axis(x, self.xp.expand_dims(label, self.axis), axis=self.axis)
        picked = self.xp.reshape(picked, label.shape)
        picked = self.xp.where(counts, picked, self.xp.zeros_like(picked))  # -inf of an ignored row stays out
        return -row_weight * picked

    def backward(self, grad: Tensor) -> tuple[Tensor, None, None]:
        labels, weight = self.saved
        xp, dtype = self.xp, grad.dtype
        classes = self.shape[self.axis]
        _, label, row_weight = chosen(xp, labels._array, classes, raw(weight), self.ignore_index, dtype)
        place = xp.reshape(xp.arange(classes, dtype=int64), (classes, *(1,) * (len(self.shape) - self.axis - 1)))
        hit = xp.astype(xp.expand_dims(label, self.axis) == place, dtype)
        targets = plain(grad, -hit * xp.expand_dims(row_weight, self.axis))
        return multiply(expand_dims(grad, axis=self.axis), targets), None, None


def chosen(xp: Any, labels: Any, classes: int, weight: Any, ignore_index: int, dtype: Any) -> tuple[Any, Any, Any]:
    """Which labels count; the labels, 0 where they do not; and the weights of their classes, there 0.

    A GPU has not yet said whether the labels are in range: one that is not must not reach beyond the arrays.
    """
    labels = xp.astype(labels, int64)
    counts = labels != ignore_index
    label = xp.where(counts & (labels >= 0) & (labels < classes), labels, xp.zeros_like(labels))
    row_weight = xp.astype(counts, dtype)
    return counts, label, row_weight if weight is None else row_weight * weight[label]


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-w [t log(p) + (1 - t) log(1 - p)] of probabilities p; a logarithm below -100 counts as -100, as in PyTorch.

    From logits, `binary_cross_entropy_with_logits` is more exact and never loses the gradient.

    Args:
        input: probabilities in [0, 1], float, any shape.
        target: probabilities in [0, 1], of the same shape and dtype.
        weight: a factor w that broadcasts to that shape.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        ValueError: an unknown reduction; a number outside [0, 1] or NaN (on CUDA at the next synchronisation).

    >>> round(F.binary_cross_entropy(dl.tensor([0.5, 0.5]), dl.tensor([1.0, 0.0])).item(), 4)
    0.6931
    """
    name = "binary_cross_entropy"
    p, t = matching(name, input, target)
    reduction_of(name, reduction)
    w = None if weight is None else factor(name, "weight", weight, p)
    for argument, x in (("input", p), ("target", t)):
        in_unit_interval(name, argument, x)
    loss = BinaryCrossEntropy()(p, t)
    return reduced(name, loss if w is None else loss * w, reduction)


def in_unit_interval(name: str, argument: str, x: Tensor) -> None:
    """Probabilities must be in [0, 1]."""
    x._device.backend.check_value_range(x._array, 0.0, 1.0, f"{name}: {argument} must be in [0, 1], got ")


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-input[target]: the negative log-likelihood, given log-probabilities such as `log_softmax`'s.

    Args:
        input: log-probabilities, shape (C,), (N, C) or (N, C, d1, ...), float.
        target, weight, ignore_index, reduction: as `cross_entropy` with class indices.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        IndexError: a target out of range. ValueError: an unknown reduction.

    >>> F.nll_loss(dl.tensor([[-1.0, -2.0], [-3.0, -4.0]]), dl.tensor([0, 1])).item()
    2.5
    """
    name = "nll_loss"
    x = floats(name, "input", input)
    reduction_of(name, reduction)
    labels, axis = class_indices(name, x, target)
    classes = x.shape[axis]
    w = None if weight is None else factor(name, "weight", weight, x, (classes,))
    backend = x._device.backend
    backend.check_index_range(
        labels._array, 0, classes,
        f"{name}: target must be in 0..{classes - 1} or {ignore_index} (ignore_index), got ", ignore_index,
    )  # fmt: skip
    loss = NLL(axis, ignore_index)(x, labels, w)
    if reduction != "mean":
        return reduced(name, loss, reduction)
    xp = backend.xp
    total = xp.sum(chosen(xp, labels._array, classes, raw(w), ignore_index, x.dtype)[2])
    return sum_(loss) / plain(x, xp.where(total == 0, xp.full_like(total, math.nan), total))  # NaN: a mean of nothing


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t * (log(t) - input): the divergence of Kullback and Leibler, of log-probabilities `input` from probabilities t.

    Kullback, Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951.

    Args:
        input: log-probabilities, float, any shape.
        target: probabilities of the same shape and dtype; where it is 0, so is the loss.
        reduction: "batchmean" is the divergence: the sum divided by the size of the first axis. "mean" divides by
            the number of elements; "sum" and "none" do not.
        log_target: the target, too, holds logarithms.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> p = dl.tensor([[0.5, 0.5]])
    >>> F.kl_div(dl.log(p), p, reduction="batchmean").item()
    0.0
    """
    x, t = matching("kl_div", input, target)
    reduction_of("kl_div", reduction, KL_REDUCTIONS)
    if log_target:
        loss = exp(t) * (t - x)
    else:
        zero = equal(t, 0)
        loss = where(zero, 0.0, t * log(where(zero, 1.0, t))) - t * x
    if reduction != "batchmean":
        return reduced("kl_div", loss, reduction)
    return sum_(loss) / x.shape[0] if x.ndim else sum_(loss)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - t * x, or of a rate itself x - t * log(x + eps): counts t of a Poisson distribution.

    Args:
        input: the logarithm of the rate, or with `log_input=False` the rate; float, any shape.
        target: counts, of the same shape and dtype.
        full: add Stirling's approximation of log(t!) where t > 1.
        eps: keeps the logarithm finite.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> F.poisson_nll_loss(dl.zeros(2), dl.ones(2)).item()
    1.0
    """
    name = "poisson_nll_loss"
    x, t = matching(name, input, target)
    loss = exp(x) - t * x if log_input else x - t * log(x + real_number(name, "eps", eps))
    if full:
        several = greater(t, 1)
        safe = where(several, t, 2.0)
        stirling = safe * log(safe) - safe + 0.5 * log(safe * (2 * math.pi))
        loss = loss + where(several, stirling, 0.0)
    return reduced(name, loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (input - target)^2 / var) / 2: targets of a normal distribution with this mean and variance.

    Nix, Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.

    Args:
        input: means, float, any shape.
        target: of the same dtype, and a shape that broadcasts with that of the input.
        var: variances >= 0: a number, or a tensor of that shape, without its last axis, or with one axis of size 1.
        full: add the constant log(2 pi) / 2.
        eps: what smaller variances count as; their gradient passes, as in PyTorch.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        ValueError: a negative variance (on CUDA at the next synchronisation), eps <= 0, an unknown reduction.

    >>> F.gaussian_nll_loss(dl.zeros(2), dl.ones(2), dl.ones(2)).item()
    0.5
    """
    name = "gaussian_nll_loss"
    x, t = floats(name, "input", input), floats(name, "target", target)
    same_dtype(name, input=x, target=t)
    check_broadcast(name, x, t)
    reduction_of(name, reduction)
    if real_number(name, "eps", eps) <= 0:
        raise ValueError(f"{name}: eps must be > 0, got {eps!r}")
    if not isinstance(var, Tensor):
        if real_number(name, "var", var) < 0:
            raise ValueError(f"{name}: var must be >= 0, got {var!r}")
        var = plain(x, x._device.backend.xp.full_like(x._array, var))
    v = floats(name, "var", var)
    same_dtype(name, input=x, var=v)
    if v.shape != x.shape:
        one_off = v.ndim == x.ndim and sum(b for a, b in zip(x.shape, v.shape, strict=True) if a != b) == 1
        if x.ndim and v.shape == x.shape[:-1]:
            v = expand_dims(v, axis=-1)
        elif not one_off:
            raise ShapeError(f"{name}: var of shape {v.shape} does not fit input of shape {x.shape}")
    if v._device is not x._device:
        raise different_devices(name, (x, v))
    x._device.backend.check_value_range(v._array, 0.0, math.inf, f"{name}: var must be >= 0, got ")
    raised = plain(v, v._device.backend.xp.maximum(v._array, eps) - v._array)  # as a constant: the gradient passes
    v = where(less(v, eps), v + raised, v)
    loss = 0.5 * (log(v) + square(x - t) / v)
    return reduced(name, loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
