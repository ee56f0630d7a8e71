"""F.pad: values against np.pad, gradients, crops, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import functional as F

NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
# (shape, pads)
BORDERS = [
    ((4,), (1, 2)), ((2, 4), (0, 0)), ((2, 4), (3, 0)), ((2, 4), (0, 3)), ((2, 3, 4), (3, 3)), ((0, 3, 4), (1, 1)),
    ((2, 3, 4), (1, 2, 0, 2)), ((2, 3, 4, 5), (4, 1, 3, 2)), ((2, 3, 4, 5), (0, 2, 0, 0)),
    ((2, 3, 4, 2), (1, 1, 3, 2, 2, 1)), ((1, 2, 3, 2, 4), (3, 1, 0, 1, 1, 2)),
]  # fmt: skip


CASES = [(mode, *case) for mode in NUMPY for case in BORDERS if mode == "constant" or len(case[0]) > 1]


def widths(ndim: int, pads: tuple[int, ...]) -> list[tuple[int, int]]:
    pairs = list(zip(pads[::2], pads[1::2], strict=True))
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


@pytest.mark.parametrize(("mode", "shape", "pads"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "complex128", "int8", "bool"])
def test_values_are_those_of_numpy(mode: str, shape: Any, pads: Any, dtype: str, rng: np.random.Generator) -> None:
    x = (rng.normal(size=shape) * 3).astype(dtype)
    y = F.pad(dl.tensor(x), pads, mode)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.numpy(), np.pad(x, widths(x.ndim, pads), NUMPY[mode]))


@pytest.mark.parametrize(("mode", "shape", "pads"), [case for case in CASES if np.prod(case[1]) < 100])
def test_gradients_of_both_orders(mode: str, shape: Any, pads: Any, rng: np.random.Generator) -> None:
    x = dl.tensor(rng.normal(size=shape), requires_grad=True)
    assert dl.gradcheck(lambda x: F.pad(x, pads, mode) ** 2, x, second_order=True)


@pytest.mark.parametrize("mode", NUMPY)
@pytest.mark.parametrize("pads", [(-1, -2), (-2, 1), (2, -1), (-1, 2, -1, 1), (1, -1, 0, -2)])
def test_a_negative_pad_crops(mode: str, pads: Any, rng: np.random.Generator) -> None:
    """Before the border is made if that is circular, after it otherwise: PyTorch's order."""
    x = rng.normal(size=(2, 4, 5))
    border, crop = (
        [(max(a, 0), max(b, 0)) for a, b in widths(3, pads)],
        [(min(a, 0), min(b, 0)) for a, b in widths(3, pads)],
    )

    def cropped(a: Any) -> Any:
        return a[tuple(slice(-before, size + after) for size, (before, after) in zip(a.shape, crop, strict=True))]

    expected = np.pad(cropped(x), border, "wrap") if mode == "circular" else cropped(np.pad(x, border, NUMPY[mode]))
    t = dl.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(F.pad(t, pads, mode).numpy(), expected)
    assert dl.gradcheck(lambda x: F.pad(x, pads, mode) ** 2, t, second_order=True)


@pytest.mark.parametrize("mode", NUMPY)
@pytest.mark.parametrize("pads", [(0, 0), (-1, 0), (1, 0)])
def test_the_result_is_new_memory(mode: str, pads: Any) -> None:
    x = dl.ones((1, 3))
    y = F.pad(x, pads, mode)
    y += 1
    assert x.tolist() == [[1, 1, 1]]


def test_the_gradient_of_a_wide_float16_border_is_summed_in_float32() -> None:
    x = dl.ones((1, 2), dtype="float16", requires_grad=True)
    y = F.pad(x, (3000, 0), "replicate")
    y.backward(dl.ones_like(y))
    assert x.grad is not None
    assert x.grad.tolist() == [[3000, 1]]  # float16 cannot count beyond 2048 (3001 rounds to 3000)


def test_values_of_the_constant() -> None:
    x = dl.tensor([[1, 2]])
    assert F.pad(x, (1, 0), value=7.0).tolist() == [[7, 1, 2]]  # a float that is whole fits into an int
    assert F.pad(dl.tensor([[1.0]]), (0, 1), "constant", float("inf")).tolist() == [[1, float("inf")]]
    assert F.pad(dl.tensor([[True]]), (1, 1)).tolist() == [[False, True, False]]


def f(*shape: int, dtype: str = "float32") -> dl.Tensor:
    return dl.ones(shape, dtype=dtype)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.pad(np.ones(3), (1, 1)), TypeError, "input must be a Tensor, got ndarray"),
        (lambda: F.pad(f(3), 1), TypeError, "pad must be a tuple of ints.*got 1"),
        (lambda: F.pad(f(3), (1, 1.0)), TypeError, r"got \(1, 1\.0\)"),
        (lambda: F.pad(f(3), (True, 1)), TypeError, r"got \(True, 1\)"),
        (lambda: F.pad(f(3), (1, 1, 1)), ValueError, r"even number of elements, got \(1, 1, 1\)"),
        (lambda: F.pad(f(3), (1, 1, 1, 1)), dl.ShapeError, r"4 pads .* shape \(3,\); expected at most 2"),
        (lambda: F.pad(f(3), (1, 1), "symmetric"), ValueError, "mode must be one of constant, .*'symmetric'"),
        (lambda: F.pad(f(2, 3), (1, 1), "reflect", 1.0), ValueError, r"'reflect' takes no value, got 1\.0"),
        (lambda: F.pad(f(3), (-2, -2)), dl.ShapeError, r"\(-2, -2\) crops more than dimension 0 of size 3"),
        (lambda: F.pad(f(3), (-4, 2)), dl.ShapeError, r"\(-4, 2\) crops more"),
        (lambda: F.pad(f(2, 3), (3, 0), "reflect"), dl.ShapeError, r"\(3, 0\) must be less than .* 3 of dimension 1"),
        (lambda: F.pad(f(2, 3), (0, 4), "circular"), dl.ShapeError, r"by \(0, 4\) goes around .*3 elements"),
        (lambda: F.pad(f(2, 3), (-2, 2), "circular"), dl.ShapeError, "more than once.*1 elements"),
        (lambda: F.pad(f(2, 3), (-3, 0), "replicate"), dl.ShapeError, r"leaves nothing of .*\(2, 3\)"),
        (lambda: F.pad(f(2, 3), (-4, 0), "reflect"), dl.ShapeError, "crops more"),
        (lambda: F.pad(f(3), (1, 1), "reflect"), dl.ShapeError, r"2 pads for an input of shape \(3,\)"),
        (lambda: F.pad(f(1, 1, 2, 3), (1, 1), "reflect"), dl.ShapeError, r"2 pads for .*\(1, 1, 2, 3\)"),
        (lambda: F.pad(f(2, 3), (), "replicate"), dl.ShapeError, "got 0 pads"),
        (lambda: F.pad(f(2, 0), (1, 1), "replicate"), dl.ShapeError, r"nothing to copy from .*\(2, 0\)"),
        (lambda: F.pad(f(3, dtype="int64"), (1, 1), value=0.5), dl.DTypeError, r"value=0\.5 does not fit into int64"),
        (lambda: F.pad(f(3), (1, 1), value=1j), dl.DTypeError, "1j does not fit into float32"),
        (lambda: F.pad(f(3, dtype="uint8"), (1, 1), value=-1), OverflowError, "-1 does not fit into uint8"),
        (lambda: F.pad(f(3), (1, 1), value="0"), TypeError, "value must be a number, got str"),
    ],
)  # fmt: skip
def test_bad_input(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=rf"^pad: .*({message})"):
        call()
