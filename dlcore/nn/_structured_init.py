"""Initial values with a structure: orthogonal, identity, sparse; and the truncated normal distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._dtypes import float64
from dlcore._errors import DTypeError, ShapeError
from dlcore.ops._common import as_tensor
from dlcore.random import Generator, generator_for

if TYPE_CHECKING:
    from dlcore._tensor import Tensor

#: The least share of the normal distribution that `trunc_normal_` cuts out: below, float64 has too few numbers.
LEAST_SHARE = 1e-10


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal with this mean and standard deviation, given that the value lies in [a, b].

    The inverse of the distribution function of uniform numbers, mean + std * sqrt(2) * erfinv(...), computed in
    float64. (PyTorch draws until it has numbers that fit.)

    Args:
        tensor: a float tensor of any shape.
        mean, std: of the normal distribution before it is cut, not of the result.
        a, b: the bounds, numbers and not multiples of std.

    Raises:
        ValueError: std <= 0, a > b, or bounds so far from the mean that less than 1e-10 of the distribution is between.

    >>> t = dl.nn.init.trunc_normal_(dl.zeros(1000), std=2.0)
    >>> t.abs().max().item() <= 2
    True
    """
    name = "trunc_normal_"
    numbers = {"mean": mean, "std": std, "a": a, "b": b}
    for argument, value in numbers.items():
        if not hasattr(value, "__float__") or not math.isfinite(value):
            raise ValueError(f"{name}: {argument} must be a finite number, got {value!r}")
    if std <= 0:
        raise ValueError(f"{name}: std must be > 0, got {std!r}")
    if a > b:
        raise ValueError(f"{name}: expected a <= b, got a={a}, b={b}")
    _float(name, tensor)
    low, high = ((bound - mean) / std / math.sqrt(2) for bound in (a, b))
    mirrored = low + high > 0  # the lower tail has more small numbers than the upper one
    if mirrored:
        low, high = -high, -low
    first, share = math.erfc(-low), math.erfc(-high) - math.erfc(-low)  # twice the distribution function
    if share < 2 * LEAST_SHARE:
        raise ValueError(f"{name}: [{a}, {b}] holds next to nothing of a normal distribution of mean {mean}, std {std}")
    backend = tensor._device.backend
    values = _draw(name, tensor, "random_uniform", generator)
    values *= share
    values += first - 1
    values = backend.erfinv(values)
    values *= (-std if mirrored else std) * math.sqrt(2)
    values += mean
    return _write(tensor, backend.xp.minimum(backend.xp.maximum(values, a), b))


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """A random orthogonal matrix times `gain`: rows of length `gain` at right angles, or columns if those are fewer.

    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    ICLR 2014. The signs make it uniform among all (Mezzadri, arXiv:math-ph/0609050).

    Args:
        tensor: a weight (out, in, ...), float, seen as a matrix of its first axis and all others.
        gain: a factor, see `calculate_gain`.

    Raises:
        ShapeError: fewer than 2 dimensions. ValueError: a gain that is no finite number.

    >>> w = dl.nn.init.orthogonal_(dl.zeros((2, 3), dtype="float64"))
    >>> abs((w @ w.T)[0, 0].item() - 1) < 1e-12
    True
    """
    name = "orthogonal_"
    if _float(name, tensor).ndim < 2:
        raise ShapeError(f"{name}: a weight has at least 2 dimensions (out, in, ...), got shape {tensor.shape}")
    if not hasattr(gain, "__float__") or not math.isfinite(gain):
        raise ValueError(f"{name}: gain must be a finite number, got {gain!r}")
    if tensor.size == 0:
        return tensor
    drawn = _to_host(tensor, _draw(name, tensor, "random_normal", generator))
    matrix = drawn.reshape(tensor.shape[0], -1)
    wide = matrix.shape[0] < matrix.shape[1]
    q, r = np.linalg.qr(matrix.T if wide else matrix)
    q *= np.where(np.diagonal(r) < 0, -gain, gain)
    return _write_from_host(tensor, (q.T if wide else q).reshape(tensor.shape))


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, as far as it goes: a linear layer that hands its inputs on.

    Args:
        tensor: a matrix.

    >>> dl.nn.init.eye_(dl.zeros((2, 3)))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if as_tensor("eye_", "tensor", tensor).ndim != 2:
        raise ShapeError(f"eye_: expected a matrix, got shape {tensor.shape}")
    return _write_from_host(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Kernels that are 1 in their middle for a channel of their own: a convolution that hands its channels on.

    Args:
        tensor: a kernel (out_channels, in_channels / groups, *size) of 1 to 3 spatial axes.
        groups: each group of output channels starts with the first input channel again.

    Raises:
        ShapeError: another number of dimensions. ValueError: out_channels is not divisible by groups.

    >>> dl.nn.init.dirac_(dl.zeros((1, 1, 3)))
    tensor([[[0., 1., 0.]]])
    """
    if not 3 <= as_tensor("dirac_", "tensor", tensor).ndim <= 5:
        raise ShapeError(f"dirac_: expected 3, 4 or 5 dimensions (out, in, *size), got shape {tensor.shape}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 or tensor.shape[0] % groups:
        raise ValueError(f"dirac_: groups must be an int >= 1 that divides {tensor.shape[0]}, got {groups!r}")
    kernel = np.zeros(tensor.shape)
    in_group = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    for first in range(0, tensor.shape[0], in_group or 1):
        for channel in range(min(in_group, tensor.shape[1])):
            kernel[(first + channel, channel, *middle)] = 1
    return _write_from_host(tensor, kernel)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal numbers, of which in each column a share of `sparsity` (rounded up) is 0.

    Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Args:
        tensor: a matrix, float.
        sparsity: the share of zeros in each column, in [0, 1].
        std: the standard deviation of the others.

    Raises:
        ShapeError: not a matrix. ValueError: a sparsity or standard deviation out of range.

    >>> w = dl.nn.init.sparse_(dl.ones((4, 3)), sparsity=0.5)
    >>> [column.count(0.0) for column in w.T.tolist()]
    [2, 2, 2]
    """
    name = "sparse_"
    if _float(name, tensor).ndim != 2:
        raise ShapeError(f"{name}: expected a matrix, got shape {tensor.shape}")
    if not hasattr(sparsity, "__float__") or not 0 <= sparsity <= 1:
        raise ValueError(f"{name}: sparsity must be in [0, 1], got {sparsity!r}")
    if not hasattr(std, "__float__") or not 0 <= std < math.inf:
        raise ValueError(f"{name}: std must be a finite number >= 0, got {std!r}")
    drawn = _to_host(tensor, _draw(name, tensor, "random_normal", generator)) * std
    order = _to_host(tensor, _draw(name, tensor, "random_uniform", generator))
    rank = np.argsort(np.argsort(order, axis=0, kind="stable"), axis=0, kind="stable")
    return _write_from_host(tensor, np.where(rank < math.ceil(sparsity * tensor.shape[0]), 0.0, drawn))


# --- random numbers in float64, and the way there and back ------------------------------------------------------


def _float(name: str, tensor: Any) -> Tensor:
    if as_tensor(name, "tensor", tensor).dtype.kind != "f":
        raise DTypeError(f"{name}: expected a float tensor, got {tensor.dtype}")
    return tensor  # type: ignore[no-any-return]


def _draw(name: str, tensor: Tensor, primitive: str, generator: Generator | None) -> Any:
    counter = generator_for(name, generator).draw(2 * (tensor.size + tensor.size % 2))
    return getattr(tensor._device.backend, primitive)(counter, tensor.shape, float64)


def _to_host(tensor: Tensor, values: Any) -> Any:
    return tensor._device.backend.to_host(values)


def _write_from_host(tensor: Tensor, values: Any) -> Tensor:
    return _write(tensor, tensor._device.backend.from_host(values.astype(tensor.dtype)))


def _write(tensor: Tensor, values: Any) -> Tensor:
    tensor._array[...] = values
    tensor._version[0] += 1
    return tensor
