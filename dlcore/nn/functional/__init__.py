"""Functions of neural networks under PyTorch's names and defaults: `import dlcore.nn.functional as F`."""

from dlcore.nn.functional.activation import log_softmax, relu, sigmoid, softmax, softmin, tanh
from dlcore.nn.functional.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
)
from dlcore.nn.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from dlcore.nn.functional.dropout import (
    dropout,
    dropout1d,
    dropout2d,
)
from dlcore.nn.functional.embedding import embedding
from dlcore.nn.functional.interpolation import (
    interpolate,
)
from dlcore.nn.functional.likelihood import binary_cross_entropy, gaussian_nll_loss, kl_div, nll_loss, poisson_nll_loss
from dlcore.nn.functional.linear import linear
from dlcore.nn.functional.loss import binary_cross_entropy_with_logits, cross_entropy
from dlcore.nn.functional.margin_loss import (
    hinge_embedding_loss,
    hinge_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from dlcore.nn.functional.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from dlcore.nn.functional.padding import pad
from dlcore.nn.functional.pooling import (
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
    min_pool1d,
    min_pool2d,
)
from dlcore.nn.functional.rectifier import (
    celu,
    elu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    heaviside,
    leaky_relu,
    prelu,
    relu6,
    selu,
    softshrink,
    threshold,
)
from dlcore.nn.functional.regression_loss import huber_loss, l1_loss, mse_loss, rmse_loss, smooth_l1_loss
from dlcore.nn.functional.similarity import (
    cosine_embedding_loss,
    cosine_similarity,
    pairwise_distance,
    triplet_margin_loss,
)
from dlcore.nn.functional.smooth import gelu, glu, logsigmoid, mish, silu, softplus, softsign, tanhshrink
from dlcore.ops.indexing import one_hot

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "elu",
    "embedding",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "group_norm",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "heaviside",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "min_pool1d",
    "min_pool2d",
    "mish",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "pairwise_distance",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "rmse_loss",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "triplet_margin_loss",
]
