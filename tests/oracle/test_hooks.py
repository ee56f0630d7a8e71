"""Hooks of tensors and modules, against PyTorch: one program for both libraries, and what its hooks saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

Seen = list[Any]


class Library:
    """The names that the programs below use."""

    def __init__(self, name: str) -> None:
        self.ours = name == "dlcore"
        self.nn: Any = dl.nn if self.ours else torch.nn
        self.module: Any = self.nn.Module

    def tensor(self, values: Any, requires_grad: bool = True) -> Any:
        array = np.asarray(values, dtype="float64")
        return (
            dl.tensor(array, requires_grad=requires_grad)
            if self.ours
            else torch.tensor(array, requires_grad=requires_grad)
        )

    def grad(self, outputs: Any, inputs: Any, **options: Any) -> Any:
        return (dl.grad if self.ours else torch.autograd.grad)(outputs, inputs, **options)

    def linear(self, rows: int, columns: int) -> Any:
        """A layer whose weights are the same in both."""
        layer = self.nn.Linear(columns, rows)
        values = np.random.default_rng(0).normal(size=(rows, columns))
        layer.weight = self.nn.Parameter(self.tensor(values))
        layer.bias = self.nn.Parameter(self.tensor(values[:, 0]))
        return layer


def plain(value: Any) -> Any:
    """Numbers of what a hook was shown, without gradients."""
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    if hasattr(value, "detach"):
        return value.detach().numpy().copy()
    return value


def watch(seen: Seen, name: str) -> Callable[..., None]:
    def hook(*arguments: Any) -> None:
        seen.append((name, *[plain(a) for a in arguments if isinstance(a, tuple) or hasattr(a, "detach")]))

    return hook


X = np.arange(6.0).reshape(2, 3) / 7 - 0.3


def leaf(lib: Library, seen: Seen) -> Any:
    x = lib.tensor(X)
    x.register_hook(watch(seen, "first"))
    x.register_hook(lambda g: g * 2)
    x.register_hook(watch(seen, "after"))
    (x * x + x).sum().backward()
    (x * 3).sum().backward()
    return [x.grad]


def inner(lib: Library, seen: Seen) -> Any:
    x = lib.tensor(X)
    y = x * x
    y.register_hook(watch(seen, "y"))
    y.register_hook(lambda g: g * 10)
    (y * 3 + y * y).sum().backward()
    return [x.grad]


def loss(lib: Library, seen: Seen) -> Any:
    x = lib.tensor(X)
    total = (x * x).sum()
    total.register_hook(lambda g: g * 5)
    total.backward()
    return [x.grad]


def removed(lib: Library, seen: Seen) -> Any:
    x = lib.tensor(X)
    handle = x.register_hook(lambda g: g * 100)
    (x * 2).sum().backward()
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    with x.register_hook(lambda g: g * 1000):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    return [x.grad]


def of_grad(lib: Library, seen: Seen) -> Any:
    """Gradients that are returned have passed the hooks of the tensors that were asked for. (Asked for both at once,
    PyTorch gives that of y as it was before its hook.)"""
    x = lib.tensor(X)
    y = x * x
    x.register_hook(lambda g: g * 2)
    y.register_hook(lambda g: g * 3)
    total = (y * y).sum()
    return [*lib.grad(total, [x], retain_graph=True), *lib.grad(total, [y])]


def second_order(lib: Library, seen: Seen) -> Any:
    x = lib.tensor(X)
    y = x * x * x
    y.register_hook(lambda g: g * g)
    (first,) = lib.grad((y * y).sum(), [x], create_graph=True)
    (second,) = lib.grad(first.sum(), [x])
    return [first, second]


def forward(lib: Library, seen: Seen) -> Any:
    layer = lib.linear(2, 3)
    layer.register_forward_pre_hook(watch(seen, "before"))
    layer.register_forward_pre_hook(lambda module, args: args[0] * 2)
    layer.register_forward_pre_hook(watch(seen, "first"), prepend=True)
    layer.register_forward_hook(watch(seen, "after"))
    layer.register_forward_hook(lambda module, args, output: output - 1)
    layer.register_forward_hook(watch(seen, "early"), prepend=True)
    return [layer(lib.tensor(X))]


def keywords(lib: Library, seen: Seen) -> Any:
    class Scaled(lib.module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any, scale: float = 1.0) -> Any:
            return x * scale

    scaled = Scaled()
    scaled.register_forward_pre_hook(lambda m, args, kwargs: (args, {"scale": kwargs["scale"] + 1}), with_kwargs=True)
    scaled.register_forward_hook(lambda m, args, kwargs, y: y + kwargs["scale"], with_kwargs=True)
    return [scaled(lib.tensor(X), scale=4.0)]


def backward(lib: Library, seen: Seen) -> Any:
    model = lib.nn.Sequential(lib.linear(4, 3), lib.nn.Tanh(), lib.linear(2, 4), lib.nn.Sigmoid())
    for name, module in model.named_modules():
        module.register_full_backward_hook(watch(seen, name or "whole"))
    x = lib.tensor(X)
    y = model(x)
    (y * y).sum().backward()
    return [y, x.grad, *[p.grad for p in model.parameters()]]


def changed(lib: Library, seen: Seen) -> Any:
    layer = lib.linear(2, 3)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 7,))
    layer.register_full_backward_hook(watch(seen, "second"))
    layer.register_full_backward_hook(watch(seen, "first"), prepend=True)
    x = lib.tensor(X)
    (layer(x * 2) ** 2).sum().backward()
    return [x.grad, layer.weight.grad]


def several(lib: Library, seen: Seen) -> Any:
    class Two(lib.module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any, n: int, y: Any, *, constant: Any) -> Any:
            return x * y, n, (x + constant) * n

    two = Two()
    two.register_full_backward_hook(watch(seen, "two"))
    x, y, constant = lib.tensor(X), lib.tensor(X + 1), lib.tensor(X, requires_grad=False)
    a, _, b = two(x, 3, y, constant=constant)
    (a * a).sum().backward(retain_graph=True)
    (a + b).sum().backward()
    return [x.grad, y.grad]


def unused(lib: Library, seen: Seen) -> Any:
    class First(lib.module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any, y: Any) -> Any:
            return x * 2

    first = First()
    first.register_full_backward_hook(watch(seen, "first"))
    x, y = lib.tensor(X), lib.tensor(X)
    first(x, y).sum().backward()
    return [x.grad]


def of_no_input(lib: Library, seen: Seen) -> Any:
    layer = lib.linear(2, 3)
    layer.register_full_backward_hook(watch(seen, "layer"))
    (layer(lib.tensor(X, requires_grad=False)) ** 2).sum().backward()
    return [layer.weight.grad]


def twice(lib: Library, seen: Seen) -> Any:
    """The gradient's own gradient goes back through the module's input without passing its output."""
    layer = lib.linear(2, 3)
    layer.register_full_backward_hook(watch(seen, "layer"))
    x = lib.tensor(X)
    (first,) = lib.grad((layer(x) ** 3).sum(), [x], create_graph=True)
    (first**2).sum().backward()
    return [first, x.grad, layer.weight.grad]


def inside(lib: Library, seen: Seen) -> Any:
    """A second derivative that comes to the module's input from within: there is no grad_output, and no call."""

    class Cube(lib.module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x * x * x

    cube = Cube()
    cube.register_full_backward_hook(watch(seen, "cube"))
    x = lib.tensor(X)
    (first,) = lib.grad(cube(x).sum(), [x], create_graph=True)
    first.sum().backward()
    return [first, x.grad]


def called_twice(lib: Library, seen: Seen) -> Any:
    layer = lib.linear(3, 3)
    layer.register_full_backward_hook(watch(seen, "layer"))
    x = lib.tensor(X)
    layer(layer(x)).sum().backward()
    return [x.grad]


PROGRAMS = [
    leaf, inner, loss, removed, of_grad, second_order, forward, keywords, backward, changed, several, unused,
    of_no_input, twice, inside, called_twice,
]  # fmt: skip


def same(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            same(a, b)
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-14, strict=True)
    else:
        assert mine == theirs


@pytest.mark.every_device
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # PyTorch's, in `of_no_input`
@pytest.mark.parametrize("program", PROGRAMS)
def test_hooks_see_what_pytorchs_see(program: Callable[[Library, Seen], Any]) -> None:
    mine, theirs = [], []
    ours = program(Library("dlcore"), mine)
    other = program(Library("torch"), theirs)
    same([plain(x) for x in ours], [plain(x) for x in other])
    same(mine, theirs)
