"""The error function and its kin, which the array API lacks."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class SpecialContract(Contract):
    """The error function, its complement and its inverse, of real floats, to a few units in the last place."""

    def erf(self, x: Array) -> Array:
        """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
        return reference.erf(self.xp, x)

    def erfc(self, x: Array) -> Array:
        """1 - erf(x), without cancellation."""
        return reference.erfc(self.xp, x)

    def erfinv(self, x: Array) -> Array:
        """The y with erf(y) = x; infinite at -1 and 1, NaN beyond."""
        return reference.erfinv(self.xp, x)
