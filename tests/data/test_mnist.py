"""mnist(): where its files are looked for, how they are fetched, and that only the right content is kept.

No test here leaves this machine: the mirror is a server on 127.0.0.1 with a data set of a few pixels.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device
from dlcore.data import _download, _mnist
from dlcore.io._cache import user_cache_dir

from .mirror import CONTENT, NAMES, Mirror, assert_is_training_set, files_under, use_mirror

# --- files that are there ----------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("place", ["root", "DLCORE_DATA", "cache"])
def test_files_on_this_machine(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, compressed: bool
) -> None:
    use_mirror(monkeypatch, mirror + "missing/")
    folder = tmp_path / "here" / "mnist" if place != "cache" else tmp_path / "cache" / "dlcore" / "mnist"
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    if place == "DLCORE_DATA":
        monkeypatch.setenv("DLCORE_DATA", str(tmp_path / "here"))
    root = tmp_path / "here" if place == "root" else None
    assert_is_training_set(dl.data.mnist(root=root))
    images, labels = dl.data.mnist(train=False, root=root).tensors
    assert images.shape == (2, 1, 4, 3)
    assert labels.tolist() == [1, 5]


def test_a_wrong_file_is_refused_and_kept(mirror: str, tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / NAMES[0]).write_bytes(CONTENT[NAMES[0]][:-1])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte' is truncated"):
        dl.data.mnist(root=tmp_path)
    (folder / NAMES[0]).write_bytes(CONTENT[NAMES[0]][:-1] + b"?")
    with pytest.raises(ValueError, match="unexpected content: its sha256 is"):
        dl.data.mnist(root=tmp_path)
    assert files_under(folder) == [NAMES[0]]


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="mnist: train must be True or False, got None"):
        dl.data.mnist(train=None)  # type: ignore[arg-type]


def test_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: str) -> None:
    second = object.__new__(dl.device)
    second.type, second.index, second.backend = "second", 0, type(dl.device("numpy").backend)()
    monkeypatch.setitem(_device._loaded, ("second", 0), second)
    dataset = dl.data.mnist(device="second")
    assert [tensor.device for tensor in dataset.tensors] == [second, second]
    with second:
        assert [tensor.device for tensor in dl.data.mnist().tensors] == [second, second]
        assert dl.data.mnist(device="numpy").tensors[0].device == "numpy"


def test_an_unknown_device_is_told_before_any_work(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(dl.DeviceError, match="unknown device 'nonsense'"):
        dl.data.mnist(device="nonsense")
    assert files_under(tmp_path) == []


# --- files that must be fetched ----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["good", "no-length"])
def test_download_into_the_cache(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    use_mirror(monkeypatch, f"{mirror}{mode}/")
    assert_is_training_set(dl.data.mnist())
    cache = tmp_path / "cache" / "dlcore" / "mnist"
    assert files_under(tmp_path) == sorted(f"{name}.gz" for name in NAMES[:2])
    assert gzip.decompress((cache / f"{NAMES[0]}.gz").read_bytes()) == CONTENT[NAMES[0]]

    use_mirror(monkeypatch, mirror + "missing/")  # the second time nothing is asked for
    assert_is_training_set(dl.data.mnist())


def test_the_folder_of_dlcore_data_is_only_read(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path / "mine"))
    dl.data.mnist()
    assert os.listdir(tmp_path) == ["cache"]


def test_download_into_root(mirror: str, tmp_path: Path) -> None:
    dl.data.mnist(root=tmp_path / "new" / "folder")
    assert files_under(tmp_path / "new" / "folder" / "mnist") == sorted(f"{name}.gz" for name in NAMES[:2])
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("mode", ["missing", "dropped"])
def test_a_failed_download(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    use_mirror(monkeypatch, f"{mirror}{mode}/")
    reason = "404" if mode == "missing" else "connection broke after"
    with pytest.raises(FileNotFoundError, match=reason) as caught:
        dl.data.mnist()
    message = str(caught.value)
    assert f"Put the files {', '.join(f'{name}.gz' for name in NAMES)} " in message
    assert f"into {tmp_path / 'cache' / 'dlcore' / 'mnist'};" in message
    assert "DLCORE_DATA" in message
    assert files_under(tmp_path) == []


def test_offline(tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path / "mine"))
    use_mirror(monkeypatch, "http://127.0.0.1:1/")
    with pytest.raises(FileNotFoundError, match=r"fetching it failed .*refused") as caught:
        dl.data.mnist()
    assert f"into {tmp_path / 'mine' / 'mnist'};" in str(caught.value)
    assert f"nor in {tmp_path / 'cache' / 'dlcore' / 'mnist'}," in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "reason"), [("changed", "has unexpected content: its sha256"), ("page", "is no IDX file: it begins")]
)
def test_wrong_content_is_not_kept(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, reason: str
) -> None:
    use_mirror(monkeypatch, f"{mirror}{mode}/")
    with pytest.raises(ValueError, match=f"what came from {mirror}.* was not kept: .*{reason}"):
        dl.data.mnist()
    assert files_under(tmp_path) == []


def test_more_data_than_expected(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mnist, "_MAX_DOWNLOAD", 10)
    with pytest.raises(FileNotFoundError, match="more than the 10 bytes"):
        dl.data.mnist()
    assert files_under(tmp_path) == []


def test_a_broken_connection_that_says_so(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import http.client

    def fail(self: object, size: int) -> bytes:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(http.client.HTTPResponse, "read", fail)
    with pytest.raises(FileNotFoundError, match="connection broke after 0 bytes: reset by peer"):
        dl.data.mnist()
    assert files_under(tmp_path) == []


def test_a_disk_that_fails_is_no_network_error(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        dl.data.mnist()
    assert files_under(tmp_path) == []


FETCH = """
import sys
from dlcore.data import _download
from dlcore.data._idx import read_idx
_download.download(sys.argv[1], sys.argv[2], lambda path: read_idx(path, sys.argv[3]), 1 << 20)
read_idx(sys.argv[2], sys.argv[3])
"""


def test_several_processes_at_once(mirror: str, tmp_path: Path) -> None:
    name = NAMES[0]
    path = tmp_path / "new" / f"{name}.gz"
    sha256 = hashlib.sha256(CONTENT[name]).hexdigest()
    arguments = [sys.executable, "-c", FETCH, f"{mirror}good/{name}.gz", str(path), sha256]
    processes = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")  # no bar either: standard error is no terminal
    assert files_under(tmp_path) == [path.name]


def has_begun(folder: Path) -> bool:
    """Whether a temporary file in the folder has some content."""
    for file in folder.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError):  # it was renamed just now
            return file.stat().st_size > 0
    return False


def killed_after(arguments: list[str], folder: Path, seconds: float) -> None:
    """Run a process that writes into `folder`, and kill it `seconds` after it began to."""
    process = subprocess.Popen(arguments)
    try:
        patience = time.monotonic() + 30
        while process.poll() is None and not has_begun(folder):
            assert time.monotonic() < patience
            time.sleep(0.001)
        time.sleep(seconds)
        assert process.poll() in (None, 0)
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no signal that cannot be caught")
def test_a_killed_process_leaves_no_half_of_a_file(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """Killed at a random moment of writing: there is the old file or none as before, or all of the new one."""
    name, count = NAMES[0], 1200
    images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)  # does not compress: almost a MB on its way
    head = b"\0\0\x08\x03" + np.array(images.shape, ">u4").tobytes()
    monkeypatch.setitem(CONTENT, name, head + images.tobytes())
    monkeypatch.setitem(CONTENT, NAMES[1], b"\0\0\x08\x01" + np.array([count], ">u4").tobytes() + bytes(count))
    path = tmp_path / "mnist" / f"{name}.gz"
    path.parent.mkdir()
    sha256 = hashlib.sha256(CONTENT[name]).hexdigest()
    arguments = [sys.executable, "-c", FETCH, f"{mirror}slow/{name}.gz", str(path), sha256]
    for attempt, stuck in enumerate([True, True, *[False] * 8]):
        before = b"old" if attempt % 2 else None
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        monkeypatch.setattr(Mirror, "may_go_on", threading.Event())
        if not stuck:
            Mirror.may_go_on.set()
        killed_after(arguments, path.parent, rng.uniform(0, 0.06))
        Mirror.may_go_on.set()
        after = path.read_bytes() if path.exists() else None
        assert after == before or (not stuck and gzip.decompress(after or b"") == CONTENT[name])
        left = [file for file in path.parent.iterdir() if file != path]
        assert all(file.name.startswith(f".{path.name}.") and file.suffix == ".tmp" for file in left)
        assert left or not stuck
        for file in left:
            file.unlink()

    (path.parent / f".{path.name}.0123456789ab.tmp").write_bytes(b"half")  # as such a process leaves it
    path.unlink(missing_ok=True)
    use_mirror(monkeypatch, mirror + "good/")
    for _ in range(2):  # fetched, and found
        np.testing.assert_array_equal(
            dl.data.mnist(root=tmp_path).tensors[0].numpy(), images[:, np.newaxis] / np.float32(255), strict=True
        )


def test_threads_at_once(mirror: str, tmp_path: Path) -> None:
    results: list[dl.data.TensorDataset] = []
    threads = [threading.Thread(target=lambda: results.append(dl.data.mnist(root=tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for dataset in results:
        assert_is_training_set(dataset)
    assert len(files_under(tmp_path)) == 2


def test_nothing_is_left_open(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for mode in ("missing", "dropped", "good"):
            use_mirror(monkeypatch, f"{mirror}{mode}/")
            try:
                dl.data.mnist()
            except FileNotFoundError:
                gc.collect()


def test_a_url_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match=r"unknown url type"):
        _download.download("nothing://here", tmp_path / "f", lambda path: None, 10)


# --- the user's cache --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/somewhere"}, "/somewhere/dlcore"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/dlcore"),
        ("linux", {}, "/home/me/.cache/dlcore"),
        ("darwin", {}, "/home/me/Library/Caches/dlcore"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/dlcore"),
        ("win32", {}, "/home/me/AppData/Local/dlcore"),
    ],
)
def test_user_cache_dir(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert user_cache_dir().as_posix() == expected


# --- the real thing ----------------------------------------------------------------------------


@pytest.mark.skipif("DLCORE_DATA" not in os.environ, reason="DLCORE_DATA does not say where MNIST is")
def test_the_real_mnist() -> None:
    images, labels = (tensor.numpy() for tensor in dl.data.mnist().tensors)
    assert images.shape == (60_000, 1, 28, 28)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert images.mean(dtype=np.float64) == pytest.approx(0.1307, abs=1e-4)
    assert images.std(dtype=np.float64) == pytest.approx(0.3081, abs=1e-4)
    assert images.max() == 1
    images, labels = (tensor.numpy() for tensor in dl.data.mnist(train=False).tensors)
    assert images.shape == (10_000, 1, 28, 28)
    assert sorted(set(labels.tolist())) == list(range(10))
