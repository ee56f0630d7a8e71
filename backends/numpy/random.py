"""Philox words, and what is made of them, in blocks that stay in the cache. `dlcore.reference` defines every bit."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from dlcore import reference
from dlcore.backend import PhiloxCounter
from dlcore.reference.dropout import dropout_scale

from .masking import keep_where
from .workspace import scratch

Array = Any

BLOCK = 4096  # Philox blocks of four words; six uint64 arrays of this size are 192 KiB
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(counter: PhiloxCounter, count: int) -> Array:
    blocks = (count + 3) // 4
    words = np.empty((blocks, 4), np.uint32)
    for start in range(0, blocks, BLOCK):
        _rounds(advance(counter, start), words[start : start + BLOCK])
    return words.reshape(-1)[:count]


def advance(counter: PhiloxCounter, blocks: int) -> PhiloxCounter:
    return counter._replace(offset=(counter.offset + blocks) % 2**64)


def _rounds(counter: PhiloxCounter, words: Array) -> None:
    """Ten rounds for `words` (n, 4), in place over six rows of scratch."""
    c0, c1, c2, c3, product0, product1 = scratch("philox", (6, words.shape[0]), np.uint64)
    c2[...] = np.arange(words.shape[0], dtype=np.uint64)
    c2 += np.uint64(counter.offset)  # wraps around
    np.bitwise_and(c2, _WORD, out=c0)
    np.right_shift(c2, _HALF, out=c1)
    c2[...], c3[...] = counter.stream & 0xFFFFFFFF, counter.stream >> 32
    k0, k1 = counter.seed & 0xFFFFFFFF, counter.seed >> 32
    for _ in range(10):
        np.multiply(c0, _MULTIPLIERS[0], out=product0)
        np.multiply(c2, _MULTIPLIERS[1], out=product1)
        np.right_shift(product1, _HALF, out=c0)
        c0 ^= c1
        c0 ^= np.uint64(k0)
        np.bitwise_and(product1, _WORD, out=c1)
        np.right_shift(product0, _HALF, out=c2)
        c2 ^= c3
        c2 ^= np.uint64(k1)
        np.bitwise_and(product0, _WORD, out=c3)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    for i, word in enumerate((c0, c1, c2, c3)):
        words[:, i] = word


def random_uniform32(counter: PhiloxCounter, shape: tuple[int, ...]) -> Array:
    words = philox(counter, prod(shape))
    words >>= np.uint32(8)
    values = words.view(np.int32).astype(np.float32)  # below 2**24: the same number, converted faster
    values *= np.float32(2.0**-24)
    return values.reshape(shape)


def random_normal(counter: PhiloxCounter, shape: tuple[int, ...], dtype: Any) -> Array:
    """The reference, a block at a time."""
    values = np.empty(prod(shape), dtype)
    step = 2 * BLOCK  # elements; float64 spends two words on each, the others one
    words_each = 2 if values.dtype == np.float64 else 1
    for start in range(0, values.size, step):
        part = values[start : start + step]
        part[...] = reference.random_normal(np, advance(counter, start * words_each // 4), part.shape, dtype)
    return values.reshape(shape)


def dropout_forward(x: Array, p: float, counter: PhiloxCounter) -> tuple[Array, Array]:
    # (word >> 8) >= t without the shift. With p = 1 the bound is 2**32, which no word reaches.
    mask = (philox(counter, x.size) >= (round(p * 2**24) << 8)).reshape(x.shape)
    return dropout_backward(x, p, mask), mask


def dropout_backward(grad: Array, p: float, mask: Array) -> Array:
    result = np.empty_like(grad)
    np.multiply(grad, dropout_scale(p), out=result)
    return keep_where(result, mask.copy(), result)
