"""Errors that the device finds while it works, and that the host raises when it next waits for the device.

A kernel that finds a wrong value (`check_index_range`, `check_value_range`) stops nothing: nobody waits for it. It
writes what it found into a record of four numbers in device memory, unless one stands there already. The optimizer
updates look at the record and change nothing while it holds an error, and the backend calls `raise_pending` wherever
it has waited anyway.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

Array = Any

MESSAGES = 4096  # how many different ones are kept
_UNSIGNED, _FLOAT = 1, 2  # what a value is


class ErrorRecord:
    """The record of one device, and the messages that its numbers stand for.

    `record` is int64[4]: 1 if it holds an error, the number of the message, the value, and what that is: 0 a signed
    integer, 1 an unsigned one, 2 the bits of a double.
    """

    def __init__(self, cp: Any) -> None:
        self._cp = cp
        self.record: Array = cp.zeros(4, dtype=np.int64)
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._checked: set[int] = set()  # streams with a check whose outcome has not been read since
        self._lock = Lock()

    def check(self, message: str) -> int:
        """The number of `message`, for a check that is about to be started on the current stream."""
        with self._lock:
            self._checked.add(self._stream())
            number = self._numbers.get(message)
            if number is None:
                number = self._numbers[message] = self._next
                self._next += 1
                if len(self._numbers) > MESSAGES:
                    del self._numbers[next(iter(self._numbers))]
            return number

    def raise_pending(self) -> None:
        """Raise the error in the record, and clear it: IndexError for an integer, ValueError for a float.

        To be called after waiting for the current stream.

        Copies 32 bytes if a check was started since the last time, else nothing. What a check on another stream has
        found is raised here if it is there, and looked for again until this is called on that stream.
        """
        with self._lock:
            if not self._checked:
                return
            self._checked.discard(self._stream())
            failed, number, value, kind = self.record.get().tolist()
            if not failed:
                return
            self.record.fill(0)
            known = {number: message for message, number in self._numbers.items()}
        if kind == _FLOAT:
            raise ValueError(f"{known.get(number, 'a value is out of range: ')}{np.int64(value).view(np.float64)}")
        message = known.get(number, "an index is out of range: ")
        raise IndexError(f"{message}{value % 2**64 if kind == _UNSIGNED else value}")

    def _stream(self) -> int:
        return int(self._cp.cuda.get_current_stream().ptr)
