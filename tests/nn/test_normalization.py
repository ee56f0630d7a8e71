"""Normalisation: what it is for, its running statistics, its precision, and what it refuses."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import DTypeError, ShapeError, nn
from dlcore.nn import functional as F

SHAPES = [(16, 3), (8, 3, 5), (4, 3, 5, 6)]


def channels_last(x: dl.Tensor) -> np.ndarray[Any, Any]:
    """(values, C)"""
    return np.moveaxis(x.numpy(), 1, -1).reshape(-1, x.shape[1])


# --- what comes out -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_batch_has_mean_0_and_variance_1_in_each_channel(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = dl.tensor(3 + 2 * rng.normal(size=shape))
    y = channels_last(F.batch_norm(x, None, None, training=True, eps=1e-12))
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-9)
    weight, bias = dl.tensor(rng.normal(size=3)), dl.tensor(rng.normal(size=3))
    scaled = channels_last(F.batch_norm(x, None, None, weight, bias, training=True, eps=1e-12))
    np.testing.assert_allclose(scaled, y * weight.numpy() + bias.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_a_group_has_mean_0_and_variance_1_in_each_sample(groups: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 6, 5, 3))
    y = F.group_norm(dl.tensor(x), groups, eps=0.0).numpy().reshape(4, groups, -1)
    np.testing.assert_allclose(y.mean(axis=2), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=2), 1, rtol=1e-9)


def test_layer_and_instance_norm_are_the_extremes_of_group_norm(rng: np.random.Generator) -> None:
    x, w, b = dl.tensor(rng.normal(size=(4, 6, 5))), dl.tensor(rng.normal(size=6)), dl.tensor(rng.normal(size=6))
    np.testing.assert_allclose(
        F.instance_norm(x, weight=w, bias=b).numpy(), F.group_norm(x, 6, w, b).numpy(), rtol=1e-12
    )
    np.testing.assert_allclose(F.layer_norm(x, (6, 5)).numpy(), F.group_norm(x, 1).numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("mean", [0.0, 100.0, 1e4])
def test_a_large_mean_costs_no_precision(dtype: str, mean: float, rng: np.random.Generator) -> None:
    """A mean or a variance computed naively in float32 would be off by a thousandth, or all wrong."""
    if dtype == "float16" and mean == 1e4:
        return  # its last bit there is 8
    x = (mean + rng.normal(size=(32, 3, 7, 7))).astype(dtype)
    exact = x.astype(np.float64)
    limit = 2e-3 if dtype == "float16" else 1e-5

    def normalised(axes: tuple[int, ...]) -> Any:
        deviation = exact - exact.mean(axis=axes, keepdims=True)
        return deviation / np.sqrt((deviation**2).mean(axis=axes, keepdims=True) + 1e-5)

    for y, axes in (
        (F.batch_norm(dl.tensor(x), None, None, training=True), (0, 2, 3)),
        (F.layer_norm(dl.tensor(x), x.shape[1:]), (1, 2, 3)),
        (F.instance_norm(dl.tensor(x)), (2, 3)),
    ):
        assert y.dtype == dtype
        np.testing.assert_allclose(y.numpy(), normalised(axes), rtol=0, atol=limit * 4)


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_at_a_large_mean(create_graph: bool, rng: np.random.Generator) -> None:
    """Shifting the input changes no gradient: float32 at 1e4 gives what float64 gives."""
    x, seed = (1e4 + rng.normal(size=(16, 3, 5, 5))).astype(np.float32), rng.normal(size=(16, 3, 5, 5))

    def gradient(function: Callable[[dl.Tensor], dl.Tensor], dtype: str) -> Any:
        leaf = dl.tensor(x.astype(dtype), requires_grad=True)
        return dl.grad(function(leaf), leaf, dl.tensor(seed.astype(dtype)), create_graph=create_graph)[0].numpy()

    for function in (
        lambda t: F.batch_norm(t, None, None, training=True),
        lambda t: F.layer_norm(t, (3, 5, 5)),
        lambda t: F.group_norm(t, 3),
    ):
        exact = gradient(function, "float64")
        np.testing.assert_allclose(gradient(function, "float32"), exact, rtol=0, atol=2e-5 * np.abs(exact).max())


RUNNING = dl.tensor([0.3, -0.2], dtype="float64"), dl.tensor([0.7, 1.4], dtype="float64")
DIFFERENTIATED: list[tuple[Callable[..., dl.Tensor], tuple[int, ...], int]] = [  # shape of x, and the size of a weight
    (lambda x, w, b: F.batch_norm(x, None, None, w, b, True, eps=0.1), (3, 2, 2), 2),
    (lambda x, w, b: F.batch_norm(x, *RUNNING, w, b, eps=0.1), (3, 2, 2), 2),
    (lambda x, w, b: F.layer_norm(x, 3, w, b, eps=0.1), (2, 2, 3), 3),
    (lambda x, w, b: F.group_norm(x, 2, w, b, eps=0.1), (2, 4, 2), 4),
    (lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=0.1), (2, 2, 3), 2),
    (lambda x, w, b: F.rms_norm(x, 3, w, eps=0.1) + b, (2, 3), 3),
]


@pytest.mark.parametrize(("function", "shape", "size"), DIFFERENTIATED)
def test_first_and_second_derivative(
    function: Callable[..., dl.Tensor], shape: tuple[int, ...], size: int, rng: np.random.Generator
) -> None:
    inputs = [dl.tensor(rng.normal(size=s), requires_grad=True) for s in (shape, (size,), (size,))]
    assert dl.gradcheck(lambda *x: dl.square(function(*x)), inputs, second_order=True)


def test_constant_channels_are_normalised_to_zero() -> None:
    x = dl.full((4, 2, 3), 0.1, dtype="float32").requires_grad_()
    for y in (F.batch_norm(x, None, None, training=True), F.layer_norm(x, (3,)), F.group_norm(x, 1)):
        np.testing.assert_allclose(y.numpy(), 0, atol=1e-5)
        (gradient,) = dl.grad((y * y).sum(), x)
        np.testing.assert_allclose(gradient.numpy(), 0, atol=1e-2)


def test_rows_of_one_element_are_zero_and_have_no_gradient() -> None:
    x = dl.tensor([[3.0], [-2.0]], requires_grad=True)
    y = F.layer_norm(x, (1,))
    y.sum().backward()
    assert y.tolist() == [[0.0], [0.0]]
    assert x.grad.tolist() == [[0.0], [0.0]]


def test_a_nan_stays_in_its_channel_or_sample() -> None:
    x = np.ones((4, 3, 2), np.float32)
    x[1, 2, 0] = np.nan
    batch = np.isnan(F.batch_norm(dl.tensor(x), None, None, training=True).numpy())
    assert batch[:, 2].all()
    assert not batch[:, :2].any()
    layer = np.isnan(F.layer_norm(dl.tensor(x), (3, 2)).numpy())
    assert layer[1].all()
    assert not layer[[0, 2, 3]].any()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3), (1, 2, 3, 0), (0, 2, 3, 1), (3, 1, 2, 0)], ids=str)
def test_the_order_in_memory_does_not_matter(order: tuple[int, ...], rng: np.random.Generator) -> None:
    values, seed = rng.normal(size=(2, 5, 4, 6, 7))
    weight, bias = dl.tensor(rng.normal(size=4)), dl.tensor(rng.normal(size=4))
    inverse = [order.index(axis) for axis in range(4)]

    def results(x: Any) -> list[Any]:
        leaf = dl.asarray(x).detach().requires_grad_()
        found = []
        for y in (F.batch_norm(leaf, None, None, weight, bias, True), F.group_norm(leaf, 2, weight, bias)):
            found += [y.numpy(), dl.grad(y, leaf, dl.asarray(seed))[0].numpy()]
        return found

    for actual, expected in zip(
        results(np.ascontiguousarray(values.transpose(order)).transpose(inverse)), results(values), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


# --- running statistics -------------------------------------------------------------------------


def test_running_statistics_move_once_for_each_forward_in_training(rng: np.random.Generator) -> None:
    norm, x = nn.BatchNorm1d(2, momentum=0.25).to("float64"), rng.normal(size=(10, 2))
    norm(dl.tensor(x)).sum().backward()
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.25 * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(norm.running_var.numpy(), 0.75 + 0.25 * x.var(axis=0, ddof=1), rtol=1e-12)
    assert norm.num_batches_tracked.item() == 1
    with dl.no_grad():
        norm(dl.tensor(x))
    assert norm.num_batches_tracked.item() == 2


def test_without_momentum_running_statistics_are_averages(rng: np.random.Generator) -> None:
    norm, batches = nn.BatchNorm2d(3, momentum=None).to("float64"), rng.normal(size=(5, 4, 3, 2, 2))
    for x in batches:
        norm(dl.tensor(x))
    axes = (0, 2, 3)
    np.testing.assert_allclose(
        norm.running_mean.numpy(), np.mean([x.mean(axis=axes) for x in batches], axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(
        norm.running_var.numpy(), np.mean([x.var(axis=axes, ddof=1) for x in batches], axis=0), rtol=1e-12
    )


def test_evaluation_uses_running_statistics_and_changes_nothing(rng: np.random.Generator) -> None:
    norm = nn.BatchNorm1d(3).to("float64")
    for _ in range(3):
        norm(dl.tensor(rng.normal(size=(6, 3))))
    before = {name: value.numpy().copy() for name, value in norm.state_dict().items()}
    x = rng.normal(size=(1, 3))  # a single value for each channel is enough here
    for x_given in (dl.tensor(x), dl.tensor(x, requires_grad=True)):
        y = norm.eval()(x_given)
        expected = (x - before["running_mean"]) / np.sqrt(before["running_var"] + 1e-5)
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    for name, value in norm.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_tracking_that_is_switched_off_later() -> None:
    norm = nn.BatchNorm1d(2)
    norm.track_running_stats = False
    x = dl.tensor([[1.0, 2.0], [3.0, 5.0]])
    norm(x)
    assert norm.num_batches_tracked.item() == 0
    assert norm.running_mean.tolist() == [0.0, 0.0]
    np.testing.assert_allclose(norm.eval()(x).numpy(), x.numpy(), rtol=1e-4)


def test_running_statistics_that_moved_before_backward_are_noticed() -> None:
    norm = nn.BatchNorm1d(2).eval()
    y = norm(dl.ones((3, 2)).requires_grad_())
    norm.train()(dl.tensor([[1.0, 2.0], [3.0, 5.0]]))
    with pytest.raises(RuntimeError, match="modified in place"):
        y.sum().backward()


def test_a_training_step_after_another_forward_is_right(rng: np.random.Generator) -> None:
    """In training the statistics that the gradient needs are its own, whatever happens to the running ones."""
    norm, x = nn.BatchNorm1d(2).to("float64"), rng.normal(size=(5, 2))
    y = norm(dl.tensor(x))
    norm(dl.tensor(rng.normal(size=(5, 2))))
    (y * y * y).sum().backward()
    alone = nn.BatchNorm1d(2).to("float64")
    z = alone(dl.tensor(x))
    (z * z * z).sum().backward()
    np.testing.assert_array_equal(norm.weight.grad.numpy(), alone.weight.grad.numpy())


def test_an_empty_batch_moves_nothing_but_counts() -> None:
    norm = nn.BatchNorm1d(3)
    y = norm(dl.zeros((0, 3, 2)).requires_grad_())
    assert y.shape == (0, 3, 2)
    y.sum().backward()
    assert norm.weight.grad.tolist() == [0.0] * 3
    assert norm.running_mean.tolist() == [0.0] * 3
    assert norm.running_var.tolist() == [1.0] * 3
    assert norm.num_batches_tracked.item() == 1
    norm.eval()(dl.zeros((0, 3)))
    for empty in (
        F.layer_norm(dl.zeros((0, 3)), 3),
        F.layer_norm(dl.zeros((3, 0)), 0),
        F.group_norm(dl.zeros((2, 4, 0)), 2),
        F.group_norm(dl.zeros((0, 4, 2)), 2),
    ):
        assert empty.size == 0


def test_instance_norm_moves_running_statistics_to_the_averages_of_samples(rng: np.random.Generator) -> None:
    x, mean, var = rng.normal(size=(4, 3, 6)), dl.zeros(3, dtype="float64"), dl.ones(3, dtype="float64")
    F.instance_norm(dl.tensor(x), mean, var, momentum=0.5)
    np.testing.assert_allclose(mean.numpy(), 0.5 * x.mean(axis=2).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(var.numpy(), 0.5 + 0.5 * x.var(axis=2, ddof=1).mean(axis=0), rtol=1e-9)


# --- layers -------------------------------------------------------------------------------------


def test_state_survives_saving_copying_and_moving(rng: np.random.Generator) -> None:
    norm = nn.BatchNorm1d(3)
    norm(dl.tensor(rng.normal(size=(6, 3)).astype(np.float32)))
    x = dl.tensor(rng.normal(size=(2, 3)).astype(np.float32))
    expected = norm.eval()(x).numpy()
    loaded = nn.BatchNorm1d(3).eval()
    loaded.load_state_dict(norm.state_dict())
    for other in (loaded, copy.deepcopy(norm), pickle.loads(pickle.dumps(norm))):
        np.testing.assert_array_equal(other(x).numpy(), expected)
        assert other.num_batches_tracked.dtype == dl.int64
    wide = norm.to("float64")
    assert [str(value.dtype) for value in wide.state_dict().values()] == ["float64"] * 4 + ["int64"]


def test_resetting() -> None:
    norm = nn.BatchNorm2d(2)
    norm(dl.tensor(np.arange(16.0, dtype=np.float32).reshape(2, 2, 2, 2)))
    nn.init.constant_(norm.weight, 3.0)
    norm.reset_running_stats()
    assert (norm.running_mean.tolist(), norm.running_var.tolist(), norm.num_batches_tracked.item()) == (
        [0, 0],
        [1, 1],
        0,
    )
    norm.reset_parameters()
    assert norm.weight.tolist() == [1.0, 1.0]
    for layer in (nn.LayerNorm(2), nn.GroupNorm(1, 2), nn.RMSNorm(2)):
        nn.init.constant_(layer.weight, 3.0)
        layer.reset_parameters()
        assert layer.weight.tolist() == [1.0, 1.0]
    for bare in (nn.BatchNorm1d(2, affine=False, track_running_stats=False), nn.LayerNorm(2, elementwise_affine=False)):
        bare.reset_parameters()
        assert not list(bare.state_dict())


def test_without_running_statistics_evaluation_normalises_by_the_batch() -> None:
    norm = nn.BatchNorm1d(1, track_running_stats=False).eval()
    assert norm(dl.tensor([[1.0], [3.0]])).numpy() == pytest.approx(np.array([[-1.0], [1.0]]), abs=1e-4)


def test_frozen_parameters_get_no_gradient() -> None:
    for norm in (nn.BatchNorm1d(3), nn.LayerNorm(3), nn.GroupNorm(1, 3)):
        norm.requires_grad_(False)
        x = dl.tensor([[1.0, 2.0, 4.0], [0.0, 1.0, 5.0]], requires_grad=True)
        (norm(x) ** 2).sum().backward()
        assert norm.weight.grad is None
        assert x.grad is not None


def test_gradients_land_in_the_buffers_of_the_optimizer(rng: np.random.Generator) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LayerNorm(4), nn.GroupNorm(2, 4)).to("float64")
    plain = copy.deepcopy(model)
    optimizer = dl.optim.SGD(model.parameters(), lr=0.1)
    x = dl.tensor(rng.normal(size=(5, 3)))
    for _ in range(2):
        for module in (model, plain):
            module.zero_grad()
            (module(x) ** 3).sum().backward()
        for mine, other in zip(model.parameters(), plain.parameters(), strict=True):
            np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-10, atol=1e-12)
        optimizer.step()
        plain.load_state_dict(model.state_dict())


def test_printing() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3, momentum=None), nn.GroupNorm(2, 4), nn.LayerNorm((2, 3)), nn.RMSNorm(4))
    assert repr(model) == (
        "Sequential(\n"
        "  (0): BatchNorm2d(3, eps=1e-05, momentum=None, affine=True, bias=True, track_running_stats=True)\n"
        "  (1): GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)\n"
        "  (2): LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True)\n"
        "  (3): RMSNorm((4,), eps=None, elementwise_affine=True)\n"
        ")"
    )


# --- bad input ----------------------------------------------------------------------------------

X = dl.ones((4, 3))
THREE, TWO = dl.ones(3), dl.ones(2)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no channels": (lambda: F.batch_norm(THREE, None, None, training=True), ShapeError, r"must have shape \(N, C"),
    "integers": (lambda: F.batch_norm(dl.ones((4, 3), dtype="int64"), None, None, training=True), DTypeError, "float"),
    "an array": (lambda: F.batch_norm(np.ones((4, 3)), None, None, training=True), TypeError, "input must be a Tensor"),
    "weight's shape": (lambda: F.batch_norm(X, None, None, TWO, training=True), ShapeError, r"must have shape \(3,\)"),
    "bias's dtype": (
        lambda: F.batch_norm(X, None, None, THREE, dl.ones(3, dtype="float64"), training=True), DTypeError, "dtype"),
    "running mean's shape": (lambda: F.batch_norm(X, TWO, THREE, training=True), ShapeError, "running_mean must have"),
    "running statistics by halves": (lambda: F.batch_norm(X, THREE, None, training=True), ValueError, "both be given"),
    "running statistics with a gradient": (
        lambda: F.batch_norm(X, dl.ones(3).requires_grad_(), THREE), RuntimeError, "running_mean has no gradient"),
    "nothing to normalise by": (lambda: F.batch_norm(X, None, None), ValueError, "must be given when training=False"),
    "one value": (lambda: F.batch_norm(dl.ones((1, 3)), None, None, training=True), ValueError, "more than 1 value"),
    "one value in a layer": (lambda: nn.BatchNorm2d(3)(dl.ones((1, 3, 1, 1))), ValueError, "BatchNorm2d: expected"),
    "eps in training": (lambda: F.batch_norm(X, None, None, training=True, eps=0.0), ValueError, "eps must be above 0"),
    "eps": (lambda: F.layer_norm(X, 3, eps="a"), TypeError, "layer_norm: eps must be a number"),  # type: ignore[arg-type]
    "momentum": (lambda: F.batch_norm(X, None, None, training=True, momentum=None), TypeError, "momentum"),  # type: ignore[arg-type]
    "momentum of instances": (lambda: F.instance_norm(dl.ones((2, 3, 4)), momentum=None), TypeError, "momentum"),  # type: ignore[arg-type]
    "images for BatchNorm1d": (lambda: nn.BatchNorm1d(3)(dl.ones((2, 3, 4, 4))), ShapeError, "2 or 3 dimensions"),
    "rows for BatchNorm2d": (lambda: nn.BatchNorm2d(3)(dl.ones((2, 3))), ShapeError, "4 dimensions"),
    "channels": (lambda: nn.BatchNorm1d(3)(dl.ones((2, 4))), ShapeError, r"BatchNorm1d: weight must have shape \(4,\)"),
    "no features": (lambda: nn.BatchNorm1d(0), ValueError, "num_features must be an int >= 1"),
    "momentum of a layer": (lambda: nn.BatchNorm1d(3, momentum="a"), TypeError, "momentum must be"),  # type: ignore[arg-type]
    "another size": (lambda: F.layer_norm(X, (4,)), ShapeError, r"does not end in normalized_shape=\(4,\)"),
    "too many axes": (lambda: F.layer_norm(X, (2, 4, 3)), ShapeError, "does not end in"),
    "no axes": (lambda: F.layer_norm(X, ()), ValueError, "at least one size"),
    "weight of a layer norm": (lambda: F.layer_norm(X, (3,), TWO), ShapeError, "weight must have shape"),
    "rms size": (lambda: F.rms_norm(X, (4,)), ShapeError, "rms_norm: input of shape"),
    "groups": (lambda: F.group_norm(X, 2), ShapeError, "3 channels are no multiple of num_groups=2"),
    "no groups": (lambda: F.group_norm(X, 0), ValueError, "num_groups must be an int >= 1"),
    "group norm of a vector": (lambda: F.group_norm(THREE, 1), ShapeError, "group_norm: input must have shape"),
    "one value in a group": (lambda: F.group_norm(dl.ones((1, 3)), 3), ValueError, "more than 1 value"),
    "groups of a layer": (lambda: nn.GroupNorm(2, 3), ValueError, "num_channels=3 must be a multiple of num_groups=2"),
    "one place": (lambda: F.instance_norm(dl.ones((2, 3, 1))), ValueError, "more than 1 place"),
    "instance norm of a vector": (lambda: F.instance_norm(THREE), ShapeError, "instance_norm: input must have shape"),
    "instance statistics by halves": (
        lambda: F.instance_norm(dl.ones((2, 3, 4)), THREE, None), ValueError, "both be given"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_bad_input_changes_no_running_statistics() -> None:
    norm = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="more than 1 value"):
        norm(dl.ones((1, 3)))
    assert norm.num_batches_tracked.item() == 0
    assert norm.running_var.tolist() == [1.0, 1.0, 1.0]
