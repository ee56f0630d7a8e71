"""What else could do the same on the same device, as calls to be timed beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.backends.cupy.im2col import Im2col

from .cases import Case, Work

Calls = dict[str, Callable[[], Any]]


def calls(backend: Any, case: Case, work: Work, arguments: list[Any]) -> Calls:
    """The peers of a case by name, none for most; `arguments` are those of the primitive on the device."""
    if case.primitive.startswith("conv2d") and "im2col" not in case.name:
        found = im2col(backend, case, arguments)
        if case.primitive == "conv2d_forward":
            found |= torch_convolution(*work.arguments[:4])
        return found
    return {}


def im2col(backend: Any, case: Case, arguments: list[Any]) -> Calls:
    """Im2col with cuBLAS, without bias and activation."""
    first, second, third, spec = arguments[:4]
    if case.primitive == "conv2d_forward":
        way = Im2col(backend, backend.launcher, first.shape, second.shape, spec)
        return {"im2col + cuBLAS, no bias": lambda: way.forward(first, second)}
    if case.primitive == "conv2d_backward_input":
        way = Im2col(backend, backend.launcher, third, second.shape, spec)
        return {"im2col + cuBLAS": lambda: way.backward_input(first, second)}
    way = Im2col(backend, backend.launcher, second.shape, third, spec)
    return {"im2col + cuBLAS": lambda: way.backward_weight(first, second)}


def torch_convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, spec: Any) -> Calls:
    """PyTorch with cuDNN, once with TF32 (its default for convolutions) and once without; none if it is not there."""
    try:
        import torch
    except ImportError:
        return {}
    top, bottom, left, right = spec.padding
    if not torch.cuda.is_available() or (top, left) != (bottom, right):
        return {}
    tensors = [torch.from_numpy(array).cuda() for array in (x, weight, bias)]

    def convolve(tf32: bool) -> Any:
        torch.backends.cudnn.allow_tf32 = tf32
        with torch.no_grad():
            y = torch.nn.functional.conv2d(*tensors, spec.stride, (top, left), spec.dilation, spec.groups)
            return torch.relu_(y)

    return {"torch, float32": lambda: convolve(False), "torch, TF32": lambda: convolve(True)}
