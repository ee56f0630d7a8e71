"""`python -m dlcore`, as a newcomer sees it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device
from dlcore.cli import main


def test_a_device_that_does_not_start_hides_no_other(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    faulty = _device._Builtin("json:nothing_of_that_name", "a device", _device._probe.nothing)
    monkeypatch.setitem(_device._BUILTIN, "native", faulty)
    entry = dl.device_info()["devices"]["native"]
    assert not entry["available"]
    assert entry["lacks"].startswith("device 'native': its package failed to load (json:nothing_of_that_name: Attrib")
    with dl.device("numpy"):
        assert main(["info"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "native not available a device device 'native': its package failed to load (json:nothing_of" in printed
    assert "blas threads: " in printed


@pytest.mark.parametrize("arguments", [(), ("info",)])
def test_what_it_prints(arguments: tuple[str, ...], python: Callable[..., Any]) -> None:
    result = python("-m", "dlcore", *arguments, PATH="")
    assert result.status == 0, result.err
    assert result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith(f"dlcore {dl.__version__}, Python {platform.python_version()}")
    assert lines[1].startswith(f"numpy {np.__version__}, safetensors ")
    assert "tqdm " in lines[1]
    assert lines[2].startswith("Optional packages: ")
    assert "Current device: numpy, chosen by the default" in lines
    assert any(line.startswith("    blas: ") for line in lines)
    assert any(line.startswith("    blas threads: ") for line in lines)
    for name in ("numpy", "native", "cuda", "cusim"):
        assert any(line.split()[:1] == [name] and "available" in line for line in lines), name
    assert max(map(len, lines)) <= 110


def test_it_imports_no_optional_package(python: Callable[..., Any]) -> None:
    code = "import sys; from dlcore.cli import main; main([]); print(*sys.modules)"
    modules = python("-c", code).out.splitlines()[-1].split()
    assert not {"matplotlib", "torch", "scipy", "PIL", "tqdm", "safetensors"} & set(modules)


def test_what_chose_the_device(python: Callable[..., Any]) -> None:
    result = python("-m", "dlcore", DLCORE_DEVICE="numpy")
    assert "Current device: numpy, chosen by the environment variable DLCORE_DEVICE" in result.out


@pytest.mark.parametrize("value", ["nonsense", "cuda:x"])
def test_a_wrong_variable_still_gives_the_table(value: str, python: Callable[..., Any]) -> None:
    result = python("-m", "dlcore", DLCORE_DEVICE=value)
    assert result.status == 1
    assert f"Current device: none. DLCORE_DEVICE={value}: " in result.out
    assert "numpy   available" in result.out
    assert result.err == ""


@pytest.mark.parametrize(("value", "told"), [("nonsense", True), ("numpy", False), ("cpu", False), ("", False)])
def test_a_variable_that_changed_after_the_device_was_chosen(
    value: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dl.set_device("numpy")
    monkeypatch.setenv("DLCORE_DEVICE", value)
    if value == "cpu" and dl.device("cpu") != "numpy":
        pytest.skip("cpu means another device here")
    assert main([]) == 0
    out = capsys.readouterr().out
    assert ("DLCORE_DEVICE is 'nonsense' now; dl.set_device(None) makes that count" in out) == told


def test_help_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "info" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["frobnicate"])
    assert "invalid choice: 'frobnicate'" in capsys.readouterr().err


def test_the_exit_status_reaches_the_shell(python: Callable[..., Any]) -> None:
    assert python("-m", "dlcore", "frobnicate").status == 2
    assert python("-m", "dlcore", "--help").status == 0
