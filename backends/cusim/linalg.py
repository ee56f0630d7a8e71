"""The stand-in for `cupy.linalg`: what dlcore calls of it, with CuPy's signatures and refusals.

CuPy gives invalid results for a singular matrix unless `cupyx.errstate(linalg="raise")` is set, as the backend does;
here it always is, and so every call that checks waits for the device.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import Stored, call

#: What this module has beside CuPy's names.
INTERNAL = {"INTERNAL", "Any", "Stored", "annotations", "call", "np"}


def _call(name: str, *arrays: Any, checks: bool = True, **options: Any) -> Any:
    for x in arrays:
        if not isinstance(x, Stored):
            raise TypeError(f"cupy.linalg only supports cupy.ndarray, not {type(x)}")
        if x._a.dtype.char not in "?bBhHiIlLqQfdFD":
            raise TypeError(f"Unsupported dtype {x._a.dtype}")
    return call(f"linalg.{name}", getattr(np.linalg, name), arrays, options, synchronises=checks)


def cholesky(a: Any) -> Any:
    return _call("cholesky", a)


def det(a: Any) -> Any:
    return _call("det", a, checks=False)


def eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803 - CuPy's name
    return _call("eigh", a, UPLO=UPLO)


def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803 - CuPy's name
    return _call("eigvalsh", a, UPLO=UPLO)


def inv(a: Any) -> Any:
    return _call("inv", a)


def qr(a: Any, mode: str = "reduced") -> Any:
    return _call("qr", a, mode=mode)


def slogdet(a: Any) -> Any:
    return _call("slogdet", a, checks=False)


def solve(a: Any, b: Any) -> Any:
    if isinstance(a, Stored) and isinstance(b, Stored):
        if a._a.shape[:-1] != b._a.shape[: a._a.ndim - 1] or not 0 <= a._a.ndim - b._a.ndim <= 1:
            raise ValueError("a must have (..., M, M) shape and b must have (..., M) or (..., M, K)")
        if a._a.ndim != b._a.ndim:  # to CuPy a batch of vectors, to NumPy from version 2 on matrices
            raise NotImplementedError("the simulator's linalg.solve() takes b as matrices")
    return _call("solve", a, b)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return _call("svd", a, full_matrices=full_matrices, compute_uv=compute_uv)
