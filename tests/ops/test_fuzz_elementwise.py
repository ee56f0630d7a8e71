"""Random arguments, as in `test_fuzz`, for the elementwise functions and reductions beyond arithmetic."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from scipy import special

import dlcore as dl

from .test_fuzz import arrays, at, axes, check, common, operands, tensor

SETTINGS = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

FLOAT_FUNCTIONS: dict[str, Any] = {
    **{
        name: getattr(np, name)
        for name in ("expm1", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh",
                     "acosh", "atanh")
    },
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}  # fmt: skip
REAL_FUNCTIONS = {"erf": special.erf, "erfc": special.erfc, "erfinv": special.erfinv}
WHOLE = {"floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc}
TESTS = ("isnan", "isinf", "isfinite", "logical_not", "signbit", "bitwise_invert")
FLOATS_OF_TWO = ("atan2", "hypot", "copysign", "logaddexp")
TWO = ("maximum", "minimum", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor")
REDUCTIONS = ("prod", "var", "std", "any", "all", "count_nonzero")
PLACES = ("argmax", "argmin")
RUNNING = ("cumulative_sum", "cumulative_prod")
#: Every name that is tried here.
THROWN = {
    *FLOAT_FUNCTIONS, *REAL_FUNCTIONS, *WHOLE, *TESTS, *FLOATS_OF_TWO, *TWO, *REDUCTIONS, *PLACES, *RUNNING,
}  # fmt: skip


@pytest.mark.parametrize("name", [*FLOAT_FUNCTIONS, *REAL_FUNCTIONS])
@given(x=arrays())
@SETTINGS
def test_float_functions(name: str, x: np.ndarray) -> None:
    def expect() -> Any:
        if name in REAL_FUNCTIONS and x.dtype.kind == "c":
            raise TypeError
        y = x if x.dtype.kind in "fc" else x.astype("float32")
        return np.asarray({**FLOAT_FUNCTIONS, **REAL_FUNCTIONS}[name](y)).astype(y.dtype)

    check(name, lambda: getattr(dl, name)(tensor(x)), expect, [x])


@pytest.mark.parametrize("name", [*WHOLE, *TESTS])
@given(x=arrays())
@SETTINGS
def test_whole_numbers_and_tests(name: str, x: np.ndarray) -> None:
    def expect() -> Any:
        if (name in WHOLE and x.dtype.kind in "bc") or (name == "signbit" and x.dtype.kind == "c"):
            raise TypeError
        return x if name in WHOLE and x.dtype.kind in "iu" else WHOLE.get(name, getattr(np, name))(x)

    check(name, lambda: getattr(dl, name)(tensor(x)), expect, [x])


@pytest.mark.parametrize("name", [*FLOATS_OF_TWO, *TWO])
@given(xy=operands())
@SETTINGS
def test_functions_of_two_operands(name: str, xy: list[Any]) -> None:
    kinds = {np.asarray(a).dtype.kind for a in xy}
    assume("c" not in kinds or name.startswith("logical"))

    def expect() -> Any:
        if name.startswith("logical"):
            return getattr(np, name)(*[np.asarray(a) != 0 for a in xy])
        dtype = common(*xy, inexact=name in FLOATS_OF_TWO)
        return getattr(np, name)(*[at(dtype, a) for a in xy])

    check(name, lambda: getattr(dl, name)(*map(tensor, xy)), expect, xy)


@pytest.mark.parametrize("name", REDUCTIONS)
@given(x=arrays(), axis=axes, keepdims=st.booleans())
@SETTINGS
def test_reductions(name: str, x: np.ndarray, axis: Any, keepdims: bool) -> None:
    def expect() -> Any:
        if x.ndim == 0 and axis not in (None, ()):
            raise ValueError  # NumPy takes 0 and -1 for an axis of a 0-d array
        y = x.astype("float32") if name in ("var", "std") and x.dtype.kind not in "fc" else x
        if y.dtype == np.float16 and name in ("prod", "var", "std"):
            return getattr(np, name)(y.astype("float32"), axis=axis, keepdims=keepdims).astype("float16")
        return getattr(np, name)(y, axis=axis, keepdims=keepdims)

    check(name, lambda: getattr(dl, name)(tensor(x), axis=axis, keepdims=keepdims), expect, [x])


@pytest.mark.parametrize("name", PLACES)
@given(x=arrays(), axis=axes, keepdims=st.booleans())
@SETTINGS
def test_places(name: str, x: np.ndarray, axis: Any, keepdims: bool) -> None:
    def expect() -> Any:
        if (x.ndim == 0 and axis is not None) or x.dtype.kind == "c" or isinstance(axis, tuple):
            raise ValueError
        return getattr(np, name)(x, axis=axis, keepdims=keepdims)

    check(name, lambda: getattr(dl, name)(tensor(x), axis=axis, keepdims=keepdims), expect, [x])


@pytest.mark.parametrize("name", RUNNING)
@given(x=arrays(), axis=axes, include_initial=st.booleans())
@SETTINGS
def test_running(name: str, x: np.ndarray, axis: Any, include_initial: bool) -> None:
    def expect() -> Any:
        if x.ndim == 0 or isinstance(axis, tuple):
            raise ValueError
        y = x.astype("float32") if x.dtype == np.float16 else x
        result = getattr(np, name)(y, axis=axis, include_initial=include_initial)
        return result.astype("float16") if x.dtype == np.float16 else result

    check(name, lambda: getattr(dl, name)(tensor(x), axis=axis, include_initial=include_initial), expect, [x])
