"""Adaptive pooling of images that are no multiple of the output, as AlexNet and VGG do before their linear layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore import reference

from .cases import CASES, Case, Work, _float_bytes, _images, _normal

Array = Any
OUTPUT = (7, 7)


def _average(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide, side=100)
    return Work((_normal(rng, *shape), OUTPUT), {}, _float_bytes(shape, (*shape[:2], *OUTPUT)), 0)


def _average_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    (x, _), _, moved, _ = _average(rng, n, divide)
    return Work((_normal(rng, *x.shape[:2], *OUTPUT), x.shape), {}, moved, 0)


def _maximum(rng: np.random.Generator, n: int, divide: int) -> Work:
    (x, _), _, moved, _ = _average(rng, n, divide)
    return Work((x, OUTPUT), {}, moved + 8 * int(np.prod((*x.shape[:2], *OUTPUT))), 0)


def _scatter(rng: np.random.Generator, n: int, divide: int) -> Work:
    (x, _), _, moved, _ = _maximum(rng, n, divide)
    _, index = reference.adaptive_max_pool2d_forward(np, x, OUTPUT)
    return Work((_normal(rng, *index.shape), index, x.shape), {}, moved, 0)


def _gather(rng: np.random.Generator, n: int, divide: int) -> Work:
    (grad, index, shape), _, _, _ = _scatter(rng, n, divide)
    return Work((_normal(rng, *shape), index), {}, 2 * grad.nbytes + index.nbytes, 0)


CASES += [
    Case("adaptive mean forward 64 100^2 to 7^2", "adaptive_avg_pool2d_forward", _average),
    Case("adaptive mean backward 64 100^2 to 7^2", "adaptive_avg_pool2d_backward", _average_backward),
    Case("adaptive max forward 64 100^2 to 7^2", "adaptive_max_pool2d_forward", _maximum, tolerance=None),
    Case("adaptive max backward 64 100^2 to 7^2", "adaptive_pool2d_scatter", _scatter),
    Case("adaptive max double backward 64 100^2 to 7^2", "adaptive_pool2d_gather", _gather, tolerance=None),
]
