"""First and second derivatives of every function of dlcore.nn.functional, against finite differences."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import functional as F

LABELS = dl.tensor([0, 2, 1, 2])
IGNORED = dl.tensor([0, -100, 1, 2])
WEIGHT = dl.tensor([0.5, 2.0, 1.0], dtype="float64")
Function = Callable[..., dl.Tensor]
CASES: list[tuple[str, Function, list[tuple[int, ...]]]] = [
    ("relu", F.relu, [(3, 4)]),
    ("sigmoid", F.sigmoid, [(3, 4)]),
    ("tanh", F.tanh, [(3, 4)]),
    ("softmax", lambda x: F.softmax(x, 1), [(2, 3)]),
    ("softmax", lambda x: F.softmax(x, 0), [(2, 3, 2)]),
    ("softmax", lambda x: F.softmax(x, 0), [()]),
    ("log_softmax", lambda x: F.log_softmax(x, -1), [(2, 3)]),
    ("linear", F.linear, [(2, 3), (4, 3), (4,)]),
    ("linear", F.linear, [(2, 2, 3), (1, 3)]),
    ("linear", F.linear, [(3,), (4, 3), (4,)]),
    ("conv2d", F.conv2d, [(2, 2, 4, 4), (3, 2, 3, 2), (3,)]),
    ("conv2d", lambda x, w: F.conv2d(x, w, None, 2, (1, 0), (1, 2), 2), [(1, 4, 5, 4), (2, 2, 2, 2)]),
    ("conv2d", F.conv2d, [(2, 3, 3), (1, 2, 2, 2)]),
    ("max_pool2d", lambda x: F.max_pool2d(x, 2), [(2, 1, 4, 5)]),
    ("max_pool2d", lambda x: F.max_pool2d(x, 3, 1, 1, 1, True), [(1, 2, 4, 4)]),
    ("min_pool2d", lambda x: F.min_pool2d(x, 2, 1, dilation=2), [(1, 1, 4, 5)]),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 2), [(2, 1, 4, 5)]),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), [(1, 1, 4, 4)]),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 2, 1, divisor_override=3), [(1, 1, 3, 3)]),
    ("dropout", lambda x: F.dropout(x, 0.4, generator=dl.Generator(3)), [(4, 5)]),
    ("dropout", lambda x: F.dropout(x, 1.0), [(4,)]),
    *(("mse_loss", lambda x, t, r=r: F.mse_loss(x, t, r), [(2, 3), (2, 3)]) for r in ("mean", "sum", "none")),
    *(
        ("cross_entropy", lambda x, r=r, o=o: F.cross_entropy(x * 2, reduction=r, **o), [(4, 3)])
        for r in ("mean", "sum", "none")
        for o in [
            {"target": LABELS},
            {"target": LABELS, "weight": WEIGHT, "label_smoothing": 0.2},
            {"target": IGNORED, "weight": WEIGHT},
            {"target": LABELS, "ignore_index": 2, "label_smoothing": 1.0},
        ]
    ),
    ("cross_entropy", lambda x: F.cross_entropy(x, dl.tensor([[0, 1], [2, 2]])), [(2, 3, 2)]),
    ("cross_entropy", lambda x: F.cross_entropy(x, dl.tensor(1)), [(3,)]),
    ("cross_entropy", lambda x: F.cross_entropy(x, dl.tensor([3], dtype="int8")), [(1, 300)]),
    *(
        ("binary_cross_entropy_with_logits",
         lambda x, t, r=r, o=o: F.binary_cross_entropy_with_logits(x, t, reduction=r, **o), [(2, 3), (2, 3)])
        for r in ("mean", "sum", "none")
        for o in [{}, {"weight": WEIGHT}, {"pos_weight": WEIGHT}, {"weight": WEIGHT, "pos_weight": WEIGHT}]
    ),
]  # fmt: skip
WITHOUT_GRADIENT = {"one_hot"}


def test_every_function_is_in_the_table_or_in_that_of_its_family() -> None:
    """A file of this folder that names a family's functions as `F.name` differentiates them with `dl.gradcheck`."""
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    elsewhere = set(re.findall(r"\bF\.(\w+)", "".join(text for text in texts if "dl.gradcheck" in text)))
    listed = {name for name, _, _ in CASES} | WITHOUT_GRADIENT
    assert sorted(set(F.__all__) - listed - elsewhere) == []
    assert sorted(listed - set(F.__all__)) == []


@pytest.mark.parametrize(("name", "function", "shapes"), CASES, ids=[f"{n} {s}" for n, _, s in CASES])
def test_first_and_second_derivative(
    name: str, function: Function, shapes: list[tuple[int, ...]], rng: np.random.Generator
) -> None:
    def draw(shape: tuple[int, ...]) -> dl.Tensor:
        # numbers far enough apart that a difference crosses no kink and no maximum changes its place
        size = int(np.prod(shape, dtype=int))
        values = rng.permutation((np.arange(size) + 0.5) / max(size, 1)) * rng.choice([-1.0, 1.0], size)
        return dl.tensor(values.reshape(shape), requires_grad=True)

    inputs = [draw(shape) for shape in shapes]
    assert dl.gradcheck(function, inputs, atol=1e-6, rtol=1e-6, second_order=True)
    # behind a square the gradient that arrives depends on the inputs, too
    assert dl.gradcheck(lambda *x: dl.square(function(*x)), inputs, atol=1e-6, rtol=1e-6, second_order=True)
    # the gradient that is to be differentiated may be computed otherwise than the one that is not
    for plain, recorded in zip(*(dl.grad(function(*inputs).sum(), inputs, create_graph=c) for c in (False, True)),
                               strict=True):  # fmt: skip
        np.testing.assert_allclose(recorded.numpy(), plain.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("pos_weight", [None, [3.0]])
def test_binary_cross_entropy_is_smooth_at_zero(pos_weight: Any) -> None:
    """Written with max(x, 0) and |x|, the loss has kinks there that its derivatives do not have."""
    x = dl.tensor([0.0, 0.0], dtype="float64", requires_grad=True)
    t = dl.tensor([0.25, 1.0], dtype="float64", requires_grad=True)
    p = None if pos_weight is None else dl.tensor(pos_weight, dtype="float64")
    assert dl.gradcheck(
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=p, reduction="sum"), [x, t], second_order=True
    )


def test_kinks_have_pytorchs_derivative() -> None:
    x = dl.tensor([0.0, -0.0, 1.0, np.nan], requires_grad=True)
    F.relu(x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0, 1.0]
    ties = dl.zeros((1, 1, 2, 4)).requires_grad_()
    F.max_pool2d(ties, 2).sum().backward()
    assert ties.grad.tolist() == [[[[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]  # the first of equals


@pytest.mark.parametrize("function", [F.relu, F.sigmoid, F.tanh, lambda x: F.softmax(x, 0)])
def test_an_output_changed_in_place_is_noticed(function: Function) -> None:
    """These compute their gradient from the output."""
    x = dl.tensor([0.5, 1.0], requires_grad=True)
    y = function(x)
    with dl.no_grad():
        y *= 2
    with pytest.raises(RuntimeError, match="modified in place"):
        y.sum().backward()


@pytest.mark.parametrize(
    "call",
    [
        lambda w: F.cross_entropy(dl.ones((2, 3)), dl.tensor([0, 1]), w),
        lambda w: F.binary_cross_entropy_with_logits(dl.ones((2, 3)), dl.ones((2, 3)), w),
        lambda w: F.binary_cross_entropy_with_logits(dl.ones((2, 3)), dl.ones((2, 3)), pos_weight=w),
    ],
)
def test_a_gradient_that_is_not_implemented_is_an_error(call: Any) -> None:
    w = dl.ones(3, dtype="float32")
    assert call(w).item() > 0
    with pytest.raises(RuntimeError, match="weight has no gradient here"):
        call(w.requires_grad_())
