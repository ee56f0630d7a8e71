"""Modules that arrange others, or the shape of what flows between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any, Self

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn._fusion import advance
from dlcore.nn.module import Module
from dlcore.ops import reshape


class _Numbered(Module):
    """A list of modules, which are attributes named "0", "1", ..."""

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Any:
        """One of the modules, or with a slice some of them."""
        if not isinstance(index, slice):
            return list(self.children())[index]
        part = type(self)()
        for name, module in self._names_for(list(self.named_children())[index]):
            setattr(part, name, module)
        return part

    def __setitem__(self, index: int, module: Module) -> None:
        """Put a module in the place of another."""
        if isinstance(index, slice):
            raise TypeError(f"{type(self).__name__}: one module is assigned at a time, not the slice {index}")
        name, _ = list(self.named_children())[index]
        setattr(self, name, self._checked(module))

    def __delitem__(self, index: int | slice) -> None:
        """Take out modules; the others are numbered anew."""
        left = list(self.children())
        del left[index]
        self._fill(left)

    def append(self, module: Module) -> Self:
        """Add a module at the end; returns this one."""
        return self.insert(len(self), module)

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; returns this one."""
        self._fill([*self.children(), *[self._checked(module) for module in modules]])
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at `index`; those from there on are numbered anew. Returns this one."""
        modules = list(self.children())
        if not -len(modules) <= index <= len(modules):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(modules)} modules")
        modules.insert(index, self._checked(module))
        self._fill(modules)
        return self

    def pop(self, index: int = -1) -> Module:
        """Take out a module, the last by default, and return it."""
        module: Module = self[index]
        del self[index]
        return module

    def __add__(self, other: Iterable[Module]) -> Self:
        if not isinstance(other, Iterable):
            return NotImplemented
        return type(self)()._filled([*self.children(), *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def _names_for(self, part: list[tuple[str, Module]]) -> Iterable[tuple[str, Module]]:
        return [(str(number), module) for number, (_, module) in enumerate(part)]

    def _filled(self, modules: list[Module]) -> Self:
        self._fill([self._checked(module) for module in modules])
        return self

    def _fill(self, modules: list[Module]) -> None:
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for number, module in enumerate(modules):
            setattr(self, str(number), module)

    def _checked(self, module: Any) -> Module:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: expected a Module, got {type(module).__name__}")
        return module


class Sequential(_Numbered):
    """Modules one after the other, named "0", "1", ..., or by the keys of a dict.

    A Linear, Conv1d or Conv2d layer and the ReLU, LeakyReLU, Sigmoid or Tanh after it run as one operation, with the
    same result.

    A list, too: `append`, `extend`, `insert`, `pop`, and indices; a slice is a Sequential whose modules keep their
    names.

    >>> model = dl.nn.Sequential(dl.nn.Linear(4, 3), dl.nn.ReLU(), dl.nn.Linear(3, 2))
    >>> model(dl.ones((5, 4))).shape
    (5, 2)
    >>> len(model), model[1]
    (3, ReLU())
    """

    def __init__(self, *modules: Any) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                _check_name("Sequential", self, name)
                setattr(self, name, self._checked(module))
            return
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: argument {position} must be a Module, got {type(module).__name__}")
            setattr(self, str(position), module)

    def forward(self, x: Any) -> Any:
        modules = [module for module in self.__dict__.values() if isinstance(module, Module)]
        position = 0
        while position < len(modules):
            x, called = advance(modules, position, x)
            position += called
        return x

    def _names_for(self, part: list[tuple[str, Module]]) -> Iterable[tuple[str, Module]]:
        return part


class ModuleList(_Numbered):
    """A list of modules, so that their parameters are found. It has no `forward`: call the modules one by one.

    >>> layers = dl.nn.ModuleList([dl.nn.Linear(2, 2)]).append(dl.nn.ReLU())
    >>> len(layers), [name for name, _ in layers.named_parameters()]
    (2, ['0.weight', '0.bias'])
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        if modules is not None:
            self.extend(modules)


class ModuleDict(Module):
    """A dict of modules, so that their parameters are found. It has no `forward`: call the modules one by one.

    >>> layers = dl.nn.ModuleDict({"up": dl.nn.Linear(2, 4), "down": dl.nn.Linear(4, 2)})
    >>> layers["up"](dl.ones((3, 2))).shape, "down" in layers, list(layers.state_dict())[0]
    ((3, 4), True, 'up.weight')
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        module = self.__dict__.get(key)
        if not isinstance(module, Module):
            raise KeyError(f"ModuleDict: no module {key!r}; there are {', '.join(self) or 'none'}")
        return module

    def __setitem__(self, key: str, module: Module) -> None:
        """Add a module, or put it in the place of the one of that name."""
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: expected a Module for {key!r}, got {type(module).__name__}")
        _check_name("ModuleDict", self, key)
        setattr(self, key, module)

    def __delitem__(self, key: str) -> None:
        """Take out a module."""
        self[key]
        delattr(self, key)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.named_children())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and isinstance(self.__dict__.get(key), Module)

    def keys(self) -> list[str]:
        """The names, in the order in which they were added."""
        return list(self)

    def values(self) -> list[Module]:
        """The modules, in that order."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """Names and modules, in that order."""
        return list(self.named_children())

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or put them in the place of those of the same names."""
        for key, module in modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules:
            self[key] = module

    def pop(self, key: str) -> Module:
        """Take out a module and return it."""
        module = self[key]
        delattr(self, key)
        return module

    def clear(self) -> None:
        """Take out all modules."""
        for key in list(self):
            delattr(self, key)


class Identity(Module):
    """What comes in goes out; takes any arguments, and ignores them. A stand-in where a layer is left out.

    >>> dl.nn.Identity()(dl.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        return x


class Residual(Module):
    """y = module(x) + shortcut(x): the module learns what is to be added. PyTorch has no such layer.

    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, equations 1 and 2.

    Args:
        module: keeps the shape, or changes it as `shortcut` does.
        shortcut: what is added; default x itself. With another shape a 1x1 convolution is usual.

    >>> block = dl.nn.Residual(dl.nn.Sequential(dl.nn.Linear(3, 3), dl.nn.ReLU()))
    >>> block(dl.ones((2, 3))).shape
    (2, 3)
    """

    def __init__(self, module: Module, shortcut: Module | None = None) -> None:
        for argument, part in (("module", module), ("shortcut", shortcut)):
            if not isinstance(part, Module) and not (part is None and argument == "shortcut"):
                raise TypeError(f"Residual: {argument} must be a Module, got {type(part).__name__}")
        self.module, self.shortcut = module, shortcut

    def forward(self, x: Any) -> Tensor:
        change, kept = self.module(x), x if self.shortcut is None else self.shortcut(x)
        if change.shape != kept.shape:
            raise ShapeError(
                f"Residual: module gives shape {change.shape}, shortcut {kept.shape}; they must be equal to be added"
            )
        return change + kept  # type: ignore[no-any-return]


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one: (N, C, H, W) -> (N, C*H*W) by default.

    >>> dl.nn.Flatten()(dl.ones((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        axes = x.ndim or 1  # as in PyTorch, a number is a vector of one element
        first, last = (dim + axes if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < axes:
            raise ShapeError(
                f"Flatten: start_dim={self.start_dim}, end_dim={self.end_dim} do not fit input of shape {x.shape}"
            )
        return reshape(x, (*x.shape[:first], prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several: the way back from `Flatten`.

    Args:
        dim: which axis.
        unflattened_size: the sizes in its place, whose product is its size; one may be -1.

    >>> dl.nn.Unflatten(1, (3, 4))(dl.ones((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        if isinstance(dim, bool) or not hasattr(dim, "__index__"):
            raise TypeError(f"Unflatten: dim must be an int, got {dim!r}")
        sizes = tuple(unflattened_size) if isinstance(unflattened_size, (tuple, list)) else ()
        if not sizes or any(isinstance(size, bool) or not hasattr(size, "__index__") for size in sizes):
            raise TypeError(f"Unflatten: unflattened_size must be a tuple of ints, got {unflattened_size!r}")
        self.dim, self.unflattened_size = dim.__index__(), sizes

    def forward(self, x: Tensor) -> Tensor:
        axis = self.dim + x.ndim if self.dim < 0 else self.dim
        if not 0 <= axis < x.ndim:
            raise ShapeError(f"Unflatten: dim={self.dim} is out of range for input of shape {x.shape}")
        sizes, size = self.unflattened_size, x.shape[axis]
        known = prod([part for part in sizes if part != -1])
        unknown = sizes.count(-1)
        if unknown > 1 or min(sizes) < -1 or (size != known if not unknown else not known or size % known):
            raise ShapeError(
                f"Unflatten: unflattened_size={sizes} does not fit axis {axis} of input of shape {x.shape}"
            )
        parts = [size // known if part == -1 else part for part in sizes]
        return reshape(x, (*x.shape[:axis], *parts, *x.shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _check_name(kind: str, module: Module, name: Any) -> None:
    """Names are attributes, and parts of the names in a state_dict."""
    if not isinstance(name, str):
        raise TypeError(f"{kind}: a name must be a str, got {name!r}")
    taken = hasattr(module, name) and not isinstance(module.__dict__.get(name), Module)
    if not name or "." in name or taken:
        raise KeyError(f"{kind}: {name!r} is no name for a module: empty, with a dot, or an attribute of {kind}")
