"""Cases of normalisation by batch and by groups of channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case_tools import DTYPES, LAYOUTS_4D, Arguments, Array, add, normal

STATISTICS = {"float16": "float32", "float32": "float32", "float64": "float64"}


def _x(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, layout: str, mean: float = 0.5) -> Array:
    """Channels of different means and deviations."""
    spread = rng.uniform(0.5, 2, (shape[1], *(1,) * (len(shape) - 2)))
    return LAYOUTS_4D[layout]((mean + spread * rng.normal(size=shape)).astype(dtype))


def _values(rng: np.random.Generator, count: int, dtype: str, given: bool) -> Array | None:
    return np.asarray(rng.uniform(0.5, 2, count) * rng.choice([-1, 1], count), dtype) if given else None


def _statistics(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, mean: float = 0.5) -> Array:
    """A mean, what rounding took from it, and the inverse of a deviation."""
    kept = STATISTICS[dtype]
    means = (mean + 0.2 * rng.normal(size=shape)).astype(kept)
    return np.stack([means, (0.05 * rng.normal(size=shape)).astype(kept), rng.uniform(0.5, 2, shape).astype(kept)])


def _batch_norm(
    shape: tuple[int, ...],
    dtype: str = "float32",
    layout: str = "contiguous",
    *,
    weight: bool = True,
    bias: bool = True,
    running: bool = True,
    momentum: float | None = 0.3,
    mean: float = 0.5,
) -> None:
    channels = shape[1]
    case = f"{shape}-{dtype}-{layout}-{weight}-{bias}-{running}-{momentum}-{mean}"

    def affine(rng: np.random.Generator) -> tuple[Array | None, Array | None]:
        return _values(rng, channels, dtype, weight), _values(rng, channels, dtype, bias)

    def forward(rng: np.random.Generator) -> Arguments:
        kept: tuple[Any, ...] = (None, None, None)
        if running:
            kept = (np.asarray(rng.normal(size=channels), dtype), np.asarray(rng.random(channels), dtype), np.array(4))
        return (_x(rng, shape, dtype, layout, mean), *affine(rng), *kept, momentum, 1e-3), {}

    def inference(rng: np.random.Generator) -> Arguments:
        average = np.asarray(mean + 0.1 * rng.normal(size=channels), dtype)
        var = np.asarray(rng.uniform(0.5, 2, channels), dtype)
        return (_x(rng, shape, dtype, layout, mean), *affine(rng), average, var, 1e-3), {}

    def backward(rng: np.random.Generator) -> tuple[Any, ...]:
        x = _x(rng, shape, dtype, layout, mean)
        return normal(rng, shape, dtype, layout), x, affine(rng)[0], _statistics(rng, (channels,), dtype, mean)

    def backward_with_out(rng: np.random.Generator) -> Arguments:
        return (*backward(rng), True, np.full(channels, 7, dtype), np.full(channels, 7, dtype)), {}

    add("batch_norm_forward", case, forward, in_place=(3, 4, 5) if running else ())
    add("batch_norm_inference", case, inference)
    add("batch_norm_backward", case, lambda rng: (backward(rng), {}))
    add("batch_norm_backward", f"{case}-inference", lambda rng: ((*backward(rng), False), {}))
    add("batch_norm_backward", f"{case}-out", backward_with_out, in_place=(5, 6))


for _dtype in DTYPES:
    for _shape in ((5, 3), (70, 8), (4, 3, 7), (3, 4, 4, 6), (2, 3, 3, 16), (3, 2, 7, 5)):
        _batch_norm(_shape, _dtype)
    _batch_norm((6, 3, 2, 4), _dtype, weight=False, bias=False, running=False)
_batch_norm((6, 3, 2, 4), weight=True, bias=False, momentum=None)
_batch_norm((6, 3, 2, 4), weight=False, bias=True, momentum=None)
_batch_norm((1, 1, 3, 5))
_batch_norm((3, 1, 2, 3), "float16")
_batch_norm((2, 1, 1, 1))
_batch_norm((150, 7))  # several blocks share a channel
_batch_norm((130, 14), "float64")
_batch_norm((2, 2, 3, 173))
_batch_norm((3, 1, 1, 701), "float16")
_batch_norm((3, 2, 5, 240))
_batch_norm((2, 1, 1, 1040), "float16")
for _shape in ((5, 3), (150, 7), (3, 4, 4, 6), (2, 2, 3, 173)):
    _batch_norm(_shape, momentum=None)
_batch_norm((130, 14), "float64", momentum=None)
_batch_norm((3, 1, 1, 701), "float16", momentum=None)
for _shape in ((64, 8), (2, 3, 12, 8)):
    _batch_norm(_shape, momentum=None, mean=1e4)
    _batch_norm(_shape, mean=1e4)  # where the last bit of the mean is a thousandth of the deviation
_batch_norm((16, 3, 40, 40), mean=1e4)
_batch_norm((2100, 40), mean=1e4)
for _layout in LAYOUTS_4D:
    _batch_norm((9, 3, 5, 6), layout=_layout)


def _group_norm(
    shape: tuple[int, ...],
    groups: int,
    dtype: str = "float32",
    layout: str = "contiguous",
    *,
    weight: bool = True,
    bias: bool = True,
    mean: float = 0.5,
) -> None:
    channels = shape[1]
    case = f"{shape}-{groups}-{dtype}-{layout}-{weight}-{bias}-{mean}"

    def affine(rng: np.random.Generator) -> tuple[Array | None, Array | None]:
        return _values(rng, channels, dtype, weight), _values(rng, channels, dtype, bias)

    def forward(rng: np.random.Generator) -> Arguments:
        return (_x(rng, shape, dtype, layout, mean), *affine(rng), groups, 1e-3), {}

    def backward(rng: np.random.Generator) -> tuple[Any, ...]:
        x = _x(rng, shape, dtype, layout, mean)
        statistics = _statistics(rng, (shape[0], groups), dtype, mean)
        return normal(rng, shape, dtype, layout), x, affine(rng)[0], statistics

    def backward_with_out(rng: np.random.Generator) -> Arguments:
        return (*backward(rng), True, np.full(channels, 7, dtype), np.full(channels, 7, dtype)), {}

    add("group_norm_forward", case, forward)
    add("group_norm_backward", case, lambda rng: (backward(rng), {}))
    add("group_norm_backward", f"{case}-rows alone", lambda rng: ((*backward(rng), False), {}))
    add("group_norm_backward", f"{case}-out", backward_with_out, in_place=(5, 6))


for _dtype in DTYPES:
    for _shape, _groups in (
        ((9, 64), 1), ((5, 7), 1), ((3, 200), 1), ((2, 1037), 1), ((2, 1104), 1), ((6, 16), 2),
        ((3, 4, 5), 2), ((2, 6, 4, 4), 3), ((2, 4, 3, 3), 4), ((2, 2, 5, 3), 1),
    ):  # fmt: skip
        _group_norm(_shape, _groups, _dtype)
    _group_norm((5, 8), 1, _dtype, weight=False, bias=False)
    _group_norm((2, 9000), 1, _dtype)  # longer than what registers hold
_group_norm((5, 8), 1, weight=True, bias=False)
_group_norm((3, 4, 5), 2, weight=False, bias=True)
_group_norm((6, 8), 4)  # neighbouring columns of several groups
_group_norm((2, 8, 2), 1, "float16")  # a pack of four channels
_group_norm((2, 4, 15), 1)  # neighbouring places of several channels
_group_norm((1, 4, 277), 1)
_group_norm((150, 7), 1)  # several blocks share a column
_group_norm((150, 16), 1)
_group_norm((2, 2, 3, 173), 2)
_group_norm((2, 2, 3, 173), 1)
_group_norm((2, 2, 30, 40), 2)
_group_norm((2, 2, 31, 41), 1)
_group_norm((0, 4), 1)
_group_norm((0, 4, 2), 2)
_group_norm((3, 64), 1, mean=1e4)
_group_norm((2, 4, 4, 16), 2, mean=1e4)
_group_norm((2, 2, 40, 120), 1, mean=1e4)
for _layout in LAYOUTS_4D:
    _group_norm((4, 6, 5, 6), 3, layout=_layout)
