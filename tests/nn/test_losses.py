"""Losses: numbers worked by hand, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, nan
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.nn import functional as F
from dlcore.ops.arithmetic import Multiply

T = dl.tensor
# softmax of (0, log 3) is (1/4, 3/4); sigmoid(log 3) = 3/4
L3 = log(3.0)
ROWS = T([[0.0, L3], [L3, 0.0], [0.0, 0.0]])
FIRST, SECOND, EVEN = log(4 / 3), log(4.0), log(2.0)  # losses of the likely class, the unlikely one, one of two equals
WEIGHT = T([1.0, 3.0])

BY_HAND: dict[str, tuple[Callable[[], dl.Tensor], float | list[Any]]] = {
    "mse": (lambda: F.mse_loss(T([1.0, 2.0, 3.0]), T([1.0, 4.0, 0.0])), 13 / 3),
    "mse sum": (lambda: F.mse_loss(T([1.0, 2.0, 3.0]), T([1.0, 4.0, 0.0]), "sum"), 13.0),
    "mse none": (lambda: F.mse_loss(T([1.0, 2.0, 3.0]), T([1.0, 4.0, 0.0]), "none"), [0.0, 4.0, 9.0]),
    "mse of nothing": (lambda: F.mse_loss(dl.zeros(0), dl.zeros(0)), nan),
    "ce none": (lambda: F.cross_entropy(ROWS, T([1, 1, 0]), reduction="none"), [FIRST, SECOND, EVEN]),
    "ce": (lambda: F.cross_entropy(ROWS, T([1, 1, 0])), (FIRST + SECOND + EVEN) / 3),
    "ce sum": (lambda: F.cross_entropy(ROWS, T([1, 1, 0]), reduction="sum"), FIRST + SECOND + EVEN),
    "ce weights": (  # the mean's divisor is the sum of the weights
        lambda: F.cross_entropy(ROWS, T([1, 1, 0]), WEIGHT), (3 * FIRST + 3 * SECOND + EVEN) / 7,
    ),
    "ce ignored": (lambda: F.cross_entropy(ROWS, T([1, -100, 0])), (FIRST + EVEN) / 2),
    "ce ignored none": (lambda: F.cross_entropy(ROWS, T([1, -100, 0]), reduction="none"), [FIRST, 0.0, EVEN]),
    "ce ignored class": (lambda: F.cross_entropy(ROWS, T([1, 1, 0]), ignore_index=1), EVEN),
    "ce ignored weights": (lambda: F.cross_entropy(ROWS, T([1, 9, 0]), WEIGHT, 9), (3 * FIRST + EVEN) / 4),
    "ce all ignored": (lambda: F.cross_entropy(ROWS[:1], T([-100])), nan),
    "ce all ignored sum": (lambda: F.cross_entropy(ROWS[:1], T([-100]), reduction="sum"), 0.0),
    "ce of nothing": (lambda: F.cross_entropy(dl.zeros((0, 2)), T([], dtype="int64")), nan),
    "ce smoothing": (  # 0.8 on the label, 0.1 on each class
        lambda: F.cross_entropy(ROWS[:2], T([1, 1]), label_smoothing=0.2), 0.5 * (FIRST + SECOND),
    ),
    "ce smoothing, likely": (
        lambda: F.cross_entropy(ROWS[:1], T([1]), label_smoothing=0.2), 0.9 * FIRST + 0.1 * SECOND,
    ),
    "ce one row": (lambda: F.cross_entropy(T([0.0, L3]), T(0)), SECOND),
    "ce pictures": (  # (N, C, d) = (1, 2, 3)
        lambda: F.cross_entropy(ROWS.T.reshape(1, 2, 3), T([[1, 1, 0]]), reduction="none"), [[FIRST, SECOND, EVEN]],
    ),
    "ce large": (lambda: F.cross_entropy(T([[1e4, -1e4], [1e4, -1e4]]), T([0, 1])), 1e4),
    "ce masked": (lambda: F.cross_entropy(T([[0.0, -inf]]), T([0])), 0.0),
    "ce impossible": (lambda: F.cross_entropy(T([[0.0, -inf]]), T([1])), inf),
    "bce": (lambda: F.binary_cross_entropy_with_logits(T([L3, L3]), T([1.0, 0.0])), (FIRST + SECOND) / 2),
    "bce none": (
        lambda: F.binary_cross_entropy_with_logits(T([L3, 0.0, -L3]), T([1.0, 0.5, 1.0]), reduction="none"),
        [FIRST, EVEN, SECOND],
    ),
    "bce weight": (  # the mean divides by the number of elements, whatever the weights
        lambda: F.binary_cross_entropy_with_logits(T([L3, L3]), T([1.0, 0.0]), T([2.0, 4.0])), FIRST + 2 * SECOND,
    ),
    "bce pos_weight": (
        lambda: F.binary_cross_entropy_with_logits(T([L3, L3]), T([1.0, 0.0]), pos_weight=T(5.0), reduction="none"),
        [5 * FIRST, SECOND],
    ),
    "bce large": (
        lambda: F.binary_cross_entropy_with_logits(T([1e4, -1e4, -1e4]), T([1.0, 0.0, 1.0]), reduction="none"),
        [0.0, 0.0, 1e4],
    ),
    "bce of nothing": (lambda: F.binary_cross_entropy_with_logits(dl.zeros(0), dl.zeros(0)), nan),
    "MSELoss": (lambda: nn.MSELoss("sum")(T([1.0]), T([3.0])), 4.0),
    "CrossEntropyLoss": (
        lambda: nn.CrossEntropyLoss(WEIGHT, ignore_index=9)(ROWS, T([1, 9, 0])), (3 * FIRST + EVEN) / 4,
    ),
    "CrossEntropyLoss smoothing": (
        lambda: nn.CrossEntropyLoss(reduction="none", label_smoothing=0.2)(ROWS[:1], T([1])),
        [0.9 * FIRST + 0.1 * SECOND],
    ),
    "BCEWithLogitsLoss": (
        lambda: nn.BCEWithLogitsLoss(pos_weight=T(5.0), reduction="sum")(T([L3, L3]), T([1.0, 0.0])),
        5 * FIRST + SECOND,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_worked_by_hand(name: str) -> None:
    loss, expected = BY_HAND[name]
    actual = loss()
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual.numpy(), np.array(expected, np.float32), rtol=1e-5, atol=1e-7, strict=True)


INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("options", [{}, {"weight": T([1.0, 1.0])}], ids=["plain", "weight"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_every_integer_dtype(dtype: str, options: dict[str, Any]) -> None:
    x = T(ROWS.numpy(), requires_grad=True)
    loss = F.cross_entropy(x, T([1, 1, 0], dtype=dtype), **options)
    assert loss.item() == pytest.approx((FIRST + SECOND + EVEN) / 3)
    (once,) = dl.grad(loss, x, create_graph=True)
    np.testing.assert_allclose(once.numpy(), np.array([[3, -3], [9, -9], [-6, 6]]) / 36, rtol=1e-5)
    assert dl.grad((once * once).sum(), x)[0].shape == (3, 2)


def test_gradients_worked_by_hand() -> None:
    """softmax - one-hot, sigmoid - t and 2 (x - t), each divided by the count."""
    x = T(ROWS.numpy(), requires_grad=True)
    F.cross_entropy(x, T([1, -100, 0])).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1 / 8, -1 / 8], [0, 0], [-1 / 4, 1 / 4]], rtol=1e-6, atol=1e-8)
    x, t = T([L3, -L3], requires_grad=True), T([1.0, 0.25], requires_grad=True)
    F.binary_cross_entropy_with_logits(x, t).backward()
    np.testing.assert_allclose(x.grad.numpy(), [-1 / 8, 0.0], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(t.grad.numpy(), [-L3 / 2, L3 / 2], rtol=1e-6)
    x, t = T([1.0, 2.0], requires_grad=True), T([1.0, 5.0], requires_grad=True)
    F.mse_loss(x, t).backward()
    assert (x.grad.tolist(), t.grad.tolist()) == ([0.0, -3.0], [0.0, 3.0])


def test_float16_accumulates_in_float32() -> None:
    """A sum beyond float16's largest number on the way to a small mean."""
    x = dl.full((4096,), 8.0, dtype="float16")
    assert F.mse_loss(x, dl.zeros((4096,), dtype="float16")).item() == 64.0
    logits = dl.zeros((4096, 2), dtype="float16") + T([0.0, 60.0], dtype="float16")
    assert F.cross_entropy(logits, dl.zeros((4096,), dtype="int64")).item() == pytest.approx(60.0, rel=1e-3)


def test_a_class_index_is_no_float() -> None:
    assert exp(-F.cross_entropy(ROWS[0], T(1)).item()) == pytest.approx(0.75)


# --- what autograd watches --------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", ["weight", "pos_weight", "input", "target"])
def test_a_change_before_a_second_derivative_is_noticed(changed: str) -> None:
    arguments = {"input": T([0.5, -1.0], requires_grad=True), "target": T([1.0, 0.0])}
    arguments |= {"weight": T([1.0, 3.0]), "pos_weight": T([2.0, 2.0])}
    loss = F.binary_cross_entropy_with_logits(**arguments)
    with dl.no_grad():
        arguments[changed] *= 2
    with pytest.raises(RuntimeError, match=r"BCEWithLogits: a tensor of shape \(2,\) .* modified in place"):
        loss.backward(create_graph=True)


def test_a_change_is_no_matter_to_a_gradient_that_came_with_the_loss() -> None:
    x, t, weight = T([L3, L3], requires_grad=True), T([1.0, 0.0]), T([2.0, 4.0])
    loss = F.binary_cross_entropy_with_logits(x, t, weight)
    weight *= 10
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [-1 / 4, 3 / 2], rtol=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy_with_logits"])
def test_the_1_of_a_plain_backward_is_not_multiplied_by(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = T([[0.5, -1.0], [0.0, 2.0]], requires_grad=True)
    target = T([0, 1]) if loss == "cross_entropy" else T([[1.0, 0.0], [0.5, 1.0]])
    (expected,) = dl.grad(getattr(F, loss)(x, target), x, dl.tensor(1.0))
    monkeypatch.setattr(Multiply, "forward", lambda *_: pytest.fail("multiplied"))
    getattr(F, loss)(x, target).backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected.numpy())


# --- what is refused --------------------------------------------------------------------------------------

X, Y = dl.ones((2, 3)), T([0, 2])
MSE, CE, BCE = F.mse_loss, F.cross_entropy, F.binary_cross_entropy_with_logits
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "mse shape": (lambda: MSE(X, dl.ones(3)), dl.ShapeError, r"mse_loss: input of shape \(2, 3\) and target .*\(3,\)"),
    "mse dtype": (lambda: MSE(X, X.astype("float64")), dl.DTypeError, "mse_loss: .*input float32, target float64"),
    "mse ints": (lambda: MSE(T([1]), T([1])), dl.DTypeError, "mse_loss: input must be a float tensor, got int64"),
    "mse array": (lambda: MSE(X, np.ones((2, 3))), TypeError, "mse_loss: target must be a Tensor, got ndarray"),  # type: ignore[arg-type]
    "mse reduction": (lambda: MSE(X, X, "average"), ValueError, "mse_loss: reduction must be one of .*'average'"),
    "ce label": (lambda: CE(X, T([0, 3])), IndexError, r"cross_entropy: target must be in 0..2 or -100.*3"),
    "ce negative label": (lambda: CE(X, T([0, -1])), IndexError, "cross_entropy: target must be in 0..2.*-1"),
    "ce label beside ignored": (lambda: CE(X, T([-100, 3])), IndexError, "cross_entropy: target must be in 0..2.*3"),
    "ce ignored elsewhere": (lambda: CE(X, T([-100, 1]), ignore_index=1), IndexError, "0..2 or 1 .*-100"),
    "ce uint8 label": (lambda: CE(X, T([0, 255], dtype="uint8")), IndexError, "cross_entropy: target .*255"),
    "ce uint64 label": (  # -100 as int64, but not ignored
        lambda: CE(X, T(np.array([0, 2**64 - 100], np.uint64))), IndexError, "cross_entropy: target .* 18446744073709",
    ),
    "ce batch": (lambda: CE(X, T([0, 1, 2])), dl.ShapeError, r"cross_entropy: target of shape \(3,\).*\(2, 3\)"),
    "ce extra axis": (lambda: CE(X, T([[0], [1]])), dl.ShapeError, r"cross_entropy: target of shape \(2, 1\)"),
    "ce number": (lambda: CE(T(1.0), T(0)), dl.ShapeError, r"cross_entropy: .*input of shape \(\)"),
    "ce pictures": (lambda: CE(dl.ones((2, 3, 4)), T([0, 1])), dl.ShapeError, r"cross_entropy: .*\(2, 3, 4\)"),
    "ce sums": (lambda: CE(X, X), ValueError, r"cross_entropy: probabilities of the target must sum to 1 .* got 3.0"),
    "ce probability": (lambda: CE(X, -X), ValueError, r"cross_entropy: target must be in \[0, 1\], got -1.0"),
    "ce probabilities": (lambda: CE(X, dl.ones((2, 2))), dl.ShapeError, r"cross_entropy: input .*\(2, 3\) and target"),
    "ce probabilities dtype": (lambda: CE(X, X.astype("float64")), dl.DTypeError, "cross_entropy: .*target float64"),
    "ce ignored probabilities": (
        lambda: CE(X, X, ignore_index=1), ValueError, "cross_entropy: ignore_index=1 is for class indices",
    ),
    "ce number of probabilities": (lambda: CE(T(1.0), T(1.0)), dl.ShapeError, r"cross_entropy: .*\(\) have no classes"),
    "ce no probabilities": (lambda: CE(dl.ones((2, 0)), dl.ones((2, 0))), dl.ShapeError, r"cross_entropy: .*\(2, 0\)"),
    "ce bools": (lambda: CE(X, T([True, False])), dl.DTypeError, "cross_entropy: target .*bool"),
    "ce no classes": (lambda: CE(dl.ones((0, 0)), T([], dtype="int64")), dl.ShapeError, r"cross_entropy: .*\(0, 0\)"),
    "ce ints": (lambda: CE(X.astype("int32"), Y), dl.DTypeError, "cross_entropy: input must be a float.*int32"),
    "ce list": (lambda: CE(X, [0, 1]), TypeError, "cross_entropy: target must be a Tensor, got list"),  # type: ignore[arg-type]
    "ce weight": (lambda: CE(X, Y, dl.ones(2)), dl.ShapeError, r"cross_entropy: weight must have .*\(3,\), got \(2,\)"),
    "ce weight dtype": (lambda: CE(X, Y, dl.ones(3, dtype="float64")), dl.DTypeError, "cross_entropy.*weight float64"),
    "ce smoothing": (lambda: CE(X, Y, label_smoothing=1.5), ValueError, "cross_entropy: label_smoothing .* got 1.5"),
    "ce NaN smoothing": (lambda: CE(X, Y, label_smoothing=nan), ValueError, "cross_entropy: label_smoothing .*nan"),
    "ce smoothing None": (lambda: CE(X, Y, label_smoothing=None), ValueError, "label_smoothing .* got None"),  # type: ignore[arg-type]
    "ce reduction": (lambda: CE(X, Y, reduction="max"), ValueError, "cross_entropy: reduction must be .*'max'"),
    "bce shape": (lambda: BCE(X, dl.ones((2, 1))), dl.ShapeError, r"binary_cross.*\(2, 3\) and target .*\(2, 1\)"),
    "bce dtype": (lambda: BCE(X, X.astype("float16")), dl.DTypeError, "binary_cross.*target float16"),
    "bce ints": (lambda: BCE(X, X.astype("int64")), dl.DTypeError, "binary_cross.*target must be a float.*int64"),
    "bce weight": (lambda: BCE(X, X, dl.ones(2)), dl.ShapeError, r"binary_cross.*weight of shape \(2,\).*\(2, 3\)"),
    "bce wide weight": (lambda: BCE(X, X, dl.ones((1, 2, 3))), dl.ShapeError, r"binary_cross.*weight of .*\(1, 2, 3\)"),
    "bce pos_weight": (lambda: BCE(X, X, pos_weight=dl.ones(4)), dl.ShapeError, r"binary_cross.*pos_weight .*\(4,\)"),
    "bce pos_weight dtype": (
        lambda: BCE(X, X, pos_weight=dl.ones(3, dtype="float64")), dl.DTypeError, "binary_cross.*pos_weight float64",
    ),
    "bce reduction": (lambda: BCE(X, X, reduction="x"), ValueError, "binary_cross.*reduction .*'x'"),
    "MSELoss": (lambda: nn.MSELoss("x"), ValueError, "MSELoss: reduction must be one of none, mean, sum, got 'x'"),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(reduction="x"), ValueError, "CrossEntropyLoss: reduction .*'x'"),
    "CrossEntropyLoss smoothing": (
        lambda: nn.CrossEntropyLoss(label_smoothing=-1), ValueError, "CrossEntropyLoss: label_smoothing .* got -1",
    ),
    "CrossEntropyLoss weight": (lambda: nn.CrossEntropyLoss([1.0]), TypeError, "Tensor or None, got list"),  # type: ignore[arg-type]
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(reduction="x"), ValueError, "BCEWithLogitsLoss: .*'x'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_named_before_any_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call, error, message = BAD[name]
    backend = type(dl.current_device().backend)
    of_values = error is IndexError or name in ("ce sums", "ce probability")
    if not of_values or isinstance(X.array, np.ndarray):  # a GPU says only later what is wrong with values
        for primitive in ("softmax_cross_entropy", "soft_cross_entropy", "bce_with_logits"):
            monkeypatch.setattr(backend, primitive, lambda *_, **__: pytest.fail("the loss was computed"))

    def call_and_wait() -> None:
        call()
        dl.current_device().backend.synchronize()

    with pytest.raises(error, match=message):
        call_and_wait()


def test_two_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlcore import _device

    made = object.__new__(_device.device)
    made.type, made.index, made.backend = "second", 0, type(dl.device("numpy").backend)()
    monkeypatch.setitem(_device._loaded, ("second", 0), made)
    here = str(dl.current_device())
    there = {name: t.to("second") for name, t in {"x": X, "y": Y, "w": dl.ones(3)}.items()}
    for call in (
        lambda: MSE(X, there["x"]),
        lambda: CE(X, there["y"]),
        lambda: CE(X, Y, there["w"]),
        lambda: BCE(X, there["x"]),
        lambda: BCE(X, X, there["w"]),
        lambda: BCE(X, X, pos_weight=there["w"]),
        lambda: F.linear(X, there["x"]),
        lambda: F.conv2d(dl.ones((1, 1, 3, 3)), dl.ones((1, 1, 2, 2)), dl.ones(1).to("second")),
    ):
        with pytest.raises(dl.DeviceError, match=rf"{here}.*second|second.*{here}"):
            call()
