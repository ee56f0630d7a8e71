"""Entries of `cases.OPS`: reductions, and sums and products of all elements up to each."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import dlcore as dl
from dlcore.ops.norms import vector_norm

from .cases import (
    ALL,
    REAL,
    Case,
    In,
    Op,
    as_bool,
    as_float,
    as_real,
    as_sum,
    axes,
    reduced,
    reductions,
    wide,
)


def places() -> tuple[Case, ...]:
    """Reductions that take one axis or all."""
    return (
        Case("all", (In((3, 4), "distinct"),)),
        Case("axis 0", (In((3, 4), "distinct"),), {"axis": 0}),
        Case("last axis kept", (In((3, 4), "distinct"),), {"axis": -1, "keepdims": True}),
        Case("all kept", (In((2, 3), "distinct"),), {"keepdims": True}),
        Case("scalar", (In((), "distinct"),)),
        Case("empty batch", (In((0, 3), "distinct"),), {"axis": 1}),
        Case("ties", (In((3, 2), "distinct", "broadcast"),), {"axis": 0}),
        Case("transposed", (In((4, 3), "distinct", "transposed"),), {"axis": 1}),
        Case("negative steps", (In((4, 3), "distinct", "negative"),), {"axis": 0}),
        Case("strided", (In((3, 4), "distinct", "strided"),)),
    )


def running() -> tuple[Case, ...]:
    """What goes along one axis."""
    return (
        Case("vector", (In((5,)),)),
        Case("axis 0", (In((3, 2)),), {"axis": 0}),
        Case("last axis", (In((2, 3)),), {"axis": -1}),
        Case("middle", (In((2, 3, 2)),), {"axis": 1, "include_initial": True}),
        Case("from the start", (In((4,)),), {"include_initial": True}),
        Case("one", (In((2, 1)),), {"axis": 1}),
        Case("nothing", (In((0,)),)),
        Case("nothing, from the start", (In((2, 0)),), {"axis": 1, "include_initial": True}),
        Case("empty batch", (In((0, 3)),), {"axis": 1}),
        Case("transposed", (In((2, 3), "any", "transposed"),), {"axis": 1}),
        Case("negative steps", (In((2, 3), "any", "negative"),), {"axis": 1}),
        Case("strided", (In((2, 3), "any", "strided"),), {"axis": 0}),
        Case("repeated", (In((3, 2), "any", "broadcast"),), {"axis": 0}),
    )


def torch_running(name: str) -> Any:
    def call(torch: Any, x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
        axis = 0 if axis is None else axis
        y = getattr(torch, name)(x, axis)
        if not include_initial:
            return y
        shape = list(x.shape)
        shape[axis] = 1
        return torch.cat([(torch.zeros if name == "cumsum" else torch.ones)(shape, dtype=x.dtype), y], axis)

    return call


def torch_prod(torch: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    for i in sorted(axes(x, axis), key=lambda i: -(i % x.ndim)):
        x = x.prod(i, keepdim=keepdims)
    return x * 1


def torch_spread(name: str) -> Any:
    def call(torch: Any, x: Any, axis: Any = None, keepdims: bool = False, correction: float = 0) -> Any:
        if axis == ():
            return (x - x).abs()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nothing to divide by
            return getattr(torch, name)(x, dim=axis, keepdim=keepdims, correction=correction)

    return call


def with_correction() -> tuple[Case, ...]:
    return (
        # of two numbers the second derivative is 0, and what rounding makes of that differs
        *[case for case in reductions(empty=False) if case.name != "repeated"],
        Case("repeated", (In((3, 4), "any", "broadcast"),), {"axis": 1}),
        Case("sample", (In((3, 4)),), {"correction": 1}),
        Case("fraction", (In((3, 4)),), {"axis": 0, "correction": 0.5}),
        Case("negative", (In((3, 4)),), {"axis": 1, "correction": -1.5, "keepdims": True}),
    )


def norms() -> tuple[Case, ...]:
    return (
        *reductions(),
        *[
            Case(f"ord {ord}", (In((3, 4), "distinct"),), {"axis": 1, "ord": ord})
            for ord in (0, 0.5, 1, 1.5, 2.0, 3, 3.5, -1, -2.5, float("inf"), float("-inf"))
        ],
        Case("inf, of all", (In((2, 3, 2), "distinct"),), {"ord": float("inf"), "keepdims": True}),
    )


def numpy_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    over = axes(x, axis)
    size = np.abs(x)
    if ord == 0:
        return np.sum(size != 0, axis=over, keepdims=keepdims)
    if np.isinf(ord):
        return (np.max if ord > 0 else np.min)(size, axis=over, keepdims=keepdims)
    return np.sum(size**ord, axis=over, keepdims=keepdims) ** (1 / ord)


def torch_norm(torch: Any, x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if axis == ():
        return x.abs()
    return torch.linalg.vector_norm(x, ord, axis, keepdims)


def real_float(dtype: np.dtype[Any]) -> Any:
    return as_real(np.dtype(as_float(dtype)))


TABLE = [
    Op("prod", dl.prod, wide(np.prod), reductions("positive"), torch_prod, result=as_sum),
    Op("var", dl.var, wide(np.var), with_correction(), torch_spread("var"), result=real_float, inexact=True),
    Op("std", dl.std, wide(np.std), with_correction(), torch_spread("std"), result=real_float, inexact=True),
    Op(
        "logsumexp", dl.logsumexp,
        wide(lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))),
        reductions(empty=False), reduced("logsumexp"), result=as_float, inexact=True,
    ),
    Op("vector_norm", vector_norm, wide(numpy_norm), norms(), torch_norm, result=real_float, inexact=True),
    Op("argmax", dl.argmax, np.argmax, places(), None, REAL, lambda dtype: "int64", differentiable=False),
    Op("argmin", dl.argmin, np.argmin, places(), None, REAL, lambda dtype: "int64", differentiable=False),
    Op("any", dl.any, np.any, reductions(), None, ALL, as_bool, differentiable=False),
    Op("all", dl.all, np.all, reductions(), None, ALL, as_bool, differentiable=False),
    Op("count_nonzero", dl.count_nonzero, np.count_nonzero, reductions(), None, ALL, lambda dtype: "int64",
       differentiable=False),
    Op("cumulative_sum", dl.cumulative_sum, wide(np.cumulative_sum), running(), torch_running("cumsum"), result=as_sum),
    Op("cumulative_prod", dl.cumulative_prod, wide(np.cumulative_prod), running(), torch_running("cumprod"),
       result=as_sum),
]  # fmt: skip
