"""Flat buffers: the parameters of one group, dtype and device, with their gradients and state side by side in memory.

So a step is one primitive call, and so is a norm. The parameters and their gradients become views of the buffers: a
tensor or array that shared a parameter's memory before (`detach()`, `numpy()`, a state_dict) keeps the old values
from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

from dlcore._tensor import Tensor, wrap

if TYPE_CHECKING:
    from dlcore._device import device

#: By identity of a parameter: the bucket that it was flattened into last, as long as that exists.
_buckets: WeakValueDictionary[int, Bucket] = WeakValueDictionary()
_ALIGNMENT = 16  # bytes; every view starts on such a boundary, so that kernels can load four floats at a time


class _Slot(NamedTuple):
    """Where one parameter lives in the flat buffer."""

    parameter: Tensor
    start: int
    stop: int  # the end of its elements; the next slot starts at the next boundary
    value: Any  # the view that the parameter's array must be
    grad: Tensor  # the view that its gradient goes into


class Bucket:
    """The parameters of one group that share dtype and device.

    `initial`: the states that are there before the first step, and what they start with. Others start with 0.
    `numbers`: the states that are one number for each parameter, kept on the host, and what they start with.
    """

    def __init__(self, parameters: list[Tensor], initial: Mapping[str, float], numbers: Mapping[str, float]) -> None:
        first = parameters[0]
        self.device = first._device
        self.backend = first._device.backend
        self.dtype = first.dtype
        xp = self.backend.xp
        starts, total = aligned_starts(parameters)
        self.values = xp.zeros(total, dtype=self.dtype)
        self.grads = xp.zeros(total, dtype=self.dtype)
        self.states: dict[str, Any] = {
            name: xp.full((total,), number, dtype=self.dtype) for name, number in initial.items()
        }
        self.steps = [0] * len(parameters)
        self.numbers = {name: [number] * len(parameters) for name, number in numbers.items()}
        self.slots = []
        for parameter, start in zip(parameters, starts, strict=True):
            stop = start + parameter.size
            view = xp.reshape(self.values[start:stop], parameter.shape)
            view[...] = parameter._array
            parameter._array = view
            grad = self._grad_view(start, stop, parameter)
            parameter._grad_buffer = grad
            self.slots.append(_Slot(parameter, start, stop, view, grad))
            _buckets[id(parameter)] = self

    def _grad_view(self, start: int, stop: int, parameter: Tensor) -> Tensor:
        return wrap(self.backend.xp.reshape(self.grads[start:stop], parameter.shape), self.device)

    def own_grads(self) -> None:
        """Take new memory for the gradients if writing into the present one could change a gradient that was read.

        A parameter whose `grad` was read has left its buffer (see `Tensor.grad`); as long as that still is its
        gradient, writing there is what everybody expects.
        """
        for slot in self.slots:
            parameter = slot.parameter
            if parameter._grad_buffer is not slot.grad and parameter._grad is not slot.grad:
                break
        else:
            return
        self.grads = self.backend.xp.zeros(self.values.shape[0], dtype=self.dtype)
        for position, slot in enumerate(self.slots):
            parameter = slot.parameter
            grad = self._grad_view(slot.start, slot.stop, parameter)
            if parameter._grad is slot.grad and parameter._grad_buffer is slot.grad:  # nobody else has it
                grad._array[...] = slot.grad._array
                parameter._grad = grad
            parameter._grad_buffer = grad
            self.slots[position] = slot._replace(grad=grad)

    def is_current(self) -> bool:
        """Whether every parameter still is the view it was made, neither rebound nor moved."""
        return all([slot.parameter._array is slot.value for slot in self.slots])

    def state(self, name: str) -> Any:
        """The flat array of one kind of state; zeros at first."""
        found = self.states.get(name)
        if found is None:
            found = self.states[name] = self.backend.xp.zeros(self.values.shape[0], dtype=self.dtype)
        return found

    def elements(self, members: range) -> slice:
        """Where neighbouring parameters lie in the flat buffers; of all of them, all: with the gaps for alignment."""
        if len(members) == len(self.slots):
            return slice(None)
        return slice(self.slots[members.start].start, self.slots[members.stop - 1].stop)

    def forget_grads(self) -> None:
        """No parameter has a gradient any more."""
        read = False
        for slot in self.slots:
            parameter = slot.parameter
            parameter._grad = None
            if parameter._grad_buffer is not slot.grad:
                read = True
        if read:
            self.own_grads()

    def runs(self) -> list[tuple[int, range]]:
        """(number of steps taken, positions) of neighbouring parameters with a gradient, equal counts and numbers.

        A gradient that is not the buffer's view (the user assigned one) is copied there first.
        """
        runs: list[tuple[int, range]] = []
        first: int | None = None
        steps = self.steps
        keys: list[Any] = list(zip(steps, *self.numbers.values(), strict=True)) if self.numbers else steps
        for position, slot in enumerate(self.slots):
            gradient = slot.parameter._grad
            if gradient is None:
                if first is not None:
                    runs.append((steps[first], range(first, position)))
                    first = None
                continue
            if gradient is not slot.grad:
                self.own_grads()
                self.slots[position].grad._array[...] = gradient._array
            if first is None:
                first = position
            elif keys[position] != keys[first]:
                runs.append((steps[first], range(first, position)))
                first = position
        if first is not None:
            runs.append((steps[first], range(first, len(self.slots))))
        return runs


def aligned_starts(parameters: list[Tensor]) -> tuple[list[int], int]:
    """Where parameters of one dtype begin in a flat buffer, and how long it is."""
    grain = _ALIGNMENT // parameters[0].dtype.itemsize or 1
    starts, total = [], 0
    for parameter in parameters:
        starts.append(total)
        total += -(-parameter.size // grain) * grain
    return starts, total


def flatten(
    parameters: list[Tensor],
    initial: Mapping[str, float],
    numbers: Mapping[str, float],
    entries: Mapping[int, Mapping[str, Any]],
) -> list[Bucket]:
    """Buckets of the parameters by dtype and device, with the given state (by identity of the parameter)."""
    kinds: dict[Any, list[Tensor]] = {}
    for parameter in parameters:
        kinds.setdefault((parameter.dtype, parameter._device), []).append(parameter)
    buckets = [Bucket(members, initial, numbers) for members in kinds.values()]
    for bucket in buckets:
        for i, slot in enumerate(bucket.slots):
            for key, value in entries.get(id(slot.parameter), {}).items():
                if key == "step":
                    bucket.steps[i] = value
                elif key in bucket.numbers:
                    bucket.numbers[key][i] = value
                else:
                    array = value.detach().to(bucket.device).to(bucket.dtype)._array
                    bucket.state(key)[slot.start : slot.stop] = bucket.backend.xp.reshape(array, (-1,))
    return buckets


def state_of(bucket: Bucket, i: int) -> dict[str, Any]:
    """One parameter's state: its numbers, and copies of its tensors."""
    slot, xp = bucket.slots[i], bucket.backend.xp
    return {name: numbers[i] for name, numbers in bucket.numbers.items()} | {
        name: wrap(xp.reshape(xp.asarray(flat[slot.start : slot.stop], copy=True), slot.parameter.shape), bucket.device)
        for name, flat in bucket.states.items()
    }


def states_of(buckets: list[Bucket]) -> dict[int, dict[str, Any]]:
    """By identity of the parameter, its number of steps and copies of its state."""
    return {
        id(slot.parameter): {"step": bucket.steps[i], **state_of(bucket, i)}
        for bucket in buckets
        for i, slot in enumerate(bucket.slots)
    }


def joined_runs(bucket: Bucket) -> list[slice]:
    """Runs of elements with a gradient, whatever their step counts."""
    present = [False] * len(bucket.slots)
    for _, members in bucket.runs():
        for position in members:
            present[position] = True
    return [bucket.elements(members) for members in _runs_of_true(present)]


def flat_values(parameters: list[Tensor]) -> list[tuple[range, Any]]:
    """The parameters, all of one dtype and device, as runs of the list, each with its values as one 1-D array.

    Neighbours in the list that are neighbours in a flat buffer, too, are one run; the gaps between them hold zeros.
    """
    places = {
        id(slot.parameter): (bucket, i)
        for bucket in dict.fromkeys([_buckets.get(id(parameter)) for parameter in parameters])
        if bucket is not None
        for i, slot in enumerate(bucket.slots)
        if slot.parameter._array is slot.value
    }
    runs: list[tuple[range, Any]] = []
    start = 0
    while start < len(parameters):
        place = places.get(id(parameters[start]))
        stop = start + 1
        if place is None:
            array = parameters[start]._array
            runs.append((range(start, stop), parameters[start]._device.backend.xp.reshape(array, (-1,))))
        else:
            bucket, i = place
            while stop < len(parameters) and places.get(id(parameters[stop])) == (bucket, i + stop - start):
                stop += 1
            first, last = bucket.slots[i], bucket.slots[i + stop - start - 1]
            runs.append((range(start, stop), bucket.values[first.start : last.stop]))
        start = stop
    return runs


class FlatGradient(NamedTuple):
    """Gradients as one 1-D array. What is written there changes them, unless it is a copy of `home`."""

    device: device
    array: Any
    home: Any  # None, or the gradient whose strides allow no flat view


def flat_gradients(parameters: Iterable[Tensor]) -> list[FlatGradient]:
    """The gradients of the parameters in as few arrays as possible.

    Neighbours in a flat buffer are one; the gaps between them hold zeros, which has to stay so. A gradient elsewhere is
    one by itself. Parameters without a gradient are left out, those named twice count once.
    """
    wanted = {id(parameter): parameter for parameter in parameters if parameter._grad is not None}
    found = []
    for bucket in dict.fromkeys([_buckets.get(identity) for identity in wanted]):
        if bucket is None:
            continue
        here = [id(slot.parameter) in wanted and slot.parameter._grad is slot.grad for slot in bucket.slots]
        for members in _runs_of_true(here):
            found.append(FlatGradient(bucket.device, bucket.grads[bucket.elements(members)], None))
            for position in members:
                del wanted[id(bucket.slots[position].parameter)]
    for parameter in wanted.values():
        gradient = parameter._grad
        assert gradient is not None
        backend, array = gradient._device.backend, gradient._array
        flat = backend.xp.reshape(array, (-1,))
        found.append(FlatGradient(gradient._device, flat, None if backend.shares_memory(flat, array) else array))
    return found


def _runs_of_true(flags: list[bool]) -> Iterator[range]:
    """The positions of neighbours that are true."""
    start = 0
    for holds, neighbours in groupby(flags):
        stop = start + len(list(neighbours))
        if holds:
            yield range(start, stop)
        start = stop
