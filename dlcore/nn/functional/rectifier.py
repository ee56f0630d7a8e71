"""Activations made of pieces: what is passed on, and what is cut off, flattened or bent."""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, different_devices
from dlcore.nn.functional._args import floats, real_number, same_dtype
from dlcore.nn.functional.pointwise import Pointwise
from dlcore.ops import greater_equal, reshape, where
from dlcore.ops._broadcast import fit
from dlcore.ops._common import plain


class PReLU(Function):
    """(x, weight that broadcasts to it) -> x above 0, else weight * x."""

    saves = (0, 1)

    def forward(self, x: Any, weight: Any) -> Any:
        return self.xp.where(x > 0, x, weight * x)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = self.saved
        return (
            PReLUSlope()(grad, x, weight) if self.needs(0) else None,
            fit(where(greater_equal(x, 0), 0.0, grad * x), weight.shape) if self.needs(1) else None,
        )


class PReLUSlope(Function):
    """(gradient g, x, weight) -> g above 0, else weight * g; at 0 itself the second derivatives are 0, as PyTorch's."""

    saves = (0, 1, 2)

    def forward(self, grad: Any, x: Any, weight: Any) -> Any:
        return self.xp.where(x > 0, grad, weight * grad)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        g, x, weight = self.saved
        return (
            PReLUSlope()(grad, x, weight) if self.needs(0) else None,
            None,
            fit(where(greater_equal(x, 0), 0.0, grad * g), weight.shape) if self.needs(2) else None,
        )


def heaviside(input: Tensor, value: float = 1.0) -> Tensor:
    """The step of the perceptron: 0 below 0, 1 above, and `value` at 0; NaN stays NaN.

    Its derivative is 0 wherever it has one, so the result is a constant to autograd: a perceptron learns by its own
    rule, not by gradients. Rosenblatt, "The perceptron", Psychological Review 65, 1958.

    Args:
        input: a float tensor of any shape.
        value: the result at 0.

    >>> F.heaviside(dl.tensor([-2.0, 0.0, 3.0]))
    tensor([0., 1., 1.])
    """
    x = floats("heaviside", "input", input)
    at_zero = real_number("heaviside", "value", value)
    xp, array = x._device.backend.xp, x._array
    one, zero = xp.ones_like(array), xp.zeros_like(array)
    step = xp.where(array > 0, one, xp.where(array < 0, zero, xp.where(array == 0, one * at_zero, array)))
    return plain(x, step)


def relu6(input: Tensor) -> Tensor:
    """min(max(x, 0), 6), element by element; derivative 1 strictly between 0 and 6, else 0.

    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.

    >>> F.relu6(dl.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """
    return Pointwise("hardtanh", 0.0, 6.0)(floats("relu6", "input", input))


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x above 0, else negative_slope * x, element by element; derivative 1 above 0, else negative_slope.

    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    >>> F.leaky_relu(dl.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.5,  2. ])
    """
    x = floats("leaky_relu", "input", input)
    return Pointwise("leaky_relu", real_number("leaky_relu", "negative_slope", negative_slope))(x)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, else weight * x, with a weight that is learned: one for all, or one for each channel.

    Derivatives: 1 above 0, else weight, for x; 0 above 0, else x, for the weight. He, Zhang, Ren, Sun, "Delving deep
    into rectifiers", ICCV 2015.

    Args:
        input: (N, C, ...), or any shape with a single weight; float.
        weight: (C,), (1,) or (), of the same dtype.

    Raises:
        ShapeError, DTypeError, DeviceError: a weight that does not fit the input.

    >>> F.prelu(dl.tensor([[-1.0, -2.0]]), dl.tensor([0.5, 0.25]))
    tensor([[-0.5, -0.5]])
    """
    x, w = floats("prelu", "input", input), floats("prelu", "weight", weight)
    same_dtype("prelu", input=x, weight=w)
    if x._device is not w._device:
        raise different_devices("prelu", (x, w))
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or w.size not in (1, channels):
        raise ShapeError(
            f"prelu: weight of shape {w.shape} does not fit input of shape {x.shape}: expected (1,) or ({channels},), "
            "one for each channel"
        )
    if w.ndim:
        w = reshape(w, () if w.size == 1 else (1, channels, *(1,) * (x.ndim - 2)))
    return PReLU()(x, w)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x above 0, else alpha * (exp(x) - 1), element by element; derivative 1 above 0, else alpha * exp(x).

    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units", ICLR 2016.

    >>> F.elu(dl.tensor([-100.0, 2.0]))
    tensor([-1.,  2.])
    """
    return Pointwise("elu", real_number("elu", "alpha", alpha))(floats("elu", "input", input))


def selu(input: Tensor) -> Tensor:
    """1.0507 * elu(x, 1.6733), whose constants keep mean 0 and variance 1; derivative 1.0507 above 0, else y + 1.7581.

    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.

    >>> F.selu(dl.tensor([0.0, 1.0]))
    tensor([0.      , 1.050701])
    """
    return Pointwise("selu")(floats("selu", "input", input))


def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x above 0, else alpha * (exp(x / alpha) - 1), element by element; derivative 1 above 0, else exp(x / alpha).

    Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483.

    Raises:
        ValueError: alpha is 0 or no finite number.

    >>> F.celu(dl.tensor([-100.0, 2.0]), alpha=0.5)
    tensor([-0.5,  2. ])
    """
    if real_number("celu", "alpha", alpha) == 0:
        raise ValueError("celu: alpha must not be 0, it divides")
    return Pointwise("celu", float(alpha))(floats("celu", "input", input))


def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """x above the threshold, else `value`, element by element; derivative 1 above it, else 0.

    >>> F.threshold(dl.tensor([0.5, 2.0]), 1.0, -1.0)
    tensor([-1.,  2.])
    """
    x = floats("threshold", "input", input)
    bound, other = real_number("threshold", "threshold", threshold), real_number("threshold", "value", value)
    return Pointwise("threshold", bound, other)(x)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x between min_val and max_val, element by element; derivative 1 strictly between them, else 0.

    Collobert, "Large scale machine learning", 2004.

    Raises:
        ValueError: min_val > max_val.

    >>> F.hardtanh(dl.tensor([-5.0, 0.5, 5.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    low, high = bounds("hardtanh", min_val, max_val)
    return Pointwise("hardtanh", low, high)(floats("hardtanh", "input", input))


def hardsigmoid(input: Tensor) -> Tensor:
    """relu6(x + 3) / 6, element by element; derivative 1/6 strictly between -3 and 3, else 0.

    Howard et al., "Searching for MobileNetV3", ICCV 2019.

    >>> F.hardsigmoid(dl.tensor([-3.0, 0.0, 5.0]))
    tensor([0. , 0.5, 1. ])
    """
    return Pointwise("hardsigmoid")(floats("hardsigmoid", "input", input))


def hardswish(input: Tensor) -> Tensor:
    """x * relu6(x + 3) / 6, element by element; derivative 0 up to -3, x/3 + 1/2 from there, and 1 from 3 on.

    Howard et al., "Searching for MobileNetV3", ICCV 2019.

    >>> F.hardswish(dl.tensor([-3.0, 0.0, 5.0]))
    tensor([-0.,  0.,  5.])
    """
    return Pointwise("hardswish")(floats("hardswish", "input", input))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 where abs(x) <= lambd, else x, element by element; derivative 0 there, else 1.

    Donoho, Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994.

    >>> F.hardshrink(dl.tensor([-1.0, 0.2]))
    tensor([-1.,  0.])
    """
    return Pointwise("hardshrink", real_number("hardshrink", "lambd", lambd))(floats("hardshrink", "input", input))


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved by lambd towards 0, and 0 where it does not reach, element by element; derivative as `hardshrink`.

    Donoho, Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994.

    Raises:
        ValueError: lambd < 0.

    >>> F.softshrink(dl.tensor([-1.0, 0.2]))
    tensor([-0.5,  0. ])
    """
    if real_number("softshrink", "lambd", lambd) < 0:
        raise ValueError(f"softshrink: lambd must be >= 0, got {lambd!r}")
    return Pointwise("softshrink", float(lambd))(floats("softshrink", "input", input))


def bounds(name: str, min_val: Any, max_val: Any) -> tuple[float, float]:
    """The two bounds of `hardtanh`."""
    low, high = real_number(name, "min_val", min_val), real_number(name, "max_val", max_val)
    if low > high:
        raise ValueError(f"{name}: min_val must not exceed max_val, got {min_val!r} and {max_val!r}")
    return low, high
