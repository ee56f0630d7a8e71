"""Differentiation: what an operation is, the graph that operations leave behind, and the walk back through it.

A differentiable operation is a subclass of `Function`: `forward` computes on raw arrays, `backward`
gives the gradients of its inputs by operations on tensors. Since those are recorded like any
others when asked to, one rule serves derivatives of every order. An instance of the class is one
node of the graph. A node points at the nodes that made its inputs (never at its own output, so the
graph is free of reference cycles and is released as soon as nothing refers to it).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from contextvars import ContextVar
from functools import wraps
from heapq import heappop, heappush
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dlcore._errors import DeviceError, DTypeError, ShapeError
from dlcore._tensor import Tensor, wrap

if TYPE_CHECKING:
    from dlcore._device import device
    from dlcore.backend import Array, Backend

_recording: ContextVar[bool] = ContextVar("dlcore_recording", default=True)
_order = count(0, -1)  # younger nodes have smaller numbers, so that a heap gives the youngest first
# Of a running `backward`: the leaves whose gradient is being written straight into their buffer, which is lent out.
_written: ContextVar[dict[Tensor, Tensor] | None] = ContextVar("dlcore_written", default=None)
_ones: dict[tuple[device, Any], Array] = {}  # the gradient that a plain `loss.backward()` starts with
_lock = Lock()  # threads may differentiate at once with respect to the same leaves
_F = TypeVar("_F", bound=Callable[..., Any])
_Saved = tuple[Any, list[int], int]  # a value, its count of in-place writes, and what that count was
_new = object.__new__
_NEVER_WRITTEN = [0]  # the count of a Python number


class Function:
    """One differentiable operation; an instance is one application of it, and its node in the graph.

    A subclass defines `forward(*arrays)` and `backward(grad)`; parameters that are not tensors go
    into its constructor. In `forward`, `self.backend` is the device's backend and `self.xp` its
    array namespace; what `backward` needs besides tensors may be stored on `self` (shapes), and
    arrays in `self.kept`, which is released with the graph.

    Class attributes:
        saves: which inputs `backward` needs, by position; it finds them in `self.saved`.
        saves_output: whether it needs the output; it finds it in `self.output`.
        is_view: whether the output shares the memory of the first input; None means to find out.

    >>> class Square(dl.Function):
    ...     saves = (0,)
    ...
    ...     def forward(self, x):
    ...         return x * x
    ...
    ...     def backward(self, grad):
    ...         (x,) = self.saved
    ...         return grad * 2 * x
    >>> x = dl.tensor([3.0], requires_grad=True)
    >>> dl.grad(Square()(x), x)
    (tensor([6.]),)
    """

    saves: tuple[int, ...] = ()
    saves_output = False
    is_view: bool | None = False

    device: device
    backend: Backend
    kept: Any = None
    grad_is_one = False  # while its `backward` runs: the incoming gradient is the 1 of a plain `loss.backward()`
    _edges: tuple[Function | Tensor | None, ...] = ()  # per input: the node that made it, the leaf itself, or None
    _number: int  # a node is younger, so smaller, than everything it depends on: a topological order
    _saved: list[_Saved] | None = None
    _saved_output: _Saved | None = None
    _released = False

    def forward(self, *arrays: Any) -> Array:
        raise NotImplementedError

    def backward(self, grad: Tensor) -> Any:
        """The gradient of each input, a tensor of its shape or None; a tuple unless there is only one."""
        raise NotImplementedError

    @property
    def xp(self) -> Any:
        return self.backend.xp

    def needs(self, position: int) -> bool:
        """Whether the gradient of this input is wanted."""
        return self._edges[position] is not None

    def destination(self, position: int) -> Array | None:
        """Memory that the gradient of this input may be computed into, or None.

        It is there if the input is a leaf whose gradient an optimizer wants in a buffer of its own, and
        nothing else has asked for that buffer. The rule must then overwrite all of it.
        """
        leaf, written = self._edges[position], _written.get()
        if written is None or not isinstance(leaf, Tensor):
            return None
        with _lock:
            buffer = leaf._grad_buffer
            if buffer is None or leaf._grad is not None:
                return None
            leaf._grad_buffer = None
        written[leaf] = buffer
        buffer._version[0] += 1
        return buffer._array

    def __call__(self, *inputs: Any) -> Tensor:
        """Apply to tensors; Python numbers and None pass through to `forward`.

        Every operation takes this path, so it is written for few steps rather than few lines.
        """
        dev: Any = None
        recorded = False
        arrays: list[Any] = []
        edges: list[Function | Tensor | None] = []
        recording = _recording.get()
        for x in inputs:
            if isinstance(x, Tensor):
                arrays.append(x._array)
                if x._device is not dev:
                    if dev is not None:
                        raise different_devices(type(self).__name__, inputs)
                    dev = x._device
                if recording and x._requires_grad:
                    recorded = True
                    edges.append(x if x._node is None else x._node)
                    continue
            else:
                arrays.append(x)
            edges.append(None)
        self.device = dev
        self.backend = backend = dev.backend
        if backend.activate is not None:
            backend.activate()
        try:
            array = self.forward(*arrays)
        except MemoryError as error:
            raise backend.out_of_memory(error, type(self).__name__) from None
        if not isinstance(array, backend.array_type):
            array = self._as_array(array)
        out: Tensor = _new(Tensor)
        out._array = array
        out._device = dev
        view = self.is_view
        if view is not False and (view or backend.shares_memory(array, arrays[0])):
            out._version = inputs[0]._version
        else:
            out._version = [0]
        out._grad = out._grad_buffer = None
        if recorded:
            if self._edges:
                raise RuntimeError(f"{type(self).__name__}: an instance is one application; make another for each call")
            self._edges = tuple(edges)
            self._number = next(_order)
            if self.saves:
                self._saved = saved = []
                for position in self.saves:
                    x = inputs[position]
                    version = x._version if isinstance(x, Tensor) else _NEVER_WRITTEN
                    saved.append((x, version, version[0]))
            if self.saves_output:  # the array, not the tensor: that would be a reference cycle
                self._saved_output = (array, out._version, out._version[0])
            out._node = self
            out._requires_grad = True
        else:
            out._node = None
            out._requires_grad = False
        return out

    def _as_array(self, result: Any) -> Array:
        """What `forward` returned as an array of the device: NumPy gives scalars, not 0-d arrays, for some results."""
        return self.backend.xp.asarray(result)

    @property
    def saved(self) -> tuple[Any, ...]:
        """The inputs named in `saves`, checked to be what they were."""
        assert self._saved is not None
        values = []
        for value, version, before in self._saved:
            if version[0] != before:
                raise self._modified(value, version[0] - before)
            values.append(value)
        return tuple(values)

    @property
    def output(self) -> Tensor:
        """The output, for `saves_output`."""
        assert self._saved_output is not None
        value, version, before = self._saved_output
        if version[0] != before:
            raise self._modified(value, version[0] - before)
        out = wrap(value, self.device, version)
        out._node = self
        out._requires_grad = True
        return out

    def _modified(self, value: Any, writes: int) -> RuntimeError:
        return RuntimeError(
            f"{type(self).__name__}: a tensor of shape {value.shape} that its gradient needs was modified in place "
            f"after the forward pass ({writes} write(s)); modify a copy, or do it after backward()"
        )

    def _release(self) -> None:
        if self._saved is not None or self._saved_output is not None or self.kept is not None:
            self._saved = self._saved_output = self.kept = None
            self._released = True


def different_devices(name: str, inputs: Sequence[Any]) -> DeviceError:
    """The error for tensors of different devices in one operation."""
    found = ", ".join(str(x._device) for x in inputs if isinstance(x, Tensor))
    return DeviceError(f"{name}: all tensors must be on one device, got {found}; move them with x.to(device)")


class _RecordingMode:
    """Whether operations are recorded, as a context manager and a decorator."""

    _mode: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_recording.get())
        _recording.set(self._mode)

    def __exit__(self, *exc: object) -> None:
        _recording.set(self._before.pop())

    def __call__(self, function: _F) -> _F:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return cast(_F, wrapped)


class no_grad(_RecordingMode):  # noqa: N801 - PyTorch's name
    """Record nothing: `with dl.no_grad():`, or `@dl.no_grad()` on a function. Per context (thread, task).

    >>> import dlcore as dl
    >>> w = dl.tensor([1.0, 2.0], requires_grad=True)
    >>> with dl.no_grad():
    ...     w -= 0.5
    >>> w
    tensor([0.5, 1.5], requires_grad=True)
    """

    _mode = False


class enable_grad(_RecordingMode):  # noqa: N801 - PyTorch's name
    """Record again, inside a `no_grad`.

    >>> import dlcore as dl
    >>> with dl.no_grad(), dl.enable_grad():
    ...     dl.is_grad_enabled()
    True
    """

    _mode = True


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this context.

    >>> import dlcore as dl
    >>> dl.is_grad_enabled()
    True
    """
    return _recording.get()


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
) -> dict[Tensor, Tensor]:
    """Carry gradients from `outputs` to the leaves, youngest node first, so each node has all of its gradient.

    Returns the gradient of every leaf. With `capture`, fills that instead (by node or leaf) and runs only the nodes
    in `wanted`. (Tensors as keys are told apart by identity: a dict calls `==` only where the hashes agree, and
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
