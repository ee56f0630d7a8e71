"""Gradient clipping: what it costs, where gradients may lie, and what it refuses. Its values: tests/oracle."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.nn.utils import clip_grad_norm_, clip_grad_value_
from dlcore.optim import SGD

SIZES = (3, 4, 1, 6)  # which leave gaps in a flat buffer


def parameters(dtype: str = "float32") -> list[Parameter]:
    return [Parameter(dl.zeros(size, dtype=dtype)) for size in SIZES]


def give(members: list[Parameter], rng: np.random.Generator, without: tuple[int, ...] = ()) -> list[Any]:
    """Gradients by `backward`, so that they lie where the optimizer wants them."""
    values = [rng.normal(size=p.shape).astype(p.dtype) for p in members]
    for i, (p, value) in enumerate(zip(members, values, strict=True)):
        if i not in without:
            (p * dl.tensor(value)).sum().backward()
    return values


def norm_of(values: list[Any], without: tuple[int, ...] = ()) -> float:
    return math.sqrt(sum(float(np.sum(np.square(v, dtype="f8"))) for i, v in enumerate(values) if i not in without))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often norms and scales were asked for."""
    counted: Counter[str] = Counter()
    backend = dl.current_device().backend

    def counting(name: str) -> Callable[..., Any]:
        original = getattr(backend, name)
        return lambda *args, **kwargs: (counted.update([name]), original(*args, **kwargs))[1]

    for name in ("l2_norm", "scale", "to_host"):
        monkeypatch.setattr(backend, name, counting(name))
    return counted


# --- where the gradients lie --------------------------------------------------------------------------------


def test_one_norm_and_one_scale_for_a_flat_buffer(calls: Counter[str], rng: np.random.Generator) -> None:
    members = parameters()
    optimizer = SGD(members, lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        values = give(members, rng)
        calls.clear()
        total = clip_grad_norm_(members, 0.5)
        assert calls == {"l2_norm": 1, "scale": 1}  # and nothing comes to the host
        assert total.item() == pytest.approx(norm_of(values), rel=1e-6)
        assert optimizer.grad_norm() == pytest.approx(0.5, rel=1e-5)


def test_neighbours_with_a_gradient_are_one(calls: Counter[str], rng: np.random.Generator) -> None:
    members = parameters()
    optimizer = SGD(members, lr=1.0)
    values = give(members, rng, without=(2,))
    calls.clear()
    total = clip_grad_norm_(members, 0.5)
    assert optimizer.param_groups
    assert calls == {"l2_norm": 3, "scale": 2}  # two runs, and the norm of their norms
    assert total.item() == pytest.approx(norm_of(values, without=(2,)), rel=1e-6)
    assert members[2].grad is None


def test_of_some_parameters_only(rng: np.random.Generator) -> None:
    members = parameters()
    optimizer = SGD(members, lr=1.0)
    values = give(members, rng)
    total = clip_grad_norm_(members[1:3], 0.25)
    assert optimizer.param_groups
    assert total.item() == pytest.approx(norm_of(values[1:3]), rel=1e-6)
    for i in (0, 3):
        np.testing.assert_array_equal(members[i].grad.numpy(), values[i])
    assert norm_of([members[i].grad.numpy() for i in (1, 2)]) == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize("where", ["no optimizer", "buffer", "assigned", "read before", "two optimizers", "gone",
                                   "mixed", "moved", "strided"])  # fmt: skip
def test_wherever_they_lie(where: str, rng: np.random.Generator) -> None:
    members = parameters()
    kept: list[Any] = []
    if where not in ("no optimizer", "gone", "strided"):
        kept.append(SGD(members[:2] if where == "mixed" else members, lr=1.0))
    if where == "two optimizers":
        kept.append(SGD(members[1:], lr=1.0))
    if where == "gone":
        SGD(members, lr=1.0)
    if where == "moved":
        for p in members:
            p._array = p.array.copy()
    values = give(members, rng)
    if where == "assigned":
        members[1].grad = dl.tensor(values[1])
    if where == "read before":
        kept += [p.grad for p in members]
    if where == "strided":
        for p, value in zip(members, values, strict=True):
            p.grad = dl.asarray(np.repeat(value, 2)[::2])
    before = [p._grad for p in members]
    total = clip_grad_norm_(members, 0.5)
    assert total.item() == pytest.approx(norm_of(values), rel=1e-6)
    factor = 0.5 / norm_of(values)
    for p, gradient, value in zip(members, before, values, strict=True):
        assert p.grad is gradient  # in place
        np.testing.assert_allclose(p.grad.numpy(), value * factor, rtol=1e-5)
    for optimizer in kept[:1]:
        optimizer.step()
        n = 2 if where == "mixed" else len(members)
        for p, value in zip(members[:n], values[:n], strict=True):
            np.testing.assert_allclose(p.numpy(), -value * factor, rtol=1e-5)


@pytest.mark.parametrize("clip", [lambda p: clip_grad_norm_(p, 2.5), lambda p: clip_grad_value_(p, 0.5)])
def test_a_gradient_that_has_no_flat_view(clip: Callable[[Any], Any]) -> None:
    values = np.array([[1.0, 5.0], [1.0, 1.0]], np.float32)
    p, other = Parameter(dl.ones((2, 2))), Parameter(dl.ones(4))
    p.grad, other.grad = dl.asarray(np.asfortranarray(values)), dl.tensor(values.reshape(-1))
    clip(p)
    clip(other)
    np.testing.assert_array_equal(p.grad.numpy().reshape(-1), other.grad.numpy())
    assert p.grad.numpy().max() < 5


def test_a_parameter_named_twice_counts_once(rng: np.random.Generator) -> None:
    members = parameters()
    values = give(members, rng)
    assert clip_grad_norm_([*members, *members], 0.5).item() == pytest.approx(norm_of(values), rel=1e-6)
    assert norm_of([p.grad.numpy() for p in members]) == pytest.approx(0.5, rel=1e-5)


def test_dtypes_that_differ(rng: np.random.Generator) -> None:
    members = [*parameters("float16"), *parameters("float32"), *parameters("float64")]
    optimizer = SGD(members, lr=1.0)
    values = give(members, rng)
    total = clip_grad_norm_(members, 0.5)
    assert optimizer.grad_norm() == pytest.approx(0.5, rel=1e-3)
    assert total.dtype == np.float64
    assert total.item() == pytest.approx(norm_of(values), rel=1e-3)
    assert norm_of([p.grad.numpy() for p in members]) == pytest.approx(0.5, rel=1e-3)


# --- numbers that are none -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("with_optimizer", [False, True])
def test_the_next_step_is_sound_again(bad: float, with_optimizer: bool, rng: np.random.Generator) -> None:
    """What lies between the gradients in the buffer is summed with them, and must not become NaN for ever."""
    members = parameters()
    optimizer = SGD(members, lr=1.0) if with_optimizer else None
    give(members, rng)
    before = [p._grad.numpy().copy() for p in members]
    members[0]._grad._array[1] = before[0][1] = bad
    with np.errstate(invalid="ignore"):  # inf * 0
        assert not math.isfinite(clip_grad_norm_(members, 0.5).item())
    if math.isnan(bad):
        for p, value in zip(members, before, strict=True):
            np.testing.assert_array_equal(p._grad.numpy(), value)
    else:
        assert members[1]._grad.tolist() == [0.0] * 4
        assert math.isnan(members[0]._grad[1].item())
    for p in members:
        p.grad = None
    values = give(members, rng)
    assert clip_grad_norm_(members, 0.5).item() == pytest.approx(norm_of(values), rel=1e-6)
    if optimizer is not None:
        assert optimizer.grad_norm() == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_error_if_nonfinite_changes_nothing(bad: float, rng: np.random.Generator) -> None:
    members = parameters()
    values = give(members, rng)
    values[1][0] = bad
    members[1].grad = dl.tensor(values[1])
    with pytest.raises(RuntimeError, match=r"clip_grad_norm_: the norm of the gradients is (nan|inf)"):
        clip_grad_norm_(members, 0.5, error_if_nonfinite=True)
    for p, value in zip(members, values, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), value)


def test_small_gradients_stay_bit_for_bit(rng: np.random.Generator) -> None:
    members = parameters()
    values = give(members, rng)
    for limit in (1e6, math.inf):
        clip_grad_norm_(members, limit)
        for p, value in zip(members, values, strict=True):
            np.testing.assert_array_equal(p.grad.numpy(), value)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_gradients_that_are_zero(dtype: str) -> None:
    members = parameters(dtype)
    for p in members:
        p.grad = dl.zeros_like(p)
    assert clip_grad_norm_(members, 1.0).item() == 0
    assert not any(p.grad.numpy().any() for p in members)


@pytest.mark.parametrize("p", [1, 2, 3.5, math.inf])
def test_no_gradients(p: float) -> None:
    for given in ([], parameters(), [Parameter(dl.zeros(0))]):
        for tensor in given[:1] if len(given) == 1 else []:
            tensor.grad = dl.zeros(0)
        total = clip_grad_norm_(given, 1.0, p)
        assert total.shape == ()
        assert total.item() == 0
    clip_grad_value_(parameters(), 1.0)


def test_a_graph_that_saved_a_gradient_notices(rng: np.random.Generator) -> None:
    for clip in (lambda p: clip_grad_norm_(p, 0.1), lambda p: clip_grad_value_(p, 0.1)):
        p = Parameter(dl.ones(3))
        (p * p).sum().backward()
        x = dl.ones(3, dtype="float32").requires_grad_()
        y = (x * p.grad).sum()
        clip(p)
        with pytest.raises(RuntimeError, match="modified in place"):
            y.backward()


def test_clipped_values_in_a_flat_buffer(rng: np.random.Generator) -> None:
    members = parameters()
    optimizer = SGD(members, lr=1.0)
    values = give(members, rng)
    clip_grad_value_(members, 0.3)
    for p, value in zip(members, values, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), np.clip(value, -np.float32(0.3), np.float32(0.3)))
    assert optimizer.grad_norm() == pytest.approx(norm_of([p.grad.numpy() for p in members]), rel=1e-6)


# --- what is refused ----------------------------------------------------------------------------------------

BAD: dict[str, tuple[Callable[[Parameter], Any], type[Exception], str]] = {
    "max_norm": (lambda p: clip_grad_norm_([p], -1.0), ValueError, "clip_grad_norm_: max_norm must be .*, got -1.0"),
    "max_norm NaN": (lambda p: clip_grad_norm_([p], math.nan), ValueError, "max_norm must be .*, got nan"),
    "max_norm text": (lambda p: clip_grad_norm_([p], "1"), ValueError, "max_norm must be .*, got '1'"),  # type: ignore[arg-type]
    "norm_type": (lambda p: clip_grad_norm_([p], 1.0, 0), ValueError, "norm_type must be .*, got 0"),
    "norm_type None": (lambda p: clip_grad_norm_([p], 1.0, None), ValueError, "norm_type must be"),  # type: ignore[arg-type]
    "no tensor": (lambda p: clip_grad_norm_([p, 1.0], 1.0), TypeError, "parameters must be tensors, got float"),  # type: ignore[list-item]
    "an array": (lambda p: clip_grad_norm_(p.numpy(), 1.0), TypeError, "must be tensors, got float32"),  # type: ignore[arg-type]
    "clip_value": (lambda p: clip_grad_value_([p], -1), ValueError, "clip_grad_value_: clip_value must be .*, got -1"),
    "clip_value NaN": (lambda p: clip_grad_value_([p], math.nan), ValueError, "clip_value must be .*, got nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named_and_nothing_is_changed(name: str) -> None:
    call, error, message = BAD[name]
    p = Parameter(dl.ones(2))
    p.grad = dl.tensor([3.0, 4.0])
    with pytest.raises(error, match=message):
        call(p)
    assert p.grad.tolist() == [3.0, 4.0]
