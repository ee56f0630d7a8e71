"""The reference implementation of every primitive of `dlcore.backend`, in array-API terms.

Each takes the array namespace `xp` first and is otherwise called as the method of `Backend` of the same name,
whose docstring says what it does. They are written to be read and to be right, not to be fast: a device
inherits them and overrides what it can speed up, and the tests compare the two. Nothing here knows of a device.
"""

from .activations import ACTIVATIONS, Activation, bias_activation_backward, bias_activation_forward
from .adaptive_pooling import (
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    adaptive_max_pool2d_forward,
    adaptive_pool2d_gather,
    adaptive_pool2d_scatter,
)
from .checks import check_value_range
from .conversion import cast
from .convolution import conv2d_backward_input, conv2d_backward_weight, conv2d_forward
from .dropout import dropout_backward, dropout_forward
from .indexing import check_index_range, scatter_add, top_places
from .losses import bce_with_logits, soft_cross_entropy, softmax_cross_entropy
from .normal import random_normal
from .normalization import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_inference,
    group_norm_backward,
    group_norm_forward,
)
from .norms import l2_norm
from .optimizers import (
    adadelta_update,
    adagrad_update,
    adam_update,
    lion_update,
    nadam_update,
    rmsprop_update,
    sgd_update,
)
from .philox import philox, random_integers, random_permutation, random_uniform
from .pointwise import POINTWISE, Pointwise, pointwise_backward, pointwise_forward
from .pooling import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    index_pool2d_gather,
    index_pool2d_scatter,
    max_pool2d_forward,
    min_pool2d_forward,
)
from .softmax import softmax_backward, softmax_forward
from .special import erf, erfc, erfinv
from .sums import matmul, sum

__all__ = [
    "ACTIVATIONS",
    "POINTWISE",
    "Activation",
    "Pointwise",
    "adadelta_update",
    "adagrad_update",
    "adam_update",
    "adaptive_avg_pool2d_backward",
    "adaptive_avg_pool2d_forward",
    "adaptive_max_pool2d_forward",
    "adaptive_pool2d_gather",
    "adaptive_pool2d_scatter",
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "batch_norm_inference",
    "bce_with_logits",
    "bias_activation_backward",
    "bias_activation_forward",
    "cast",
    "check_index_range",
    "check_value_range",
    "conv2d_backward_input",
    "conv2d_backward_weight",
    "conv2d_forward",
    "dropout_backward",
    "dropout_forward",
    "erf",
    "erfc",
    "erfinv",
    "group_norm_backward",
    "group_norm_forward",
    "index_pool2d_gather",
    "index_pool2d_scatter",
    "l2_norm",
    "lion_update",
    "matmul",
    "max_pool2d_forward",
    "min_pool2d_forward",
    "nadam_update",
    "philox",
    "pointwise_backward",
    "pointwise_forward",
    "random_integers",
    "random_normal",
    "random_permutation",
    "random_uniform",
    "rmsprop_update",
    "scatter_add",
    "sgd_update",
    "soft_cross_entropy",
    "softmax_backward",
    "softmax_cross_entropy",
    "softmax_forward",
    "sum",
    "top_places",
]
