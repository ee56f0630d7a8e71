"""Gradient clipping, in one pass or two over each of an optimizer's flat buffers, and without waiting for a GPU."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from dlcore._device import current_device
from dlcore._dtypes import DEFAULT_FLOAT, float16, float32
from dlcore._tensor import Tensor, wrap
from dlcore.ops import abs as abs_
from dlcore.ops import concat, reshape, to, where
from dlcore.ops import max as max_
from dlcore.ops import sum as sum_
from dlcore.optim.bucket import FlatGradient, flat_gradients


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale the gradients, in place, so that the norm of all of them together is at most `max_norm`. As in PyTorch.

    Each is multiplied by min(1, max_norm / (norm + 1e-6)); by 1 if there is a NaN among them. Pascanu, Mikolov, Bengio,
    "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1.

    Args:
        parameters: a tensor or several; those without a gradient do not count.
        max_norm: >= 0.
        norm_type: p > 0 of the p-norm; `float("inf")` for the largest absolute value.
        error_if_nonfinite: raise, instead of scaling, if the norm is NaN or infinite. That waits for a GPU.

    Returns:
        The norm before clipping, a 0-d tensor on the device of the first gradient.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.
        RuntimeError: see `error_if_nonfinite`; the gradients are then unchanged.

    >>> w = dl.nn.Parameter(dl.tensor([1.0, 1.0]))
    >>> (w * dl.tensor([3.0, 4.0])).sum().backward()
    >>> dl.nn.utils.clip_grad_norm_(w, max_norm=1.0)
    tensor(5.)
    >>> w.grad.numpy().round(4)
    array([0.6, 0.8], dtype=float32)
    """
    name = "clip_grad_norm_"
    tensors = _tensors(name, parameters)
    limit = _number(name, "max_norm", max_norm, lambda value: value >= 0, "a number >= 0")
    p = _number(name, "norm_type", norm_type, lambda value: value > 0, "a number > 0, infinity included")
    pieces = flat_gradients(tensors)
    if not pieces:
        dev = tensors[0]._device if tensors else current_device()
        return wrap(dev.backend.xp.asarray(0, dtype=DEFAULT_FLOAT), dev)
    total = _total([_norm(wrap(piece.array, piece.device), p) for piece in pieces], p)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(f"{name}: the norm of the gradients is {total.item()}, and error_if_nonfinite is set")
    if limit < math.inf:
        factor = limit / (_wide(total) + 1e-6)
        factor = where(factor < 1, factor, 1.0)  # not a minimum, which is NaN where one of the two is
        for piece in pieces:
            piece.device.backend.scale(piece.array, to(to(factor, piece.device), piece.array.dtype)._array)
        _written(tensors, pieces)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of the gradients, in place, to -clip_value ... clip_value; NaN stays. As in PyTorch.

    Args:
        parameters: a tensor or several; those without a gradient are left out.
        clip_value: >= 0.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0, 1.0]))
    >>> (w * dl.tensor([3.0, -0.25])).sum().backward()
    >>> dl.nn.utils.clip_grad_value_([w], 0.5)
    >>> w.grad
    tensor([ 0.5 , -0.25])
    """
    name = "clip_grad_value_"
    tensors = _tensors(name, parameters)
    limit = _number(name, "clip_value", clip_value, lambda value: value >= 0, "a number >= 0")
    pieces = flat_gradients(tensors)
    for piece in pieces:
        xp = piece.device.backend.xp
        piece.array[...] = xp.minimum(xp.maximum(piece.array, -limit), limit)
    _written(tensors, pieces)


def _tensors(name: str, parameters: Any) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for parameter in given:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"{name}: parameters must be tensors, got {type(parameter).__name__}")
    return given


def _number(name: str, argument: str, value: Any, valid: Any, expected: str) -> float:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__") or not valid(float(value)):
        raise ValueError(f"{name}: {argument} must be {expected}, got {value!r}")
    return float(value)


def _norm(x: Tensor, p: float) -> Tensor:
    """Of a tensor with one axis, in its dtype and on its device; float16 is computed in float32."""
    if p == 2:
        return wrap(x._device.backend.l2_norm(x._array), x._device)
    if x.size == 0:
        return sum_(x)
    sizes = abs_(_wide(x))
    if p == math.inf:
        return to(max_(sizes), x.dtype)
    return to(sum_(sizes) if p == 1 else sum_(sizes**p) ** (1 / p), x.dtype)


def _total(norms: list[Tensor], p: float) -> Tensor:
    """The norm of the norms, on the device of the first."""
    if len(norms) == 1:
        return norms[0]
    return _norm(concat([reshape(to(norm, norms[0]._device), (1,)) for norm in norms]), p)


def _wide(x: Tensor) -> Tensor:
    return to(x, float32) if x.dtype == float16 else x


def _written(tensors: list[Tensor], pieces: list[FlatGradient]) -> None:
    """Bring copies home, and tell graphs that saved a gradient."""
    for piece in pieces:
        if piece.home is not None:
            piece.home[...] = piece.device.backend.xp.reshape(piece.array, piece.home.shape)
    for parameter in tensors:
        if parameter._grad is not None:
            parameter._grad._version[0] += 1
