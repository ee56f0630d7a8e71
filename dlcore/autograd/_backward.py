"""The walk back through the graph: `backward`, which adds to the leaves, and `grad`, which returns gradients."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from dlcore._errors import DeviceError, DTypeError, ShapeError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd.function import Function, _lock, _written
from dlcore.autograd.hooks import applied, of_leaves, of_nodes
from dlcore.autograd.recording import _recording, enable_grad, is_grad_enabled

if TYPE_CHECKING:
    from dlcore._device import device
    from dlcore.backend import Array

_ones: dict[tuple[device, Any], Array] = {}  # the gradient that a plain `loss.backward()` starts with


def backward(
    output: Tensor, grad: Tensor | None = None, *, create_graph: bool = False, retain_graph: bool | None = None
) -> None:
    """Add the gradient of `output` to the `grad` of every leaf it was computed from. The method `x.backward()`.

    Args:
        output: any tensor with `requires_grad`; without `grad` it must have one element.
        grad: the gradient of the final result with respect to `output`, of its shape; default 1.
        create_graph: record the computation of the gradients, so that they can be differentiated.
        retain_graph: keep what the graph saved, so that `backward` can run again; default `create_graph`.

    Raises:
        RuntimeError: nothing was recorded; the graph was already released; a tensor that is needed
            was modified in place. Then no `grad` is changed.
        ShapeError, DTypeError, DeviceError: `grad` does not fit `output`.

    >>> import dlcore as dl
    >>> x = dl.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """
    retain = create_graph if retain_graph is None else retain_graph
    seed = _seed("backward", output, grad, kept=not create_graph)
    written: dict[Tensor, Tensor] = {}
    leaves: dict[Tensor, Tensor] = {}
    token = _written.set(None if create_graph else written)
    root = output._node
    try:
        if root is not None:  # it is the youngest node of the walk, so nothing but the seed arrives there
            root.grad_is_one = grad is None
        found = _walk([output], [seed], create_graph, retain)
        for leaf, total in found.items():  # all are checked before any is changed
            array, own = total._array, leaf._array
            if array.shape != own.shape or array.dtype != own.dtype:
                raise RuntimeError(
                    f"backward: a Function gave a gradient of shape {total.shape} and dtype {total.dtype} "
                    f"for a tensor of shape {leaf.shape} and dtype {leaf.dtype}"
                )
        leaves = found
    finally:
        _written.reset(token)
        if seed._version[0]:  # somebody's rule wrote into it
            _ones.clear()
        if root is not None:
            root.grad_is_one = False
        with _lock:  # in one go: whoever gets a buffer next must see what was written into it as its leaf's gradient
            for leaf, buffer in written.items():
                leaf._grad_buffer = buffer
            for leaf, total in leaves.items():
                if leaf._requires_grad:  # it may have been frozen since the forward pass
                    _accumulate(leaf, total)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, returned; no tensor's `grad` changes.

    Only the part of the graph between the two is walked, and released.

    Args:
        outputs: one or several tensors with `requires_grad`.
        inputs: one or several tensors, leaves or not.
        grad_outputs: the gradients for `outputs`, of their shapes; None means 1 for a one-element output.
        create_graph: record the computation, so that the results can be differentiated in turn.
        retain_graph: keep the graph for another walk; default `create_graph`.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.

    Returns:
        A tuple of tensors with the shapes of `inputs`.

    Raises:
        RuntimeError: as `backward`, or an input that is unused or does not require grad.

    >>> import dlcore as dl
    >>> x = dl.tensor(3.0, requires_grad=True)
    >>> (first,) = dl.grad(x**3, x, create_graph=True)
    >>> (second,) = dl.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [grad_outputs] if isinstance(grad_outputs, Tensor) or grad_outputs is None else list(grad_outputs)
    if grad_outputs is None:
        given = [None] * len(outs)
    if len(given) != len(outs):
        raise ValueError(f"grad: {len(given)} grad_outputs for {len(outs)} outputs")
    for position, x in enumerate(ins):
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: inputs[{position}] must be a Tensor, got {type(x).__name__}")
        if not x._requires_grad:
            raise RuntimeError(f"grad: inputs[{position}] does not require grad")
    places = [x if x._node is None else x._node for x in ins]
    capture: dict[Function | Tensor, Tensor | None] = dict.fromkeys(places)
    retain = create_graph if retain_graph is None else retain_graph
    seeds = [_seed("grad", out, g) for out, g in zip(outs, given, strict=True)]
    token = _written.set(None)  # what is returned must not lie in an optimizer's buffer
    try:
        _walk(outs, seeds, create_graph, retain, capture, _leading_to(capture, outs))
    finally:
        _written.reset(token)
    results = tuple([capture[place] for place in places])
    for position, result in enumerate(results):
        if result is None and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs do not depend on inputs[{position}]; pass allow_unused=True to get None for it"
            )
    return results


def gradients_at(
    places: Sequence[Function | Tensor | None], outputs: Sequence[Tensor], grads: Sequence[Tensor]
) -> tuple[Tensor | None, ...]:
    """In the backward rule of a node: the gradients at `places`, nodes or leaves, and no further back than there.

    The part of the graph between them and the `outputs` is released, unless the walk that is under way is recorded.
    """
    create_graph = is_grad_enabled()
    capture: dict[Function | Tensor, Tensor | None] = dict.fromkeys([place for place in places if place is not None])
    between: set[Function] = set()
    stack: list[Function | Tensor | None] = [x._node for x in outputs]
    while stack:
        node = stack.pop()
        if isinstance(node, Function) and node not in capture and node not in between:
            between.add(node)
            stack.extend(node._edges)
    _walk(list(outputs), list(grads), create_graph, create_graph, capture, between, inner=True)
    return tuple([None if place is None else capture[place] for place in places])


def _seed(name: str, output: Tensor, grad: Tensor | None, kept: bool = False) -> Tensor:
    """The gradient to start with, checked against the output it belongs to.

    With `kept` it may be a 1 that is used again and again: on a GPU, making one is a launch.
    """
    if not isinstance(output, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(output).__name__}")
    if not output._requires_grad:
        raise RuntimeError(f"{name}: the tensor was not computed from any tensor with requires_grad=True")
    if grad is None:
        if output.size != 1:
            raise ShapeError(f"{name}: a tensor of shape {output.shape} needs a gradient of that shape as an argument")
        if output.dtype.kind == "c":
            raise DTypeError(f"{name}: a tensor of dtype {output.dtype} needs a gradient of that dtype as an argument")
        xp, shape, dtype = output._device.backend.xp, output._array.shape, output._array.dtype
        if shape:
            return wrap(xp.ones(shape, dtype=dtype), output._device)
        one = _ones.get((output._device, dtype)) if kept else None
        if one is None:
            one = xp.asarray(1, dtype=dtype)
            if kept:
                _ones[output._device, dtype] = one
        return wrap(one, output._device)
    if not isinstance(grad, Tensor):
        raise TypeError(f"{name}: the gradient must be a Tensor, got {type(grad).__name__}")
    if grad.shape != output.shape:
        raise ShapeError(f"{name}: gradient of shape {grad.shape} for a tensor of shape {output.shape}")
    if grad.dtype != output.dtype:
        raise DTypeError(f"{name}: gradient of dtype {grad.dtype} for a tensor of dtype {output.dtype}")
    if grad._device is not output._device:
        raise DeviceError(f"{name}: gradient on {grad._device} for a tensor on {output._device}")
    return grad


def _walk(
    outputs: list[Tensor],
    seeds: list[Tensor],
    create_graph: bool,
    retain: bool,
    capture: dict[Function | Tensor, Tensor | None] | None = None,
    wanted: Container[Function | Tensor] = (),
    inner: bool = False,
) -> dict[Tensor, Tensor]:
    """Carry gradients from `outputs` to the leaves, youngest node first, so each node has all of its gradient.

    Returns the gradient of every leaf. With `capture`, fills that instead (by node or leaf) and runs only the nodes
    in `wanted`. An `inner` walk is a part of another one, which will come to the captured places and to the leaves, and
    call their hooks. (Tensors as keys are told apart by identity: a dict calls `==` only where the hashes agree, and
    theirs are their addresses.)
    """
    waiting: dict[int, Tensor] = {}  # by node number: the gradient that has arrived so far
    queue: list[tuple[int, Function]] = []
    leaves: dict[Tensor, Tensor] = {}

    def deliver(edges: Iterable[Function | Tensor | None], gradients: Iterable[Tensor | None]) -> None:
        for edge, gradient in zip(edges, gradients):  # noqa: B905 - both callers see to the lengths
            if edge is None or gradient is None:
                continue
            if capture is not None and edge not in capture and edge not in wanted:
                continue
            if isinstance(edge, Function):
                number = edge._number
                if number in waiting:
                    waiting[number] = waiting[number] + gradient
                else:
                    waiting[number] = gradient
                    heappush(queue, (number, edge))
            elif edge in leaves:
                leaves[edge] = leaves[edge] + gradient
            else:
                leaves[edge] = gradient

    token = _recording.set(create_graph)
    try:
        deliver([x if x._node is None else x._node for x in outputs], seeds)
        while queue:
            number, node = heappop(queue)
            gradient = waiting.pop(number)
            if of_nodes and number in of_nodes and not (inner and capture is not None and node in capture):
                before, gradient = gradient, applied(of_nodes[number], gradient)
                node.grad_is_one = node.grad_is_one and gradient is before
            if capture is not None:
                if node in capture:
                    capture[node] = gradient
                if node not in wanted:
                    continue
            if node._released:
                raise RuntimeError(
                    f"{type(node).__name__}: its graph was already used and released by a backward pass; "
                    "pass retain_graph=True to the first one to use it twice"
                )
            if node.backend.activate is not None:
                node.backend.activate()
            results = node.backward(gradient)
            if not isinstance(results, tuple):
                results = (results,)
            if len(results) != len(node._edges):
                raise RuntimeError(
                    f"{type(node).__name__}: backward returned {len(results)} gradient(s) for "
                    f"{len(node._edges)} argument(s) of forward"
                )
            deliver(node._edges, results)
            if not retain:
                node._release()
        if of_leaves and not inner:
            for leaf, total in leaves.items():
                if id(leaf) in of_leaves:
                    leaves[leaf] = applied(of_leaves[id(leaf)], total)
    finally:
        _recording.reset(token)
    if capture is not None:
        for leaf, total in leaves.items():
            capture[leaf] = total
    return leaves


def _leading_to(capture: Container[Function | Tensor], outputs: list[Tensor]) -> set[Function]:
    """The nodes between `outputs` and the captured places: those from which one of these can be reached."""
    found: dict[int, Function] = {}
    stack = [x._node for x in outputs if x._node is not None]
    while stack:
        node = stack.pop()
        if node._number not in found:
            found[node._number] = node
            stack.extend([edge for edge in node._edges if isinstance(edge, Function)])
    leading: set[Function] = set()
    for number in sorted(found, reverse=True):  # the oldest first
        node = found[number]
        if any(edge is not None and (edge in capture or edge in leading) for edge in node._edges):
            leading.add(node)
    return leading


def _accumulate(leaf: Tensor, gradient: Tensor) -> None:
    """leaf.grad += gradient; into the optimizer's buffer if there is one."""
    present = leaf._grad
    if (activate := leaf._device.backend.activate) is not None:
        activate()
    if gradient._requires_grad or (present is not None and present._requires_grad):
        with enable_grad():  # a new tensor in any case: the same gradient may be on its way to other leaves
            leaf._grad = gradient * 1 if present is None else present + gradient
    elif present is not None:
        present._array += gradient._array
        present._version[0] += 1
    elif leaf._grad_buffer is not None:
        if gradient._array is not leaf._grad_buffer._array:
            leaf._grad_buffer._array[...] = gradient._array
        leaf._grad_buffer._version[0] += 1
        leaf._grad = leaf._grad_buffer
    else:  # a copy: the same array may be on its way to other leaves
        leaf._grad = wrap(leaf._device.backend.xp.asarray(gradient._array, copy=True), leaf._device)
