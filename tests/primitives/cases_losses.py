"""Cases of the cross-entropy with class probabilities, and of the check of float values."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from .case_tools import DTYPES, LAYOUTS, Arguments, add, normal, variants


def _soft(
    name: str, shape: tuple[int, int], dtype: str, layout: str, scale: float, impossible: bool = False, **options: Any
) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        chosen = dict(options)
        target = rng.random(shape)
        target[:, ::3] = 0
        target /= np.maximum(target.sum(axis=1, keepdims=True), 1e-9)
        if chosen.pop("weighted", False):
            chosen["weight"] = rng.random(shape[1]).astype(dtype)
        logits = np.asarray(normal(rng, shape, dtype, layout) * scale)
        if impossible:  # where nothing is wanted
            logits[:, 0] = -np.inf
        return (logits, LAYOUTS[layout](target.astype(dtype))), chosen

    add("soft_cross_entropy", f"{name}-{shape}-{dtype}-{layout}-{scale}-{options}", make)


for _reduction in ("none", "mean", "sum"):
    for _dtype, _layout in variants(LAYOUTS):
        _soft("plain", (9, 5), _dtype, _layout, 1.0, reduction=_reduction)
    _soft("large", (9, 5), "float32", "contiguous", 1e4, reduction=_reduction)
    for _weighted, _smoothing in product((False, True), (0.0, 0.2)):
        _soft(
            "options", (9, 5), "float64", "contiguous", 1.0,
            reduction=_reduction, weighted=_weighted, label_smoothing=_smoothing,
        )  # fmt: skip
    _soft("impossible", (9, 5), "float32", "contiguous", 1.0, True, reduction=_reduction)
    _soft("no rows", (0, 5), "float32", "contiguous", 1.0, reduction=_reduction)
for _shape in ((9, 64), (5, 1000), (1, 1037), (1, 1104), (2, 8200)):
    for _dtype, _reduction in (("float32", "mean"), ("float64", "sum"), ("float16", "none"), ("float16", "mean")):
        _soft("rows", _shape, _dtype, "contiguous", 3.0, reduction=_reduction, weighted=True, label_smoothing=0.1)

_soft("two long rows", (2, 1028), "float32", "contiguous", 3.0)  # few enough elements for check mode


def _range(name: str, shape: tuple[int, ...], dtype: str, layout: str, low: float, high: float, *wrong: float) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        x = np.asarray(rng.random(shape))
        x.reshape(-1)[len(wrong) :: 7] = 1.0  # the bounds belong to the range
        x.reshape(-1)[3 : 3 + len(wrong)] = wrong
        return (LAYOUTS[layout](x.astype(dtype)), low, high, f"{name}: "), {}

    add("check_value_range", f"{name}-{shape}-{dtype}-{layout}", make)


for _dtype, _layout in variants(LAYOUTS):
    _range("right", (6, 8), _dtype, _layout, 0.0, 1.0)
    _range("above", (6, 8), _dtype, _layout, 0.0, 1.0, 1.5, 2.5)
for _dtype in DTYPES:
    _range("below", (37,), _dtype, "contiguous", 0.0, 1.0, -0.25)
    _range("NaN", (37,), _dtype, "contiguous", 0.0, np.inf, np.nan)
    _range("infinity", (37,), _dtype, "contiguous", 0.0, 1.0, np.inf, -1.0)
    _range("in the last", (4,), _dtype, "contiguous", 0.0, 1.0, 3.0)
    _range("NaN in the last", (4,), _dtype, "contiguous", 0.0, 1.0, np.nan)
    _range("far on", (3000,), _dtype, "contiguous", 0.0, 1.0)
    _range("bounds alone", (40,), _dtype, "contiguous", 1.0, 1.0)
_range("nothing", (0, 3), "float32", "contiguous", 2.0, 1.0)
