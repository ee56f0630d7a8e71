"""What masks, gathering, scattering, cutting and sorting promise beyond their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .cases import Case, Op, tensors
from .cases_shape import TABLE

NAN, INF = float("nan"), float("inf")


# --- masks ------------------------------------------------------------------------------------------------


def test_a_mask_may_be_a_tensor_an_array_or_a_list() -> None:
    x = dl.tensor([1.0, 2.0, 3.0])
    for mask in (x > 1.5, np.array([False, True, True]), [False, True, True]):
        assert x[mask].tolist() == [2, 3]


def test_a_mask_joins_other_indices_as_in_numpy(rng: np.random.Generator) -> None:
    a = rng.normal(size=(3, 4, 2))
    mask, rows = np.array([True, False, True]), np.array([3, 0])
    x = dl.tensor(a)
    for index in (
        (mask, rows), (mask, 1), (slice(None), rows[:1], [True, False]), (mask, slice(1, 3), 0), (np.newaxis, mask),
        (Ellipsis, np.array([True, False])), (mask, slice(None), np.array([1, 0])),
    ):  # fmt: skip
        np.testing.assert_array_equal(x[index].numpy(), a[index])


@pytest.mark.parametrize("mask", [[[True, False, True], [False, False, True]], [False, True]])
def test_item_assignment_with_a_mask(mask: Any, rng: np.random.Generator) -> None:
    a = rng.normal(size=(2, 3)).astype(np.float32)
    where = np.array(mask)
    for index in (where, dl.tensor(where)):
        for value in (0.0, a[where] * 2, a[where][:1], np.float32(3)):
            x, expected = dl.tensor(a), a.copy()
            x[index] = dl.tensor(value) if isinstance(value, np.ndarray) else value
            expected[where] = value
            np.testing.assert_array_equal(x.numpy(), expected)
            assert x._version[0] == 1


def test_item_assignment_with_a_mask_that_fails_changes_nothing() -> None:
    x = dl.zeros((2, 3))
    for index, value, error in (
        (dl.tensor([True, True, False]), 1.0, IndexError),
        (dl.tensor([True, False]), dl.ones((2, 3)), dl.ShapeError),
        (dl.tensor([True, False]), dl.ones((2,)), dl.ShapeError),
        (dl.tensor([True, False]), 1j, dl.DTypeError),
    ):
        with pytest.raises(error, match=r"^item assignment: "):
            x[index] = value
    assert x.numpy().sum() == 0
    assert x._version[0] == 0


def test_index_update_with_a_mask_has_gradients_for_both(rng: np.random.Generator) -> None:
    x = dl.tensor(rng.normal(size=(3, 2)), requires_grad=True)
    mask = dl.tensor([[True, False], [False, True], [True, True]])
    value = dl.tensor(rng.normal(size=4), requires_grad=True)
    y = dl.index_update(x, mask, value)
    expected = x.numpy().copy()
    expected[mask.numpy()] = value.numpy()
    np.testing.assert_array_equal(y.numpy(), expected)
    assert dl.gradcheck(lambda x, v: dl.index_update(x, mask, v) ** 2, [x, value], second_order=True)


def test_a_mask_with_an_array_that_names_a_place_twice() -> None:
    x = dl.zeros((3, 4), dtype="float64", requires_grad=True)
    index = (dl.tensor([False, True, False]), dl.tensor([2, 2]))
    (g,) = dl.grad((x[index] * dl.tensor([1.0, 3.0])).sum(), x)
    assert (g.numpy()[1, 2], g.numpy().sum()) == (4, 4)
    with pytest.raises(ValueError, match="names a place twice"):
        dl.index_update(x, index, 1.0)


@pytest.mark.parametrize(
    ("index", "shape"),
    [([0, 2, 0], (3, 2)), ((slice(None), [1, 1]), (2,)), (([0, 0], [1, 1]), ()), (slice(0, 2), (2,))],
)
def test_index_update_adds_where_it_accumulates(index: Any, shape: Any, rng: np.random.Generator) -> None:
    x, value = dl.tensor(rng.normal(size=(3, 2)), requires_grad=True), dl.tensor(rng.normal(size=shape))
    expected = x.numpy().copy()
    np.add.at(expected, index, value.numpy())
    np.testing.assert_allclose(dl.index_update(x, index, value, accumulate=True).numpy(), expected, rtol=1e-14)
    value.requires_grad_()
    assert dl.gradcheck(lambda x, v: dl.index_update(x, index, v, accumulate=True) ** 2, [x, value], second_order=True)


def test_a_number_is_added_once_for_each_time_that_a_place_is_named() -> None:
    assert dl.index_update(dl.zeros((3,)), [0, 0, 2], 1.5, accumulate=True).tolist() == [3, 0, 1.5]
    assert dl.index_update(dl.zeros((2,), dtype="int64"), [1, 1], 2, accumulate=True).tolist() == [0, 4]


# --- what backward needs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gather",
    [lambda x, i: dl.take(x, i, axis=0), lambda x, i: x.gather(0, i),
     lambda x, i: dl.scatter(x, i, x), lambda x, i: dl.scatter_add(dl.zeros((3,)), i, x)],
)  # fmt: skip
def test_an_index_that_is_written_to_before_backward_is_an_error(gather: Callable[..., dl.Tensor]) -> None:
    x, index = dl.tensor([1.0, 2.0, 3.0], requires_grad=True), dl.tensor([0, 2])
    y = gather(x, index).sum()
    index[0] = 1
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


def test_an_index_that_was_copied_may_be_written_to() -> None:
    x, index = dl.tensor([1.0, 2.0, 3.0], requires_grad=True), dl.tensor([0, -1])
    for gather in (lambda: dl.take_along_axis(x, index), lambda: x[index]):
        index[1] = -1
        y = gather().sum()
        index[1] = 1
        assert dl.grad(y, x)[0].tolist() == [1, 0, 1]


def test_the_gradient_of_parts_that_nothing_used_is_zero() -> None:
    x = dl.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    parts = dl.unstack(x)
    (g,) = dl.grad((parts[2] ** 2).sum() + parts[0].sum(), x)
    assert g.tolist() == [[1, 1], [0, 0], [8, 10]]


def test_parts_are_views() -> None:
    x = dl.zeros((4, 2))
    for parts in (dl.split(x, 2), dl.chunk(x, 2), dl.unstack(x), (dl.flip(x),), (dl.moveaxis(x, 0, 1),)):
        parts[0][...] = dl.max(x) + 1
        assert dl.max(x).item() == parts[0].numpy().max()
    assert x._version[0] == 5


def test_parts_of_a_tensor_in_a_graph_notice_that_it_is_written_to() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    first, _ = dl.split(x, 1)
    y = (first * first).sum()
    with dl.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


def test_nothing_to_cut() -> None:
    assert dl.unstack(dl.zeros((0, 3), requires_grad=True)) == ()
    assert [part.shape for part in dl.chunk(dl.zeros((0, 3)), 2)] == [(0, 3), (0, 3)]
    assert [part.shape for part in dl.split(dl.zeros((0, 3)), 0)] == [(0, 3)]
    assert dl.split(dl.zeros((0,)), []) == ()
    assert dl.broadcast_arrays() == dl.meshgrid() == ()


@pytest.mark.parametrize(
    ("op", "case"),
    [pytest.param(op, case, id=f"{op.name}-{case.name}") for op in TABLE if op.differentiable for case in op.cases],
)
def test_second_derivatives_where_they_are_not_zero(op: Op, case: Case, rng: np.random.Generator) -> None:
    """These operations are linear, so that their own second derivatives are; those of their squares are not."""
    arguments = tensors(case.arrays(rng, "float64"))
    positions = [i for i, varies in enumerate(case.varies()) if varies]
    inputs = [arguments[i].detach().requires_grad_() for i in positions]

    def square(*varied: dl.Tensor) -> dl.Tensor:
        filled = list(arguments)
        for i, x in zip(positions, varied, strict=True):
            filled[i] = x
        return op.here(*filled, **case.keywords) ** 2

    assert dl.gradcheck(square, inputs, second_order=True, rtol=1e-5)


# --- scattering -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_sums_of_integers_wrap_around_like_numpys(dtype: str, rng: np.random.Generator) -> None:
    values = rng.integers(0, 100, 40).astype(dtype)
    index = rng.integers(0, 3, 40)
    expected = np.zeros(3, dtype)
    np.add.at(expected, index, values)
    y = dl.scatter_add(dl.zeros((3,), dtype=dtype), dl.tensor(index), dl.tensor(values))
    np.testing.assert_array_equal(y.numpy(), expected)


def test_sums_of_float16_keep_small_terms() -> None:
    y = dl.scatter_add(dl.zeros((1,), dtype="float16"), dl.zeros((3000,), dtype="int64"), 1.0)
    assert y.tolist() == [3000]  # float16 cannot count beyond 2048


def test_scatter_takes_the_gradient_from_what_it_replaces() -> None:
    x, v = dl.tensor([1.0, 2.0, 3.0], requires_grad=True), dl.tensor([5.0, 7.0], requires_grad=True)
    gx, gv = dl.grad((dl.scatter(x, dl.tensor([2, 0]), v) * dl.tensor([1.0, 2.0, 3.0])).sum(), [x, v])
    assert (gx.tolist(), gv.tolist()) == ([0, 2, 0], [3, 1])


# --- order ------------------------------------------------------------------------------------------------


def test_nan_counts_as_the_largest_number() -> None:
    x = dl.tensor([NAN, 2.0, -INF, INF, NAN, 1.0])
    np.testing.assert_array_equal(dl.sort(x).numpy(), [-INF, 1, 2, INF, NAN, NAN])
    np.testing.assert_array_equal(dl.sort(x, descending=True).numpy(), [NAN, NAN, INF, 2, 1, -INF])
    assert dl.argsort(x).tolist() == [2, 5, 1, 3, 0, 4]
    assert dl.argsort(x, descending=True).tolist() == [0, 4, 3, 1, 5, 2]
    assert dl.topk(x, 3).indices.tolist() == [0, 4, 3]
    assert dl.topk(x, 3, largest=False).indices.tolist() == [2, 5, 1]


def test_equal_elements_keep_their_order(rng: np.random.Generator) -> None:
    a = rng.integers(0, 3, (4, 200))
    x = dl.tensor(a)
    np.testing.assert_array_equal(dl.argsort(x).numpy(), np.argsort(a, kind="stable"))
    np.testing.assert_array_equal(dl.argsort(x, descending=True).numpy(), np.argsort(-a, kind="stable"))
    np.testing.assert_array_equal(dl.topk(x, 5).indices.numpy(), np.argsort(-a, kind="stable")[:, :5])
    np.testing.assert_array_equal(dl.topk(x, 5, largest=False).indices.numpy(), np.argsort(a, kind="stable")[:, :5])
    np.testing.assert_array_equal(dl.topk(x, 2, 0).indices.numpy(), np.argsort(-a, 0, kind="stable")[:2])


@pytest.mark.parametrize("dtype", ["uint8", "bool", "float16", "int64"])
@pytest.mark.parametrize("k", [0, 1, 7, 64, 300])
def test_topk_is_the_head_of_the_order(dtype: str, k: int, rng: np.random.Generator) -> None:
    a = rng.integers(0, 60, (2, 300)).astype(dtype)
    for largest in (True, False):
        values, indices = dl.topk(dl.tensor(a), k, largest=largest)
        order = 299 - np.flip(np.argsort(a[:, ::-1], kind="stable"), 1) if largest else np.argsort(a, kind="stable")
        np.testing.assert_array_equal(indices.numpy(), order[:, :k])
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, order[:, :k], 1))


def test_the_gradient_of_equal_elements_goes_to_each_in_its_order() -> None:
    x = dl.tensor([1.0, 0.0, 1.0], requires_grad=True)
    weights = dl.tensor([1.0, 2.0, 4.0])
    assert dl.grad((dl.sort(x) * weights).sum(), x)[0].tolist() == [2, 1, 4]
    assert dl.grad((dl.sort(x, descending=True) * weights).sum(), x)[0].tolist() == [1, 4, 2]
    assert dl.grad(dl.topk(x, 1).values.sum(), x)[0].tolist() == [1, 0, 0]


def test_each_nan_is_a_value_of_its_own() -> None:
    found = dl.unique_all(dl.tensor([NAN, 1.0, NAN, -0.0, 0.0]))
    np.testing.assert_array_equal(found.values.numpy(), [0, 1, NAN, NAN])
    assert found.counts.tolist() == [2, 1, 1, 1]
    assert found.indices.tolist() == [3, 1, 0, 2]


def test_searchsorted_with_a_sorter_and_other_dtypes() -> None:
    x = dl.tensor([3, 1, 2])
    assert dl.searchsorted(x, dl.tensor([1.5, 3.0]), sorter=dl.argsort(x)).tolist() == [1, 2]
    assert dl.searchsorted(dl.tensor([1.0, 2.0]), dl.tensor([2, 0])).dtype == dl.int64


# --- PyTorch's methods ------------------------------------------------------------------------------------


def test_methods_of_pytorch(rng: np.random.Generator) -> None:
    a = rng.normal(size=(3, 4))
    x, mask = dl.tensor(a), a > 0
    np.testing.assert_array_equal(x.index_select(1, dl.tensor([3, 0])).numpy(), a[:, [3, 0]])
    np.testing.assert_array_equal(x.index_select(0, dl.tensor(2)).numpy(), a[2:])
    np.testing.assert_array_equal(x.masked_fill(dl.tensor(mask), 0.0).numpy(), np.where(mask, 0, a))
    np.testing.assert_array_equal(x.masked_select(dl.tensor(mask[0])).numpy(), a[:, mask[0]].reshape(-1))
    np.testing.assert_array_equal(x.repeat_interleave(2, axis=0).numpy(), a.repeat(2, 0))
    assert dl.tensor(2.0).masked_select(dl.tensor([True, True])).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.index_select(1, dl.tensor([[0]])), dl.ShapeError, r"index_select: .*vector, got shape \(1, 1\)"),
        (lambda x: x.index_select(1, dl.tensor([-1])), IndexError, r"index_select: .*0\.\.2, got -1"),
        (lambda x: x.index_select(2, dl.tensor([0])), dl.ShapeError, "index_select: axis 2"),
        (lambda x: x.masked_fill(x, 0.0), dl.DTypeError, "masked_fill: mask must be bool, got float32"),
        (lambda x: x.masked_fill([True], 0.0), TypeError, "masked_fill: mask must be a Tensor"),
        (lambda x: x.masked_fill(dl.ones((2,)) > 0, 0.0), dl.ShapeError, r"masked_fill: .*\(2, 3\) and \(2,\)"),
        (lambda x: x.masked_fill(x > 0, dl.ones((1,))), dl.ShapeError, r"masked_fill: value .*\(1,\)"),
        (lambda x: x.masked_fill(x > 0, 1j), dl.DTypeError, "masked_fill: value=1j does not fit into float32"),
        (lambda x: (x > 0).masked_fill(x > 0, 2), dl.DTypeError, "masked_fill: value=2 does not fit into bool"),
        (lambda x: x.masked_select(x), dl.DTypeError, "masked_select: mask must be bool, got float32"),
        (lambda x: x.masked_select(dl.ones((2,)) > 0), dl.ShapeError, r"masked_select: .*\(2, 3\) and \(2,\)"),
        (lambda x: x.scatter(1, dl.tensor([[3]]), 1.0), IndexError, "scatter: index of axis 1 .* got 3"),
        (lambda x: x.scatter_add(1, dl.tensor([[3]]), 1.0), IndexError, "scatter_add: index of axis 1 .* got 3"),
    ],
)
def test_methods_of_pytorch_refuse(call: Callable[..., Any], error: type[Exception], message: str) -> None:
    def call_and_wait() -> None:
        call(dl.ones((2, 3)))
        dl.current_device().backend.synchronize()  # a GPU says only then what is wrong with values

    with pytest.raises(error, match=message):
        call_and_wait()


# --- creation ---------------------------------------------------------------------------------------------


def test_new_tensors() -> None:
    assert dl.eye(2).tolist() == [[1, 0], [0, 1]]
    assert dl.eye(2, 3, k=10**30).numpy().sum() == dl.eye(2, 3, k=-(10**30)).numpy().sum() == 0
    assert dl.eye(0).shape == (0, 0)
    assert dl.linspace(0, 3, 3, endpoint=False).tolist() == [0, 1, 2]
    assert (dl.linspace(0, 1, 2).dtype, dl.linspace(1, 2, 0).shape) == (dl.float32, (0,))
    assert dl.empty(3, dtype="int8").dtype == dl.int8
    assert dl.empty_like(dl.zeros((2, 3)), dtype="float16").dtype == dl.float16
    assert dl.empty(2, requires_grad=True).requires_grad
    assert dl.eye(2, dtype="float64", requires_grad=True).requires_grad
