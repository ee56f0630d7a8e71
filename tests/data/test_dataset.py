"""TensorDataset: rows of tensors that belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import Dataset, TensorDataset

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([3, 2, 1, 0])


@pytest.mark.parametrize(
    "index",
    [0, -1, np.int64(2), slice(1, 3), slice(None, None, 2), slice(4, 4), [2, 0], [], (1, 1), np.array([3, 0, 0]), Y],
    ids=repr,
)
def test_an_item_is_a_tuple_of_rows(index: Any) -> None:
    x, y = TensorDataset(X, Y)[index]
    rows = np.array(index, dtype=int) if isinstance(index, list | tuple) else index
    assert isinstance(x, dl.Tensor)
    np.testing.assert_array_equal(x.numpy(), X[rows], strict=True)
    np.testing.assert_array_equal(y.numpy(), np.asarray(Y[rows]), strict=True)


def test_a_tensor_as_index() -> None:
    x, _ = TensorDataset(X, Y)[dl.tensor([1, 3])]
    np.testing.assert_array_equal(x.numpy(), X[[1, 3]])


@pytest.mark.host_memory
def test_tensors_are_kept_and_arrays_are_shared() -> None:
    tensor = dl.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    array = X.copy()
    dataset = TensorDataset(tensor, array, [1, 2, 3, 4])
    assert dataset.tensors[0] is tensor
    array[0, 0] = 9
    assert dataset[0][1].tolist() == [9, 1, 2]
    assert dataset[3][2].item() == 4
    assert len(dataset) == 4
    assert repr(dataset) == "TensorDataset((4,) float32, (4, 3) float32, (4,) int64)"


def test_iteration_ends() -> None:
    assert [y.item() for _, y in TensorDataset(X, Y)] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ((), TypeError, "at least one array"),
        ((X, Y[:3]), dl.ShapeError, r"same length, got \[4, 3\]"),
        ((X, np.float32(1)), dl.ShapeError, "array 1 is 0-d"),
        ((["a"],), dl.DTypeError, "expected numbers"),
    ],
)
def test_bad_arrays(arrays: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TensorDataset(*arrays)


@pytest.mark.parametrize("index", [4, -5, [0, 4], np.array([-5])], ids=repr)
def test_an_index_out_of_range(index: Any) -> None:
    with pytest.raises(IndexError):
        TensorDataset(X, Y)[index]


@pytest.mark.parametrize("index", [1.0, True, "1", None, ..., np.array([True, False, True, False])], ids=repr)
def test_an_index_that_is_none(index: Any) -> None:
    with pytest.raises(dl.DTypeError, match="the index must be"):
        TensorDataset(X, Y)[index]


def test_a_derived_data_set_must_define_both_methods() -> None:
    class Unfinished(Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished must define __len__"):
        len(Unfinished())
    with pytest.raises(NotImplementedError, match="Unfinished must define __getitem__"):
        Unfinished()[0]
