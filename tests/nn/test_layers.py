"""Layers: shapes, settings, containers, and what their constructors refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.backend import Conv2dSpec
from dlcore.nn import functional as F

SHAPES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, ...]]] = {
    "Linear": (lambda: nn.Linear(3, 4), (2, 3), (2, 4)),
    "Linear, one vector": (lambda: nn.Linear(3, 4), (3,), (4,)),
    "Linear, sequences": (lambda: nn.Linear(3, 4, bias=False), (2, 5, 3), (2, 5, 4)),
    "Linear, no batch": (lambda: nn.Linear(3, 4), (0, 3), (0, 4)),
    "Conv2d": (lambda: nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=1), (2, 3, 9, 8), (2, 4, 5, 9)),
    "Conv2d, one image": (lambda: nn.Conv2d(3, 4, 3), (3, 9, 8), (4, 7, 6)),
    "Conv2d, groups": (lambda: nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False), (1, 4, 9, 8), (1, 6, 5, 4)),
    "Conv2d, no batch": (lambda: nn.Conv2d(3, 4, 3), (0, 3, 9, 8), (0, 4, 7, 6)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (2, 3, 9, 8), (2, 3, 4, 4)),
    "MaxPool2d, ceil": (lambda: nn.MaxPool2d(2, ceil_mode=True), (2, 3, 9, 8), (2, 3, 5, 4)),
    "MaxPool2d, pairs": (lambda: nn.MaxPool2d((3, 2), (1, 2), (1, 0), (2, 1)), (3, 9, 8), (3, 7, 4)),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2, 1), (2, 3, 9, 8), (2, 3, 5, 4)),
    "Conv1d": (lambda: nn.Conv1d(3, 4, 3, stride=2, padding=1), (2, 3, 9), (2, 4, 5)),
    "Conv1d, one sequence": (lambda: nn.Conv1d(3, 4, 2, padding="same", padding_mode="circular"), (3, 9), (4, 9)),
    "Conv2d, same": (
        lambda: nn.Conv2d(3, 4, (2, 5), padding="same", padding_mode="reflect"),
        (2, 3, 9, 8),
        (2, 4, 9, 8),
    ),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 4, 3, 2, 1, 1), (2, 3, 9), (2, 4, 18)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 6, (3, 2), (2, 1), groups=2), (2, 4, 5, 8), (2, 6, 11, 9)),
    "ConvTranspose2d, one image": (lambda: nn.ConvTranspose2d(3, 4, 2, bias=False), (3, 5, 5), (4, 6, 6)),
    "ConvTranspose2d, no batch": (lambda: nn.ConvTranspose2d(3, 4, 2), (0, 3, 5, 5), (0, 4, 6, 6)),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), (2, 3, 9), (2, 3, 4)),
    "MinPool1d": (lambda: nn.MinPool1d(3, 1, 1), (3, 9), (3, 9)),
    "MinPool2d": (lambda: nn.MinPool2d(2), (2, 3, 9, 8), (2, 3, 4, 4)),
    "AvgPool1d": (lambda: nn.AvgPool1d(3, 2, 1), (2, 3, 9), (2, 3, 5)),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(4), (2, 3, 9), (2, 3, 4)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((None, 3)), (2, 3, 9, 8), (2, 3, 9, 3)),
    "AdaptiveAvgPool2d, one": (lambda: nn.AdaptiveAvgPool2d(1), (3, 9, 8), (3, 1, 1)),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(4), (3, 9), (3, 4)),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(5), (2, 3, 9, 8), (2, 3, 5, 5)),
    "Dropout1d": (lambda: nn.Dropout1d(), (2, 3, 4), (2, 3, 4)),
    "Dropout2d": (lambda: nn.Dropout2d(), (2, 3, 4, 5), (2, 3, 4, 5)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), (2, 3, 4, 5), (2, 3, 8, 10)),
    "Upsample, size": (lambda: nn.Upsample((3, 7)), (2, 3, 4, 5), (2, 3, 3, 7)),
    "Residual": (lambda: nn.Residual(nn.Linear(3, 3)), (2, 3), (2, 3)),
    "Identity": (lambda: nn.Identity(), (2, 3), (2, 3)),
    "Unflatten": (lambda: nn.Unflatten(1, (2, -1)), (2, 6), (2, 2, 3)),
    "Perceptron": (lambda: nn.Perceptron(3, 2), (5, 3), (5, 2)),
    "Dropout": (lambda: nn.Dropout(), (2, 3), (2, 3)),
    "ReLU": (lambda: nn.ReLU(), (), ()),
    "Sigmoid": (lambda: nn.Sigmoid(), (2, 0), (2, 0)),
    "Tanh": (lambda: nn.Tanh(), (4,), (4,)),
    "Softmax": (lambda: nn.Softmax(dim=1), (2, 3), (2, 3)),
    "Sequential": (lambda: nn.Sequential(nn.Linear(3, 2), nn.Sequential(), nn.ReLU()), (5, 3), (5, 2)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_shapes_and_dtypes(name: str, dtype: str) -> None:
    build, before, after = SHAPES[name]
    y = build().to(dtype)(dl.ones(before, dtype=dtype))
    assert y.shape == after
    assert y.dtype == dtype


def test_layers_are_their_functions(rng: np.random.Generator) -> None:
    x = dl.asarray(rng.normal(size=(2, 4, 9, 8)).astype(np.float32))
    conv = nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2)
    pairs = [
        (conv, F.conv2d(x, conv.weight, conv.bias, (2, 1), (1, 0), (1, 2), 2)),
        (nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True), F.max_pool2d(x, 3, 2, 1, 2, True)),
        (nn.MinPool2d(3, 2, 1, 2, False, True), F.min_pool2d(x, 3, 2, 1, 2, True)),
        (nn.AdaptiveAvgPool2d((2, 3)), F.adaptive_avg_pool2d(x, (2, 3))),
        (nn.AdaptiveMaxPool2d((2, 3)), F.adaptive_max_pool2d(x, (2, 3))),
        (nn.Upsample(scale_factor=(2, 1.5)), F.interpolate(x, scale_factor=(2, 1.5))),
        (nn.AvgPool2d(3, 2, 1, True, False), F.avg_pool2d(x, 3, 2, 1, True, False)),
        (nn.AvgPool2d(3, divisor_override=2), F.avg_pool2d(x, 3, divisor_override=2)),
        (nn.ReLU(), F.relu(x)),
        (nn.Sigmoid(), F.sigmoid(x)),
        (nn.Tanh(), F.tanh(x)),
        (nn.Softmax(-2), F.softmax(x, -2)),
    ]
    for layer, expected in pairs:
        np.testing.assert_array_equal(layer(x).numpy(), expected.numpy(), err_msg=repr(layer))
    t = dl.asarray(rng.uniform(size=(3, 4)).astype(np.float32))
    labels, w, p = dl.tensor([0, 3, 1]), dl.tensor([1.0, 2.0, 3.0, 4.0]), dl.tensor([2.0])
    for criterion, target, expected in [
        (nn.MSELoss("sum"), t, F.mse_loss(t * 2, t, "sum")),
        (nn.CrossEntropyLoss(w, 3, "none", 0.1), labels, F.cross_entropy(t * 2, labels, w, 3, "none", 0.1)),
        (nn.BCEWithLogitsLoss(w, "sum", p), t, F.binary_cross_entropy_with_logits(t * 2, t, w, "sum", p)),
    ]:
        np.testing.assert_array_equal(criterion(t * 2, target).numpy(), expected.numpy(), err_msg=repr(criterion))


# --- Sequential and Flatten -------------------------------------------------------------------------------


def test_sequential_is_a_sequence() -> None:
    layers = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]
    model = nn.Sequential(*layers)
    assert len(model) == 3
    assert list(model) == layers
    assert [model[i] for i in (0, 1, 2, -1, -3)] == [*layers, layers[2], layers[0]]
    for part in (slice(1, None), slice(None, -1), slice(None, None, 2), slice(5, 9)):
        assert isinstance(model[part], nn.Sequential)
        assert list(model[part]) == layers[part]
    assert list(model[1:].state_dict()) == ["2.weight", "2.bias"]  # the names of the whole
    x = dl.ones((4, 2))
    np.testing.assert_array_equal(model[1:](model[0](x)).numpy(), model(x).numpy())
    assert nn.Sequential()(x) is x
    relu = nn.ReLU()
    assert len(nn.Sequential(relu, relu)) == 2
    with pytest.raises(IndexError):
        model[3]


FLATTEN: list[tuple[tuple[int, ...], dict[str, int], tuple[int, ...] | None]] = [
    ((2, 3, 4, 5), {}, (2, 60)),
    ((2, 3), {}, (2, 3)),
    ((0, 3, 4), {}, (0, 12)),
    ((2, 0, 4), {}, (2, 0)),
    ((2, 3, 4), {"start_dim": 0}, (24,)),
    ((2, 3, 4, 5), {"start_dim": 0, "end_dim": 1}, (6, 4, 5)),
    ((2, 3, 4, 5), {"start_dim": -3, "end_dim": -2}, (2, 12, 5)),
    ((2, 3, 4, 5), {"start_dim": 2, "end_dim": 2}, (2, 3, 4, 5)),
    ((2,), {}, None),
    ((2, 3), {"start_dim": 1, "end_dim": 2}, None),
    ((2, 3), {"start_dim": 1, "end_dim": 0}, None),
    ((2, 3), {"start_dim": -3}, None),
]


@pytest.mark.parametrize(("shape", "options", "expected"), FLATTEN)
def test_flatten(shape: tuple[int, ...], options: dict[str, int], expected: tuple[int, ...] | None) -> None:
    x = dl.ones(shape)
    if expected is None:
        with pytest.raises(dl.ShapeError, match=r"Flatten: start_dim=.*, end_dim=.* shape"):
            nn.Flatten(**options)(x)
    else:
        assert nn.Flatten(**options)(x).shape == expected


# --- what is refused --------------------------------------------------------------------------------------

X = dl.ones((2, 3))
IMAGES = dl.ones((2, 3, 5, 5))
KERNELS = dl.ones((4, 3, 3, 3))
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "Linear in": (lambda: nn.Linear(0, 1), ValueError, "Linear: in_features must be an int >= 1, got 0"),
    "Linear out": (lambda: nn.Linear(1, -1), ValueError, "Linear: out_features must be an int >= 1, got -1"),
    "Linear float": (lambda: nn.Linear(1.5, 1), ValueError, "Linear: in_features .* got 1.5"),  # type: ignore[arg-type]
    "Linear dtype": (lambda: nn.Linear(1, 1, dtype="int64"), dl.DTypeError, "int64"),
    "Linear device": (lambda: nn.Linear(1, 1, device="nowhere"), dl.DeviceError, "nowhere"),
    "Linear input": (lambda: nn.Linear(4, 1)(X), dl.ShapeError, r"linear: input of shape \(2, 3\).*\(1, 4\)"),
    "linear 0-d": (lambda: F.linear(dl.tensor(1.0), X), dl.ShapeError, r"linear: input of shape \(\)"),
    "linear weight": (lambda: F.linear(X, dl.ones(3)), dl.ShapeError, r"linear: .*weight of shape \(3,\)"),
    "linear bias": (lambda: F.linear(X, X, X), dl.ShapeError, r"linear: bias must have shape \(2,\), got \(2, 3\)"),
    "linear dtype": (lambda: F.linear(X, X.astype("float64")), dl.DTypeError, "linear: .*float32, weight float64"),
    "linear ints": (lambda: F.linear(X.astype("int64"), X), dl.DTypeError, "linear: input must be a float.*int64"),
    "linear array": (lambda: F.linear(np.ones((2, 3)), X), TypeError, "linear: input must be a Tensor, got ndarray"),  # type: ignore[arg-type]
    "Conv2d channels": (lambda: nn.Conv2d(0, 1, 3), ValueError, "Conv2d: in_channels .* got 0"),
    "Conv2d groups": (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "Conv2d: in_channels=3.*groups=2"),
    "Conv2d kernel": (lambda: nn.Conv2d(3, 4, 0), ValueError, "Conv2d: kernel_size must be an int >= 1.*got 0"),
    "Conv2d kernels": (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ValueError, r"Conv2d: kernel_size .*\(3, 3, 3\)"),  # type: ignore[arg-type]
    "Conv2d stride": (lambda: nn.Conv2d(3, 4, 3, stride=0), ValueError, "Conv2d: stride .* got 0"),
    "Conv2d padding": (lambda: nn.Conv2d(3, 4, 3, padding=-1), ValueError, "Conv2d: padding must be .*>= 0.* got -1"),
    "Conv2d dilation": (lambda: nn.Conv2d(3, 4, 3, dilation=(1, 0)), ValueError, r"Conv2d: dilation .* got \(1, 0\)"),
    "conv2d input": (lambda: F.conv2d(X, KERNELS), dl.ShapeError, r"conv2d: input must have shape .*got \(2, 3\)"),
    "conv2d weight": (lambda: F.conv2d(IMAGES, X), dl.ShapeError, r"conv2d: weight must have shape .*got \(2, 3\)"),
    "conv2d empty weight": (
        lambda: F.conv2d(IMAGES, dl.ones((4, 3, 0, 3))), dl.ShapeError, r"conv2d: weight .*\(4, 3, 0, 3\)",
    ),
    "conv2d channels": (
        lambda: F.conv2d(IMAGES, KERNELS, groups=3), dl.ShapeError, r"conv2d: .*3 channels.*groups=3 expects 9",
    ),
    "conv2d groups": (lambda: F.conv2d(IMAGES, KERNELS, groups=1.0), ValueError, "conv2d: groups .* got 1.0"),  # type: ignore[arg-type]
    "conv2d bias": (lambda: F.conv2d(IMAGES, KERNELS, dl.ones(3)), dl.ShapeError, r"conv2d: bias .*\(4,\), got \(3,\)"),
    "conv2d too large": (
        lambda: F.conv2d(IMAGES, dl.ones((4, 3, 8, 3)), padding=1), dl.ShapeError,
        r"^conv2d: kernel_size \(8, 3\) does not fit into the input of size \(5, 5\) with padding \(1, 1\), "
        r"\(7, 7\) in all$",
    ),
    "conv2d too dilated": (
        lambda: F.conv2d(IMAGES, KERNELS, dilation=(1, 3)), dl.ShapeError,
        r"^conv2d: kernel_size \(3, 3\) with dilation \(1, 3\), which spans \(3, 7\), does not fit into the input "
        r"of size \(5, 5\) with padding \(0, 0\)$",
    ),
    "conv2d, a primitive": (
        lambda: Conv2dSpec(padding=(1, 0, 0, 2)).output_size((2, 2), (4, 4)), dl.ShapeError,
        r"^conv2d: .* with padding \(1, 0, 0, 2\) \(top, bottom, left, right\), \(3, 4\) in all$",
    ),
    "Conv2d too large": (lambda: nn.Conv2d(3, 4, 6)(IMAGES), dl.ShapeError, r"^conv2d: kernel_size \(6, 6\) does not"),
    "conv2d dtype": (
        lambda: F.conv2d(IMAGES, KERNELS, dl.ones(4, dtype="float64")), dl.DTypeError, "conv2d: .*bias float64",
    ),
    "conv2d same": (
        lambda: F.conv2d(IMAGES, KERNELS, stride=2, padding="same"), ValueError,
        r"conv2d: padding='same' is for stride 1, got stride \(2, 2\)",
    ),
    "conv2d padding word": (
        lambda: F.conv2d(IMAGES, KERNELS, padding="full"), ValueError, "conv2d: padding must be .* got 'full'",
    ),
    "MaxPool2d kernel": (lambda: nn.MaxPool2d(0), ValueError, "MaxPool2d: kernel_size .* got 0"),
    "AvgPool2d stride": (lambda: nn.AvgPool2d(2, 0), ValueError, "AvgPool2d: stride .* got 0"),
    "max_pool2d input": (lambda: F.max_pool2d(X, 1), dl.ShapeError, r"max_pool2d: input must have .*got \(2, 3\)"),
    "max_pool2d ints": (lambda: F.max_pool2d(IMAGES.astype("int32"), 1), dl.DTypeError, "max_pool2d: input .*int32"),
    "max_pool2d too large": (
        lambda: F.max_pool2d(IMAGES, 4, padding=(1, 2), dilation=3), dl.ShapeError,
        r"^max_pool2d: kernel_size \(4, 4\) with dilation \(3, 3\), which spans \(10, 10\), does not fit into the "
        r"input of size \(5, 5\) with padding \(1, 2\), \(7, 9\) in all$",
    ),
    "min_pool2d too large": (
        lambda: F.min_pool2d(IMAGES, 6), dl.ShapeError,
        r"^min_pool2d: kernel_size \(6, 6\) does not fit into the input of size \(5, 5\) with padding \(0, 0\)$",
    ),
    "avg_pool2d too large": (lambda: F.avg_pool2d(IMAGES, (2, 6)), dl.ShapeError, r"^avg_pool2d: .*\(2, 6\) "),
    "AvgPool2d too large": (lambda: nn.AvgPool2d(6)(IMAGES), dl.ShapeError, r"^avg_pool2d: kernel_size \(6, 6\) "),
    "min_pool2d padding": (
        lambda: F.min_pool2d(IMAGES, 3, padding=2), ValueError, "min_pool2d: padding 2 .*half of kernel_size 3",
    ),
    "max_pool2d dilation": (lambda: F.max_pool2d(IMAGES, 2, dilation=0), ValueError, "max_pool2d: dilation .* got 0"),
    "avg_pool2d divisor": (
        lambda: F.avg_pool2d(IMAGES, 2, divisor_override=0), ValueError, "avg_pool2d: divisor_override .* got 0",
    ),
    "avg_pool2d float divisor": (
        lambda: F.avg_pool2d(IMAGES, 2, divisor_override=1.5), ValueError, "avg_pool2d: divisor_override .* got 1.5",  # type: ignore[arg-type]
    ),
    "softmax dim": (lambda: F.softmax(X, 2), dl.ShapeError, "softmax: axis 2 is out of range"),
    "softmax None": (lambda: F.softmax(X, None), TypeError, "softmax: .*None"),  # type: ignore[arg-type]
    "log_softmax ints": (lambda: F.log_softmax(dl.tensor([1]), 0), dl.DTypeError, "log_softmax: input .*int64"),
    "relu ints": (lambda: F.relu(dl.tensor([1])), dl.DTypeError, "relu: input must be a float tensor, got int64"),
    "relu complex": (lambda: F.relu(dl.tensor([1j])), dl.DTypeError, "relu: input .*complex64"),
    "sigmoid number": (lambda: F.sigmoid(1.0), TypeError, "sigmoid: input must be a Tensor, got float"),  # type: ignore[arg-type]
    "Sequential": (lambda: nn.Sequential(nn.ReLU(), F.relu), TypeError, "Sequential: argument 1 must be a Module"),  # type: ignore[arg-type]
    "one_hot floats": (lambda: F.one_hot(X), dl.DTypeError, "one_hot: labels must be integers, got float32"),
    "one_hot label": (lambda: F.one_hot(dl.tensor([3]), 3), IndexError, r"one_hot: labels must be in 0..2.*3"),
    "one_hot none": (lambda: F.one_hot(dl.tensor([], dtype="int64")), ValueError, "one_hot: num_classes must be given"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named(name: str) -> None:
    call, error, message = BAD[name]

    def call_and_wait() -> None:
        call()
        dl.current_device().backend.synchronize()  # a GPU says only then what is wrong with values

    with pytest.raises(error, match=message):
        call_and_wait()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_one_hot_of_small_integers_into_many_classes(dtype: str) -> None:
    assert F.one_hot(dl.tensor([100], dtype=dtype), 1000).numpy().argmax() == 100
