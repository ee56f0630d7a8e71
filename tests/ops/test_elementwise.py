"""What the case tables do not show of elementwise functions and reductions: precision, operators, dtype=, nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import dlcore as dl
from dlcore import _device

# --- erf and its kin, over their whole range --------------------------------------------------------------


def ends(*places: float) -> np.ndarray[Any, Any]:
    """Numbers on both sides of where an approximation ends."""
    around = [np.nextafter(place, towards) for place in places for towards in (-np.inf, np.inf)]
    return np.array([*places, *around, *[-x for x in around]])


def over_the_range(rng: np.random.Generator, name: str) -> np.ndarray[Any, Any]:
    if name == "erfinv":
        close_to_1 = 1 - 10 ** rng.uniform(-16, -0.5, 500)
        return np.concatenate([rng.uniform(-1, 1, 1000), close_to_1, -close_to_1, ends(0.85), [1e-300, -0.0]])
    beyond = 27 if name == "erfc" else 7
    small = 10 ** rng.uniform(-20, 0, 500)
    return np.concatenate(
        [rng.uniform(-7, beyond, 2000), small, -small, ends(0.25, 0.84375, 1.25, 1 / 0.35, 6), [-0.0]]
    )


EXACT: dict[str, Callable[[Any], Any]] = {
    "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
    "erfinv": special.erfinv,  # within 3 units in the last place
}
#: Units in the last place.
PRECISION = {"float64": {"erf": 3, "erfc": 5, "erfinv": 9}, "float32": {"erf": 4, "erfc": 4, "erfinv": 8}}


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("name", EXACT)
def test_error_functions_are_exact_to_a_few_units_in_the_last_place(
    name: str, dtype: str, rng: np.random.Generator
) -> None:
    x = over_the_range(rng, name).astype(dtype)
    exact = EXACT[name](x.astype("float64"))
    kept = (np.abs(exact) > np.finfo(dtype).tiny) & np.isfinite(exact)  # GPUs may take what is subnormal for 0
    x, exact = x[kept], exact[kept]
    y = getattr(dl, name)(dl.tensor(x)).numpy()
    error = np.abs(y.astype("float64") - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert error.max() <= PRECISION[dtype][name], x[error.argmax()]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_error_functions_of_special_values(dtype: str) -> None:
    x = dl.tensor(np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype))
    np.testing.assert_array_equal(dl.erf(x).numpy(), [0, 0, 1, -1, np.nan])
    np.testing.assert_array_equal(np.signbit(dl.erf(x).numpy()[:2]), [False, True])
    np.testing.assert_array_equal(dl.erfc(x).numpy(), [1, 1, 0, 2, np.nan])
    y = dl.tensor(np.array([0.0, -0.0, 1.0, -1.0, np.nan, 1.25, -1.25, np.inf], dtype))
    np.testing.assert_array_equal(dl.erfinv(y).numpy(), [0, 0, np.inf, -np.inf, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(np.signbit(dl.erfinv(y).numpy()[:2]), [False, True])


# --- operators and methods --------------------------------------------------------------------------------


def test_operators_on_bits() -> None:
    x, y = dl.tensor([5, 6]), dl.tensor([3, 3])
    assert (x & y).tolist() == [1, 2]
    assert (x | y).tolist() == [7, 7]
    assert (x ^ y).tolist() == [6, 5]
    assert (x << 2).tolist() == [20, 24]
    assert (x >> 1).tolist() == [2, 3]
    assert (3 & x).tolist() == [1, 2]
    assert (1 << y).tolist() == [8, 8]
    assert (~x).tolist() == [-6, -7]
    mask = dl.tensor([1.0, -1.0]) > 0
    assert (~mask).tolist() == [False, True]
    assert ((mask & True) | ~mask).tolist() == [True, True]
    with pytest.raises(dl.DTypeError, match=r"^bitwise_and: not defined for float32"):
        dl.tensor([1.0]) & 1


def test_methods_are_the_functions() -> None:
    x = dl.tensor([[0.25, 0.5], [0.75, 0.125]])
    for name in (
        "acos", "asin", "atan", "ceil", "cos", "erf", "erfinv", "expm1", "floor", "isnan", "log2", "rsqrt", "sigmoid",
        "sign", "sin", "tan", "trunc", "prod", "var", "std", "argmax", "any", "all", "logsumexp", "count_nonzero",
    ):  # fmt: skip
        assert getattr(x, name)().tolist() == getattr(dl, name)(x).tolist()
    assert x.cumulative_sum(axis=1).tolist() == dl.cumulative_sum(x, axis=1).tolist()
    assert x.maximum(0.5).tolist() == [[0.5, 0.5], [0.75, 0.5]]


def test_pytorchs_spellings() -> None:
    x = dl.tensor([[1.0, 2.0], [3.0, 0.5]])
    assert x.cumsum(1).tolist() == dl.cumulative_sum(x, axis=1).tolist()
    assert x.cumprod(-2, dtype="float64").tolist() == dl.cumulative_prod(x, axis=0).tolist()
    assert x.amax().item() == 3
    assert x.amax(0, keepdim=True).tolist() == [[3, 2]]
    assert x.amin((0, 1)).item() == 0.5
    with pytest.raises(dl.ShapeError, match=r"^cumsum: .*2"):
        x.cumsum(2)
    with pytest.raises(TypeError):
        x.cumsum()


def test_numbers_beside_tensors() -> None:
    x = dl.tensor([1.0, -2.0], requires_grad=True)
    assert dl.maximum(0, x).tolist() == [1, 0]
    (g,) = dl.grad(dl.minimum(x, 1.0).sum(), x)
    assert g.tolist() == [0.5, 1]  # a tie with a number is a tie
    assert dl.copysign(3, x).tolist() == [3, -3]
    assert dl.logical_and(True, x).tolist() == [True, True]
    assert dl.atan2(0.0, x).tolist() == [0, pytest.approx(math.pi)]
    np.testing.assert_allclose(dl.logaddexp(dl.tensor([1j]), 0.5).numpy(), np.log(np.exp(1j) + np.exp(0.5)), rtol=1e-6)


def test_a_sigmoid_far_out_is_exact() -> None:
    x = dl.tensor([-1e4, -100.0, 1e4], requires_grad=True)
    y = dl.sigmoid(x)
    assert y.tolist() == [0, pytest.approx(math.exp(-100)), 1]
    assert dl.grad(y.sum(), x)[0].numpy()[0] == 0


# --- dtypes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])
def test_dtype_converts_first(name: str) -> None:
    function = getattr(dl, name)
    x = dl.tensor([100, 100], dtype="int8")
    assert function(x, axis=0).dtype == dl.int64
    assert function(x, axis=0, dtype="float64").dtype == dl.float64
    y = dl.tensor([1e30, 1e30], dtype="float32", requires_grad=True)
    wide = function(y, axis=0, dtype="float64")
    assert np.isfinite(wide.numpy()).all()
    assert dl.grad(wide.sum(), y)[0].dtype == dl.float32
    assert function(dl.tensor([1.0, 2.0], dtype="float64"), axis=0, dtype="float32").dtype == dl.float32
    with pytest.raises(dl.DTypeError, match="is not supported"):
        function(x, axis=0, dtype="object")


def test_float16_is_accumulated_in_float32() -> None:
    x = dl.ones((4096,), dtype="float16")
    assert dl.cumulative_sum(x).numpy()[-1] == 4096
    assert dl.var(x * 300).item() == 0
    assert dl.logsumexp(x * 10).item() == pytest.approx(10 + math.log(4096), rel=1e-3)
    assert dl.prod(dl.tensor([300.0, 300.0, 1 / 256], dtype="float16")).item() == pytest.approx(351.5, rel=1e-3)
    for name in ("cumulative_sum", "var", "std", "logsumexp", "prod"):
        assert getattr(dl, name)(x).dtype == dl.float16


def test_a_running_product_begins_where_it_is_told() -> None:
    x = dl.tensor([[2.0, 3.0], [4.0, 0.0]])
    assert dl.cumulative_prod(x, axis=1, include_initial=True).tolist() == [[1, 2, 6], [1, 4, 0]]
    assert dl.cumulative_sum(x, axis=0, include_initial=True).tolist() == [[0, 0], [2, 3], [6, 3]]


# --- nothing, and zeros -----------------------------------------------------------------------------------


def test_reductions_of_nothing() -> None:
    x = dl.zeros((0, 3))
    assert dl.prod(x, axis=0).tolist() == [1, 1, 1]
    assert dl.logsumexp(x, axis=0).tolist() == [-math.inf] * 3
    assert dl.logsumexp(x, axis=0, keepdims=True).shape == (1, 3)
    assert dl.any(x, axis=0).tolist() == [False] * 3
    assert dl.all(x).tolist() is True
    assert dl.count_nonzero(x).tolist() == 0
    with np.errstate(all="ignore"):
        assert np.isnan(dl.var(x, axis=0).numpy()).all()
        assert np.isnan(dl.std(dl.ones((1,)), correction=1).item())


@pytest.mark.parametrize("zeros", [(), (1,), (0, 3), (1, 2, 4), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("name", ["prod", "cumulative_prod"])
def test_products_with_zeros_have_exact_derivatives(
    name: str, zeros: tuple[int, ...], rng: np.random.Generator
) -> None:
    values = rng.uniform(0.5, 2.0, 5)
    values[list(zeros)] = 0
    x = dl.tensor(values, requires_grad=True)

    def derivative(x: dl.Tensor) -> Any:
        with dl.enable_grad():
            return dl.grad(getattr(dl, name)(x).sum(), x, create_graph=True)[0]

    assert dl.gradcheck(getattr(dl, name), x, second_order=True)
    assert dl.gradcheck(derivative, x, second_order=True)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
def test_running_products_of_any_length(size: int, rng: np.random.Generator) -> None:
    x = dl.tensor(rng.normal(size=(2, size)) + 1j * rng.normal(size=(2, size)), requires_grad=True)
    assert dl.gradcheck(lambda x: dl.cumulative_prod(x, axis=1), x, second_order=True)


def test_argmax_of_a_row_is_an_index() -> None:
    scores = dl.tensor([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0]])
    assert dl.argmax(scores, axis=1).tolist() == [1, 0]
    assert scores[0, int(dl.argmax(scores[0]))].item() == pytest.approx(0.7)
    assert dl.argmin(scores).tolist() == 5
    assert dl.argmax(scores, keepdims=True).shape == (1, 1)


@pytest.mark.skipif(_device._lack("cusim", 0) is not None, reason="no C++ compiler, so only one kind of device")
@pytest.mark.parametrize("name", ["logical_and", "maximum", "hypot", "bitwise_or", "logaddexp"])
def test_operands_on_two_devices_are_refused(name: str) -> None:
    x, y = (dl.ones((2,), dtype="int64", device=where) for where in ("numpy", "cusim"))
    with pytest.raises(dl.DeviceError, match="all tensors must be on one device, got"):
        getattr(dl, name)(x, y)
