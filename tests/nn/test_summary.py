"""summary: LeNet-5's numbers by hand, what is not known, and that nothing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


# kind, output shape, parameters, FLOPs: LeCun, Bottou, Bengio, Haffner, 1998, with ReLU and every connection of C3
LENET = [
    ("Conv2d", (2, 6, 28, 28), 6 * 25 + 6, 2 * 25 * 9408),  # 9408 = 2 * 6 * 28 * 28
    ("ReLU", (2, 6, 28, 28), 0, 9408),
    ("MaxPool2d", (2, 6, 14, 14), 0, 4 * 2352),  # 2352 = 2 * 6 * 14 * 14
    ("Conv2d", (2, 16, 10, 10), 16 * 150 + 16, 2 * 150 * 3200),
    ("ReLU", (2, 16, 10, 10), 0, 3200),
    ("MaxPool2d", (2, 16, 5, 5), 0, 4 * 800),
    ("Flatten", (2, 400), 0, 0),
    ("Linear", (2, 120), 48120, 2 * 400 * 240),
    ("ReLU", (2, 120), 0, 240),
    ("Linear", (2, 84), 10164, 2 * 120 * 168),
    ("ReLU", (2, 84), 0, 168),
    ("Linear", (2, 10), 850, 2 * 84 * 20),
]


def test_lenet() -> None:
    summary = lenet().summary((2, 1, 28, 28))
    assert [(r.kind, r.output_shape, r.trainable, r.flops) for r in summary.rows] == LENET
    assert [r.name for r in summary.rows] == [str(i) for i in range(12)]
    assert summary.trainable == 61706  # the well-known number
    assert summary.frozen == 0
    assert summary.flops == 470400 + 9408 + 9408 + 960000 + 3200 + 3200 + 192000 + 240 + 40320 + 168 + 3360
    assert summary.parameter_bytes == 4 * 61706
    elements = 2 * (2 * 6 * 784 + 6 * 196 + 2 * 1600 + 2 * 400 + 2 * 120 + 2 * 84 + 10)
    assert summary.activation_bytes == 4 * elements
    assert summary.input_bytes == 4 * 2 * 784
    text = str(summary)
    assert "61,706 trainable" in text
    assert f"{summary.flops:,}" in text
    assert len(text.splitlines()) == 12 + 6
    assert repr(summary) == text


def test_of_double_precision_and_frozen_parameters() -> None:
    model = lenet().to("float64")
    model[0].requires_grad_(False)
    summary = dl.nn.summary(model, (1, 1, 28, 28))
    assert (summary.trainable, summary.frozen) == (61706 - 156, 156)
    assert summary.parameter_bytes == 8 * 61706


class Strange(nn.Module):
    """A layer of a user's own: with a parameter, a module, two inputs, two outputs of which one is an integer."""

    def __init__(self) -> None:
        self.scale = nn.Parameter(dl.ones(3))
        self.register_buffer("steps", dl.zeros((), dtype="int64"))
        self.inner = nn.Linear(3, 2)
        self.modes: list[bool] = []

    def forward(self, x: dl.Tensor, y: dl.Tensor) -> Any:
        self.modes.append(self.training)
        assert not dl.is_grad_enabled()
        return self.inner(x * self.scale) + self.inner(y), 5


def test_what_is_not_known_is_a_dash_and_shared_parameters_count_once() -> None:
    model = Strange()
    model.inner.eval()
    summary = model.summary([(4, 3), (4, 3)])
    assert [(r.name, r.kind, r.trainable, r.flops) for r in summary.rows] == [
        ("inner", "Linear", 8, 48),
        ("inner", "Linear", 0, 48),
        ("", "Strange", 3, None),
    ]
    assert summary.rows[2].parameter_bytes == 12 + 8  # the buffer, too
    assert summary.rows[2].output_shape == (4, 2)
    assert summary.flops is None
    (line,) = [line for line in str(summary).splitlines() if "Strange" in line]
    assert "-" in line.split()
    assert "96 and those of 1 layer(s) that are not known" in str(summary)
    assert model.modes == [False]
    assert model.training
    assert not model.inner.training
    assert not model._hooks
    assert not model.inner._hooks


def test_a_subclass_is_not_known() -> None:
    class Twice(nn.Linear):
        def forward(self, x: dl.Tensor) -> dl.Tensor:
            return super().forward(x) * 2

    assert Twice(3, 2).summary((1, 3)).rows[0].flops is None


@pytest.mark.parametrize(
    ("layer", "shape", "flops"),
    [
        (lambda: nn.Conv1d(4, 6, 3, groups=2), (2, 4, 10), 2 * 2 * 3 * (2 * 6 * 8)),
        (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2), (2, 4, 5, 5), 2 * 3 * 9 * (2 * 4 * 25)),
        (lambda: nn.ConvTranspose1d(4, 6, 3), (2, 4, 5), 2 * 6 * 3 * (2 * 4 * 5)),
        (lambda: nn.AvgPool2d((2, 3)), (1, 1, 4, 6), 6 * 4),
        (lambda: nn.MinPool1d(2), (1, 1, 4), 2 * 2),
        (lambda: nn.AdaptiveAvgPool2d(1), (2, 3, 5, 5), 2 * 3 * 25),
        (lambda: nn.AdaptiveMaxPool2d((2, 3)), (1, 1, 5, 3), 6 * 3),  # rows 0-2 and 2-4
        (lambda: nn.AdaptiveAvgPool1d(2), (1, 2, 5), 2 * 6),
        (lambda: nn.Perceptron(3, 2), (5, 3), 2 * 3 * 10),
        (lambda: nn.Dropout2d(), (2, 3, 4, 4), 0),
        (lambda: nn.Sigmoid(), (2, 3), 24),
        (lambda: nn.Upsample(scale_factor=2), (1, 1, 2, 2), 0),
    ],
)
def test_formulas(layer: Any, shape: tuple[int, ...], flops: int) -> None:
    assert layer().summary(shape).flops == flops


def test_modes_and_hooks_are_as_before_after_an_error() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout())
    with pytest.raises(dl.ShapeError):
        model.summary((1, 4))
    assert all(part.training and not part._hooks for part in model.modules())


@pytest.mark.parametrize(
    ("shape", "error"), [("3", TypeError), (3, TypeError), ((2, 1.5), TypeError), ((2, -3), dl.ShapeError)]
)
def test_a_bad_shape_is_named(shape: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="summary: input_shape"):
        nn.Linear(3, 2).summary(shape)
    with pytest.raises(TypeError, match="summary: module must be a Module, got int"):
        nn.summary(np.int64(3).item(), (1,))  # type: ignore[arg-type]
