"""Values, dtypes and devices of every operation, against NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import ops

from .cases import ALL, FLOATS, INTEGERS, OPS, Case, In, Op, parameters, tensors

TOLERANCE = {"float16": 2e-3, "float32": 2e-6, "complex64": 2e-6, "float64": 1e-14, "complex128": 1e-14}


def test_every_operation_is_in_the_table() -> None:
    assert set(ops.__all__) <= set(OPS)
    assert {name for name in ops.__all__ if name != "to"} <= set(dl.__all__)


#: Where a bool tensor may meet an int.
WITH_BOOL = {"add", "multiply", "where", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}
KINDS: dict[str, Callable[[In], bool]] = {
    "empty": lambda x: 0 in x.shape,
    "zero batch": lambda x: len(x.shape) > 1 and x.shape[0] == 0,
    "0-d": lambda x: x.shape == (),
    "non-contiguous": lambda x: x.layout in ("transposed", "strided"),
    "negative steps": lambda x: x.layout == "negative",
    "broadcast": lambda x: x.layout == "broadcast",
}
HAVE_AXES = {  # refuse 0-d tensors
    "cumulative_sum", "cumulative_prod", "vecdot",
    "matmul", "matrix_transpose", "unstack", "split", "chunk", "swapaxes", "tril", "triu", "diagonal", "diag_embed",
    "diag", "take_along_axis", "gather", "scatter", "scatter_add", "mask", "sort", "argsort", "topk", "nonzero",
}  # fmt: skip


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_every_operation_is_tried_on_every_kind_of_input(op: Op) -> None:
    inputs = [x for case in op.cases for x in case.arguments if isinstance(x, In)]
    missing = {name for name, is_one in KINDS.items() if not any(map(is_one, inputs))}
    refused = {"zero batch"} if op.name == "meshgrid" else {"0-d"} if op.name in HAVE_AXES else set()
    assert missing == refused


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize(("op", "case"), parameters())
def test_values_and_dtypes(op: Op, case: Case, rng: np.random.Generator) -> None:
    for dtype in op.dtypes:
        try:
            check_value_and_dtype(op, case, dtype, rng)
        except Exception as error:
            error.add_note(f"with dtype {dtype}")
            raise


def check_value_and_dtype(op: Op, case: Case, dtype: str, rng: np.random.Generator) -> None:
    arrays = case.arrays(rng, dtype)
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in arrays]
    computed = arrays
    if op.inexact and np.dtype(dtype).kind not in "fc":
        computed = [a.astype("float32") if isinstance(a, np.ndarray) else a for a in arrays]
    with np.errstate(all="ignore"):
        expected = np.asarray(op.numpy(*computed, **case.keywords))
        actual = op.here(*tensors(arrays), **case.keywords)
    wanted = np.dtype(op.result(np.dtype(dtype)))
    if np.dtype(dtype).kind == "b" and any(type(a) is int for a in arrays) and op.name in WITH_BOOL:
        wanted = np.dtype(op.result(np.dtype("int64")))  # a bool tensor with an int counts as int64
    assert isinstance(actual, dl.Tensor)
    assert actual.dtype == wanted
    assert actual.device is dl.current_device()
    assert actual.shape == expected.shape
    tolerance = TOLERANCE.get(str(wanted), 0)
    np.testing.assert_allclose(actual.numpy(), expected.astype(wanted), rtol=tolerance, atol=tolerance)
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("op", [op for op in OPS.values() if set(op.dtypes) != set(ALL)], ids=lambda op: op.name)
def test_a_dtype_that_an_operation_does_not_take_is_refused_by_name(op: Op, rng: np.random.Generator) -> None:
    case = op.cases[0]
    for dtype in sorted(set(ALL) - set(op.dtypes)):
        if op.name in ("conj", "real") or (op.name, np.dtype(dtype).kind) in (("clip", "u"), ("arange", "b")):
            continue  # they take it; the cases do not try it
        if op.name == "arange":
            continue
        with pytest.raises(dl.DTypeError, match=f"^{op.name}: ") as caught:
            op.here(*tensors(case.arrays(rng, dtype)), **case.keywords)
        kind = np.dtype(dtype).kind
        assert dtype in str(caught.value) or (kind == "c" and "complex" in str(caught.value))


# --- two operands of different dtypes: the rules of the README ------------------------------------------

ARITHMETIC = {"+": operator.add, "*": operator.mul, "-": operator.sub, "where": None}


def joined(x: str, y: str) -> np.dtype[Any] | None:
    """The documented rule, written down a second time. None: there is no such dtype."""
    kinds = {np.dtype(x).kind in "fc", np.dtype(y).kind in "fc"}
    if kinds == {True, False}:  # an integer with a float gives that float's dtype
        return np.dtype(x if np.dtype(x).kind in "fc" else y)
    result = np.result_type(x, y)
    return None if result.kind == "f" and kinds == {False} else result


@pytest.mark.parametrize("x", ALL)
@pytest.mark.parametrize("y", ALL)
def test_two_dtypes(x: str, y: str) -> None:
    a, b = dl.ones((2,), dtype=x), dl.ones((2,), dtype=y)
    expected = joined(x, y)
    for combine in (dl.add, dl.multiply, lambda p, q: dl.where(dl.tensor([True, False]), p, q),
                    lambda p, q: dl.concat([p, q])):  # fmt: skip
        if expected is None:
            with pytest.raises(dl.DTypeError, match="no integer dtype holds both"):
                combine(a, b)
        else:
            assert combine(a, b).dtype == expected


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize("number", [True, 2, 2.5, 1j, np.float64(2.5), np.int64(2), np.bool_(True), np.complex128(1j)])
def test_a_number_never_widens(dtype: str, number: Any) -> None:
    x = dl.ones((2,), dtype=dtype)
    kind = np.dtype(dtype).kind
    if isinstance(number, (complex, np.complexfloating)):
        expected = dtype if kind == "c" else "complex128" if dtype == "float64" else "complex64"
    elif isinstance(number, (float, np.floating)):
        expected = dtype if kind in "fc" else "float32"
    elif isinstance(number, (bool, np.bool_)):
        expected = dtype
    else:
        expected = "int64" if kind == "b" else dtype
    for y in (x + number, number + x, x * number, dl.where(dl.tensor([True, False]), x, number)):
        assert y.dtype == expected
        assert isinstance(y, dl.Tensor)
    np.testing.assert_array_equal((x + number).numpy(), (np.ones(2, dtype=expected) + np.asarray(number, expected)))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("beyond", ["above", "below"])
def test_an_int_that_does_not_fit_is_refused(dtype: str, beyond: str) -> None:
    limits = np.iinfo(dtype)
    number = int(limits.max) + 1 if beyond == "above" else int(limits.min) - 1
    x = dl.ones((2,), dtype=dtype)
    for name, function in {
        "add": dl.add,
        "multiply": dl.multiply,
        "where": lambda p, q: dl.where(dl.tensor([True, False]), p, q),
        "clip": lambda p, q: dl.clip(p, q),
        "index_update": lambda p, q: dl.index_update(p, 0, q),
        "item assignment": lambda p, q: p.__setitem__(0, q),
    }.items():
        with pytest.raises(OverflowError, match=f"{name}.*{number}"):
            function(x, number)
    with pytest.raises(OverflowError, match=str(number)):
        x += number
    assert x.tolist() == [1, 1]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_comparison_with_an_int_that_does_not_fit_is_exact(dtype: str) -> None:
    x = dl.ones((2,), dtype=dtype)
    assert (x < 2**70).tolist() == [True, True]
    assert (x == 2**70).tolist() == [False, False]
    assert (x > -(2**70)).tolist() == [True, True]
    assert (x <= -(2**70)).tolist() == [False, False]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_number_beyond_the_floats_becomes_infinite(dtype: str) -> None:
    x = dl.zeros((1,), dtype=dtype)
    beyond = {"float16": 1e5, "float32": 1e39, "float64": 2e308}[dtype]
    with np.errstate(all="ignore"):
        assert (x + beyond).tolist() == [np.inf]
        assert (x - beyond).tolist() == [-np.inf]
    with pytest.raises(OverflowError, match="too large"):  # as Python's own float(10**400)
        x + 10**400


def test_sums_of_float16_are_accumulated_in_float32() -> None:
    x = dl.ones((4096,), dtype="float16")
    assert dl.sum(x).item() == 4096.0  # float16 cannot count beyond 2048
    assert dl.mean(x * 1000).item() == 1000.0  # and the sum does not fit
    assert dl.matmul(x, x).item() == 4096.0


def test_a_result_is_never_the_memory_of_an_argument_unless_it_is_a_view() -> None:
    """Writing into the result of an operation must not change its argument, except through views."""
    views = {"reshape", "permute_dims", "matrix_transpose", "squeeze", "expand_dims", "getitem", "real", "imag",
             "diag", "diagonal", "flip", "meshgrid", "moveaxis", "swapaxes"}  # fmt: skip
    same = {"positive", "conj", "astype", "to", "broadcast_to", "broadcast_arrays", "clip"}
    for op in OPS.values():
        for case in op.cases:
            arrays = case.arrays(np.random.default_rng(0), op.float_dtypes[0] if op.float_dtypes else "int64")
            with np.errstate(all="ignore"):
                y = op.here(*tensors(arrays), **case.keywords)
            shares = any(isinstance(a, np.ndarray) and np.shares_memory(a, y.array) for a in arrays)
            assert not shares or op.name in views | same, (op.name, case.name)


@pytest.mark.parametrize("index", [0, (0, 1), (slice(None), 1), Ellipsis, (0, Ellipsis)])
def test_slices_and_ints_give_views_even_of_one_element(index: Any) -> None:
    x = dl.zeros((2, 3))
    y = x[index]
    y += 1
    expected = np.zeros((2, 3), dtype=np.float32)
    expected[index] += 1
    np.testing.assert_array_equal(x.numpy(), expected)


def test_an_index_array_may_be_smaller_than_the_axis() -> None:
    """A uint8 or int8 index reaches rows whose count it could not hold."""
    x = dl.tensor(np.arange(600.0).reshape(300, 2), requires_grad=True)
    for dtype in ("uint8", "int8"):
        index = dl.tensor([3, 100, 3], dtype=dtype)
        (g,) = dl.grad(x[index].sum(), x)
        assert g.numpy()[:, 0].nonzero()[0].tolist() == [3, 100]
        assert g.numpy()[3, 0] == 2


def test_creation() -> None:
    assert dl.zeros(3).dtype == dl.float32
    assert dl.ones(np.int64(2)).shape == (2,)
    assert dl.full((2, 1), 2.5).dtype == dl.float32
    assert dl.full([2], True).dtype == dl.bool_
    assert dl.full((2,), 1j).dtype == dl.complex64
    assert dl.full((), 3).item() == 3
    assert dl.zeros((2,), dtype="float64", requires_grad=True).requires_grad
    assert dl.zeros_like(dl.ones((2,), dtype="int8"), dtype="float16").dtype == dl.float16
    assert dl.arange(3).dtype == dl.int64
    assert dl.arange(np.int64(3)).dtype == dl.int64
    assert dl.arange(3.0).dtype == dl.float32
    assert dl.arange(5, 0, -2).tolist() == [5, 3, 1]
    assert dl.arange(0, 1, 0.25).tolist() == [0, 0.25, 0.5, 0.75]
    assert dl.arange(3, 1).shape == (0,)
    assert dl.arange(2, dtype="float64").dtype == dl.float64


def test_one_hot_finds_the_number_of_classes() -> None:
    assert dl.one_hot(dl.tensor([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert dl.one_hot(dl.tensor([127], dtype="int8"), 1000).numpy().nonzero()[1].tolist() == [127]
