"""Cases of erf, erfc and erfinv."""

from __future__ import annotations

import numpy as np

from .case_tools import DTYPES, LAYOUTS, Arguments, add, variants

#: Each interval of the approximations, their ends, and what is no number.
SPECIAL = {
    "erf": (0.0, -0.0, 1e-20, 0.25, 0.84375, -0.84375, 1.25, -1.25, 2.857, -3.0, 6, -7, 30, np.inf, -np.inf, np.nan),
    "erfc": (0.0, 1e-20, 0.24, 0.3, -0.84375, 1.25, -1.25, 2.857, 3.0, -4.0, 9.0, 26.0, 30.0, np.inf, -np.inf, np.nan),
    "erfinv": (0.0, -0.0, 1e-20, 0.85, -0.85, 0.9, 0.999, -0.9999, 1 - 2**-24, 1 - 2**-52, 2**-11 - 1, 1.5, np.nan),
}  # fmt: skip


def _special(primitive: str, shape: tuple[int, ...], dtype: str, layout: str) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        values = np.asarray(rng.uniform(-0.999, 0.999, shape) if primitive == "erfinv" else 3 * rng.normal(size=shape))
        values.reshape(-1)[: len(SPECIAL[primitive])] = SPECIAL[primitive][: values.size]
        return (LAYOUTS[layout](values.astype(dtype)),), {}

    add(primitive, f"{shape}-{dtype}-{layout}", make)


for _name in SPECIAL:
    for _dtype, _layout in variants(LAYOUTS):
        _special(_name, (6, 7), _dtype, _layout)
    for _dtype in DTYPES:
        _special(_name, (0,), _dtype, "contiguous")
        _special(_name, (), _dtype, "contiguous")
        _special(_name, (1037,), _dtype, "contiguous")
    _special(_name, (17, 1000), "float32", "contiguous")
