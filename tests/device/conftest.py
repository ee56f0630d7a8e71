"""Devices to test with: a second one in this process, and fresh processes with an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device
from dlcore.backend import Backend


class ToyBackend(Backend):
    """NumPy once more, behind another name."""

    name = "toy"
    xp = np
    array_type = np.ndarray

    def from_host(self, array: Any, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(array, dtype=dtype, copy=copy)

    def to_host(self, x: Any) -> Any:
        return x

    def shares_memory(self, x: Any, y: Any) -> bool:
        return isinstance(y, np.ndarray) and np.may_share_memory(x, y)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> dl.device:
    """A second device, `toy`, in this process."""
    made = object.__new__(dl.device)
    made.type, made.index, made.backend = "toy", 0, ToyBackend()
    monkeypatch.setitem(_device._loaded, ("toy", 0), made)
    return made


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Each test starts on plain NumPy, and leaves what DLCORE_DEVICE says."""
    dl.set_device("numpy")
    yield
    dl.set_device(None)


class Result:
    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Result]:
    """Run Python in a fresh process: `python("-c", code, DLCORE_DEVICE="numpy", path=[folder])`."""

    def run(*arguments: str, path: tuple[Path, ...] = (), **variables: str) -> Result:
        environment = {k: v for k, v in os.environ.items() if k not in ("DLCORE_DEVICE", "CC", "CXX")} | variables
        folders = [*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(folders)
        command = [sys.executable, *arguments]
        return Result(
            subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        )

    return run


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """A folder for `sys.path` that holds an installed third-party package with a device."""

    def make(source: str, name: str = "toy", value: str = "toy_device:create") -> Path:
        folder = tmp_path / "site"
        info = folder / "toy_device-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-device\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[dlcore.backends]\n{name} = {value}\n")
        (folder / "toy_device.py").write_text(source)
        return folder

    return make
