"""Images and sequences of another size."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn.functional._args import floats
from dlcore.ops import broadcast_to, permute_dims, reshape

Array = np.ndarray[Any, Any]


def interpolate(
    input: Tensor,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input at another size, each element the nearest one of the input, as PyTorch's mode "nearest".

    Element i of an axis is floor(i * s) of the input, where s = 1 / scale_factor, or input size / output size, in
    float32 whatever the dtype; so the elements of a window of `scale_factor` are copies of its first one.

    Args:
        input: shape (N, C, L), (N, C, H, W) or (N, C, D, H, W), float.
        size: the sizes behind (N, C), an int for all of them or one each; or
        scale_factor: floor(size * scale_factor) of them, a number for all or one each.
        mode: "nearest". PyTorch's other modes are not there.
        align_corners: None: it belongs to other modes.
        recompute_scale_factor: True: take s from the sizes even if `scale_factor` is given.
        antialias: False: it belongs to other modes.

    Returns:
        Shape (N, C, ...) with the new sizes.

    Raises:
        ShapeError: an input of another shape, or a size that would be 0. DTypeError: an input that is not float.
        ValueError: not exactly one of `size` and `scale_factor`, a wrong number of them, or one out of range;
            a mode, `align_corners` or `antialias` that is not there.

    >>> F.interpolate(dl.tensor([[[1.0, 2.0, 3.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2., 3., 3.]]])
    """
    name = "interpolate"
    x = floats(name, "input", input)
    if mode != "nearest":
        raise ValueError(f"{name}: mode must be 'nearest', got {mode!r}")
    if align_corners is not None:
        raise ValueError(f"{name}: align_corners must be None for mode 'nearest', got {align_corners!r}")
    if antialias:
        raise ValueError(f"{name}: antialias must be False for mode 'nearest', got {antialias!r}")
    if x.ndim not in (3, 4, 5):
        raise ShapeError(f"{name}: input must have shape (N, C, ...) with 1 to 3 axes behind, got {x.shape}")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: give size or scale_factor, got size={size!r}, scale_factor={scale_factor!r}")
    if recompute_scale_factor and size is not None:
        raise ValueError(f"{name}: recompute_scale_factor is for scale_factor, got size={size!r}")
    before = x.shape[2:]
    if size is not None:
        after, factors = _each(name, "size", size, len(before), int), None
    else:
        factors = _each(name, "scale_factor", scale_factor, len(before), float)
        after = tuple([int(count * factor) for count, factor in zip(before, factors, strict=True)])
    if 0 in before or min(after) < 1:
        raise ShapeError(f"{name}: input of shape {input.shape} would get size {after}; no size may be 0")
    if recompute_scale_factor:
        factors = None
    steps = [None] * len(before) if factors is None else factors
    return _nearest(x, [nearest(*axis) for axis in zip(before, after, steps, strict=True)])


def nearest(size: int, output_size: int, scale_factor: float | None) -> Array:
    """For each element of the output, the element of the input that it is."""
    places = np.arange(output_size)
    if output_size == size:
        return places
    if output_size == 2 * size:
        return places // 2
    step = np.float32(size) / np.float32(output_size) if scale_factor is None else np.float32(1.0 / scale_factor)
    found: Array = np.minimum(np.floor(places.astype(np.float32) * step).astype(np.int64), size - 1)
    return found


def _nearest(x: Tensor, indices: list[Array]) -> Tensor:
    """Whole multiples by repetition, whose gradient is a sum over axes; others by gathering, axis by axis."""
    repeats = [
        index.size // size if np.array_equal(index, np.repeat(np.arange(size), index.size // size)) else 0
        for size, index in zip(x.shape[2:], indices, strict=True)
    ]
    for axis, (index, repeat) in enumerate(zip(indices, repeats, strict=True), start=2):
        if not repeat:
            order = [axis, *[other for other in range(x.ndim) if other != axis]]
            inverse = [order.index(other) for other in range(x.ndim)]
            x = permute_dims(permute_dims(x, order)[index], inverse)
    factors = [repeat or 1 for repeat in repeats]
    if all(factor == 1 for factor in factors):
        return x
    apart = [part for size in x.shape[2:] for part in (size, 1)]  # (N, C, H, W) -> (N, C, H, 1, W, 1)
    wide = [part for size, factor in zip(x.shape[2:], factors, strict=True) for part in (size, factor)]
    final = [size * factor for size, factor in zip(x.shape[2:], factors, strict=True)]
    spread = broadcast_to(reshape(x, (*x.shape[:2], *apart)), (*x.shape[:2], *wide))
    return reshape(spread, (*x.shape[:2], *final))


def _each(name: str, argument: str, value: Any, count: int, kind: type) -> tuple[Any, ...]:
    """A number for all axes, or one each, as a tuple of positive ones."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    right = "__index__" if kind is int else "__float__"
    if len(given) != count:
        raise ValueError(f"{name}: {argument} must be a number or {count} of them, got {value!r}")
    if any(isinstance(part, bool) or not hasattr(part, right) for part in given):
        raise TypeError(f"{name}: {argument} must be {'ints' if kind is int else 'numbers'}, got {value!r}")
    numbers = tuple([part.__index__() if kind is int else float(part) for part in given])
    if any(not isfinite(number) or number <= 0 for number in numbers):
        raise ValueError(f"{name}: {argument} must be positive, got {value!r}")
    return numbers
