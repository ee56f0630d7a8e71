"""Normalisation: of the channels of images and of features over the batch, and of rows and groups of channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import CASES, Case, Work, _float_bytes, _images, _normal, _smaller

Array = Any
Make = Callable[[np.random.Generator, int, int], Work]
Shape = Callable[[int, int], tuple[int, ...]]


def _features(width: int) -> Shape:
    return lambda n, divide: (512 * n, _smaller(width, divide))


def _channels(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> list[Array]:
    return [_normal(rng, shape[1]) for _ in range(count)]


def _statistics(rng: np.random.Generator, *shape: int) -> Array:
    return np.stack([0.1 * _normal(rng, *shape), 0 * _normal(rng, *shape), 1 + 0.1 * np.abs(_normal(rng, *shape))])


def _last_images(n: int, divide: int) -> tuple[int, ...]:
    return n, _smaller(512, divide), 7, 7


def _of_128(n: int, divide: int) -> tuple[int, ...]:
    return 128, _smaller(128 * n, divide)


HELD = (_last_images, _of_128)


def _batch_forward(shape_of: Shape) -> Make:
    """A channel that does not fit into registers is read for the statistics and again for the result."""

    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = shape_of(n, divide)
        weight, bias, mean, var = _channels(rng, shape, 4)
        passes = 2 if shape_of in HELD else 3
        return Work((_normal(rng, *shape), weight, bias, mean, np.abs(var)), {}, passes * _float_bytes(shape), 0)

    return make


def _inference(shape_of: Shape) -> Make:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        (x, weight, bias, mean, var), *_ = _batch_forward(shape_of)(rng, n, divide)
        return Work((x, weight, bias, mean, var), {}, 2 * x.nbytes, 0)

    return make


def _batch_backward(shape_of: Shape) -> Make:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = shape_of(n, divide)
        (weight,) = _channels(rng, shape, 1)
        arguments = _normal(rng, *shape), _normal(rng, *shape), weight, _statistics(rng, shape[1])
        return Work(arguments, {}, (3 if shape_of in HELD else 5) * _float_bytes(shape), 0)

    return make


def _group_forward(shape_of: Shape, groups: int) -> Make:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = shape_of(n, divide)
        return Work(
            (_normal(rng, *shape), *_channels(rng, shape, 2), min(groups, shape[1])), {}, 2 * _float_bytes(shape), 0
        )

    return make


def _group_backward(shape_of: Shape, groups: int) -> Make:
    """The gradient of x, and in another launch the sums for weight and bias."""

    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = shape_of(n, divide)
        (weight,) = _channels(rng, shape, 1)
        statistics = _statistics(rng, shape[0], min(groups, shape[1]))
        return Work((_normal(rng, *shape), _normal(rng, *shape), weight, statistics), {}, 5 * _float_bytes(shape), 0)

    return make


def _middle(n: int, divide: int) -> tuple[int, ...]:
    return _images(n, divide, 64, 56)


for _name, _shape in (
    ("64 112^2", _images),
    ("512 7^2", _last_images),
    ("features of 1024", _features(1024)),
    ("features of a batch of 128", _of_128),
):
    CASES += [
        Case(f"batch_norm forward {_name}", "batch_norm_forward", _batch_forward(_shape), in_place=(3, 4)),
        Case(f"batch_norm inference {_name}", "batch_norm_inference", _inference(_shape)),
        Case(f"batch_norm backward {_name}", "batch_norm_backward", _batch_backward(_shape)),
    ]
for _name, _shape, _groups in (
    ("layer_norm {} 768", _features(768), 1),
    ("layer_norm {} 4096", _features(4096), 1),
    ("group_norm {} 32 groups of 64 56^2", _middle, 32),
):
    CASES += [
        Case(_name.format("forward"), "group_norm_forward", _group_forward(_shape, _groups)),
        Case(_name.format("backward"), "group_norm_backward", _group_backward(_shape, _groups)),
    ]
