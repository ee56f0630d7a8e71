"""Activations against PyTorch: values, first and second gradients, at every kink, as functions and as modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import functional as F

torch = pytest.importorskip("torch", exc_type=ImportError)

# By function: the module's name, and arguments that the function and the module take by the same names.
TABLE: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "relu": ("ReLU", [{}]),
    "sigmoid": ("Sigmoid", [{}]),
    "tanh": ("Tanh", [{}]),
    "relu6": ("ReLU6", [{}]),
    "leaky_relu": ("LeakyReLU", [{}, {"negative_slope": 0.3}, {"negative_slope": -0.5}, {"negative_slope": 0.0}]),
    "elu": ("ELU", [{}, {"alpha": 0.3}, {"alpha": -2.0}]),
    "selu": ("SELU", [{}]),
    "celu": ("CELU", [{}, {"alpha": 2.5}]),
    "gelu": ("GELU", [{}, {"approximate": "tanh"}]),
    "silu": ("SiLU", [{}]),
    "mish": ("Mish", [{}]),
    "softplus": ("Softplus", [{}, {"beta": 3.0}, {"beta": 0.5, "threshold": 1.0}, {"beta": -2.0}]),
    "logsigmoid": ("LogSigmoid", [{}]),
    "softsign": ("Softsign", [{}]),
    "tanhshrink": ("Tanhshrink", [{}]),
    "hardsigmoid": ("Hardsigmoid", [{}]),
    "hardswish": ("Hardswish", [{}]),
    "hardtanh": ("Hardtanh", [{}, {"min_val": -0.5, "max_val": 3.0}]),
    "threshold": ("Threshold", [{"threshold": 0.5, "value": -3.0}]),
    "hardshrink": ("Hardshrink", [{}, {"lambd": 1.0}, {"lambd": -1.0}]),
    "softshrink": ("Softshrink", [{}, {"lambd": 1.0}, {"lambd": 0.0}]),
}
CASES = [pytest.param(f, a, id=f"{f}-{a}") for f, (_, arguments) in TABLE.items() for a in arguments]
KINKS = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 1.0 / 3, 20.0, 25.0, -25.0, 1e4, -1e4)
#: PyTorch computes these with single-precision constants, also in float64.
SINGLE = {"hardsigmoid", "celu"}
#: Where a formula of PyTorch's gives NaN.
NAN_THERE = {"mish": (1e4,)}
#: PyTorch has no second derivative.
ONCE = {"hardsigmoid"}


def points(rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([3 * rng.normal(size=30), KINKS])


def compare(actual: Any, wanted: Any, limit: float, name: str) -> None:
    np.testing.assert_allclose(
        actual.numpy(), wanted.detach().numpy(), rtol=limit, atol=limit, err_msg=name, equal_nan=True, strict=True
    )


@pytest.mark.every_device
@pytest.mark.parametrize(("function", "arguments"), CASES)
def test_values_and_gradients(function: str, arguments: dict[str, Any], rng: np.random.Generator) -> None:
    values = points(rng)
    values = values[~np.isin(values, NAN_THERE.get(function, ()))]
    if arguments.get("beta", 1.0) < 0 or arguments.get("alpha", 1.0) < 0:
        values = values[np.abs(values) < 100]
    numbers = [values, *(rng.normal(size=values.shape) for _ in range(2))]
    limit = 1e-7 if function in SINGLE else 1e-9
    x, g, h = (dl.tensor(a, requires_grad=True) for a in numbers)
    tx, tg, th = (torch.tensor(a, requires_grad=True) for a in numbers)
    y, ty = getattr(F, function)(x, **arguments), getattr(torch.nn.functional, function)(tx, **arguments)
    compare(y, ty, limit, "value")
    (first,) = dl.grad(y, x, g, create_graph=True)
    (tfirst,) = torch.autograd.grad(ty, tx, tg, create_graph=True)
    compare(first, tfirst, limit, "gradient")
    module = TABLE[function][0]
    np.testing.assert_array_equal(getattr(dl.nn, module)(**arguments)(x).numpy(), y.numpy())
    assert repr(getattr(dl.nn, module)(**arguments)) == repr(getattr(torch.nn, module)(**arguments))
    if function in ONCE:
        inside_and_out = dl.tensor([0.3, -4.0, 4.0], dtype="float64", requires_grad=True)
        assert dl.gradcheck(getattr(F, function), [inside_and_out], second_order=True)
        return
    second = dl.grad(first, (x, g), h, allow_unused=True)
    tsecond = torch.autograd.grad(tfirst, (tx, tg), th, allow_unused=True)
    for name, mine, other in zip(("x", "gradient"), second, tsecond, strict=True):
        if mine is None:  # a constant slope: PyTorch's has a graph, and is 0
            assert other is None or not other.any()
        else:
            compare(mine, other, limit, f"second gradient for {name}")


@pytest.mark.parametrize(("function", "arguments"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_other_dtypes(function: str, arguments: dict[str, Any], dtype: str, rng: np.random.Generator) -> None:
    values = points(rng).astype(dtype)
    values = values[np.abs(values) < 100]
    limit = {"float32": 2e-6, "float16": 2e-3}[dtype]
    x, tx = dl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y, ty = getattr(F, function)(x, **arguments), getattr(torch.nn.functional, function)(tx, **arguments)
    assert y.dtype == dtype
    compare(y, ty, limit, "value")
    (first,) = dl.grad(y, x, dl.ones(values.shape, dtype=dtype))
    assert first.dtype == dtype
    compare(first, *torch.autograd.grad(ty, tx, torch.ones_like(ty)), limit, "gradient")


@pytest.mark.parametrize(("function", "arguments"), CASES)
def test_nan_stays_nan(function: str, arguments: dict[str, Any]) -> None:
    assert np.isnan(getattr(F, function)(dl.tensor([np.nan]), **arguments).numpy()).all()


PRELU = [((5,), 1), ((3, 4), 1), ((3, 4), 4), ((2, 3, 4), 3), ((2, 3, 4, 5), 3), ((0, 3), 3), ((), 1)]


@pytest.mark.parametrize(("shape", "weight"), PRELU, ids=str)
def test_prelu(shape: tuple[int, ...], weight: int, rng: np.random.Generator) -> None:
    x = np.asarray(rng.normal(size=shape))
    x.reshape(-1)[:1] = 0.0
    numbers = (x, rng.normal(size=weight))
    mine = [dl.tensor(a, requires_grad=True) for a in numbers]
    theirs = [torch.tensor(a, requires_grad=True) for a in numbers]
    y, ty = F.prelu(*mine), torch.nn.functional.prelu(*theirs)
    compare(y, ty, 1e-12, "value")
    g = rng.normal(size=shape)
    first = dl.grad(y, mine, dl.tensor(g), create_graph=True)
    tfirst = torch.autograd.grad(ty, theirs, torch.tensor(g), create_graph=True)
    for a, b in zip(first, tfirst, strict=True):
        compare(a, b, 1e-12, "gradient")
    second = dl.grad(sum((f * f).sum() for f in first), mine)
    tsecond = torch.autograd.grad(sum((f * f).sum() for f in tfirst), theirs)
    for a, b in zip(second, tsecond, strict=True):
        compare(a, b, 1e-12, "second gradient")


def test_prelu_loads_pytorchs_state() -> None:
    theirs, mine = torch.nn.PReLU(3, 0.4), dl.nn.PReLU(3)
    mine.load_state_dict({k: v.detach().numpy() for k, v in theirs.state_dict().items()})
    x = np.linspace(-2, 2, 12, dtype=np.float32).reshape(4, 3)
    compare(mine(dl.tensor(x)), theirs(torch.tensor(x)), 1e-7, "value")
    assert repr(mine) == repr(theirs)


@pytest.mark.parametrize("dim", [-1, 0, 1, -2])
def test_of_an_axis(dim: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 6, 2))
    for function, module in (("softmin", "Softmin"), ("glu", "GLU"), ("log_softmax", "LogSoftmax")):
        a, b = dl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, ty = getattr(F, function)(a, dim=dim), getattr(torch.nn.functional, function)(b, dim=dim)
        compare(y, ty, 1e-12, function)
        (first,) = dl.grad((y * y).sum(), a, create_graph=True)
        (tfirst,) = torch.autograd.grad((ty * ty).sum(), b, create_graph=True)
        compare(first, tfirst, 1e-11, function)
        compare(dl.grad((first * first).sum(), a)[0], *torch.autograd.grad((tfirst * tfirst).sum(), b), 1e-11, function)
        np.testing.assert_array_equal(getattr(dl.nn, module)(dim=dim)(a).numpy(), y.numpy())


def test_heaviside() -> None:
    values = np.array([-1.0, -0.0, 0.0, 2.0, np.nan, np.inf, -np.inf])
    for value in (1.0, 0.0, 0.5):
        wanted = torch.heaviside(torch.tensor(values), torch.tensor(value, dtype=torch.float64))
        wanted[4] = np.nan  # PyTorch gives 0
        compare(F.heaviside(dl.tensor(values), value), wanted, 0, "value")
        compare(dl.nn.Heaviside(value)(dl.tensor(values)), wanted, 0, "value")


BAD: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("celu", (), {"alpha": 0.0}),
    ("hardtanh", (), {"min_val": 1.0, "max_val": 0.0}),
    ("softshrink", (), {"lambd": -0.1}),
    ("gelu", (), {"approximate": "erf"}),
    ("glu", (), {}),
    ("glu", (), {"dim": 5}),
    ("prelu", ((2,),), {}),
    ("prelu", ((1, 3),), {}),
]


@pytest.mark.parametrize(("function", "shapes", "arguments"), BAD)
def test_what_pytorch_refuses_is_refused(function: str, shapes: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises((RuntimeError, ValueError, IndexError, ZeroDivisionError)):
        getattr(torch.nn.functional, function)(torch.ones(2, 3), *(torch.ones(s) for s in shapes), **arguments)
    with pytest.raises((ValueError, IndexError), match=f"{function}: "):
        getattr(F, function)(dl.ones((2, 3)), *(dl.ones(s) for s in shapes), **arguments)
