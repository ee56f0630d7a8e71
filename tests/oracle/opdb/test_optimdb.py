"""Optimizers over the settings that PyTorch's own tests use (`common_optimizers.optim_db`), and its error inputs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what its imports deprecate
    from torch.testing._internal.common_optimizers import optim_db

STEPS = 50
SHAPES = [(3, 4), (4,), (2, 1, 3)]
TOLERANCE = 1e-8
INFOS = {info.name: info for info in optim_db}

#: Optimizers that do not exist here, and why.
NOT_HERE = {
    "ASGD": "averaged SGD: ExponentialMovingAverage averages the weights of any optimizer",
    "Adafactor": "not in the course; it saves memory for very large models",
    "Adamax": "not in the course",
    "LBFGS": "not in the course; it calls the closure several times a step",
    "Muon": "not in the course; for matrices of transformers",
    "RAdam": "not in the course",
    "Rprop": "not in the course; for full batches only",
    "SparseAdam": "no sparse tensors here",
}
#: Arguments of PyTorch's that do not exist here, and why. Passing one raises.
LEFT_OUT = {
    "foreach": "chooses PyTorch's implementation; a step is one call here in any case",
    "fused": "the same",
    "capturable": "the same; a learning rate in device memory is read there in any case",
    "differentiable": "steps are not recorded",
}
#: Error inputs, by their description, that are no error here, and why.
NO_ERROR = {
    "a param group cannot have duplicate parameters": "a warning in PyTorch, too; it counts once",
}


def here() -> list[Any]:
    return [pytest.param(name, id=name) for name in INFOS if name not in NOT_HERE]


def ours(value: Any) -> Any:
    """An argument as this library takes it."""
    return dl.tensor(value.numpy()) if isinstance(value, torch.Tensor) else value


def inputs(name: str) -> list[Any]:
    found = []
    for device in ("cpu", "cuda"):  # the latter's settings are capturable, and otherwise run on a CPU as well
        for sample in INFOS[name].optim_inputs_func(device=device):
            if sample.desc not in {other.desc for other in found}:
                found.append(sample)
    return found


SAMPLES = [
    pytest.param(name.values[0], sample.kwargs, id=f"{name.id}: {sample.desc}")
    for name in here()
    for sample in inputs(name.values[0])
]


def test_every_optimizer_is_here_or_has_a_reason() -> None:
    assert set(NOT_HERE) < set(INFOS)
    for name in INFOS:
        assert hasattr(dl.optim, name) is (name not in NOT_HERE), name


@pytest.mark.parametrize(("name", "kwargs"), SAMPLES)
def test_many_steps(name: str, kwargs: dict[str, Any], rng: np.random.Generator) -> None:
    left_out = [argument for argument in kwargs if argument in LEFT_OUT]
    here = {argument: ours(value) for argument, value in kwargs.items()}
    p = dl.nn.Parameter(dl.ones(2))
    for argument in left_out:
        with pytest.raises(TypeError, match=argument):
            getattr(dl.optim, name)([p], **{argument: here.pop(argument)})
    if any(isinstance(beta, torch.Tensor) for beta in kwargs.get("betas", ())):
        with pytest.raises(ValueError, match="betas must be two numbers"):
            getattr(dl.optim, name)([p], betas=tuple(map(ours, kwargs["betas"])))
        here["betas"] = tuple(beta.item() for beta in kwargs["betas"])
    there = {argument: value for argument, value in kwargs.items() if argument not in LEFT_OUT}
    if "betas" in here:
        there["betas"] = here["betas"]
    if isinstance(there.get("lr"), torch.Tensor):
        there["lr"] = there["lr"].double()  # PyTorch computes 1 - lr * weight_decay in the precision of lr

    start = [rng.normal(size=shape) for shape in SHAPES]
    mine = [dl.nn.Parameter(dl.tensor(x)) for x in start]
    other = [torch.nn.Parameter(torch.tensor(x)) for x in start]
    optimizers = getattr(dl.optim, name)(mine, **here), getattr(torch.optim, name)(other, **there)
    for _ in range(STEPS):
        for q, r in zip(mine, other, strict=True):
            factor = rng.normal(size=q.shape)
            (q * q * dl.tensor(factor)).sum().backward()
            (r * r * torch.tensor(factor)).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    for q, r in zip(mine, other, strict=True):
        np.testing.assert_allclose(q.numpy(), r.detach().numpy(), rtol=TOLERANCE, atol=TOLERANCE, strict=True)


def errors() -> list[Any]:
    found = []
    for name in here():
        for error in INFOS[name.values[0]].optim_error_inputs_func(device="cpu", dtype=torch.float64):
            sample = error.optimizer_error_input
            found.append(pytest.param(name.values[0], sample, id=f"{name.id}: {sample.desc}"))
    return found


def converted(params: Any) -> Any:
    """The same parameters in this library; one that is there twice stays one."""
    known: dict[int, Any] = {}

    def convert(thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            return known.setdefault(id(thing), dl.nn.Parameter(dl.tensor(thing.detach().numpy())))
        if isinstance(thing, dict):
            return {key: convert(value) if key == "params" else value for key, value in thing.items()}
        return type(thing)(map(convert, thing)) if isinstance(thing, list | tuple) else thing

    return convert(params)


@pytest.mark.parametrize(("name", "sample"), errors())
def test_error_inputs_raise(name: str, sample: Any) -> None:
    p = dl.nn.Parameter(dl.ones((1, 1)))
    params = [p] if sample.params is None else converted(sample.params)
    kwargs = {
        key: tuple(map(ours, value)) if isinstance(value, tuple) else ours(value)
        for key, value in sample.kwargs.items()
    }
    if sample.desc in NO_ERROR:
        assert len(getattr(dl.optim, name)(params, **kwargs).param_groups[0]["params"]) == 1
        return
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(dl.optim, name)(params, **kwargs)
    assert str(caught.value)


@pytest.mark.parametrize("name", here())
@pytest.mark.parametrize("argument", LEFT_OUT)
def test_what_is_left_out_raises(name: str, argument: str) -> None:
    with pytest.raises(TypeError, match=argument):
        getattr(dl.optim, name)([dl.nn.Parameter(dl.ones(2))], **{argument: True})
