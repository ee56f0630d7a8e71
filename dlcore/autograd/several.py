"""Operations with several outputs, on a graph whose nodes have one each.

The operation itself is a node that nobody sees (the hub). Each output is made by a node of its own that points at the
hub and does nothing but hand its gradient on, marked with its position; the hub, being older, runs when all have come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd.function import Function


class _Gradients:
    """What has arrived at a hub: gradients by the position of the output. The walk adds them up like tensors."""

    def __init__(self, by_position: dict[int, Tensor]) -> None:
        self.by_position = by_position

    def __add__(self, other: _Gradients) -> _Gradients:
        total = dict(self.by_position)
        for position, gradient in other.by_position.items():
            total[position] = total[position] + gradient if position in total else gradient
        return _Gradients(total)


class _Output(Function):
    """One output of a hub."""

    is_view = True  # all outputs share one count of in-place writes: that of the hub, which checks it

    def __init__(self, position: int, array: Any) -> None:
        self.position, self._array = position, array

    def forward(self, hub: Any) -> Any:
        array, self._array = self._array, None
        return array

    def backward(self, grad: Tensor) -> Any:
        return _Gradients({self.position: grad})


class SeveralOutputs(Function):
    """A differentiable operation with several outputs.

    A subclass defines `compute(*arrays)`, which gives a tuple of arrays, and `gradients(grads)`, which gets the
    gradient of each output, or None for those that nothing depends on, and returns those of the inputs.
    `apply(*inputs)` takes the place of the call. In `gradients`, `outputs` are the results as tensors of the graph.
    """

    saves_output = True

    def compute(self, *arrays: Any) -> tuple[Any, ...]:
        raise NotImplementedError

    def gradients(self, grads: Sequence[Tensor | None]) -> Any:
        raise NotImplementedError

    def apply(self, *inputs: Any) -> tuple[Tensor, ...]:
        hub = self(*inputs)
        return self._split(hub)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The outputs, in `gradients`: as functions of the inputs, so that they can be differentiated in turn."""
        return self._split(self.output)

    def forward(self, *arrays: Any) -> Any:
        self.kept = self.compute(*arrays)
        return self.kept[0]

    def backward(self, grad: Any) -> Any:
        return self.gradients([grad.by_position.get(i) for i in range(len(self.kept))])

    def _split(self, hub: Tensor) -> tuple[Tensor, ...]:
        return tuple([_Output(i, array)(hub) for i, array in enumerate(self.kept)])


def outputs_of(hub: Function, results: Sequence[Tensor]) -> list[Tensor]:
    """`results` (with versions of their own, and without their graph) as the outputs of a node that is a hub."""
    end = results[0].detach()
    end._node, end._requires_grad = hub, True
    made = []
    for position, result in enumerate(results):
        output = _Output(position, result._array)(end)
        output._version = result._version
        made.append(output)
    return made
