"""Functions of neural networks under PyTorch's names and defaults: `import dlcore.nn.functional as F`."""

from dlcore.nn.functional.activation import log_softmax, relu, sigmoid, softmax, tanh
from dlcore.nn.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from dlcore.nn.functional.dropout import dropout
from dlcore.nn.functional.linear import linear
from dlcore.nn.functional.loss import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from dlcore.nn.functional.padding import pad
from dlcore.nn.functional.pooling import avg_pool2d, max_pool2d, min_pool2d
from dlcore.ops.indexing import one_hot

__all__ = [
    "avg_pool2d",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "linear",
    "log_softmax",
    "max_pool2d",
    "min_pool2d",
    "mse_loss",
    "one_hot",
    "pad",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]
