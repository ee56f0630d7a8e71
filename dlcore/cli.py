"""The command line, `python -m dlcore`: what a newcomer wants to know, and what a bug report should contain."""

from __future__ import annotations

import argparse
import platform
import textwrap
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dlcore import _device
from dlcore._errors import DeviceError
from dlcore._version import __version__

_REQUIRED = ("numpy", "safetensors", "tqdm")
_OPTIONAL = ("cupy-cuda12x", "cupy-cuda13x", "cupy", "matplotlib", "pillow", "scikit-learn", "onnx", "torch")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 1 where no device can be used. Without a command, `info`.

    >>> from dlcore.cli import main
    >>> main(["info"])  # doctest: +ELLIPSIS
    dlcore ...
    0
    """
    parser = argparse.ArgumentParser(prog="python -m dlcore", description="dlcore: deep learning on plain arrays")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("info", help="versions, the current device, and what each device needs (the default)")
    parser.parse_args(arguments)
    return info()


def info() -> int:
    """Print versions, the current device and the table of devices; 1 if the chosen device cannot be used.

    >>> from dlcore.cli import info
    >>> info()  # doctest: +ELLIPSIS
    dlcore ...
    0
    """
    status = 0
    found: dict[str, Any]
    print(f"dlcore {__version__}, Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(", ".join(f"{name} {_version(name) or 'is missing'}" for name in _REQUIRED))
    installed = [f"{name} {number}" for name in _OPTIONAL if (number := _version(name))]
    print(f"Optional packages: {', '.join(installed) or 'none'}")
    print()
    try:
        found = _device.device_info()
    except DeviceError as error:
        status = 1
        found = {"devices": _device.device_table(), "variable": None}
        print(textwrap.fill(f"Current device: none. {error}", 100, subsequent_indent="    "))
    else:
        print(f"Current device: {found['current']}, chosen by {found['chosen_by']}")
        for name, value in found["devices"][found["current"].partition(":")[0]]["info"].items():
            print(f"    {name}: {value}")
        if _differs(found["current"], found["variable"]):
            print(f"    {_device.VARIABLE} is {found['variable']!r} now; dl.set_device(None) makes that count")
    print()
    print("Devices")
    for line in _table(found["devices"]):
        print(line)
    print()
    print(f"Choose one with {_device.VARIABLE}=name in the environment, dl.set_device(name) or with dl.device(name).")
    print(_aliases())
    return status


def _differs(current: str, variable: str | None) -> bool:
    """Whether the environment variable would now choose another device, or none."""
    if not variable:
        return False
    try:
        return str(_device.device(variable)) != current
    except DeviceError:
        return True


def _version(package: str) -> str | None:
    """The installed version, without importing the package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _table(devices: dict[str, dict[str, Any]]) -> Iterator[str]:
    width = max(len(name) for name in devices)
    for name, entry in devices.items():
        state = "available" if entry["available"] else "not available"
        yield f"    {name:{width}}  {state:13}  {entry['summary']}"
        if not entry["available"]:
            reason = f"{entry['lacks']}. {entry['remedy']}."
            indent = " " * (width + 6)
            yield textwrap.fill(reason, 100, initial_indent=indent, subsequent_indent=indent)


def _aliases() -> str:
    try:
        cpu, auto = _device.device("cpu"), _device.device("auto")
    except DeviceError:
        return "Here neither 'cpu' nor 'auto' can be used."
    return f"Here 'cpu' means {cpu}, and 'auto' (a GPU if one answers) means {auto}."
