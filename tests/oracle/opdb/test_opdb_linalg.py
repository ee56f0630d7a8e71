"""Linear algebra over PyTorch's own sample inputs. Of decompositions, what does not depend on the choice of factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import Entry, NoError, Skip, check_error_inputs, check_samples, comparisons, has, named

import dlcore as dl
from dlcore import linalg


def columns(result: Any) -> tuple[Any, ...]:
    """Of U, S, Vh: moduli of singular vectors, and products of both in which their phases cancel."""
    u, s, vh = result
    count = s.shape[-1]
    u, vh = u[..., :count], vh[..., :count, :]
    return abs(u), s, abs(vh), u @ vh


def eigenvectors(result: Any) -> tuple[Any, ...]:
    values, vectors = result
    return values, abs(vectors)


def first_columns(result: Any) -> tuple[Any, ...]:
    """Of Q, R: without the columns that mode="complete" adds, for which PyTorch has no gradient."""
    q, r = result
    count = min(q.shape[-2], r.shape[-1])
    return abs(q[..., :count]), abs(r[..., :count, :])


def einsum(tensors: Any, equation: str) -> dl.Tensor:
    return dl.einsum(equation, *tensors)


def lower_of(a: dl.Tensor, upper: bool = False) -> dl.Tensor:
    return linalg.cholesky(a, upper=upper)


def logdet(a: dl.Tensor) -> dl.Tensor:
    """PyTorch's: the complex logarithm, or NaN where a real determinant is negative."""
    sign, logabs = linalg.slogdet(a)
    return logabs + dl.log(sign)


def singular(a: dl.Tensor, b: dl.Tensor) -> dl.Tensor:
    return linalg.pinv(a @ dl.matrix_transpose(b))


def vdot(x: dl.Tensor, y: dl.Tensor) -> dl.Tensor:
    if x.ndim != 1 or y.ndim != 1 or x.dtype != y.dtype:
        raise dl.ShapeError("vdot: 1D tensors")
    return dl.vecdot(x, y)


def dot(x: dl.Tensor, y: dl.Tensor) -> dl.Tensor:
    return vdot(dl.conj(x), y)


def batched(ndim: int) -> Callable[[dl.Tensor, dl.Tensor], dl.Tensor]:
    def multiply(x: dl.Tensor, y: dl.Tensor) -> dl.Tensor:
        assert x.ndim == ndim
        return dl.matmul(x, y)

    return multiply


def trace(x: dl.Tensor) -> dl.Tensor:
    if x.ndim != 2:
        raise dl.ShapeError("trace: a matrix")
    return linalg.trace(x)


def rank(x: dl.Tensor, **keywords: Any) -> dl.Tensor:
    if keywords.get("atol", 0) is None:
        del keywords["atol"]
    return linalg.matrix_rank(x, **keywords)


AXIS = {"dim": "axis", "keepdim": "keepdims"}
SIZE_1 = Skip(
    "axes of size 1 do not broadcast in tensordot, as in the array API and NumPy",
    lambda sample: sample.input.shape[0] != sample.args[0].shape[2] if sample.kwargs["dims"] != 2 else False,
)
ATOL = Skip(
    "singular values are cut relative to the largest only, as in the array API",
    lambda sample: sample.kwargs.get("atol") is not None,
)
HERMITIAN = Skip("no shortcut for Hermitian matrices, as in the array API", has("hermitian"))
EMPTY_VECTORS = Skip(
    "as below, where it fits",
    lambda sample: (
        sample.args[0].ndim == sample.input.ndim - 1 == 2
        and sample.args[0].shape == (0, 0)
        and sample.input.shape == (0, 0, 0)
    ),
    raises=False,
)
BATCH_OF_VECTORS = Skip(
    "x2 with one dimension fewer than x1 is matrices in the array API",
    lambda sample: sample.args[0].ndim == sample.input.ndim - 1 and sample.args[0].ndim > 1,
)

TABLE: dict[str, Entry] = {
    "einsum": Entry(einsum),
    "tensordot": Entry(named(dl.tensordot, "x2", dims="axes"), (SIZE_1,)),
    "matmul": Entry(dl.matmul),
    "mm": Entry(batched(2)),
    "bmm": Entry(batched(3)),
    "mv": Entry(batched(2)),
    "dot": Entry(dot),
    "vdot": Entry(vdot),
    "outer": Entry(linalg.outer),
    "trace": Entry(trace),
    "diagonal": Entry(lambda x, offset=0, dim1=0, dim2=1: dl.diagonal(x, offset=offset, axis1=dim1, axis2=dim2)),
    "linalg.diagonal": Entry(
        lambda x, offset=0, dim1=-2, dim2=-1: dl.diagonal(x, offset=offset, axis1=dim1, axis2=dim2)
    ),
    "cross": Entry(named(linalg.cross, "x2", **AXIS)),
    "linalg.cross": Entry(
        named(linalg.cross, "x2", **AXIS),
        no_errors=(NoError("leading axes broadcast", "same number of dimensions"),),
    ),
    "linalg.vecdot": Entry(named(dl.vecdot, "x2", **AXIS)),
    "linalg.det": Entry(linalg.det),
    "linalg.slogdet": Entry(lambda a: tuple(linalg.slogdet(a))),
    "logdet": Entry(logdet),
    "linalg.inv": Entry(linalg.inv),
    "linalg.solve": Entry(linalg.solve, (EMPTY_VECTORS, BATCH_OF_VECTORS)),
    "linalg.matrix_power": Entry(linalg.matrix_power),
    "linalg.pinv": Entry(linalg.pinv),
    "linalg.pinv.hermitian": Entry(linalg.pinv, (HERMITIAN,)),
    "linalg.pinv.singular": Entry(singular, rtol=1e-6),
    "pinverse": Entry(named(linalg.pinv, rcond="rtol")),
    "linalg.matrix_rank": Entry(rank, (ATOL,)),
    "linalg.matrix_rank.hermitian": Entry(linalg.matrix_rank, (HERMITIAN,)),
    "linalg.matrix_norm": Entry(named(linalg.matrix_norm, "ord", "axis", "keepdims", **AXIS)),
    "linalg.cholesky": Entry(linalg.cholesky),
    "cholesky": Entry(lower_of),
    "linalg.eigh": Entry(
        linalg.eigh, (Skip("the lower triangle is read, as in the array API", has("UPLO")),), theirs=eigenvectors,
        ours=eigenvectors,
    ),
    "linalg.eigvalsh": Entry(linalg.eigvalsh, (Skip("as eigh", has("UPLO")),)),
    "linalg.qr": Entry(linalg.qr, theirs=first_columns, ours=first_columns),
    "linalg.svd": Entry(linalg.svd, theirs=columns, ours=columns),
    "linalg.svdvals": Entry(linalg.svdvals),
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)
