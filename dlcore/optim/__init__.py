"""Optimizers, under PyTorch's names and with its arithmetic."""

from dlcore.optim.adam import Adam
from dlcore.optim.optimizer import Optimizer
from dlcore.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
