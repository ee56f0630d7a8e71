"""The library's own exceptions. Each message names the operation, the argument, its value and what was expected."""


class DeviceError(RuntimeError):
    """A device is unknown, cannot be used on this machine, or two tensors live on different ones."""


class ShapeError(ValueError):
    """An argument's shape does not fit the operation."""


class DTypeError(TypeError):
    """An argument's dtype does not fit the operation."""


class OutOfMemoryError(MemoryError):
    """A device has not the memory that an operation needs; the message says what is used by what."""
