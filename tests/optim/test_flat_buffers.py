"""Parameters and gradients in flat buffers: one primitive call for each step, group and dtype."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import Parameter
from dlcore.optim import Adam

from .training import UPDATES, Make, assert_other, assert_same, backward, every_optimizer, network, weights


@pytest.mark.host_memory  # it looks at addresses
@every_optimizer
def test_parameters_and_gradients_become_views_of_one_buffer_per_dtype(make: Make) -> None:
    model = network()
    model[2].to("float64")
    before = weights(model)
    optimizer = make(model.parameters())
    assert_same(weights(model), before)
    buffers: dict[Any, set[int]] = {}
    for p in model.parameters():
        buffers.setdefault(p.dtype, set()).add(id(p.array.base))
        assert p.array.ctypes.data % 16 == 0
    assert {dtype: len(found) for dtype, found in buffers.items()} == {dl.float32: 1, dl.float64: 1}
    for p in model.parameters():
        (p * p).sum().backward()
    for dtype in buffers:
        assert len({id(p.grad.array.base) for p in model.parameters() if p.dtype == dtype}) == 1
    optimizer.step()
    assert_other(weights(model), before)


@every_optimizer
def test_one_primitive_call_each(make: Make, calls: Counter[str]) -> None:
    model = network()
    optimizer = make(model.parameters())
    for _ in range(3):
        backward(model)
        calls.clear()
        optimizer.step()
        assert sum(calls.values()) == sum(calls[name] for name in UPDATES) == 1
        calls.clear()
        optimizer.grad_norm()
        assert calls == {"l2_norm": 1}
        calls.clear()
        optimizer.zero_grad(set_to_none=False)
        assert calls == {"fill_zero": 1}
        assert all(not p.grad.numpy().any() for p in model.parameters())
    calls.clear()
    optimizer.zero_grad()
    assert not calls
    optimizer.step()
    optimizer.grad_norm()
    assert not calls  # without a gradient there is nothing to do


def test_equal_step_counts_join_again_and_different_ones_do_not(calls: Counter[str]) -> None:
    p = [Parameter(dl.ones(3)) for _ in range(3)]
    optimizer = Adam(p)

    def step(*chosen: int) -> int:
        optimizer.zero_grad()
        for i in chosen:
            p[i].sum().backward()
        calls.clear()
        optimizer.step()
        return calls["adam_update"]

    assert step(0, 2) == 2  # not neighbours
    assert step(0, 1, 2) == 3  # step counts 1, 0, 1
    assert step(1) == 1
    assert step(0, 1, 2) == 1  # all at 2
    assert step(0, 1) == 1
    assert step(0, 1, 2) == 2
    assert [state["step"] for state in optimizer.state_dict()["state"].values()] == [5, 5, 4]


@every_optimizer
def test_a_parameter_without_elements_takes_part(make: Make) -> None:
    """An empty one starts where the next one does, so positions must not be found by offset."""
    empty, full, last = Parameter(dl.zeros((0, 2))), Parameter(dl.ones(3)), Parameter(dl.zeros(0))
    alone = Parameter(dl.ones(3))
    optimizer, other = make([empty, full, last]), make([alone])
    for _ in range(4):
        for p, o in ((full, optimizer), (alone, other)):
            o.zero_grad()
            (p * p).sum().backward()
            o.step()
    np.testing.assert_array_equal(full.numpy(), alone.numpy())
    (empty.sum() + full.sum()).backward()
    optimizer.step()
    assert [state["step"] for state in optimizer.state_dict()["state"].values() if state["step"]] == [1, 5]
    assert optimizer.grad_norm() > 0


@every_optimizer
def test_a_parameter_that_is_listed_twice_counts_once(make: Make) -> None:
    p, q = Parameter(dl.ones(3)), Parameter(dl.ones(3))
    for optimizer, x in ((make([p, p]), p), (make([q]), q)):
        (x * x).sum().backward()
        optimizer.step()
        assert len(optimizer.param_groups[0]["params"]) == 1
    np.testing.assert_array_equal(p.numpy(), q.numpy())


@every_optimizer
def test_one_primitive_call_for_each_group_and_dtype(make: Make, calls: Counter[str]) -> None:
    groups = [
        {"params": [Parameter(dl.ones(n, dtype=dtype)) for n in (3, 5) for dtype in ("float32", "float64")]}
        for _ in range(3)
    ]
    optimizer = make(groups)
    for _ in range(2):
        for group in groups:
            for p in group["params"]:
                (p * p).sum().backward()
        calls.clear()
        optimizer.step()
        assert sum(calls.values()) == sum(calls[name] for name in UPDATES) == 3 * 2
        optimizer.zero_grad()
