"""Initial values against PyTorch and SciPy: distributions by Kolmogorov and Smirnov's test, fans, gains, identities."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import init

torch = pytest.importorskip("torch", exc_type=ImportError)
stats = pytest.importorskip("scipy.stats", exc_type=ImportError)

N = (100, 200)
DISTRIBUTIONS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "uniform": ("uniform_", {"a": -1.0, "b": 3.0}, ("uniform", (-1, 4))),
    "normal": ("normal_", {"mean": 1.0, "std": 2.0}, ("norm", (1, 2))),
    "truncated": (
        "trunc_normal_",
        {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 4.0},
        ("truncnorm", (-0.75, 1.75, 0.5, 2)),
    ),
    "truncated tail": ("trunc_normal_", {"a": 3.0, "b": 5.0}, ("truncnorm", (3, 5))),
    "xavier uniform": ("xavier_uniform_", {"gain": 2.0}, ("uniform", (-2 * sqrt(6 / 300), 4 * sqrt(6 / 300)))),
    "xavier normal": ("xavier_normal_", {}, ("norm", (0, sqrt(2 / 300)))),
    "he uniform": ("kaiming_uniform_", {}, ("uniform", (-sqrt(6 / 200), 2 * sqrt(6 / 200)))),
    "he normal": ("kaiming_normal_", {"mode": "fan_out"}, ("norm", (0, sqrt(2 / 100)))),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name: str, dtype: str) -> None:
    function, options, (distribution, parameters) = DISTRIBUTIONS[name]
    values = getattr(init, function)(dl.zeros(N, dtype=dtype), generator=dl.Generator(17), **options).numpy()
    assert stats.kstest(values.ravel(), distribution, parameters).pvalue > 1e-3


@pytest.mark.parametrize("options", [{}, {"mean": 1.0, "std": 2.0, "a": -1.0, "b": 1.5}], ids=str)
def test_truncated_as_pytorchs(options: dict[str, float]) -> None:
    torch.manual_seed(0)
    theirs = torch.nn.init.trunc_normal_(torch.empty(N, dtype=torch.float64), **options).numpy().ravel()
    mine = init.trunc_normal_(dl.zeros(N, dtype="float64"), generator=dl.Generator(1), **options).numpy().ravel()
    assert stats.ks_2samp(mine, theirs).pvalue > 1e-3


SHAPES = [(3, 4), (6, 2, 3), (4, 3, 3, 5), (2, 2, 1, 2, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_fans(shape: tuple[int, ...]) -> None:
    mine = init._calculate_fan_in_and_fan_out(dl.zeros(shape))
    assert mine == torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(shape))


@pytest.mark.parametrize("layer", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_fans_of_layers(layer: str) -> None:
    mine, theirs = (getattr(nn, layer)(4, 6, 3, groups=2).weight for nn in (dl.nn, torch.nn))
    wanted = torch.nn.init._calculate_fan_in_and_fan_out(theirs)
    assert init._calculate_fan_in_and_fan_out(mine) == wanted


@pytest.mark.parametrize("param", [None, 0, 0.5, -2.0])
def test_gains(param: Any) -> None:
    for name in ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
                 "sigmoid", "tanh", "relu", "leaky_relu", "selu"):  # fmt: skip
        assert init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


@pytest.mark.parametrize(("shape", "groups"), [((4, 2, 3), 2), ((5, 3, 2, 4), 1), ((6, 4, 1, 2, 3), 3)], ids=str)
def test_identities(shape: tuple[int, ...], groups: int) -> None:
    wanted = torch.nn.init.dirac_(torch.zeros(shape), groups).numpy()
    np.testing.assert_array_equal(init.dirac_(dl.ones(shape), groups).numpy(), wanted)
    wanted = torch.nn.init.eye_(torch.zeros(shape[:2])).numpy()
    np.testing.assert_array_equal(init.eye_(dl.ones(shape[:2])).numpy(), wanted)


@pytest.mark.parametrize(
    ("function", "shape", "arguments"),
    [
        ("orthogonal_", (3,), ()),
        ("eye_", (3,), ()),
        ("dirac_", (3, 3), ()),
        ("dirac_", (3, 3, 2), (2,)),
        ("sparse_", (3,), (0.5,)),
        ("xavier_uniform_", (3,), ()),
        ("kaiming_normal_", (3,), ()),
        ("kaiming_normal_", (3, 3), (0.0, "fan_middle")),
        ("kaiming_normal_", (3, 3), (0.0, "fan_in", "gelu")),
    ],
)
def test_what_pytorch_refuses_is_refused(function: str, shape: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        getattr(torch.nn.init, function)(torch.zeros(shape), *arguments)
    with pytest.raises(ValueError, match=rf"{function}: |calculate_gain: "):
        getattr(init, function)(dl.zeros(shape), *arguments)
