"""Entries of `cases.OPS`: elementwise functions of one and of two arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

import dlcore as dl

from .cases import (
    ALL,
    INTEGERS,
    NUMERIC,
    ORDERED,
    REAL,
    Op,
    arithmetic,
    as_bool,
    as_float,
    binary,
    plain,
    unary,
)

UNIT, ABOVE_1 = "unit", "above one"


def log_add_exp(x: Any, y: Any) -> Any:
    return np.log(np.exp(x) + np.exp(y)) if np.result_type(x, y).kind == "c" else np.logaddexp(x, y)


def _float(name: str, domain: str = "any", numpy: Any = None, dtypes: tuple[str, ...] = ALL) -> Op:
    return Op(
        name, getattr(dl, name), numpy or getattr(np, name), unary(domain), plain(name), dtypes, as_float, inexact=True
    )


def _whole(name: str, numpy: Any = None) -> Op:
    return Op(name, getattr(dl, name), numpy or getattr(np, name), unary(), plain(name), ORDERED)


TABLE = [
    # --- functions of floats ---
    _float("expm1"),
    _float("log2", "positive"),
    _float("log10", "positive"),
    _float("rsqrt", "positive", lambda x: 1 / np.sqrt(x)),
    _float("reciprocal", numpy=lambda x: 1 / x),
    _float("sigmoid", numpy=lambda x: 1 / (1 + np.exp(-x))),
    _float("sin"),
    _float("cos"),
    _float("tan", UNIT),
    _float("asin", UNIT),
    _float("acos", UNIT),
    _float("atan"),
    _float("sinh"),
    _float("cosh"),
    _float("asinh"),
    _float("acosh", ABOVE_1),
    _float("atanh", UNIT),
    _float("erf", numpy=special.erf, dtypes=REAL),
    _float("erfc", numpy=special.erfc, dtypes=REAL),
    _float("erfinv", UNIT, special.erfinv, REAL),
    # --- of two ---
    Op("atan2", dl.atan2, np.atan2, binary(), arithmetic("atan2"), REAL, as_float, inexact=True),
    Op("hypot", dl.hypot, np.hypot, binary(), arithmetic("hypot"), REAL, as_float, inexact=True),
    Op("copysign", dl.copysign, np.copysign, binary(number=-2), arithmetic("copysign"), REAL, as_float, inexact=True),
    Op("logaddexp", dl.logaddexp, log_add_exp, binary(), arithmetic("logaddexp"), result=as_float, inexact=True),
    Op("maximum", dl.maximum, np.maximum, binary(), arithmetic("maximum"), REAL),
    Op("minimum", dl.minimum, np.minimum, binary(), arithmetic("minimum"), REAL),
    # --- signs and whole numbers ---
    Op("sign", dl.sign, np.sign, unary(), plain("sgn"), NUMERIC),
    _whole("floor"),
    _whole("ceil"),
    _whole("round", np.rint),
    _whole("trunc"),
    Op("signbit", dl.signbit, lambda x: x < 0, unary(), None, REAL, as_bool, differentiable=False),
    # --- truth and bits ---
    *[
        Op(name, getattr(dl, name), getattr(np, name), unary(), None, ALL, as_bool, differentiable=False)
        for name in ("isnan", "isinf", "isfinite", "logical_not")
    ],
    *[
        Op(name, getattr(dl, name), getattr(np, name), binary(), None, ALL, as_bool, differentiable=False)
        for name in ("logical_and", "logical_or", "logical_xor")
    ],
    *[
        Op(name, getattr(dl, name), getattr(np, name), binary(), None, ("bool", *INTEGERS), differentiable=False)
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    ],
    *[
        Op(name, getattr(dl, name), getattr(np, name), binary("any", "label5"), None, INTEGERS, differentiable=False)
        for name in ("bitwise_left_shift", "bitwise_right_shift")
    ],
    Op("bitwise_invert", dl.bitwise_invert, np.bitwise_invert, unary(), None, ("bool", *INTEGERS),
       differentiable=False),
]  # fmt: skip
