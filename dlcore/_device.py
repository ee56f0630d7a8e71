"""The devices there are, and which one is current.

`dl.device("cuda:1")` names a device; `with dl.device("numpy"):` makes it current in this context,
`dl.set_device("numpy")` for the rest of the process, the environment variable `DLCORE_DEVICE` from
the start. Backends are found by name: the built-in ones in a table here, others through the
entry-point group `dlcore.backends`. A backend is imported when its device is first used.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from dlcore import _probe
from dlcore._errors import DeviceError

if TYPE_CHECKING:
    from dlcore.backend import Backend

ENTRY_POINT_GROUP = "dlcore.backends"
VARIABLE = "DLCORE_DEVICE"


class _Builtin(NamedTuple):
    factory: str  # "module:function"; the function takes the device number and returns a Backend
    summary: str
    probe: _probe.Probe
    numbered: bool = False  # whether there can be several: cuda:0, cuda:1


_BUILTIN = {
    "numpy": _Builtin("dlcore.backends.numpy:create", "plain NumPy", _probe.nothing),
    "native": _Builtin("dlcore.backends.native:create", "NumPy arrays and C kernels", _probe.c_compiler),
    "cuda": _Builtin("dlcore.backends.cupy:create", "CuPy arrays and CUDA kernels", _probe.cuda, numbered=True),
    "cusim": _Builtin("dlcore.backends.cusim:create", "CUDA kernels on the CPU", _probe.cpp_compiler, numbered=True),
}
# An alias stands for the first of its devices that can be used.
_ALIASES = {"cpu": ("native", "numpy"), "auto": ("cuda", "native", "numpy")}


class device:  # noqa: N801 - PyTorch's spelling, for what users write as `dl.device("cuda:1")`
    """A device, by name; also a context manager that makes it the current one.

    Args:
        name: `"cpu"` (C kernels if they are there, else NumPy), `"numpy"`, `"native"`, `"cuda"`,
            `"cuda:1"`, `"cusim"`, `"auto"` (a GPU if one answers, else the CPU), the name of an
            installed third-party device, or a `device`.

    Raises:
        DeviceError: the name is unknown, or the device cannot be used here; the message says
            what is missing and how to get it.

    Devices are compared by identity: each exists once. Comparing with a string resolves aliases.

    >>> import dlcore as dl
    >>> dl.device("numpy")
    device('numpy')
    >>> with dl.device("numpy"):
    ...     dl.zeros((2,)).device == "numpy"
    True
    """

    __slots__ = ("backend", "index", "type")

    type: str
    index: int
    backend: Backend

    def __new__(cls, name: str | device) -> device:
        if isinstance(name, device):
            return name
        return _resolve(name)

    def __str__(self) -> str:
        return f"{self.type}:{self.index}" if self.index or _is_numbered(self.type) else self.type

    def __repr__(self) -> str:
        return f"device({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                return _resolve(other) is self
            except DeviceError:
                return False
        return self is other

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)

    def __enter__(self) -> device:
        _context.set((*_context.get(), self))
        return self

    def __exit__(self, *exc: object) -> None:
        _context.set(_context.get()[:-1])


_context: ContextVar[tuple[device, ...]] = ContextVar("dlcore_device", default=())
_default: device | None = None  # what set_device or the environment variable chose
_default_source = ""
_loaded: dict[tuple[str, int], device] = {}
_lock = threading.RLock()


def current_device() -> device:
    """The device on which new tensors are made: of `with dl.device(...)`, else `set_device`, else `DLCORE_DEVICE`.

    >>> import dlcore as dl
    >>> with dl.device("numpy"):
    ...     dl.current_device()
    device('numpy')
    """
    stack = _context.get()
    if stack:
        return stack[-1]
    if _default is None:
        set_device(None)
    assert _default is not None
    return _default


def set_device(name: str | device | None) -> None:
    """Make a device current for the whole process, outside of `with dl.device(...)`.

    Args:
        name: as for `dl.device`. None reads `DLCORE_DEVICE` again (unset or empty: `"cpu"`), which
            otherwise happens once, at the first use of a device.

    Raises:
        DeviceError: as for `dl.device`; the current device then stays what it was.

    >>> import dlcore as dl
    >>> dl.set_device("numpy")
    >>> dl.current_device()
    device('numpy')
    >>> dl.set_device(None)
    """
    global _default, _default_source
    if name is not None:
        _default, _default_source = device(name), "dl.set_device"
        return
    value = os.environ.get(VARIABLE, "").strip()
    if not value:
        _default, _default_source = device("cpu"), "the default"
        return
    try:
        _default, _default_source = device(value), f"the environment variable {VARIABLE}"
    except DeviceError as error:
        raise DeviceError(f"{VARIABLE}={value}: {error}") from error


def _resolve(name: str) -> device:
    if not isinstance(name, str):
        raise TypeError(f"device: name must be a string or a device, got {name!r}")
    known = _loaded.get((name, 0))
    if known is not None:
        return known
    if name in _ALIASES:
        return _resolve(_first_usable(name))
    kind, _, number = name.partition(":")
    if ":" in name and not (number.isascii() and number.isdigit()):
        raise DeviceError(f"device {name!r}: what follows the colon must be a device number, as in 'cuda:1'")
    index = int(number) if number else 0
    if kind in _ALIASES:
        if index:
            raise DeviceError(f"device {name!r}: {kind!r} takes no number but 0; use {kind!r}, or one such as 'cuda:1'")
        return _resolve(kind)
    with _lock:  # two threads must not build the same backend twice
        found = _loaded.get((kind, index))
        if found is None:
            found = _load(kind, index, name)
            _loaded[kind, index] = found
    return found


def _first_usable(alias: str) -> str:
    *preferred, last = _ALIASES[alias]
    return next((name for name in preferred if _lack(name, 0) is None), last)


def _is_numbered(kind: str) -> bool:
    return kind in _BUILTIN and _BUILTIN[kind].numbered


def _lack(kind: str, index: int) -> _probe.Lack | None:
    """Why a built-in device cannot be used here, or None if it can."""
    entry = _BUILTIN[kind]
    lack = entry.probe(index)
    if lack is not None:
        return lack
    module = entry.factory.partition(":")[0]
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return _probe.Lack(
            "the package dlcore.backends is not installed", "In a checkout of dlcore, run 'pip install -e .'"
        )
    if not found:
        from dlcore._version import __version__

        return _probe.Lack(f"dlcore {__version__} does not contain it yet", "Use 'cpu'")
    return None


def _load(kind: str, index: int, name: str) -> device:
    if kind in _BUILTIN:
        if index and not _BUILTIN[kind].numbered:
            raise DeviceError(f"device {name!r}: there is only one {kind!r} device, use {kind!r}")
        lack = _lack(kind, index)
        if lack is not None:
            raise DeviceError(f"device {name!r} cannot be used: {lack}")
        module, _, function = _BUILTIN[kind].factory.partition(":")
        factory = _checked(name, _BUILTIN[kind].factory, lambda: getattr(importlib.import_module(module), function))
    else:
        factory = _plugin(kind, name)
    loaded = object.__new__(device)
    loaded.type, loaded.index, loaded.backend = kind, index, factory(index)
    return loaded


def _plugins() -> dict[str, Any]:
    from importlib.metadata import entry_points  # costs milliseconds, so only when it is needed

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def _plugin(kind: str, name: str) -> Callable[[int], Backend]:
    plugins = _plugins()
    if kind not in plugins:
        valid = ", ".join([*_ALIASES, *_BUILTIN, *sorted(plugins)])
        raise DeviceError(f"unknown device {name!r}: expected one of {valid} (numbered: 'cuda:1')")
    return _checked(name, plugins[kind].value, plugins[kind].load)


def _checked(name: str, value: str, load: Callable[[], Any]) -> Callable[[int], Backend]:
    """The factory of backends that `load` gives; what goes wrong becomes a DeviceError that says where (`value`)."""
    from dlcore.backend import Backend

    try:
        factory = load()
    except Exception as error:  # foreign code may fail in any way; say whose failure it is
        raise DeviceError(
            f"device {name!r}: its package failed to load ({value}: {type(error).__name__}: {error})"
        ) from error

    def create(index: int) -> Backend:
        try:
            backend = factory(index)
        except DeviceError:
            raise
        except Exception as error:
            raise DeviceError(f"device {name!r}: {value} failed ({type(error).__name__}: {error})") from error
        if not isinstance(backend, Backend):
            raise DeviceError(f"device {name!r}: {value} returned {backend!r}, not a dlcore.backend.Backend")
        return backend

    return create


def device_info() -> dict[str, Any]:
    """Which device is current and why, and for every device whether it can be used, or what it lacks.

    Returns:
        A dict with `current` (str), `chosen_by` (str), `cpu` (what the alias stands for here),
        `variable` (the value of `DLCORE_DEVICE` now, or None) and `devices`: a dict by name of
        `{"available": bool, "summary": str, "lacks": str | None, "remedy": str | None, "info": dict}`.

    >>> import dlcore as dl
    >>> dl.device_info()["devices"]["numpy"]["available"]
    True
    """
    current = current_device()
    return {
        "current": str(current),
        "chosen_by": "with dl.device(...)" if _context.get() else _default_source,
        "cpu": _first_usable("cpu"),
        "variable": os.environ.get(VARIABLE),
        "devices": device_table(),
    }


def device_table() -> dict[str, dict[str, Any]]:
    """The `devices` of `device_info`, which needs no device to be current."""
    devices: dict[str, dict[str, Any]] = {}
    for kind, entry in _BUILTIN.items():
        lack, info = _lack(kind, 0), {}
        if lack is None:
            try:
                info = _resolve(kind).backend.info()
            except DeviceError as error:  # it must not hide what there is to say about the others
                lack = _probe.Lack(str(error), "Use another one")
        devices[kind] = {
            "available": lack is None,
            "summary": entry.summary,
            "lacks": lack.reason if lack else None,
            "remedy": lack.remedy if lack else None,
            "info": info,
        }
    for kind, plugin in sorted(_plugins().items()):
        devices[kind] = {"summary": f"from {plugin.value}", "remedy": None, "lacks": None, "info": {}}
        try:
            devices[kind] |= {"info": _resolve(kind).backend.info(), "available": True}
        except DeviceError as error:
            devices[kind] |= {"lacks": str(error), "remedy": "Repair or remove that package", "available": False}
    return devices
