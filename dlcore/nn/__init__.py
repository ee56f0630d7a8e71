"""Layers, losses and initial values, under PyTorch's names."""

from dlcore.nn import functional, init, utils
from dlcore.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from dlcore.nn.container import Flatten, Sequential
from dlcore.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from dlcore.nn.dropout import Dropout
from dlcore.nn.linear import Linear
from dlcore.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from dlcore.nn.module import Module, Parameter
from dlcore.nn.pooling import AvgPool2d, MaxPool2d

__all__ = [
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Linear",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
    "utils",
]
