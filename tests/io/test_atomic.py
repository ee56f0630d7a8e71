"""Atomic files: after any failure the old file is whole and nothing else lies beside it."""

from __future__ import annotations

import errno
import os
import resource
import stat
from pathlib import Path

import pytest

from dlcore.io._atomic import atomic_write


def write(path: Path, data: bytes) -> None:
    with atomic_write(path) as file:
        file.write(data)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    return path


def assert_untouched(target: Path) -> None:
    assert target.read_bytes() == b"old"
    assert os.listdir(target.parent) == [target.name]


def test_replaces_and_creates(target: Path) -> None:
    write(target, b"new")
    assert target.read_bytes() == b"new"
    write(target.parent / "other.bin", b"first")
    assert sorted(os.listdir(target.parent)) == ["file.bin", "other.bin"]


def test_writers_at_once_do_not_meet(target: Path) -> None:
    """Each has a temporary file of its own: the last to end wins, and what a killed one left is in nobody's way."""
    with atomic_write(target) as first, atomic_write(target) as second:
        first.write(b"first")
        second.write(b"second")
    assert target.read_bytes() == b"first"
    assert os.listdir(target.parent) == [target.name]


def test_the_data_is_on_the_disk_before_the_rename(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    write(target, b"new")
    assert calls == ["fsync", "replace", "fsync"]  # the file, its new name, the folder


@pytest.mark.parametrize("function", ["fsync", "replace", "fchmod"])
def test_a_failing_call_changes_nothing(target: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="No space left"):
        write(target, b"new")
    assert_untouched(target)


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_an_error_in_the_block_changes_nothing(target: Path, error: BaseException) -> None:
    def write_half() -> None:
        with atomic_write(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert_untouched(target)


def test_a_full_disk_changes_nothing(target: Path) -> None:
    """A real failure of write(2): the process may not make files of more than 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(target, b"x" * (1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_untouched(target)


def test_a_folder_that_cannot_be_synchronised_is_no_failure(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def refuse_folders(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write(target, b"new")
    assert target.read_bytes() == b"new"
    monkeypatch.delattr(os, "O_DIRECTORY")
    write(target, b"newer")
    assert target.read_bytes() == b"newer"


def test_permissions(target: Path) -> None:
    target.chmod(0o640)
    write(target, b"new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640

    previous = os.umask(0o027)
    try:
        write(target.parent / "fresh", b"")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((target.parent / "fresh").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one(target: Path) -> None:
    link = target.parent / "link"
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_bad_targets(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write(tmp_path, b"")
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        write(tmp_path / "missing" / "file", b"")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        write(tmp_path / "pipe", b"")
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_system_without_fchmod(monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    monkeypatch.delattr(os, "fchmod")
    write(target, b"new")
    assert target.read_bytes() == b"new"
