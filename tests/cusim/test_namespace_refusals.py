"""What CuPy refuses, the simulator refuses: host arrays among device arrays, and what only NumPy knows."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import namespace as cp

HOST = np.ones(3)
UNSUPPORTED = r"Unsupported type <class 'numpy\.ndarray'>"


def x() -> Any:
    return cp.ones(3)


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.matmul, operator.lt, operator.ge, operator.eq, operator.ne, operator.iadd, operator.imul,
]  # fmt: skip


@pytest.mark.parametrize("function", BINARY, ids=lambda function: function.__name__)
def test_operators_with_numpy_arrays(function: Any) -> None:
    with pytest.raises(TypeError, match=UNSUPPORTED):
        function(x(), HOST)
    with pytest.raises(TypeError, match=UNSUPPORTED):
        function(HOST.copy(), x())


MIXED = {
    "ufunc": lambda: cp.add(x(), HOST),
    "ufunc, all from the host": lambda: cp.exp(HOST),
    "out": lambda: cp.add(x(), 1, out=HOST.copy()),
    "NumPy's ufunc": lambda: np.add(HOST, x()),
    "where": lambda: cp.where(x() > 0, x(), HOST),
    "concatenate": lambda: cp.concatenate([x(), HOST]),
    "stack": lambda: cp.stack([HOST, HOST]),
    "matmul": lambda: cp.matmul(x(), HOST),
    "dot": lambda: x().dot(HOST),
    "clip": lambda: cp.clip(x(), HOST, None),
    "reshape": lambda: cp.reshape(HOST, (3, 1)),
    "sum": lambda: cp.sum(HOST),
    "zeros_like": lambda: cp.zeros_like(HOST),
    "copyto": lambda: cp.copyto(x(), HOST),
    "arange": lambda: cp.arange(x()),
}  # fmt: skip


@pytest.mark.parametrize("call", MIXED.values(), ids=MIXED.keys())
def test_functions_with_numpy_arrays(call: Any) -> None:
    with pytest.raises(TypeError, match="Unsupported type"):
        call()


@pytest.mark.parametrize("convert", [np.asarray, np.array, lambda a: np.zeros(3).__setitem__(slice(None), a)])
def test_implicit_conversion_to_numpy(convert: Any) -> None:
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        convert(x())


def test_lists_are_no_arrays() -> None:
    for call in (lambda: cp.add(x(), [1, 2, 3]), lambda: cp.sum([1, 2]), lambda: operator.add(x(), [1, 2, 3])):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(AttributeError):
        cp.where([True, False], x()[:2], 0)


ONLY_NUMPY = {
    "sum where": lambda: cp.sum(x(), where=x() > 0),
    "max initial": lambda: cp.max(x(), initial=0),
    "add where": lambda: cp.add(x(), 1, where=x() > 0),
    "add order": lambda: cp.add(x(), 1, order="C"),
    "asarray copy": lambda: cp.asarray(x(), copy=True),
    "reshape shape": lambda: cp.reshape(x(), shape=(3, 1)),
    "reshape copy": lambda: cp.reshape(x(), (3, 1), copy=True),
    "std correction": lambda: cp.std(x(), correction=1),
    "clip min": lambda: cp.clip(x(), min=0),
    "take mode": lambda: cp.take(x(), x().astype(int), mode="clip"),
    "zeros device": lambda: cp.zeros(3, device="cpu"),
    "method kind": lambda: x().argsort(kind="stable"),
    "too many": lambda: cp.exp(x(), x(), x()),
    "astype casting": lambda: x().astype(int, casting="safe"),
    "logical of complex": lambda: cp.logical_not(x().astype(complex)),
}  # fmt: skip


@pytest.mark.parametrize("call", ONLY_NUMPY.values(), ids=ONLY_NUMPY.keys())
def test_arguments_that_only_numpy_knows(call: Any) -> None:
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    "name",
    ["concat", "permute_dims", "astype", "matrix_transpose", "unstack", "acos", "pow", "vecdot", "bool", "isdtype"],
)
def test_names_that_not_every_cupy_has(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(cp, name)


def test_names_that_are_internal_are_no_part_of_the_module() -> None:
    assert not {"np", "inspect", "signatures", "Any"} & set(dir(cp))


def test_sorting_is_stable_and_nothing_else() -> None:
    for call in (lambda: cp.argsort(x(), kind="quicksort"), lambda: cp.sort(x(), kind="mergesort")):
        with pytest.raises(ValueError, match="kind can only be None or 'stable'"):
            call()


@pytest.mark.parametrize("dtype", [object, "U3", "datetime64[s]", ">f4", "longdouble"])
def test_dtypes_that_a_gpu_does_not_have(dtype: Any) -> None:
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cp.empty(2, dtype=dtype)


def test_item_assignment_from_the_host() -> None:
    y = x()
    with pytest.raises(ValueError, match=r"non-scalar numpy\.ndarray cannot be used for fill"):
        y[...] = HOST
    with pytest.raises(ValueError, match=r"non-scalar numpy\.ndarray cannot be used for fill"):
        y[1:] = [1, 2]
    y[...] = np.float32(2)  # a scalar is fine, and so is what goes to places that an array names
    y[cp.asarray([0, 2])] = np.array([5.0, 6.0])
    assert y.tolist() == [5, 2, 6]


def test_arrays_are_not_hashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(x())


def test_a_reduction_gives_an_array() -> None:
    results = [
        x().sum(), cp.max(x()), x()[0], cp.argmax(x()), cp.count_nonzero(x()), cp.allclose(x(), x()),
        cp.array_equal(x(), x()), cp.dot(x(), x()),
    ]  # fmt: skip
    for found in results:
        assert type(found) is cp.ndarray
        assert found.shape == ()


def test_comparison_with_what_is_no_number() -> None:
    assert (x() == None).tolist() == [False] * 3  # noqa: E711
    assert (x() != object()).tolist() == [True] * 3


def test_no_warnings_as_on_a_gpu() -> None:
    y = cp.asarray([-1.0, 0.0, 1e30])
    for found in (1 / y, cp.log(y), y * 1e300, y.astype(cp.float16), cp.asarray([cp.nan]).astype(cp.int32)):
        found.get()
