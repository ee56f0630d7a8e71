"""Hooks of modules: functions that see, and may change, what goes into a module and comes out of it, both ways.

A module has none (`Module._hooks` is None) until one is registered; calls of it then come here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dlcore._tensor import Tensor
from dlcore.autograd import is_grad_enabled
from dlcore.autograd.hooks import RemovableHandle
from dlcore.autograd.several import SeveralOutputs, outputs_of
from dlcore.ops import zeros

if TYPE_CHECKING:
    from dlcore.nn.module import Module

Gradients = tuple[Tensor | None, ...]


class Hooks:
    """The hooks of one module by kind, each with whether it wants the keyword arguments, too."""

    def __init__(self) -> None:
        self.before: OrderedDict[int, tuple[Callable[..., Any], bool]] = OrderedDict()
        self.after: OrderedDict[int, tuple[Callable[..., Any], bool]] = OrderedDict()
        self.backward: OrderedDict[int, tuple[Callable[..., Any], bool]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.backward)


def register(module: Module, kind: str, hook: Any, prepend: bool, with_kwargs: bool = False) -> RemovableHandle:
    """Add a hook of this kind, the first if `prepend`, else the last."""
    if not callable(hook):
        raise TypeError(f"{type(module).__name__}: a hook must be callable, got {type(hook).__name__}")
    hooks = module._hooks
    if hooks is None:
        hooks = Hooks()
        object.__setattr__(module, "_hooks", hooks)
    table = getattr(hooks, kind)
    handle = RemovableHandle(table)
    table[handle.id] = (hook, bool(with_kwargs))
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` between its hooks."""
    hooks = module._hooks
    assert hooks is not None
    name = type(module).__name__
    for hook, with_kwargs in list(hooks.before.values()):
        if with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is not None:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise TypeError(f"{name}: a forward pre-hook with kwargs must return (args, kwargs) or None")
                args, kwargs = changed
        elif (changed := hook(module, args)) is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    backward = _Backward(module, [hook for hook, _ in hooks.backward.values()]) if hooks.backward else None
    if backward is not None:
        args = backward.enter(args)
    result = module.forward(*args, **kwargs)
    for hook, with_kwargs in list(hooks.after.values()):
        changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
        if changed is not None:
            result = changed
    return result if backward is None else backward.leave(result)


class _Gate(SeveralOutputs):
    """The tensors of one side of a module as they are; when all of their gradients have come, `passing` sees them."""

    saves_output = False
    is_view = True

    def __init__(self, passing: Callable[[_Gate, list[Tensor | None]], Sequence[Tensor | None]]) -> None:
        self.passing = passing

    def compute(self, *arrays: Any) -> tuple[Any, ...]:
        self.forms = [(x.shape, x.dtype) for x in arrays]
        return arrays

    def gradients(self, grads: Sequence[Tensor | None]) -> Any:
        return tuple(self.passing(self, list(grads)))

    def zeros(self, position: int) -> Tensor:
        """A gradient for a tensor that none has come for."""
        shape, dtype = self.forms[position]
        return zeros(shape, dtype=dtype, device=self.device)


def _gated(values: tuple[Any, ...], gate: _Gate) -> tuple[tuple[Any, ...], list[int]]:
    """The values with those that require grad led through one gate, and the places of these."""
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x._requires_grad]
    if not places or not is_grad_enabled():
        return values, []
    tensors = [values[i] for i in places]
    gate(*tensors)
    through = list(values)
    for i, x in zip(places, outputs_of(gate, [x.detach() for x in tensors]), strict=True):
        through[i] = x
    return tuple(through), places


class _Backward:
    """One call of a module with backward hooks. The gate of the outputs is the younger, so it is passed first."""

    def __init__(self, module: Module, hooks: list[Callable[..., Any]]) -> None:
        self.module, self.hooks = module, hooks
        self.inputs: list[int] = []  # the places of the arguments, and of the results, that have gradients
        self.outputs: list[int] = []
        self.grad_outputs: Gradients | None = None  # from the gate of the outputs to that of the inputs

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.arguments = len(args)
        args, self.inputs = _gated(args, _Gate(self._at_inputs))
        return args

    def leave(self, result: Any) -> Any:
        several = isinstance(result, tuple)
        if not several and not isinstance(result, Tensor):
            raise TypeError(
                f"{type(self.module).__name__}: with a full backward hook the result must be a Tensor or a tuple, "
                f"got {type(result).__name__}"
            )
        self.results = len(result) if several else 1
        through, self.outputs = _gated(result if several else (result,), _Gate(self._at_outputs))
        return through if several else through[0]

    def _at_outputs(self, gate: _Gate, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
        self.grad_outputs = _placed(grads, self.outputs, self.results)
        if not self.inputs:
            self._call((None,) * self.arguments)
        return grads

    def _at_inputs(self, gate: _Gate, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
        if self.grad_outputs is None:  # what came here did not come through the outputs, as in a second derivative
            return grads
        # as in PyTorch, where one gradient has come the others have, too, if only zeros
        filled = [gate.zeros(i) if grad is None else grad for i, grad in enumerate(grads)]
        changed = self._call(_placed(filled, self.inputs, self.arguments))
        return [changed[i] for i in self.inputs]

    def _call(self, grad_inputs: Gradients) -> Gradients:
        grad_outputs, self.grad_outputs = self.grad_outputs, None
        name = type(self.module).__name__
        for hook in self.hooks:
            changed = hook(self.module, grad_inputs, grad_outputs)
            if changed is None:
                continue
            if not isinstance(changed, tuple):
                changed = (changed,)
            if len(changed) != len(grad_inputs):
                raise RuntimeError(
                    f"{name}: a full backward hook returned {len(changed)} gradients for {len(grad_inputs)} arguments"
                )
            for i, (grad, given) in enumerate(zip(changed, grad_inputs, strict=True)):
                if grad is not None and (not isinstance(grad, Tensor) or i not in self.inputs):
                    raise RuntimeError(f"{name}: a full backward hook returned {grad!r} for argument {i}")
                if grad is not None and given is not None and (grad.shape, grad.dtype) != (given.shape, given.dtype):
                    raise RuntimeError(
                        f"{name}: a full backward hook turned a gradient of shape {given.shape}, {given.dtype}, into "
                        f"{grad.shape}, {grad.dtype}"
                    )
            grad_inputs = changed
        return grad_inputs


def _placed(grads: Sequence[Tensor | None], places: list[int], count: int) -> Gradients:
    """Gradients at their places among `count`, None elsewhere."""
    by_place = dict(zip(places, grads, strict=True))
    return tuple([by_place.get(i) for i in range(count)])
