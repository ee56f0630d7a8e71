"""Optimizers, under PyTorch's names and with its arithmetic."""

from dlcore.optim.adadelta import Adadelta
from dlcore.optim.adagrad import Adagrad
from dlcore.optim.adam import Adam, AdamW
from dlcore.optim.optimizer import Optimizer
from dlcore.optim.rmsprop import RMSprop
from dlcore.optim.sgd import SGD

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]
