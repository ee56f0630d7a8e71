"""Memory for time: a part of the graph that is not kept, but computed again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dlcore._device import current_device
from dlcore._tensor import Tensor
from dlcore.autograd._backward import gradients_at
from dlcore.autograd.function import Function, _order
from dlcore.autograd.recording import enable_grad, is_grad_enabled
from dlcore.autograd.several import outputs_of


def checkpoint(function: Callable[..., Any], *args: Any, preserve_rng_state: bool = True, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, of which only the arguments are kept: the rest is computed again in backward.

    Of a chain of n layers, checkpoints around pieces of sqrt(n) layers keep sqrt(n) inputs and the inner values of one
    piece at a time, for one more forward pass: Chen et al., 2016, "Training deep nets with sublinear memory cost". As
    `torch.utils.checkpoint.checkpoint` with `use_reentrant=False`: what `function` uses besides its arguments (the
    weights of a module) gets its gradients, checkpoints may be nested, and derivatives of every order work.

    Args:
        function: gives a tensor, or a tuple or list of tensors and other values. It must compute the same when it is
            called again: what it changes (running statistics, counters) is changed twice.
        args, kwargs: its arguments. Those that are tensors must not be modified in place before the backward pass.
        preserve_rng_state: let it draw the same random numbers from the default generator again, so that dropout
            masks are the same; the generator itself moves on only once. Generators of its own are not rewound.

    Returns:
        What `function` returns.

    Raises:
        TypeError: a `function` that cannot be called, or a result of another type.
        RuntimeError: in the backward pass, an argument was modified in place, or the second call is not as the first.

    >>> x = dl.tensor([1.0, 2.0], requires_grad=True)
    >>> y = dl.autograd.checkpoint(lambda x: dl.square(x) * x, x)
    >>> dl.grad(y.sum(), x)
    (tensor([ 3., 12.]),)
    """
    if not callable(function):
        raise TypeError(f"checkpoint: function must be callable, got {type(function).__name__}")
    if not is_grad_enabled():
        return function(*args, **kwargs)
    call = _Call(function, args, kwargs, preserve_rng_state)
    start = next(_order)
    results = call.first()
    several = isinstance(results, (tuple, list))
    if not several and not isinstance(results, Tensor):
        raise TypeError(
            f"checkpoint: function must return a tensor, or a tuple or list of them, got {type(results).__name__}"
        )
    parts = list(results) if several else [results]
    live = [i for i, x in enumerate(parts) if isinstance(x, Tensor) and x._requires_grad]
    if not live:
        return results
    outputs = [parts[i] for i in live]
    node = _Checkpoint(call, live, outputs, _frontier(outputs, start))
    for i, output in zip(live, outputs_of(node, outputs), strict=True):
        parts[i] = output
    if not several:
        return parts[0]
    return parts if isinstance(results, list) else tuple(parts)


class _Call:
    """The call of a function, so that it can be repeated."""

    def __init__(self, function: Any, args: Any, kwargs: Any, preserve_rng_state: bool) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.versions = [(x, x._version[0]) for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        self.device = current_device()
        self.state: dict[str, int] | None = None
        if preserve_rng_state:
            from dlcore.random import default_generator

            self.state = default_generator().state_dict()

    def first(self) -> Any:
        return self.function(*self.args, **self.kwargs)

    def again(self) -> Any:
        for x, before in self.versions:
            if x._version[0] != before:
                raise RuntimeError(
                    f"checkpoint: an argument of shape {x.shape} was modified in place after the forward pass "
                    f"({x._version[0] - before} write(s)), so that it cannot be repeated; modify a copy"
                )
        with enable_grad(), self.device, _generator_at(self.state):
            return self.function(*self.args, **self.kwargs)


@contextmanager
def _generator_at(state: dict[str, int] | None) -> Iterator[None]:
    """For a while, a default generator that stands where the real one stood."""
    if state is None:
        yield
        return
    from dlcore import random

    stand_in = random.Generator()
    stand_in.load_state_dict(state)
    token = random._context.set(stand_in)
    try:
        yield
    finally:
        random._context.reset(token)


def _frontier(outputs: Sequence[Tensor], start: int) -> list[Function | Tensor]:
    """Where the part of the graph that is younger than `start` hangs on the rest: older nodes, and leaves."""
    found: dict[Function | Tensor, None] = {}
    seen: set[int] = set()
    stack: list[Function | Tensor | None] = [x if x._node is None else x._node for x in outputs]
    while stack:
        place = stack.pop()
        if isinstance(place, Tensor) or (place is not None and place._number > start):
            found[place] = None
        elif place is not None and place._number not in seen:
            seen.add(place._number)
            stack.extend(place._edges)
    return list(found)


def _nodes(places: Sequence[Function | Tensor | None]) -> set[Function]:
    """Leaves are left out: they may be new, made by the function."""
    return {place for place in places if isinstance(place, Function)}


class _Checkpoint(Function):
    """The node that stands for the part of the graph that was dropped; its edges are those of that part."""

    def __init__(self, call: _Call, live: list[int], outputs: list[Tensor], places: list[Function | Tensor]) -> None:
        self.kept, self.live = call, live
        self.shapes = [(x.shape, x.dtype) for x in outputs]
        self.device = outputs[0]._device
        self.backend = self.device.backend
        self._edges, self._number = tuple(places), next(_order)

    def backward(self, grad: Any) -> Any:
        start = next(_order)
        results = self.kept.again()
        parts = list(results) if isinstance(results, (tuple, list)) else [results]
        again = [parts[i] if i < len(parts) else None for i in self.live]
        found = [(x.shape, x.dtype) if isinstance(x, Tensor) else type(x).__name__ for x in again]
        if found != self.shapes:
            raise RuntimeError(f"checkpoint: the function gave {self.shapes} at first, and {found} when repeated")
        tensors = [x for x in again if isinstance(x, Tensor)]  # all of them: the first time they were
        pairs = [(tensors[i], gradient) for i, gradient in grad.by_position.items()]
        first, second = _nodes(self._edges), _nodes(_frontier(tensors, start))
        if first != second or not all(x._requires_grad for x in tensors):
            raise RuntimeError("checkpoint: the function used other tensors when it was repeated than at first")
        return gradients_at(self._edges, [x for x, _ in pairs], [gradient for _, gradient in pairs])
