"""Keep the elements of an array where a condition holds, and put zeros elsewhere, without branches.

Multiplying by the condition would turn an infinity or NaN that is masked out into NaN; `np.where` and masked
copies take several times as long. So the bits are ANDed with all ones or all zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

_BITS = {2: np.int16, 4: np.int32, 8: np.int64}


def keep_where(x: Array, condition: Array, out: Array) -> Array:
    """`out` = `x` where `condition` (bool, C-contiguous or of any strides), else 0; `out` may be `x`.

    `condition` is used up: its memory holds something else afterwards.
    """
    integers = _BITS[x.dtype.itemsize]
    ones = condition.view(np.int8)
    np.negative(ones, out=ones)  # True -> -1, whose bits are all ones at every width
    np.bitwise_and(x.view(integers), ones, out=out.view(integers))
    return out
