"""Losses of regression: functions of the difference of input and target."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.nn.functional._args import real_number, reduction_of
from dlcore.nn.functional._losses import factor, matching, reduced
from dlcore.ops import abs as abs_
from dlcore.ops import clip, equal, sqrt, square, where
from dlcore.ops import sum as sum_


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """The squared difference (input - target)^2, averaged, summed or ("none") by element.

    Args:
        input, target: float tensors of one shape and dtype. (PyTorch broadcasts them with a warning.)
        reduction: "mean", "sum" or "none".
        weight: a factor for each element, of the same shape; "mean" then divides by the sum of the weights.

    Raises:
        ShapeError, DTypeError: shapes or dtypes that differ. ValueError: an unknown reduction.

    >>> F.mse_loss(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    2.0
    """
    x, t = matching("mse_loss", input, target)
    return _weighted("mse_loss", square(x - t), reduction, weight)


def rmse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The square root of `mse_loss`, in the unit of the target; its gradient at 0 is taken to be 0.

    Arguments and errors as `mse_loss`; with "none" it is abs(input - target).

    >>> F.rmse_loss(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    1.4142135381698608
    """
    x, t = matching("rmse_loss", input, target)
    if reduction_of("rmse_loss", reduction) == "none":
        return abs_(x - t)
    squares = reduced("rmse_loss", square(x - t), reduction)
    zero = equal(squares, 0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, squares)))


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """The absolute difference abs(input - target); derivative its sign, 0 where it is 0. Arguments as `mse_loss`.

    >>> F.l1_loss(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    1.0
    """
    x, t = matching("l1_loss", input, target)
    return _weighted("l1_loss", abs_(x - t), reduction, weight)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d^2 / (2 beta) where d = abs(input - target) < beta, else d - beta / 2.

    Girshick, "Fast R-CNN", ICCV 2015, equation 3.

    Args:
        input, target, reduction: as `mse_loss`.
        beta: where the parabola becomes straight; with 0 it is `l1_loss`.

    Raises:
        ValueError: beta < 0. Otherwise as `mse_loss`.

    >>> F.smooth_l1_loss(dl.tensor([0.5, 3.0]), dl.zeros(2), reduction="none")
    tensor([0.125, 2.5  ])
    """
    x, t = matching("smooth_l1_loss", input, target)
    if real_number("smooth_l1_loss", "beta", beta) < 0:
        raise ValueError(f"smooth_l1_loss: beta must be >= 0, got {beta!r}")
    if beta == 0:
        return reduced("smooth_l1_loss", abs_(x - t), reduction)
    return reduced("smooth_l1_loss", _rounded(x - t, float(beta), 1.0), reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d^2 / 2 where d = abs(input - target) <= delta, else delta * (d - delta / 2).

    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Args:
        input, target, reduction: as `mse_loss`.
        delta: where the parabola becomes straight.
        weight: a factor for each element; "mean" divides by the number of elements all the same, as PyTorch does here.

    Raises:
        ValueError: delta <= 0. Otherwise as `mse_loss`.

    >>> F.huber_loss(dl.tensor([0.5, 4.0]), dl.zeros(2), reduction="none", delta=2.0)
    tensor([0.125, 6.   ])
    """
    x, t = matching("huber_loss", input, target)
    if real_number("huber_loss", "delta", delta) <= 0:
        raise ValueError(f"huber_loss: delta must be > 0, got {delta!r}")
    loss = _rounded(x - t, float(delta), float(delta))
    return reduced("huber_loss", loss if weight is None else loss * factor("huber_loss", "weight", weight, x, x.shape),
                   reduction)  # fmt: skip


def _rounded(difference: Tensor, bound: float, slope: float) -> Tensor:
    """The absolute value times `slope`, with a parabola in its place up to `bound`. What lies beyond is not squared."""
    size = abs_(difference)
    near = clip(size, max=bound)
    return near * near * (0.5 * slope / bound) + (size - near) * slope


def _weighted(name: str, loss: Tensor, reduction: str, weight: Any) -> Tensor:
    if weight is None:
        return reduced(name, loss, reduction)
    weight = factor(name, "weight", weight, loss, loss.shape)
    if reduction_of(name, reduction) != "mean":
        return reduced(name, loss * weight, reduction)
    return sum_(loss * weight) / sum_(weight)
