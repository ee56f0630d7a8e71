"""Parts of data sets: Subset, ConcatDataset, random_split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlcore as dl
from dlcore.data import ConcatDataset, DataLoader, Subset, TensorDataset, random_split

LETTERS = list("abcdefghij")


def test_subset() -> None:
    part = Subset(LETTERS, [9, 0, -1, 3])
    assert [part[i] for i in range(len(part))] == ["j", "a", "j", "d"]
    assert part[-1] == part[np.int64(3)] == "d"
    assert part.indices.tolist() == [9, 0, 9, 3]
    assert Subset(part, [1, 3])[1] == "d"
    assert list(part) == ["j", "a", "j", "d"]  # it ends with an IndexError
    assert len(Subset(LETTERS, [])) == 0
    assert Subset(LETTERS, dl.tensor([2, 1]))[0] == "c"
    assert repr(Subset(range(3), [0])) == "Subset(1 of range(0, 3))"


def test_batches_of_a_subset_of_rows_are_one_indexing_each() -> None:
    table = TensorDataset(np.arange(20).reshape(10, 2), np.arange(10))
    part = Subset(Subset(table, [9, 7, 5, 3]), [3, 0, 1])
    assert [[t.tolist() for t in batch] for batch in DataLoader(part, batch_size=2)] == [
        [[[6, 7], [18, 19]], [3, 9]],
        [[[14, 15]], [7]],
    ]

    class Doubled(TensorDataset):
        def __getitem__(self, index: Any, /) -> tuple[dl.Tensor, ...]:
            return tuple(tensor * 2 for tensor in super().__getitem__(index))

    (batch,) = DataLoader(Subset(Doubled(np.arange(5)), [4, 1]), batch_size=2)
    assert batch[0].tolist() == [8, 2]


def test_concat() -> None:
    both = ConcatDataset([LETTERS, [], range(3)])
    assert len(both) == 13
    assert both.cumulative_sizes == [10, 10, 13]
    assert [both[i] for i in (0, 9, 10, 12, -1, -4)] == ["a", "j", 0, 2, 2, "j"]
    assert list(both) == [*LETTERS, 0, 1, 2]


@given(st.integers(1, 60), st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 2**32))
def test_a_split_has_every_item_once(count: int, shares: list[int], seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)
        parts = random_split(range(count), [share / sum(shares) for share in shares], dl.Generator(seed))
    assert sorted(item for part in parts for item in part) == list(range(count))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) - count * share / sum(shares)) < 1 + 1e-9


def test_a_split_by_lengths_follows_the_generator() -> None:
    def split(seed: int) -> list[list[str]]:
        return [list(part) for part in random_split(LETTERS, [3, 0, 7], dl.Generator(seed))]

    assert [len(part) for part in split(0)] == [3, 0, 7]
    assert split(0) == split(0) != split(1)
    dl.manual_seed(0)
    assert [list(part) for part in random_split(LETTERS, (3, 0, 7))] == split(0)
    assert [len(part) for part in random_split(["a"], [1])] == [1]


def test_an_empty_part_warns() -> None:
    with pytest.warns(UserWarning, match=r"part 1, 0\.1 of 3 items, is empty"):
        assert [len(part) for part in random_split(range(3), [0.9, 0.1])] == [3, 0]


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no data set": (lambda: Subset(3, []), TypeError, "Subset: a data set must have .*got int"),  # type: ignore[arg-type]
    "indices": (lambda: Subset(LETTERS, [0.5]), TypeError, r"indices must be a list of integers, got \[0.5\]"),  # type: ignore[list-item]
    "booleans": (lambda: Subset(LETTERS, [True]), TypeError, "indices must be a list of integers"),
    "axes": (lambda: Subset(LETTERS, np.zeros((1, 1), int)), TypeError, "indices must be a list of integers"),
    "range": (lambda: Subset(LETTERS, [0, 10]), IndexError, "Subset: index 10 is out of range for 10 items"),
    "below": (lambda: Subset(LETTERS, [-11]), IndexError, "Subset: index -11 is out of range for 10 items"),
    "item": (lambda: Subset(LETTERS, [0])[1], IndexError, "Subset: index 1 is out of range for 1 items"),
    "item kind": (lambda: Subset(LETTERS, [0])["x"], TypeError, "Subset: the index must be an integer, got 'x'"),  # type: ignore[index]
    "none": (lambda: ConcatDataset([]), ValueError, "expected at least one data set, got none"),
    "no sets": (lambda: ConcatDataset([3]), TypeError, "ConcatDataset: a data set must have .*got int"),  # type: ignore[list-item]
    "concat item": (lambda: ConcatDataset([LETTERS])[10], IndexError, "ConcatDataset: index 10 is out of range"),
    "sum": (lambda: random_split(LETTERS, [3, 3]), ValueError, r"add up to 10, or fractions .*got \[3, 3\]"),
    "fractions": (lambda: random_split(LETTERS, [0.5, 0.4]), ValueError, r"fractions that add up to 1, got \[0.5, 0.4"),
    "negative": (lambda: random_split(LETTERS, [11, -1]), ValueError, r"lengths must be >= 0, got \[11, -1\]"),
    "kind": (lambda: random_split(LETTERS, ["x"]), TypeError, r"lengths must be numbers, got \['x'\]"),  # type: ignore[list-item]
    "generator": (lambda: random_split(LETTERS, [10], 3), TypeError, "random_split: generator must be"),  # type: ignore[arg-type]
    "split of": (lambda: random_split(3, [3]), TypeError, "random_split: a data set must have .*got int"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    build, error, message = BAD[name]
    with pytest.raises(error, match=message):
        build()
