"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends, and vanishes if the block raises.

    The data goes to a temporary file in the folder of `path` (a rename is atomic only within one file
    system), reaches the disk (fsync), and is renamed. A process killed on the way leaves the old
    file whole, and at worst the temporary file, `.<name>.<random>.tmp`. A symbolic link is followed: the file it
    names is replaced. An existing file's permissions are kept.

    Args:
        path: the file to write. Its folder must exist.

    Yields:
        A binary file open for reading and writing; its `name` is the path of the temporary file.

    Raises:
        FileNotFoundError: the folder does not exist.
        IsADirectoryError: `path` is a folder.
        OSError: `path` is a device, a pipe or a socket; or writing failed.
    """
    target = os.path.realpath(path)
    mode = _mode_of(target)
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"cannot write {os.fspath(path)!r}: there is no folder {folder!r}")

    temporary = os.path.join(folder, f".{name}.{os.urandom(6).hex()}.tmp")
    # Mode "x" never opens a file that is there, and the new one gets the permissions of the user's umask.
    with _removed_on_error(temporary), open(temporary, "x+b") as file:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), mode)
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        os.replace(temporary, target)
    _sync_folder(folder)


def _mode_of(target: str) -> int | None:
    """The permissions of the file that will be replaced, None if there is none."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"cannot write {target!r}: it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"cannot write {target!r}: it is not a regular file")
    return stat.S_IMODE(status.st_mode)


@contextlib.contextmanager
def _removed_on_error(temporary: str) -> Iterator[None]:
    try:
        yield
    except BaseException:  # KeyboardInterrupt as well
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable, where folders can be synchronised (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the file itself is on the disk, and whole
    finally:
        os.close(descriptor)
