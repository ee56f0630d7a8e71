"""Functions that are called when the gradient of a tensor is known, and may put another in its place.

They are kept beside the graph, not in it, so that tensors, nodes and the walk carry nothing for them: two dicts that
are empty in most programs.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from dlcore._errors import DeviceError, DTypeError, ShapeError
from dlcore._tensor import Tensor

Hook = Callable[[Tensor], Tensor | None]

of_nodes: dict[int, dict[int, Hook]] = {}  # by the number of the node that made the tensor
of_leaves: dict[int, dict[int, Hook]] = {}  # by id(tensor)
_identifiers = count()


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away, and so does the end of a `with`.

    >>> x = dl.tensor([1.0], requires_grad=True)
    >>> with x.register_hook(lambda grad: grad * 10):
    ...     (x * 2).sum().backward()
    >>> (x * 2).sum().backward()
    >>> x.grad
    tensor([22.])
    """

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.id = next(_identifiers)
        self._hooks: dict[int, Any] | None = hooks

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        if self._hooks is not None:
            self._hooks.pop(self.id, None)
            self._hooks = None

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_hook(x: Tensor, hook: Hook) -> RemovableHandle:
    """Call `hook` with the gradient of this tensor whenever it is computed: the method `x.register_hook(hook)`.

    Hooks of one tensor are called in the order in which they were registered. That of a leaf sees the gradient of one
    backward pass, before it is added to `grad`.

    Args:
        x: a tensor that requires grad.
        hook: takes the gradient, and returns None or the tensor that takes its place: of its shape, dtype and device.
            It must not modify the gradient in place.

    Returns:
        A handle, whose `remove()` takes the hook away.

    Raises:
        RuntimeError: the tensor does not require grad. TypeError: the hook cannot be called.
        TypeError, ShapeError, DTypeError, DeviceError: in the backward pass, for what the hook returned.

    >>> x = dl.tensor([1.0, 2.0], requires_grad=True)
    >>> handle = x.register_hook(lambda grad: grad.clip(max=3.0))
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 3.])
    """
    if not callable(hook):
        raise TypeError(f"register_hook: hook must be callable, got {type(hook).__name__}")
    if not x._requires_grad:
        raise RuntimeError("register_hook: the tensor does not require grad, so it has no gradient")
    owner, table, key = (x, of_leaves, id(x)) if x._node is None else (x._node, of_nodes, x._node._number)
    hooks = table.get(key)
    if hooks is None:
        hooks = table[key] = {}
        weakref.finalize(owner, table.pop, key, None).atexit = False
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def applied(hooks: dict[int, Hook], gradient: Tensor) -> Tensor:
    """The gradient after all hooks of its tensor."""
    for hook in list(hooks.values()):
        result = hook(gradient)
        if result is None:
            continue
        if not isinstance(result, Tensor):
            raise TypeError(f"register_hook: a hook must return a Tensor or None, got {type(result).__name__}")
        if result.shape != gradient.shape:
            raise ShapeError(f"register_hook: a hook turned a gradient of shape {gradient.shape} into {result.shape}")
        if result.dtype != gradient.dtype:
            raise DTypeError(f"register_hook: a hook turned a gradient of dtype {gradient.dtype} into {result.dtype}")
        if result._device is not gradient._device:
            raise DeviceError(f"register_hook: a hook moved a gradient from {gradient._device} to {result._device}")
        gradient = result
    return gradient
