"""What the losses refuse, each argument by its name and before any work."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import pytest

import dlcore as dl
from dlcore import nn
from dlcore.nn import functional as F

T = dl.tensor
X, Y = dl.full((2, 3), 0.5), T([0, 2])
D = X.astype("float64")
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "l1 shape": (lambda: F.l1_loss(X, dl.ones(3)), dl.ShapeError, r"l1_loss: input of shape \(2, 3\) and target"),
    "l1 weight": (
        lambda: F.l1_loss(X, X, weight=dl.ones(3)),
        dl.ShapeError,
        r"l1_loss: weight must have shape \(2, 3\)",
    ),
    "l1 reduction": (lambda: F.l1_loss(X, X, "x", weight=X), ValueError, "l1_loss: reduction .*'x'"),
    "mse weight": (lambda: F.mse_loss(X, X, weight=D), dl.DTypeError, "mse_loss: .*weight float64"),
    "mse weight grad": (
        lambda: F.mse_loss(X, X, weight=dl.ones((2, 3), requires_grad=True)),
        RuntimeError,
        "mse_loss: weight has no gradient",
    ),
    "rmse reduction": (lambda: F.rmse_loss(X, X, "x"), ValueError, "rmse_loss: reduction .*'x'"),
    "smooth l1": (lambda: F.smooth_l1_loss(X, X, beta=-1.0), ValueError, "smooth_l1_loss: beta must be >= 0, got -1.0"),
    "huber": (lambda: F.huber_loss(X, X, delta=0.0), ValueError, "huber_loss: delta must be > 0, got 0.0"),
    "bce input": (
        lambda: F.binary_cross_entropy(X * 3, X),
        ValueError,
        r"binary_cross.*input must be in \[0, 1\], got 1.5",
    ),
    "bce NaN": (
        lambda: F.binary_cross_entropy(X * nan, X),
        ValueError,
        r"binary_cross.*input must be in \[0, 1\], got nan",
    ),
    "bce target": (
        lambda: F.binary_cross_entropy(X, -X),
        ValueError,
        r"binary_cross.*target must be in \[0, 1\], got -0.5",
    ),
    "bce weight": (lambda: F.binary_cross_entropy(X, X, dl.ones(2)), dl.ShapeError, "binary_cross.*weight of shape"),
    "bce ints": (lambda: F.binary_cross_entropy(X, Y), dl.DTypeError, "binary_cross.*target must be a float"),
    "nll label": (lambda: F.nll_loss(X, T([0, 3])), IndexError, r"nll_loss: target must be in 0..2 or -100.*3"),
    "nll shape": (lambda: F.nll_loss(X, T([0])), dl.ShapeError, r"nll_loss: target of shape \(1,\)"),
    "nll floats": (lambda: F.nll_loss(X, X), dl.DTypeError, "nll_loss: target must hold class indices"),
    "nll weight": (lambda: F.nll_loss(X, Y, dl.ones(2)), dl.ShapeError, r"nll_loss: weight must have shape \(3,\)"),
    "kl reduction": (
        lambda: F.kl_div(X, X, "batch"),
        ValueError,
        "kl_div: reduction must be one of .*batchmean, got 'batch'",
    ),
    "l1 batchmean": (
        lambda: F.l1_loss(X, X, "batchmean"),
        ValueError,
        "l1_loss: reduction must be one of none, mean, sum",
    ),
    "poisson eps": (lambda: F.poisson_nll_loss(X, X, False, eps=nan), ValueError, "poisson_nll_loss: eps .*nan"),
    "gaussian var": (
        lambda: F.gaussian_nll_loss(X, X, -X),
        ValueError,
        "gaussian_nll_loss: var must be >= 0, got -0.5",
    ),
    "gaussian number": (
        lambda: F.gaussian_nll_loss(X, X, -1.0),
        ValueError,
        "gaussian_nll_loss: var must be >= 0, got -1.0",
    ),
    "gaussian shape": (
        lambda: F.gaussian_nll_loss(X, X, dl.ones(3)),
        dl.ShapeError,
        r"gaussian_nll_loss: var of shape \(3,\)",
    ),
    "gaussian eps": (lambda: F.gaussian_nll_loss(X, X, X, eps=0.0), ValueError, "gaussian_nll_loss: eps must be > 0"),
    "hinge label": (
        lambda: F.hinge_loss(X, T([[0, 1, 1]] * 2)),
        ValueError,
        "hinge_loss: target must be 1 or -1, .* 0.0",
    ),
    "hinge number": (lambda: F.hinge_loss(X, X * 2.5), ValueError, "hinge_loss: target must be 1 or -1, .* 1.5625"),
    "multi-margin label above": (
        lambda: F.multi_margin_loss(X, T([0, 3])),
        IndexError,
        r"multi_margin_loss: target must be in 0..2, got 3",
    ),
    "hinge shape": (lambda: F.hinge_loss(X, Y), dl.ShapeError, r"hinge_loss: input of shape \(2, 3\) and target"),
    "hinge bools": (
        lambda: F.hinge_loss(X, X > 0),
        dl.DTypeError,
        "hinge_loss: target must be a float tensor, got bool",
    ),
    "hinge embedding": (lambda: F.hinge_embedding_loss(X, X, nan), ValueError, "hinge_embedding_loss: margin .*nan"),
    "ranking": (
        lambda: F.margin_ranking_loss(X, X, Y),
        dl.ShapeError,
        r"margin_ranking_loss: input1 of shape \(2, 3\)",
    ),
    "multi-margin p": (
        lambda: F.multi_margin_loss(X, Y, p=3),
        ValueError,
        "multi_margin_loss: p must be 1 or 2, got 3",
    ),
    "multi-margin label": (lambda: F.multi_margin_loss(X, T([0, -1])), IndexError, "multi_margin_loss: target .*-1"),
    "multi-margin shape": (
        lambda: F.multi_margin_loss(X, T([[0], [1]])),
        dl.ShapeError,
        r"multi_margin_loss: .*\(2, 1\)",
    ),
    "multi-margin weight": (
        lambda: F.multi_margin_loss(X, Y, weight=dl.ones(2)),
        dl.ShapeError,
        r"must have shape \(3,\)",
    ),
    "multi-label margin": (
        lambda: F.multilabel_margin_loss(X, T([[0, 3, -1], [0, -1, -1]])),
        IndexError,
        r"multilabel_margin_loss: target must be in -1..2, got 3",
    ),
    "multi-label margin floats": (
        lambda: F.multilabel_margin_loss(X, X),
        dl.DTypeError,
        "multilabel_margin_loss: target",
    ),
    "multi-label margin shape": (
        lambda: F.multilabel_margin_loss(dl.ones((1, 1, 1)), T([[[0]]])),
        dl.ShapeError,
        r"multilabel_margin_loss: .*got \(1, 1, 1\)",
    ),
    "multi-label": (lambda: F.multilabel_soft_margin_loss(T(0.5), T(1)), dl.ShapeError, "an axis of classes"),
    "cosine": (lambda: F.cosine_similarity(X, dl.ones(2)), dl.ShapeError, r"cosine_similarity: shapes .*\(2,\)"),
    "cosine axis": (
        lambda: F.cosine_similarity(X, X, dim=2),
        dl.ShapeError,
        "cosine_similarity: axis 2 is out of range",
    ),
    "cosine dtype": (lambda: F.cosine_similarity(X, D), dl.DTypeError, "cosine_similarity: .*x2 float64"),
    "cosine embedding": (
        lambda: F.cosine_embedding_loss(X, X, T([1])),
        dl.ShapeError,
        r"cosine_embedding_loss: .*\(1,\)",
    ),
    "distance": (lambda: F.pairwise_distance(X, dl.ones((3, 3))), dl.ShapeError, "pairwise_distance: shapes"),
    "triplet margin": (
        lambda: F.triplet_margin_loss(X, X, X, 0.0),
        ValueError,
        "triplet_margin_loss: margin must be > 0",
    ),
    "triplet axes": (
        lambda: F.triplet_margin_loss(X, X, X[0]),
        dl.ShapeError,
        "triplet_margin_loss: one number of axes",
    ),
    "L1Loss": (lambda: nn.L1Loss("x"), ValueError, "L1Loss: reduction must be one of"),
    "KLDivLoss": (
        lambda: nn.KLDivLoss("x"),
        ValueError,
        "KLDivLoss: reduction must be one of none, mean, sum, batchmean",
    ),
    "NLLLoss": (lambda: nn.NLLLoss([1.0]), TypeError, "Tensor or None, got list"),  # type: ignore[arg-type]
    "HuberLoss": (lambda: nn.HuberLoss(delta=nan), ValueError, "HuberLoss: delta must be a finite number, got nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named(name: str) -> None:
    call, error, message = BAD[name]

    def call_and_wait() -> None:
        call()
        dl.current_device().backend.synchronize()

    with pytest.raises(error, match=message):
        call_and_wait()
