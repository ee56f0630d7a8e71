"""Modules that arrange others, or the shape of what flows between them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn._fusion import advance
from dlcore.nn.module import Module
from dlcore.ops import reshape


class Sequential(Module):
    """Modules one after the other, named "0", "1", ...

    A Linear or Conv2d layer and the ReLU, Sigmoid or Tanh after it run as one operation, with the same result.

    >>> model = dl.nn.Sequential(dl.nn.Linear(4, 3), dl.nn.ReLU(), dl.nn.Linear(3, 2))
    >>> model(dl.ones((5, 4))).shape
    (5, 2)
    >>> len(model), model[1]
    (3, ReLU())
    """

    def __init__(self, *modules: Module) -> None:
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

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Module:
        """One of the modules, or with a slice a Sequential of some, which keep their names."""
        if not isinstance(index, slice):
            return list(self.children())[index]
        part = Sequential()
        for name, module in list(self.named_children())[index]:
            setattr(part, name, module)
        return part


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one: (N, C, H, W) -> (N, C*H*W) by default.

    >>> dl.nn.Flatten()(dl.ones((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        first, last = (dim + x.ndim if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < x.ndim:
            raise ShapeError(
                f"Flatten: start_dim={self.start_dim}, end_dim={self.end_dim} do not fit input of shape {x.shape}"
            )
        return reshape(x, (*x.shape[:first], prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
