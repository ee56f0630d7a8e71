"""How the device `cuda` comes to be, with the simulator's module in the place of CuPy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import dlcore as dl
from dlcore import _device
from dlcore.backends import cupy as cuda
from dlcore.backends.cusim import namespace


@pytest.fixture
def _simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`import cupy` gives the simulator, and the process has not used `cuda` before."""
    monkeypatch.setitem(sys.modules, "cupy", namespace)
    monkeypatch.setattr(_device, "_loaded", {**_device._loaded})
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_simulated")
def test_a_gpu_that_answers_is_used() -> None:
    assert dl.cuda.is_available()
    assert dl.cuda.device_count() == 2
    with dl.device("auto") as chosen:
        assert str(chosen) == "cuda:0"
        x = dl.ones((3,), requires_grad=True)
        (x * x).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [2.0, 2.0, 2.0]
    info = dl.device_info()["devices"]["cuda"]
    assert info["available"]
    assert {"cupy", "gpu", "CUDA driver", "CUDA runtime", "memory"} <= set(info["info"])


@pytest.mark.usefixtures("_simulated")
def test_a_wheel_that_does_not_fit_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**options: object) -> None:
        raise RuntimeError(
            "CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open shared object file"
        )

    monkeypatch.setattr(namespace, "RawModule", fails)
    with pytest.raises(dl.DeviceError, match=r"'cuda:0': CuPy cannot compile and load a kernel here.*libnvrtc\.so\.12"
                       r".*cupy-cuda12x for CUDA 12, cupy-cuda13x for CUDA 13"):  # fmt: skip
        cuda.create(0)


def test_a_cache_that_cannot_be_written_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cuda._keep_compiled_kernels()
    chosen = Path(os.environ["CUPY_CACHE_DIR"])
    assert chosen.parent == tmp_path
    assert chosen.is_dir()
    assert chosen.stat().st_mode & 0o077 == 0
    cuda._keep_compiled_kernels()
    assert Path(os.environ["CUPY_CACHE_DIR"]) == chosen


def test_a_cache_that_can_be_written_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    cuda._keep_compiled_kernels()
    assert os.environ["CUPY_CACHE_DIR"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
