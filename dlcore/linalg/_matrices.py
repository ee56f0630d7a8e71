"""What the functions of matrices share: arguments checked, failures explained, adjoints, triangles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcore._dtypes import complex64, complex128, float32, float64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._common import Imag, as_tensor, conjugate, plain
from dlcore.ops.elementary import real
from dlcore.ops.rearranging import diag_embed, diagonal
from dlcore.ops.shape import matrix_transpose

#: NumPy's and CuPy's error, a ValueError: a singular matrix, one that is not positive definite, no convergence.
LinAlgError = np.linalg.LinAlgError


def matrices(name: str, argument: str, value: Any, square: bool = False) -> Tensor:
    """A tensor of matrices of a dtype that LAPACK knows, shape (..., M, N), or (..., M, M) with `square`."""
    x: Tensor = as_tensor(name, argument, value)
    if x.dtype not in (float32, float64, complex64, complex128):
        raise DTypeError(f"{name}: {argument} must be float32, float64, complex64 or complex128, got {x.dtype}")
    if x.ndim < 2:
        raise ShapeError(f"{name}: {argument} needs at least 2 dimensions, got shape {x.shape}")
    if square and x.shape[-2] != x.shape[-1]:
        raise ShapeError(f"{name}: {argument} must be square, shape (..., M, M), got shape {x.shape}")
    return x


def run(name: str, failure: str, function: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """A function of `xp.linalg`, with an error that says which matrix of a batch it was."""
    try:
        return function(*arrays, **options)
    except LinAlgError:
        batch = arrays[0].shape[:-2]
        where = ""
        for place in np.ndindex(batch):
            try:
                function(*[array[place] for array in arrays], **options)
            except LinAlgError:
                where = f" {place[0] if len(place) == 1 else place} of the batch of shape {batch}" if batch else ""
                break
        raise LinAlgError(f"{name}: matrix{where} {failure}" if where else f"{name}: the matrix {failure}") from None


class Values(Function):
    """A function of raw arrays, `function(xp, array)`, of which nothing is recorded."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(self.xp, x)


def adjoint(x: Tensor) -> Tensor:
    """The conjugate transpose."""
    return conjugate(matrix_transpose(x))


def symmetrised(triangle: Tensor, strict: Tensor) -> Tensor:
    """The Hermitian matrix of which `triangle` is a half; `strict` is that half without the diagonal."""
    return strict + adjoint(strict) + diag_embed(real(diagonal(triangle)))


def identity(size: int, like: Tensor) -> Tensor:
    """The identity matrix, of the dtype and on the device of `like`."""
    return plain(like, like._device.backend.xp.eye(size, dtype=like.dtype))


def check_gauge(name: str, open_part: Tensor, of: Tensor, what: str) -> None:
    """Raise where the gradient says that the result depends on what a decomposition leaves open.

    `open_part` must vanish but for rounding in numbers as large as `of`. The tolerance is PyTorch's, for large numbers
    of low precision more.
    """
    if open_part.size:
        backend, xp = open_part._device.backend, open_part._device.backend.xp
        worst, scale = (float(backend.to_host(xp.max(xp.abs(x._array)))) for x in (open_part, of))
        if worst > 1e-2 + 1e3 * float(np.finfo(of.dtype).eps) * scale:
            raise RuntimeError(f"{name}: the gradient is not defined: the result depends on {what}")


def phases(x: Tensor) -> Tensor:
    """The imaginary parts of the diagonals of complex matrices, as values."""
    return plain(x, x._device.backend.xp.imag(x._device.backend.xp.diagonal(x._array, 0, x.ndim - 2, x.ndim - 1)))


def imaginary_diagonal(x: Tensor) -> Tensor:
    return Imag()(diagonal(x))


def sum_of(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The sum of those that are there."""
    total: Tensor | None = None
    for part in parts:
        if part is not None:
            total = part if total is None else total + part
    return total
