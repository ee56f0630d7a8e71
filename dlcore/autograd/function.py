"""What a differentiable operation is, and the graph that operations leave behind.

An operation is a subclass of `Function`: `forward` computes on raw arrays, `backward` gives the
gradients of its inputs by operations on tensors. Since those are recorded like any others when
asked to, one rule serves derivatives of every order. An instance of the class is one node of the
graph. A node points at the nodes that made its inputs (never at its own output, so the graph is
free of reference cycles and is released as soon as nothing refers to it).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from dlcore._errors import DeviceError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd.hooks import of_leaves
from dlcore.autograd.recording import _is_recording

if TYPE_CHECKING:
    from dlcore._device import device
    from dlcore.backend import Array, Backend

_order = count(0, -1)  # younger nodes have smaller numbers, so that a heap gives the youngest first
# Of a running `backward`: the leaves whose gradient is being written straight into their buffer, which is lent out.
_written: ContextVar[dict[Tensor, Tensor] | None] = ContextVar("dlcore_written", default=None)
_lock = Lock()  # threads may differentiate at once with respect to the same leaves
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
        if of_leaves and id(leaf) in of_leaves:  # a hook may keep what it is shown
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
        recording = _is_recording()
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
