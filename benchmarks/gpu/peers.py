"""What else could do the same on the same device, as calls to be timed beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import Case, Work

Array = Any
Calls = dict[str, Callable[[], Any]]


def calls(cp: Any, case: Case, work: Work) -> Calls:
    """The peers of a case by name: none for most."""
    if case.primitive == "conv2d_forward":
        x, weight, _, spec, *_ = work.arguments
        found: Calls = {}
        if spec.groups == 1 and hasattr(cp, "lib"):
            arrays = cp.asarray(x), cp.asarray(weight)
            found["im2col + cuBLAS, no bias"] = lambda: im2col_convolution(cp, *arrays, spec)
        return found | torch_convolution(x, weight, work.arguments[2], spec)
    return {}


def im2col_convolution(cp: Any, x: Array, weight: Array, spec: Any) -> Array:
    """x (N, C, H, W), weight (K, C, R, S) -> (N, K, P, Q) through (N, C*R*S, P*Q), one group."""
    n, c, h, w = x.shape
    k, _, r, s = weight.shape
    top, bottom, left, right = spec.padding
    padded = x
    if any(spec.padding):
        padded = cp.zeros((n, c, h + top + bottom, w + left + right), dtype=x.dtype)
        padded[:, :, top : top + h, left : left + w] = x
    p, q = spec.output_size((h, w), (r, s))
    step_n, step_c, step_h, step_w = padded.strides
    windows = cp.lib.stride_tricks.as_strided(
        padded,
        (n, c, r, s, p, q),
        (
            step_n, step_c, step_h * spec.dilation[0], step_w * spec.dilation[1],
            step_h * spec.stride[0], step_w * spec.stride[1],
        ),
    )  # fmt: skip
    columns = cp.ascontiguousarray(windows).reshape(n, c * r * s, p * q)
    return cp.matmul(weight.reshape(k, c * r * s), columns).reshape(n, k, p, q)


def torch_convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, spec: Any) -> Calls:
    """PyTorch with cuDNN, once with TF32 (its default for convolutions) and once without; none if it is not there."""
    try:
        import torch
    except ImportError:
        return {}
    if not torch.cuda.is_available():
        return {}
    tensors = [torch.from_numpy(array).cuda() for array in (x, weight, bias)]
    top, bottom, left, right = spec.padding
    if (top, left) != (bottom, right):
        return {}

    def convolve(tf32: bool) -> Any:
        torch.backends.cudnn.allow_tf32 = tf32
        with torch.no_grad():
            y = torch.nn.functional.conv2d(*tensors, spec.stride, (top, left), spec.dilation, spec.groups)
            return torch.relu_(y)

    return {"torch, float32": lambda: convolve(False), "torch, TF32": lambda: convolve(True)}
