"""Cases of the activations that stand alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.reference import POINTWISE

from .case_tools import LAYOUTS, Array, add, normal, variants

#: Every kink and every bound that the functions below have, what is far out, and what must pass.
EXTREMES = (0.0, -0.0, 3.0, -3.0, 1.5, -1.5, -0.7, 0.7, 4.0, 1e4, -1e4, 60.0, -60.0, np.nan)

#: alpha and beta, where they mean something.
PARAMETERS = {
    "celu": (0.7, 0.0),
    "softplus": (1.5, 6.0),
    "hardtanh": (-0.7, 1.5),
    "threshold": (0.7, -3.0),
    "hardshrink": (0.7, 0.0),
    "softshrink": (0.7, 0.0),
}


def _pointwise(function: str, shape: tuple[int, ...], dtype: str, layout: str, *parameters: float) -> None:
    case = f"{function}-{shape}-{dtype}-{layout}-{parameters}"

    def x(rng: np.random.Generator) -> Array:
        values = np.asarray(3 * rng.normal(size=shape))
        values.reshape(-1)[: len(EXTREMES)] = EXTREMES[: values.size]
        return LAYOUTS[layout](values.astype(dtype))

    def backward(rng: np.random.Generator) -> Any:
        return (normal(rng, shape, dtype, layout), x(rng), function, *parameters), {}

    add("pointwise_forward", case, lambda rng: ((x(rng), function, *parameters), {}))
    add("pointwise_backward", case, backward)


for _function in POINTWISE:
    _parameters = PARAMETERS.get(_function, (0.0, 0.0))
    for _dtype in ("float32", "float64", "float16"):
        _pointwise(_function, (5, 4), _dtype, "contiguous", *_parameters)
    _pointwise(_function, (), "float32", "contiguous", *_parameters)
    _pointwise(_function, (0, 4), "float32", "contiguous", *_parameters)
    _pointwise(_function, (37,), "float64", "contiguous", *_parameters)
_pointwise("softplus", (5, 4), "float64", "contiguous", -1.5, 6.0)
_pointwise("hardshrink", (5, 4), "float64", "contiguous", -1.5)
for _dtype, _layout in variants(LAYOUTS):
    _pointwise("mish", (9, 5), _dtype, _layout)
_pointwise("silu", (90, 200), "float32", "contiguous")  # longer than a piece of the NumPy version
