"""Initial values, written into a tensor in place. Each function returns the tensor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlcore._errors import DTypeError, ShapeError
from dlcore.nn._structured_init import dirac_, eye_, orthogonal_, sparse_, trunc_normal_
from dlcore.ops._common import as_tensor, check_number
from dlcore.random import Generator, generator_for

if TYPE_CHECKING:
    from dlcore._tensor import Tensor

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_",
    "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

#: What PyTorch takes for a linear layer.
_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [a, b).

    >>> t = dl.nn.init.uniform_(dl.zeros(1000), -1.0, 1.0)
    >>> -1 <= t.min().item() and t.max().item() < 1
    True
    """
    if not (_finite("uniform_", "a", a) <= _finite("uniform_", "b", b)):
        raise ValueError(f"uniform_: expected a <= b, got a={a}, b={b}")
    return _draw("uniform_", tensor, "random_uniform", b - a, a, generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with this mean and standard deviation.

    >>> dl.nn.init.normal_(dl.zeros(3), mean=5.0, std=0.0)
    tensor([5., 5., 5.])
    """
    _finite("normal_", "mean", mean)
    if _finite("normal_", "std", std) < 0:
        raise ValueError(f"normal_: std must be >= 0, got {std}")
    return _draw("normal_", tensor, "random_normal", std, mean, generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The number `val` everywhere.

    >>> dl.nn.init.constant_(dl.zeros(2), 0.5)
    tensor([0.5, 0.5])
    """
    dtype = as_tensor("constant_", "tensor", tensor).dtype
    tensor._array[...] = check_number("constant_", "val", val, dtype)
    tensor._version[0] += 1
    return tensor


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros.

    >>> dl.nn.init.zeros_(dl.ones(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones.

    >>> dl.nn.init.ones_(dl.zeros(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on +-gain * sqrt(6 / (fan_in + fan_out)): Glorot, Bengio, AISTATS 2010, equation 16.

    Args:
        tensor: a weight (out_features, in_features) or (out_channels, in_channels / groups, *kernel).
        gain: a factor, see `calculate_gain`.

    >>> dl.nn.init.xavier_uniform_(dl.zeros((3, 3))).abs().max().item() <= 1
    True
    """
    bound = gain * math.sqrt(6.0 / _fans("xavier_uniform_", tensor, None))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain * sqrt(2 / (fan_in + fan_out)); arguments as `xavier_uniform_`.

    >>> dl.nn.init.xavier_normal_(dl.zeros((3, 3))).shape
    (3, 3)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / _fans("xavier_normal_", tensor, None)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """ "He" initialisation, uniform on +-gain * sqrt(3 / fan): He, Zhang, Ren, Sun, ICCV 2015, equation 10.

    Args:
        tensor: a weight, as for `xavier_uniform_`.
        a: the negative slope of the leaky ReLU that follows (0: ReLU).
        mode: "fan_in" keeps the variance of the forward pass, "fan_out" that of the backward pass.
        nonlinearity: the name of what follows, for `calculate_gain`.

    >>> dl.nn.init.kaiming_uniform_(dl.zeros((3, 6))).abs().max().item() <= 1
    True
    """
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fans("kaiming_uniform_", tensor, mode))
    return uniform_(tensor, -math.sqrt(3.0) * std, math.sqrt(3.0) * std, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """ "He" initialisation, normal with standard deviation gain / sqrt(fan); arguments as `kaiming_uniform_`.

    >>> dl.nn.init.kaiming_normal_(dl.zeros((3, 6))).shape
    (3, 6)
    """
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fans("kaiming_normal_", tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity's weights should be larger; PyTorch's table.

    Args:
        nonlinearity: "linear" or the name of a convolution ("conv1d" ... "conv_transpose3d"), "sigmoid" (1), "tanh"
            (5/3), "relu" (sqrt 2), "leaky_relu" (sqrt(2 / (1 + slope^2))) or "selu" (3/4).
        param: the slope of leaky_relu, default 0.01.

    >>> dl.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: the slope of leaky_relu must be a number, got {param!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    gains = dict.fromkeys(_LINEAR, 1.0) | {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity not in gains:
        raise ValueError(
            f"calculate_gain: nonlinearity must be one of {', '.join([*gains, 'leaky_relu'])}, got {nonlinearity!r}"
        )
    return gains[nonlinearity]


def _finite(name: str, argument: str, value: float) -> float:
    """A real number that is neither infinite nor NaN."""
    if not hasattr(value, "__float__") or not math.isfinite(value):
        raise ValueError(f"{name}: {argument} must be a finite number, got {value!r}")
    return value


def _calculate_fan_in_and_fan_out(tensor: Tensor, name: str = "_calculate_fan_in_and_fan_out") -> tuple[int, int]:
    """The numbers of inputs and of outputs of each unit, by PyTorch's convention: shape[1] and shape[0] times the size.

    For a weight (out, in / groups, *size) the first is exact, and the second counts all output channels, grouped or
    not. For a transposed convolution, whose weight is (in, out / groups, *size), the two change places: its "fan_in"
    is what PyTorch calls so, the number of outputs that an input reaches, and stride plays no part.
    """
    if as_tensor(name, "tensor", tensor).ndim < 2:
        raise ShapeError(f"{name}: a weight has at least 2 dimensions (out, in, ...), got shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fans(name: str, tensor: Tensor, mode: str | None) -> float:
    """One of the two fans, or (None) their sum."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor, name)
    fans = {"fan_in": fan_in, "fan_out": fan_out, None: fan_in + fan_out}
    if mode not in fans:
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    if fans[mode] == 0:
        raise ShapeError(f"{name}: a weight of shape {tensor.shape} has no inputs or outputs to scale by")
    return float(fans[mode])


def _draw(name: str, tensor: Tensor, primitive: str, scale: float, shift: float, generator: Generator | None) -> Tensor:
    """tensor = scale * random + shift. Two roundings in this order, the same on every device."""
    if as_tensor(name, "tensor", tensor).dtype.kind != "f":
        raise DTypeError(f"{name}: expected a float tensor, got {tensor.dtype}")
    words = (tensor.size + tensor.size % 2) * (2 if tensor.dtype.itemsize == 8 else 1)
    counter = generator_for(name, generator).draw(words)
    values = getattr(tensor._device.backend, primitive)(counter, tensor.shape, tensor.dtype)
    values *= scale
    values += shift
    tensor._array[...] = values
    tensor._version[0] += 1
    return tensor
