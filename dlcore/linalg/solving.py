"""Linear systems: solutions, inverses, determinants, powers.

Derivatives after M. Giles, 2008, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation"; that of the pseudo-inverse after G. Golub and V. Pereyra, 1973. All are written with operations on
tensors, so that they can be differentiated in turn.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from dlcore._dtypes import bool_, complex128, float64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.autograd.several import SeveralOutputs
from dlcore.linalg._matrices import adjoint, identity, matrices, run
from dlcore.ops._arguments import int_of
from dlcore.ops._common import cast, conjugate, pair, plain
from dlcore.ops.elementary import imag, real
from dlcore.ops.matrix import matmul
from dlcore.ops.selection import where
from dlcore.ops.shape import broadcast_to, concat, expand_dims, permute_dims, reshape, squeeze

__all__ = ["det", "inv", "matrix_power", "pinv", "slogdet", "solve"]

SINGULAR = "is singular"


class Solve(Function):
    """X of A X = B, with equal batches. Giles, section 2.3.1: gB = A^-H gX, gA = -gB X^H."""

    saves = (0,)
    saves_output = True

    def __init__(self, name: str = "solve") -> None:
        self.name = name

    def forward(self, a: Any, b: Any) -> Any:
        if not b.size:
            return self.xp.zeros(b.shape, dtype=b.dtype)
        return run(self.name, SINGULAR, self.xp.linalg.solve, a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (a,) = self.saved
        grad_b = Solve()(adjoint(a), grad)
        return (-matmul(grad_b, adjoint(self.output)) if self.needs(0) else None), grad_b


class Inverse(Function):
    """Giles, section 2.2.3: gA = -A^-H g A^-H."""

    saves_output = True

    def __init__(self, name: str = "inv") -> None:
        self.name = name

    def forward(self, a: Any) -> Any:
        if not a.size:
            return self.xp.zeros(a.shape, dtype=a.dtype)
        return run(self.name, SINGULAR, self.xp.linalg.inv, a)

    def backward(self, grad: Tensor) -> Tensor:
        inverse = adjoint(self.output)
        return -matmul(matmul(inverse, grad), inverse)


class Determinant(Function):
    """The gradient is g times the conjugated matrix of cofactors, conj(det A) A^-H where there is an inverse."""

    saves = (0,)
    saves_output = True

    def forward(self, a: Any) -> Any:
        return self.xp.linalg.det(a)

    def backward(self, grad: Tensor) -> Tensor:
        (a,) = self.saved
        xp, value = self.xp, self.output
        singular = xp.reshape(xp.asarray(value._array == 0), (*a.shape[:-2], 1, 1))
        count = int(self.backend.to_host(xp.sum(singular))) if singular.size else 0
        weight = reshape(grad, (*grad.shape, 1, 1))
        if not count:
            return weight * (reshape(conjugate(value), weight.shape) * adjoint(Inverse("det")(a)))
        if count == singular.size:
            return weight * _cofactors(a)
        mask = plain(a, xp.broadcast_to(singular, a.shape))
        regular = where(
            mask, identity(a.shape[-1], a), a
        )  # each formula gets harmless matrices in the place of the other's
        other = plain(a, xp.astype(xp.diag(xp.arange(1, a.shape[-1] + 1)), a.dtype))
        by_inverse = reshape(conjugate(Determinant()(regular)), weight.shape) * adjoint(Inverse("det")(regular))
        return weight * where(mask, _cofactors(where(mask, a, other)), by_inverse)


def _cofactors(a: Tensor) -> Tensor:
    """The conjugated cofactors of A = U S V^H: det(U V^H)^* U (products of all other singular values) V^H."""
    from dlcore.linalg.decompositions import svd

    u, s, vh = svd(a, full_matrices=False)
    before: list[Tensor] = [s[..., :1] * 0 + 1]
    after = list(before)
    for i in range(1, s.shape[-1]):
        before.append(before[-1] * s[..., i - 1 : i])
        after.append(after[-1] * s[..., s.shape[-1] - i : s.shape[-1] - i + 1])
    others = concat(before, axis=-1) * concat(after[::-1], axis=-1)
    sign = conjugate(Determinant()(u) * Determinant()(vh))
    return reshape(sign, (*sign.shape, 1, 1)) * matmul(u * expand_dims(others, axis=-2), vh)


class SignLogDet(SeveralOutputs):
    """d log det A = tr(A^-1 dA), of which the real part belongs to log|det A| and the imaginary part to the sign."""

    saves = (0,)

    def compute(self, a: Any) -> tuple[Any, ...]:
        return tuple(self.xp.linalg.slogdet(a))

    def gradients(self, grads: Any) -> Tensor | None:
        (a,) = self.saved
        of_sign, weight = grads
        if a.dtype.kind == "c":
            weight = None if weight is None else cast(weight, a.dtype)
            if of_sign is not None:
                turn = imag(conjugate(of_sign) * self.outputs[0]) * -1j
                weight = turn if weight is None else weight + turn
        if weight is None:
            return None
        return reshape(weight, (*weight.shape, 1, 1)) * adjoint(Inverse("slogdet")(a))


class PseudoInverse(Function):
    """Golub and Pereyra's derivative, which holds where the rank is constant."""

    saves = (0,)
    saves_output = True

    def __init__(self, rtol: Any) -> None:
        self.rtol = rtol

    def forward(self, a: Any) -> Any:
        xp = self.xp
        if not a.size:
            return xp.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), dtype=a.dtype)
        u, s, vh = run("pinv", "gives no singular values (NaN or infinities?)", xp.linalg.svd, a, full_matrices=False)
        kept = s > self.rtol * xp.max(s, axis=-1, keepdims=True)
        inverse = 1 / xp.where(kept, s, xp.asarray(np.inf, dtype=s.dtype))
        v, uh = xp.conj(xp.swapaxes(vh, -1, -2)), xp.conj(xp.swapaxes(u, -1, -2))
        return self.backend.matmul(v * inverse[..., None, :], uh)

    def backward(self, grad: Tensor) -> Tensor:
        (a,) = self.saved
        p = self.output
        ph, gh = adjoint(p), adjoint(grad)
        if a.shape[-2] <= a.shape[-1]:
            k = matmul(gh, p)
            kph = matmul(k, ph)
            return kph - adjoint(matmul(p, k)) - matmul(matmul(a, p), kph) + matmul(matmul(ph, p), gh - matmul(k, a))
        k = matmul(p, gh)
        phk = matmul(ph, k)
        return phk - adjoint(matmul(k, p)) + matmul(matmul(gh - matmul(a, k), p), ph) - matmul(matmul(phk, p), a)


def solve(x1: Tensor, x2: Tensor) -> Tensor:
    """The solution X of x1 @ X = x2.

    Args:
        x1: shape (..., M, M), float or complex.
        x2: shape (..., M, K), or (M,) for one vector. Leading axes broadcast. (PyTorch also takes shape (..., M) with
            as many leading axes as x1 has; here that is read as matrices, as in the array API.)

    Returns:
        Shape (..., M, K), or (..., M) for a vector.

    Raises:
        ShapeError, DTypeError: shapes and dtypes other than these.
        dl.linalg.LinAlgError: x1 is singular. NaN gives NaN.

    >>> dl.linalg.solve(dl.tensor([[2.0, 0.0], [0.0, 4.0]]), dl.tensor([2.0, 2.0]))
    tensor([1. , 0.5])
    """
    a, b = pair("solve", matrices("solve", "x1", x1, square=True), x2)
    if not isinstance(b, Tensor):
        raise TypeError(f"solve: x2 must be a Tensor, got {type(x2).__name__}")
    if x2.dtype.kind not in "fc":
        raise DTypeError(f"solve: x2 must be of a float or complex dtype, got {x2.dtype}")
    vector = b.ndim == 1
    size = a.shape[-1]
    if b.ndim == 0 or (b.shape[0] if vector else b.shape[-2]) != size:
        raise ShapeError(f"solve: x2 of shape {b.shape} does not fit x1 of shape {a.shape}; expected (..., {size}, K)")
    if vector:
        b = expand_dims(b, axis=1)
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ShapeError(f"solve: leading axes of shapes {x1.shape} and {x2.shape} do not broadcast together") from None
    if a.ndim == 2 and batch:  # one matrix for all: the batch becomes more columns, and it is factored once
        columns = b.shape[-1]
        order = (b.ndim - 2, *range(b.ndim - 2), b.ndim - 1)
        wide = reshape(permute_dims(b, order), (size, prod(batch) * columns))
        found = reshape(Solve()(a, wide), (size, *batch, columns))
        return permute_dims(found, (*range(1, b.ndim - 1), 0, b.ndim - 1))
    x = Solve()(broadcast_to(a, (*batch, size, size)), broadcast_to(b, (*batch, size, b.shape[-1])))
    return squeeze(x, axis=-1) if vector else x


def inv(x: Tensor) -> Tensor:
    """The inverse of square matrices.

    Args:
        x: shape (..., M, M), float or complex.

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: a matrix is singular. NaN gives NaN.

    >>> dl.linalg.inv(dl.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return Inverse()(matrices("inv", "x", x, square=True))


def det(x: Tensor) -> Tensor:
    """The determinant of square matrices.

    The gradient is right at singular matrices, too. There, second derivatives go through a singular value
    decomposition and need singular values that differ, as in PyTorch.

    Args:
        x: shape (..., M, M), float or complex.

    Returns:
        Shape (...).

    >>> dl.linalg.det(dl.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(8.)
    """
    return Determinant()(matrices("det", "x", x, square=True))


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: Tensor) -> SlogdetResult:
    """The determinant as its sign (a number of modulus 1, or 0) and the logarithm of its modulus.

    Args:
        x: shape (..., M, M), float or complex.

    Returns:
        (sign, logabsdet), both of shape (...); sign 0 and -inf for a singular matrix.

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: in the backward pass, a matrix is singular.

    >>> dl.linalg.slogdet(dl.tensor([[2.0, 0.0], [0.0, -0.5]]))
    SlogdetResult(sign=tensor(-1.), logabsdet=tensor(0.))
    """
    return SlogdetResult(*SignLogDet().apply(matrices("slogdet", "x", x, square=True)))


def matrix_power(x: Tensor, n: int) -> Tensor:
    """x multiplied by itself n times; the inverse of that for negative n, and the identity for 0.

    Args:
        x: shape (..., M, M), float or complex.
        n: an int.

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: n is negative, and a matrix is singular.

    >>> dl.linalg.matrix_power(dl.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    x = matrices("matrix_power", "x", x, square=True)
    n = int_of("matrix_power", "n", n)
    if n == 0:
        nowhere = plain(x, x._device.backend.xp.zeros(x.shape, dtype=bool_))
        return where(nowhere, x, identity(x.shape[-1], x))  # a function of x, with gradient 0
    if n < 0:
        x, n = Inverse("matrix_power")(x), -n
    result: Tensor | None = None
    while True:  # by the binary digits of n
        if n % 2:
            result = x if result is None else matmul(result, x)
        n //= 2
        if not n:
            assert result is not None
            return result
        x = matmul(x, x)


def pinv(x: Tensor, *, rtol: float | Tensor | None = None) -> Tensor:
    """The pseudo-inverse of Moore and Penrose, by singular value decomposition.

    Args:
        x: shape (..., M, N), float or complex.
        rtol: singular values up to `rtol` times the largest count as 0; a number, or a tensor of the leading shape of
            x. Default max(M, N) times the machine epsilon of the dtype.

    Returns:
        Shape (..., N, M).

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: the decomposition does not converge, as with NaN.

    >>> dl.linalg.pinv(dl.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5, 0. ],
            [0. , 0. ]])
    """
    x = matrices("pinv", "x", x)
    return PseudoInverse(tolerance("pinv", x, rtol))(x)


def tolerance(name: str, x: Tensor, rtol: Any) -> Any:
    """`rtol` as what singular values, shape (..., K), are compared with."""
    if rtol is None:
        double = x.dtype in (float64, complex128)
        return max(x.shape[-2:]) * float(np.finfo(np.float64 if double else np.float32).eps)
    if isinstance(rtol, Tensor):
        if rtol.dtype.kind == "c":
            raise DTypeError(f"{name}: rtol must be real, got {rtol.dtype}")
        try:
            fits = np.broadcast_shapes(rtol.shape, x.shape[:-2]) == x.shape[:-2]
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(f"{name}: rtol of shape {rtol.shape} does not broadcast to {x.shape[:-2]}")
        xp = x._device.backend.xp
        return xp.astype(rtol._array, real(x).dtype)[..., None]
    if isinstance(rtol, bool) or not isinstance(rtol, (int, float, np.generic)):
        raise TypeError(f"{name}: rtol must be a number, a Tensor or None, got {rtol!r}")
    return float(rtol)
