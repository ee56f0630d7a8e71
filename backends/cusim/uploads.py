"""Asynchronous copies from pinned memory: the host must leave the source alone until the copy is done.

Here a copy is done at once, so a program that writes into the source too early would still work. In check mode the
source is therefore looked at again when the host has waited for the copy: if it has changed by then, a GPU
might have copied the new values, or some of each.
"""

from __future__ import annotations

import ctypes
import itertools
import zlib
from typing import NamedTuple

from .errors import TransferError
from .pinned import is_pinned
from .settings import check_mode

_serials = itertools.count(1)


class _Upload(NamedTuple):
    device: int
    stream: int
    serial: int
    address: int
    nbytes: int
    checksum: int


_pending: list[_Upload] = []


def begin(device: int, stream: int, address: int, nbytes: int) -> None:
    """A copy from pinned memory starts."""
    if nbytes and check_mode():
        checksum = zlib.crc32(ctypes.string_at(address, nbytes))
        _pending.append(_Upload(device, stream, next(_serials), address, nbytes, checksum))


def position() -> int:
    """What an event remembers: copies that start later have greater numbers."""
    return next(_serials)


def finish(device: int, stream: int = 0, before: int | None = None) -> None:
    """The host has waited for a stream (0: for all of the device), or for an event that was recorded at `before`.

    Raises:
        TransferError: the source of a copy that is now done has changed since it started.
    """
    global _pending
    if not _pending:
        return
    done = [
        each
        for each in _pending
        if each.device == device and stream in (0, each.stream) and (before is None or each.serial < before)
    ]
    _pending = [each for each in _pending if each not in done]
    for each in done:
        if not is_pinned(each.address, each.nbytes):
            continue  # given back: CUDA waits for the copy before it lets go of the memory
        if zlib.crc32(ctypes.string_at(each.address, each.nbytes)) != each.checksum:
            raise TransferError(
                f"{each.nbytes} bytes of pinned memory at {each.address:#x} changed while they may still have been"
                f" copied to device {each.device}; before writing there, wait for an event recorded after the copy"
            )
