"""The types in which the contract is written, and what its parts have in common."""

from __future__ import annotations

from typing import Any, Literal

Array = Any  # the raw array of some device: numpy.ndarray, cupy.ndarray, ...
DType = Any  # a NumPy dtype (CuPy uses NumPy's)
Reduction = Literal["none", "mean", "sum"]


class Contract:
    """A family of primitives, each a method that calls its reference implementation."""

    #: The array namespace of the device (array API standard).
    xp: Any
