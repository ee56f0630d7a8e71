"""Derivatives checked against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor, tensor
from dlcore.autograd import enable_grad, grad, no_grad


def gradcheck(
    function: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-6,
    second_order: bool = False,
) -> bool:
    """Compare the gradients of `function` with central differences.

    Each output is multiplied by fixed pseudo-random numbers and summed, and the sum's derivative with
    respect to every element of every input is estimated by (f(x + eps) - f(x - eps)) / (2 eps). Of a
    complex input the real and the imaginary part are varied in turn.

    Args:
        function: takes the inputs, returns a tensor or several.
        inputs: float64 or complex128 tensors; those with `requires_grad` are checked.
        eps: the step of the differences.
        atol, rtol: |analytical - numerical| <= atol + rtol * |numerical| must hold everywhere.
        second_order: check the gradients of the gradients as well, and those that `create_graph=True` gives.

    Returns:
        True.

    Raises:
        AssertionError: a gradient differs; the message names input, element and both values.
        DTypeError: an input whose precision is too low for the comparison to mean anything.
        ValueError: no input requires grad.

    >>> x = dl.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> dl.gradcheck(lambda x: dl.exp(x) * x, x, second_order=True)
    True
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    for position, x in enumerate(given):
        if not isinstance(x, Tensor):
            raise TypeError(f"gradcheck: inputs[{position}] must be a Tensor, got {type(x).__name__}")
        if x.requires_grad and x.dtype not in (np.float64, np.complex128):
            raise DTypeError(f"gradcheck: inputs[{position}] is {x.dtype}; differences need float64 or complex128")
    if not any(x.requires_grad for x in given):
        raise ValueError("gradcheck: no input requires grad, so there is nothing to check")
    _compare(function, given, eps, atol, rtol, "gradcheck", second_order)
    if second_order:
        _compare(_first_derivative(function, given), given, eps, atol, rtol, "gradcheck, second order", False)
    return True


def _outputs(function: Callable[..., Any], inputs: list[Tensor]) -> list[Tensor]:
    result = function(*inputs)
    return [result] if isinstance(result, Tensor) else list(result)


def _weights(outputs: list[Tensor]) -> list[np.ndarray[Any, Any]]:
    """Fixed numbers to weigh the outputs with: a plain sum would hide errors that cancel."""
    rng = np.random.default_rng(0)
    weights = []
    for y in outputs:
        w = rng.uniform(0.5, 1.5, y.shape)
        if y.dtype.kind == "c":
            w = w + 1j * rng.uniform(0.5, 1.5, y.shape)
        weights.append(w.astype(y.dtype))
    return weights


def _first_derivative(function: Callable[..., Any], given: list[Tensor]) -> Callable[..., list[Tensor]]:
    positions = [i for i, x in enumerate(given) if x.requires_grad]

    def derivative(*inputs: Tensor) -> list[Tensor]:
        with enable_grad():
            live = [x if x.requires_grad or i not in positions else _leaf(x) for i, x in enumerate(inputs)]
            outputs = [y for y in _outputs(function, live) if y.requires_grad]
            seeds = [tensor(w, device=y.device) for y, w in zip(outputs, _weights(outputs), strict=True)]
            wanted = [live[i] for i in positions]
            found = grad(outputs, wanted, seeds, create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    return derivative


def _leaf(x: Tensor) -> Tensor:
    return tensor(x.numpy(), device=x.device, requires_grad=True)


def _compare(
    function: Callable[..., Any],
    given: list[Tensor],
    eps: float,
    atol: float,
    rtol: float,
    name: str,
    create_graph: bool,
) -> None:
    """One order of derivatives; with `create_graph` also as they come out when they are recorded."""
    leaves = [_leaf(x) if x.requires_grad else x for x in given]
    outputs = _outputs(function, leaves)
    weights = _weights(outputs)
    live = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    wanted = [x for x in leaves if x.requires_grad]
    found: list[Sequence[Tensor | None]] = []  # by mode, then by input
    for recorded in (False, True) if create_graph else (False,):
        if not live:
            found.append([None] * len(wanted))
            continue
        seeds = [tensor(w, device=y.device) for y, w in live]
        ends = [y for y, _ in live]
        found.append(grad(ends, wanted, seeds, create_graph=recorded, retain_graph=True, allow_unused=True))

    def weighed() -> float:
        with no_grad():
            results = _outputs(function, leaves)
        # the real inner product, under which PyTorch's conjugate convention is the gradient
        return sum(float(np.sum(np.real(np.conj(w) * y.numpy()))) for y, w in zip(results, weights, strict=True))

    for position, (x, *analytical) in enumerate(zip(wanted, *found, strict=True)):
        host = x.numpy().copy()
        numerical = np.zeros_like(host)
        for place in np.ndindex(host.shape):
            for direction in (1.0, 1j) if host.dtype.kind == "c" else (1.0,):
                values = []
                for sign in (1.0, -1.0):
                    moved = host.copy()
                    moved[place] += sign * eps * direction
                    with no_grad():
                        x[...] = tensor(moved, device=x.device)
                    values.append(weighed())
                numerical[place] += direction * (values[0] - values[1]) / (2 * eps)
        with no_grad():
            x[...] = tensor(host, device=x.device)
        for mode, gradient in zip(("", " with create_graph"), analytical, strict=False):
            actual = np.zeros_like(host) if gradient is None else gradient.numpy()
            wrong = ~(np.abs(actual - numerical) <= atol + rtol * np.abs(numerical))
            if wrong.any():
                place = tuple(int(i) for i in np.argwhere(wrong)[0])
                raise AssertionError(
                    f"{name}: input {position} (shape {x.shape}), element {place}: the gradient{mode} is "
                    f"{actual[place]}, differences give {numerical[place]}; "
                    f"{int(wrong.sum())} of {host.size} elements differ"
                )
