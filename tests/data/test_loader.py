"""DataLoader: every item once, in batches, in the same order for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore.data import DataLoader, Dataset, TensorDataset


class Items(Dataset):
    """A data set without vectorised access."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int, /) -> Any:
        assert type(index) is int
        return self.items[index]


def numbers(loader: DataLoader) -> list[list[int]]:
    return [batch.tolist() for (batch,) in loader]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(1, 25), st.booleans(), st.booleans(), st.booleans())
def test_every_item_once(count: int, batch_size: int, shuffle: bool, drop_last: bool, vectorised: bool) -> None:
    values = np.arange(count) + 100
    dataset = TensorDataset(values) if vectorised else Items([(value,) for value in values])
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)
    batches = numbers(loader)
    assert len(batches) == len(loader)
    sizes = [len(batch) for batch in batches]
    rest = count % batch_size
    assert sizes == [batch_size] * (count // batch_size) + ([rest] if rest and not drop_last else [])
    seen = [value for batch in batches for value in batch]
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(values.tolist())
    if not shuffle:
        assert seen == values.tolist()[: len(seen)]


def test_shuffling_follows_the_generator() -> None:
    dataset = TensorDataset(np.arange(50))

    def epochs(seed: int, dataset: Dataset = dataset) -> list[list[list[int]]]:
        loader = DataLoader(dataset, batch_size=8, shuffle=True, generator=dl.random.Generator(seed))
        return [numbers(loader), numbers(loader)]

    first, second = epochs(3)
    assert first != second  # a new order for every epoch
    assert [first, second] == epochs(3)
    assert [first, second] == epochs(3, Items([(n,) for n in range(50)]))
    assert first != epochs(4)[0]
    assert sorted(number for batch in first for number in batch) == list(range(50))


def test_the_default_generator_is_the_librarys() -> None:
    loader = DataLoader(TensorDataset(np.arange(50)), batch_size=50, shuffle=True)
    dl.manual_seed(11)
    first = numbers(loader)
    dl.manual_seed(11)
    assert numbers(loader) == first
    assert numbers(loader) != first
    dl.manual_seed(11)
    assert dl.randperm(50).tolist() == first[0]


def test_the_order_is_drawn_when_the_epoch_begins() -> None:
    loader = DataLoader(TensorDataset(np.arange(50)), batch_size=50, shuffle=True)
    dl.manual_seed(11)
    expected = numbers(loader)
    dl.manual_seed(11)
    epoch = iter(loader)
    dl.randperm(50)
    assert [batch.tolist() for (batch,) in epoch] == expected


@pytest.mark.parametrize("shuffle", [False, True])
def test_changing_a_batch_leaves_the_data_set_alone(shuffle: bool) -> None:
    data = np.zeros((4, 2), np.float32)
    for (batch,) in DataLoader(TensorDataset(data), batch_size=2, shuffle=shuffle):
        batch.array[...] = 1
    assert not data.any()


def test_a_derived_data_set_is_asked_for_its_own_items() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any, /) -> tuple[dl.Tensor, ...]:
            assert type(index) is int
            return tuple(tensor * 2 for tensor in super().__getitem__(index))

    assert numbers(DataLoader(Doubled(np.arange(3)), batch_size=3)) == [[0, 2, 4]]


FLOAT = np.dtype(np.float32)
INT = np.dtype(np.int64)


@pytest.mark.parametrize(
    ("items", "expected", "dtype"),
    [
        ([1, 2], [1, 2], INT),
        ([1.5, 2.5], [1.5, 2.5], FLOAT),
        ([True, False], [True, False], np.dtype(bool)),
        ([np.float64(1), np.float64(2)], [1, 2], np.dtype(np.float64)),
        ([np.zeros(2, np.int8), np.ones(2, np.int8)], [[0, 0], [1, 1]], np.dtype(np.int8)),
        ([dl.tensor([1.0]), dl.tensor([2.0])], [[1], [2]], FLOAT),
        ([np.array(1.0, np.float32), np.array(2.0, np.float32)], [1, 2], FLOAT),
    ],
    ids=["int", "float", "bool", "numpy scalar", "array", "tensor", "0-d array"],
)
def test_stacking(items: list[Any], expected: list[Any], dtype: np.dtype[Any]) -> None:
    (batch,) = DataLoader(Items(items), batch_size=2)
    assert batch.tolist() == expected
    assert batch.dtype == dtype


def test_stacking_nested_items() -> None:
    (batch,) = DataLoader([{"x": (1, [2.0]), "y": 3}, {"x": (4, [5.0]), "y": 6}], batch_size=2)
    assert batch["x"][0].tolist() == [1, 4]
    assert batch["x"][1][0].tolist() == [2, 5]
    assert batch["y"].tolist() == [3, 6]


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([np.zeros(2), np.zeros(3)], dl.ShapeError, r"same shape, got \(2,\) and \(3,\)"),
        ([(1, 2), (1, 2, 3)], TypeError, "differ in their structure"),
        ([(1, 2), {"a": 1}], TypeError, "differ in their structure"),
        ([{"a": 1}, {"b": 1}], TypeError, "differ in their structure"),
        ([1, (2,)], TypeError, "differ in their structure"),
        ([np.zeros(2), (2,)], TypeError, "differ in their structure"),
        (["a", "b"], TypeError, "of type str"),
        ([None, None], TypeError, "of type NoneType"),
        ([np.zeros(()), None], TypeError, "of type NoneType"),
        ([1, "b"], TypeError, "of type str"),
    ],
)
def test_items_that_cannot_be_stacked(items: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        next(iter(DataLoader(Items(items), batch_size=2)))


DATASET = TensorDataset(np.arange(3))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": -3}, ValueError, "got -3"),
        ({"batch_size": True}, ValueError, "got True"),
        ({"batch_size": 2.0}, TypeError, r"batch_size must be an integer, got 2\.0"),
        ({"batch_size": None}, TypeError, "got None"),
        ({"dataset": TensorDataset(np.zeros((0, 3)))}, ValueError, r"data set is empty \(TensorDataset\(\(0, 3\)"),
        ({"dataset": []}, ValueError, "data set is empty"),
        ({"dataset": iter([1])}, TypeError, "must have __len__ and __getitem__, got list_iterator"),
        ({"device": "nowhere"}, dl.DeviceError, "nowhere"),
        ({"generator": 3}, TypeError, r"DataLoader: generator must be a dl\.Generator or None, got 3"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DataLoader(**{"dataset": DATASET, **arguments})


def test_a_data_set_that_was_emptied() -> None:
    items = [1, 2]
    loader = DataLoader(items)
    items.clear()
    with pytest.raises(ValueError, match="empty"):
        iter(loader)


def test_device() -> None:
    for dataset in (DATASET, Items([1, 2, 3])):
        for batch in DataLoader(dataset, device="numpy"):
            assert (batch[0] if isinstance(batch, tuple) else batch).device == "numpy"
