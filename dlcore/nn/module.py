"""Module: parameters, buffers and sub-modules under names, found by looking at a module's attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from dlcore import ops
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, asarray, retype
from dlcore.autograd.hooks import RemovableHandle
from dlcore.nn import _hooks, init

if TYPE_CHECKING:
    from dlcore.nn._summary_table import Summary


class Parameter(Tensor):
    """A tensor that a module trains: an attribute of this type is found by `Module.parameters()`.

    Args:
        data: a tensor (its memory is shared) or anything `dl.tensor` takes.
        requires_grad: False freezes it.

    >>> dl.nn.Parameter(dl.zeros(2))
    Parameter([0., 0.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        made = retype(data.detach() if isinstance(data, Tensor) else asarray(data), cls)
        assert isinstance(made, Parameter)
        made.requires_grad = requires_grad
        return made

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        """Everything happens in __new__: a tensor is never initialised twice."""

    def __repr__(self) -> str:
        return "Parameter" + super().__repr__().removeprefix("tensor")


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` did not find a partner for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A part of a network. Subclass it, set parameters and sub-modules as attributes, define `forward`.

    Names in `state_dict` are those of the attributes, joined by dots, as in PyTorch.

    >>> class Scale(dl.nn.Module):
    ...     def __init__(self):
    ...         self.factor = dl.nn.Parameter(dl.ones(1))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> [name for name, _ in dl.nn.Sequential(Scale(), Scale()).named_parameters()]
    ['0.factor', '1.factor']
    """

    training: bool = True
    _buffers: Mapping[str, bool] = {}  # name -> whether state_dict holds it
    _hooks: _hooks.Hooks | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; called by `module(...)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks:
            return _hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        present = self.__dict__.get(name)
        if isinstance(present, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(f"{type(self).__name__}.{name} is a Parameter; assign a Parameter or None, not {value!r}")
        if isinstance(present, Module) and not (value is None or isinstance(value, Module)):
            raise TypeError(f"{type(self).__name__}.{name} is a Module; assign a Module or None, not {value!r}")
        if name in self._buffers and not (value is None or isinstance(value, Tensor)):
            raise TypeError(f"{type(self).__name__}.{name} is a buffer; assign a Tensor or None, not {value!r}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        if name in self._buffers:
            kept = {key: persistent for key, persistent in self._buffers.items() if key != name}
            object.__setattr__(self, "_buffers", kept)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` the attribute `name`: state that is not trained, but moved and (if `persistent`) saved.

        >>> m = dl.nn.Module()
        >>> m.register_buffer("mean", dl.zeros(3))
        >>> list(m.state_dict())
        ['mean']
        """
        if not name.isidentifier() or (hasattr(self, name) and name not in self._buffers):
            raise ValueError(f"register_buffer: {name!r} is not a free attribute name of {type(self).__name__}")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: expected a Tensor or None, got {type(tensor).__name__}")
        object.__setattr__(self, "_buffers", {**self._buffers, name: persistent})
        object.__setattr__(self, name, tensor)

    # --- walking --------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct sub-modules with their names, in the order of assignment."""
        for name, value in self.__dict__.items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """The direct sub-modules."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once, with dotted names.

        >>> [name for name, _ in dl.nn.Sequential(dl.nn.ReLU()).named_modules()]
        ['', '0']
        """
        seen: set[int] = set()
        for name, module in self._walk(prefix):
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted names; one that is used in several places counts once."""
        seen: set[int] = set()
        for name, value in self._named_tensors():
            if isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers with dotted names, each once."""
        seen: set[int] = set()
        for name, value in self._named_tensors():
            if not isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def buffers(self) -> Iterator[Tensor]:
        """All buffers."""
        return (buffer for _, buffer in self.named_buffers())

    def apply(self, function: Callable[[Module], None]) -> Self:
        """Call `function` on every module, the innermost first, and return this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def _walk(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def _named_tensors(self, persistent_only: bool = False) -> Iterator[tuple[str, Tensor]]:
        """Of each module the parameters, then the buffers; a shared one as often as it occurs."""
        for prefix, module in self._walk():
            dot = f"{prefix}." if prefix else ""
            for name, value in module.__dict__.items():
                if isinstance(value, Parameter):
                    yield dot + name, value
            for name, persistent in module._buffers.items():
                value = module.__dict__[name]
                if value is not None and (persistent or not persistent_only):
                    yield dot + name, value

    # --- state ----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers by dotted name, sharing their memory; what `dl.save` takes."""
        return {name: value.detach() for name, value in self._named_tensors(persistent_only=True)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers, which stay the same objects.

        Args:
            state_dict: tensors or arrays by name; floats of another precision are converted.
            strict: raise if a name is missing or unknown. Shapes must always agree.

        Raises:
            KeyError: names that do not match (all of them are listed).
            ShapeError, DTypeError: an entry that does not fit.
            ValueError: the memory of a parameter or buffer is read-only.

        Nothing has been changed when it raises. The entries may share memory with this module.

        >>> a, b = dl.nn.Linear(2, 1), dl.nn.Linear(2, 1)
        >>> b.load_state_dict(a.state_dict())
        IncompatibleKeys(missing_keys=[], unexpected_keys=[])
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected a dict of tensors by name, got {type(state_dict).__name__}")
        own = dict(self._named_tensors(persistent_only=True))
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        if strict and (missing or unexpected):
            raise KeyError(
                f"load_state_dict: the names do not match {type(self).__name__}: "
                f"missing {missing or 'none'}, unexpected {unexpected or 'none'}"
            )
        staged = []
        for name, target in own.items():
            if name in state_dict:
                staged.append((target, _staged(name, state_dict[name], target)))
        for target, values in staged:
            target._array[...] = values
            target._version[0] += 1
        return IncompatibleKeys(missing, unexpected)

    def train(self, mode: bool = True) -> Self:
        """Training mode (dropout drops), or with False evaluation mode, here and below; returns the module."""
        for module in self.modules():
            object.__setattr__(module, "training", bool(mode))
        return self

    def eval(self) -> Self:
        """Evaluation mode, here and below; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or unfreeze all parameters; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` set them to zero."""
        for parameter in self.parameters():
            if set_to_none or parameter._grad is None:
                parameter._grad = None
            else:
                parameter._grad = init.zeros_(parameter._grad.detach())

    def to(self, target: Any) -> Self:
        """Move all parameters and buffers to a device, or the floating ones to a float dtype; returns the module.

        The parameters stay the same objects, so an optimizer that holds them goes on working.

        >>> dl.nn.Linear(2, 1).to("float64").weight.dtype
        dtype('float64')
        """
        tensors = list({id(value): value for _, value in self._named_tensors()}.values())
        moved = [ops.to(value.detach(), target) for value in tensors]
        for value, result in zip(tensors, moved, strict=True):
            if result.dtype != value.dtype:
                if result.dtype.kind not in "fc":
                    raise DTypeError(f"Module.to: expected a device or a float dtype, got {target!r}")
                if value.dtype.kind not in "fc":
                    continue  # counters and masks keep their dtype
            if result._array is not value._array:
                gradient = value._grad
                value._version[0] += 1  # a graph that saved the value before can no longer use it
                value._array, value._device, value._version = result._array, result._device, result._version
                value._grad_buffer = None
                value._grad = None if gradient is None else ops.to(gradient.detach(), target)
        return self

    # --- hooks ----------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`, whenever the module is called.

        Args:
            hook: returns None, or the arguments that take the place of `args`: a tuple, or one alone.
            prepend: call it before the hooks that are there, not after them.
            with_kwargs: call `hook(module, args, kwargs)`, which returns None or a new `(args, kwargs)`.

        Returns:
            A handle, whose `remove()` takes the hook away.

        >>> layer = dl.nn.ReLU()
        >>> with layer.register_forward_pre_hook(lambda module, args: args[0] - 1):
        ...     layer(dl.tensor([0.5, 2.0]))
        tensor([0., 1.])
        """
        return _hooks.register(self, "before", hook, prepend, with_kwargs)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after `forward`, whenever the module is called.

        Args:
            hook: returns None, or what takes the place of the output.
            prepend: call it before the hooks that are there, not after them.
            with_kwargs: call `hook(module, args, kwargs, output)`.
            always_call: False; that hooks are called after an error, too, is not there.

        Returns:
            A handle, whose `remove()` takes the hook away.

        >>> shapes = []
        >>> model = dl.nn.Sequential(dl.nn.Linear(4, 3), dl.nn.ReLU())
        >>> handle = model[0].register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = model(dl.ones((2, 4)))
        >>> shapes
        [(2, 3)]
        """
        if always_call:
            raise NotImplementedError("register_forward_hook: always_call=True is not there")
        return _hooks.register(self, "after", hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` in the backward pass, when both are known.

        `grad_input` are the gradients of the positional arguments, `grad_output` those of the results, each a tuple
        with None where there is no gradient. If no argument requires grad, the hook is called as soon as `grad_output`
        is known. The module must return a tensor or a tuple.

        Args:
            hook: returns None, or a tuple that takes the place of `grad_input`. It must not modify them in place.
            prepend: call it before the hooks that are there, not after them.

        Returns:
            A handle, whose `remove()` takes the hook away.

        >>> layer = dl.nn.Linear(2, 1)
        >>> norms = []
        >>> handle = layer.register_full_backward_hook(lambda module, gi, go: norms.append(go[0].abs().sum().item()))
        >>> layer(dl.ones((3, 2))).sum().backward()
        >>> norms
        [3.0]
        """
        return _hooks.register(self, "backward", hook, prepend)

    # --- printing -------------------------------------------------------------------------------

    def summary(self, input_shape: Any, dtype: Any = None) -> Summary:
        """A table of layers with output shapes, parameters, FLOPs and bytes: see `dl.nn.summary`.

        >>> dl.nn.Sequential(dl.nn.Conv2d(1, 6, 5), dl.nn.ReLU()).summary((1, 1, 28, 28)).flops
        176256
        """
        from dlcore.nn._summary import summary

        return summary(self, input_shape, dtype)

    def extra_repr(self) -> str:
        """The settings that `repr` shows in the parentheses."""
        return ""

    def __repr__(self) -> str:
        settings = self.extra_repr()
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({settings})"
        if settings:
            lines.insert(0, settings)
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def _staged(name: str, value: Any, target: Tensor) -> Any:
    """A raw array for `target`, checked against it; a copy, as writing to another target might change `value`."""
    if not isinstance(value, (Tensor, np.ndarray)):
        raise TypeError(f"load_state_dict: entry {name!r} must be a Tensor or an array, got {type(value).__name__}")
    if tuple(value.shape) != target.shape:
        raise ShapeError(f"load_state_dict: entry {name!r} has shape {tuple(value.shape)}, expected {target.shape}")
    kinds = "bifc"  # each fits into those after it; signed and unsigned integers into one another
    kind = value.dtype.kind.replace("u", "i")
    if kind not in kinds or kinds.index(kind) > kinds.index(target.dtype.kind.replace("u", "i")):
        raise DTypeError(f"load_state_dict: entry {name!r} is {value.dtype}, which does not fit into {target.dtype}")
    if not getattr(target._array.flags, "writeable", True):  # CuPy's arrays always are, and have no such flag
        raise ValueError(f"load_state_dict: {name!r} cannot be written: its memory is read-only; give it a copy")
    source = value.detach() if isinstance(value, Tensor) else asarray(value, device=target._device)
    there = ops.to(source, target._device)
    return target._device.backend.xp.astype(there._array, target.dtype, copy=True)
