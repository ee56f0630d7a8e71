"""Transforms of whole batches of images, in NumPy: for `DataLoader(transform=...)`, or to be called by hand.

Each takes a batch (N, C, H, W), a NumPy array or a tensor, and a generator for what is random (default: the library's),
and returns a new batch of the same kind; the one that came in is left as it is. Every image of the batch gets random
numbers of its own, from Philox: the same generator gives the same ones on every machine.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, asarray
from dlcore.random import rand

if TYPE_CHECKING:
    from dlcore.random import Generator

Array = np.ndarray[Any, Any]

__all__ = [
    "CenterCrop",
    "Compose",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "ToFloat",
    "Transform",
]


class Transform:
    """Base class. A subclass defines `apply(batch, generator)` on NumPy arrays.

    >>> class Invert(dl.data.transforms.Transform):
    ...     def apply(self, batch, generator):
    ...         return 1 - batch
    >>> Invert()(dl.ones((1, 1, 1, 2))).tolist()
    [[[[0.0, 0.0]]]]
    """

    def __call__(self, batch: Any, generator: Generator | None = None) -> Any:
        """The transformed batch: a tensor on the same device for a tensor, else an array.

        Raises:
            ShapeError: it is not (N, C, H, W), or too small. DTypeError: of a dtype that the transform cannot take.
        """
        name = type(self).__name__
        array = batch.numpy() if isinstance(batch, Tensor) else np.asarray(batch)
        if array.ndim != 4:
            raise ShapeError(f"{name}: expected a batch of images (N, C, H, W), got shape {array.shape}")
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"{name}: expected real numbers, got {array.dtype}")
        result = self.apply(array, generator)
        return asarray(np.ascontiguousarray(result), device=batch.device) if isinstance(batch, Tensor) else result

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        """The transform itself."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.__dict__.items())
        return f"{type(self).__name__}({settings})"


class Compose(Transform):
    """One transform after the other.

    Args:
        transforms: functions of (batch, generator), such as those of this module.

    Raises:
        TypeError: something that is no function.

    >>> t = dl.data.transforms.Compose([dl.data.transforms.ToFloat(), dl.data.transforms.Normalize(0.5, 0.5)])
    >>> t(np.full((1, 1, 1, 1), 255, np.uint8)).item()
    1.0
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = list(transforms)
        for transform in self.transforms:
            if not callable(transform):
                raise TypeError(f"Compose: a transform must be a function, got {transform!r:.80}")

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        for transform in self.transforms:
            batch = transform(batch, generator)
        return batch


class ToFloat(Transform):
    """float32; unsigned integers of 8 bits are divided by 255, other numbers keep their values.

    >>> dl.data.transforms.ToFloat()(np.full((1, 1, 1, 1), 51, np.uint8)).item()
    0.20000000298023224
    """

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        if batch.dtype == np.uint8:
            return batch.astype(np.float32) / np.float32(255)
        return batch.astype(np.float32)


class Normalize(Transform):
    """(x - mean) / std for each channel.

    Args:
        mean, std: a number, or a list with one for each channel; std > 0.

    Raises:
        ValueError: see above; ShapeError: another number of channels; DTypeError: integers: `ToFloat` first.

    >>> t = dl.data.transforms.Normalize(mean=[1.0, 2.0], std=[1.0, 0.5])
    >>> t(np.full((1, 2, 1, 1), 3.0)).ravel().tolist()
    [2.0, 2.0]
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = (_floats("Normalize", *given) for given in (("mean", mean), ("std", std)))
        if not all(value > 0 for value in self.std):
            raise ValueError(f"Normalize: std must be > 0, got {std!r}")

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        if batch.dtype.kind != "f":
            raise DTypeError(f"Normalize: expected floats, got {batch.dtype}; ToFloat makes floats of integers")
        mean, std = (self._by_channel(argument, batch) for argument in ("mean", "std"))
        result = batch - mean
        result /= std
        return result

    def _by_channel(self, argument: str, batch: Array) -> Array:
        values = np.asarray(getattr(self, argument), batch.dtype)
        if values.size not in (1, batch.shape[1]):
            raise ShapeError(f"Normalize: {values.size} values in {argument} for {batch.shape[1]} channels")
        return values.reshape(-1, 1, 1)


class CenterCrop(Transform):
    """The middle of each image.

    Args:
        size: (height, width), or an int for both.

    Raises:
        ValueError: a size < 1; ShapeError: images that are smaller.

    >>> dl.data.transforms.CenterCrop(2)(np.zeros((5, 1, 4, 4))).shape
    (5, 1, 2, 2)
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.size = _pair("CenterCrop", "size", size, 1)

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        spare_rows, spare_columns = _spare("CenterCrop", batch, self.size)
        top, left = spare_rows // 2, spare_columns // 2
        return batch[:, :, top : top + self.size[0], left : left + self.size[1]].copy()


class RandomCrop(Transform):
    """A part of each image, anywhere in it, after padding.

    Args:
        size: (height, width), or an int for both.
        padding: how much is added on each side, an int or (vertical, horizontal), >= 0.
        padding_mode: "constant" (`fill`), "edge", "reflect" or "symmetric", as `numpy.pad` has them.
        fill: what "constant" pads with.

    Raises:
        ValueError: an argument out of range; ShapeError: images that are smaller, with their padding.

    >>> t = dl.data.transforms.RandomCrop(3, padding=1)
    >>> t(np.ones((5, 1, 3, 3)), dl.Generator(0)).shape
    (5, 1, 3, 3)
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        padding: int | tuple[int, int] = 0,
        padding_mode: str = "constant",
        fill: float = 0.0,
    ) -> None:
        self.size = _pair("RandomCrop", "size", size, 1)
        self.padding = _pair("RandomCrop", "padding", padding, 0)
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError(
                f"RandomCrop: padding_mode must be constant, edge, reflect or symmetric, got {padding_mode!r}"
            )
        self.padding_mode = padding_mode
        self.fill = fill

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        if any(self.padding):
            widths = [(0, 0), (0, 0), *((n, n) for n in self.padding)]
            options = {"constant_values": self.fill} if self.padding_mode == "constant" else {}
            batch = np.pad(batch, widths, mode=self.padding_mode, **options)  # type: ignore[call-overload]
        spare = _spare("RandomCrop", batch, self.size)
        places = _uniform((len(batch), 2), generator) * (np.asarray(spare) + 1)
        top, left = np.minimum(places.astype(np.int64), spare).T
        windows = np.lib.stride_tricks.sliding_window_view(batch, self.size, axis=(2, 3))
        return windows[np.arange(len(batch)), :, top, left]  # (N, C, h, w), a copy


class RandomHorizontalFlip(Transform):
    """Left and right change places, in each image with probability p.

    Args:
        p: in [0, 1].

    Raises:
        ValueError: see above.

    >>> dl.data.transforms.RandomHorizontalFlip(p=1.0)(np.asarray([[[[1, 2, 3]]]])).tolist()
    [[[[3, 2, 1]]]]
    """

    axis = 3

    def __init__(self, p: float = 0.5) -> None:
        if not hasattr(p, "__float__") or not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be a number in [0, 1], got {p!r}")
        self.p = p

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        chosen = _uniform((len(batch),), generator) < self.p
        return np.where(chosen[:, np.newaxis, np.newaxis, np.newaxis], np.flip(batch, self.axis), batch)


class RandomVerticalFlip(RandomHorizontalFlip):
    """Top and bottom change places, in each image with probability p. Args and errors as `RandomHorizontalFlip`.

    >>> dl.data.transforms.RandomVerticalFlip(p=1.0)(np.asarray([[[[1], [2]]]])).tolist()
    [[[[2], [1]]]]
    """

    axis = 2


class RandomAffine(Transform):
    """Each image turned, shifted, scaled and sheared about its centre, interpolated bilinearly.

    Args:
        degrees: an angle drawn from [-degrees, degrees], or from (low, high); counter-clockwise.
        translate: (a, b): shifts drawn from [-a * width, a * width] and [-b * height, b * height]; both in [0, 1].
        scale: (low, high), both > 0.
        shear: an angle of shear along the x axis, in degrees, drawn from [-shear, shear], or from (low, high).
        fill: what is there outside of the image.

    Raises:
        ValueError: an argument out of range; DTypeError: integers: `ToFloat` first.

    >>> t = dl.data.transforms.RandomAffine(degrees=(90, 90))
    >>> t(np.asarray([[[[1.0, 2.0], [3.0, 4.0]]]])).round(3).tolist()
    [[[[2.0, 4.0], [1.0, 3.0]]]]
    """

    def __init__(
        self,
        degrees: float | tuple[float, float],
        translate: tuple[float, float] | None = None,
        scale: tuple[float, float] | None = None,
        shear: float | tuple[float, float] | None = None,
        fill: float = 0.0,
    ) -> None:
        self.degrees = _range("degrees", degrees)
        self.translate = _two("translate", (0.0, 0.0) if translate is None else translate)
        if not all(0 <= part <= 1 for part in self.translate):
            raise ValueError(f"RandomAffine: translate must be two numbers in [0, 1], got {translate!r}")
        self.scale = _two("scale", (1.0, 1.0) if scale is None else scale)
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"RandomAffine: scale must be 0 < low <= high, got {scale!r}")
        self.shear = _range("shear", 0.0 if shear is None else shear)
        self.fill = fill

    def apply(self, batch: Array, generator: Generator | None) -> Array:
        if batch.dtype.kind != "f":
            raise DTypeError(f"RandomAffine: expected floats, got {batch.dtype}; ToFloat makes floats of integers")
        n, _, height, width = batch.shape
        drawn = _uniform((n, 5), generator)
        low = np.array([self.degrees[0], -self.translate[0] * width, -self.translate[1] * height, self.scale[0],
                        self.shear[0]])  # fmt: skip
        high = np.array([self.degrees[1], self.translate[0] * width, self.translate[1] * height, self.scale[1],
                         self.shear[1]])  # fmt: skip
        angle, shift_x, shift_y, scale, shear = (low + drawn * (high - low)).T
        return affine(batch, inverse_of(np.radians(angle), scale, np.radians(shear)), shift_x, shift_y, self.fill)


def inverse_of(angle: Array, scale: Array, shear: Array) -> Array:
    """For each image, the 2x2 matrix from a place in the result to one in the original, both (x, y) from the centre.

    The forward map is scale * rotation * shear, with y pointing down and angles counter-clockwise on the screen.
    """
    cos, sin, slope = np.cos(angle), np.sin(angle), np.tan(shear)
    # (rotation @ [[1, slope], [0, 1]])^-1 = [[1, -slope], [0, 1]] @ rotation^T
    inverse = np.array([[cos + slope * -sin, -sin - slope * cos], [sin, cos]]) / scale
    return np.moveaxis(inverse, 2, 0)  # (N, 2, 2)


def affine(batch: Array, inverse: Array, shift_x: Array, shift_y: Array, fill: float) -> Array:
    """Each image seen through its inverse map about the centre, bilinearly: (N, C, H, W) -> (N, C, H, W)."""
    n, channels, height, width = batch.shape
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    column = x[np.newaxis, np.newaxis, :] - shift_x[:, np.newaxis, np.newaxis]  # (N, 1, W)
    row = y[np.newaxis, :, np.newaxis] - shift_y[:, np.newaxis, np.newaxis]  # (N, H, 1)
    a = inverse[:, :, :, np.newaxis, np.newaxis]  # (N, 2, 2, 1, 1)
    from_x = a[:, 0, 0] * column + a[:, 0, 1] * row + (width + 1) / 2  # (N, H, W), in the padded image
    from_y = a[:, 1, 0] * column + a[:, 1, 1] * row + (height + 1) / 2
    # One pixel of `fill` all around; what lies further away takes its value from there. The channels of a pixel are
    # side by side, so that one look-up finds them all.
    padded = np.full((n, height + 2, width + 2, channels), fill, batch.dtype)
    padded[:, 1:-1, 1:-1] = batch.transpose(0, 2, 3, 1)
    np.clip(from_x, 0, width + 1, out=from_x)
    np.clip(from_y, 0, height + 1, out=from_y)
    left, top = np.minimum(from_x.astype(np.intp), width), np.minimum(from_y.astype(np.intp), height)
    part_x, part_y = (
        (place - whole).astype(batch.dtype)[..., np.newaxis] for place, whole in ((from_x, left), (from_y, top))
    )
    pixels = padded.reshape(n * (height + 2) * (width + 2), channels)
    first = np.arange(n)[:, np.newaxis, np.newaxis] * ((height + 2) * (width + 2))
    corner = first + top * (width + 2) + left  # (N, H, W)

    def at(offset: int) -> Array:
        return np.asarray(pixels.take(corner + offset, axis=0))  # (N, H, W, C)

    upper, lower = at(0), at(width + 2)
    upper += (at(1) - upper) * part_x
    lower += (at(width + 3) - lower) * part_x
    upper += (lower - upper) * part_y
    return np.ascontiguousarray(upper.transpose(0, 3, 1, 2))


def _uniform(shape: tuple[int, ...], generator: Generator | None) -> Array:
    """Numbers in [0, 1), float64, the same on every machine."""
    return rand(*shape, dtype="float64", device="numpy", generator=generator).numpy()


def _floats(name: str, argument: str, value: Any) -> tuple[float, ...]:
    values = tuple(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else (value,)
    if not values or not all(hasattr(number, "__float__") and math.isfinite(number) for number in values):
        raise ValueError(f"{name}: {argument} must be a number or a list of them, got {value!r:.80}")
    return tuple(map(float, values))


def _two(argument: str, value: Any) -> tuple[float, float]:
    numbers = _floats("RandomAffine", argument, value)
    if len(numbers) != 2:
        raise ValueError(f"RandomAffine: {argument} must be two numbers, got {value!r:.80}")
    return numbers[0], numbers[1]


def _range(argument: str, value: Any) -> tuple[float, float]:
    """(-value, value) or the pair itself."""
    if hasattr(value, "__float__") and not value >= 0:
        raise ValueError(f"RandomAffine: {argument} must be >= 0 or (low, high), got {value!r}")
    low, high = (-value, value) if hasattr(value, "__float__") else _two(argument, value)
    if not (math.isfinite(low) and low <= high < math.inf):
        raise ValueError(f"RandomAffine: {argument} must be >= 0 or (low, high), got {value!r}")
    return low, high


def _pair(name: str, argument: str, value: Any, least: int) -> tuple[int, int]:
    given = value if isinstance(value, tuple | list) else (value, value)
    try:
        pair = [operator.index(number) for number in given]
    except TypeError:
        raise TypeError(f"{name}: {argument} must be an int or a pair of them, got {value!r:.80}") from None
    if len(pair) != 2 or min(pair) < least:
        raise ValueError(f"{name}: {argument} must be an int >= {least} or a pair of them, got {value!r:.80}")
    return pair[0], pair[1]


def _spare(name: str, batch: Array, size: tuple[int, int]) -> tuple[int, int]:
    spare = batch.shape[2] - size[0], batch.shape[3] - size[1]
    if min(spare) < 0:
        raise ShapeError(f"{name}: images of {batch.shape[2:]} are smaller than {size}")
    return spare
