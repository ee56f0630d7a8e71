"""Losses beyond cross-entropy and squares: worked by hand, far out, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, nan, pi, sqrt
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.nn import functional as F

T = dl.tensor
L3 = log(3.0)
A, B = T([[3.0, 4.0], [1.0, 0.0]]), T([[4.0, 3.0], [0.0, 2.0]])

BY_HAND: dict[str, tuple[Callable[[], dl.Tensor], float | list[Any]]] = {
    "l1": (lambda: F.l1_loss(T([1.0, 2.0, 3.0]), T([1.0, 4.0, 0.0])), 5 / 3),
    "l1 weight": (  # the mean divides by the weights' sum
        lambda: F.l1_loss(T([1.0, 2.0, 3.0]), T([1.0, 4.0, 0.0]), weight=T([1.0, 2.0, 1.0])),
        7 / 4,
    ),
    "mse weight": (lambda: F.mse_loss(T([1.0, 2.0]), T([2.0, 4.0]), weight=T([3.0, 1.0])), 7 / 4),
    "mse weight sum": (lambda: F.mse_loss(T([1.0, 2.0]), T([2.0, 4.0]), "sum", T([3.0, 1.0])), 7.0),
    "rmse": (lambda: F.rmse_loss(T([1.0, 2.0]), T([2.0, 4.0])), sqrt(2.5)),
    "rmse sum": (lambda: F.rmse_loss(T([1.0, 2.0]), T([2.0, 4.0]), "sum"), sqrt(5.0)),
    "rmse none": (lambda: F.rmse_loss(T([1.0, 2.0]), T([2.0, 4.0]), "none"), [1.0, 2.0]),
    "smooth l1": (
        lambda: F.smooth_l1_loss(T([1.5, 2.0, -2.0]), T([1.0, 1.0, 1.0]), "none", beta=2.0),
        [1 / 16, 0.25, 2.0],
    ),
    "smooth l1, no beta": (lambda: F.smooth_l1_loss(T([1.5, -2.0]), dl.ones(2), "none", beta=0.0), [0.5, 3.0]),
    "huber": (lambda: F.huber_loss(T([1.5, 3.0, -2.0]), dl.ones(3), "none", delta=2.0), [0.125, 2.0, 4.0]),
    "huber weight": (  # the mean divides by the number of elements
        lambda: F.huber_loss(T([0.5, -3.0]), dl.zeros(2), delta=2.0, weight=T([8.0, 1.0])),
        2.5,
    ),
    "bce": (lambda: F.binary_cross_entropy(T([0.25, 0.5]), T([1.0, 0.5]), reduction="none"), [log(4), log(2)]),
    "bce at the ends": (
        lambda: F.binary_cross_entropy(T([0.0, 1.0, 0.0, 1.0]), T([0.0, 1.0, 1.0, 0.0]), reduction="none"),
        [0.0, 0.0, 100.0, 100.0],
    ),
    "bce weight": (lambda: F.binary_cross_entropy(T([0.25, 0.5]), T([1.0, 0.5]), T([2.0, 4.0])), log(4) + 2 * log(2)),
    "ce of one-hot": (lambda: F.cross_entropy(T([[0.0, L3]]), T([[0.0, 1.0]])), log(4 / 3)),
    "ce of probabilities": (
        lambda: F.cross_entropy(T([[0.0, L3], [0.0, 0.0]]), T([[0.5, 0.5], [0.25, 0.75]]), reduction="none"),
        [0.5 * log(4) + 0.5 * log(4 / 3), log(2)],
    ),
    "ce of probabilities, weights": (  # the mean divides by the number of rows
        lambda: F.cross_entropy(T([[0.0, L3], [0.0, 0.0]]), T([[0.0, 1.0], [1.0, 0.0]]), T([2.0, 3.0])),
        (3 * log(4 / 3) + 2 * log(2)) / 2,
    ),
    "ce of probabilities, smoothing": (
        lambda: F.cross_entropy(T([[0.0, L3]]), T([[0.0, 1.0]]), label_smoothing=0.2),
        0.9 * log(4 / 3) + 0.1 * log(4),
    ),
    "ce of a row of probabilities": (lambda: F.cross_entropy(T([0.0, L3]), T([0.5, 0.5])), log(16 / 3) / 2),
    "ce of pictures of probabilities": (
        lambda: F.cross_entropy(T([[[0.0, 0.0], [L3, 0.0]]]), T([[[0.0, 0.5], [1.0, 0.5]]]), reduction="none"),
        [[log(4 / 3), log(2)]],
    ),
    "ce of no rows of probabilities": (lambda: F.cross_entropy(dl.zeros((0, 2)), dl.zeros((0, 2))), nan),
    "ce of an impossible class that nobody wants": (lambda: F.cross_entropy(T([[0.0, -inf]]), T([[1.0, 0.0]])), 0.0),
    "ce far out": (lambda: F.cross_entropy(T([[1e4, -1e4]] * 2), T([[1.0, 0.0], [0.5, 0.5]])), 5e3),
    "nll": (lambda: F.nll_loss(T([[-1.0, -2.0], [-3.0, -4.0]]), T([1, 0])), 2.5),
    "nll weight": (lambda: F.nll_loss(T([[-1.0, -2.0], [-3.0, -4.0]]), T([1, 0]), T([3.0, 1.0])), 11 / 4),
    "nll ignored": (lambda: F.nll_loss(T([[-1.0, -2.0], [-inf, -4.0]]), T([1, 0]), ignore_index=0), 2.0),
    "nll all ignored": (lambda: F.nll_loss(T([[-1.0, -2.0]]), T([-100])), nan),
    "nll one": (lambda: F.nll_loss(T([-1.0, -2.0]), T(1)), 2.0),
    "nll pictures": (
        lambda: F.nll_loss(T([[[-1.0, -2.0], [-3.0, -4.0]]]), T([[0, 1]]), reduction="none"),
        [[1.0, 4.0]],
    ),
    "kl": (
        lambda: F.kl_div(T([[log(0.5), log(0.5)]]), T([[0.25, 0.75]]), "batchmean"),
        log(2) - 0.25 * log(4) + 0.75 * log(0.75),
    ),
    "kl at 0": (lambda: F.kl_div(T([log(0.5), log(0.5)]), T([0.0, 1.0]), "none"), [0.0, log(2)]),
    "kl of logarithms": (lambda: F.kl_div(T([log(0.5)]), T([log(0.25)]), "sum", True), -0.25 * log(2)),
    "poisson": (lambda: F.poisson_nll_loss(T([0.0, L3]), T([2.0, 1.0]), reduction="none"), [1.0, 3 - L3]),
    "poisson rate": (lambda: F.poisson_nll_loss(T([2.0]), T([3.0]), log_input=False, eps=0.0), 2 - 3 * log(2)),
    "poisson full": (
        lambda: F.poisson_nll_loss(T([0.0, 0.0]), T([1.0, 3.0]), full=True, reduction="none"),
        [1.0, 1 + 3 * log(3) - 3 + 0.5 * log(6 * pi)],
    ),
    "poisson of 2": (
        lambda: F.poisson_nll_loss(T([0.0]), T([2.0]), full=True),
        1 + 2 * log(2) - 2 + 0.5 * log(4 * pi),
    ),
    "kl of a number": (lambda: F.kl_div(T(log(0.5)), T(1.0), "batchmean"), log(2)),
    "kl by rows": (lambda: F.kl_div(T([[log(0.5)]] * 4), T([[1.0]] * 4), "batchmean"), log(2)),
    "gaussian by rows": (
        lambda: F.gaussian_nll_loss(
            dl.zeros((2, 3, 2)), dl.zeros((2, 3, 2)), T([[1.0, 4.0, 9.0]] * 2), reduction="none"
        ),
        [[[0.0, 0.0], [log(2), log(2)], [log(3), log(3)]]] * 2,
    ),
    "gaussian of a column": (
        lambda: F.gaussian_nll_loss(dl.zeros((2, 3)), dl.zeros((2, 3)), T([[1.0], [4.0]]), reduction="sum"),
        3 * log(2),
    ),
    "gaussian": (lambda: F.gaussian_nll_loss(T([1.0]), T([3.0]), T([4.0])), 0.5 * (log(4) + 1)),
    "gaussian of a number": (lambda: F.gaussian_nll_loss(T([1.0]), T([3.0]), 4.0, full=True), 0.5 * (log(8 * pi) + 1)),
    "gaussian, small": (lambda: F.gaussian_nll_loss(T([1.0]), T([1.0]), T([0.0]), eps=0.25), 0.5 * log(0.25)),
    "hinge": (lambda: F.hinge_loss(T([0.5, 2.0, -1.0]), T([1, 1, 1]), "none"), [0.5, 0.0, 2.0]),
    "hinge embedding": (
        lambda: F.hinge_embedding_loss(T([0.25, 0.25, 3.0]), T([1, -1, -1]), 2.0, "none"),
        [0.25, 1.75, 0.0],
    ),
    "soft margin": (lambda: F.soft_margin_loss(T([L3, L3]), T([1.0, -1.0]), "none"), [log(4 / 3), log(4)]),
    "ranking": (lambda: F.margin_ranking_loss(T([1.0, 1.0]), T([3.0, 0.5]), T([-1, -1]), 0.25, "none"), [0.0, 0.75]),
    "multi-margin": (lambda: F.multi_margin_loss(T([[1.0, 0.5, 2.0]]), T([0])), (0.5 + 2) / 3),
    "multi-margin squares": (lambda: F.multi_margin_loss(T([[1.0, 0.5, 2.0]]), T([0]), p=2), (0.25 + 4) / 3),
    "multi-margin weight": (
        lambda: F.multi_margin_loss(
            T([[1.0, 0.5], [0.0, 0.0]]), T([0, 1]), margin=2.0, weight=T([2.0, 4.0]), reduction="none"
        ),
        [1.5, 4.0],
    ),
    "multi-label margin": (  # 3 and 0 are right: (1 - 0.8 + 0.2) + (1 - 0.8 + 0.4) + (1 - 0.1 + 0.2) + (1 - 0.1 + 0.4)
        lambda: F.multilabel_margin_loss(
            T([[0.1, 0.2, 0.4, 0.8], [1.0, 0.0, 0.0, 0.0]]), T([[3, 0, -1, 1], [-1] * 4]), "none"
        ),
        [3.4 / 4, 0.0],
    ),
    "multi-label": (lambda: F.multilabel_soft_margin_loss(T([[L3, L3]]), T([[1, 0]])), (log(4 / 3) + log(4)) / 2),
    "cosine": (lambda: F.cosine_similarity(A, B), [0.96, 0.0]),
    "cosine of what is short": (lambda: F.cosine_similarity(T([0.5, 0.0]), T([2.0, 0.0]), dim=0, eps=1.0), 0.5),
    "cosine of 0": (lambda: F.cosine_similarity(dl.zeros(2), dl.ones(2), dim=0), 0.0),
    "cosine embedding": (lambda: F.cosine_embedding_loss(A, B, T([1, -1]), reduction="none"), [0.04, 0.0]),
    "cosine embedding, apart": (lambda: F.cosine_embedding_loss(A, B, T([-1, 1]), 0.5, "none"), [0.46, 1.0]),
    "cosine embedding of 0": (lambda: F.cosine_embedding_loss(dl.zeros(2), dl.ones(2), T(1)), 1.0),
    "cosine embedding of neither": (lambda: F.cosine_embedding_loss(A, B, T([0, 0]), reduction="sum"), 0.0),
    "hinge embedding of neither": (lambda: F.hinge_embedding_loss(T([0.25]), T([0])), 1.0),
    "distance with eps": (lambda: F.pairwise_distance(T([2.0]), T([1.0]), p=1.0, eps=0.5), 1.5),
    "distance of vectors": (lambda: F.pairwise_distance(T([0.0, 0.0]), T([3.0, 4.0]), eps=0.0), 5.0),
    "distance": (lambda: F.pairwise_distance(A, B, eps=0.0), [sqrt(2), sqrt(5)]),
    "distance of corners": (lambda: F.pairwise_distance(A, B, p=1.0, eps=0.0, keepdim=True), [[2.0], [3.0]]),
    "triplet": (lambda: F.triplet_margin_loss(A, B, A, eps=0.0, reduction="none"), [1 + sqrt(2), 1 + sqrt(5)]),
    "triplet swapped": (
        lambda: F.triplet_margin_loss(T([[0.0]]), T([[2.0]]), T([[3.0]]), eps=0.0, swap=True),
        2.0,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_worked_by_hand(name: str) -> None:
    loss, expected = BY_HAND[name]
    actual = loss()
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual.numpy(), np.array(expected, np.float32), rtol=2e-6, atol=1e-6, strict=True)


def test_defaults() -> None:
    """Where the numbers above do not tell: margins, deltas and reductions that are not given."""
    x, y = T([0.25, -3.0]), T([1, -1])
    assert F.margin_ranking_loss(x, dl.zeros(2), y).item() == 0.0
    assert F.hinge_embedding_loss(x, y).item() == F.hinge_embedding_loss(x, y, 1.0, "mean").item() == 2.125
    assert F.cosine_embedding_loss(A, B, T([-1, -1])).item() == pytest.approx(0.48)
    assert F.huber_loss(x, dl.zeros(2)).item() == F.smooth_l1_loss(x, dl.zeros(2)).item() == 1.265625
    assert F.triplet_margin_loss(A, A, B).item() == 0.0
    assert F.triplet_margin_loss(A, A, A).item() == 1.0
    assert F.triplet_margin_loss(T([[0.0]]), T([[2.0]]), T([[3.0]]), eps=0.0).item() == 0.0  # not swapped
    assert F.multi_margin_loss(T([[0.5, 0.0]]), T([0])).item() == 0.25
    assert F.hinge_loss(T([2.0, 0.0]), T([1, 1])).item() == 0.5


def test_gradients_of_probabilities_and_their_targets() -> None:
    """(p - t) / (p (1 - p)) and log(1 - p) - log(p), with the logarithm's end at -100."""
    p = T([0.25, 0.0, 1.0], dtype="float64", requires_grad=True)
    t = T([1.0, 0.0, 1.0], dtype="float64", requires_grad=True)
    F.binary_cross_entropy(p, t, reduction="sum").backward()
    np.testing.assert_allclose(p.grad.numpy(), [-4.0, 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(t.grad.numpy(), [log(3), 100.0, -100.0], rtol=1e-12)


def test_a_variance_below_eps_counts_as_eps_and_keeps_its_gradient() -> None:
    var = T([1e-9, 4.0], dtype="float64", requires_grad=True)
    F.gaussian_nll_loss(
        dl.zeros(2, dtype="float64"), T([0.0, 2.0], dtype="float64"), var, eps=0.5, reduction="sum"
    ).backward()
    np.testing.assert_allclose(var.grad.numpy(), [1.0, 0.0], rtol=1e-12)


def test_the_root_of_no_error_has_gradient_0_and_no_nan() -> None:
    x = T([1.0, 2.0], requires_grad=True)
    loss = F.rmse_loss(x, T([1.0, 2.0]))
    (slope,) = dl.grad(loss, x)
    assert (loss.item(), slope.tolist()) == (0.0, [0.0, 0.0])


FAR = T([1e4, -1e4, 1e4, -1e4])
SIGNS = T([1.0, 1.0, -1.0, -1.0])
STABLE: dict[str, Callable[[dl.Tensor], dl.Tensor]] = {
    "hinge": lambda x: F.hinge_loss(x, SIGNS),
    "soft margin": lambda x: F.soft_margin_loss(x, SIGNS),
    "huber": lambda x: F.huber_loss(x, SIGNS),
    "smooth l1": lambda x: F.smooth_l1_loss(x, SIGNS),
    "bce": lambda x: F.binary_cross_entropy_with_logits(x, T([1.0, 1.0, 0.0, 0.0])),
    "sigmoid and bce": lambda x: F.binary_cross_entropy(F.sigmoid(x), T([1.0, 1.0, 0.0, 0.0])),
    "ce": lambda x: F.cross_entropy(x, T([0.25, 0.25, 0.25, 0.25])),
    "log-softmax and nll": lambda x: F.nll_loss(F.log_softmax(x, 0), T(1)),
    "log-softmax and kl": lambda x: F.kl_div(F.log_softmax(x, 0), T([0.5, 0.5, 0.0, 0.0]), "sum"),
    "multi-margin": lambda x: F.multi_margin_loss(x, T(1)),
    "multi-label": lambda x: F.multilabel_soft_margin_loss(x, T([1, 1, 0, 0])),
}


@pytest.mark.parametrize("name", STABLE)
def test_far_out_everything_is_finite(name: str) -> None:
    x = T(FAR.numpy(), requires_grad=True)
    loss = STABLE[name](x)
    assert np.isfinite(loss.item())
    (slope,) = dl.grad(loss, x, create_graph=True)
    assert np.isfinite(slope.numpy()).all()
    if slope.requires_grad:
        (second,) = dl.grad(slope.sum(), x, allow_unused=True)
        assert second is None or np.isfinite(second.numpy()).all()


def test_float16_does_not_overflow_where_the_loss_does_not() -> None:
    x, t = dl.full((2048,), 300.0, dtype="float16"), dl.zeros((2048,), dtype="float16")
    assert F.huber_loss(x, t).item() == 299.5
    assert F.smooth_l1_loss(x, t).item() == 299.5
    assert F.l1_loss(x, t).item() == 300.0
    assert F.soft_margin_loss(x, t - 1).item() == 300.0


def test_how_far_a_sum_of_probabilities_may_be_off() -> None:
    near, far = [[0.5, 0.5005]], [[0.5, 0.505]]
    for dtype, fits in (("float64", near), ("float32", near), ("float16", far)):
        F.cross_entropy(dl.zeros((1, 2), dtype=dtype), T(fits, dtype=dtype))
        with pytest.raises(ValueError, match="must sum to 1"):
            F.cross_entropy(dl.zeros((1, 2), dtype=dtype), T([[0.5, 0.52]], dtype=dtype)).item()
    for off in (far, [[0.5, 0.495]]):
        with pytest.raises(ValueError, match="must sum to 1"):
            F.cross_entropy(dl.zeros((1, 2)), T(off)).item()
    with pytest.raises(ValueError, match="ignore_index=0 is for class indices"):
        F.cross_entropy(dl.zeros((1, 2)), T(near), ignore_index=0)


def test_float16_probabilities_at_the_ends() -> None:
    p = T([0.0, 1.0], dtype="float16", requires_grad=True)
    loss = F.binary_cross_entropy(p, T([0.0, 1.0], dtype="float16"))
    loss.backward()
    assert (loss.item(), p.grad.tolist()) == (0.0, [0.0, 0.0])


SECOND: dict[str, Callable[..., dl.Tensor]] = {
    "huber": lambda x, t: F.huber_loss(x, t, delta=0.7),
    "smooth l1": lambda x, t: F.smooth_l1_loss(x, t, beta=0.7),
    "mse": lambda x, t: F.mse_loss(x, t, weight=T([[1.0, 2.0, 0.5]] * 4, dtype="float64")),
    "l1": F.l1_loss,
    "nll": lambda x, t: F.nll_loss(F.log_softmax(x * t, 1), T([0, 2, 1, 1]), T([1.0, 2.0, 0.5], dtype="float64"), 1),
    "gaussian": lambda x, t: F.gaussian_nll_loss(x, t, dl.exp(x * t)),
    "soft margin": lambda x, t: F.soft_margin_loss(x, t),
    "hinge embedding": lambda x, t: F.hinge_embedding_loss(x * t, T([[1, -1, -1]] * 4)),
    "multi-margin": lambda x, t: F.multi_margin_loss(x * t, T([0, 2, 1, 1]), p=2),
    "multi-label": lambda x, t: F.multilabel_soft_margin_loss(x, t),
    "cosine embedding": lambda x, t: F.cosine_embedding_loss(x, t, T([1, -1, 1, -1])),
    "triplet": lambda x, t: F.triplet_margin_loss(x, t, x * t, margin=3.0),
    "rmse": F.rmse_loss,
    "bce": lambda x, t: F.binary_cross_entropy(F.sigmoid(x), F.sigmoid(t)),
    "ce": lambda x, t: F.cross_entropy(x, F.softmax(t, 1), T([1.0, 2.0, 0.5], dtype="float64"), label_smoothing=0.1),
    "ce none": lambda x, t: F.cross_entropy(x, F.softmax(t, 1), reduction="none"),
    "kl": lambda x, t: F.kl_div(F.log_softmax(x, 1), F.softmax(t, 1), "batchmean"),
    "poisson": lambda x, t: F.poisson_nll_loss(x, dl.exp(t), full=True),
    "cosine": lambda x, t: F.cosine_similarity(x, t),
    "distance": lambda x, t: F.pairwise_distance(x, t),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name: str, rng: np.random.Generator) -> None:
    x, t = (T(rng.normal(size=(4, 3)), requires_grad=True) for _ in range(2))
    assert dl.gradcheck(SECOND[name], [x, t], second_order=True)


# --- one-hot and index targets are one loss ------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(5, 7), (4, 3, 2), (2, 5, 3, 2)], ids=str)
def test_one_hot_targets_give_what_indices_give(
    shape: tuple[int, ...], reduction: str, rng: np.random.Generator
) -> None:
    values = rng.normal(size=shape)
    labels = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    hot = np.moveaxis(np.eye(shape[1])[labels], -1, 1)
    results = []
    for target in (T(labels), T(hot)):
        x = T(values, requires_grad=True)
        loss = F.cross_entropy(x, target, reduction=reduction, label_smoothing=0.1)
        (slope,) = dl.grad(loss.sum(), x)
        results.append((loss.numpy(), slope.numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_the_1_of_a_plain_backward_gives_the_kept_gradient() -> None:
    x, t = T([[0.0, L3]], requires_grad=True), T([[0.5, 0.5]], requires_grad=True)
    F.cross_entropy(x, t).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[-0.25, 0.25]], rtol=1e-6)
    np.testing.assert_allclose(t.grad.numpy(), [[log(4), log(4 / 3)]], rtol=1e-6)
    assert exp(-F.cross_entropy(T([0.0, L3]), T([0.0, 1.0])).item()) == pytest.approx(0.75)


def test_modules_keep_their_weights() -> None:
    for build in (nn.BCELoss, nn.NLLLoss, nn.MultiMarginLoss, nn.MultiLabelSoftMarginLoss):
        criterion = build(weight=dl.ones(3))
        assert list(criterion.state_dict()) == ["weight"]
        assert criterion.to("float64").weight.dtype == np.float64
