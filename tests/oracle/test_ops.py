"""Every operation against PyTorch: values, first and second gradients; then the corners, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ops.cases import OPS, Case, Op, parameters, tensors

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

RTOL = 1e-7
NAN, INF = float("nan"), float("inf")


class Answer:
    """What one library says about one call: the output, the gradients, and the gradients of those."""

    def __init__(self, value: Any, first: list[Any], second: list[Any]) -> None:
        self.value, self.first, self.second = value, first, second

    def parts(self) -> list[tuple[str, Any]]:
        first = [(f"gradient {i}", g) for i, g in enumerate(self.first)]
        return [("value", self.value), *first, *[(f"second gradient {i}", g) for i, g in enumerate(self.second)]]


def weights(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    w = rng.uniform(0.5, 1.5, shape)
    return np.asarray(w + 1j * rng.uniform(0.5, 1.5, shape) if np.dtype(dtype).kind == "c" else w).astype(dtype)


def ours(call: Callable[..., Any], arrays: list[Any], varies: list[bool], seed: int) -> Answer:
    rng = np.random.default_rng(seed)
    arguments = tensors(arrays)
    leaves = [a.requires_grad_() for a, varied in zip(arguments, varies, strict=True) if varied]
    with np.errstate(all="ignore"):
        y = call(*arguments)
        if not y.requires_grad:
            return Answer(y.numpy(), [], [])
        first = dl.grad(y, leaves, dl.tensor(weights(rng, y.shape, y.dtype)), create_graph=True, allow_unused=True)
        zeros = [np.zeros(x.shape, x.dtype) for x in leaves]
        seeds = [dl.tensor(weights(rng, x.shape, x.dtype)) for x in leaves]
        live = [(g, s) for g, s in zip(first, seeds, strict=True) if g is not None and g.requires_grad]
        second: Any = [None] * len(leaves)
        if live:
            second = dl.grad([g for g, _ in live], leaves, [s for _, s in live], allow_unused=True)
    host = [[z if g is None else g.numpy() for g, z in zip(gs, zeros, strict=True)] for gs in (first, second)]
    return Answer(y.numpy(), *host)


def theirs(call: Callable[..., Any], arrays: list[Any], varies: list[bool], seed: int) -> Answer:
    rng = np.random.default_rng(seed)
    arguments = [torch.tensor(np.array(a, order="C")) if isinstance(a, np.ndarray) else a for a in arrays]
    leaves = [a.requires_grad_() for a, varied in zip(arguments, varies, strict=True) if varied]
    y = call(torch, *arguments)
    if not y.requires_grad:
        return Answer(y.numpy(), [], [])
    seed_y = torch.from_numpy(weights(rng, tuple(y.shape), y.detach().numpy().dtype))
    first = torch.autograd.grad(y, leaves, seed_y, create_graph=True, allow_unused=True)
    zeros = [np.zeros(x.shape, x.detach().numpy().dtype) for x in leaves]
    seeds = [torch.from_numpy(weights(rng, z.shape, z.dtype)) for z in zeros]
    live = [(g, s) for g, s in zip(first, seeds, strict=True) if g is not None and g.requires_grad]
    second: Any = [None] * len(leaves)
    if live:
        second = torch.autograd.grad([g for g, _ in live], leaves, [s for _, s in live], allow_unused=True)
    host = [
        [z if g is None else g.detach().resolve_conj().numpy(force=True) for g, z in zip(gs, zeros, strict=True)]
        for gs in (first, second)
    ]
    return Answer(y.detach().resolve_conj().numpy(force=True), *host)


COMPARED = parameters(lambda op: op.torch is not None)


@pytest.mark.parametrize(("op", "case"), COMPARED)
def test_value_and_gradients(op: Op, case: Case, rng: np.random.Generator) -> None:
    for dtype in op.float_dtypes:
        arrays, seed = case.arrays(rng, dtype), int(rng.integers(2**32))
        mine = ours(lambda *a: op.here(*a, **case.keywords), arrays, case.varies(), seed)
        reference = theirs(lambda *a: op.torch(*a, **case.keywords), arrays, case.varies(), seed)  # type: ignore[misc]
        for (what, a), (_, b) in zip(mine.parts(), reference.parts(), strict=True):
            assert a.shape == b.shape, (what, dtype)
            scale = np.abs(b).max(initial=0)  # relative to each element, or to the largest where sums cancel
            np.testing.assert_allclose(a, b, rtol=RTOL, atol=RTOL * max(1e-3 * scale, 1e-6), err_msg=f"{what}, {dtype}")


@pytest.mark.parametrize(("op", "case"), COMPARED)
def test_float32_is_as_exact_as_pytorch(op: Op, case: Case, rng: np.random.Generator) -> None:
    if "float32" not in op.dtypes:
        pytest.skip("not a function of real numbers")
    arrays, seed = case.arrays(rng, "float32"), int(rng.integers(2**32))
    exact_arrays = [a.astype("float64") if getattr(a, "dtype", None) == np.float32 else a for a in arrays]

    def here(*arguments: Any) -> Any:
        return op.here(*arguments, **case.keywords)

    def there(*arguments: Any) -> Any:
        assert op.torch is not None
        return op.torch(*arguments, **case.keywords)

    exact = ours(here, exact_arrays, case.varies(), seed).parts()
    mine = ours(here, arrays, case.varies(), seed).parts()
    reference = theirs(there, arrays, case.varies(), seed).parts()
    for (what, e), (_, a), (_, b) in zip(exact, mine, reference, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=what)
        a, b, e = (np.nan_to_num(part) for part in (a, b, e))
        largest = np.abs(e).max(initial=0)
        # where sums cancel, what rounding leaves of numbers near 1
        allowed = max(2e-5 * largest, 4 * np.abs(b - e).max(initial=0), 2 * float(np.finfo("float32").eps))
        assert np.abs(a - e).max(initial=0) <= allowed, what


# --- corners: kinks, poles, ties, NaN and infinities ------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, INF, -INF, NAN]
BASES = [0.0, 0.0, 0.0, 0.0, 0.0, -2.0, -2.0, -2.0, 1.0, -1.0, INF, 2.0, NAN, NAN, 3.0]
EXPONENTS = [0.0, 2.0, 0.5, 1.0, -1.0, 2.0, 3.0, 0.5, INF, 0.0, 0.0, -INF, 0.0, 2.0, NAN]
PAIRS = np.array([(x, y) for x in SPECIAL for y in SPECIAL]).T

# (operation, arguments): lists are float64 tensors, the rest is passed on as it is
CORNERS: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    **{f"{name} of special values": (name, [SPECIAL], {}) for name in ("exp", "square", "tanh", "negative")},
    "abs of special values": ("abs", [SPECIAL[:-1]], {}),  # the gradient at NaN is NaN here, 0 in PyTorch
    **{f"{name} of special values": (name, [SPECIAL], {}) for name in ("sqrt", "log", "log1p")},
    **{f"{name} of special pairs": (name, [PAIRS[0], PAIRS[1]], {}) for name in ("add", "subtract", "multiply")},
    "divide of special pairs": ("divide", [PAIRS[0], PAIRS[1]], {}),
    "pow, tensor to tensor": ("pow", [BASES, EXPONENTS], {}),
    **{f"pow, tensor to {y}": ("pow", [SPECIAL, y], {}) for y in (0, 0.0, 1, 2, 3, -1, -0.5)},
    # without -inf, whose power 0.5 is NaN in NumPy (it takes the square root) and inf in PyTorch
    **{f"pow, tensor to {y}": ("pow", [[0.0, 1.0, -1.0, 2.5, -2.5, INF, NAN], y], {}) for y in (0.5, 1.5)},
    **{f"pow, {x} to tensor": ("pow", [x, SPECIAL], {}) for x in (0, 0.0, 1, 2.0, -1.0, -2, 0.5)},
    "clip on its bounds": ("clip", [[-2.0, -1.0, 0.0, 1.0, 2.0, NAN, INF, -INF], -1, 1], {}),
    "clip with equal bounds": ("clip", [[-2.0, 1.0, 2.0], 1, 1], {}),
    "clip with tensors on x": ("clip", [[-1.0, 0.0, 1.0, NAN], [-1.0, -1.0, -1.0, 0.0], [1.0, 0.0, 1.0, 0.0]], {}),
    "clip with crossed tensors": ("clip", [[-1.0, 0.5, 3.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]], {}),
    "max with ties": ("max", [[[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]], {"axis": 1}),
    "max with ties over all": ("max", [[[1.0, 3.0], [3.0, 2.0]]], {}),
    "min with ties": ("min", [[[1.0, 3.0, 1.0], [2.0, 2.0, 2.0]]], {"axis": 0}),
    "max with NaN": ("max", [[[1.0, NAN, 3.0], [INF, 2.0, -INF]]], {"axis": 1}),
    "min with infinities": ("min", [[[1.0, -INF, -INF], [INF, INF, INF]]], {"axis": 1}),
    "mean with infinities": ("mean", [[[1.0, INF], [NAN, 2.0]]], {"axis": 1}),
    "remainder": ("remainder", [[5.5, -5.5, 5.5, -5.5, 0.0], [2.0, 2.0, -2.0, -2.0, 3.0]], {}),
    "where, NaN not chosen": ("where", [np.array([True, False]), [1.0, NAN], [NAN, 2.0]], {}),
    "matmul with infinities": ("matmul", [[[1.0, INF], [0.0, 1.0]], [[1.0, 0.0], [2.0, NAN]]], {}),
}


@pytest.mark.parametrize("corner", CORNERS)
def test_corners_of_real_functions(corner: str) -> None:
    name, arguments, keywords = CORNERS[corner]
    arrays = [np.array(a, "float64") if isinstance(a, list) else a for a in arguments]
    varies = [isinstance(a, np.ndarray) and a.dtype == np.float64 for a in arrays]
    op = OPS[name]
    mine = ours(lambda *a: op.here(*a, **keywords), arrays, varies, 0)
    reference = theirs(lambda *a: op.torch(*a, **keywords), arrays, varies, 0)  # type: ignore[misc]
    for (what, a), (_, b) in zip(mine.parts(), reference.parts(), strict=True):
        if what.startswith("second"):  # where formulas differ, one may meet 0 * inf where the other does not
            a, b = a[~np.isnan(b)], b[~np.isnan(b)]
        np.testing.assert_allclose(a, b, rtol=RTOL, atol=0, err_msg=what)


COMPLEX = [0j, 1 + 0j, -1 + 0j, 1j, -1j, 1 + 2j, -1.5 - 0.5j]


@pytest.mark.parametrize("name", ["abs", "square", "negative", "exp", "tanh", "conj", "real", "imag", "log", "sqrt"])
def test_corners_of_complex_functions(name: str) -> None:
    z = np.array(COMPLEX if name not in ("log", "sqrt") else COMPLEX[1:])
    op = OPS[name]
    mine, reference = ours(op.here, [z], [True], 0), theirs(op.torch, [z], [True], 0)  # type: ignore[arg-type]
    for (what, a), (_, b) in zip(mine.parts(), reference.parts(), strict=True):
        np.testing.assert_allclose(a, b, rtol=RTOL, atol=1e-15, err_msg=what)


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [(name, x, y) for name in ("add", "multiply", "divide", "pow")
     for x, y in (("float64", "complex128"), ("complex128", "float64"))],
)  # fmt: skip
def test_a_real_operand_of_a_complex_operation_has_a_real_gradient(
    name: str, x: str, y: str, rng: np.random.Generator
) -> None:
    arrays = [weights(rng, (2, 3), x), weights(rng, (3,), y)]
    mine = ours(OPS[name].here, arrays, [True, True], 1)
    reference = theirs(OPS[name].torch, arrays, [True, True], 1)  # type: ignore[arg-type]
    for (what, a), (_, b) in zip(mine.parts(), reference.parts(), strict=True):
        assert a.dtype == b.dtype, what
        np.testing.assert_allclose(a, b, rtol=RTOL, err_msg=what)


@pytest.mark.parametrize("function", ["exp", "log", "sqrt", "tanh", "mean"])
@pytest.mark.parametrize("dtype", ["int8", "int64", "bool"])
def test_float_functions_of_integers_give_float32_as_in_pytorch(function: str, dtype: str) -> None:
    x = np.array([1, 1], dtype=dtype)
    if function == "mean":  # refused by PyTorch
        assert dl.mean(dl.tensor(x)).dtype == dl.float32
        return
    result = getattr(dl, function)(dl.tensor(x))
    expected = getattr(torch, function)(torch.from_numpy(x))
    assert str(expected.dtype) == f"torch.{result.dtype}"
    np.testing.assert_allclose(result.numpy(), expected.numpy(), rtol=1e-6)
