"""The reference primitives in float64 against PyTorch: its functions, its autograd, its optimizers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import reference
from dlcore.backend import Conv2dSpec, Pool2dSpec

torch = pytest.importorskip("torch", exc_type=ImportError)
F = torch.nn.functional
RTOL = ATOL = 1e-10


def tensor(x: np.ndarray, requires_grad: bool = False) -> Any:
    return torch.tensor(np.ascontiguousarray(x), requires_grad=requires_grad)


def close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=RTOL, atol=ATOL, strict=True)


def torch_pad(x: Any, padding: tuple[int, int, int, int], value: float = 0.0) -> Any:
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


# --- convolution --------------------------------------------------------------------------------

CONVOLUTIONS = {  # (N, C, H, W), (K, C/groups, R, S), spec
    "plain": ((2, 3, 7, 6), (4, 3, 3, 2), Conv2dSpec()),
    "1x1": ((2, 3, 5, 4), (4, 3, 1, 1), Conv2dSpec()),
    "stride": ((2, 3, 9, 8), (4, 3, 3, 3), Conv2dSpec(stride=(2, 3))),
    "asymmetric padding": ((2, 3, 7, 6), (4, 3, 3, 3), Conv2dSpec(padding=(2, 0, 1, 3))),
    "wide padding": ((1, 2, 3, 3), (2, 2, 3, 3), Conv2dSpec(padding=(4, 3, 5, 4), stride=(2, 2))),
    "dilation": ((2, 2, 10, 9), (3, 2, 3, 2), Conv2dSpec(dilation=(2, 3), padding=(1, 1, 1, 1))),
    "groups": ((2, 4, 6, 6), (6, 2, 3, 3), Conv2dSpec(groups=2, padding=(1, 1, 1, 1))),
    "depthwise": ((2, 4, 6, 6), (8, 1, 3, 3), Conv2dSpec(groups=4, stride=(2, 2), dilation=(2, 1))),
    "everything": ((3, 6, 11, 9), (9, 2, 3, 2), Conv2dSpec((2, 1), (1, 2, 0, 3), (2, 2), 3)),
    "unused border": ((1, 1, 8, 8), (1, 1, 3, 3), Conv2dSpec(stride=(3, 4))),
    "zero batch": ((0, 2, 5, 5), (3, 2, 3, 3), Conv2dSpec()),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("with_bias", [False, True])
def test_conv2d(name: str, with_bias: bool, rng: np.random.Generator) -> None:
    shape, weight_shape, spec = CONVOLUTIONS[name]
    x, w = tensor(rng.normal(size=shape), True), tensor(rng.normal(size=weight_shape), True)
    b = tensor(rng.normal(size=weight_shape[0])) if with_bias else None
    expected = F.conv2d(torch_pad(x, spec.padding), w, b, spec.stride, 0, spec.dilation, spec.groups)
    arrays = [None if t is None else t.detach().numpy() for t in (x, w, b)]
    close(reference.conv2d_forward(np, *arrays, spec), expected)
    grad = rng.normal(size=expected.shape)
    dx, dw = torch.autograd.grad(expected, (x, w), tensor(grad))
    close(reference.conv2d_backward_input(np, grad, arrays[1], shape, spec), dx)
    close(reference.conv2d_backward_weight(np, grad, arrays[0], weight_shape, spec), dw)


# --- pooling ------------------------------------------------------------------------------------

POOLS = {  # PyTorch's pools pad both sides alike
    "2x2": ((2, 3, 6, 8), Pool2dSpec((2, 2), (2, 2))),
    "overlapping": ((2, 3, 7, 8), Pool2dSpec((3, 2), (2, 1))),
    "padding": ((2, 2, 7, 7), Pool2dSpec((3, 3), (2, 2), (1, 1, 1, 1))),
    "ceil_mode": ((1, 2, 8, 6), Pool2dSpec((3, 3), (2, 2), ceil_mode=True)),
    "ceil_mode drops a window": ((1, 2, 5, 5), Pool2dSpec((2, 2), (3, 3), (1, 1, 1, 1), ceil_mode=True)),
    "ceil_mode and padding": ((2, 2, 8, 7), Pool2dSpec((4, 3), (3, 2), (2, 2, 1, 1), ceil_mode=True)),
    "gaps": ((1, 1, 9, 9), Pool2dSpec((2, 2), (3, 4))),
    "zero batch": ((0, 2, 4, 4), Pool2dSpec((2, 2), (2, 2))),
}
DILATED_POOLS = {
    "dilation": ((2, 2, 9, 8), Pool2dSpec((3, 2), (1, 2), (1, 1, 1, 1), (2, 3))),
    "dilation and ceil_mode": ((2, 2, 9, 8), Pool2dSpec((2, 3), (3, 2), (1, 1, 1, 1), (3, 2), True)),
}


@pytest.mark.parametrize("name", [*POOLS, *DILATED_POOLS])
@pytest.mark.parametrize("values", ["normal", "ties", "nan", "infinite"])
@pytest.mark.parametrize("sign", [1, -1])
def test_max_and_min_pool2d(name: str, values: str, sign: int, rng: np.random.Generator) -> None:
    shape, spec = (POOLS | DILATED_POOLS)[name]
    x = rng.integers(0, 3, size=shape).astype(float) if values == "ties" else rng.normal(size=shape)
    if values == "nan":
        # One to a plane: of several in a window PyTorch names the last, dlcore the first.
        x[..., rng.integers(shape[2]), rng.integers(shape[3])] = np.nan
    if values == "infinite":
        x[rng.random(shape) < 0.8] = -sign * np.inf
    top, _, left, _ = spec.padding
    leaf = tensor(sign * x, True)
    expected, flat = F.max_pool2d(
        leaf, spec.kernel_size, spec.stride, (top, left), spec.dilation, spec.ceil_mode, return_indices=True
    )
    forward = reference.max_pool2d_forward if sign == 1 else reference.min_pool2d_forward
    y, index = forward(np, x, spec)
    np.testing.assert_array_equal(sign * y, expected.detach().numpy(), strict=True)
    p, q = np.indices(y.shape)[2:]
    row = p * spec.stride[0] - top + index // spec.kernel_size[1] * spec.dilation[0]
    column = q * spec.stride[1] - left + index % spec.kernel_size[1] * spec.dilation[1]
    np.testing.assert_array_equal(row * shape[3] + column, flat.numpy())
    np.testing.assert_array_equal(reference.index_pool2d_gather(np, x, index, spec), y)
    grad = rng.normal(size=y.shape)
    (dx,) = torch.autograd.grad(expected, leaf, tensor(grad))
    close(reference.index_pool2d_scatter(np, grad, index, shape, spec), dx)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize(("count_include_pad", "divisor"), [(True, None), (False, None), (True, 7)])
def test_avg_pool2d(name: str, count_include_pad: bool, divisor: int | None, rng: np.random.Generator) -> None:
    shape, spec = POOLS[name]
    top, _, left, _ = spec.padding
    x = tensor(rng.normal(size=shape), True)
    expected = F.avg_pool2d(x, spec.kernel_size, spec.stride, (top, left), spec.ceil_mode, count_include_pad, divisor)
    close(reference.avg_pool2d_forward(np, x.detach().numpy(), spec, count_include_pad, divisor), expected)
    grad = rng.normal(size=expected.shape)
    (dx,) = torch.autograd.grad(expected, x, tensor(grad))
    close(reference.avg_pool2d_backward(np, grad, shape, spec, count_include_pad, divisor), dx)


# --- activations --------------------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[[Any, float], Any]] = {
    "identity": lambda x, alpha: x * 1,
    "relu": lambda x, alpha: F.relu(x),
    "sigmoid": lambda x, alpha: torch.sigmoid(x),
    "tanh": lambda x, alpha: torch.tanh(x),
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
}
EXTREMES = [0.0, -0.0, 1e4, -1e4, np.nan, np.inf, -np.inf]


def test_every_activation_is_compared() -> None:
    assert set(ACTIVATIONS) == set(reference.ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("alpha", [0.3, 0.0, -0.5])
def test_bias_activation(name: str, axis: int, alpha: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=(7, 4, 5))
    bias = rng.normal(size=x.shape[axis])
    if axis == 0:
        # PyTorch multiplies -inf by alpha = 0 without a word; the same NaN is a warning in NumPy.
        extremes = [value for value in EXTREMES if alpha != 0 or value != -np.inf]
        x.reshape(-1)[: len(extremes)] = extremes
        bias[0] = 0
    shape = [-1 if i == axis % 3 else 1 for i in range(3)]
    tx, tb = tensor(x, True), tensor(bias, True)
    total = tx + tb.reshape(shape)
    expected = ACTIVATIONS[name](total, alpha)
    y = reference.bias_activation_forward(np, x, bias, name, alpha, axis)
    close(y, expected)
    grad = rng.normal(size=x.shape)
    dx, db = torch.autograd.grad(expected, (tx, tb), tensor(grad))
    saved = {"output": y, "input": total.detach().numpy()}[reference.ACTIVATIONS[name].saves]
    ours = reference.bias_activation_backward(np, grad, saved, name, alpha, axis, bias_grad=True)
    close(ours[0], dx)
    close(ours[1], db)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("log", [False, True])
def test_softmax(axis: int, log: bool, rng: np.random.Generator) -> None:
    x = tensor(rng.normal(size=(3, 4, 5)) * 10.0 ** rng.integers(0, 5, size=(3, 4, 5)), True)
    expected = (F.log_softmax if log else F.softmax)(x, axis)
    y = reference.softmax_forward(np, x.detach().numpy(), axis, log)
    close(y, expected)
    grad = rng.normal(size=y.shape)
    (dx,) = torch.autograd.grad(expected, x, tensor(grad))
    np.testing.assert_allclose(reference.softmax_backward(np, grad, y, axis, log), dx, rtol=1e-9, atol=1e-10)


# --- losses -------------------------------------------------------------------------------------

REDUCTIONS = ["none", "mean", "sum"]
IGNORE = {"none ignored": (-100, 0.0), "some ignored": (2, 0.4), "all ignored": (-7, 1.0)}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", IGNORE)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_softmax_cross_entropy(
    reduction: Any, ignored: str, label_smoothing: float, weighted: bool, scale: float, rng: np.random.Generator
) -> None:
    ignore_index, share = IGNORE[ignored]
    logits = rng.normal(size=(9, 5)) * scale
    labels = rng.integers(0, 5, size=9)
    labels[rng.random(9) < share] = ignore_index
    weight = rng.random(5) if weighted else None
    x = tensor(logits, True)
    expected = F.cross_entropy(
        x,
        tensor(labels),
        None if weight is None else tensor(weight),
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    loss, gradient = reference.softmax_cross_entropy(
        np, logits, labels, weight, ignore_index, label_smoothing, reduction
    )
    close(loss, expected)
    (dx,) = torch.autograd.grad(expected.sum(), x)
    if reduction == "mean" and ignored == "all ignored":
        assert not gradient.any()  # PyTorch gives NaN or 0 here, depending on the other options
    else:
        close(gradient, dx)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight_shape", [None, (4,), (6, 4)])
@pytest.mark.parametrize("pos_weight_shape", [None, (4,), (6, 4)])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_bce_with_logits(
    reduction: Any, weight_shape: Any, pos_weight_shape: Any, scale: float, rng: np.random.Generator
) -> None:
    logits, target = rng.normal(size=(6, 4)) * scale, rng.random((6, 4))
    weight = None if weight_shape is None else rng.random(weight_shape)
    pos_weight = None if pos_weight_shape is None else rng.random(pos_weight_shape) + 0.5
    x = tensor(logits, True)
    expected = F.binary_cross_entropy_with_logits(
        x,
        tensor(target),
        None if weight is None else tensor(weight),
        pos_weight=None if pos_weight is None else tensor(pos_weight),
        reduction=reduction,
    )
    loss, gradient = reference.bce_with_logits(np, logits, target, weight, pos_weight, reduction)
    close(loss, expected)
    (dx,) = torch.autograd.grad(expected.sum(), x)
    close(gradient, dx)


# --- optimizers ---------------------------------------------------------------------------------

STEPS = 12
SIZE = 17


def combinations(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


def compare_steps(make_torch: Any, step_ours: Any, options: dict[str, Any], rng: np.random.Generator) -> None:
    param = rng.normal(size=SIZE)
    theirs = tensor(param, True)
    optimizer = make_torch([theirs], **options, foreach=False)
    for step in range(1, STEPS + 1):
        grad = rng.normal(size=SIZE)
        theirs.grad = tensor(grad)
        optimizer.step()
        before = grad.copy()
        step_ours(param, grad, step)
        np.testing.assert_array_equal(grad, before)
        close(param, theirs)


SGD = [
    options
    for options in combinations(
        lr=(0.1,),
        momentum=(0.0, 0.9),
        dampening=(0.0, 0.3),
        nesterov=(False, True),
        weight_decay=(0.0, 0.05),
        maximize=(False, True),
    )
    if not options["nesterov"] or (options["momentum"] and not options["dampening"])
]


@pytest.mark.parametrize("options", SGD, ids=str)
def test_sgd(options: dict[str, Any], rng: np.random.Generator) -> None:
    buffer = np.full(SIZE, np.nan) if options["momentum"] else None

    def step_ours(param: np.ndarray, grad: np.ndarray, step: int) -> None:
        reference.sgd_update(np, param, grad, buffer, **options, first_step=step == 1)

    compare_steps(torch.optim.SGD, step_ours, options, rng)


ADAGRAD = combinations(
    lr=(0.1,), lr_decay=(0.0, 0.1), eps=(1e-10, 1e-2), weight_decay=(0.0, 0.05), maximize=(False, True)
)


@pytest.mark.parametrize("options", ADAGRAD, ids=str)
def test_adagrad(options: dict[str, Any], rng: np.random.Generator) -> None:
    square_sum = np.zeros(SIZE)

    def step_ours(param: np.ndarray, grad: np.ndarray, step: int) -> None:
        reference.adagrad_update(np, param, grad, square_sum, **options, step=np.asarray(step))

    compare_steps(torch.optim.Adagrad, step_ours, options, rng)


ADADELTA = combinations(
    lr=(1.0, 0.3), rho=(0.9, 0.5), eps=(1e-6, 1e-2), weight_decay=(0.0, 0.05), maximize=(False, True)
)


@pytest.mark.parametrize("options", ADADELTA, ids=str)
def test_adadelta(options: dict[str, Any], rng: np.random.Generator) -> None:
    square_avg, acc_delta = np.zeros(SIZE), np.zeros(SIZE)

    def step_ours(param: np.ndarray, grad: np.ndarray, step: int) -> None:
        reference.adadelta_update(np, param, grad, square_avg, acc_delta, **options)

    compare_steps(torch.optim.Adadelta, step_ours, options, rng)


RMSPROP = combinations(
    lr=(0.01,),
    alpha=(0.99, 0.5),
    eps=(1e-8, 1e-2),
    momentum=(0.0, 0.9),
    centered=(False, True),
    weight_decay=(0.0, 0.05),
    maximize=(False, True),
)


@pytest.mark.parametrize("options", RMSPROP, ids=str)
def test_rmsprop(options: dict[str, Any], rng: np.random.Generator) -> None:
    square_avg = np.zeros(SIZE)
    grad_avg = np.zeros(SIZE) if options["centered"] else None
    buffer = np.zeros(SIZE) if options["momentum"] else None
    ours = {name: value for name, value in options.items() if name != "centered"}

    def step_ours(param: np.ndarray, grad: np.ndarray, step: int) -> None:
        reference.rmsprop_update(np, param, grad, square_avg, grad_avg, buffer, **ours)

    compare_steps(torch.optim.RMSprop, step_ours, options, rng)


ADAM = combinations(
    lr=(0.01,),
    betas=((0.9, 0.999), (0.5, 0.7)),
    eps=(1e-8, 1e-2),
    weight_decay=(0.0, 0.05),
    amsgrad=(False, True),
    maximize=(False, True),
)


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("scalars_as_arrays", [False, True])
@pytest.mark.parametrize("options", ADAM, ids=str)
def test_adam(options: dict[str, Any], decoupled: bool, scalars_as_arrays: bool, rng: np.random.Generator) -> None:
    exp_avg, exp_avg_sq = np.zeros(SIZE), np.zeros(SIZE)
    largest = np.zeros(SIZE) if options["amsgrad"] else None
    ours = {name: value for name, value in options.items() if name not in ("betas", "amsgrad", "lr")}
    ours |= dict(zip(("beta1", "beta2"), options["betas"], strict=True))
    scalar: Callable[[float], Any] = np.asarray if scalars_as_arrays else lambda value: value

    def step_ours(param: np.ndarray, grad: np.ndarray, step: int) -> None:
        reference.adam_update(
            np, param, grad, exp_avg, exp_avg_sq, largest,
            **ours, lr=scalar(options["lr"]), step=scalar(step), decoupled=decoupled,
        )  # fmt: skip

    compare_steps(torch.optim.AdamW if decoupled else torch.optim.Adam, step_ours, options, rng)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])  # at NaN, PyTorch's ELU depends on the vector width
def test_infinite_gradients_stay_out_of_dead_units(activation: str) -> None:
    """At a unit whose derivative is 0, PyTorch chooses 0 rather than multiplying infinity by it."""
    x = torch.tensor([-1.0, 0.0, 2.0, float("nan")], dtype=torch.float64, requires_grad=True)
    functions = {"relu": torch.relu, "leaky_relu": torch.nn.functional.leaky_relu}
    y = functions[activation](x)
    grad = torch.tensor([float("inf"), float("inf"), float("-inf"), 3.0], dtype=torch.float64)
    (expected,) = torch.autograd.grad(y, x, grad)
    saved = (y if reference.ACTIVATIONS[activation].saves == "output" else x).detach().numpy()
    alpha = {"relu": 0.0, "leaky_relu": 0.01}[activation]
    for backend in (None, dl.device("numpy").backend):
        if backend is None:
            actual, _ = reference.bias_activation_backward(np, grad.numpy(), saved, activation, alpha)
        else:
            actual, _ = backend.bias_activation_backward(grad.numpy(), saved, activation, alpha)
        np.testing.assert_array_equal(actual, expected.numpy())
