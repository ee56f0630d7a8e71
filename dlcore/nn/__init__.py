"""Layers, losses and initial values, under PyTorch's names."""

from dlcore.nn import functional, init, utils
from dlcore.nn._summary import summary
from dlcore.nn.activation import LogSoftmax, ReLU, Sigmoid, Softmax, Softmin, Tanh
from dlcore.nn.container import (
    Flatten,
    Identity,
    ModuleDict,
    ModuleList,
    Residual,
    Sequential,
    Unflatten,
)
from dlcore.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from dlcore.nn.dropout import (
    Dropout,
    Dropout1d,
    Dropout2d,
)
from dlcore.nn.embedding import Embedding
from dlcore.nn.interpolation import (
    Upsample,
)
from dlcore.nn.linear import Linear
from dlcore.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from dlcore.nn.module import Module, Parameter
from dlcore.nn.normalization import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from dlcore.nn.perceptron import (
    Perceptron,
)
from dlcore.nn.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
    MinPool1d,
    MinPool2d,
)
from dlcore.nn.rectifier import (
    CELU,
    ELU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Heaviside,
    LeakyReLU,
    PReLU,
    ReLU6,
    Softshrink,
    Threshold,
)
from dlcore.nn.smooth import GELU, GLU, LogSigmoid, Mish, SiLU, Softplus, Softsign, Tanhshrink

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Heaviside",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MinPool1d",
    "MinPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "PReLU",
    "Parameter",
    "Perceptron",
    "RMSNorm",
    "ReLU",
    "ReLU6",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "Unflatten",
    "Upsample",
    "functional",
    "init",
    "summary",
    "utils",
]
