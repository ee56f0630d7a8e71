"""Losses as modules: those of regression."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import real_number, reduction_of
from dlcore.nn.module import Module


class MSELoss(Module):
    """The mean squared error; see `dl.nn.functional.mse_loss`.

    >>> dl.nn.MSELoss()(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    2.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("MSELoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(input, target, reduction=self.reduction)


class RMSELoss(Module):
    """The root of the mean squared error; see `dl.nn.functional.rmse_loss`.

    >>> dl.nn.RMSELoss()(dl.tensor([1.0]), dl.tensor([4.0])).item()
    3.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("RMSELoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.rmse_loss(input, target, reduction=self.reduction)


class L1Loss(Module):
    """The mean absolute error; see `dl.nn.functional.l1_loss`.

    >>> dl.nn.L1Loss()(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    1.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("L1Loss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Module):
    """The absolute error, rounded off below `beta`; see `dl.nn.functional.smooth_l1_loss`.

    >>> dl.nn.SmoothL1Loss()(dl.tensor([3.0]), dl.zeros(1)).item()
    2.5
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        self.reduction = reduction_of("SmoothL1Loss", reduction)
        self.beta = real_number("SmoothL1Loss", "beta", beta)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Module):
    """The squared error, straightened beyond `delta`; see `dl.nn.functional.huber_loss`.

    >>> dl.nn.HuberLoss(delta=2.0)(dl.tensor([4.0]), dl.zeros(1)).item()
    6.0
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.reduction = reduction_of("HuberLoss", reduction)
        self.delta = real_number("HuberLoss", "delta", delta)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)
