"""Elementwise functions and reductions against PyTorch at their corners: kinks, poles, ties, zeros, NaN, infinities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ops.cases import OPS
from oracle.test_ops import INF, NAN, PAIRS, RTOL, SPECIAL, ours, theirs

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

ZEROS = [[2.0, 0.0, 3.0, 4.0], [0.0, 5.0, 0.0, 2.0], [1.0, -2.0, 3.0, 0.5], [0.0, 0.0, 0.0, 1.0]]
UNIT = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, NAN, INF, -INF]
NORMS = [[0.0, 0.0, 0.0], [0.0, -2.0, 3.0], [3.0, -3.0, 3.0], [INF, 1.0, -INF]]
ORDERS = (0, 0.5, 1, 1.5, 2, 2.5, 3, -1, -2, INF, -INF)

# operation, further arguments, keywords; the first array is what lists are made into
CORNERS: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    **{
        f"{name} of special values": (name, [SPECIAL], {})
        for name in ("expm1", "log2", "log10", "rsqrt", "reciprocal", "sigmoid", "sin", "cos", "tan", "atan", "sinh",
                     "cosh", "asinh", "erf", "erfc", "floor", "ceil", "round", "trunc")
    },
    **{
        f"{name} at the ends of its domain": (name, [UNIT], {})
        for name in ("asin", "acos", "acosh", "atanh", "erfinv")
    },
    **{f"{name} of halves": (name, [[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1e300]], {})
       for name in ("floor", "ceil", "round", "trunc")},
    **{
        f"{name} of special pairs": (name, [PAIRS[0], PAIRS[1]], {})
        for name in ("maximum", "minimum", "hypot", "copysign", "logaddexp", "atan2")
    },
    "sign of special values": ("sign", [SPECIAL[:-1]], {}),  # of NaN it is NaN in the array API, 0 in PyTorch
    "prod with zeros": ("prod", [ZEROS], {"axis": 1}),
    "prod with zeros, of all": ("prod", [ZEROS], {}),
    "prod with infinities": ("prod", [[[1.0, INF, 2.0], [0.0, INF, 1.0], [NAN, 1.0, 2.0]]], {"axis": 1}),
    "cumulative_prod with zeros": ("cumulative_prod", [ZEROS], {"axis": 1}),
    "cumulative_prod with zeros, axis 0": ("cumulative_prod", [ZEROS], {"axis": 0}),
    "cumulative_sum with infinities": ("cumulative_sum", [[1.0, INF, 2.0, NAN, 1.0]], {}),
    "logsumexp with infinities": (
        "logsumexp", [[[1.0, INF, 2.0], [-INF, 0.0, -INF], [1.0, NAN, 2.0], [1e4, -1e4, 1e4]]], {"axis": 1},
    ),
    "logsumexp of -inf": ("logsumexp", [[[-INF, -INF]]], {"axis": 1}),
    "logsumexp of inf": ("logsumexp", [[[INF, INF, 1.0]]], {"axis": 1}),
    "var of equal": ("var", [[[1.5, 1.5], [0.0, 2.0]]], {"axis": 1}),
    "std of equal": ("std", [[[1.5, 1.5], [0.0, 2.0]]], {"axis": 1}),
    "std with infinities": ("std", [[[1.5, INF], [NAN, 2.0]]], {"axis": 1}),
    "var of one, correction 1": ("var", [[[1.5], [2.0]]], {"axis": 1, "correction": 1}),
    "std of one, correction 1": ("std", [[[1.5], [2.0]]], {"axis": 1, "correction": 1}),
    "var, correction beyond": ("var", [[[1.5, 2.5]]], {"axis": 1, "correction": 3}),
    **{f"vector_norm {ord}": ("vector_norm", [NORMS], {"axis": 1, "ord": ord}) for ord in ORDERS},
    # the gradient of |x| at NaN is NaN here, 0 in PyTorch
    **{f"vector_norm {ord} with NaN": ("vector_norm", [[[1.0, NAN, 2.0]]], {"axis": 1, "ord": ord})
       for ord in ORDERS if ord not in (1, INF, -INF)},
}  # fmt: skip


@pytest.mark.parametrize("corner", CORNERS)
def test_corners(corner: str) -> None:
    name, arguments, keywords = CORNERS[corner]
    arrays = [np.array(a, "float64") if isinstance(a, list) else a for a in arguments]
    op = OPS[name]
    mine = ours(lambda *a: op.here(*a, **keywords), arrays, [True] * len(arrays), 0)
    reference = theirs(lambda *a: op.torch(*a, **keywords), arrays, [True] * len(arrays), 0)  # type: ignore[misc]
    for (what, a), (_, b) in zip(mine.parts(), reference.parts(), strict=True):
        if what.startswith("second") and corner == "prod with infinities":  # 0 * inf, which one or the other meets
            continue
        if what.startswith("second"):  # where formulas differ, one may meet 0 * inf where the other does not
            a, b = a[~np.isnan(b)], b[~np.isnan(b)]
        np.testing.assert_allclose(a, b, rtol=RTOL, atol=1e-14, err_msg=what)


COMPLEX = [0j, 1 + 0j, -1 + 0j, 1j, -1j, 1 + 2j, -1.5 - 0.5j, 2 - 1j, -3 + 0.25j]


@pytest.mark.parametrize(
    "name", ["expm1", "reciprocal", "rsqrt", "log2", "log10", "sigmoid", "sin", "cos", "tan", "sinh", "cosh", "sign",
             "asin", "acos", "atan", "asinh", "acosh", "atanh"],
)  # fmt: skip
def test_corners_of_complex_functions(name: str) -> None:
    pole = {"reciprocal": 1, "rsqrt": 1, "log2": 1, "log10": 1}.get(name, 0)
    inverse = name[0] == "a"
    z = np.array(COMPLEX[5:] if inverse else COMPLEX[pole:])
    op = OPS[name]
    mine, reference = ours(op.here, [z], [True], 0), theirs(op.torch, [z], [True], 0)  # type: ignore[arg-type]
    for (what, a), (_, b) in zip(mine.parts(), reference.parts(), strict=True):
        if what.startswith("second"):
            a, b = a[~np.isnan(b)], b[~np.isnan(b)]
        np.testing.assert_allclose(a, b, rtol=RTOL, atol=1e-14, err_msg=what)


@pytest.mark.parametrize("name", ["sin", "acosh", "erf", "sigmoid", "rsqrt", "expm1", "logsumexp", "std"])
@pytest.mark.parametrize("dtype", ["int8", "int64", "bool"])
def test_float_functions_of_integers_give_float32(name: str, dtype: str) -> None:
    x = np.array([1, 1], dtype=dtype)
    result = getattr(dl, name)(dl.tensor(x))
    assert result.dtype == dl.float32
    if name in ("logsumexp", "std"):  # refused by PyTorch
        return
    expected = getattr(torch, name)(torch.from_numpy(x))
    assert expected.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), expected.numpy(), rtol=1e-6)


def test_places_of_ties_and_of_nan() -> None:
    x = np.array([[1.0, 3.0, 3.0], [NAN, 9.0, NAN], [2.0, 2.0, -2.0], [-INF, INF, INF]])
    for name in ("argmax", "argmin"):
        for axis in (None, 0, 1, -1):
            mine = getattr(dl, name)(dl.tensor(x), axis=axis).numpy()
            np.testing.assert_array_equal(mine, getattr(np, name)(x, axis=axis))
            np.testing.assert_array_equal(mine, getattr(torch, name)(torch.tensor(x), dim=axis).numpy())
