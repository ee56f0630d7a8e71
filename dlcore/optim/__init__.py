"""Optimizers and schedules, under PyTorch's names and with its arithmetic."""

from dlcore.optim import lr_scheduler
from dlcore.optim.adadelta import Adadelta
from dlcore.optim.adagrad import Adagrad
from dlcore.optim.adam import Adam, AdamW
from dlcore.optim.averaging import ExponentialMovingAverage
from dlcore.optim.lion import Lion
from dlcore.optim.nadam import NAdam
from dlcore.optim.optimizer import Optimizer
from dlcore.optim.rmsprop import RMSprop
from dlcore.optim.sgd import GD, SGD

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
