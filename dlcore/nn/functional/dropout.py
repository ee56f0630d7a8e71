"""Dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import floats, unit_interval
from dlcore.ops import full_like, multiply, ones
from dlcore.random import Generator, generator_for

if TYPE_CHECKING:
    from dlcore._specs import PhiloxCounter


class Dropout(Function):
    def __init__(self, p: float, counter: PhiloxCounter) -> None:
        self.p, self.counter = p, counter

    def forward(self, x: Any) -> Any:
        y, self.kept = self.backend.dropout_forward(x, self.p, self.counter)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward(self.p, self.counter, self.kept)(grad)


class DropoutBackward(Function):
    """Through the same mask; linear and symmetric, so it is its own backward."""

    def __init__(self, p: float, counter: PhiloxCounter, mask: Any) -> None:
        self.p, self.counter, self.kept = p, counter, mask

    def forward(self, grad: Any) -> Any:
        return self.backend.dropout_backward(grad, self.p, self.counter, self.kept)

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward(self.p, self.counter, self.kept)(grad)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); nothing if not `training`.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15, 2014. The mask is a function of
    the generator's seed and position, the same on every device.

    Args:
        input: a float tensor.
        p: 0 <= p <= 1.
        generator: default `dl.random.default_generator()`.

    >>> F.dropout(dl.ones(4), p=0.0)
    tensor([1., 1., 1., 1.])
    """
    x = floats("dropout", "input", input)
    p = unit_interval("dropout", "p", p)
    source = generator_for("dropout", generator)
    if not training or p == 0:
        return x
    if p == 1:
        return multiply(x, full_like(x, 0))
    return Dropout(p, source.draw(x.size))(x)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Zero each channel of each sequence as a whole with probability p and scale the others by 1/(1-p).

    Args:
        input: shape (N, C, L), or (C, L) for one sequence; float.
        p: 0 <= p <= 1.
        training: False changes nothing.
        generator: default `dl.random.default_generator()`.

    Raises:
        ShapeError: an input of another shape. ValueError: p out of range.

    >>> F.dropout1d(dl.ones((1, 2, 3)), training=False).shape
    (1, 2, 3)
    """
    x = floats("dropout1d", "input", input)
    if x.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: input must have shape (N, C, L) or (C, L), got {x.shape}")
    return _channels("dropout1d", x, x.ndim - 1, p, training, generator)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Zero each channel of each image as a whole with probability p and scale the others by 1/(1-p).

    Neighbouring pixels are alike, so that dropping single ones takes little away. Tompson, Goroshin, Jain, LeCun,
    Bregler, "Efficient object localization using convolutional networks", CVPR 2015, section 3.2.

    Args:
        input: shape (N, C, H, W), float. As in PyTorch, three axes are (N, C, L).
        p: 0 <= p <= 1.
        training: False changes nothing.
        generator: default `dl.random.default_generator()`; one number for each channel of each image, in row-major
            order, is compared with p as in `dropout`.

    Raises:
        ShapeError: an input of another shape. ValueError: p out of range.

    >>> y = F.dropout2d(dl.ones((2, 8, 3, 3)), generator=dl.Generator(0))
    >>> sorted({channel.mean().item() for image in y for channel in image})
    [0.0, 2.0]
    """
    x = floats("dropout2d", "input", input)
    if x.ndim not in (3, 4):
        raise ShapeError(f"dropout2d: input must have shape (N, C, H, W) or (N, C, L), got {x.shape}")
    return _channels("dropout2d", x, 2, p, training, generator)


def _channels(name: str, x: Tensor, axes: int, p: Any, training: bool, generator: Generator | None) -> Tensor:
    """Dropout of everything that the first `axes` axes name, together."""
    p = unit_interval(name, "p", p)
    source = generator_for(name, generator)
    if not training or p == 0:
        return x
    if p == 1:
        return multiply(x, full_like(x, 0))
    kept = ones((*x.shape[:axes], *([1] * (x.ndim - axes))), dtype=x.dtype, device=x.device)
    return multiply(x, Dropout(p, source.draw(kept.size))(kept))
