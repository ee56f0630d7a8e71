"""Whether operations are recorded: a switch per context (thread, task)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])
_recording: ContextVar[bool] = ContextVar("dlcore_recording", default=True)
_is_recording = _recording.get  # bound once: every operation asks


class _RecordingMode:
    """Whether operations are recorded, as a context manager and a decorator."""

    _mode: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_recording.get())
        _recording.set(self._mode)

    def __exit__(self, *exc: object) -> None:
        _recording.set(self._before.pop())

    def __call__(self, function: _F) -> _F:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return cast(_F, wrapped)


class no_grad(_RecordingMode):  # noqa: N801 - PyTorch's name
    """Record nothing: `with dl.no_grad():`, or `@dl.no_grad()` on a function. Per context (thread, task).

    >>> import dlcore as dl
    >>> w = dl.tensor([1.0, 2.0], requires_grad=True)
    >>> with dl.no_grad():
    ...     w -= 0.5
    >>> w
    tensor([0.5, 1.5], requires_grad=True)
    """

    _mode = False


class enable_grad(_RecordingMode):  # noqa: N801 - PyTorch's name
    """Record again, inside a `no_grad`.

    >>> import dlcore as dl
    >>> with dl.no_grad(), dl.enable_grad():
    ...     dl.is_grad_enabled()
    True
    """

    _mode = True


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this context.

    >>> import dlcore as dl
    >>> dl.is_grad_enabled()
    True
    """
    return _is_recording()
