"""A device that cannot be used says what it lacks and how to get it; a foreign one says whose failure it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dlcore as dl
from dlcore import _device, _probe

USE = "import sys, dlcore as dl; print(dl.zeros(2, device=sys.argv[1]).device)"

# what `import cupy` gives -> (the device asked for, what the error says)
CUPY = {
    "import fails": (
        "raise ImportError('libcudart.so.13: cannot open shared object file')",
        "cuda",
        ["CuPy is installed but cannot be imported (ImportError: libcudart.so.13", "pip install cupy-cuda13x"],
    ),
    "no driver": (
        "class cuda:\n class runtime:\n  @staticmethod\n  def getDeviceCount():\n"
        "   raise RuntimeError('cudaErrorInsufficientDriver')",
        "cuda",
        ["CuPy finds no usable NVIDIA driver (cudaErrorInsufficientDriver)", "Install the NVIDIA driver", "nvidia-smi"],
    ),
    "no GPU": (
        "class cuda:\n class runtime:\n  @staticmethod\n  def getDeviceCount(): return 0",
        "cuda",
        ["CuPy finds no NVIDIA GPU", "DLCORE_DEVICE=cpu"],
    ),
    "one GPU": (
        "class cuda:\n class runtime:\n  @staticmethod\n  def getDeviceCount(): return 1",
        "cuda:3",
        ["there is no device number 3: this machine has 1 CUDA device(s)", "Use cuda:0"],
    ),
    "two GPUs": (
        "class cuda:\n class runtime:\n  @staticmethod\n  def getDeviceCount(): return 2",
        "cuda:2",
        ["there is no device number 2", "Use cuda:0 to cuda:1"],
    ),
}


@pytest.mark.parametrize("state", CUPY)
def test_cuda_says_what_is_missing(state: str, python: Callable[..., Any], tmp_path: Path) -> None:
    source, device, messages = CUPY[state]
    folder = tmp_path / "fake"
    (folder / "cupy").mkdir(parents=True)
    (folder / "cupy" / "__init__.py").write_text(source)
    result = python("-c", USE, device, path=(folder,))
    assert result.status == 1
    assert f"DeviceError: device '{device}' cannot be used: " in result.err
    for message in messages:
        assert message in result.err
    automatic = python("-c", "import dlcore as dl; print(dl.current_device())", path=(folder,), DLCORE_DEVICE="auto")
    if device == "cuda":
        assert (automatic.status, automatic.out.strip()) == (0, "numpy"), automatic.err


def test_cuda_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_probe.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(dl.DeviceError, match=r"'cuda' cannot be used: CuPy is not installed. Install it with 'pip"):
        dl.device("cuda")


@pytest.mark.parametrize("name", ["native", "cusim", "cuda"])
def test_devices_of_later_releases(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = _device._BUILTIN[name]
    missing = entry._replace(factory="dlcore.backends.of_a_later_release:create", probe=_probe.nothing)
    monkeypatch.setitem(_device._BUILTIN, name, missing)
    monkeypatch.setattr(_device, "_loaded", {})
    with pytest.raises(dl.DeviceError, match=rf"{name}.*: dlcore \d\S+ does not contain it yet. Use 'cpu'"):
        dl.device(name)


@pytest.mark.parametrize(
    ("name", "variable", "looked_for"),
    [("native", "CC", "cc, gcc, clang on PATH"), ("cusim", "CXX", r"c\+\+, g\+\+, clang\+\+ on PATH")],
)
def test_a_missing_compiler_is_named(
    name: str, variable: str, looked_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_device, "_loaded", {})
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(dl.DeviceError, match=rf"compiler was found \(looked for {looked_for}\).*or set {variable}"):
        dl.device(name)
    monkeypatch.setenv(variable, "no-such-compiler")
    with pytest.raises(dl.DeviceError, match=rf"looked for {variable}=no-such-compiler"):
        dl.device(name)


def test_a_checkout_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name.rpartition('.')[0]!r}")

    monkeypatch.setattr(_device.importlib.util, "find_spec", find_spec)
    monkeypatch.setattr(_device, "_loaded", {})
    with pytest.raises(dl.DeviceError, match=r"the package dlcore\.backends is not installed.*'pip install -e \.'"):
        dl.device("cpu")


# --- devices of other packages ----------------------------------------------------------------------------

WORKS = """
from dlcore.backends.numpy import NumpyBackend
class Toy(NumpyBackend):
    name = "toy"
    def info(self): return {"toys": "1"}
def create(index):
    return Toy()
"""


def test_a_device_of_another_package(python: Callable[..., Any], plugin: Callable[..., Path]) -> None:
    folder = plugin(WORKS)
    code = (
        "import dlcore as dl; x = dl.ones((2,), requires_grad=True); (x * 3).sum().backward();"
        "print(x.device, x.grad.tolist(), dl.device_info()['devices']['toy'], dl.device('toy:1'))"
    )
    result = python("-c", code, path=(folder,), DLCORE_DEVICE="toy")
    assert result.status == 0, result.err
    assert result.out.startswith("toy [3.0, 3.0] {'summary': 'from toy_device:create'")
    assert "'info': {'toys': '1'}, 'available': True" in result.out
    assert result.out.strip().endswith("toy:1")
    unknown = python("-c", USE, "nonsense", path=(folder,))
    assert "expected one of cpu, auto, numpy, native, cuda, cusim, toy" in unknown.err


@pytest.mark.parametrize(
    ("source", "value", "messages"),
    [
        ("raise ImportError('no toys')", "toy_device:create",
         ["device 'toy': its package failed to load (toy_device:create: ImportError: no toys)"]),
        ("", "toy_device:create", ["device 'toy': its package failed to load", "AttributeError"]),
        ("def create(index): return 3", "toy_device:create",
         ["device 'toy': toy_device:create returned 3, not a dlcore.backend.Backend"]),
        ("def create(index): raise OSError('toy box is locked')", "toy_device:create",
         ["device 'toy': toy_device:create failed (OSError: toy box is locked)"]),
    ],
)  # fmt: skip
def test_a_foreign_package_that_fails(
    source: str, value: str, messages: list[str], python: Callable[..., Any], plugin: Callable[..., Path]
) -> None:
    folder = plugin(source, value=value)
    result = python("-c", USE, "toy", path=(folder,))
    assert result.status == 1
    for message in messages:
        assert f"DeviceError: {message}" in result.err or message in result.err
    table = python("-m", "dlcore", path=(folder,))
    assert table.status == 0
    assert "toy     not available  from toy_device:create" in table.out
    assert "Repair or remove that package." in " ".join(table.out.split())
