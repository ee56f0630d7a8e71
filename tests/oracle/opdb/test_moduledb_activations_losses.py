"""Activations and losses as modules, over the inputs of PyTorch's own tests of its modules (`module_db`).

Values, first and second gradients in float64 of everything whose arguments exist here; what is left out is in one
table with its reason, and raises.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import ERRORS, close, convert, host, quiet, weight

import dlcore as dl
from dlcore.nn import functional as F

torch = pytest.importorskip("torch", exc_type=ImportError)

MODULES = (
    "ReLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax", "Softmin", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU",
    "CELU", "GELU", "SiLU", "Mish", "Softplus", "LogSigmoid", "Softsign", "Tanhshrink", "Hardtanh", "Hardswish",
    "Threshold", "Hardshrink", "Softshrink", "GLU", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss",
    "BCEWithLogitsLoss", "CrossEntropyLoss", "NLLLoss", "KLDivLoss", "PoissonNLLLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "SoftMarginLoss", "MarginRankingLoss", "MultiMarginLoss",
    "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss",
    "CosineEmbeddingLoss",
)  # fmt: skip
#: Arguments of constructors that do not exist here, with what is so.
LEFT_OUT = {
    "inplace": "nothing works in place",
    "size_average": "deprecated",
    "reduce": "deprecated",
}
#: Constructed without an argument that must be given here.
REQUIRED = {"dim": ("Softmax", "LogSoftmax", "Softmin")}
#: PyTorch has no second derivative; or NaN in it where the target is 0.
ONCE, NAN_THERE = ("MultiMarginLoss", "MultiLabelMarginLoss"), ("KLDivLoss",)
RTOL = 1e-7


@cache
def infos() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db

    return {info.module_cls.__name__: info for info in module_db}


def inputs(name: str, rng: np.random.Generator) -> list[Any]:
    torch.manual_seed(int(rng.integers(2**32)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(
            infos()[name].module_inputs_func(
                infos()[name], device="cpu", dtype=torch.float64, requires_grad=True, training=True
            )
        )


def built(name: str, given: Any, theirs: Any) -> Any:
    """Our module from the arguments of PyTorch's, with its state."""
    arguments, keywords = [convert(x, []) for x in given.args], {k: convert(x, []) for k, x in given.kwargs.items()}
    module = getattr(dl.nn, name)(*arguments, **keywords)
    module.to("float64")
    if theirs is not None:
        module.load_state_dict({key: host(value) for key, value in theirs.state_dict().items()})
    return module


@pytest.mark.every_device
@pytest.mark.parametrize("name", MODULES)
def test_values_and_gradients(name: str, rng: np.random.Generator) -> None:
    compared = 0
    for number, given in enumerate(inputs(name, rng)):
        constructor, forward = given.constructor_input, given.forward_input
        required = [key for key, names in REQUIRED.items() if name in names]
        left_out = [key for key in LEFT_OUT if key in constructor.kwargs]
        if left_out or any(key not in constructor.kwargs and not constructor.args for key in required):
            with pytest.raises(TypeError):
                built(name, constructor, None)
            continue
        try:
            compare(name, constructor, forward, rng)
        except BaseException as error:
            shapes = [getattr(x, "shape", x) for x in forward.args]
            error.add_note(f"input {number} of {name}: {constructor.kwargs}, {shapes}")
            raise
        compared += 1
    assert compared


def compare(name: str, constructor: Any, forward: Any, rng: np.random.Generator) -> None:
    theirs = infos()[name].module_cls(*constructor.args, **constructor.kwargs).to(torch.float64)
    ours = built(name, constructor, theirs)
    pairs: list[tuple[Any, Any]] = []
    given = [leaf(x) for x in forward.args]  # some are functions of one another
    arguments = [convert(x, pairs) for x in given]
    assert not forward.kwargs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        their_output = theirs(*given)
    with quiet():
        our_output = ours(*arguments)
    close(our_output.numpy(), host(their_output), RTOL, "output")
    leaves = [(a, b) for a, b in pairs if b.requires_grad]
    leaves += [(a, b) for (_, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True)]
    if not leaves:
        return
    ends = [(our_output, their_output)]
    twice = infos()[name].supports_gradgrad and name not in ONCE
    for order in ("gradient", "second gradient") if twice else ("gradient",):
        ends = [(a, b) for a, b in ends if a is not None and b is not None and a.requires_grad and b.requires_grad]
        if not ends:
            return
        weights = [weight(rng, host(b)) for _, b in ends]
        graph = order == "gradient" and twice
        with quiet():
            mine = dl.grad(
                [a for a, _ in ends], [a for a, _ in leaves], [dl.tensor(w) for w in weights],
                create_graph=graph, retain_graph=True, allow_unused=True,
            )  # fmt: skip
        other = torch.autograd.grad(
            [b for _, b in ends], [b for _, b in leaves], [torch.from_numpy(w) for w in weights],
            create_graph=graph, retain_graph=True, allow_unused=True,
        )  # fmt: skip
        for i, (a, b) in enumerate(zip(mine, other, strict=True)):
            zero = np.zeros(leaves[i][0].shape)
            left, right = zero if a is None else a.numpy(), zero if b is None else host(b)
            if name in NAN_THERE:
                left, right = left[~np.isnan(right)], right[~np.isnan(right)]
            close(left, right, RTOL, f"{order} {i}")
        ends = list(zip(mine, other, strict=True))


def leaf(x: Any) -> Any:
    return x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x


@pytest.mark.parametrize("name", MODULES)
def test_error_inputs(name: str) -> None:
    info = infos()[name]
    if info.module_error_inputs_func is None:
        return
    for bad in info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=False, training=True
    ):
        given = bad.module_error_input
        with pytest.raises(ERRORS), quiet():
            called(name, given)


def called(name: str, given: Any) -> None:
    module = built(name, given.constructor_input, None)
    if given.forward_input is not None:
        module(*[convert(x, []) for x in given.forward_input.args])


def test_modules_that_are_not_here() -> None:
    """Of PyTorch's table, so that a new entry is not overlooked."""
    losses = {name for name in infos() if name.endswith("Loss") and name not in MODULES}
    assert losses == {"CTCLoss", "LinearCrossEntropyLoss"}
    assert "Softmax2d" in infos()  # Softmax(dim=-3)


# --- what PyTorch does not have ---------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_rmse_and_hinge(reduction: str, rng: np.random.Generator) -> None:
    """F.rmse_loss, F.hinge_loss and their modules against the same formulas of PyTorch's."""
    x, t, signs = rng.normal(size=12), rng.normal(size=12), np.sign(rng.normal(size=12))
    reduced = {"mean": torch.mean, "sum": torch.sum, "none": lambda a: a}[reduction]
    for function, module, target, formula in (
        (F.rmse_loss, "RMSELoss", t, lambda a, b: torch.sqrt(reduced((a - b) ** 2))),
        (F.hinge_loss, "HingeLoss", signs, lambda a, b: reduced(torch.relu(1 - a * b))),
    ):
        mine = [dl.tensor(x, requires_grad=True), dl.tensor(target)]
        other = [torch.tensor(x, requires_grad=True), torch.tensor(target)]
        y, ty = function(*mine, reduction=reduction), formula(*other)
        close(y.numpy(), host(ty), RTOL, "value")
        np.testing.assert_array_equal(getattr(dl.nn, module)(reduction)(*mine).numpy(), y.numpy())
        w = weight(rng, host(ty))
        (first,) = dl.grad(y, mine[0], dl.tensor(w), create_graph=True)
        (tfirst,) = torch.autograd.grad(ty, other[0], torch.from_numpy(w), create_graph=True)
        close(first.numpy(), host(tfirst), RTOL, "gradient")
        if function is F.rmse_loss and reduction != "none":  # the others are made of straight lines
            second, tsecond = dl.grad((first**3).sum(), mine[0])[0], torch.autograd.grad((tfirst**3).sum(), other[0])
            np.testing.assert_allclose(second.numpy(), host(tsecond[0]), rtol=RTOL, atol=1e-12)


def test_rmse_of_equal_numbers_has_gradient_0() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    F.rmse_loss(x, dl.tensor([1.0, 2.0])).backward()
    assert x.grad.tolist() == [0.0, 0.0]
    assert F.heaviside(x).tolist() == [1.0, 1.0]
