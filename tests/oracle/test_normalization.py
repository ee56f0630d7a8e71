"""Normalisation and embeddings against PyTorch: values, gradients of two orders, running statistics, whole networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle.models import batch_norm_cnn, resnet18

import dlcore as dl
import dlcore.nn.functional as F

torch = pytest.importorskip("torch", exc_type=ImportError)

Array = np.ndarray[Any, Any]
SHAPES = [(5, 4), (4, 3, 5), (3, 4, 4, 5), (2, 1, 3, 2), (2, 3, 2, 2, 3)]


def close(mine: Any, theirs: Any, limit: float, what: str) -> None:
    expected = theirs.detach().numpy()
    assert mine.dtype == expected.dtype, what
    scale = np.abs(expected).max(initial=1e-300)
    np.testing.assert_allclose(mine.numpy(), expected, rtol=limit, atol=limit * scale, err_msg=what, strict=True)


def compare(
    here: Callable[..., Any],
    there: Callable[..., Any],
    arrays: list[Array],
    rng: np.random.Generator,
    limit: float = 1e-7,
    second: bool = True,
) -> None:
    """The value, the gradients, the same as part of a graph, and gradients of those, also for the incoming gradient."""
    mine = [dl.tensor(x, requires_grad=True) for x in arrays]
    other = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = here(*mine), there(*other)
    close(y, z, limit, "value")
    seed = np.asarray(rng.normal(size=y.shape), arrays[0].dtype)
    a, b = dl.tensor(seed, requires_grad=True), torch.tensor(seed, requires_grad=True)
    plain = dl.grad(y, mine, a.detach(), retain_graph=True)
    expected = torch.autograd.grad(z, other, b, create_graph=True)
    for i, (gradient, wanted) in enumerate(zip(plain, expected, strict=True)):
        close(gradient, wanted, limit, f"gradient {i}")
    if not second:
        return
    recorded = dl.grad(y, mine, a, create_graph=True)
    for i, (gradient, wanted) in enumerate(zip(recorded, expected, strict=True)):
        close(gradient, wanted, limit, f"recorded gradient {i}")
    seeds = [rng.normal(size=gradient.shape) for gradient in plain]
    found = dl.grad(recorded, [*mine, a], [dl.tensor(s) for s in seeds], allow_unused=True)
    wanted_second = torch.autograd.grad(
        expected, [*other, b], [torch.tensor(s) for s in seeds], allow_unused=True, materialize_grads=True
    )
    for i, (gradient, wanted) in enumerate(zip(found, wanted_second, strict=True)):
        close(dl.zeros_like(([*mine, a])[i]) if gradient is None else gradient, wanted, limit, f"second gradient {i}")


def affine(rng: np.random.Generator, shape: tuple[int, ...], given: str, dtype: str) -> list[Array]:
    return [np.asarray(rng.normal(size=shape), dtype) for _ in given]


# "wb": weight and bias, "w": the weight alone, "b": the bias alone
GIVEN = ["wb", "w", "b", ""]


def by_name(given: str, tensors: tuple[Any, ...]) -> dict[str, Any]:
    return {{"w": "weight", "b": "bias"}[name]: t for name, t in zip(given, tensors, strict=True)}


def theirs_by_name(given: str, tensors: tuple[Any, ...]) -> dict[str, Any]:
    """A bias alone comes with a weight of ones: PyTorch's second derivatives fail without."""
    named = by_name(given, tensors)
    return {"weight": torch.ones_like(tensors[0]), **named} if given == "b" else named


@pytest.mark.every_device
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(shape: tuple[int, ...], given: str, training: bool, rng: np.random.Generator) -> None:
    channels = shape[1]
    arrays = [rng.normal(size=shape) + 3, *affine(rng, (channels,), given, "float64")]
    running = rng.normal(size=channels), rng.uniform(0.5, 2, channels)
    kept = [dl.tensor(x) for x in running], [torch.tensor(x) for x in running]
    options: dict[str, Any] = {"training": training, "momentum": 0.3, "eps": 1e-2}
    compare(
        lambda x, *p: F.batch_norm(x, *kept[0], **by_name(given, p), **options),
        lambda x, *p: torch.nn.functional.batch_norm(x, *kept[1], **theirs_by_name(given, p), **options),
        arrays, rng,
    )  # fmt: skip
    for mine, theirs in zip(*kept, strict=True):
        close(mine, theirs, 1e-10, "running statistics")


@pytest.mark.every_device
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize(("shape", "axes"), [((5, 4), 1), ((4, 3, 5), 1), ((4, 3, 5), 2), ((2, 3, 2, 4), 3)], ids=str)
def test_layer_norm(shape: tuple[int, ...], axes: int, given: str, rng: np.random.Generator) -> None:
    sizes = shape[-axes:]
    compare(
        lambda x, *p: F.layer_norm(x, sizes, **by_name(given, p), eps=1e-3),
        lambda x, *p: torch.nn.functional.layer_norm(x, sizes, **theirs_by_name(given, p), eps=1e-3),
        [rng.normal(size=shape) + 3, *affine(rng, sizes, given, "float64")], rng,
    )  # fmt: skip
    compare(
        lambda x, *p: F.rms_norm(x, sizes, *p),
        lambda x, *p: torch.nn.functional.rms_norm(x, sizes, *p),
        [rng.normal(size=shape) + 3, *affine(rng, sizes, "w", "float64")], rng,
    )  # fmt: skip


@pytest.mark.every_device
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize(
    ("shape", "groups"), [((5, 4), 2), ((4, 6, 5), 3), ((2, 4, 3, 5), 4), ((2, 4, 2, 3), 1)], ids=str
)
def test_group_norm(shape: tuple[int, ...], groups: int, given: str, rng: np.random.Generator) -> None:
    compare(
        lambda x, *p: F.group_norm(x, groups, **by_name(given, p), eps=1e-3),
        lambda x, *p: torch.nn.functional.group_norm(x, groups, **theirs_by_name(given, p), eps=1e-3),
        [rng.normal(size=shape) + 3, *affine(rng, shape[1:2], given, "float64")], rng,
    )  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 4, 3, 5)], ids=str)
def test_instance_norm(shape: tuple[int, ...], own: bool, rng: np.random.Generator) -> None:
    channels = shape[1]
    running = rng.normal(size=channels), rng.uniform(0.5, 2, channels)
    kept = [dl.tensor(x) for x in running], [torch.tensor(x) for x in running]
    compare(
        lambda x, w, b: F.instance_norm(x, *kept[0], w, b, own, 0.3),
        lambda x, w, b: torch.nn.functional.instance_norm(x, *kept[1], w, b, own, 0.3),
        [rng.normal(size=shape), *affine(rng, (channels,), "wb", "float64")], rng,
    )  # fmt: skip
    for mine, theirs in zip(*kept, strict=True):
        close(mine, theirs, 1e-7, "running statistics")


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm"])
def test_float32(name: str, rng: np.random.Generator) -> None:
    shape = (8, 6, 7, 5)
    options: dict[str, tuple[Any, ...]] = {"batch_norm": (None, None), "layer_norm": (shape[1:],), "group_norm": (3,)}
    sizes = shape[1:] if name == "layer_norm" else shape[1:2]
    training = {"training": True} if name == "batch_norm" else {}
    arrays = [np.asarray(rng.normal(size=shape), "float32"), *affine(rng, sizes, "wb", "float32")]
    compare(
        lambda x, w, b: getattr(F, name)(x, *options[name], weight=w, bias=b, **training),
        lambda x, w, b: getattr(torch.nn.functional, name)(x, *options[name], weight=w, bias=b, **training),
        arrays, rng, 2e-5, second=False,
    )  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"padding_idx": -1}], ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)], ids=str)
def test_embedding(shape: tuple[int, ...], options: dict[str, Any], rng: np.random.Generator) -> None:
    index = rng.integers(0, 5, shape)
    compare(
        lambda w: F.embedding(dl.tensor(index), w, **options),
        lambda w: torch.nn.functional.embedding(torch.tensor(index), w, **options),
        [rng.normal(size=(5, 3))], rng, second=0 not in shape,  # PyTorch's fails there
    )  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [{"max_norm": 1.0}, {"max_norm": 1.5, "norm_type": 1.0}, {"max_norm": 0.5, "norm_type": float("inf")},
     {"scale_grad_by_freq": True}, {"scale_grad_by_freq": True, "padding_idx": 2, "max_norm": 1.0}],
    ids=str,
)  # fmt: skip
def test_embedding_layers(options: dict[str, Any], rng: np.random.Generator) -> None:
    index = rng.integers(0, 6, (4, 5))
    theirs = torch.nn.Embedding(6, 3, **options).double()
    mine = dl.nn.Embedding(6, 3, **options).to("float64")
    mine.load_state_dict({"weight": dl.tensor(theirs.weight.detach().numpy())})
    y, z = mine(dl.tensor(index)), theirs(torch.tensor(index))
    close(y, z, 1e-7, "value")
    close(mine.weight, theirs.weight, 1e-7, "weight")
    (y * y).sum().backward()
    (z * z).sum().backward()
    close(mine.weight.grad, theirs.weight.grad, 1e-7, "gradient")


# --- whole networks -----------------------------------------------------------------------------


def with_weights_of(theirs: Any, mine: Any, rng: np.random.Generator) -> None:
    """Load by name, with other numbers than the ones and zeros of new normalisation layers."""
    with torch.no_grad():
        for name, value in theirs.state_dict().items():
            if name.endswith("running_mean") or ("bn" in name and name.endswith("bias")):
                value.copy_(torch.tensor(0.1 * rng.normal(size=tuple(value.shape))))
            elif name.endswith("running_var") or ("bn" in name and name.endswith("weight")):
                value.copy_(torch.tensor(rng.uniform(0.5, 1.5, tuple(value.shape))))
    mine.load_state_dict({name: dl.tensor(value.numpy()) for name, value in theirs.state_dict().items()})


def same_step(mine: Any, theirs: Any, x: Array, labels: Array, limit: float) -> None:
    """Outputs in evaluation and training, gradients, running statistics, and everything after a step of SGD."""
    close(mine.eval()(dl.tensor(x)), theirs.eval()(torch.tensor(x)), limit, "evaluation")
    optimizers = (
        dl.optim.SGD(mine.parameters(), lr=0.05, momentum=0.9),
        torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9),
    )
    for _ in range(2):
        for optimizer in optimizers:
            optimizer.zero_grad()
        y, z = mine.train()(dl.tensor(x)), theirs.train()(torch.tensor(x))
        close(y, z, limit, "training")
        dl.nn.functional.cross_entropy(y, dl.tensor(labels)).backward()
        torch.nn.functional.cross_entropy(z, torch.tensor(labels)).backward()
        largest = max(float(p.grad.abs().max()) for p in theirs.parameters())
        for (name, p), q in zip(mine.named_parameters(), theirs.parameters(), strict=True):
            scale = max(float(q.grad.abs().max()), 1e-3 * largest)  # of biases before a normalisation it is 0
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=0, atol=limit * scale, err_msg=name)
        for optimizer in optimizers:
            optimizer.step()
    state, other = mine.state_dict(), theirs.state_dict()
    assert list(state) == list(other)
    for name, value in other.items():
        assert str(state[name].dtype) == str(value.dtype).removeprefix("torch.")
        np.testing.assert_allclose(state[name].numpy(), value.numpy(), rtol=limit, atol=limit, err_msg=name)


@pytest.mark.every_device
@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-7), ("float32", 1e-3)])
def test_a_network_with_batch_normalisation(dtype: str, limit: float, rng: np.random.Generator) -> None:
    theirs, mine = batch_norm_cnn(torch.nn).to(getattr(torch, dtype)), batch_norm_cnn(dl.nn).to(dtype)
    with_weights_of(theirs, mine, rng)
    x, labels = np.asarray(rng.normal(size=(16, 1, 12, 12)), dtype), rng.integers(0, 10, 16)
    same_step(mine, theirs, x, labels, limit)


def test_resnet18(rng: np.random.Generator) -> None:
    theirs, mine = resnet18(torch.nn, 8, 10).double(), resnet18(dl.nn, 8, 10).to("float64")
    names = list(theirs.state_dict())
    assert len(names) == 122  # as of torchvision's
    assert {"conv1.weight", "layer2.0.downsample.1.num_batches_tracked", "layer4.1.bn2.running_var"} < set(names)
    with_weights_of(theirs, mine, rng)
    same_step(mine, theirs, rng.normal(size=(2, 3, 64, 64)), rng.integers(0, 10, 2), 1e-7)
