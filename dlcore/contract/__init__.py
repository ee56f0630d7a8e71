"""The primitives that a device may override, a family a file; `dlcore.backend.Backend` is all of them."""

from dlcore.contract.adaptive_pooling import AdaptivePoolingContract
from dlcore.contract.checks import CheckContract
from dlcore.contract.conversion import ConversionContract
from dlcore.contract.convolution import ConvolutionContract
from dlcore.contract.indexing import IndexingContract
from dlcore.contract.linear import LinearContract
from dlcore.contract.losses import LossContract
from dlcore.contract.normalization import NormalizationContract
from dlcore.contract.optimizers import OptimizerContract
from dlcore.contract.pointwise import PointwiseContract
from dlcore.contract.pooling import PoolingContract
from dlcore.contract.random import RandomContract
from dlcore.contract.special import SpecialContract

__all__ = [
    "AdaptivePoolingContract",
    "CheckContract",
    "ConversionContract",
    "ConvolutionContract",
    "IndexingContract",
    "LinearContract",
    "LossContract",
    "NormalizationContract",
    "OptimizerContract",
    "PointwiseContract",
    "PoolingContract",
    "RandomContract",
    "SpecialContract",
]
