"""Random numbers, bit-identical on every device."""

from __future__ import annotations

from dlcore import reference
from dlcore._specs import PhiloxCounter
from dlcore.contract._base import Array, Contract, DType


class RandomContract(Contract):
    """Random numbers, bit-identical on every device."""

    def philox(self, counter: PhiloxCounter, count: int) -> Array:
        """`count` 32-bit words of Philox4x32-10 (Salmon et al., SC 2011) as uint32."""
        return reference.philox(self.xp, counter, count)

    def random_uniform(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        """Uniform on [0, 1): float32 (word >> 8) * 2**-24; float64 53 bits of two words; float16 11 bits of one."""
        return reference.random_uniform(self.xp, counter, shape, dtype)

    def random_normal(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        """Standard normal by Box-Muller with our own logarithm, sine and cosine."""
        return reference.random_normal(self.xp, counter, shape, dtype)

    def random_integers(self, counter: PhiloxCounter, shape: tuple[int, ...], low: int, high: int) -> Array:
        """int64 on [low, high): low + floor(w * (high - low) / 2**64), w a 64-bit draw (two words, low word first)."""
        return reference.random_integers(self.xp, counter, shape, low, high)

    def random_permutation(self, counter: PhiloxCounter, n: int) -> Array:
        """A permutation of 0..n-1 (int64): the stable order of n 64-bit draws (two words each, low word first)."""
        return reference.random_permutation(self.xp, counter, n)

    def dropout_forward(self, x: Array, p: float, counter: PhiloxCounter) -> tuple[Array, Array | None]:
        """x * (1 / (1-p)) where element i (row-major) is kept, else 0; kept when (word i >> 8) >= round(p * 2**24).

        The second result is whatever the device wants back for the backward pass: its mask, or None
        if it recomputes the mask from the counter.
        """
        return reference.dropout_forward(self.xp, x, p, counter)

    def dropout_backward(self, grad: Array, p: float, counter: PhiloxCounter, mask: Array | None) -> Array:
        """The gradient of x: `grad` through the same mask and scale. Linear, so also its own double backward."""
        return reference.dropout_backward(self.xp, grad, p, counter, mask)
