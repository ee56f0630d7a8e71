"""Optimizers and schedules, under PyTorch's names and with its arithmetic."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlcore.optim.adadelta import Adadelta
from dlcore.optim.adagrad import Adagrad
from dlcore.optim.adam import Adam, AdamW
from dlcore.optim.averaging import ExponentialMovingAverage
from dlcore.optim.lion import Lion
from dlcore.optim.nadam import NAdam
from dlcore.optim.optimizer import Optimizer
from dlcore.optim.rmsprop import RMSprop
from dlcore.optim.sgd import GD, SGD

if TYPE_CHECKING:
    from dlcore.optim import lr_scheduler

__all__ = [
    "GD",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "ExponentialMovingAverage",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]


def __getattr__(name: str) -> Any:
    """`lr_scheduler` at its first use: `import dlcore` is to cost little."""
    if name == "lr_scheduler":
        return import_module("dlcore.optim.lr_scheduler")
    raise AttributeError(f"module 'dlcore.optim' has no attribute {name!r}")
