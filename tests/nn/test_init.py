"""Initial values: bounds, spread, fans, gains, reproducibility."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Conv2d, Linear, init

# A weight (40, 60): fan_in 60, fan_out 40. A kernel (16, 8, 5, 3): fan_in 8*15 = 120, fan_out 16*15 = 240.
LINEAR, KERNEL = (40, 60), (16, 8, 5, 3)
SPREADS: list[tuple[str, tuple[int, ...], dict[str, Any], float]] = [  # function, shape, options, standard deviation
    ("xavier_uniform_", LINEAR, {}, sqrt(2 / 100)),
    ("xavier_uniform_", LINEAR, {"gain": 3.0}, 3 * sqrt(2 / 100)),
    ("xavier_uniform_", KERNEL, {}, sqrt(2 / 360)),
    ("xavier_normal_", LINEAR, {}, sqrt(2 / 100)),
    ("xavier_normal_", KERNEL, {"gain": 0.5}, 0.5 * sqrt(2 / 360)),
    ("kaiming_uniform_", LINEAR, {}, sqrt(2 / 60)),
    ("kaiming_uniform_", LINEAR, {"mode": "fan_out"}, sqrt(2 / 40)),
    ("kaiming_uniform_", KERNEL, {"a": sqrt(5)}, sqrt(1 / 3 / 120)),
    ("kaiming_uniform_", LINEAR, {"nonlinearity": "tanh"}, 5 / 3 / sqrt(60)),
    ("kaiming_normal_", LINEAR, {"nonlinearity": "linear"}, 1 / sqrt(60)),
    ("kaiming_normal_", KERNEL, {"nonlinearity": "relu"}, sqrt(2 / 120)),
    ("kaiming_normal_", KERNEL, {"mode": "fan_out", "a": 1.0}, sqrt(1 / 240)),
    ("uniform_", LINEAR, {"a": -2.0, "b": 4.0}, 6 / sqrt(12)),
    ("normal_", LINEAR, {"mean": 0.0, "std": 3.0}, 3.0),
]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "shape", "options", "std"), SPREADS)
def test_spread(name: str, shape: tuple[int, ...], options: dict[str, Any], std: float, dtype: str) -> None:
    t = dl.zeros(shape, dtype=dtype)
    memory = t.array
    assert getattr(init, name)(t, generator=dl.Generator(11), **options) is t
    assert t.array is memory
    assert t.dtype == dtype
    values = t.numpy().astype(np.float64)
    middle = (options.get("a", 0.0) + options.get("b", 1.0)) / 2 if name == "uniform_" else 0.0
    assert values.std() == pytest.approx(std, rel=0.05)
    assert values.mean() == pytest.approx(middle, abs=4 * std / sqrt(values.size))
    widest = np.abs(values - middle).max()
    if "uniform" in name:
        bound = std * sqrt(3)
        slack = 1e-3 if dtype == "float16" else 1e-6
        assert 0.99 * bound < widest <= bound * (1 + slack)
    else:
        assert 3 * std < widest < 6 * std


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1.0),
        ("conv2d", None, 1.0),
        ("sigmoid", None, 1.0),
        ("tanh", None, 5 / 3),
        ("relu", None, 1.4142135623730951),
        ("selu", None, 0.75),
        ("leaky_relu", None, 1.4141428569978354),  # sqrt(2 / 1.0001)
        ("leaky_relu", 0.0, 1.4142135623730951),
        ("leaky_relu", 1.0, 1.0),
        ("leaky_relu", sqrt(5), 0.5773502691896257),
    ],
)
def test_gains(nonlinearity: str, param: float | None, gain: float) -> None:
    assert init.calculate_gain(nonlinearity, param) == pytest.approx(gain, rel=1e-15)


def test_constants() -> None:
    t = dl.ones((2, 3))
    assert init.zeros_(t) is t
    assert not t.numpy().any()
    assert (init.ones_(t).numpy() == 1).all()
    assert (init.constant_(t, 0.5).numpy() == 0.5).all()
    assert (init.normal_(t, 2.0, 0.0).numpy() == 2).all()
    assert (init.uniform_(t, 3.0, 3.0).numpy() == 3).all()
    assert init.uniform_(dl.zeros((0, 3))).shape == (0, 3)
    assert 0 <= init.uniform_(dl.tensor(5.0)).item() < 1
    assert init.xavier_normal_(dl.zeros((2, 3), dtype="float32").T).shape == (3, 2)  # a view is filled as well


DRAWS: list[Callable[[dl.Tensor], dl.Tensor]] = [
    init.uniform_, init.normal_, init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_,
]  # fmt: skip


@pytest.mark.parametrize("draw", DRAWS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_same_seed_gives_the_same_bits(draw: Callable[..., dl.Tensor], dtype: str) -> None:
    def drawn(**options: Any) -> np.ndarray[Any, Any]:
        return draw(dl.zeros((7, 5), dtype=dtype), **options).numpy()

    dl.manual_seed(3)
    first, second = drawn(), drawn()
    assert not np.array_equal(first, second)
    dl.manual_seed(3)
    np.testing.assert_array_equal(drawn(), first)
    np.testing.assert_array_equal(drawn(generator=dl.Generator(3)), first)
    np.testing.assert_array_equal(drawn(), second)  # a generator of one's own leaves the default one alone


@pytest.mark.parametrize(
    ("build", "fan_in"),
    [
        (lambda: Linear(25, 200), 25),
        (lambda: Linear(400, 10), 400),
        (lambda: Conv2d(4, 60, 5), 100),
        (lambda: Conv2d(8, 60, (3, 2), groups=4), 12),
    ],
)
def test_layers_start_uniform_on_one_over_the_root_of_fan_in(build: Callable[[], Any], fan_in: int) -> None:
    dl.manual_seed(1)
    layer = build()
    bound = 1 / sqrt(fan_in)
    for p in (layer.weight, layer.bias):
        assert np.abs(p.numpy()).max() <= bound * (1 + 1e-6)
        assert np.abs(p.numpy()).max() > (0.99 if p.size > 500 else 0.6) * bound
    assert layer.weight.numpy().std() == pytest.approx(bound / sqrt(3), rel=0.05)
    before = layer.weight.numpy().copy()
    layer.reset_parameters()
    assert not np.array_equal(layer.weight.numpy(), before)
    dl.manual_seed(1)
    np.testing.assert_array_equal(build().weight.numpy(), before)


@pytest.mark.parametrize(
    ("draw", "activation"),
    [
        (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), dl.nn.functional.relu),
        (lambda w: init.kaiming_uniform_(w), dl.nn.functional.relu),
        (lambda w: init.xavier_normal_(w), lambda x: x),
        (lambda w: init.xavier_uniform_(w), lambda x: x),
    ],
    ids=["He normal", "He uniform", "Xavier normal", "Xavier uniform"],
)
def test_the_signal_keeps_its_size_through_thirty_layers(draw: Any, activation: Any) -> None:
    """He, section 2.2: half of the mean square behind ReLU, doubled by the next weights. Xavier: as it is."""
    dl.manual_seed(5)
    x = dl.randn(200, 256)
    start = float(np.square(x.numpy()).mean())
    with dl.no_grad():
        for _ in range(30):
            y = x @ draw(dl.zeros((256, 256))).T
            x = activation(y)
    assert 0.3 < float(np.square(y.numpy()).mean()) / start < 6


def test_a_new_value_is_a_change_that_autograd_sees() -> None:
    w = dl.nn.Parameter(dl.ones((2, 2)))
    y = (w * w).sum()
    init.zeros_(w)
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


W = dl.ones((2, 3))
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "order": (lambda: init.uniform_(W, 1.0, 0.0), ValueError, "uniform_: expected a <= b, got a=1.0, b=0.0"),
    "NaN": (lambda: init.uniform_(W, float("nan")), ValueError, "uniform_: a must be a finite number, got nan"),
    "bound": (lambda: init.uniform_(W, 0.0, float("inf")), ValueError, "uniform_: b must be a finite number, got inf"),
    "text": (lambda: init.uniform_(W, "a"), ValueError, "uniform_: a must be a finite number, got 'a'"),  # type: ignore[arg-type]
    "std": (lambda: init.normal_(W, 0.0, -1.0), ValueError, "normal_: std must be >= 0, got -1.0"),
    "std NaN": (
        lambda: init.normal_(W, 0.0, float("nan")),
        ValueError,
        "normal_: std must be a finite number, got nan",
    ),
    "mean": (lambda: init.normal_(W, None), ValueError, "normal_: mean must be a finite number, got None"),  # type: ignore[arg-type]
    "gain": (lambda: init.xavier_normal_(W, float("nan")), ValueError, "normal_: std must be a finite number, got nan"),
    "generator": (
        lambda: init.normal_(W, generator=3),
        TypeError,
        "normal_: generator must be a dl.Generator .* got 3",
    ),  # type: ignore[arg-type]
    "constant": (lambda: init.constant_(W, "a"), TypeError, "constant_: val must be a number, got str"),  # type: ignore[arg-type]
    "overflow": (
        lambda: init.constant_(dl.tensor([1], dtype="uint8"), 300),
        OverflowError,
        "constant_: val=300 does not fit into uint8",
    ),
    "half of an integer": (
        lambda: init.constant_(dl.tensor([1]), 0.5),
        dl.DTypeError,
        "constant_: val=0.5 does not fit into int64",
    ),
    "integers": (lambda: init.uniform_(dl.tensor([1])), dl.DTypeError, "uniform_: expected a float tensor, got int64"),
    "no tensor": (lambda: init.normal_([1.0]), TypeError, "normal_: tensor must be a Tensor, got list"),  # type: ignore[arg-type]
    "an array": (lambda: init.zeros_(np.ones(2)), TypeError, "constant_: tensor must be a Tensor, got ndarray"),  # type: ignore[arg-type]
    "no weight": (lambda: init.kaiming_normal_([[1.0]]), TypeError, "kaiming_normal_: tensor must be a Tensor"),  # type: ignore[arg-type]
    "one dimension": (lambda: init.xavier_normal_(dl.ones(3)), dl.ShapeError, r"xavier_normal_: .*got shape \(3,\)"),
    "no inputs": (lambda: init.kaiming_uniform_(dl.ones((3, 0))), dl.ShapeError, r"kaiming_uniform_: .*\(3, 0\)"),
    "mode": (lambda: init.kaiming_normal_(W, mode="sum"), ValueError, "kaiming_normal_: mode must be .*, got 'sum'"),
    "nonlinearity": (
        lambda: init.kaiming_uniform_(W, nonlinearity="swish"),
        ValueError,
        "calculate_gain: nonlinearity .* got 'swish'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named_and_changes_nothing(name: str) -> None:
    call, error, message = BAD[name]
    state = dl.random.default_generator().state_dict()
    with pytest.raises(error, match=message):
        call()
    assert (W.numpy() == 1).all()
    assert dl.random.default_generator().state_dict() == state
