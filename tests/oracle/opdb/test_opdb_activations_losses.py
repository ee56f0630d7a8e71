"""Activations and losses over the sample inputs of PyTorch's operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import Entry, Skip, check_error_inputs, check_samples, comparisons, has, op_infos

from dlcore.nn import functional as F

torch = pytest.importorskip("torch", exc_type=ImportError)

FLOATS = ("float64", "float32")

ACTIVATIONS = (
    F.relu, F.relu6, F.leaky_relu, F.prelu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.logsigmoid,
    F.softsign, F.tanhshrink, F.hardsigmoid, F.hardswish, F.hardtanh, F.threshold, F.hardshrink, F.softshrink, F.glu,
    F.softmin,
)  # fmt: skip
LOSSES = (
    F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits,
    F.nll_loss, F.kl_div, F.poisson_nll_loss, F.gaussian_nll_loss, F.hinge_embedding_loss, F.soft_margin_loss,
    F.margin_ranking_loss, F.multi_margin_loss,
    F.multilabel_margin_loss, F.multilabel_soft_margin_loss, F.cosine_similarity,
    F.cosine_embedding_loss, F.pairwise_distance, F.triplet_margin_loss,
)  # fmt: skip


#: Hundreds of samples; and a gradient that is 0 but for rounding.
ONCE = (F.gaussian_nll_loss, F.poisson_nll_loss, F.cosine_similarity)


def is_no_distribution(sample: Any) -> bool:
    target = sample.args[0]
    if not target.is_floating_point():
        return False
    sums = target.detach().sum(0 if target.ndim == 1 else 1)
    return bool(((sums - 1).abs() > 1e-3).any())


DTYPE = Skip("no dtype: convert the input", has("dtype"))
TABLE: dict[str, Entry] = {
    **{
        f"nn.functional.{f.__name__}": Entry(f, dtypes=FLOATS if f not in ONCE else FLOATS[:1])
        for f in (*ACTIVATIONS, *LOSSES)
    },
    "nn.functional.cross_entropy": Entry(
        F.cross_entropy, (Skip("probabilities that do not sum to 1", is_no_distribution),), dtypes=FLOATS
    ),
    "nn.functional.softmin.with_dtype": Entry(F.softmin, (DTYPE,), dtypes=FLOATS),
    "softmax": Entry(F.softmax, dtypes=FLOATS),
    "softmax.with_dtype": Entry(F.softmax, (DTYPE,), dtypes=FLOATS),
    "log_softmax": Entry(F.log_softmax, dtypes=FLOATS),
    "log_softmax.with_dtype": Entry(F.log_softmax, (DTYPE,), dtypes=FLOATS),
}


@pytest.mark.every_device
@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)


def test_what_pytorch_has_and_this_library_lacks() -> None:
    """So that a new entry of PyTorch's table is not overlooked."""
    there = {name.split(".")[2] for name in op_infos() if name.startswith("nn.functional.")}
    losses = {name for name in there if name.endswith(("_loss", "cross_entropy")) and not hasattr(F, name)}
    assert losses == {
        "ctc_loss",  # sequences without alignment
        "linear_cross_entropy",  # a layer and its loss in one
        "triplet_margin_with_distance_loss",  # any distance: write it out
    }
