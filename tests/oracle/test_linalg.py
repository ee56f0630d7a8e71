"""Linear algebra against PyTorch: values, first and second gradients, real and complex, in batches; then the corners.

Over PyTorch's own samples: opdb/test_opdb_linalg.py. Here are the combinations that it does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

Function = Callable[..., Any]


def adjoint(x: Any) -> Any:
    return dl.conj(x.mT) if isinstance(x, dl.Tensor) else x.mH


def hermitian(x: Any) -> Any:
    return x + adjoint(x)


def definite(x: Any) -> Any:
    return x @ adjoint(x) + 0.5 * (x * 0 + 1)[..., :1] * adjoint((x * 0 + 1)[..., :1]) + adjoint(x) @ x


def pair(decomposition: Any, count: int) -> Any:
    """Products of a few of the left and right singular vectors, which do not depend on their phases."""
    u, s, vh = decomposition
    return u[..., :count] @ (s[..., :count, None] * vh[..., :count, :])


def projector(q: Any) -> Any:
    return q @ adjoint(q)


# name: (function of a library's linalg and of tensors, shapes)
CASES: dict[str, tuple[Function, list[tuple[int, ...]]]] = {
    "solve": (lambda la, a, b: la.solve(a, b), [(3, 3), (3, 2)]),
    "solve, a vector": (lambda la, a, b: la.solve(a, b), [(3, 3), (3,)]),
    "solve, batches that broadcast": (lambda la, a, b: la.solve(a, b), [(2, 1, 3, 3), (3, 3, 2)]),
    "solve, one matrix for a batch": (lambda la, a, b: la.solve(a, b), [(3, 3), (2, 2, 3, 2)]),
    "inv": (lambda la, a: la.inv(a), [(2, 3, 3)]),
    "inv, 1x1": (lambda la, a: la.inv(a), [(1, 1)]),
    "det": (lambda la, a: la.det(a), [(2, 3, 3)]),
    "slogdet": (lambda la, a: la.slogdet(a)[0] * la.slogdet(a)[1], [(2, 3, 3)]),
    "slogdet, the sign": (lambda la, a: la.slogdet(a)[0] * (a.sum() * 0 + 1), [(3, 3)]),
    "slogdet, the logarithm": (lambda la, a: la.slogdet(a)[1], [(3, 3)]),
    "pinv, wide": (lambda la, a: la.pinv(a), [(2, 2, 3)]),
    "pinv, tall": (lambda la, a: la.pinv(a), [(3, 2)]),
    "pinv of a product": (lambda la, a, b: la.pinv(a @ b), [(4, 2), (2, 3)]),
    "matrix_power": (lambda la, a: la.matrix_power(a, 5), [(2, 2, 2)]),
    "matrix_power, negative": (lambda la, a: la.matrix_power(a, -3), [(2, 2)]),
    "cholesky": (lambda la, a: la.cholesky(definite(a)), [(2, 3, 3)]),
    "cholesky, upper": (lambda la, a: la.cholesky(definite(a), upper=True), [(3, 3)]),
    "eigh, values": (lambda la, a: la.eigh(hermitian(a))[0], [(2, 3, 3)]),
    "eigh, both": (lambda la, a: abs(la.eigh(hermitian(a))[1]) * la.eigh(hermitian(a))[0][..., None], [(2, 3, 3)]),
    "eigh, a projector": (lambda la, a: projector(la.eigh(hermitian(a))[1][..., :2]), [(3, 3)]),
    "eigvalsh": (lambda la, a: la.eigvalsh(hermitian(a)), [(2, 3, 3)]),
    "qr, tall": (lambda la, a: abs(la.qr(a)[0]) * abs(la.qr(a)[1]).sum(), [(2, 4, 3)]),
    "qr, tall, the factors themselves": (lambda la, a: la.qr(a)[0] @ (la.qr(a)[1] * 2), [(4, 3)]),
    "qr, square": (lambda la, a: la.qr(a)[0] + la.qr(a)[1], [(2, 3, 3)]),
    "qr, wide": (lambda la, a: la.qr(a)[0].sum() + la.qr(a)[1], [(2, 2, 4)]),
    "qr, wide, R": (lambda la, a: la.qr(a)[1], [(2, 4)]),
    "qr, wide, Q": (lambda la, a: la.qr(a)[0] * la.qr(a)[0], [(2, 4)]),
    "qr, complete, wide": (lambda la, a: la.qr(a, mode="complete")[0] + 1, [(2, 3)]),
    "svd, U": (lambda la, a: abs(la.svd(a, full_matrices=False)[0]), [(2, 4, 3)]),
    "svd, U of a wide matrix": (lambda la, a: abs(la.svd(a, full_matrices=False)[0]), [(2, 4)]),
    "svd, Vh": (lambda la, a: abs(la.svd(a, full_matrices=False)[2]), [(2, 3, 4)]),
    "svd, Vh of a tall matrix": (lambda la, a: abs(la.svd(a, full_matrices=False)[2]), [(4, 2)]),
    "svd, S": (lambda la, a: la.svd(a)[1], [(2, 3, 4)]),
    "svd, tall, U and Vh": (lambda la, a: pair(la.svd(a, full_matrices=False), 2), [(2, 4, 3)]),
    "svd, wide, U and Vh": (lambda la, a: pair(la.svd(a, full_matrices=False), 2), [(3, 4)]),
    "svd, square": (lambda la, a: pair(la.svd(a), 2), [(3, 3)]),
    "svd, full": (lambda la, a: pair(la.svd(a), 1), [(2, 3)]),
    "svdvals": (lambda la, a: la.svdvals(a), [(2, 3, 4)]),
    **{
        f"matrix_norm, {order}": (lambda la, a, order=order: la.matrix_norm(a, ord=order), [(2, 3, 4)])
        for order in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))
    },
    "cross": (lambda la, a, b: la.cross(a, b), [(2, 3), (1, 3)]),
    "matmul, batches that broadcast": (lambda la, a, b: la.matmul(a, b), [(2, 1, 2, 3), (3, 3, 2)]),
    "matmul, a vector and a batch": (lambda la, a, b: la.matmul(a, b), [(3,), (2, 3, 2)]),
}  # fmt: skip


def values(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    x = rng.uniform(-1, 1, shape)
    return np.asarray(x + 1j * rng.uniform(-1, 1, shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def host(x: Any) -> Any:
    return x.numpy() if isinstance(x, dl.Tensor) else x.detach().resolve_conj().numpy(force=True)


def derivatives(lib: Any, function: Function, arrays: list[Any], seed: int) -> dict[str, Any]:
    """The value, the gradients of a weighted sum of it, and those of a weighted sum of these."""
    rng = np.random.default_rng(seed)
    grad = dl.grad if lib is dl else torch.autograd.grad
    leaves = [lib.tensor(a, requires_grad=True) for a in arrays]
    ends = [function(lib.linalg, *leaves)]
    found = {"value": host(ends[0])}
    with np.errstate(all="ignore"):
        for order in ("first", "second"):
            weights = [lib.tensor(values(rng, x.shape, host(x).dtype)) for x in ends]
            live = [(x, w) for x, w in zip(ends, weights, strict=True) if x.requires_grad]
            if not live:
                break
            gradients = grad([x for x, _ in live], leaves, [w for _, w in live], create_graph=True, allow_unused=True)
            ends = [lib.zeros_like(x) if g is None else g for g, x in zip(gradients, leaves, strict=True)]
            found |= {f"{order} {i}": host(g) for i, g in enumerate(ends)}
    return found


def same(mine: dict[str, Any], theirs: dict[str, Any], rtol: float = 1e-7) -> None:
    for what in mine.keys() | theirs.keys():
        a, b = mine.get(what, 0), theirs.get(what, np.zeros(()))  # what is not there is zero
        assert np.shape(a) in (b.shape, ()) or b.shape == (), what
        scale = np.abs(b).max(initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 1e-2 * scale, err_msg=what)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradients(name: str, dtype: str, rng: np.random.Generator) -> None:
    function, shapes = CASES[name]
    arrays, seed = [values(rng, shape, dtype) for shape in shapes], int(rng.integers(2**32))
    same(derivatives(dl, function, arrays, seed), derivatives(torch, function, arrays, seed))


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize(
    "name", ["solve", "inv", "det", "pinv, wide", "cholesky", "eigh, values", "qr, tall", "svd, S"]
)
def test_single_precision_is_as_exact_as_pytorch(name: str, dtype: str, rng: np.random.Generator) -> None:
    function, shapes = CASES[name]
    double = "float64" if dtype == "float32" else "complex128"
    arrays, seed = [values(rng, shape, dtype) for shape in shapes], int(rng.integers(2**32))
    exact = derivatives(dl, function, [a.astype(double) for a in arrays], seed)
    mine, theirs = derivatives(dl, function, arrays, seed), derivatives(torch, function, arrays, seed)
    for what, e in exact.items():
        assert mine[what].dtype == theirs[what].dtype
        allowed = max(2e-5 * np.abs(e).max(initial=0), 8 * np.abs(theirs[what] - e).max(initial=0))
        assert np.abs(mine[what] - e).max(initial=0) <= allowed, what


# --- corners --------------------------------------------------------------------------------------------------------

RANK_2 = np.diag([2.0, 1.0, 0.0]) @ np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 4.0], [5.0, 6.0, 0.5]])
RANK_1 = np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 0.5])

CORNERS: dict[str, tuple[Function, Any, int]] = {  # function, matrix, highest order that PyTorch has
    "det, rank n - 1": (lambda la, a: la.det(a), RANK_2, 2),
    "det, rank n - 2": (lambda la, a: la.det(a), RANK_1, 1),
    "det, zeros": (lambda la, a: la.det(a), np.zeros((3, 3)), 1),
    "det, some of a batch": (lambda la, a: la.det(a), np.stack([RANK_2, RANK_2 + np.eye(3), np.eye(3)]), 2),
    "det, complex, rank n - 1": (lambda la, a: la.det(a), RANK_2 * (1 + 1j), 1),
    "slogdet of a singular matrix": (lambda la, a: la.slogdet(a)[1], RANK_2, 0),
    "eigvalsh, equal values": (lambda la, a: la.eigvalsh(a), np.eye(3), 1),
    "svdvals, equal values": (lambda la, a: la.svdvals(a), np.eye(3), 1),
    "svdvals, zeros": (lambda la, a: la.svdvals(a), np.zeros((2, 2)), 1),
    "matrix_norm, fro of zeros": (lambda la, a: la.matrix_norm(a), np.zeros((2, 2)), 1),
    "matrix_norm, 2, equal values": (lambda la, a: la.matrix_norm(a, ord=2), np.eye(2), 1),
    "matrix_norm, 1, ties": (lambda la, a: la.matrix_norm(a, ord=1), np.ones((2, 2)), 1),
    "pinv, not of full rank": (lambda la, a: la.pinv(a, rtol=1e-10), RANK_2, 2),
    "inv with NaN": (lambda la, a: la.inv(a), np.array([[1.0, np.nan], [0.0, 1.0]]), 1),
    "solve with NaN": (lambda la, a: la.solve(a, a[:, :1]), np.array([[1.0, np.nan], [0.0, 1.0]]), 0),
    "det with NaN": (lambda la, a: la.det(a), np.array([[1.0, np.nan], [0.0, 1.0]]), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name: str) -> None:
    function, matrix, order = CORNERS[name]
    with np.errstate(all="ignore"):
        mine, theirs = (derivatives(lib, function, [matrix], 0) if order else
                        {"value": host(function(lib.linalg, lib.tensor(matrix)))} for lib in (dl, torch))  # fmt: skip
    wanted = ("value", "first 0", "second 0")[: order + 1]
    same({what: mine[what] for what in wanted}, {what: theirs[what] for what in wanted})


FAILURES: dict[str, Callable[[Any], Any]] = {
    "inv": lambda lib: lib.linalg.inv(lib.zeros((2, 2))),
    "solve": lambda lib: lib.linalg.solve(lib.ones((2, 2)), lib.ones((2, 1))),
    "cholesky": lambda lib: lib.linalg.cholesky(-1 * lib.ones((2, 2))),
    "svd, NaN": lambda lib: lib.linalg.svd(lib.ones((2, 2)) * float("nan")),
    "not square": lambda lib: lib.linalg.inv(lib.ones((2, 3))),
    "a vector": lambda lib: lib.linalg.qr(lib.ones((2,))),
    "integers": lambda lib: lib.linalg.inv(lib.ones((2, 2), dtype=lib.int64)),
    "float16": lambda lib: lib.linalg.inv(lib.ones((2, 2), dtype=lib.float16)),
    "mode": lambda lib: lib.linalg.qr(lib.ones((2, 2)), mode="raw"),
    "ord": lambda lib: lib.linalg.matrix_norm(lib.ones((2, 2)), ord=3),
    "power": lambda lib: lib.linalg.matrix_power(lib.zeros((2, 2)), -1),
}


@pytest.mark.parametrize("name", FAILURES)
def test_raises_where_pytorch_raises(name: str) -> None:
    call = FAILURES[name]
    with pytest.raises(RuntimeError):
        call(torch)
    with pytest.raises((ValueError, TypeError)):
        call(dl)


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_a_result_that_depends_on_a_phase_raises_as_in_pytorch(name: str, rng: np.random.Generator) -> None:
    matrix = values(rng, (3, 3), "complex128")
    for lib in (dl, torch):
        a = lib.tensor(matrix, requires_grad=True)
        vectors = lib.linalg.eigh(hermitian(a))[1] if name == "eigh" else lib.linalg.svd(a)[0]
        total = (vectors.real if lib is torch else dl.real(vectors)).sum()
        with pytest.raises(RuntimeError, match=r"phase|e\^\{i phi\}"):
            total.backward()
