"""dl.autograd's products, Jacobian and Hessian against torch.autograd.functional, and checkpoint against its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

# name: (function of the library and tensors, shapes of its inputs, number of outputs)
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...], int]] = {
    "element by element": (lambda lib, x: lib.exp(x) * x, ((2, 3),), 1),
    "one value": (lambda lib, x: lib.sum(lib.tanh(x) * x * x), ((3,),), 1),
    "of shape (1,)": (lambda lib, x: lib.sum(lib.exp(x)).reshape(1), ((2,),), 1),
    "two inputs": (lambda lib, x, w: lib.tanh(x @ w), ((2, 3), (3, 2)), 1),
    "one is not used": (lambda lib, x, w: lib.sum(x * x * x), ((2, 3), (3,)), 1),
    "two outputs": (lambda lib, x, w: (lib.exp(x) * w, x * x), ((3,), (2, 3)), 2),
    "an output is not connected": (lambda lib, x: (lib.exp(x), lib.ones(2, dtype=x.dtype)), ((3,),), 2),
    "linear": (lambda lib, x: x * 2.0, ((3,),), 1),
    "scalars": (lambda lib, x, y: lib.exp(x * y), ((), ()), 1),
}
DTYPES = ("float64", "complex128")


def values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    x = rng.uniform(-1, 1, shape)
    return np.asarray(x + 1j * rng.uniform(-1, 1, shape) if dtype == "complex128" else x)


def same(mine: Any, other: Any) -> None:
    """The same nesting, shapes and values."""
    if isinstance(other, tuple):
        assert isinstance(mine, tuple)
        for a, b in zip(mine, other, strict=True):
            same(a, b)
        return
    assert mine.shape == tuple(other.shape)
    np.testing.assert_allclose(mine.numpy(), other.detach().resolve_conj().numpy(), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("tupled", [False, True])
def test_products(name: str, dtype: str, tupled: bool, rng: np.random.Generator) -> None:
    function, shapes, outputs = FUNCTIONS[name]
    arrays = [values(rng, shape, dtype) for shape in shapes]

    def both(product: str, seeds: list[Any], single: bool) -> None:
        results = []
        for lib, api in ((dl, dl.autograd), (torch, torch.autograd.functional)):
            inputs = tuple([lib.tensor(a) for a in arrays])
            v = tuple([lib.tensor(s) for s in seeds])
            call = getattr(api, product)
            results.append(
                call(lambda *xs, lib=lib: function(lib, *xs), inputs if tupled or len(inputs) > 1 else inputs[0],
                     v[0] if single else v)
            )  # fmt: skip
        same(*results)

    made = function(dl, *[dl.tensor(a) for a in arrays])
    shapes_out = [y.shape for y in (made if isinstance(made, tuple) else (made,))]
    both("vjp", [values(rng, shape, dtype) for shape in shapes_out], outputs == 1)
    both("jvp", [values(rng, shape, dtype) for shape in shapes], len(shapes) == 1 and not tupled)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("create_graph", [False, True])
def test_jacobian_and_hessian(name: str, create_graph: bool, rng: np.random.Generator) -> None:
    function, shapes, outputs = FUNCTIONS[name]
    arrays = [values(rng, shape, "float64") for shape in shapes]
    for what in ("jacobian", "hessian") if outputs == 1 else ("jacobian",):
        results, gradients = [], []
        for lib, api in ((dl, dl.autograd), (torch, torch.autograd.functional)):
            inputs = [lib.tensor(a, requires_grad=True) for a in arrays]

            def called(*xs: Any, lib: Any = lib, what: str = what) -> Any:
                out = function(lib, *xs)
                return out if what == "jacobian" or out.reshape(-1).shape == (1,) else (out * out).sum()

            given = tuple(inputs) if len(inputs) > 1 else inputs[0]
            result = getattr(api, what)(called, given, create_graph=create_graph)
            results.append(result)
            if create_graph:
                parts = _flat(result)
                total = sum((part * part).sum() for part in parts if part.requires_grad)
                if isinstance(total, int):
                    continue
                grad = dl.grad if lib is dl else torch.autograd.grad
                found = grad(total, inputs, allow_unused=True)
                pairs = zip(found, inputs, strict=True)
                gradients.append(tuple([lib.zeros_like(x) if g is None else g for g, x in pairs]))
        same(*results)
        if gradients:
            same(*gradients)


def _flat(nested: Any) -> list[Any]:
    return [part for item in nested for part in _flat(item)] if isinstance(nested, tuple) else [nested]


def test_checkpoint(rng: np.random.Generator) -> None:
    """Values, first and second gradients, of a piece that also uses a tensor which is not among its arguments."""
    from torch.utils.checkpoint import checkpoint as theirs

    x, w = values(rng, (2, 3), "float64"), values(rng, (3, 3), "float64")

    def there(f: Callable[..., Any], *args: Any) -> Any:
        return theirs(f, *args, use_reentrant=False)

    results = []
    for lib, call, grad in ((dl, dl.autograd.checkpoint, dl.grad), (torch, there, torch.autograd.grad)):
        leaves = [lib.tensor(x, requires_grad=True), lib.tensor(w, requires_grad=True)]
        hidden = leaves[0] @ leaves[1]
        y = call(lambda h, leaves=leaves, lib=lib: lib.tanh(h @ leaves[1]) * h, hidden)
        first = grad((y * y).sum(), leaves, create_graph=True)
        second = grad(sum((g * g).sum() for g in first), leaves)
        results.append((y, tuple(first), tuple(second)))
    same(*results)


@pytest.mark.parametrize("function", ["vjp", "jvp", "jacobian", "hessian"])
def test_strict(function: str) -> None:
    """Raises here where it raises there."""
    cases: list[Callable[..., Any]] = [
        lambda lib, x, w: lib.sum(x * x), lambda lib, x, w: lib.ones((), dtype=lib.float64),
        lambda lib, x, w: lib.sum(x * x * w * w), lambda lib, x, w: lib.sum(x * w),
    ]  # fmt: skip
    for case in cases:
        for create_graph in (False, True):
            raised = []
            for lib, api in ((dl, dl.autograd), (torch, torch.autograd.functional)):
                inputs = tuple([lib.tensor([1.0, 2.0], dtype=lib.float64, requires_grad=True) for _ in range(2)])
                v = [tuple([lib.tensor([1.0, 2.0], dtype=lib.float64)] * 2)] if function == "jvp" else []
                try:
                    getattr(api, function)(
                        lambda *xs, lib=lib, case=case: case(lib, *xs), inputs, *v, create_graph=create_graph,
                        strict=True,
                    )  # fmt: skip
                    raised.append(False)
                except RuntimeError:
                    raised.append(True)
            assert raised[0] == raised[1], (cases.index(case), create_graph)
