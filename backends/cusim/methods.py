"""The computing methods of an array: reductions, sorting, taking. Signatures are CuPy's, those that 13 and 14 share."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import counters
from .device import current_device
from .dispatch import call, check_device, elementwise, operand, wrote
from .operators import Operators


class Methods(Operators):
    """What `ndarray` inherits beside the operators. Reductions give arrays of no dimensions, never scalars."""

    __slots__ = ()

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("sum", np.sum, (self, axis, dtype, out, keepdims))

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("prod", np.prod, (self, axis, dtype, out, bool(keepdims)))

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("mean", np.mean, (self, axis, dtype, out, keepdims))

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        return call("var", np.var, (self, axis, dtype, out, ddof, keepdims))

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        return call("std", np.std, (self, axis, dtype, out, ddof, keepdims))

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("max", np.max, (self, axis, out, keepdims))

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("min", np.min, (self, axis, out, keepdims))

    def ptp(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("ptp", np.ptp, (self, axis, out, keepdims))

    def all(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("all", np.all, (self, axis, out, keepdims))

    def any(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return call("any", np.any, (self, axis, out, keepdims))

    def argmax(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return self._arg("argmax", axis, out, dtype, keepdims)

    def argmin(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return self._arg("argmin", axis, out, dtype, keepdims)

    def _arg(self, name: str, axis: Any, out: Any, dtype: Any, keepdims: bool) -> Any:
        if dtype is not None:
            raise NotImplementedError(f"{name}: the simulator knows no dtype=")
        return call(name, getattr(np, name), (self, axis, out), {"keepdims": keepdims})

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return call("cumsum", np.cumsum, (self, axis, dtype, out))

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return call("cumprod", np.cumprod, (self, axis, dtype, out))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
        return call("trace", np.trace, (self, offset, axis1, axis2, dtype, out))

    def dot(self, b: Any, out: Any = None) -> Any:
        return call("dot", np.dot, (self, b, out))

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        return call("round", np.round, (self, decimals, out))

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Any:
        device = current_device()
        for bound in (min, max):
            if bound is not None:
                operand(bound, device)
        return call("clip", np.clip, (self, min, max), {"out": out})

    def conj(self) -> Any:
        return elementwise("conj", np.conj, (self,)) if self._a.dtype.kind == "c" else self

    conjugate = conj

    def argsort(self, axis: Any = -1) -> Any:
        return call("argsort", np.argsort, (self, axis), {"kind": "stable"})

    def sort(self, axis: int = -1) -> None:
        device = current_device()
        check_device(self, device)
        self._a.sort(axis, kind="stable")
        counters.op(device, "sort")

    def argpartition(self, kth: Any, axis: Any = -1) -> Any:
        return call("argpartition", np.argpartition, (self, kth, axis))

    def partition(self, kth: Any, axis: int = -1) -> None:
        device = current_device()
        check_device(self, device)
        self._a.partition(kth, axis)
        counters.op(device, "partition")

    def nonzero(self) -> Any:
        if not self._a.ndim:
            raise ValueError(
                "Calling nonzero on 0d arrays is not allowed. Use cp.atleast_1d(scalar).nonzero() instead."
            )
        return call("nonzero", np.nonzero, (self,), synchronises=True)

    def searchsorted(self, v: Any, side: Any = "left", sorter: Any = None) -> Any:
        return call("searchsorted", np.searchsorted, (self, v, side, sorter))

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        return call("repeat", np.repeat, (self, repeats, axis))

    def take(self, indices: Any, axis: Any = None, out: Any = None) -> Any:
        """Indices out of range wrap around, as a kernel cannot raise."""
        if isinstance(indices, np.ndarray):
            counters.host_to_device(current_device(), indices.nbytes)
            indices = indices.tolist()
        if out is not None and out.dtype != self._a.dtype:
            raise TypeError("Output dtype mismatch")
        return call("take", np.take, (self, indices, axis, out, "wrap"))

    def put(self, indices: Any, values: Any, mode: str = "wrap") -> None:
        call(
            "put",
            np.put,
            (self, *[part.tolist() if isinstance(part, np.ndarray) else part for part in (indices, values)], mode),
        )
        wrote(self)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Any:
        return call("choose", np.choose, (self, choices, out, mode), synchronises=mode == "raise")

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        return call("compress", np.compress, (condition, self, axis, out), synchronises=True)
