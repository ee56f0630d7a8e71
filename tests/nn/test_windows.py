"""Convolution, pooling, upsampling and dropout of channels: gradients against differences, places, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn, reference
from dlcore.backend import PhiloxCounter
from dlcore.nn import functional as F

GRADIENTS: list[tuple[str, Callable[..., dl.Tensor], list[tuple[int, ...]]]] = [
    ("conv1d", F.conv1d, [(2, 2, 6), (3, 2, 3), (3,)]),
    ("conv1d same", lambda x, w: F.conv1d(x, w, padding="same", dilation=2), [(1, 2, 5), (2, 2, 2)]),
    ("conv2d same", lambda x, w, b: F.conv2d(x, w, b, padding="same"), [(1, 2, 3, 4), (2, 2, 2, 3), (2,)]),
    ("conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, 2, 1, 1), [(2, 2, 3), (2, 3, 3), (3,)]),
    (
        "conv_transpose2d",
        lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 1), (1, 0), (1, 0), 2, (1, 2)),
        [(1, 4, 3, 2), (4, 1, 3, 2), (2,)],
    ),
    ("conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w, None, 1, 0, 2, 1, 3), [(2, 2, 2), (2, 1, 2, 2)]),
    ("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), [(2, 2, 7)]),
    ("min_pool1d", lambda x: F.min_pool1d(x, 2, ceil_mode=True), [(2, 7)]),
    ("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1, True, False), [(2, 2, 7)]),
    ("max_pool2d and places", lambda x: F.max_pool2d(x, 2, return_indices=True)[0], [(1, 2, 4, 4)]),
    ("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 3), [(1, 2, 5)]),
    ("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), [(1, 2, 5, 3)]),
    ("adaptive_avg_pool2d, side by side", lambda x: F.adaptive_avg_pool2d(x, 2), [(1, 2, 4, 6)]),
    ("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 3), [(1, 2, 5)]),
    ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 4)), [(1, 2, 5, 3)]),
    ("interpolate", lambda x: F.interpolate(x, scale_factor=2), [(1, 2, 2, 3)]),
    ("interpolate", lambda x: F.interpolate(x, (3, 5)), [(1, 2, 4, 2)]),
    ("dropout1d", lambda x: F.dropout1d(x, 0.4, generator=dl.Generator(3)), [(3, 4, 2)]),
    ("dropout2d", lambda x: F.dropout2d(x, 0.4, generator=dl.Generator(3)), [(2, 3, 2, 2)]),
]


@pytest.mark.parametrize(("name", "function", "shapes"), GRADIENTS, ids=[f"{n} {s}" for n, _, s in GRADIENTS])
def test_first_and_second_derivative(
    name: str, function: Callable[..., dl.Tensor], shapes: list[tuple[int, ...]], rng: np.random.Generator
) -> None:
    def draw(shape: tuple[int, ...]) -> dl.Tensor:
        # numbers far enough apart that a difference changes no maximum's place
        size = int(np.prod(shape))
        values = rng.permutation((np.arange(size) + 0.5) / size) * rng.choice([-1.0, 1.0], size)
        return dl.tensor(values.reshape(shape), requires_grad=True)

    inputs = [draw(shape) for shape in shapes]
    assert dl.gradcheck(function, inputs, atol=1e-6, rtol=1e-6, second_order=True)
    assert dl.gradcheck(lambda *x: dl.square(function(*x)), inputs, atol=1e-6, rtol=1e-6, second_order=True)


# --- transposed convolution is the transpose ------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("padding", "dilation", "extra"), [(0, 1, 0), (1, 1, 0), (2, 2, 1), (0, 4, 3), (1, 4, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution(
    stride: int, padding: int, dilation: int, extra: int, groups: int, rng: np.random.Generator
) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> on the part of x that convolution sees."""
    if extra >= max(stride, dilation):
        pytest.skip("an output_padding that is refused")
    weight = dl.tensor(rng.normal(size=(4, 6 // groups, 3, 2)))
    y = dl.tensor(rng.normal(size=(2, 4, 4, 3)))
    up = F.conv_transpose2d(y, weight, None, stride, padding, extra, groups, dilation)
    sizes = [
        (4 - 1) * stride - 2 * padding + dilation * 2 + extra + 1,
        (3 - 1) * stride - 2 * padding + dilation + extra + 1,
    ]
    assert up.shape == (2, 6, *sizes)
    x = dl.tensor(rng.normal(size=up.shape))
    down = F.conv2d(x, weight, None, stride, padding, dilation, groups)[:, :, :4, :3]
    np.testing.assert_allclose((down * y).sum().item(), (x * up).sum().item(), rtol=1e-10)


def test_output_size_chooses_the_output_padding() -> None:
    layer = nn.ConvTranspose2d(1, 2, 3, stride=(2, 3), padding=1)
    x = dl.ones((2, 1, 4, 5))
    for size in [(7, 13), (8, 14), (7, 15)]:
        assert layer(x, output_size=size).shape == (2, 2, *size)
        assert layer(x[0], output_size=(2, *size)).shape == (2, *size)
    for bad in [(6, 13), (9, 13), (7, 16), (7,), (2, 7, 13)]:
        with pytest.raises(ValueError, match="ConvTranspose2d: output_size"):
            layer(x, output_size=bad)


# --- padding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [0, 1, (2, 1), "same", "valid"])
@pytest.mark.parametrize("kernel", [3, (2, 4)])
def test_a_padding_mode_is_padding_and_convolution(
    mode: str, padding: Any, kernel: Any, rng: np.random.Generator
) -> None:
    layer = nn.Conv2d(2, 3, kernel, padding=padding, padding_mode=mode, dtype="float64")
    x = dl.tensor(rng.normal(size=(2, 2, 6, 5)))
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    if padding == "same":
        pads = ((rows - 1) // 2, rows // 2, (columns - 1) // 2, columns // 2)
    elif padding == "valid":
        pads = (0, 0, 0, 0)
    else:
        p, q = (padding, padding) if isinstance(padding, int) else padding
        pads = (p, p, q, q)
    top, bottom, left, right = pads
    numpy_mode = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (top, bottom), (left, right)), numpy_mode)  # type: ignore[call-overload]
    expected = F.conv2d(dl.tensor(padded), layer.weight, layer.bias)
    np.testing.assert_allclose(layer(x).numpy(), expected.numpy(), rtol=1e-12)
    fused = nn.Sequential(layer, nn.ReLU())(x)
    np.testing.assert_allclose(fused.numpy(), F.relu(expected).numpy(), rtol=1e-12, atol=1e-14)
    if padding == "same":
        assert layer(x).shape == (2, 3, 6, 5)


# --- places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["max_pool2d", "min_pool2d", "adaptive_max_pool2d"])
def test_places_find_the_values(function: str, rng: np.random.Generator) -> None:
    x = rng.permutation(2 * 3 * 7 * 9).reshape(2, 3, 7, 9).astype(np.float64)
    options: dict[str, Any] = {"kernel_size": (3, 2), "stride": 2, "padding": 1, "dilation": (2, 3), "ceil_mode": True}
    if function == "adaptive_max_pool2d":
        options = {"output_size": (3, 5)}
    y, places = getattr(F, function)(dl.tensor(x), **options, return_indices=True)
    assert places.dtype == np.int64
    assert places.shape == y.shape
    found = np.take_along_axis(x.reshape(2, 3, -1), places.numpy().reshape(2, 3, -1), axis=2)
    np.testing.assert_array_equal(found.reshape(y.shape), y.numpy())
    assert not places.requires_grad


def test_the_first_of_equals_is_named() -> None:
    zeros = dl.zeros((1, 1, 4, 4))
    assert F.max_pool2d(zeros, 2, return_indices=True)[1].tolist() == [[[[0, 2], [8, 10]]]]
    assert F.adaptive_max_pool2d(zeros, 3, return_indices=True)[1].tolist() == [[[[0, 1, 2], [4, 5, 6], [8, 9, 10]]]]
    assert F.max_pool1d(dl.zeros((1, 4)), 2, return_indices=True)[1].tolist() == [[0, 2]]
    x = dl.zeros((1, 1, 5, 5)).requires_grad_()
    F.adaptive_max_pool2d(x, 3).sum().backward()
    assert x.grad is not None
    assert x.grad.numpy()[0, 0, [0, 0, 0, 1], [0, 1, 3, 0]].tolist() == [1.0, 1.0, 1.0, 1.0]


def test_nan_wins() -> None:
    x = np.ones((1, 1, 5, 5), np.float32)
    x[0, 0, 2, 2] = np.nan
    y, places = F.adaptive_max_pool2d(dl.tensor(x), 3, return_indices=True)
    assert np.isnan(y.numpy()[0, 0]).sum() == 1
    assert places[0, 0, 1, 1].item() == 12


def test_no_output_and_no_batch() -> None:
    assert F.adaptive_avg_pool2d(dl.ones((2, 3, 4, 5)), (0, 2)).shape == (2, 3, 0, 2)
    assert F.adaptive_max_pool2d(dl.ones((0, 3, 4, 5)), 3).shape == (0, 3, 3, 3)
    assert F.adaptive_avg_pool2d(dl.ones((3, 4, 5)), (None, 2)).shape == (3, 4, 2)


# --- dropout of channels --------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "shape"), [(F.dropout1d, (50, 40, 3)), (F.dropout2d, (50, 40, 2, 3))])
def test_whole_channels_are_dropped(function: Any, shape: tuple[int, ...]) -> None:
    y = function(dl.ones(shape), 0.25, generator=dl.Generator(5)).numpy().reshape(2000, -1)
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert (y == y[:, :1]).all()
    assert abs((y[:, 0] == 0).mean() - 0.25) < 0.04
    # the numbers of dropout, one for each channel
    mask = F.dropout(dl.ones((2000,)), 0.25, generator=dl.Generator(5)).numpy()
    np.testing.assert_array_equal(y[:, 0], mask)


def test_the_channels_that_are_dropped_are_the_same_on_every_device() -> None:
    """By the numbers of Philox, in integers: nothing that a device could round."""
    words = reference.philox(np, PhiloxCounter(seed=5, offset=0, stream=dl.Generator(5).draw(1).stream), 60)
    kept = ((words >> 8) >= round(0.3 * 2**24)).reshape(6, 10)
    for dtype in ("float16", "float32", "float64"):
        y = F.dropout2d(dl.ones((6, 10, 2, 2), dtype=dtype), 0.3, generator=dl.Generator(5)).numpy()
        np.testing.assert_array_equal(y[:, :, 0, 0] != 0, kept)


def test_dropout_layers_rest_in_evaluation() -> None:
    for layer, shape in [(nn.Dropout1d(0.9), (2, 3, 4)), (nn.Dropout2d(0.9), (2, 3, 4, 4))]:
        x = dl.ones(shape)
        assert layer.eval()(x) is x
        assert set(np.unique(layer.train()(x).numpy())) <= {0.0, np.float32(1 / (1 - np.float32(0.9)))} | {
            np.float32(10.0)
        }
        assert repr(layer) == f"{type(layer).__name__}(p=0.9)"
    assert F.dropout2d(dl.ones((2, 3, 4, 4)), 1.0).numpy().any() == np.False_
    assert F.dropout1d(dl.ones((3, 4)), 0.5, generator=dl.Generator(0)).shape == (3, 4)


# --- bad input ------------------------------------------------------------------------------------------

X1, W1 = dl.ones((2, 3, 5)), dl.ones((4, 3, 2))
X2, W2 = dl.ones((2, 3, 5, 5)), dl.ones((3, 4, 3, 3))
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "conv1d input": (lambda: F.conv1d(X2, W1), dl.ShapeError, r"conv1d: input must have shape \(N, C, L\) or \(C, L\)"),
    "conv1d weight": (lambda: F.conv1d(X1, W2), dl.ShapeError, r"conv1d: weight must have shape \(K, C // groups, R\)"),
    "conv1d channels": (lambda: F.conv1d(X1, dl.ones((4, 2, 2))), dl.ShapeError, "conv1d: .* 3 channels"),
    "conv1d bias": (lambda: F.conv1d(X1, W1, dl.ones(3)), dl.ShapeError, r"conv1d: bias must have shape \(4,\)"),
    "conv1d stride": (lambda: F.conv1d(X1, W1, stride=(1, 1)), ValueError, r"conv1d: stride .* got \(1, 1\)"),  # type: ignore[arg-type]
    "conv1d too large": (
        lambda: F.conv1d(X1, dl.ones((4, 3, 8)), padding=1),
        dl.ShapeError,
        r"^conv1d: kernel_size \(8,\) does not fit into the input of size \(5,\) with padding \(1,\), \(7,\) in all$",
    ),
    "conv_transpose2d input": (lambda: F.conv_transpose2d(X1[0], W2), dl.ShapeError, "conv_transpose2d: input must"),
    "conv_transpose2d channels": (
        lambda: F.conv_transpose2d(X2, dl.ones((4, 3, 3, 3))),
        dl.ShapeError,
        "conv_transpose2d: .*3 channels.*expects 4",
    ),
    "conv_transpose2d groups": (
        lambda: F.conv_transpose2d(X2, W2, groups=2),
        dl.ShapeError,
        "conv_transpose2d:.*groups=2",
    ),
    "conv_transpose2d no groups": (
        lambda: F.conv_transpose2d(X2, W2, groups=0),
        ValueError,
        "conv_transpose2d: groups must be an int >= 1, got 0",
    ),
    "conv_transpose2d bias": (
        lambda: F.conv_transpose2d(X2, W2, dl.ones(3)),
        dl.ShapeError,
        r"bias must have shape \(4,\)",
    ),
    "conv_transpose2d extra": (
        lambda: F.conv_transpose2d(X2, W2, stride=2, output_padding=2),
        ValueError,
        "conv_transpose2d: output_padding 2 must be less than stride 2 or dilation 1",
    ),
    "conv_transpose2d negative": (
        lambda: F.conv_transpose2d(X2, W2, output_padding=-1),
        ValueError,
        "conv_transpose2d: output_padding .* got -1",
    ),
    "conv_transpose2d no output": (
        lambda: F.conv_transpose2d(X2, W2, padding=4),
        dl.ShapeError,
        r"conv_transpose2d: .* output of size \(-1, -1\)",
    ),
    "conv_transpose2d dtype": (lambda: F.conv_transpose2d(X2, W2.astype("float64")), dl.DTypeError, "weight float64"),
    "conv_transpose1d weight": (
        lambda: F.conv_transpose1d(X1, W2),
        dl.ShapeError,
        "conv_transpose1d: weight must have",
    ),
    "Conv2d mode": (
        lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"),
        ValueError,
        "Conv2d: padding_mode .* got 'mirror'",
    ),
    "Conv2d same": (lambda: nn.Conv2d(1, 1, 3, 2, "same"), ValueError, "Conv2d: padding='same' is for stride 1"),
    "Conv2d word": (lambda: nn.Conv2d(1, 1, 3, padding="full"), ValueError, "Conv2d: padding must be .*got 'full'"),
    "Conv2d reflect": (
        lambda: nn.Conv2d(3, 1, 3, padding=5, padding_mode="reflect")(X2),
        dl.ShapeError,
        "pad: .*reflect",
    ),
    "ConvTranspose2d mode": (
        lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"),
        ValueError,
        "padding_mode must be 'zeros'",
    ),
    "ConvTranspose2d same": (
        lambda: nn.ConvTranspose2d(1, 1, 3, padding="same"),
        ValueError,
        "padding must be numbers",
    ),
    "ConvTranspose2d groups": (
        lambda: nn.ConvTranspose2d(3, 4, 3, groups=2),
        ValueError,
        "ConvTranspose2d: in_channels=3",
    ),
    "max_pool1d input": (lambda: F.max_pool1d(X2, 2), dl.ShapeError, "max_pool1d: input must have shape"),
    "max_pool1d too large": (
        lambda: F.max_pool1d(X1, 6),
        dl.ShapeError,
        r"max_pool1d: kernel_size \(6,\) does not fit",
    ),
    "max_pool1d padding": (lambda: F.max_pool1d(X1, 2, padding=2), ValueError, "max_pool1d: padding 2 .*half"),
    "max_pool2d no channels": (
        lambda: F.max_pool2d(dl.ones((2, 0, 4, 4)), 2),
        dl.ShapeError,
        "max_pool2d: .*no elements",
    ),
    "AvgPool1d kernel": (lambda: nn.AvgPool1d(0), ValueError, "AvgPool1d: kernel_size .* got 0"),
    "adaptive size": (lambda: F.adaptive_avg_pool2d(X2, (1, 2, 3)), ValueError, "adaptive_avg_pool2d: output_size"),  # type: ignore[arg-type]
    "adaptive negative": (
        lambda: F.adaptive_max_pool2d(X2, -1),
        ValueError,
        "adaptive_max_pool2d: output_size .*got -1",
    ),
    "adaptive float": (
        lambda: F.adaptive_avg_pool2d(X2, 1.5),
        ValueError,
        "adaptive_avg_pool2d: output_size .*got 1.5",
    ),  # type: ignore[arg-type]
    "adaptive None": (lambda: F.adaptive_avg_pool1d(X1, None), ValueError, "adaptive_avg_pool1d: output_size .*None"),  # type: ignore[arg-type]
    "adaptive empty": (lambda: F.adaptive_avg_pool2d(dl.ones((2, 3, 0, 4)), 1), dl.ShapeError, "no elements to pool"),
    "adaptive input": (lambda: F.adaptive_avg_pool2d(X1[0], 1), dl.ShapeError, "adaptive_avg_pool2d: input must have"),
    "adaptive integers": (
        lambda: F.adaptive_max_pool2d(X2.astype("int64"), 1),
        dl.DTypeError,
        "adaptive_max_pool2d: input",
    ),
    "dropout2d axes": (lambda: F.dropout2d(dl.ones((2, 3))), dl.ShapeError, "dropout2d: input must have shape"),
    "dropout1d axes": (lambda: F.dropout1d(X2), dl.ShapeError, "dropout1d: input must have shape"),
    "dropout2d p": (lambda: F.dropout2d(X2, 1.5), ValueError, r"dropout2d: p must be in \[0, 1\], got 1.5"),
    "Dropout2d p": (lambda: nn.Dropout2d(-0.1), ValueError, r"Dropout2d: p must be in \[0, 1\], got -0.1"),
    "interpolate axes": (
        lambda: F.interpolate(dl.ones((2, 3)), 4),
        dl.ShapeError,
        "interpolate: input must have shape",
    ),
    "interpolate nothing": (lambda: F.interpolate(X2), ValueError, "interpolate: give size or scale_factor"),
    "interpolate both": (lambda: F.interpolate(X2, 4, 2.0), ValueError, "interpolate: give size or scale_factor"),
    "interpolate mode": (
        lambda: F.interpolate(X2, 4, mode="bilinear"),
        ValueError,
        "mode must be 'nearest', got 'bilin",
    ),
    "interpolate corners": (
        lambda: F.interpolate(X2, 4, align_corners=False),
        ValueError,
        "align_corners must be None",
    ),
    "interpolate antialias": (lambda: F.interpolate(X2, 4, antialias=True), ValueError, "antialias must be False"),
    "interpolate recompute": (
        lambda: F.interpolate(X2, 4, recompute_scale_factor=True),
        ValueError,
        "recompute_scale_factor is for scale_factor",
    ),
    "interpolate count": (lambda: F.interpolate(X2, (4, 4, 4)), ValueError, "size must be a number or 2 of them"),
    "interpolate float": (lambda: F.interpolate(X2, 4.5), TypeError, "size must be ints, got 4.5"),  # type: ignore[arg-type]
    "interpolate negative": (lambda: F.interpolate(X2, -4), ValueError, "size must be positive, got -4"),
    "interpolate NaN": (
        lambda: F.interpolate(X2, scale_factor=float("nan")),
        ValueError,
        "scale_factor must be positive",
    ),
    "interpolate vanishing": (lambda: F.interpolate(X2, scale_factor=0.1), dl.ShapeError, "would get size"),
    "interpolate integers": (lambda: F.interpolate(X2.astype("int64"), 4), dl.DTypeError, "interpolate: input .*int64"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_layers_show_their_settings() -> None:
    shown = {
        nn.Conv1d(2, 4, 3, padding="same", padding_mode="circular"): "Conv1d(2, 4, kernel_size=(3,), stride=(1,), "
        "padding='same', padding_mode='circular')",
        nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2, False, 2): "ConvTranspose2d(2, 4, kernel_size=(3, 3), stride=(2, 2), "
        "padding=(1, 1), dilation=(2, 2), output_padding=(1, 1), groups=2, bias=False)",
        nn.MaxPool1d(2): "MaxPool1d(kernel_size=(2,), stride=(2,), padding=(0,), dilation=(1,), ceil_mode=False)",
        nn.AdaptiveAvgPool2d((1, None)): "AdaptiveAvgPool2d(output_size=(1, None))",
        nn.Upsample(scale_factor=2): "Upsample(scale_factor=2, mode='nearest')",
        nn.Upsample(4): "Upsample(size=4, mode='nearest')",
    }
    for layer, text in shown.items():
        assert repr(layer) == text
