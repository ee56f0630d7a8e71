"""Activations: far out, at kinks, of any dtype, and what is refused. Their values are compared in tests/oracle."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, nan
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.nn import functional as F
from dlcore.reference import ACTIVATIONS, POINTWISE

T = dl.tensor
FUNCTIONS: dict[str, Callable[[dl.Tensor], dl.Tensor]] = {
    function.__name__: function
    for function in (
        F.heaviside,
        F.relu,
        F.relu6,
        F.leaky_relu,
        F.elu,
        F.selu,
        F.celu,
        F.gelu,
        F.silu,
        F.mish,
        F.softplus,
        F.logsigmoid,
        F.sigmoid,
        F.tanh,
        F.softsign,
        F.tanhshrink,
        F.hardsigmoid,
        F.hardswish,
        F.hardtanh,
        F.hardshrink,
        F.softshrink,
    )
} | {"gelu tanh": lambda x: F.gelu(x, approximate="tanh"), "threshold": lambda x: F.threshold(x, 0.1, -1.0)}

#: (x, f(x), f'(x)) worked by hand, in float64.
BY_HAND: dict[str, list[tuple[float, float, float]]] = {
    "relu6": [(-1, 0, 0), (0, 0, 0), (3, 3, 1), (6, 6, 0), (7, 6, 0)],
    "leaky_relu": [(-2, -0.02, 0.01), (0, 0, 0.01), (2, 2, 1)],
    "elu": [(-log(2), -0.5, 0.5), (0, 0, 1), (2, 2, 1)],
    "celu": [(-log(2), -0.5, 0.5), (0, 0, 1), (2, 2, 1)],
    "silu": [(0, 0, 0.5), (log(3), 0.75 * log(3), 0.75 * (1 + 0.25 * log(3)))],
    "softplus": [(0, log(2), 0.5), (log(3), log(4), 0.75), (30, 30, 1)],
    "logsigmoid": [(0, -log(2), 0.5), (-log(3), -log(4), 0.75)],
    "mish": [(0, 0, 0.6)],  # tanh(log 2) = 3/5
    "gelu": [(0, 0, 0.5)],
    "gelu tanh": [(0, 0, 0.5)],
    "softsign": [(-1, -0.5, 0.25), (0, 0, 1), (3, 0.75, 1 / 16)],
    "tanhshrink": [(0, 0, 0), (log(2), log(2) - 0.6, 0.36)],
    "hardsigmoid": [(-3, 0, 0), (0, 0.5, 1 / 6), (3, 1, 0)],
    "hardswish": [(-3, 0, 0), (-1.5, -0.375, 0), (0, 0, 0.5), (3, 3, 1)],
    "hardtanh": [(-1, -1, 0), (0.5, 0.5, 1), (1, 1, 0)],
    "hardshrink": [(-0.5, 0, 0), (0.5, 0, 0), (0.75, 0.75, 1)],
    "softshrink": [(-0.5, 0, 0), (0.25, 0, 0), (0.75, 0.25, 1), (-0.75, -0.25, 1)],
    "threshold": [(0.1, -1, 0), (0.5, 0.5, 1)],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_worked_by_hand(name: str) -> None:
    points, values, slopes = np.array(BY_HAND[name], np.float64).T
    x = T(points, requires_grad=True)
    y = FUNCTIONS[name](x)
    np.testing.assert_allclose(y.numpy(), values, rtol=1e-13, atol=1e-15)
    incoming = dl.ones(x.shape, dtype="float64", requires_grad=True)
    (slope,) = dl.grad(y, x, incoming, create_graph=True)
    np.testing.assert_allclose(slope.numpy(), slopes, rtol=1e-13, atol=1e-15)
    (again,) = dl.grad(slope.sum(), incoming)  # linear in the incoming gradient, by the same factor
    np.testing.assert_allclose(again.numpy(), slopes, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_far_out_there_is_no_overflow(name: str, dtype: str) -> None:
    """Warnings are errors: no infinity appears on the way, either."""
    x = T([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=dtype, requires_grad=True)
    y = FUNCTIONS[name](x)
    assert y.dtype == dtype
    assert np.isfinite(y.numpy()).all()
    if y.requires_grad:
        (slope,) = dl.grad(y.sum(), x, create_graph=True)
        assert slope.dtype == dtype
        assert np.isfinite(slope.numpy()).all()
        if slope.requires_grad:
            (second,) = dl.grad(slope.sum(), x, allow_unused=True)
            assert second is None or np.isfinite(second.numpy()).all()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)], ids=str)
def test_shapes(name: str, shape: tuple[int, ...]) -> None:
    x = dl.ones(shape, requires_grad=True)
    y = FUNCTIONS[name](x)
    assert y.shape == shape
    if y.requires_grad:
        assert dl.grad(y.sum(), x)[0].shape == shape


@pytest.mark.parametrize("name", sorted({*POINTWISE, "leaky_relu", "elu"}))
def test_derivatives_of_every_order(name: str) -> None:
    """Finite differences of the first and second derivative, away from the kinks."""
    function = {
        "gelu_tanh": FUNCTIONS["gelu tanh"], "log_sigmoid": F.logsigmoid, "threshold": FUNCTIONS["threshold"],
    }.get(name, FUNCTIONS.get(name))  # fmt: skip
    assert function is not None
    x = T([-4.2, -3.4, -2.3, -0.8, 0.3, 0.7, 2.6, 3.5, 4.4], dtype="float64", requires_grad=True)
    assert dl.gradcheck(function, [x], second_order=True)


def test_derivatives_along_an_axis_and_of_a_weight(rng: np.random.Generator) -> None:
    x, weight = T(rng.normal(size=(3, 4)), requires_grad=True), T(rng.normal(size=4), requires_grad=True)
    assert dl.gradcheck(lambda t: F.softmin(t, 1), [x], second_order=True)
    assert dl.gradcheck(lambda t: F.glu(t, 1), [x], second_order=True)
    assert dl.gradcheck(F.prelu, [x, weight], second_order=True)
    for function in (F.elu, F.celu, F.softplus):  # whose second argument is not 1
        assert dl.gradcheck(lambda t, f=function: f(t, 0.7), [x], second_order=True)


@pytest.mark.parametrize("name", ["gelu", "gelu tanh", "silu", "mish", "softplus", "softsign", "tanhshrink"])
def test_a_third_derivative(name: str) -> None:
    def second(x: dl.Tensor) -> dl.Tensor:
        (first,) = dl.grad(FUNCTIONS[name](x).sum(), x, create_graph=True)
        return dl.grad(first.sum(), x, create_graph=True)[0]

    points, step = np.array([-2.3, -0.4, 0.7, 1.9]), 1e-5
    x = T(points, requires_grad=True)
    (third,) = dl.grad(second(x).sum(), x)
    above, below = (second(T(points + h, requires_grad=True)).numpy() for h in (step, -step))
    np.testing.assert_allclose(third.numpy(), (above - below) / (2 * step), rtol=1e-7, atol=1e-8)


def test_an_infinite_gradient_is_cut_off_and_not_multiplied() -> None:
    for function in (F.hardtanh, F.relu6, F.hardsigmoid, F.hardshrink, F.softshrink, FUNCTIONS["threshold"]):
        x = T([-9.0, 0.1], requires_grad=True)
        (slope,) = dl.grad(function(x), x, T([inf, inf]))
        expected = [inf, 0.0] if function in (F.hardshrink, F.softshrink) else [0.0, inf]
        assert slope.tolist() == (expected if function is not FUNCTIONS["threshold"] else [0.0, 0.0])


def test_a_soft_shrink_by_nothing_is_the_identity() -> None:
    assert F.softshrink(T([-1.0, 0.0, 2.0]), 0.0).tolist() == [-1.0, 0.0, 2.0]


def test_a_gated_unit() -> None:
    x = T([[2.0, 4.0, 0.0, log(3)]], dtype="float64")
    np.testing.assert_allclose(F.glu(x).numpy(), [[1.0, 3.0]], rtol=1e-14)
    np.testing.assert_allclose(F.glu(x.T, 0).numpy(), [[1.0], [3.0]], rtol=1e-14)


def test_the_step_is_a_constant_to_autograd() -> None:
    x = T([-1.0, 0.0, 2.0], requires_grad=True)
    assert not F.heaviside(x).requires_grad
    assert F.heaviside(x, 0.5).tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(F.heaviside(T([nan])).numpy()).all()


def test_prelu_is_trained() -> None:
    layer = nn.PReLU(2, init=0.5)
    x = T([[-1.0, -2.0], [3.0, -4.0]])
    y = layer(x)
    assert y.tolist() == [[-0.5, -1.0], [3.0, -2.0]]
    y.sum().backward()
    assert layer.weight.grad.tolist() == [-1.0, -6.0]
    with dl.no_grad():
        layer.weight -= 1.0
    incoming = dl.ones((2, 2), requires_grad=True)
    z = T(x.numpy(), requires_grad=True)
    (slope,) = dl.grad(nn.PReLU(2, init=0.5)(z), z, incoming, create_graph=True)
    assert dl.grad(slope.sum(), incoming)[0].tolist() == [[0.5, 0.5], [1.0, 0.5]]
    layer.reset_parameters()
    assert layer.weight.tolist() == [0.5, 0.5]
    assert nn.PReLU(dtype="float64").weight.dtype == np.float64


def test_the_primitives_take_every_name() -> None:
    backend = dl.current_device().backend
    x = T([0.5, -0.5])
    for name in POINTWISE:
        assert backend.pointwise_forward(x.array, name, 1.0, 2.0).shape == (2,)
    for name in ACTIVATIONS:
        assert backend.bias_activation_forward(x.array, None, name, 1.0).shape == (2,)


X = dl.ones((2, 3))
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    **{
        f"{name} of integers": (
            lambda f=function: f(T([1])), dl.DTypeError, "input must be a float tensor, got int64",
        ) for name, function in FUNCTIONS.items()
    },
    "relu6 of a list": (lambda: F.relu6([1.0]), TypeError, "relu6: input must be a Tensor, got list"),  # type: ignore[arg-type]
    "leaky_relu": (lambda: F.leaky_relu(X, nan), ValueError, "leaky_relu: negative_slope must be a finite .* got nan"),
    "elu": (lambda: F.elu(X, "1"), ValueError, "elu: alpha must be a finite number, got '1'"),  # type: ignore[arg-type]
    "elu of a tensor": (lambda: F.elu(X, T(1.0)), ValueError, "elu: alpha must be a finite number"),  # type: ignore[arg-type]
    "celu": (lambda: F.celu(X, 0.0), ValueError, "celu: alpha must not be 0"),
    "softplus": (lambda: F.softplus(X, 0), ValueError, "softplus: beta must not be 0"),
    "softplus threshold": (lambda: F.softplus(X, 1, inf), ValueError, "softplus: threshold must be a finite"),
    "hardtanh": (lambda: F.hardtanh(X, 1.0, 0.0), ValueError, "hardtanh: min_val must not exceed max_val, got 1.0"),
    "softshrink": (lambda: F.softshrink(X, -1.0), ValueError, "softshrink: lambd must be >= 0, got -1.0"),
    "hardshrink": (lambda: F.hardshrink(X, None), ValueError, "hardshrink: lambd must be a finite .* None"),  # type: ignore[arg-type]
    "threshold": (lambda: F.threshold(X, 1.0, nan), ValueError, "threshold: value must be a finite .* nan"),
    "heaviside": (lambda: F.heaviside(X, True), ValueError, "heaviside: value must be a finite number, got True"),
    "gelu": (lambda: F.gelu(X, "erf"), ValueError, "gelu: approximate must be 'none' or 'tanh', got 'erf'"),
    "glu odd": (lambda: F.glu(X), dl.ShapeError, r"glu: input of shape \(2, 3\) must have an even size along dim -1"),
    "glu axis": (lambda: F.glu(X, 2), dl.ShapeError, "glu: axis 2 is out of range"),
    "softmin axis": (lambda: F.softmin(X, 2), dl.ShapeError, "softmin: axis 2 is out of range"),
    "prelu shape": (lambda: F.prelu(X, dl.ones(2)), dl.ShapeError, r"prelu: weight of shape \(2,\) .*\(2, 3\)"),
    "prelu axes": (lambda: F.prelu(X, dl.ones((1, 3))), dl.ShapeError, r"prelu: weight of shape \(1, 3\)"),
    "prelu vector": (lambda: F.prelu(dl.ones(3), dl.ones(3)), dl.ShapeError, r"prelu: .*\(3,\).*\(1,\) or \(1,\)"),
    "prelu dtype": (lambda: F.prelu(X, dl.ones(3, dtype="float64")), dl.DTypeError, "prelu: .*weight float64"),
    "PReLU": (lambda: nn.PReLU(0), ValueError, "PReLU: num_parameters must be an int >= 1, got 0"),
    "PReLU init": (lambda: nn.PReLU(1, nan), ValueError, "PReLU: init must be a finite number, got nan"),
    "LeakyReLU": (lambda: nn.LeakyReLU(inf), ValueError, "LeakyReLU: negative_slope must be a finite number, got inf"),
    "GELU": (lambda: nn.GELU("erf"), ValueError, "GELU: approximate must be"),
    "Hardtanh": (lambda: nn.Hardtanh(2.0, 1.0), ValueError, "Hardtanh: min_val must not exceed"),
    "inplace": (lambda: nn.ELU(inplace=True), TypeError, "inplace"),  # type: ignore[call-arg]
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
