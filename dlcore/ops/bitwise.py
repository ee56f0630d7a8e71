"""Bits of integers, element by element with broadcasting. Results are outside the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor
from dlcore.ops._common import as_tensor, constant, plain

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
]


def _two(name: str, refused: str, meaning: str, example: str) -> Callable[[Any, Any], Tensor]:
    def combine(x: Any, y: Any) -> Tensor:
        return constant(name, name, x, y, refused)

    combine.__name__ = combine.__qualname__ = name
    combine.__doc__ = f"""{meaning}

    Args:
        x, y: {"integer" if "b" in refused else "integer or bool"} tensors of shapes that broadcast together, or one of
            them a Python int.

    Raises:
        DTypeError: other dtypes.
        ShapeError, DeviceError: as `add`.

    >>> {example}
    """
    return combine


bitwise_and = _two(
    "bitwise_and", "fc", "The bits that both have. Also `x & y`.",
    "dl.bitwise_and(dl.tensor([5, 6]), 3)\n    tensor([1, 2])",
)  # fmt: skip
bitwise_or = _two(
    "bitwise_or", "fc", "The bits that either has. Also `x | y`.",
    "dl.bitwise_or(dl.tensor([5, 6]), 3)\n    tensor([7, 7])",
)  # fmt: skip
bitwise_xor = _two(
    "bitwise_xor", "fc", "The bits that one has and the other has not. Also `x ^ y`.",
    "dl.bitwise_xor(dl.tensor([5, 6]), 3)\n    tensor([6, 5])",
)  # fmt: skip
bitwise_left_shift = _two(
    "bitwise_left_shift", "bfc", "x with its bits moved y places up. Also `x << y`; y must not be negative.",
    "dl.bitwise_left_shift(dl.tensor([1, 3]), 2)\n    tensor([ 4, 12])",
)  # fmt: skip
bitwise_right_shift = _two(
    "bitwise_right_shift", "bfc",
    "x with its bits moved y places down, the sign copied. Also `x >> y`; y must not be negative.",
    "dl.bitwise_right_shift(dl.tensor([9, -9]), 2)\n    tensor([ 2, -3])",
)  # fmt: skip


def bitwise_invert(x: Tensor) -> Tensor:
    """The bits that x has not; for bool, whether x is false. Also `~x`.

    Raises:
        DTypeError: neither integers nor bool.

    >>> dl.bitwise_invert(dl.tensor([0, 5]))
    tensor([-1, -6])
    """
    x = as_tensor("bitwise_invert", "x", x)
    if x.dtype.kind not in "biu":
        raise DTypeError(f"bitwise_invert: not defined for {x.dtype}")
    return plain(x, x._device.backend.xp.bitwise_invert(x._array))
