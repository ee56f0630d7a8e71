"""Bad input to every operation: the type of the error, and a message that names the operation and the values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import ops

from .cases import OPS
from .errors_elementwise import TABLE as _ELEMENTWISE
from .errors_shape import TABLE as _SHAPE

A = np.ones((2, 3), dtype=np.float32)


def f(*shape: int, dtype: str = "float32") -> dl.Tensor:
    return dl.ones(shape, dtype=dtype)


# operation: [(call, exception, what the message says besides the operation's name)]
TABLE: dict[str, list[tuple[Callable[[], Any], type[Exception], str]]] = {
    **{
        name: [
            (lambda n=name: getattr(dl, n)(f(2, 3), f(4)), dl.ShapeError, r"\(2, 3\) and \(4,\)"),
            (lambda n=name: getattr(dl, n)(f(2, 3), A), TypeError, r"y must be a Tensor, got ndarray.*dl\.asarray"),
            (lambda n=name: getattr(dl, n)(A, f(2, 3)), TypeError, r"x must be a Tensor, got ndarray.*dl\.asarray"),
            (lambda n=name: getattr(dl, n)(f(2), [1.0, 2.0]), TypeError, "y must be a Tensor, got list"),
            (lambda n=name: getattr(dl, n)(f(2), "3"), TypeError, "y must be a Tensor, got str"),
            (lambda n=name: getattr(dl, n)(1, 2), TypeError, "one of x and y must be a Tensor, got int and int"),
            (lambda n=name: getattr(dl, n)(f(2, dtype="int64"), f(2, dtype="uint64")), dl.DTypeError, "int64.*uint64"),
        ]
        for name in ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "pow", "equal", "not_equal",
                     "less", "less_equal", "greater", "greater_equal")
    },
    **{
        name: [
            (lambda n=name: getattr(dl, n)(A), TypeError, "x must be a Tensor, got ndarray"),
            (lambda n=name: getattr(dl, n)(1.0), TypeError, "x must be a Tensor, got float"),
            (lambda n=name: getattr(dl, n)(None), TypeError, "x must be a Tensor, got NoneType"),
        ]
        for name in ("square", "negative", "positive", "abs", "exp", "log", "log1p", "sqrt", "tanh", "real", "imag",
                     "conj", "zeros_like", "ones_like", "sum", "mean", "max", "min", "squeeze", "expand_dims",
                     "matrix_transpose")
    },
    "clip": [
        (lambda: dl.clip(A, 0, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.clip(f(2), A[0]), TypeError, "min must be .* got ndarray"),
        (lambda: dl.clip(f(2), 0, "1"), TypeError, "max must be .* got str"),
        (lambda: dl.clip(f(2), 1j), TypeError, "min must be .* got complex"),
        (lambda: dl.clip(f(2), max=f(2, dtype="complex64")), dl.DTypeError, "max must hold real.*complex64"),
        (lambda: dl.clip(f(2, 3), f(2)), dl.ShapeError, r"\(2, 3\) and \(2,\)"),
        (lambda: dl.clip(f(1), f(2), f(3)), dl.ShapeError, r"\(1,\) and \(2,\) and \(3,\)"),
        (lambda: dl.clip(f(2, dtype="int8"), -1000), OverflowError, "-1000.*int8"),
    ],
    "where": [
        (lambda: dl.where(A > 0, f(2, 3), 0.0), TypeError, "condition must be a Tensor"),
        (lambda: dl.where(f(2), f(2), 0.0), dl.DTypeError, "condition must be bool, got float32"),
        (lambda: dl.where(f(2) > 0, f(3), 0.0), dl.ShapeError, r"\(2,\) and \(3,\)"),
        (lambda: dl.where(f(2) > 0, f(2), f(3)), dl.ShapeError, r"\(2,\) and \(2,\) and \(3,\)"),
        (lambda: dl.where(f(2) > 0, 1, 2), TypeError, "one of x and y must be a Tensor"),
    ],
    "pow: integers": [
        (lambda: dl.pow(f(2, dtype="int32"), -1), ValueError, "negative integer power -1"),
        (lambda: dl.pow(f(2, dtype="int32"), dl.tensor([1, -3])), ValueError, "negative integer power -3"),
        (lambda: dl.pow(2, dl.tensor([-2])), ValueError, "negative integer power -2"),
    ],
    **{
        f"{name}: axes": [
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=2), dl.ShapeError, "axis 2 is out of range.*2 dimension"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=-3), dl.ShapeError, "axis -3 is out of range"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=(0, 0)), dl.ShapeError, r"axis \(0, 0\) names .* twice"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=(0, -2)), dl.ShapeError, "twice"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=1.0), TypeError, "axis must be an int.*1.0"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis="x"), TypeError, "axis must be an int.*'x'"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=True), TypeError, "axis must be an int.*True"),
        ]
        for name in ("sum", "mean", "max", "min")
    },
    "max: nothing": [
        (lambda: dl.max(f(0, 3)), dl.ShapeError, r"\(0, 3\)"),
        (lambda: dl.max(f(2, 0), axis=1), dl.ShapeError, r"\(2, 0\) is empty along axis 1"),
    ],
    "min: nothing": [(lambda: dl.min(f(0)), dl.ShapeError, r"\(0,\)")],
    "reshape": [
        (lambda: dl.reshape(A, (6,)), TypeError, "x must be a Tensor"),
        (lambda: dl.reshape(f(2, 3), (4,)), dl.ShapeError, r"\(2, 3\) \(6 elements\).*\(4,\)"),
        (lambda: dl.reshape(f(2, 3), (-1, 4)), dl.ShapeError, r"\(-1, 4\)"),
        (lambda: dl.reshape(f(2, 3), (-1, -1)), dl.ShapeError, "at most one -1"),
        (lambda: dl.reshape(f(2, 3), (-2, 3)), dl.ShapeError, r"\(-2, 3\)"),
        (lambda: dl.reshape(f(0, 3), (0, -1)), dl.ShapeError, r"\(0, -1\)"),
        (lambda: dl.reshape(f(2, 3), (2.0, 3)), TypeError, r"shape must be .*2\.0"),
        (lambda: dl.reshape(f(2, 3), 6.0), TypeError, r"shape must be .*6\.0"),
        (lambda: dl.reshape(f(2, 3), None), TypeError, "shape must be .*None"),
    ],
    "permute_dims": [
        (lambda: dl.permute_dims(A, (1, 0)), TypeError, "x must be a Tensor"),
        (lambda: dl.permute_dims(f(2, 3), (0,)), dl.ShapeError, r"\(0,\) must name each of the 2"),
        (lambda: dl.permute_dims(f(2, 3), (0, 0)), dl.ShapeError, "twice"),
        (lambda: dl.permute_dims(f(2, 3), (0, 2)), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.permute_dims(f(2, 3), None), TypeError, "None"),
        (lambda: dl.permute_dims(f(2, 3), 1), dl.ShapeError, "must name each of the 2"),
        (lambda: dl.permute_dims(f(2, 3), (0.0, 1)), TypeError, "axis must be"),
    ],
    "matrix_transpose: vectors": [(lambda: dl.matrix_transpose(f(3)), dl.ShapeError, r"2 dimensions.*\(3,\)")],
    "squeeze: axes": [
        (lambda: dl.squeeze(f(1, 3), axis=1), dl.ShapeError, r"axis 1 of shape \(1, 3\) has size 3"),
        (lambda: dl.squeeze(f(1, 3), axis=2), dl.ShapeError, "axis 2 is out of range"),
    ],
    "expand_dims: axes": [
        (lambda: dl.expand_dims(f(2), axis=2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.expand_dims(f(2), axis=(0, 1)), TypeError, "axis must be an int"),
    ],
    "broadcast_to": [
        (lambda: dl.broadcast_to(A, (2, 3)), TypeError, "x must be a Tensor"),
        (lambda: dl.broadcast_to(f(2, 3), (2, 2)), dl.ShapeError, r"\(2, 3\) does not broadcast to \(2, 2\)"),
        (lambda: dl.broadcast_to(f(2, 3), (3,)), dl.ShapeError, r"\(2, 3\) does not broadcast to \(3,\)"),
        (lambda: dl.broadcast_to(f(1), (-1,)), dl.ShapeError, r"\(-1,\)"),
        (lambda: dl.broadcast_to(f(1), "ab"), TypeError, "shape must be .*'ab'"),
    ],
    "concat": [
        (lambda: dl.concat([]), dl.ShapeError, "arrays is empty"),
        (lambda: dl.concat([f(2), A]), TypeError, r"arrays\[1\] must be a Tensor"),
        (lambda: dl.concat([f(2, 3), f(2, 2)]), dl.ShapeError, r"arrays\[1\] has shape \(2, 2\).*\(2, 3\)"),
        (lambda: dl.concat([f(2), f(2, 2)]), dl.ShapeError, r"arrays\[1\] has shape \(2, 2\)"),
        (lambda: dl.concat([f(2)], axis=1), dl.ShapeError, "axis 1 is out of range"),
        (lambda: dl.concat([f(), f()]), dl.ShapeError, "axis 0 is out of range"),
        (lambda: dl.concat([f(2), f(2)], axis=(0,)), TypeError, "axis must be"),
        (lambda: dl.concat(3), TypeError, "arrays must be a sequence of tensors, got int"),
        (lambda: dl.concat([f(2, dtype="int64"), f(2, dtype="uint64")]), dl.DTypeError, "int64 and uint64"),
    ],
    "matmul": [
        (lambda: dl.matmul(f(2, 3), A), TypeError, "y must be a Tensor, got ndarray"),
        (lambda: dl.matmul(f(2, 3), 2.0), TypeError, "y must be a Tensor, got float"),
        (lambda: dl.matmul(f(2, 3), f(2, 3)), dl.ShapeError, r"\(2, 3\).*\(2, 3\).*got 3 and 2"),
        (lambda: dl.matmul(f(2, 3), f(2)), dl.ShapeError, "got 3 and 2"),
        (lambda: dl.matmul(f(), f(2)), dl.ShapeError, r"\(\) and \(2,\)"),
        (lambda: dl.matmul(f(2, 2, 3), f(3, 3, 2)), dl.ShapeError, r"\(2, 2, 3\) and \(3, 3, 2\)"),
        (lambda: dl.matmul(f(2, 2, dtype="bool"), f(2, dtype="bool")), dl.DTypeError, "bool"),
    ],
    "indexing": [
        (lambda: f(2, 3)[2], IndexError, "index 2 is out of range for axis 0 of size 2"),
        (lambda: f(2, 3)[0, -4], IndexError, "index -4 is out of range for axis 1 of size 3"),
        (lambda: f(2, 3)[0, 0, 0], IndexError, "3 indices for a tensor with 2"),
        (lambda: f()[0], IndexError, "1 indices for a tensor with 0"),
        (lambda: f(2, 3)[..., ...], IndexError, "only one"),
        (lambda: f(2, 3)[dl.tensor([0, 5])], IndexError, r"axis 0 must be in -2\.\.1, got 5"),
        (lambda: f(2, 3)[:, [-4]], IndexError, r"axis 1 must be in -3\.\.2, got -4"),
        (lambda: f(0, 3)[dl.tensor(0)], IndexError, "got 0"),
        (lambda: f(2, 3)[True], dl.DTypeError, "a bool is no index"),
        (lambda: f(2)[f(3) > 0], IndexError, r"a mask of shape \(3,\) at axis 0 .*\(2,\); expected \(2,\)"),
        (lambda: f(2, 3)[:, f(2) > 0], IndexError, r"a mask of shape \(2,\) at axis 1 .* expected \(3,\)"),
        (lambda: f(2)[f(2, 2) > 0], IndexError, "2 indices for a tensor with 1"),
        (lambda: f(2)[np.array([True, False, True])], IndexError, r"a mask of shape \(3,\)"),
        (lambda: f(2)[[True]], IndexError, r"a mask of shape \(1,\)"),
        (lambda: f(2, 3)[f(2) > 0, f(3) > 0], dl.ShapeError, r"\(2,\) and \(3,\) do not broadcast"),
        (lambda: f(2)[f() > 0], dl.DTypeError, "a bool is no index"),
        (lambda: f(2)[f(2)], dl.DTypeError, "integers or be a mask, got float32"),
        (lambda: f(2)[1.0], TypeError, r"an index must be .*1\.0"),
        (lambda: f(2)["a"], TypeError, "an index must be .*'a'"),
        (lambda: f(2)[[[0], [0, 1]]], dl.ShapeError, "not a rectangular array"),
        (lambda: f(2)[0.0:1], TypeError, r"slice must be ints.*0\.0"),
        (lambda: f(2)[::0], ValueError, "step of a slice must not be 0"),
        (lambda: f(2, 3)[[0, 1], [0, 1, 2]], dl.ShapeError, r"\(2,\) and \(3,\) do not broadcast"),
    ],
    "index_update": [
        (lambda: dl.index_update(A, 0, 1.0), TypeError, "x must be a Tensor"),
        (lambda: dl.index_update(f(2, 3), 2, 1.0), IndexError, "index 2 is out of range"),
        (lambda: dl.index_update(f(2, 3), 0, f(2)), dl.ShapeError, r"\(2,\) does not broadcast .*\(3,\)"),
        (lambda: dl.index_update(f(2, 3), 0, f(2, 3)), dl.ShapeError, r"\(2, 3\) does not broadcast .*\(3,\)"),
        (lambda: dl.index_update(f(3), [0, 0], 1.0), ValueError, r"\[0, 0\] names a place twice"),
        (lambda: dl.index_update(f(3), [0, -3], 1.0), ValueError, "twice"),
        (lambda: dl.index_update(f(3, dtype="int64"), 0, 1.5), dl.DTypeError, r"1\.5 does not fit into int64"),
        (lambda: dl.index_update(f(3), 0, 1j), dl.DTypeError, "1j does not fit into float32"),
        (lambda: dl.index_update(f(3, dtype="int64"), 0, f()), dl.DTypeError, "float32 does not fit into int64"),
        (lambda: dl.index_update(f(3, dtype="uint8"), 0, -1), OverflowError, "-1 does not fit into uint8"),
        (lambda: dl.index_update(f(3), 0, A[0]), TypeError, "value must be .* got ndarray"),
        (lambda: dl.index_update(f(3), 0, None), TypeError, "value must be .* got NoneType"),
        (lambda: dl.index_update(f(3) > 0, 0, True, accumulate=True), dl.DTypeError, "bool tensors cannot be added"),
        (lambda: dl.index_update(f(3), f(3) > 0, f(2)), dl.ShapeError, r"\(2,\) does not broadcast .*\(3,\)"),
    ],
    "one_hot": [
        (lambda: dl.one_hot(A, 3), TypeError, "labels must be a Tensor"),
        (lambda: dl.one_hot(f(2), 3), dl.DTypeError, "labels must be integers, got float32"),
        (lambda: dl.one_hot(f(2) > 0, 3), dl.DTypeError, "got bool"),
        (lambda: dl.one_hot(dl.tensor([0, 3]), 3), IndexError, r"0\.\.2, got 3"),
        (lambda: dl.one_hot(dl.tensor([-1]), 3), IndexError, r"0\.\.2, got -1"),
        (lambda: dl.one_hot(dl.tensor([-1])), (IndexError, ValueError), "-1|got 0"),
        (lambda: dl.one_hot(dl.tensor([], dtype="int64")), ValueError, "num_classes must be given"),
        (lambda: dl.one_hot(dl.tensor([0]), 0), ValueError, "at least 1, got 0"),
        (lambda: dl.one_hot(dl.tensor([0]), 2.0), TypeError, r"num_classes must be an int, got 2\.0"),
    ],
    **{
        name: [
            (lambda n=name, a=a: getattr(dl, n)(-1, *a), dl.ShapeError, r">= 0, got \(-1,\)"),
            (lambda n=name, a=a: getattr(dl, n)((2, -3), *a), dl.ShapeError, r"\(2, -3\)"),
            (lambda n=name, a=a: getattr(dl, n)(2.5, *a), TypeError, r"shape must be .*2\.5"),
            (lambda n=name, a=a: getattr(dl, n)("ab", *a), TypeError, "shape must be .*'ab'"),
        ]
        for name, a in {"zeros": (), "ones": (), "full": (1,)}.items()
    },
    "full: value": [
        (lambda: dl.full((2,), 300, dtype="uint8"), OverflowError, "fill_value=300 does not fit into uint8"),
        (lambda: dl.full((2,), 1.5, dtype="int64"), dl.DTypeError, r"fill_value=1\.5 does not fit into int64"),
        (lambda: dl.full((2,), 1j, dtype="float32"), dl.DTypeError, "does not fit into float32"),
    ],
    "full_like": [
        (lambda: dl.full_like(A, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.full_like(f(2, dtype="uint8"), -1), OverflowError, "-1 does not fit into uint8"),
    ],
    "arange": [
        (lambda: dl.arange(0, 3, 0), ValueError, "step must not be 0"),
        (lambda: dl.arange("3"), TypeError, "stop must be a real number, got '3'"),
        (lambda: dl.arange(3j), TypeError, "stop must be a real number"),
        (lambda: dl.arange(float("nan")), ValueError, "stop must be finite, got nan"),
        (lambda: dl.arange(3, dtype="complex64"), dl.DTypeError, "complex64"),
    ],
    "astype": [
        (lambda: dl.astype(A, "float64"), TypeError, "x must be a Tensor"),
        (lambda: dl.astype(f(2, dtype="complex64"), "float32"), dl.DTypeError, r"imaginary part; use dl\.real"),
        (lambda: dl.astype(f(2, dtype="complex64"), "int8"), dl.DTypeError, "imaginary part"),
    ],
    "imag: reals": [(lambda: dl.imag(f(2)), dl.DTypeError, "must be complex, got float32")],
}  # fmt: skip
TABLE |= _ELEMENTWISE | _SHAPE


def test_every_operation_has_cases() -> None:
    named = {name.partition(":")[0] for name in TABLE}
    elsewhere = {"to", "einsum", "tensordot", "vecdot"}  # `to` below, the others in test_einsum and test_linalg
    assert set(ops.__all__) - elsewhere <= named
    assert named <= set(OPS) | {"indexing"}


@pytest.mark.parametrize(
    ("name", "call", "error", "message"),
    [
        pytest.param(name.partition(":")[0], *case, id=f"{name}-{i}".replace(" ", "_"))
        for name, cases in TABLE.items()
        for i, case in enumerate(cases)
    ],
)
def test_bad_input(name: str, call: Callable[[], Any], error: Any, message: str) -> None:
    def call_and_wait() -> None:
        call()
        dl.current_device().backend.synchronize()  # a GPU says only then what is wrong with values

    with pytest.raises(error, match=rf"^{name}: .*({message})"):
        call_and_wait()


@pytest.mark.parametrize("make", [dl.zeros, dl.ones, lambda shape, **k: dl.full(shape, 1, **k)])
def test_integers_have_no_gradient(make: Callable[..., Any]) -> None:
    with pytest.raises(dl.DTypeError, match=r"^requires_grad: only float and complex .* int64"):
        make((2,), dtype="int64", requires_grad=True)


def test_unknown_dtypes_are_refused_with_a_list() -> None:
    for bad in ("float128x", "object", "str", object(), "datetime64[s]", ">f4"):
        with pytest.raises(dl.DTypeError, match="dtype"):
            dl.zeros((2,), dtype=bad)
    with pytest.raises(dl.DTypeError, match="expected one of bool, complex128, complex64, float16, float32"):
        dl.zeros((2,), dtype="object")


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [("cuda:x", dl.DeviceError, "device number"), ("nonsense", dl.DeviceError, "unknown device 'nonsense'"),
     (object(), dl.DTypeError, "dtype")],
)  # fmt: skip
def test_to_refuses_what_is_neither_device_nor_dtype(target: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        f(2).to(target)


# --- in place: the tensor stays what it was ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "value", "error", "message"),
    [
        (2, 1.0, IndexError, "index 2 is out of range"),
        (0, dl.DeviceError, TypeError, "value must be a number or a Tensor"),
        (0, np.ones(3), TypeError, "got ndarray"),
        (0, [1.0, 2.0, 3.0], TypeError, "got list"),
        (0, 1j, dl.DTypeError, "does not fit into float32"),
        (0, f(2), dl.ShapeError, r"\(2,\).*\(3,\)"),
        (slice(0, 1), f(2, 3), dl.ShapeError, r"\(2, ?3\).*\(1, ?3\)"),
        (True, 1.0, dl.DTypeError, "a bool is no index"),
    ],
)
def test_item_assignment_that_fails_changes_nothing(index: Any, value: Any, error: Any, message: str) -> None:
    x = dl.zeros((2, 3))
    with pytest.raises(error, match=f"^item assignment: .*{message}"):
        x[index] = value
    assert x.numpy().sum() == 0
    assert x._version[0] == 0


IN_PLACE = {"+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv}


@pytest.mark.parametrize("symbol", IN_PLACE)
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (lambda: f(4), dl.ShapeError, r"shape \(4,\) does not broadcast to .*\(2, 3\)"),
        (lambda: f(2, 2, 3), dl.ShapeError, r"shape \(2, 2, 3\) does not broadcast to .*\(2, 3\)"),
        (lambda: A, TypeError, "got ndarray"),
        (lambda: 1j, dl.DTypeError, "does not fit into float32"),
        (lambda: f(3, dtype="complex64"), dl.DTypeError, "complex64 does not fit into float32"),
    ],
)
def test_an_in_place_operator_that_fails_changes_nothing(symbol: str, value: Any, error: Any, message: str) -> None:
    x = dl.full((2, 3), 6.0)
    with pytest.raises(error, match=f"^x {re.escape(symbol)} y: .*{message}"):
        IN_PLACE[symbol](x, value())
    assert (x.numpy() == 6.0).all()
    assert x._version[0] == 0


def test_in_place_operators_keep_the_dtype_or_refuse() -> None:
    i = f(2, dtype="int64")
    with pytest.raises(dl.DTypeError, match="float"):
        i /= 2
    with pytest.raises(dl.DTypeError, match=r"0\.5 does not fit into int64"):
        i += 0.5
    with pytest.raises(OverflowError, match="300 does not fit into int8"):
        operator.iadd(f(2, dtype="int8"), 300)
    b = f(2, dtype="bool")
    with pytest.raises(dl.DTypeError, match="bool"):
        b -= True
    with pytest.raises(dl.DTypeError, match="bool"):
        b += 2
    assert i.tolist() == [1, 1]
    assert b.tolist() == [True, True]


def test_a_read_only_view_cannot_be_written() -> None:
    x = dl.broadcast_to(dl.ones((3,)), (2, 3))
    with pytest.raises(ValueError, match="read-only"):
        x += 1
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1
    assert x._version[0] == 0
