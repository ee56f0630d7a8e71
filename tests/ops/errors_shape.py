"""Bad input to what joins, cuts, repeats, moves, gathers, scatters, sorts and finds elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import dlcore as dl

A = np.ones((2, 3), dtype=np.float32)
NOT_TENSORS = ("unstack", "flip", "nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values", "sort",
               "argsort", "tril", "triu", "diagonal", "diag_embed", "diag", "empty_like")  # fmt: skip
ORDERED = ("sort", "argsort")


def f(*shape: int, dtype: str = "float32") -> dl.Tensor:
    return dl.ones(shape, dtype=dtype)


def i(*values: Any) -> dl.Tensor:
    return dl.tensor(list(values))


C = f(2, dtype="complex64")

# operation: [(call, exception, what the message says besides the operation's name)], as in test_errors.py
TABLE: dict[str, list[tuple[Callable[[], Any], type[Exception], str]]] = {
    **{
        f"{name}: no tensor": [
            (lambda n=name: getattr(dl, n)(A), TypeError, r"x must be a Tensor, got ndarray; use dl\.asarray"),
            (lambda n=name: getattr(dl, n)(None), TypeError, "x must be a Tensor, got NoneType"),
        ]
        for name in NOT_TENSORS
    },
    **{
        f"{name}: axis": [
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=2), dl.ShapeError, "axis 2 is out of range.*2 dimension"),
            (lambda n=name: getattr(dl, n)(f(), axis=0), dl.ShapeError, "axis 0 is out of range"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=1.0), TypeError, r"axis must be an int.*1\.0"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=(0,)), TypeError, r"axis must be an int, got \(0,\)"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=None), TypeError, "axis must be an int, got None"),
            (lambda n=name: getattr(dl, n)(f(2, 3), axis=True), TypeError, "axis must be an int.*True"),
        ]
        for name in ("unstack", "sort", "argsort")
    },
    "stack": [
        (lambda: dl.stack([]), dl.ShapeError, "arrays is empty"),
        (lambda: dl.stack(3), TypeError, "arrays must be a sequence of tensors, got int"),
        (lambda: dl.stack([f(2), A]), TypeError, r"arrays\[1\] must be a Tensor"),
        (lambda: dl.stack([f(2), f(3)]), dl.ShapeError, r"arrays\[1\] has shape \(3,\).*\(2,\)"),
        (lambda: dl.stack([f(2), f(2)], axis=2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.stack([f(2), f(2)], axis=(0,)), TypeError, "axis must be an int"),
        (lambda: dl.stack([f(2, dtype="int64"), f(2, dtype="uint64")]), dl.DTypeError, "int64 and uint64"),
    ],
    "split": [
        (lambda: dl.split(A, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.split(f(), 1), dl.ShapeError, "axis 0 is out of range"),
        (lambda: dl.split(f(4), 0), ValueError, "split_size_or_sections must be positive, got 0"),
        (lambda: dl.split(f(4), -1), ValueError, "must be positive, got -1"),
        (lambda: dl.split(f(4), 1.0), TypeError, r"split_size_or_sections must be an int, got 1\.0"),
        (lambda: dl.split(f(4), [2, True]), TypeError, "must be an int, got True"),
        (lambda: dl.split(f(4), [1, 2]), dl.ShapeError, r"\[1, 2\] sum to 3, axis 0 of x has size 4"),
        (lambda: dl.split(f(4), [5, -1]), ValueError, r"must be >= 0, got \[5, -1\]"),
        (lambda: dl.split(f(4), 2, 1), dl.ShapeError, "axis 1 is out of range"),
    ],
    "chunk": [
        (lambda: dl.chunk(A, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.chunk(f(), 1), dl.ShapeError, "axis 0 is out of range"),
        (lambda: dl.chunk(f(4), 0), ValueError, "chunks must be at least 1, got 0"),
        (lambda: dl.chunk(f(4), 2.0), TypeError, r"chunks must be an int, got 2\.0"),
    ],
    "tile": [
        (lambda: dl.tile(A, 2), TypeError, "x must be a Tensor"),
        (lambda: dl.tile(f(2), (2, -1)), ValueError, r"repetitions must be >= 0, got \(2, -1\)"),
        (lambda: dl.tile(f(2), 1.5), TypeError, r"repetitions must be an int, got 1\.5"),
        (lambda: dl.tile(f(2), (True,)), TypeError, "repetitions must be an int, got True"),
    ],
    "repeat": [
        (lambda: dl.repeat(A, 2), TypeError, "x must be a Tensor"),
        (lambda: dl.repeat(f(2), -1), ValueError, "repeats must be >= 0, got -1"),
        (lambda: dl.repeat(f(2), 1.0), TypeError, r"repeats must be an int, got 1\.0"),
        (lambda: dl.repeat(f(2), [1, 2]), TypeError, r"repeats must be an int, got \[1, 2\]"),
        (lambda: dl.repeat(f(2), f(2)), dl.DTypeError, "repeats must be integers, got float32"),
        (lambda: dl.repeat(f(2), i(1, 2, 3)), dl.ShapeError, r"\(3,\); expected \(2,\) for axis 0"),
        (lambda: dl.repeat(f(2, 2), i([1, 2], [3, 4]), axis=0), dl.ShapeError, r"\(2, 2\); expected \(2,\)"),
        (lambda: dl.repeat(f(2), i(1, -2)), ValueError, "repeats must be >= 0, got -2"),
        (lambda: dl.repeat(f(2), 2, axis=1), dl.ShapeError, "axis 1 is out of range"),
    ],
    "broadcast_arrays": [
        (lambda: dl.broadcast_arrays(f(2), A), TypeError, r"arrays\[1\] must be a Tensor"),
        (lambda: dl.broadcast_arrays(f(2), f(3)), dl.ShapeError, r"\(2,\) and \(3,\) do not broadcast"),
    ],
    "meshgrid": [
        (lambda: dl.meshgrid(f(2), A), TypeError, r"arrays\[1\] must be a Tensor"),
        (lambda: dl.meshgrid(f(2, 3)), dl.ShapeError, r"arrays\[0\] must have one dimension, got shape \(2, 3\)"),
        (lambda: dl.meshgrid(f(2), f(2, dtype="int64")), dl.DTypeError, r"arrays\[1\] is int64, arrays\[0\] float32"),
        (lambda: dl.meshgrid(f(2), indexing="yx"), ValueError, "indexing must be 'xy' or 'ij', got 'yx'"),
    ],
    "roll": [
        (lambda: dl.roll(A, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.roll(f(2, 3), 1.0), TypeError, r"shift must be an int, got 1\.0"),
        (lambda: dl.roll(f(2, 3), 1, axis=2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.roll(f(2, 3), (1, 2)), dl.ShapeError, "2 shifts without axes"),
        (lambda: dl.roll(f(2, 3), (1, 2), axis=0), dl.ShapeError, "2 shifts for 1 axes"),
        (lambda: dl.roll(f(2, 3), (1, 2), axis=(0, 0)), dl.ShapeError, "twice"),
    ],
    "flip": [
        (lambda: dl.flip(f(2, 3), axis=2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.flip(f(2, 3), axis=(0, -2)), dl.ShapeError, "twice"),
        (lambda: dl.flip(f(2, 3), axis="x"), TypeError, "axis must be an int"),
    ],
    "moveaxis": [
        (lambda: dl.moveaxis(A, 0, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.moveaxis(f(2, 3), 2, 0), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.moveaxis(f(2, 3), 0, -3), dl.ShapeError, "axis -3 is out of range"),
        (lambda: dl.moveaxis(f(2, 3), (0, 1), 0), dl.ShapeError, r"\(0, 1\) and destination 0 .*same length"),
        (lambda: dl.moveaxis(f(2, 3), (0, 0), (0, 1)), dl.ShapeError, "twice"),
        (lambda: dl.moveaxis(f(2, 3), None, 0), TypeError, "None"),
    ],
    "swapaxes": [
        (lambda: dl.swapaxes(A, 0, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.swapaxes(f(2, 3), 0, 2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.swapaxes(f(2, 3), (0,), 1), TypeError, "axis must be an int"),
    ],
    **{
        name: [
            (lambda n=name: getattr(dl, n)(f(3)), dl.ShapeError, r"2 dimensions, got shape \(3,\)"),
            (lambda n=name: getattr(dl, n)(f(2, 3), k=1.0), TypeError, r"k must be an int, got 1\.0"),
        ]
        for name in ("tril", "triu")
    },
    "diagonal": [
        (lambda: dl.diagonal(f(3)), dl.ShapeError, r"2 dimensions, got shape \(3,\)"),
        (lambda: dl.diagonal(f(2, 3), axis1=0, axis2=-2), dl.ShapeError, "are both 0"),
        (lambda: dl.diagonal(f(2, 3), axis1=2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.diagonal(f(2, 3), offset=0.5), TypeError, r"offset must be an int, got 0\.5"),
    ],
    "diag_embed": [
        (lambda: dl.diag_embed(f()), dl.ShapeError, "at least 1 dimension"),
        (lambda: dl.diag_embed(f(3), axis1=0, axis2=0), dl.ShapeError, "are both 0"),
        (lambda: dl.diag_embed(f(3), axis1=2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.diag_embed(f(3), offset="1"), TypeError, "offset must be an int, got '1'"),
    ],
    "diag": [
        (lambda: dl.diag(f(2, 2, 2)), dl.ShapeError, r"vector or a matrix, got shape \(2, 2, 2\)"),
        (lambda: dl.diag(f()), dl.ShapeError, r"vector or a matrix, got shape \(\)"),
        (lambda: dl.diag(f(2), offset=1.0), TypeError, r"offset must be an int, got 1\.0"),
    ],
    "take": [
        (lambda: dl.take(A, i(0), axis=0), TypeError, "x must be a Tensor"),
        (lambda: dl.take(f(2, 3), i(0)), TypeError, r"axis must be given for a tensor of shape \(2, 3\)"),
        (lambda: dl.take(f(3), [0]), TypeError, "indices must be a Tensor, got list"),
        (lambda: dl.take(f(3), f(1)), dl.DTypeError, "indices must hold integers, got float32"),
        (lambda: dl.take(f(3), f(3) > 0), dl.DTypeError, "got bool"),
        (lambda: dl.take(f(3), i(0, 3)), IndexError, r"indices of axis 0 must be in -3\.\.2, got 3"),
        (lambda: dl.take(f(2, 3), i(-3), axis=0), IndexError, "got -3"),
        (lambda: dl.take(f(0), i(0)), IndexError, "axis 0 of x has no elements"),
        (lambda: dl.take(f(3), i(0), axis=1), dl.ShapeError, "axis 1 is out of range"),
    ],
    "take_along_axis": [
        (lambda: dl.take_along_axis(A, i([0])), TypeError, "x must be a Tensor"),
        (lambda: dl.take_along_axis(f(2, 3), i(0)), dl.ShapeError, r"\(1,\), x \(2, 3\); they must broadcast"),
        (lambda: dl.take_along_axis(f(2, 3), i([0], [0], [0])), dl.ShapeError, r"\(3, 1\), x \(2, 3\)"),
        (lambda: dl.take_along_axis(f(2, 3), i([3], [0])), IndexError, r"must be in -3\.\.2, got 3"),
        (lambda: dl.take_along_axis(f(2, 3), f(2, 1)), dl.DTypeError, "got float32"),
        (lambda: dl.take_along_axis(f(), i(0)), dl.ShapeError, "axis -1 is out of range"),
    ],
    "gather": [
        (lambda: f(2, 3).gather(1, A), TypeError, "index must be a Tensor"),
        (lambda: f(2, 3).gather(1, i([3])), IndexError, r"must be in 0\.\.2, got 3"),
        (lambda: f(2, 3).gather(1, i([-1])), IndexError, r"must be in 0\.\.2, got -1"),
        (lambda: f(2, 3).gather(1, i([0], [0], [0])), dl.ShapeError, r"\(3, 1\), x \(2, 3\); it must be at most"),
        (lambda: f(2, 3).gather(1, i(0)), dl.ShapeError, r"index has shape \(1,\)"),
        (lambda: f(2, 3).gather(2, i([0])), dl.ShapeError, "axis 2 is out of range"),
        (lambda: f(2, 3).gather(1, f(1, 1)), dl.DTypeError, "index must hold integers, got float32"),
    ],
    **{
        name: [
            (lambda n=name: getattr(dl, n)(A, i([0]), 1.0), TypeError, "x must be a Tensor"),
            (lambda n=name: getattr(dl, n)(f(2, 3), [[0]], 1.0), TypeError, "index must be a Tensor, got list"),
            (lambda n=name: getattr(dl, n)(f(2, 3), f(2, 1), 1.0), dl.DTypeError, "integers, got float32"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([3]), 1.0), IndexError, r"must be in 0\.\.2, got 3"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([-1]), 1.0), IndexError, "got -1"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i(0), 1.0), dl.ShapeError, r"\(1,\), x \(2, 3\)"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([0], [0], [0]), 1.0), dl.ShapeError, r"\(3, 1\), x \(2, 3\)"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([0], [0]), f(1, 1)), dl.ShapeError,
             r"\(1, 1\) are fewer .*\(2, 1\)"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([0]), f(3)), dl.ShapeError, r"\(3,\) are fewer"),
            (lambda n=name: getattr(dl, n)(f(2, 3, dtype="int64"), i([0]), 0.5), dl.DTypeError,
             r"0\.5 does not fit into int64"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([0]), C.reshape(1, 2)), dl.DTypeError, "complex64 does not fit"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([0]), A), TypeError, "value must be .* got ndarray"),
            (lambda n=name: getattr(dl, n)(f(2, 3), i([0]), 1.0, 2), dl.ShapeError, "axis 2 is out of range"),
        ]
        for name in ("scatter", "scatter_add")
    },
    "scatter: twice": [
        (lambda: dl.scatter(f(3), i(1, 0, 1), f(3)), IndexError, "name no place twice; times that one is named: 2"),
    ],
    "searchsorted": [
        (lambda: dl.searchsorted(A[0], f(2)), TypeError, "x1 must be a Tensor"),
        (lambda: dl.searchsorted(f(2), 1.0), TypeError, "x2 must be a Tensor, got float"),
        (lambda: dl.searchsorted(f(2, 3), f(2)), dl.ShapeError, r"x1 must be a vector, got shape \(2, 3\)"),
        (lambda: dl.searchsorted(f(2), f(2), side="middle"), ValueError, "'left' or 'right', got 'middle'"),
        (lambda: dl.searchsorted(C, f(2)), dl.DTypeError, "x1 is complex64"),
        (lambda: dl.searchsorted(f(2), C), dl.DTypeError, "x2 is complex64"),
        (lambda: dl.searchsorted(f(2), f(2), sorter=i(0, 2)), IndexError, r"sorter of axis 0 must be in 0\.\.1, got 2"),
        (lambda: dl.searchsorted(f(2), f(2), sorter=i(0)), dl.ShapeError, r"sorter has shape \(1,\), x1 \(2,\)"),
        (lambda: dl.searchsorted(f(2), f(2), sorter=f(2)), dl.DTypeError, "sorter must hold integers"),
    ],
    **{
        name: [(lambda n=name: getattr(dl, n)(C), dl.DTypeError, "complex64, and complex numbers have no order")]
        for name in ORDERED
    },
    "topk": [
        (lambda: dl.topk(A, 1), TypeError, "x must be a Tensor"),
        (lambda: dl.topk(C, 1), dl.DTypeError, "complex numbers have no order"),
        (lambda: dl.topk(f(2, 3), 4), ValueError, r"k must be in 0\.\.3, the size of axis 1, got 4"),
        (lambda: dl.topk(f(2, 3), -1), ValueError, "got -1"),
        (lambda: dl.topk(f(2, 3), 1.0), TypeError, r"k must be an int, got 1\.0"),
        (lambda: dl.topk(f(2, 3), 1, 2), dl.ShapeError, "axis 2 is out of range"),
        (lambda: dl.topk(f(), 1), dl.ShapeError, "axis -1 is out of range"),
    ],
    "nonzero": [(lambda: dl.nonzero(f()), dl.ShapeError, "at least 1 dimension")],
    "empty": [
        (lambda: dl.empty(-1), dl.ShapeError, r">= 0, got \(-1,\)"),
        (lambda: dl.empty("ab"), TypeError, "shape must be .*'ab'"),
    ],
    "eye": [
        (lambda: dl.eye(-1), dl.ShapeError, r">= 0, got \(-1, -1\)"),
        (lambda: dl.eye(2.0), TypeError, r"n_rows must be an int, got 2\.0"),
        (lambda: dl.eye(2, (3,)), TypeError, r"n_cols must be an int, got \(3,\)"),
        (lambda: dl.eye(2, k=0.5), TypeError, r"k must be an int, got 0\.5"),
    ],
    "linspace": [
        (lambda: dl.linspace("0", 1, 2), TypeError, "start must be a real number, got '0'"),
        (lambda: dl.linspace(0, 1j, 2), TypeError, "stop must be a real number"),
        (lambda: dl.linspace(0, float("inf"), 2), ValueError, "stop must be finite, got inf"),
        (lambda: dl.linspace(0, 1, -1), ValueError, "num must be >= 0, got -1"),
        (lambda: dl.linspace(0, 1, 2.0), TypeError, r"num must be an int, got 2\.0"),
        (lambda: dl.linspace(0, 1, 2, dtype="int64"), dl.DTypeError, "float dtype, got int64"),
    ],
}  # fmt: skip
