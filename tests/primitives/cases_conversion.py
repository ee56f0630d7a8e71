"""Cases of the conversion between dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case_tools import LAYOUTS, Array, add

DTYPES = ("float16", "float32", "float64")
#: Ties and near ties of float16 at 1 (its step there is 2**-10), its smallest numbers and its largest.
#: What does not fit raises a warning in NumPy and stands in tests/cuda/test_conversion.py.
CORNERS = (
    0.0, -0.0, np.inf, -np.inf, np.nan, 1.0,
    1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-11 - 2.0**-40, -1 - 2.0**-11 - 2.0**-30,
    2.0**-24, 2.0**-25, 2.0**-25 + 2.0**-60, -(2.0**-26), 65504.0, 65519.0, 1e-30,
)  # fmt: skip


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 256, shape).astype(dtype)
    x = np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-6, 4, shape))
    x.reshape(-1)[: len(CORNERS)] = CORNERS[: x.size]
    return x.astype(dtype)


def _cast(source: str, target: str, shape: tuple[int, ...], layout: str = "contiguous") -> None:
    def make(rng: np.random.Generator) -> Any:
        return (LAYOUTS[layout](_values(rng, shape, source)), np.dtype(target)), {}

    add("cast", f"{source} to {target} {shape} {layout}", make)


for _source in (*DTYPES, "uint8"):
    for _target in DTYPES:
        if _source != _target:
            for _shape in ((), (0,), (1,), (37,), (3, 16), (4, 5, 101)):
                _cast(_source, _target, _shape)
            for _layout in LAYOUTS:
                if _layout != "contiguous":
                    _cast(_source, _target, (6, 8), _layout)
_cast("int64", "float32", (5,))
_cast("float32", "complex64", (5,))
_cast("complex64", "complex128", (5,))
