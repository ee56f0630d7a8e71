"""Bad input to elementwise functions and reductions; part of the table of `test_errors`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import dlcore as dl
from dlcore.ops.norms import vector_norm

A = np.ones((2, 3), dtype=np.float32)
Call = tuple[Callable[[], Any], type[Exception], str]


def f(*shape: int, dtype: str = "float32") -> dl.Tensor:
    return dl.ones(shape, dtype=dtype)


def op(name: str, *arguments: Any, **keywords: Any) -> Callable[[], Any]:
    """The call, to be made in the test."""
    return functools.partial(vector_norm if name == "vector_norm" else getattr(dl, name), *arguments, **keywords)


ONE = (
    "expm1", "log2", "log10", "rsqrt", "reciprocal", "sigmoid", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv", "sign", "floor", "ceil", "round", "trunc", "signbit",
    "isnan", "isinf", "isfinite", "logical_not", "bitwise_invert", "prod", "var", "std", "logsumexp", "vector_norm",
    "argmax", "argmin", "any", "all", "count_nonzero", "cumulative_sum", "cumulative_prod",
)  # fmt: skip
TWO = (
    "atan2", "hypot", "copysign", "logaddexp", "maximum", "minimum", "logical_and", "logical_or", "logical_xor",
)  # fmt: skip
BITS = (
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift",
)  # fmt: skip
AXES = (
    "prod", "var", "std", "logsumexp", "vector_norm", "any", "all", "count_nonzero",
)  # fmt: skip
RUNNING = ("cumulative_sum", "cumulative_prod")


def shapes(name: str, dtype: str) -> list[Call]:
    x = f(2, 3, dtype=dtype)
    return [
        (op(name, x, f(4, dtype=dtype)), dl.ShapeError, r"\(2, 3\) and \(4,\)"),
        (op(name, x, A), TypeError, r"y must be a Tensor, got ndarray.*dl\.asarray"),
        (op(name, A, x), TypeError, r"x must be a Tensor, got ndarray.*dl\.asarray"),
        (op(name, x, [1.0, 2.0]), TypeError, "y must be a Tensor, got list"),
        (op(name, x, "3"), TypeError, "y must be a Tensor, got str"),
        (op(name, 1, 2), TypeError, "one of x and y must be a Tensor, got int and int"),
    ]


def axis_errors(name: str) -> list[Call]:
    return [
        (op(name, f(2, 3), axis=2), dl.ShapeError, "axis 2 is out of range.*2 dimension"),
        (op(name, f(2, 3), axis=-3), dl.ShapeError, "axis -3 is out of range"),
        (op(name, f(2, 3), axis=1.0), TypeError, r"axis must be an int.*1\.0"),
        (op(name, f(2, 3), axis="x"), TypeError, "axis must be an int.*'x'"),
        (op(name, f(2, 3), axis=True), TypeError, "axis must be an int.*True"),
    ]


TABLE: dict[str, list[Call]] = {
    **{
        name: [
            (op(name, A), TypeError, "x must be a Tensor, got ndarray"),
            (op(name, 1.0), TypeError, "x must be a Tensor, got float"),
            (op(name, None), TypeError, "x must be a Tensor, got NoneType"),
        ]
        for name in ONE
    },
    **{name: shapes(name, "float32") for name in TWO},
    **{name: shapes(name, "int64") for name in BITS},
    **{
        f"{name}: dtypes": [
            (op(name, f(2), f(2)), dl.DTypeError, "not defined for float32"),
            (op(name, f(2, dtype="int64"), 1.5), dl.DTypeError, "not defined for float32"),
            (op(name, f(2, dtype="int64"), f(2, dtype="uint64")), dl.DTypeError, "int64.*uint64"),
            (op(name, f(2, dtype="int8"), 300), OverflowError, "300 does not fit into int8"),
        ]
        for name in BITS
    },
    **{
        f"{name}: two": [
            (op(name, f(2, dtype="int64"), f(2, dtype="uint64")), dl.DTypeError, "int64.*uint64"),
        ]
        for name in ("maximum", "minimum", "atan2", "hypot", "copysign", "logaddexp")
    },
    **{
        f"{name}: axes": [
            *axis_errors(name),
            (op(name, f(2, 3), axis=(0, 0)), dl.ShapeError, r"axis \(0, 0\) names .* twice"),
            (op(name, f(2, 3), axis=(0, -2)), dl.ShapeError, "twice"),
        ]
        for name in AXES
    },
    **{
        f"{name}: axis": [
            *axis_errors(name),
            (op(name, f(2, 3), axis=(0, 1)), TypeError, r"axis must be an int or None, got \(0, 1\)"),
        ]
        for name in ("argmax", "argmin", *RUNNING)
    },
    **{
        f"{name}: nothing": [
            (op(name, f(0, 3)), dl.ShapeError, r"\(0, 3\)"),
            (op(name, f(2, 0), axis=1), dl.ShapeError, r"\(2, 0\) is empty along axis 1"),
        ]
        for name in ("argmax", "argmin")
    },
    **{
        f"{name}: which axis": [
            (op(name, f(2, 3)), dl.ShapeError, r"axis must be given .*\(2, 3\)"),
            (op(name, f()), dl.ShapeError, r"axis must be given .*\(\)"),
            (op(name, f(), axis=0), dl.ShapeError, "axis 0 is out of range"),
        ]
        for name in RUNNING
    },
    **{
        f"{name}: correction": [
            (op(name, f(2, 3), correction="1"), TypeError, "correction must be a number, got '1'"),
            (op(name, f(2, 3), correction=True), TypeError, "correction must be a number, got True"),
            (op(name, f(2, 3), correction=None), TypeError, "correction must be a number, got None"),
        ]
        for name in ("var", "std")
    },
    "vector_norm: ord": [
        (op("vector_norm", f(2), ord="fro"), TypeError, "ord must be a number, got 'fro'"),
        (op("vector_norm", f(0), ord=float("inf")), dl.ShapeError, r"ord=inf of shape \(0,\)"),
        (op("vector_norm", f(2, 0), ord=-1, axis=1), dl.ShapeError, r"ord=-1 of shape \(2, 0\), .* axis 1"),
        (op("vector_norm", f(2), dtype="int64"), dl.DTypeError, "float dtype .*got int64"),
        (op("vector_norm", f(2, dtype="complex64"), dtype="float32"), dl.DTypeError, "complex dtype .*got float32"),
    ],
}
