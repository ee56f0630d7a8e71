"""Philox4x32-10, the counter-based generator behind every random number of the library, and what is drawn from it.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

A block of four 32-bit words is a function of a key (k0, k1), here the low and high half of the seed, and of a
counter (c0, c1, c2, c3), here the low and high half of the offset and of the stream. Word i of a sequence is
word i % 4 of the block at offset + i // 4 (mod 2**64). Everything below is integer arithmetic and exact
scaling, so that every device gives the same bits. Words are kept in uint64 arrays, where a 32x32-bit product fits.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlcore._specs import PhiloxCounter

Array = Any

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)  # for c0 and c2
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # the golden ratio, and sqrt(3) - 1
ROUNDS = 10
WORD = 0xFFFFFFFF


def philox(xp: Any, counter: PhiloxCounter, count: int) -> Array:
    blocks = (count + 3) // 4
    offsets = xp.arange(blocks, dtype=xp.uint64) + xp.asarray(counter.offset, dtype=xp.uint64)  # wraps around
    c0, c1 = offsets & WORD, offsets >> 32
    c2, c3 = (xp.full((blocks,), half, dtype=xp.uint64) for half in (counter.stream & WORD, counter.stream >> 32))
    k0, k1 = counter.seed & WORD, counter.seed >> 32
    for _ in range(ROUNDS):
        product0, product1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (product1 >> 32) ^ c1 ^ k0, product1 & WORD, (product0 >> 32) ^ c3 ^ k1, product0 & WORD
        k0, k1 = (k0 + KEY_STEPS[0]) & WORD, (k1 + KEY_STEPS[1]) & WORD
    words = xp.reshape(xp.stack((c0, c1, c2, c3), axis=1), (4 * blocks,))
    return xp.asarray(words[:count], dtype=xp.uint32)


def random_uniform(xp: Any, counter: PhiloxCounter, shape: tuple[int, ...], dtype: Any) -> Array:
    """float32: (word >> 8) * 2**-24. float64: 53 bits of two words. float16: (word >> 21) * 2**-11."""
    size = prod(shape)
    if dtype == xp.float64:
        values = xp.asarray(bits53(xp, philox(xp, counter, 2 * size)), dtype=xp.float64) * 2.0**-53
    elif dtype == xp.float16:
        values = xp.asarray(philox(xp, counter, size) >> 21, dtype=xp.float16) * 2.0**-11
    else:
        values = xp.asarray(philox(xp, counter, size) >> 8, dtype=xp.float32) * 2.0**-24
    return xp.reshape(values, shape)


def random_integers(xp: Any, counter: PhiloxCounter, shape: tuple[int, ...], low: int, high: int) -> Array:
    """low + floor(w * (high - low) / 2**64), the upper half of a 128-bit product made of four 64-bit ones."""
    draws = _draws64(xp, counter, prod(shape))
    span = high - low
    if span < 2**64:  # else floor(w * span / 2**64) is w itself
        w0, w1, s0, s1 = draws & WORD, draws >> 32, span & WORD, span >> 32
        middle = w1 * s0 + ((w0 * s0) >> 32)
        draws = w1 * s1 + (middle >> 32) + ((w0 * s1 + (middle & WORD)) >> 32)
    # Adding `low` modulo 2**64 and reading the sum as signed is the addition of a negative `low`.
    draws = draws + xp.asarray(low % 2**64, dtype=xp.uint64)
    return xp.reshape(xp.asarray(draws, dtype=xp.int64), shape)


def random_permutation(xp: Any, counter: PhiloxCounter, n: int) -> Array:
    # NumPy's and CuPy's spelling of the standard's stable=True, which CuPy 13 does not know.
    return xp.asarray(xp.argsort(_draws64(xp, counter, n), kind="stable"), dtype=xp.int64)


def bits53(xp: Any, words: Array) -> Array:
    """(word[2i] >> 5) * 2**26 + (word[2i + 1] >> 6), as uint64."""
    pairs = xp.asarray(xp.reshape(words, (-1, 2)), dtype=xp.uint64)
    return ((pairs[:, 0] >> 5) << 26) + (pairs[:, 1] >> 6)


def _draws64(xp: Any, counter: PhiloxCounter, count: int) -> Array:
    """`count` 64-bit draws of two words each, the low word first, as uint64."""
    pairs = xp.asarray(xp.reshape(philox(xp, counter, 2 * count), (count, 2)), dtype=xp.uint64)
    return pairs[:, 0] + (pairs[:, 1] << 32)
