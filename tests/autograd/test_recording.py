"""no_grad and enable_grad: as context managers and decorators, per thread and per task."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import dlcore as dl


def recorded() -> bool:
    return (dl.ones((1,), requires_grad=True) * 2).requires_grad


def test_nesting() -> None:
    assert recorded()
    with dl.no_grad():
        assert not recorded()
        with dl.enable_grad():
            assert recorded()
            with dl.no_grad():
                assert not dl.is_grad_enabled()
            assert recorded()
        assert not recorded()
    assert recorded()


def test_one_object_may_be_entered_twice() -> None:
    off = dl.no_grad()
    with off, off:
        assert not recorded()
    assert recorded()


def test_an_exception_restores_the_mode() -> None:
    with pytest.raises(ArithmeticError), dl.no_grad():
        raise ArithmeticError
    assert recorded()


def test_as_decorators() -> None:
    @dl.no_grad()
    def silent(number: int) -> tuple[bool, int]:
        """Its doc."""
        return recorded(), number

    @dl.no_grad()
    @dl.enable_grad()
    def loud() -> bool:
        return recorded()

    assert silent(number=3) == (False, 3)
    assert (silent.__name__, silent.__doc__) == ("silent", "Its doc.")
    assert loud()
    assert recorded()


def test_a_decorated_function_may_call_itself() -> None:
    @dl.no_grad()
    def down(n: int) -> bool:
        return recorded() or (n > 0 and down(n - 1))

    assert not down(3)
    assert recorded()


def test_a_leaf_made_without_recording_is_still_a_leaf() -> None:
    with dl.no_grad():
        x = dl.ones((2,), requires_grad=True)
        y = x * 2
    assert x.requires_grad
    assert not y.requires_grad
    (x * y).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_threads_do_not_see_each_other() -> None:
    inside, outside, seen = threading.Event(), threading.Event(), {}

    def silent() -> None:
        with dl.no_grad():
            inside.set()
            outside.wait(10)
            seen["silent"] = recorded()

    thread = threading.Thread(target=silent)
    thread.start()
    assert inside.wait(10)
    seen["main"] = recorded()
    outside.set()
    thread.join(10)
    assert seen == {"silent": False, "main": True}


def test_a_new_thread_records() -> None:
    seen: list[bool] = []
    with dl.no_grad():
        thread = threading.Thread(target=lambda: seen.append(recorded()))
        thread.start()
        thread.join(10)
    assert seen == [True]


def test_tasks_do_not_see_each_other() -> None:
    async def task(silent: bool) -> list[bool]:
        seen = []
        with dl.no_grad() if silent else dl.enable_grad():
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(recorded())
        return seen

    async def both() -> Any:
        return await asyncio.gather(task(True), task(False))

    assert asyncio.run(both()) == [[False] * 3, [True] * 3]


def test_threads_can_differentiate_at_the_same_time() -> None:
    results: dict[int, float] = {}

    def work(k: int) -> None:
        x = dl.tensor([float(k)], dtype="float64", requires_grad=True)
        for _ in range(50):
            x.grad = None
            (x * x * x).sum().backward()
        results[k] = x.grad.item()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {k: 3.0 * k * k for k in range(8)}


def test_gradients_are_computed_without_recording_by_default() -> None:
    modes = []

    class Look(dl.Function):
        def forward(self, x: Any) -> Any:
            return x * 1

        def backward(self, grad: dl.Tensor) -> dl.Tensor:
            modes.append(dl.is_grad_enabled())
            return grad

    x = dl.ones((1,), requires_grad=True)
    Look()(x).backward()
    with dl.no_grad():
        y = x * 1  # outside of the graph
    Look()(x).backward(create_graph=True)
    assert modes == [False, True]
    assert not y.requires_grad
