"""dl.linalg: results by their definitions, derivatives against differences, what depends on nothing arbitrary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import linalg

DTYPES = ("float32", "float64", "complex64", "complex128")
DOUBLE = ("float64", "complex128")


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    x = rng.normal(size=shape)
    return np.asarray(x + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def definite(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    x = drawn(rng, shape, dtype)
    return (x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1])).astype(dtype)


def adjoint(x: Any) -> Any:
    return dl.conj(dl.matrix_transpose(x)) if isinstance(x, dl.Tensor) else np.conj(np.swapaxes(x, -1, -2))


def close(a: dl.Tensor, b: Any) -> None:
    tolerance = 1e-4 if a.dtype in (dl.float32, dl.complex64) else 1e-11
    assert a.shape == np.shape(b)
    np.testing.assert_allclose(a.numpy(), b, rtol=tolerance, atol=tolerance)


def real(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


# --- values -------------------------------------------------------------------------------------------------

BATCHES: tuple[tuple[int, ...], ...] = ((), (2,), (2, 1, 3), (0,))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
def test_solving(dtype: str, batch: tuple[int, ...], rng: np.random.Generator) -> None:
    a = drawn(rng, (*batch, 3, 3), dtype) + 3 * np.eye(3, dtype=dtype)
    b = drawn(rng, (*batch, 3, 2), dtype)
    x, inverse = linalg.solve(dl.tensor(a), dl.tensor(b)), linalg.inv(dl.tensor(a))
    assert x.dtype == inverse.dtype == dtype
    close(x, np.linalg.solve(a, b))
    close(inverse, np.linalg.inv(a))
    vector = b[(0,) * len(batch)][:, 0] if 0 not in batch else np.ones(3, dtype)
    close(linalg.solve(dl.tensor(a), dl.tensor(vector)), (np.linalg.inv(a) @ vector[:, None])[..., 0])
    close(linalg.det(dl.tensor(a)), np.linalg.det(a))
    sign, logabs = linalg.slogdet(dl.tensor(a))
    assert (sign.dtype, logabs.dtype) == (dtype, real(dtype))
    for part, expected in zip((sign, logabs), np.linalg.slogdet(a), strict=True):
        close(part, expected)
    for n in (-2, 0, 1, 3):
        close(linalg.matrix_power(dl.tensor(a), n), np.linalg.matrix_power(a, n))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
def test_decompositions_of_any_matrix(
    dtype: str, batch: tuple[int, ...], shape: tuple[int, int], rng: np.random.Generator
) -> None:
    a = drawn(rng, (*batch, *shape), dtype)
    x = dl.tensor(a)
    for full in (False, True):
        u, s, vh = linalg.svd(x, full_matrices=full)
        assert (u.dtype, s.dtype, vh.dtype) == (dtype, real(dtype), dtype)
        k = min(shape)
        assert (u.shape[-1], vh.shape[-2]) == (shape if full else (k, k))
        close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a)
        close(adjoint(u) @ u, np.broadcast_to(np.eye(u.shape[-1]), (*batch, u.shape[-1], u.shape[-1])))
        close(linalg.svdvals(x), s.numpy())
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(x, mode=mode)
        close(q @ r, a)
        close(adjoint(q) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*batch, q.shape[-1], q.shape[-1])))
        close(dl.tril(r, k=-1), np.zeros(r.shape))
    p = linalg.pinv(x)
    for product, expected in ((x @ p @ x, a), (p @ x @ p, p.numpy()), (adjoint(x @ p), (x @ p).numpy())):
        close(product, expected)
    assert linalg.matrix_rank(x).dtype == dl.int64
    np.testing.assert_array_equal(linalg.matrix_rank(x).numpy(), np.full(batch, min(shape)))
    for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        for keepdims in (False, True):
            norm = linalg.matrix_norm(x, ord=order, keepdims=keepdims)
            assert norm.dtype == real(dtype)
            if 0 not in batch:  # NumPy reduces those without looking at the batch
                close(norm, np.linalg.norm(a, order, axis=(-2, -1), keepdims=keepdims))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
def test_decompositions_of_hermitian_matrices(dtype: str, batch: tuple[int, ...], rng: np.random.Generator) -> None:
    a = definite(rng, (*batch, 3, 3), dtype)
    x = dl.tensor(a)
    lower, upper = linalg.cholesky(x), linalg.cholesky(x, upper=True)
    close(lower @ adjoint(lower), a)
    close(adjoint(upper) @ upper, a)
    close(dl.triu(lower, k=1), np.zeros(a.shape))
    w, v = linalg.eigh(x)
    assert (w.dtype, v.dtype) == (real(dtype), dtype)
    close((v * w[..., None, :]) @ adjoint(v), a)
    close(linalg.eigvalsh(x), w.numpy())
    spoilt = a.copy()
    spoilt[..., 0, 1:] = 9  # above the diagonal, which is not read
    for function in (linalg.cholesky, linalg.eigvalsh):
        close(function(dl.tensor(spoilt)), function(x).numpy())


@pytest.mark.parametrize("dtype", ["int64", "float32", "complex128"])
def test_products(dtype: str, rng: np.random.Generator) -> None:
    a, b = (drawn(rng, shape, "float64").round(2) * 10 for shape in ((2, 3), (3,)))
    a, b = a.astype(dtype), b.astype(dtype)
    close(linalg.cross(dl.tensor(a), dl.tensor(b)), np.cross(a, b))
    close(linalg.cross(dl.tensor(a.T), dl.tensor(b[:, None]), axis=0), np.cross(a.T, b[:, None], axis=0))
    assert linalg.cross(dl.zeros((0, 3)), dl.zeros((1, 3))).shape == (0, 3)
    close(linalg.outer(dl.tensor(a[0]), dl.tensor(b)), np.outer(a[0], b))
    for offset in (-5, -1, 0, 2):
        close(linalg.diagonal(dl.tensor(a), offset=offset), np.diagonal(a, offset))
        close(linalg.trace(dl.tensor(a), offset=offset), np.trace(a, offset))
    assert linalg.trace(dl.tensor(a), dtype="complex128").dtype == "complex128"
    assert linalg.trace(dl.ones((2, 2), dtype="int8")).dtype == "int64"
    assert linalg.trace(dl.ones((4, 2, 2), dtype="bool")).tolist() == [2] * 4


def test_the_tolerance_of_pinv_and_rank() -> None:
    a = dl.tensor(np.stack([np.diag([1.0, 1e-3, 1e-20])] * 3))
    assert linalg.matrix_rank(a).tolist() == [2, 2, 2]
    assert linalg.matrix_rank(a, rtol=0.1).tolist() == [1, 1, 1]
    assert linalg.matrix_rank(a, rtol=dl.tensor([0.1, 1e-9, 0.0])).tolist() == [1, 2, 3]
    assert linalg.pinv(a)[0].tolist() == np.diag([1.0, 1e3, 0.0]).tolist()
    found = linalg.pinv(a, rtol=dl.tensor([0.1, 1e-9, 1.0]))
    np.testing.assert_allclose(dl.max(found, axis=(-2, -1)).numpy(), [1, 1e3, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_without_elements(dtype: str) -> None:
    square, wide = dl.zeros((2, 0, 0), dtype=dtype), dl.zeros((2, 0, 3), dtype=dtype)
    assert linalg.det(square).tolist() == [1, 1]
    assert linalg.slogdet(square).logabsdet.tolist() == [0, 0]
    for function in (linalg.inv, linalg.cholesky, linalg.eigh, linalg.eigvalsh, linalg.qr, linalg.svd):
        leaf = square.detach().requires_grad_()
        result = function(leaf)
        parts = result if isinstance(result, tuple) else (result,)
        assert all(part.shape[:2] == (2, 0) for part in parts)
        total = sum(dl.real(part).sum() for part in parts)
        total.backward()
        assert leaf.grad is not None
    assert linalg.pinv(wide).shape == (2, 3, 0)
    assert linalg.matrix_rank(wide).tolist() == [0, 0]
    assert linalg.svd(wide).Vh.shape == (2, 3, 3)
    assert linalg.solve(square, dl.zeros((2, 0, 4), dtype=dtype)).shape == (2, 0, 4)
    assert linalg.matrix_norm(wide).tolist() == linalg.matrix_norm(wide, ord="nuc").tolist() == [0, 0]


# --- derivatives --------------------------------------------------------------------------------------------


def hermitian(x: Any) -> Any:
    return x + adjoint(x)


def projector(q: Any) -> Any:
    return q @ adjoint(q)


GRADIENTS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "solve": (linalg.solve, [(2, 2, 2), (2, 1)]),
    "solve, one for a batch": (linalg.solve, [(2, 2), (2, 2, 1)]),
    "inv": (linalg.inv, [(2, 2, 2)]),
    "det": (linalg.det, [(2, 2, 2)]),
    "slogdet": (lambda a: linalg.slogdet(a)[0] * linalg.slogdet(a)[1], [(2, 2)]),
    "pinv": (linalg.pinv, [(2, 3)]),
    "pinv, tall": (linalg.pinv, [(3, 2)]),
    "matrix_power": (lambda a: linalg.matrix_power(a, -2), [(2, 2)]),
    "cholesky": (lambda a: linalg.cholesky(a @ adjoint(a) + adjoint(a) @ a), [(2, 2)]),
    "eigh": (lambda a: dl.abs(linalg.eigh(hermitian(a))[1]) * linalg.eigh(hermitian(a))[0], [(2, 2)]),
    "eigvalsh": (lambda a: linalg.eigvalsh(hermitian(a)), [(2, 2)]),
    "qr": (lambda a: dl.abs(linalg.qr(a).Q) + dl.abs(linalg.qr(a).R).sum(), [(3, 2)]),
    "qr, wide": (lambda a: dl.abs(linalg.qr(a).Q).sum() * dl.abs(linalg.qr(a).R), [(2, 3)]),
    "qr, wide, Q": (lambda a: dl.abs(linalg.qr(a).Q), [(2, 3)]),
    "qr, complete": (lambda a: projector(linalg.qr(a, mode="complete").Q[..., 1:]), [(3, 1)]),
    "qr, complete, R": (lambda a: linalg.qr(a, mode="complete").R, [(3, 2)]),
    "svd": (lambda a: dl.abs(linalg.svd(a, full_matrices=False).U) * linalg.svd(a).S, [(3, 2)]),
    "svd, what U adds": (lambda a: projector(linalg.svd(a).U[..., 2:]), [(4, 2)]),
    "svd, what Vh adds": (lambda a: projector(adjoint(linalg.svd(a).Vh[..., 1:, :])), [(1, 3)]),
    "svdvals": (linalg.svdvals, [(2, 3)]),
    "matrix_norm": (lambda a: linalg.matrix_norm(a, ord="nuc") + linalg.matrix_norm(a), [(2, 3)]),
    "cross": (lambda x, y: linalg.cross(x, y, axis=0), [(3, 2), (3, 1)]),
    "outer": (linalg.outer, [(2,), (3,)]),
    "trace": (lambda a: linalg.trace(a, offset=1), [(2, 3)]),
}


@pytest.mark.parametrize("dtype", DOUBLE)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str, dtype: str) -> None:
    function, shapes = GRADIENTS[name]
    rng = np.random.default_rng(3)  # fixed: differences are no good where two singular values nearly meet
    inputs = [dl.tensor(drawn(rng, shape, dtype), requires_grad=True) for shape in shapes]
    assert dl.gradcheck(function, inputs, second_order=True, atol=1e-5, rtol=1e-5)


def test_a_determinant_has_the_gradient_of_a_polynomial_everywhere() -> None:
    """The cofactors, also where there is no inverse: for rank n - 1, and for some of a batch."""
    singular = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
    rng = np.random.default_rng(0)
    for a in (singular, np.zeros((3, 3)), np.stack([singular, rng.normal(size=(3, 3)), np.eye(3)])):
        x = dl.tensor(a, requires_grad=True)
        (found,) = dl.grad(linalg.det(x).sum(), x)
        expected = np.zeros(a.shape)
        for place in np.ndindex(a.shape):
            minor = np.delete(np.delete(a[place[:-2]], place[-2], 0), place[-1], 1)
            expected[place] = (-1) ** (place[-2] + place[-1]) * np.linalg.det(minor)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)
    assert dl.gradcheck(linalg.det, dl.tensor(np.diag([1.0, 2.0, 0.0]), requires_grad=True), second_order=True)


def test_equal_singular_values_and_eigenvalues_have_gradients() -> None:
    x = dl.tensor(np.eye(3), requires_grad=True)
    for function in (linalg.svdvals, linalg.eigvalsh, lambda x: linalg.svd(x).S, lambda x: linalg.eigh(x)[0]):
        np.testing.assert_allclose(dl.grad(function(x).sum(), x)[0].numpy(), np.eye(3), atol=1e-15)


ARBITRARY: dict[str, tuple[Callable[[Any], Any], tuple[int, int], str]] = {
    "eigh, a phase": (lambda a: linalg.eigh(hermitian(a)).eigenvectors, (3, 3), "complex128"),
    "svd, a phase": (lambda a: linalg.svd(a, full_matrices=False).U, (3, 2), "complex128"),
    "svd, another phase": (lambda a: linalg.svd(a, full_matrices=False).Vh, (3, 2), "complex128"),
    "svd, added columns": (lambda a: linalg.svd(a).U[..., 2:] * dl.tensor([[1.0, 2.0]], "float64"), (4, 2), "float64"),
    "svd, added rows": (lambda a: linalg.svd(a).Vh[1:] * dl.tensor([[1.0], [2.0]], "float64"), (1, 3), "float64"),
    "qr, added columns": (lambda a: linalg.qr(a, mode="complete").Q[..., 1:] ** 3, (3, 1), "float64"),
}


@pytest.mark.parametrize("name", ARBITRARY)
def test_a_result_that_depends_on_an_arbitrary_choice_has_no_gradient(name: str) -> None:
    function, shape, dtype = ARBITRARY[name]
    x = dl.tensor(drawn(np.random.default_rng(1), shape, dtype), requires_grad=True)
    total = dl.real(function(x)).sum()
    with pytest.raises(RuntimeError, match="the gradient is not defined: the result depends on the"):
        total.backward()


def test_rounding_is_not_taken_for_a_dependence() -> None:
    """Large gradients in low precision: their phases cancel to rounding only."""
    a = dl.tensor(drawn(np.random.default_rng(1), (3, 3), "complex64"), requires_grad=True)
    for moduli in (dl.abs(linalg.eigh(hermitian(a)).eigenvectors), dl.abs(linalg.svd(a).U)):
        (dl.sum(moduli * dl.tensor([[1.0, 2.0, 3.0]])) * 1e7).backward()
    assert a.grad is not None
    assert np.isfinite(a.grad.numpy()).all()


def test_writing_into_one_output_is_noticed() -> None:
    x = dl.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    w, v = linalg.eigh(x)
    total = (w * dl.abs(v)).sum()
    with dl.no_grad():
        w[0] = 5.0
    with pytest.raises(RuntimeError, match="modified in place"):
        total.backward()


def test_results_are_named() -> None:
    x = dl.tensor([[2.0, 1.0], [1.0, 3.0]])
    assert linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.svd(x)._fields == ("U", "S", "Vh")
    assert linalg.qr(x)._fields == ("Q", "R")
    assert linalg.slogdet(x)._fields == ("sign", "logabsdet")


# --- bad input ----------------------------------------------------------------------------------------------


def f(*shape: int, dtype: str = "float32") -> dl.Tensor:
    return dl.ones(shape, dtype=dtype)


SQUARE = ("inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh")
ANY = ("svd", "svdvals", "qr", "pinv", "matrix_rank")
BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    *[(lambda n=n: getattr(linalg, n)(f(2, 3)), dl.ShapeError, rf"^{n}: x must be square.*\(2, 3\)") for n in SQUARE],
    *[(lambda n=n: getattr(linalg, n)(f(3)), dl.ShapeError, rf"^{n}: x needs at least 2.*\(3,\)")
      for n in SQUARE + ANY],
    *[(lambda n=n: getattr(linalg, n)(f(2, 2, dtype="int64")), dl.DTypeError, f"^{n}: x must be float32.*int64")
      for n in SQUARE + ANY],
    *[(lambda n=n: getattr(linalg, n)(f(2, 2, dtype="float16")), dl.DTypeError, f"^{n}: .*float16")
      for n in SQUARE + ANY],
    *[(lambda n=n: getattr(linalg, n)(np.ones((2, 2))), TypeError, f"^{n}: x must be a Tensor, got ndarray")
      for n in (*SQUARE, *ANY, "matrix_norm", "trace")],
    (lambda: linalg.solve(f(2, 2), f(3)), dl.ShapeError, r"^solve: x2 of shape \(3,\) does not fit x1 of shape"),
    (lambda: linalg.solve(f(2, 2), f(3, 1)), dl.ShapeError, r"^solve: x2 of shape \(3, 1\)"),
    (lambda: linalg.solve(f(2, 2), f()), dl.ShapeError, r"^solve: x2 of shape \(\)"),
    (lambda: linalg.solve(f(2, 2, 2), f(3, 2, 1)), dl.ShapeError, r"^solve: leading axes .* do not broadcast"),
    (lambda: linalg.solve(f(2, 2), 1.0), TypeError, "^solve: x2 must be a Tensor, got float"),
    (lambda: linalg.solve(f(2, 2), f(2, dtype="int64")), dl.DTypeError, "^solve: x2 .* int64"),
    (lambda: linalg.matrix_power(f(2, 2), 1.5), TypeError, "^matrix_power: n must be an int, got 1.5"),
    (lambda: linalg.qr(f(2, 2), mode="r"), ValueError, "^qr: mode must be 'reduced' or 'complete', got 'r'"),
    (lambda: linalg.matrix_norm(f(2, 2), ord=3), ValueError, "^matrix_norm: ord must be .* got 3"),
    (lambda: linalg.matrix_norm(f(2, 2), ord=True), ValueError, "^matrix_norm: ord must be .* got True"),
    (lambda: linalg.matrix_norm(f(2, 2, dtype="int64")), dl.DTypeError, "^matrix_norm: .* int64"),
    (lambda: linalg.matrix_norm(f(2)), dl.ShapeError, r"^matrix_norm: x needs at least 2 .* \(2,\)"),
    (lambda: linalg.matrix_norm(f(2, 2), axis=(0,)), dl.ShapeError, "^matrix_norm: axis must name two"),
    (lambda: linalg.matrix_norm(f(2, 0), ord=1), dl.ShapeError, "^matrix_norm: no norm with ord=1 of an empty"),
    (lambda: linalg.pinv(f(2, 2), rtol="x"), TypeError, "^pinv: rtol must be a number, .* got 'x'"),
    (lambda: linalg.pinv(f(2, 2), rtol=f(3)), dl.ShapeError, r"^pinv: rtol of shape \(3,\)"),
    (lambda: linalg.pinv(f(2, 2, 2), rtol=f(3)), dl.ShapeError, r"^pinv: rtol of shape \(3,\) .* \(2,\)"),
    (lambda: linalg.pinv(f(2, 2), rtol=f(dtype="complex64")), dl.DTypeError, "^pinv: rtol must be real"),
    (lambda: linalg.cross(f(2), f(2)), dl.ShapeError, r"^cross: axis -1 must have size 3, got shapes \(2,\)"),
    (lambda: linalg.cross(f(2, 3), f(4, 3)), dl.ShapeError, "^cross: shapes .* do not broadcast"),
    (lambda: linalg.cross(f(3, 3, 3), f(3, 3), axis=1), dl.ShapeError, "^cross: axis 1 is not the same"),
    (lambda: linalg.cross(f(3, dtype="bool"), f(3, dtype="bool")), dl.DTypeError, "^cross: not defined for bool"),
    (lambda: linalg.outer(f(2, 2), f(2)), dl.ShapeError, r"^outer: .* got shapes \(2, 2\) and \(2,\)"),
    (lambda: linalg.trace(f(2)), dl.ShapeError, r"^trace: x needs at least 2 .* \(2,\)"),
    (lambda: linalg.trace(f(2, 2, dtype="complex64"), dtype="float32"), dl.DTypeError, "^trace: .* imaginary"),
    (lambda: dl.vecdot(f(2), f(3)), dl.ShapeError, "^vecdot: axis -1 of x1"),
    (lambda: dl.vecdot(f(2, 3), f(4, 3)), dl.ShapeError, "^vecdot: shapes .* do not broadcast"),
    (lambda: dl.vecdot(f(3), f(3), axis=1), dl.ShapeError, "^vecdot: axis 1 is out of range"),
    (lambda: dl.vecdot(f(3), np.ones(3)), TypeError, "^vecdot: x2 must be a Tensor, got ndarray"),
    (lambda: dl.tensordot(f(2, 3), f(4, 5)), dl.ShapeError, "^tensordot: axis 0 of x1"),
    (lambda: dl.tensordot(f(2), f(2), axes=2), dl.ShapeError, "^tensordot: axes=2, but"),
    (lambda: dl.tensordot(f(2), f(2), axes=-1), dl.ShapeError, "^tensordot: axes=-1, but"),
    (lambda: dl.tensordot(f(2), f(2), axes=1.0), TypeError, "^tensordot: axes must be an int or a pair"),
    (lambda: dl.tensordot(f(2), f(2), axes=(0,)), ValueError, r"^tensordot: axes must be .* got \(0,\)"),
    (lambda: dl.tensordot(f(2), f(2), axes=(None, (0,))), TypeError, "^tensordot: axes must be"),
    (lambda: dl.tensordot(f(2, 2), f(2), axes=((0, 1), (0,))), dl.ShapeError, "^tensordot: axes .* name 2 of x1 and 1"),
    (lambda: dl.tensordot(f(2, 2), f(2), axes=((0, 0), (0, 0))), dl.ShapeError, "^tensordot: axis .* twice"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_input(number: int) -> None:
    call, error, message = BAD[number]
    with pytest.raises(error, match=message):
        call()


FAILING: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "solve": (lambda a: linalg.solve(a, dl.ones((2,), dtype="float64")), np.ones((2, 2)), "is singular"),
    "inv": (linalg.inv, np.zeros((2, 2)), "is singular"),
    "matrix_power": (lambda a: linalg.matrix_power(a, -1), np.zeros((2, 2)), "is singular"),
    "cholesky": (linalg.cholesky, -np.eye(2), "is not positive definite"),
    "eigh": (linalg.eigh, np.full((3, 3), np.nan), "does not converge"),
    "svd": (linalg.svd, np.full((2, 2), np.nan), "does not converge"),
    "pinv": (linalg.pinv, np.full((2, 2), np.nan), "no singular values"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_names_the_function_and_the_matrix_of_the_batch(name: str) -> None:
    function, bad, reason = FAILING[name]
    assert issubclass(linalg.LinAlgError, ValueError)
    with pytest.raises(linalg.LinAlgError, match=f"^{name}: the matrix .*{reason}"):
        function(dl.tensor(bad))
    good = np.eye(len(bad))
    batch = np.stack([good, bad, good])
    with pytest.raises(linalg.LinAlgError, match=rf"^{name}: matrix 1 of the batch of shape \(3,\) .*{reason}"):
        function(dl.tensor(batch))
    with pytest.raises(linalg.LinAlgError, match=rf"^{name}: matrix \(0, 1\) of the batch of shape \(1, 3\)"):
        function(dl.tensor(batch[None]))


def test_a_singular_matrix_in_the_backward_pass() -> None:
    x = dl.zeros((2, 2), requires_grad=True)
    sign, logabs = linalg.slogdet(x)
    assert (sign.item(), logabs.item()) == (0, -np.inf)
    with pytest.raises(linalg.LinAlgError, match="slogdet: the matrix is singular"):
        logabs.backward()
    total = linalg.qr(x).R.sum()
    with pytest.raises(linalg.LinAlgError, match="qr: the matrix is singular"):
        total.backward()


def test_nan_passes_through_what_needs_no_iteration() -> None:
    x = dl.tensor([[1.0, np.nan], [0.0, 1.0]])
    with np.errstate(all="ignore"):
        for result in (linalg.inv(x), linalg.det(x), linalg.solve(x, dl.ones((2,))), linalg.matrix_norm(x)):
            assert np.isnan(result.numpy()).any()
