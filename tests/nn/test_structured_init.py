"""Initial values with a structure, and the truncated normal distribution: their definitions, and bad input."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, exp, inf, nan, pi, sqrt
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import init

FLOATS = ("float16", "float32", "float64")
EXACT = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-13}


# --- the truncated normal distribution ------------------------------------------------------------------------

WINDOWS = [  # mean, std, a, b
    (0.0, 1.0, -2.0, 2.0),
    (1.0, 2.0, -2.0, 2.0),
    (0.0, 0.02, -0.04, 0.04),
    (0.0, 1.0, -30.0, 30.0),
    (0.0, 1.0, 2.0, 5.0),  # in the upper tail
    (0.0, 1.0, -5.0, -4.0),  # in the lower tail
    (3.0, 0.5, 2.9, 3.0),
]


def distribution(x: float) -> float:
    return 0.5 * (1 + erf(x / sqrt(2)))


def density(x: float) -> float:
    return exp(-0.5 * x * x) / sqrt(2 * pi)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("mean", "std", "a", "b"), WINDOWS)
def test_truncated_normal(mean: float, std: float, a: float, b: float, dtype: str) -> None:
    """Bounds, the two moments of the textbook, and the largest distance to the distribution function."""
    n = 20000
    t = dl.zeros((n // 10, 10), dtype=dtype)
    assert init.trunc_normal_(t, mean, std, a, b, generator=dl.Generator(5)) is t
    values = np.sort(t.numpy().astype(np.float64).ravel())
    assert a - 1e-6 <= values[0]
    assert values[-1] <= b + 1e-6
    low, high = (a - mean) / std, (b - mean) / std
    share = distribution(high) - distribution(low)
    shift = (density(low) - density(high)) / share
    spread = 1 + (low * density(low) - high * density(high)) / share - shift**2
    assert values.mean() == pytest.approx(mean + std * shift, abs=5 * std * sqrt(spread / n))
    assert values.std() == pytest.approx(std * sqrt(spread), rel=0.05)
    wanted = np.array([(distribution((v - mean) / std) - distribution(low)) / share for v in values])
    steps = np.arange(n + 1) / n
    distance = max((wanted - steps[:-1]).max(), (steps[1:] - wanted).max())
    assert distance < 1.95 / sqrt(n)  # Kolmogorov: exceeded once in a thousand; the seed is fixed


def test_a_truncated_normal_is_spread_where_its_window_ends_at_the_mean() -> None:
    assert init.trunc_normal_(dl.zeros(3), 7.0, 1.0, 7.0, 7.0 + 1e-6).numpy() == pytest.approx([7.0] * 3, abs=1e-6)
    assert init.trunc_normal_(dl.zeros((0, 2))).shape == (0, 2)


# --- orthogonal matrices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3, 3), (1, 1), (2, 1)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 2.5, -1.0])
def test_orthogonal(shape: tuple[int, ...], dtype: str, gain: float) -> None:
    w = dl.zeros(shape, dtype=dtype)
    assert init.orthogonal_(w, gain, generator=dl.Generator(3)) is w
    matrix = w.numpy().astype(np.float64).reshape(shape[0], -1)
    product = matrix @ matrix.T if shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=8 * gain**2 * EXACT[dtype])


def test_orthogonal_matrices_are_uniform() -> None:
    """By symmetry each element has mean 0 and mean square 1 / n; without the signs the diagonal had another mean."""
    n = 4
    drawn = np.stack([init.orthogonal_(dl.zeros((n, n)), generator=dl.Generator(seed)).numpy() for seed in range(600)])
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=5 * sqrt(1 / n / 600))
    np.testing.assert_allclose((drawn**2).mean(axis=0), 1 / n, atol=0.08)


def test_nothing_to_make_orthogonal() -> None:
    assert init.orthogonal_(dl.zeros((0, 3))).shape == (0, 3)


# --- identities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)], ids=str)
def test_eye(shape: tuple[int, int]) -> None:
    t = dl.ones(shape, dtype="float64")
    assert init.eye_(t) is t
    np.testing.assert_array_equal(t.numpy(), np.eye(*shape))


@pytest.mark.parametrize(("shape", "groups"), [((4, 2, 3, 5), 2), ((3, 3, 3, 3), 1), ((5, 2, 3, 3), 1)], ids=str)
def test_dirac_kernels_hand_channels_on(shape: tuple[int, ...], groups: int, rng: np.random.Generator) -> None:
    kernel = init.dirac_(dl.ones(shape, dtype="float64"), groups)
    x = rng.normal(size=(2, shape[1] * groups, 6, 7))
    y = dl.nn.functional.conv2d(
        dl.tensor(x), kernel, padding=(shape[2] // 2, shape[3] // 2), groups=groups
    ).numpy()  # fmt: skip
    own, in_group = shape[0] // groups, shape[1]
    for group in range(groups):
        for channel in range(own):
            wanted = x[:, group * in_group + channel] if channel < in_group else 0
            np.testing.assert_array_equal(y[:, group * own + channel], wanted + np.zeros((2, 6, 7)))


def test_dirac_of_other_dimensions() -> None:
    assert init.dirac_(dl.ones((2, 2, 3))).tolist() == [[[0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]]
    assert init.dirac_(dl.ones((1, 1, 1, 2, 3))).tolist() == [[[[[0, 0, 0], [0, 1, 0]]]]]
    assert init.dirac_(dl.ones((0, 2, 3))).shape == (0, 2, 3)


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (0.1, 1), (0.5, 5), (0.91, 10), (1.0, 10)])
def test_sparse(sparsity: float, zeros: int) -> None:
    w = dl.ones((10, 300))
    assert init.sparse_(w, sparsity, std=2.0, generator=dl.Generator(4)) is w
    values = w.numpy()
    np.testing.assert_array_equal((values == 0).sum(axis=0), zeros)
    if 0 < zeros < 10:
        assert values[values != 0].std() == pytest.approx(2.0, rel=0.1)
        np.testing.assert_allclose((values == 0).mean(axis=1), zeros / 10, atol=0.15)  # no row is preferred


# --- what they have in common -------------------------------------------------------------------------------------

DRAWS: dict[str, Callable[..., Any]] = {
    "trunc_normal_": init.trunc_normal_,
    "orthogonal_": init.orthogonal_,
    "sparse_": lambda t, **options: init.sparse_(t, 0.3, **options),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", DRAWS)
def test_the_same_seed_gives_the_same_bits(name: str, dtype: str) -> None:
    def drawn(**options: Any) -> Any:
        return DRAWS[name](dl.zeros((7, 5), dtype=dtype), **options).numpy()

    dl.manual_seed(3)
    first, second = drawn(), drawn()
    assert not np.array_equal(first, second)
    dl.manual_seed(3)
    np.testing.assert_array_equal(drawn(), first)
    np.testing.assert_array_equal(drawn(generator=dl.Generator(3)), first)


@pytest.mark.parametrize("name", [*DRAWS, "eye_"])
def test_a_write_is_noticed_by_autograd(name: str) -> None:
    x = dl.ones((3, 3), requires_grad=True)
    weight = dl.ones((3, 3))
    y = x * weight
    {**DRAWS, "eye_": init.eye_}[name](weight)
    with pytest.raises(RuntimeError, match="modified in place"):
        y.sum().backward()


def test_fans_of_convolutions() -> None:
    """Of (out, in / groups, *size); of a transposed convolution, (in, out / groups, *size), the two change places."""
    assert init._calculate_fan_in_and_fan_out(dl.zeros((5, 3))) == (3, 5)
    assert init._calculate_fan_in_and_fan_out(dl.nn.Conv2d(6, 8, (3, 5), groups=2).weight) == (45, 120)
    assert init._calculate_fan_in_and_fan_out(dl.nn.ConvTranspose2d(6, 8, (3, 5), groups=2).weight) == (60, 90)


Z, M = dl.zeros((2, 2)), dl.zeros(3)
INTS = dl.tensor([[1]])
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "trunc std": (lambda: init.trunc_normal_(Z, std=0.0), ValueError, r"trunc_normal_: std must be > 0, got 0.0"),
    "trunc order": (lambda: init.trunc_normal_(Z, a=1.0, b=0.0), ValueError, "trunc_normal_: expected a <= b"),
    "trunc empty": (lambda: init.trunc_normal_(Z, a=1.0, b=1.0), ValueError, "trunc_normal_: .* next to nothing"),
    "trunc far": (lambda: init.trunc_normal_(Z, a=9.0, b=10.0), ValueError, r"trunc_normal_: \[9.0, 10.0\] holds"),
    "trunc nan": (lambda: init.trunc_normal_(Z, mean=nan), ValueError, "trunc_normal_: mean must be a finite .* nan"),
    "trunc inf": (lambda: init.trunc_normal_(Z, b=inf), ValueError, "trunc_normal_: b must be a finite .* inf"),
    "trunc ints": (lambda: init.trunc_normal_(INTS), dl.DTypeError, "trunc_normal_: expected a float tensor.*int64"),
    "trunc array": (lambda: init.trunc_normal_(np.ones(2)), TypeError, "trunc_normal_: tensor must be a Tensor"),  # type: ignore[arg-type]
    "orthogonal vector": (lambda: init.orthogonal_(M), dl.ShapeError, r"orthogonal_: .*at least 2.*\(3,\)"),
    "orthogonal gain": (lambda: init.orthogonal_(Z, nan), ValueError, "orthogonal_: gain must be a finite .* nan"),
    "orthogonal ints": (lambda: init.orthogonal_(INTS), dl.DTypeError, "orthogonal_: expected a float tensor"),
    "orthogonal generator": (lambda: init.orthogonal_(Z, 1.0, 7), TypeError, "orthogonal_: generator must be"),  # type: ignore[arg-type]
    "eye": (lambda: init.eye_(M), dl.ShapeError, r"eye_: expected a matrix, got shape \(3,\)"),
    "dirac": (lambda: init.dirac_(Z), dl.ShapeError, r"dirac_: expected 3, 4 or 5 .*\(2, 2\)"),
    "dirac groups": (lambda: init.dirac_(dl.zeros((3, 1, 2)), 2), ValueError, "dirac_: groups must .* 3, got 2"),
    "dirac no groups": (lambda: init.dirac_(dl.zeros((3, 1, 2)), 0), ValueError, "dirac_: groups must .* got 0"),
    "sparse vector": (lambda: init.sparse_(M, 0.1), dl.ShapeError, r"sparse_: expected a matrix.*\(3,\)"),
    "sparse share": (lambda: init.sparse_(Z, 1.1), ValueError, r"sparse_: sparsity must be in \[0, 1\], got 1.1"),
    "sparse std": (lambda: init.sparse_(Z, 0.1, -1.0), ValueError, "sparse_: std must be .* >= 0, got -1.0"),
    "gain": (lambda: init.calculate_gain("gelu"), ValueError, "calculate_gain: nonlinearity must be one of .*'gelu'"),
    "slope": (lambda: init.calculate_gain("leaky_relu", True), ValueError, "calculate_gain: the slope .* True"),
    "fans": (lambda: init._calculate_fan_in_and_fan_out(M), dl.ShapeError, r"at least 2 dimensions .*\(3,\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_changes_nothing(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
    assert not Z.numpy().any()
    assert not M.numpy().any()
