"""The graph is released by reference counting alone, and a long loop holds constant memory."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import dlcore as dl


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def step(x: dl.Tensor, w: dl.Tensor) -> tuple[dl.Tensor, list[Any]]:
    hidden = dl.tanh(x @ w)
    masked = dl.where(hidden > 0, hidden, hidden * 0.1)
    picked = masked[dl.tensor([0, 1, 1])]
    loss = (dl.exp(picked) * dl.clip(picked, -0.5, 0.5)).mean() + dl.max(hidden) + dl.concat([hidden, hidden]).sum()
    return loss, [weakref.ref(t.array) for t in (hidden, picked)]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.host_memory
@pytest.mark.parametrize("ending", ["backward", "grad", "dropped", "create_graph"])
def test_intermediate_arrays_die_without_the_garbage_collector(ending: str) -> None:
    w = dl.tensor(np.eye(4), requires_grad=True)
    loss, arrays = step(dl.tensor(np.ones((4, 4))), w)
    assert all(array() is not None for array in arrays)
    if ending == "backward":
        loss.backward()
    elif ending == "grad":
        dl.grad(loss, w)
    elif ending == "create_graph":
        (g,) = dl.grad(loss, w, create_graph=True)
        (g * g).sum().backward()
        del g, loss
    else:
        del loss
    assert all(array() is None for array in arrays)
    w.grad = None
    assert gc.collect() == 0 or ending == "create_graph"


@pytest.mark.usefixtures("no_collector")
def test_saved_arrays_die_at_backward_even_while_the_output_lives() -> None:
    x = dl.ones((3,), requires_grad=True)
    y = dl.exp(x)
    array = weakref.ref(y.array)
    loss = (y * y).sum()
    del y
    assert array() is not None
    loss.backward()
    assert array() is None
    assert loss.requires_grad


@pytest.mark.usefixtures("no_collector")
@pytest.mark.host_memory
def test_a_long_loop_holds_constant_memory() -> None:
    rng = np.random.default_rng(0)
    x = dl.tensor(rng.normal(size=(32, 64)))
    w = dl.tensor(rng.normal(size=(64, 64)), requires_grad=True)

    def train() -> None:
        loss = (dl.tanh(x @ w) ** 2).mean()
        loss.backward()
        with dl.no_grad():
            w.__isub__(w.grad * 1e-3)
        w.grad = None

    for _ in range(20):
        train()
    tracemalloc.start()
    try:
        train()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(500):
            train()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 16 * 1024  # as much as one array of the 500 steps


@pytest.mark.host_memory
def test_training_a_network_holds_constant_memory() -> None:
    """As the loop above, through the data loader, layers, a loss and an optimizer."""
    nn = dl.nn
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(), nn.Linear(64, 10)
    )
    optimizer = dl.optim.Adam(network.parameters())
    loader = dl.data.DataLoader(dl.data.TensorDataset(*dl.data.digits()[:512]), batch_size=32, shuffle=True)

    def train() -> None:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(images), labels)
            loss.backward()
            optimizer.step()

    for _ in range(3):
        train()
    gc.collect()  # which also empties Python's own lists of tuples to use again: they fill up to a bound
    before = sys.getallocatedblocks()  # of at most 512 bytes, as tensors, tuples and array objects are
    tracemalloc.start()
    try:
        for _ in range(10):
            train()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]  # what takes the place of untraced memory counts as well
    finally:
        tracemalloc.stop()
    assert sys.getallocatedblocks() - before < 160  # one for each step
    assert grown < 32 * 1024  # one array of (32, 4, 8, 8)


@pytest.mark.usefixtures("no_collector")
def test_nothing_is_kept_outside_of_the_graph() -> None:
    x = dl.ones((3,), requires_grad=True)
    with dl.no_grad():
        y = dl.exp(x) * 2
        array = weakref.ref(y.array)
        z = y + 1
        del y
    assert array() is None
    assert z.is_leaf
