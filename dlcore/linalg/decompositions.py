"""Decompositions: Cholesky, QR, eigenvalues of Hermitian matrices, singular values.

Their factors are not unique: eigenvectors and singular vectors may be turned by a phase (a sign where they are real),
and within the space of equal values by any rotation. The gradients are those of functions which do not notice that;
for others there is none, which raises where it can be seen (complex phases, the columns that `full_matrices` and
`mode="complete"` add), and gives inf or NaN where values coincide.

Sources: M. Seeger et al., 2017, "Auto-differentiating linear algebra" (Cholesky, and the Hermitian eigenproblem);
S. Walter and L. Lehmann, 2010, "Algorithmic differentiation of linear algebra functions with application in optimum
experimental design" (QR); J. Townsend, 2016, "Differentiating the singular value decomposition"; in their complex
forms as PyTorch has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from dlcore._tensor import Tensor
from dlcore.autograd import Function, is_grad_enabled
from dlcore.autograd.several import SeveralOutputs
from dlcore.linalg._matrices import (
    Values,
    adjoint,
    check_gauge,
    identity,
    imaginary_diagonal,
    matrices,
    phases,
    run,
    sum_of,
    symmetrised,
)
from dlcore.linalg.solving import Solve
from dlcore.ops._common import cast
from dlcore.ops.matrix import matmul
from dlcore.ops.rearranging import diag_embed, tril, triu
from dlcore.ops.shape import concat, expand_dims

__all__ = ["cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]

DIVERGED = "is one for which the algorithm does not converge (NaN or infinities?)"


# --- Cholesky -------------------------------------------------------------------------------------------------------


class Cholesky(Function):
    """L of A = L L^H. Seeger et al., section 4.1: gA = L^-H (L^H gL, its lower triangle mirrored, halved) L^-1.

    Imaginary parts on the diagonal, which no Hermitian A can cause, are left as PyTorch leaves them.
    """

    saves_output = True

    def forward(self, a: Any) -> Any:
        if not a.size:
            return self.xp.zeros(a.shape, dtype=a.dtype)
        return run("cholesky", "is not positive definite", self.xp.linalg.cholesky, a)

    def backward(self, grad: Tensor) -> Tensor:
        lower = adjoint(self.output)
        product = matmul(lower, grad)
        middle = (tril(product) + adjoint(tril(product, k=-1))) * 0.5
        left = Solve("cholesky")(lower, middle)  # L^-H M
        return adjoint(Solve("cholesky")(lower, adjoint(left)))


def cholesky(x: Tensor, *, upper: bool = False) -> Tensor:
    """The triangular factor L of x = L L^H.

    Args:
        x: Hermitian (symmetric where real) and positive definite, shape (..., M, M), float or complex. Only its lower
            triangle is read. The gradient is symmetric, that of complex matrices up to what no Hermitian x can feel.
        upper: give L^H, the factor U of x = U^H U, instead.

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: a matrix is not positive definite. NaN gives NaN, or this error.

    >>> dl.linalg.cholesky(dl.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    lower = Cholesky()(matrices("cholesky", "x", x, square=True))
    return adjoint(lower) if upper else lower


# --- QR -------------------------------------------------------------------------------------------------------------


class QR(SeveralOutputs):
    def __init__(self, mode: str) -> None:
        self.mode = mode

    def compute(self, a: Any) -> tuple[Any, ...]:
        return tuple(self.xp.linalg.qr(a, self.mode))

    def gradients(self, grads: Sequence[Tensor | None]) -> Tensor:
        q, r = self.outputs
        grad_q, grad_r = grads
        rows, columns = q.shape[-2], r.shape[-1]
        if q.shape[-1] > columns:  # "complete" has added columns to Q, and zeros to R
            grad_q = _without_added("qr", q, grad_q, columns)
            q, r = q[..., :columns], r[..., :columns, :]
            grad_r = None if grad_r is None else grad_r[..., :columns, :]
        if rows >= columns:
            return _qr_backward(q, r, grad_q, grad_r)
        # A = (X Y) = Q (R1 R2): the square part gives Q and R1, and R2 = Q^H Y
        right = r[..., rows:]
        if grad_r is None:
            square = _qr_backward(q, r[..., :rows], grad_q, None)
            return concat([square, matmul(q, right) * 0], axis=-1)
        grad_right = grad_r[..., rows:]
        grad_q = sum_of([grad_q, matmul(matmul(q, right), adjoint(grad_right))])
        square = _qr_backward(q, r[..., :rows], grad_q, grad_r[..., :rows])
        return concat([square, matmul(q, grad_right)], axis=-1)


def _qr_backward(q: Tensor, r: Tensor, grad_q: Tensor | None, grad_r: Tensor | None) -> Tensor:
    """For rows >= columns: gA = (gQ + Q H) R^-H, H the Hermitian matrix with upper triangle gR R^H - Q^H gQ."""
    of_r = None if grad_r is None else matmul(grad_r, adjoint(r))
    of_q = None if grad_q is None else -matmul(adjoint(q), grad_q)
    triangle = sum_of([of_r, of_q])
    assert triangle is not None
    total = sum_of([matmul(q, symmetrised(triangle, triu(triangle, k=1))), grad_q])
    assert total is not None
    return adjoint(Solve("qr")(r, adjoint(total)))


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


def qr(x: Tensor, *, mode: str = "reduced") -> QRResult:
    """The factors of x = Q R, Q with orthonormal columns, R upper triangular with a real diagonal.

    The gradient needs the first min(M, N) columns of x to be independent.

    Args:
        x: shape (..., M, N), float or complex.
        mode: "reduced" for Q of shape (..., M, K) and R of shape (..., K, N), K = min(M, N); "complete" for (..., M, M)
            and (..., M, N). For M > N, PyTorch does not differentiate the latter; here functions are differentiated
            that depend on the columns which are added by the space that these span only.

    Raises:
        ShapeError, DTypeError, ValueError: another shape, dtype or mode.
        dl.linalg.LinAlgError: in the backward pass, R has no inverse.
        RuntimeError: in the backward pass, the result depends on the choice of the added columns.

    >>> q, r = dl.linalg.qr(dl.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> np.allclose((q @ r).numpy(), [[3.0, 1.0], [4.0, 2.0]], atol=1e-6)
    True
    """
    x = matrices("qr", "x", x)
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', got {mode!r}")
    return QRResult(*QR(mode).apply(x))


# --- Hermitian eigenproblem -----------------------------------------------------------------------------------------


class Eigh(SeveralOutputs):
    """Seeger et al., section 4.3: gA = V (diag(gw) + V^H gV / E) V^H, E_ij = w_j - w_i."""

    def compute(self, a: Any) -> tuple[Any, ...]:
        return tuple(run("eigh", DIVERGED, self.xp.linalg.eigh, a))

    def gradients(self, grads: Sequence[Tensor | None]) -> Tensor:
        w, v = self.outputs
        grad_w, grad_v = grads
        if grad_v is None:
            assert grad_w is not None
            return matmul(v * expand_dims(grad_w, axis=-2), adjoint(v))
        inner = matmul(adjoint(v), grad_v)
        if v.dtype.kind == "c":
            check_gauge("eigh", phases(inner), inner, "the phase of the eigenvectors, which is arbitrary")
        inner = _divided(inner, w)
        if grad_w is not None:
            inner = inner + diag_embed(cast(grad_w, v.dtype))
        return matmul(matmul(v, inner), adjoint(v))


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(x: Tensor) -> EighResult:
    """Eigenvalues and eigenvectors of Hermitian (real: symmetric) matrices, x = V diag(w) V^H.

    Args:
        x: shape (..., M, M), float or complex. Only its lower triangle is read.

    Returns:
        (eigenvalues, eigenvectors): real numbers in ascending order, shape (..., M), and orthonormal columns, shape
        (..., M, M). Gradients through the eigenvectors need eigenvalues that differ.

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: no convergence. NaN leads to that, or gives NaN.
        RuntimeError: in the backward pass, the result depends on the phase of complex eigenvectors.

    >>> dl.linalg.eigh(dl.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return EighResult(*Eigh().apply(matrices("eigh", "x", x, square=True)))


def eigvalsh(x: Tensor) -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending: those of `eigh`, with a gradient where they coincide, too.

    >>> dl.linalg.eigvalsh(dl.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    x = matrices("eigvalsh", "x", x, square=True)
    if x.requires_grad and is_grad_enabled():
        return Eigh().apply(x)[0]
    return Values(lambda xp, a: run("eigvalsh", DIVERGED, xp.linalg.eigvalsh, a))(x)


# --- singular values ------------------------------------------------------------------------------------------------


class SVD(SeveralOutputs):
    """Townsend, equations 19 to 24, with PyTorch's terms for complex matrices."""

    def __init__(self, full_matrices: bool) -> None:
        self.full_matrices = full_matrices

    def compute(self, a: Any) -> tuple[Any, ...]:
        return tuple(run("svd", DIVERGED, self.xp.linalg.svd, a, full_matrices=self.full_matrices))

    def gradients(self, grads: Sequence[Tensor | None]) -> Tensor:
        u, s, vh = self.outputs
        grad_u, grad_s, grad_vh = grads
        rows, columns, count = u.shape[-2], vh.shape[-1], s.shape[-1]
        grad_v = None if grad_vh is None else adjoint(grad_vh)
        v = adjoint(vh)
        if u.shape[-1] > count:
            grad_u, u = _without_added("svd", u, grad_u, count), u[..., :count]
        if v.shape[-1] > count:
            grad_v, v = _without_added("svd", v, grad_v, count), v[..., :count]
        if grad_u is None and grad_v is None:
            assert grad_s is not None
            return matmul(u * expand_dims(grad_s, axis=-2), adjoint(v))
        of_u = None if grad_u is None else matmul(adjoint(u), grad_u)
        of_v = None if grad_v is None else matmul(adjoint(v), grad_v)
        if u.dtype.kind == "c":
            there = [x for x in (of_u, of_v) if x is not None]
            turned = sum_of([phases(x) for x in there])
            assert turned is not None
            check_gauge("svd", turned, there[0], "the phase of the singular vectors, which is arbitrary")
        row, column = expand_dims(s, axis=-2), expand_dims(s, axis=-1)
        squares = s * s
        parts: list[Tensor | None] = [None if grad_s is None else diag_embed(cast(grad_s, u.dtype))]
        if of_u is not None:
            parts.append(_divided(of_u - adjoint(of_u), squares) * row)
        if of_v is not None:
            parts.append(column * _divided(of_v - adjoint(of_v), squares))
        if of_u is not None and of_v is not None and u.dtype.kind == "c":
            parts.append(diag_embed(imaginary_diagonal(of_u) / s * 1j))
        inner = sum_of(parts)
        assert inner is not None
        if rows > count and grad_u is not None:  # what lies outside of the columns of U
            scaled = grad_u / row
            return matmul(matmul(u, inner) + scaled - matmul(u, matmul(adjoint(u), scaled)), adjoint(v))
        right = matmul(inner, adjoint(v))
        if columns > count and grad_v is not None:
            scaled = adjoint(grad_v / row)
            right = right + scaled - matmul(matmul(scaled, v), adjoint(v))
        return matmul(u, right)


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(x: Tensor, *, full_matrices: bool = True) -> SVDResult:
    """The singular value decomposition x = U diag(S) Vh.

    Args:
        x: shape (..., M, N), float or complex.
        full_matrices: give square U and Vh; else only the first K = min(M, N) columns of U and rows of Vh.

    Returns:
        (U, S, Vh): orthonormal columns, shape (..., M, M) or (..., M, K); real numbers in descending order, shape
        (..., K); orthonormal rows, shape (..., N, N) or (..., K, N). Gradients through U and Vh need singular values
        that differ, and for M != N none that is 0.

    Raises:
        ShapeError, DTypeError: another shape or dtype.
        dl.linalg.LinAlgError: no convergence, as with NaN.
        RuntimeError: in the backward pass, the result depends on the phase of complex singular vectors, or on the
            choice of the columns and rows that `full_matrices` adds. (PyTorch gives no gradient to those at all.)

    >>> u, s, vh = dl.linalg.svd(dl.tensor([[0.0, 2.0], [1.0, 0.0]]))
    >>> s
    tensor([2., 1.])
    """
    return SVDResult(*SVD(bool(full_matrices)).apply(matrices("svd", "x", x)))


def svdvals(x: Tensor) -> Tensor:
    """The singular values, descending: those of `svd`, with a gradient where they coincide, too.

    >>> dl.linalg.svdvals(dl.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    x = matrices("svdvals", "x", x)
    if x.requires_grad and is_grad_enabled():
        return SVD(False).apply(x)[1]
    return Values(lambda xp, a: run("svdvals", DIVERGED, xp.linalg.svd, a, compute_uv=False))(x)


# --- what they share ------------------------------------------------------------------------------------------------


def _divided(x: Tensor, values: Tensor) -> Tensor:
    """x_ij / (values_j - values_i), and 0 on the diagonal."""
    unit = identity(x.shape[-1], values)
    return x * (1 - unit) / (expand_dims(values, axis=-2) - expand_dims(values, axis=-1) + unit)


def _without_added(name: str, q: Tensor, grad: Tensor | None, count: int) -> Tensor | None:
    """The gradient of the first `count` columns of a square unitary Q = (Q1 Q2) in which Q2 completes Q1.

    With Q^H dQ skew-Hermitian, the part of dQ2 that is not a rotation within Q2 is -Q1 (Q2^H dQ1)^H, so that a function
    of the space that Q2 spans is one of Q1: its gradient there is -Q2 gQ2^H Q1.
    """
    if grad is None:
        return None
    first, added, of_added = q[..., :count], q[..., count:], grad[..., count:]
    turned = matmul(adjoint(added), of_added)
    choice = "the choice of the vectors that complete the basis, which is arbitrary"
    check_gauge(name, turned - adjoint(turned), turned, choice)
    return grad[..., :count] - matmul(added, matmul(adjoint(of_added), first))
