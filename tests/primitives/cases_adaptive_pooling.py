"""The cases of adaptive pooling."""

from __future__ import annotations

from itertools import product

import numpy as np

from dlcore import reference

from .case_tools import DTYPES, LAYOUTS_4D, Array, add, variants
from .cases_windows import POOL_VALUES

# x (N, C, H, W), output size
ADAPTIVE: dict[str, tuple[tuple[int, int, int, int], tuple[int, int]]] = {
    "overlapping": ((2, 3, 7, 8), (3, 5)),
    "whole image": ((3, 2, 5, 4), (1, 1)),
    "side by side": ((2, 2, 6, 8), (3, 2)),
    "one axis alone": ((2, 2, 5, 6), (5, 4)),
    "larger than the input": ((2, 2, 3, 2), (7, 5)),
    "of one element": ((1, 3, 1, 1), (2, 3)),
    "wide": ((1, 2, 3, 65), (2, 7)),
    "zero batch": ((0, 2, 5, 5), (2, 3)),
    "zero channels": ((2, 0, 5, 5), (2, 3)),
    "no output": ((2, 2, 3, 4), (0, 2)),
}


def _adaptive(name: str, dtype: str, layout: str, values: str) -> None:
    shape, size = ADAPTIVE[name]
    output = (*shape[:2], *size)
    case = f"{name}-{dtype}-{layout}-{values}"

    def array(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return LAYOUTS_4D[layout](POOL_VALUES[values](rng, shape).astype(dtype))

    def index(rng: np.random.Generator) -> Array:
        """Each place in its own part, and shared by neighbours where they overlap and the values fall so."""
        return LAYOUTS_4D[layout](reference.adaptive_max_pool2d_forward(np, rng.integers(0, 3, shape) * 1.0, size)[1])

    add("adaptive_max_pool2d_forward", case, lambda rng: ((array(rng, shape), size), {}))
    add("adaptive_pool2d_gather", case, lambda rng: ((array(rng, shape), index(rng)), {}))
    if values == "normal":
        add("adaptive_pool2d_scatter", case, lambda rng: ((array(rng, output), index(rng), shape), {}))
        add("adaptive_avg_pool2d_forward", case, lambda rng: ((array(rng, shape), size), {}))
        add("adaptive_avg_pool2d_backward", case, lambda rng: ((array(rng, output), shape), {}))


for _name, _values in product(ADAPTIVE, ("normal", "ties", "nan", "-inf")):
    _adaptive(_name, "float32", "contiguous", _values)
for _dtype, _layout in variants(LAYOUTS_4D):
    if (_dtype, _layout) != ("float32", "contiguous"):
        _adaptive("overlapping", _dtype, _layout, "normal")
for _dtype in DTYPES[1:]:
    _adaptive("larger than the input", _dtype, "contiguous", "ties")
