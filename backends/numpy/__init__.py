"""The device `numpy`: plain NumPy on the CPU."""

from dlcore._errors import DeviceError
from dlcore.backend import Backend

from .backend import NumpyBackend

__all__ = ["NumpyBackend", "create"]


def create(index: int) -> Backend:
    """The backend for `numpy`, of which there is one."""
    if index != 0:
        raise DeviceError(f"device 'numpy:{index}': there is one numpy device, 'numpy' (or 'numpy:0')")
    return NumpyBackend()
