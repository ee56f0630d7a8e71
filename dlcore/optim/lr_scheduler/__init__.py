"""Schedules: how the learning rate changes while training goes on. PyTorch's names, arguments and arithmetic.

A schedule sets `group["lr"]` of each parameter group when it is built, and anew with each `step()`, which belongs after
the optimizer's. Most are chainable: they multiply the learning rate that is there, so that several of them may be at
work at once, each of them stepped; `step(epoch)` goes to the value that they have by themselves at that epoch.
"""

from dlcore.optim.lr_scheduler.base import LRScheduler
from dlcore.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from dlcore.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from dlcore.optim.lr_scheduler.cycle import CyclicLR, OneCycleLR
from dlcore.optim.lr_scheduler.decay import ExponentialLR, MultiStepLR, PolynomialLR, StepLR
from dlcore.optim.lr_scheduler.function import LambdaLR, MultiplicativeLR
from dlcore.optim.lr_scheduler.plateau import ReduceLROnPlateau
from dlcore.optim.lr_scheduler.warmup import ConstantLR, LinearLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
