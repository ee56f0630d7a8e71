"""The perceptron: one layer of neurons that fire or do not, and the rule by which they learn."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import no_grad
from dlcore.nn import functional
from dlcore.nn.functional._args import floats
from dlcore.nn.linear import fill_uniform, positive_int
from dlcore.nn.module import Module, Parameter
from dlcore.ops import astype, zeros
from dlcore.ops._common import as_tensor

BLOCK = 64  # samples that are looked at together, at first; twice as many after each block without a mistake


class Perceptron(Module):
    """Neurons that each output 1 where x w^T + b >= 0, and 0 elsewhere: two classes, parted by a hyperplane.

    Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain",
    Psychological Review 65, 1958. The derivative of the step is 0 wherever it has one, so gradients teach it nothing:
    see `learn`.

    Args:
        in_features: the inputs of each neuron.
        out_features: how many neurons there are, which do not know of each other.
        bias: whether there is a b.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (out_features, in_features) and bias (out_features,), both uniform on +-1/sqrt(in_features).

    Shapes:
        (..., in_features) -> (..., out_features), of the numbers 0 and 1.

    >>> x = dl.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> neuron = dl.nn.Perceptron(2)
    >>> mistakes = neuron.learn(x, dl.tensor([0, 0, 0, 1]))  # "and"
    >>> mistakes[-1], neuron(x).tolist()
    (0, [[0.0], [0.0], [0.0], [1.0]])
    """

    def __init__(
        self, in_features: int, out_features: int = 1, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        self.in_features = positive_int("Perceptron", "in_features", in_features)
        self.out_features = positive_int("Perceptron", "out_features", out_features)
        self.weight = Parameter(zeros((out_features, in_features), dtype=dtype, device=device))
        self.bias = Parameter(zeros(out_features, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        fill_uniform(self.weight, self.bias, self.in_features)

    def forward(self, x: Tensor) -> Tensor:
        return functional.heaviside(functional.linear(x, self.weight, self.bias))

    def learn(self, x: Tensor, y: Tensor, lr: float = 1.0, epochs: int = 100) -> list[int]:
        """Learn by the perceptron rule: w += lr * (y - output) * x and b += lr * (y - output), sample by sample.

        The rule changes something only where the output is wrong. If a hyperplane parts the classes, one is found
        after at most (R/m)^2 mistakes from weights of zero, with R the length of the longest sample (a 1 for the bias
        included) and m the distance of the nearest one to the best such plane (Novikoff, "On convergence proofs for
        perceptrons", 1962). If none does, the weights go round for ever, and learning ends after `epochs` passes.

        Args:
            x: samples, shape (N, in_features), of the weights' dtype, finite.
            y: for each sample and neuron 0 or 1, shape (N, out_features), or (N,) for one neuron; any dtype.
            lr: the step, > 0.
            epochs: passes over the samples at most, >= 1. A pass without a mistake is the last.

        Returns:
            The number of mistakes in each pass; 0 at the end if all samples are right.

        Raises:
            ShapeError, DTypeError: x or y does not fit. ValueError: y is not 0 or 1, x is not finite, lr or epochs is
            out of range. Nothing has been changed then.
        """
        samples, wanted = self._checked(x, y)
        if isinstance(lr, bool) or not hasattr(lr, "__float__") or not (lr > 0 and isfinite(lr)):
            raise ValueError(f"Perceptron.learn: lr must be a number > 0, got {lr!r}")
        epochs = positive_int("Perceptron.learn", "epochs", epochs)
        history: list[int] = []
        with no_grad():
            while len(history) < epochs and (not history or history[-1]):
                history.append(self._pass(samples, wanted, float(lr)))
        return history

    def _pass(self, x: Tensor, y: Tensor, lr: float) -> int:
        """One pass. Outputs stay right until the next change, so a block of them is computed at once."""
        mistakes, start, block = 0, 0, BLOCK
        while start < len(x):
            wrong = (self.forward(x[start : start + block]) != y[start : start + block]).numpy()
            first = int(np.argmax(wrong.any(axis=1)))
            if not wrong[first].any():
                start, block = start + block, 2 * block
                continue
            sample, error = x[start + first], y[start + first] - self.forward(x[start + first])
            weight: Tensor = self.weight
            weight += lr * error[:, None] * sample
            if self.bias is not None:
                bias: Tensor = self.bias
                bias += lr * error
            mistakes += int(wrong[first].sum())
            start, block = start + first + 1, BLOCK
        return mistakes

    def _checked(self, x: Any, y: Any) -> tuple[Tensor, Tensor]:
        name = "Perceptron.learn"
        samples, labels = floats(name, "x", x), as_tensor(name, "y", y)
        if samples.ndim != 2 or samples.shape[1] != self.in_features:
            raise ShapeError(f"{name}: x must have shape (N, {self.in_features}), got {samples.shape}")
        if samples.dtype != self.weight.dtype:
            raise DTypeError(f"{name}: x is {samples.dtype}, the weights are {self.weight.dtype}; convert with astype")
        if labels.ndim == 1 and self.out_features == 1:
            labels = labels.reshape((-1, 1))
        if labels.shape != (len(samples), self.out_features):
            raise ShapeError(f"{name}: y must have shape ({len(samples)}, {self.out_features}), got {y.shape}")
        values = labels.numpy()
        if not ((values == 0) | (values == 1)).all():
            raise ValueError(f"{name}: y must hold 0 and 1, got {values[(values != 0) & (values != 1)][0]}")
        if not np.isfinite(samples.numpy()).all():
            raise ValueError(f"{name}: x must be finite")
        return samples.detach(), astype(labels.detach(), samples.dtype)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
