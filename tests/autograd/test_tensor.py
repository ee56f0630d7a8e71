"""Tensor as a Python object: conversion, printing, Python's protocols, copying and pickling."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import dlcore as dl

# --- making tensors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (True, "bool"), (3, "int64"), (1.5, "float32"), (1 + 2j, "complex64"),
        ([1, 2.5], "float32"), ([[True], [False]], "bool"), ((1, 2), "int64"), ([], "float32"), ([[]], "float32"),
        (range(3), "int64"), (np.float64(1), "float64"), ([np.float64(1), 2.0], "float64"), (np.int8(1), "int8"),
        (np.ones(2), "float64"), (np.ones(2, np.float16), "float16"), ([np.ones(2), np.ones(2)], "float64"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [dl.tensor, dl.asarray])
def test_the_dtype_of_what_is_converted(make: Any, data: Any, dtype: str) -> None:
    x = make(data)
    assert x.dtype == dtype
    np.testing.assert_array_equal(x.numpy(), np.asarray(data, dtype))


@pytest.mark.parametrize("make", [dl.tensor, dl.asarray])
def test_a_wanted_dtype_is_applied_to_the_numbers_as_written(make: Any) -> None:
    assert make(0.1, dtype="float64").item() == 0.1
    assert make([0.1], dtype=dl.float64).tolist() == [0.1]
    assert make(16777217.0, dtype="int64").item() == 16777217
    assert make(1 / 3 + 1j / 3, dtype="complex128").item() == 1 / 3 + 1j / 3
    assert make([1, 2], dtype=float).dtype == dl.float32
    assert make([1.5], dtype=int).tolist() == [1]
    assert make([255], dtype="uint8").tolist() == [255]


@pytest.mark.parametrize("make", [dl.tensor, dl.asarray])
@pytest.mark.parametrize(
    ("data", "dtype", "error", "message"),
    [
        ([[1, 2], [3]], None, dl.ShapeError, "not a rectangular array"),
        ("text", None, dl.DTypeError, "expected numbers, got str"),
        (None, None, dl.DTypeError, "expected numbers, got NoneType"),
        ({1: 2}, None, dl.DTypeError, "expected numbers, got dict"),
        ([1, None], None, dl.DTypeError, "expected numbers, got list"),
        (np.array(["a"]), None, dl.DTypeError, "not supported"),
        (np.array([None]), None, dl.DTypeError, "not supported"),
        (np.ones(2, dtype=">f4"), None, dl.DTypeError, "not supported"),
        ([300], "uint8", OverflowError, "300 does not fit into uint8"),
        ([-1], "uint64", OverflowError, "-1 does not fit into uint64"),
        (128, "int8", OverflowError, "128 does not fit into int8"),
        ([[1, -(2**70)]], None, OverflowError, "-1180591620717411303424 does not fit into any integer dtype"),
        (1j, "float32", dl.DTypeError, "imaginary part"),
        (np.ones(2, dtype=np.complex64), "float32", dl.DTypeError, "imaginary part"),
        ([1.0], "float33", dl.DTypeError, "'float33' is not a dtype"),
    ],
)
def test_what_cannot_be_converted(make: Any, data: Any, dtype: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make(data, dtype=dtype)


@pytest.mark.host_memory
def test_tensor_copies_and_asarray_shares() -> None:
    a = np.zeros(3, dtype=np.float32)
    assert not np.shares_memory(dl.tensor(a).array, a)
    assert np.shares_memory(dl.asarray(a).array, a)
    assert np.shares_memory(dl.asarray(a, dtype="float32").array, a)
    assert not np.shares_memory(dl.asarray(a, copy=True).array, a)
    assert not np.shares_memory(dl.asarray(a, dtype="float64").array, a)
    t = dl.tensor(a)
    assert dl.asarray(t) is not t
    assert np.shares_memory(dl.asarray(t).array, t.array)
    assert not np.shares_memory(dl.tensor(t).array, t.array)
    assert not np.shares_memory(dl.asarray(t, copy=True).array, t.array)


@pytest.mark.host_memory
def test_asarray_without_copy_refuses_to_copy() -> None:
    a = np.zeros(3, dtype=np.float32)
    assert np.shares_memory(dl.asarray(a, copy=False).array, a)
    for data, dtype in ((a, "float64"), ([1, 2], None), (dl.tensor(a), "int8")):
        with pytest.raises(ValueError, match="copy=False"):
            dl.asarray(data, dtype=dtype, copy=False)


def test_a_tensor_in_the_graph_is_copied_out_of_it_or_refused() -> None:
    x = dl.ones((2,), requires_grad=True)
    y = dl.tensor(x * 2)
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match=r"requires grad; use x\.detach\(\)"):
        dl.asarray(x)


def test_lists_of_tensors() -> None:
    x = dl.tensor([1.0, 2.0], dtype="float64")
    assert dl.tensor([x, x]).shape == (2, 2)
    assert dl.tensor([x, x]).dtype == dl.float64
    assert dl.tensor([x[0], 3.5]).tolist() == [1, 3.5]
    assert dl.tensor([[x[0], x[1]], [x[1], x[0]]]).dtype == dl.float64


def test_the_class_is_not_called() -> None:
    with pytest.raises(TypeError, match=r"make tensors with dl\.tensor"):
        dl.Tensor()


# --- back to Python and NumPy -----------------------------------------------------------------------------


@pytest.mark.host_memory
def test_to_numpy() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    assert np.shares_memory(x.numpy(), x.array)
    assert type((x * 2).numpy()) is np.ndarray
    with pytest.raises(RuntimeError, match=r"use x\.numpy\(\)"):
        np.asarray(x)
    plain = x.detach()
    assert np.shares_memory(np.asarray(plain), x.array)
    assert np.asarray(plain, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(plain), x.array)


def test_numbers() -> None:
    x = dl.tensor([[2.5]])
    assert (x.item(), float(x), int(x), complex(x)) == (2.5, 2.5, 2, 2.5 + 0j)
    assert type(dl.tensor(3).item()) is int
    assert bool(dl.tensor(1.0))
    assert not dl.tensor([False])
    assert x.tolist() == [[2.5]]
    assert dl.tensor(2.5).tolist() == 2.5
    assert dl.sum(x).shape == ()
    assert isinstance(dl.sum(x), dl.Tensor)


def test_as_an_index() -> None:
    assert [10, 20, 30][dl.tensor(1)] == 20
    assert list(range(5))[dl.tensor(1) : dl.tensor([3])] == [1, 2]
    assert dl.arange(5)[dl.tensor(1) : dl.tensor(3)].tolist() == [1, 2]
    for bad in (dl.tensor(1.0), dl.tensor(True)):
        with pytest.raises(dl.DTypeError, match="an index must be an integer"):
            operator.index(bad)


@pytest.mark.parametrize("convert", [float, int, bool, complex, operator.index, lambda x: x.item()])
@pytest.mark.parametrize("shape", [(2,), (0,), (1, 2)])
def test_only_one_element_is_a_number(convert: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(dl.ShapeError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        convert(dl.zeros(shape, dtype="int64"))


def test_length_and_iteration() -> None:
    x = dl.tensor([[1, 2], [3, 4]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    _, second = x
    assert second.tolist() == [3, 4]
    assert 3 in x[1]
    assert 5 not in x[1]
    assert next(reversed(x)).tolist() == [3, 4]
    for refused in (len, iter):
        with pytest.raises(TypeError, match="0-d tensor"):
            refused(dl.tensor(1))


def test_iteration_is_recorded() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    a, b = x
    (a * b).backward()
    assert x.grad.tolist() == [2, 1]


# --- operators --------------------------------------------------------------------------------------------


def test_operators_with_numbers_on_either_side() -> None:
    x = dl.tensor([2.0, 4.0])
    assert [y.tolist() for y in (1 + x, 1 - x, 3 * x, 8 / x, 9 // x, 9 % x, 2**x)] == [
        [3, 5], [-1, -3], [6, 12], [4, 2], [4, 2], [1, 1], [4, 16]]  # fmt: skip
    assert [y.tolist() for y in (-x, +x, abs(-x))] == [[-2, -4], [2, 4], [2, 4]]
    assert (1 < x).tolist() == [True, True]  # noqa: SIM300 - the reflected operator is what is tested


@pytest.mark.parametrize("symbol", [operator.add, operator.mul, operator.sub, operator.truediv, operator.matmul,
                                    operator.lt, operator.pow])  # fmt: skip
def test_arrays_and_tensors_do_not_mix(symbol: Any) -> None:
    x, a = dl.ones((2,)), np.ones(2, dtype=np.float32)
    for left, right in ((x, a), (a, x)):
        with pytest.raises(TypeError, match=r"must be a Tensor, got ndarray; use dl\.asarray"):
            symbol(left, right)


def test_numpy_numbers_do_mix() -> None:
    x = dl.ones((2,))
    for y in (x * np.float64(2), np.float64(2) * x, np.int64(2) * x, x + np.float32(1)):
        assert isinstance(y, dl.Tensor)
        assert y.dtype == dl.float32
        assert y.tolist() == [2, 2]


def test_transposes() -> None:
    x = dl.zeros((2, 3))
    assert x.T.shape == x.mT.shape == (3, 2)
    with pytest.raises(dl.ShapeError, match=r"x\.T is for matrices.*\(2, 3, 1\)"):
        _ = dl.zeros((2, 3, 1)).T


def test_equality_is_elementwise_and_hash_is_identity() -> None:
    x, y = dl.tensor([1, 2]), dl.tensor([1, 3])
    assert (x == y).tolist() == [True, False]
    assert (x != y).tolist() == [False, True]
    assert len({x, y, x}) == 2
    assert {x: "a"}[x] == "a"


# --- printing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
        (lambda: dl.tensor(3), "tensor(3)"),
        (lambda: dl.tensor([True]), "tensor([ True])"),
        (lambda: dl.tensor([1], dtype="int8"), "tensor([1], dtype=int8)"),
        (lambda: dl.zeros((0, 3)), "tensor([], shape=(0, 3))"),
        (lambda: dl.zeros((0,)), "tensor([])"),
        (lambda: dl.ones((1,), requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: dl.ones((1,), requires_grad=True) * 2, "tensor([2.], node=Multiply)"),
        (lambda: dl.zeros((2, 2)), "tensor([[0., 0.],\n        [0., 0.]])"),
    ],
)
def test_repr(make: Any, text: str) -> None:
    assert repr(make()) == text


def test_a_large_tensor_is_abbreviated() -> None:
    assert len(repr(dl.zeros((1000, 1000)))) < 1000


def test_format() -> None:
    assert f"{dl.tensor(2.5):.2f}" == "2.50"
    assert f"{dl.tensor(3):03d}" == "003"
    assert f"{dl.tensor([1.0])}" == "tensor([1.])"


# --- copies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clone", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))],
                         ids=["deepcopy", "copy", "pickle"])  # fmt: skip
@pytest.mark.parametrize("layout", [(), (slice(None, None, -1),), (slice(None), 1)])
def test_copies_have_memory_of_their_own(clone: Any, layout: Any) -> None:
    x = dl.tensor(np.arange(6.0).reshape(2, 3)[layout], requires_grad=True)
    y = clone(x)
    assert type(y) is dl.Tensor
    assert (y.dtype, y.device, y.requires_grad, y.tolist()) == (x.dtype, x.device, True, x.tolist())
    assert not np.shares_memory(x.array, y.array)
    (y * 2).sum().backward()
    assert x.grad is None


def test_deepcopy_keeps_the_grad_and_what_is_one_stays_one() -> None:
    x = dl.ones((2,), requires_grad=True)
    (x * 3).sum().backward()
    a, b = copy.deepcopy([x, x])
    assert a is b
    assert a.grad.tolist() == [3, 3]
    assert not np.shares_memory(a.grad.array, x.grad.array)


def test_a_tensor_in_the_graph_is_not_copied() -> None:
    y = dl.ones((2,), requires_grad=True) * 2
    for clone in (copy.deepcopy, copy.copy, pickle.dumps):
        with pytest.raises(RuntimeError, match=r"only a leaf.*use x\.detach\(\)"):
            clone(y)
    assert copy.deepcopy(y.detach()).tolist() == [2, 2]
