"""Fixtures of the tests of optimizers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import dlcore as dl
from dlcore import _device

from .training import PRIMITIVES


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each primitive of the flat buffers was called."""
    counted: Counter[str] = Counter()
    backend = dl.current_device().backend

    def counting(name: str) -> Callable[..., Any]:
        original = getattr(backend, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return original(*args, **kwargs)

        return call

    for name in PRIMITIVES:
        monkeypatch.setattr(backend, name, counting(name))
    return counted


@pytest.fixture
def other_device(monkeypatch: pytest.MonkeyPatch) -> str:
    """A second device, of host memory as well."""
    present = dl.device("numpy")
    made = object.__new__(_device.device)
    made.type, made.index, made.backend = "second", 0, type(present.backend)()
    monkeypatch.setitem(_device._loaded, ("second", 0), made)
    return "second"
