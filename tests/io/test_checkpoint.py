"""dl.save and dl.load: what is written comes back, what is wrong is refused, and no crash costs a checkpoint."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dlcore as dl

DTYPES = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
DTYPES += ["float16", "float32", "float64", "complex64"]

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


def assert_same_bits(loaded: dl.Tensor, written: np.ndarray[Any, Any]) -> None:
    array = loaded.numpy()
    assert array.dtype == written.dtype
    assert array.shape == written.shape
    assert array.tobytes() == written.tobytes()  # NaN and -0.0, too


# --- what is written comes back ----------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), arrays, max_size=4))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, state: dict[str, np.ndarray[Any, Any]]) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.safetensors"
    for as_tensor in (False, True):
        dl.save({name: dl.tensor(array) if as_tensor else array for name, array in state.items()}, path)
        loaded = dl.load(path)
        assert list(loaded) == sorted(state)
        for name, array in state.items():
            assert_same_bits(loaded[name], array)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[::-1],
        lambda a: a[:, 1:3],
        lambda a: a[::2, ::-3],
        lambda a: np.broadcast_to(a[0], (7, 6)),
        lambda a: a.astype(">f4"),
        lambda a: np.asfortranarray(a),
    ],
)
def test_views_are_written_as_the_values_they_show(tmp_path: Path, view: Any) -> None:
    array = view(np.arange(30, dtype=np.float32).reshape(5, 6))
    path = tmp_path / "view.safetensors"
    dl.save({"view": array}, path)
    loaded = dl.load(path)["view"].numpy()
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, array)


def test_shared_and_differentiable_tensors(tmp_path: Path) -> None:
    weight = dl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    dl.save({"a": weight, "b": weight, "part": weight[1:], "result": weight * 2}, tmp_path / "f")
    loaded = dl.load(tmp_path / "f")
    assert {name: tensor.tolist() for name, tensor in loaded.items()} == {
        "a": [1, 2, 3], "b": [1, 2, 3], "part": [2, 3], "result": [2, 4, 6]
    }  # fmt: skip
    assert not any(tensor.requires_grad for tensor in loaded.values())


def test_what_is_loaded_can_be_written_to_and_outlives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    dl.save({"a": np.zeros(3)}, path)
    tensor = dl.load(path)["a"]
    os.unlink(path)
    tensor.array[0] = 1
    assert tensor.tolist() == [1, 0, 0]


def test_metadata(tmp_path: Path) -> None:
    path = tmp_path / "f"
    dl.save({}, path)
    assert dl.io.load_metadata(path) == {}
    dl.save({"a": np.zeros(1)}, path, metadata={"epoch": "3", "ключ": "значение"})
    assert dl.io.load_metadata(path) == {"epoch": "3", "ключ": "значение"}
    assert list(dl.load(path)) == ["a"]


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    state = {"b": np.arange(3.0), "a": np.ones((2, 2), np.int8), "ключ": np.array(True)}
    metadata = {letter: letter * 2 for letter in "qwertyuiop"} | {"ключ": '"значение"'}
    contents = set()
    for turn in range(4):
        path = tmp_path / str(turn)
        dl.save(state, path, dict(reversed(metadata.items())) if turn % 2 else metadata)
        contents.add(path.read_bytes())
        assert dl.io.load_metadata(path) == metadata
        for name, tensor in dl.load(path).items():
            assert_same_bits(tensor, state[name])
    assert len(contents) == 1
    (content,) = contents
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_device(tmp_path: Path) -> None:
    dl.save({"a": np.zeros(1)}, tmp_path / "f")
    assert dl.load(tmp_path / "f", device="numpy")["a"].device == "numpy"
    with pytest.raises(dl.DeviceError, match="nowhere"):
        dl.load(tmp_path / "f", device="nowhere")


def test_another_library_reads_it(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    dl.save({"a": dl.tensor([[1, 2]]), "b": dl.tensor(0.5)}, tmp_path / "f")
    read = load_file(tmp_path / "f")
    np.testing.assert_array_equal(read["a"], np.array([[1, 2]]))
    assert read["b"].shape == ()


# --- what is wrong is refused ------------------------------------------------------------------

ZERO = np.zeros(1)
BAD_SAVES: list[tuple[Any, Any, type[Exception], str]] = [
    ([("a", ZERO)], None, TypeError, "state_dict must be a dict.* got list"),
    ({1: ZERO}, None, TypeError, "names in state_dict must be strings, got 1"),
    ({"ok": ZERO, "lr": 0.1}, None, TypeError, r"state_dict\['lr'\] must be a tensor.* got 0.1 of type float"),
    ({"a": [1.0]}, None, TypeError, r"state_dict\['a'\] .* list"),
    ({"a": None}, None, TypeError, r"state_dict\['a'\] .* NoneType"),
    ({"a": np.array(["x"])}, None, dl.DTypeError, r"state_dict\['a'\] has dtype <U1"),
    ({"a": np.array([None])}, None, dl.DTypeError, "dtype object"),
    ({"a": np.zeros(1, np.complex128)}, None, dl.DTypeError, "dtype complex128"),
    ({"a": np.zeros(1, "M8[s]")}, None, dl.DTypeError, "datetime64"),
    ({"__metadata__": ZERO}, None, ValueError, "'__metadata__' is reserved"),
    ({"\ud800": ZERO}, None, ValueError, "no valid Unicode"),
    ({"a": ZERO}, "text", TypeError, "metadata must be a dict .* got str"),
    ({"a": ZERO}, {"epoch": 3}, TypeError, r"metadata\['epoch'\] must be strings, got 3 of type int"),
    ({"a": ZERO}, {3: "epoch"}, TypeError, "names in metadata must be strings, got 3"),
    ({"a": ZERO}, {"a": "\udfff"}, ValueError, r"metadata\['a'\].* no valid Unicode"),
]


@pytest.mark.parametrize(("state", "metadata", "error", "message"), BAD_SAVES)
def test_bad_arguments_write_nothing(
    tmp_path: Path, state: Any, metadata: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        dl.save(state, tmp_path / "f", metadata)
    assert os.listdir(tmp_path) == []


def packed(header: Any, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str, shape: list[int], start: int, stop: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


BAD_FILES = {
    "empty": b"",
    "noise": b"\xff" * 100,
    "header longer than the file": struct.pack("<Q", 1000) + b"{}",
    "absurd header length": struct.pack("<Q", 2**63) + b"{}",
    "no JSON": struct.pack("<Q", 4) + b"abcd",
    "deeply nested JSON": struct.pack("<Q", 20_000) + b'{"a":' * 4000,
    "no offsets": packed({"a": {"dtype": "F32", "shape": [1]}}, b"abcd"),
    "data missing": packed({"a": entry("F32", [2], 0, 8)}, b"abcd"),
    "data left over": packed({"a": entry("F32", [1], 0, 4)}, b"abcdefgh"),
    "shape and offsets disagree": packed({"a": entry("F32", [3], 0, 4)}, b"abcd"),
    "overlapping entries": packed({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, b"abcd"),
    "overflowing shape": packed({"a": entry("F32", [2**62, 4], 0, 4)}, b"abcd"),
    "overflowing shape with a zero": packed({"a": entry("F32", [0, 2**62, 32], 0, 0)}),
    "negative dimension": packed({"a": entry("F32", [-1], 0, 4)}, b"abcd"),
    "too many dimensions": packed({"a": entry("F32", [1] * 70, 0, 4)}, b"abcd"),
    "unknown dtype": packed({"a": entry("Q7", [1], 0, 4)}, b"abcd"),
    "bool that is none": packed({"a": entry("BOOL", [2], 0, 2)}, b"\x01\x05"),
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_corrupt_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot load .*bad\.safetensors': it is truncated, corrupt or no .*\(.+\)$"):
        dl.load(path)


@pytest.mark.parametrize(("code", "size"), [("BF16", 2), ("F8_E4M3", 1)])
def test_dtypes_that_numpy_lacks(tmp_path: Path, code: str, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(packed({"layer.weight": entry(code, [1], 0, size)}, b"ab"[:size]))
    with pytest.raises(dl.DTypeError, match=f"entry 'layer.weight' .* dtype {code}"):
        dl.load(path)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    dl.save({"a": np.arange(5.0), "b": np.ones((2, 2), np.int8)}, path)
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"cannot load .* truncated"):
            dl.load(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_header_gives_a_clear_error_or_tensors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    dl.save({"a": np.arange(5.0), "b": np.ones((2, 2), np.int8)}, path, {"k": "v"})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    for read in (dl.load, dl.io.load_metadata):
        with contextlib.suppress(ValueError, dl.DTypeError):
            read(path)


@pytest.mark.parametrize("path", [0, 3.5, None, ["f"]])
def test_what_is_no_path(path: Any) -> None:
    """An int would be a file descriptor: 0 is standard input."""
    calls = {"load": dl.load, "load_metadata": dl.io.load_metadata, "save": lambda path: dl.save({"a": ZERO}, path)}
    for name, call in calls.items():
        with pytest.raises(TypeError, match=f"^{name}: path must be a string or a path, got .* of type"):
            call(path)


def test_a_path_may_be_bytes(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "f")
    dl.save({"a": ZERO}, path, {"k": "v"})
    assert dl.load(path)["a"].tolist() == [0]
    assert dl.io.load_metadata(path) == {"k": "v"}


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        dl.load(tmp_path / "none.safetensors")
    with pytest.raises(IsADirectoryError):
        dl.load(tmp_path)


# --- no crash costs a checkpoint ---------------------------------------------------------------


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failing_write_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    path = tmp_path / "f"
    dl.save({"a": np.zeros(2)}, path)

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="No space left"):
        dl.save({"a": np.ones(2)}, path)
    assert dl.load(path)["a"].tolist() == [0, 0]
    assert os.listdir(tmp_path) == ["f"]


SAVER = """
import sys
import numpy as np
import dlcore as dl
states = [{"a": np.full(100_000, n, np.float32), "n": np.array(n)} for n in range(10)]
dl.save(states[0], sys.argv[1])
print("ready", flush=True)
while True:
    for state in states:
        dl.save(state, sys.argv[1])
"""


def test_a_killed_process_leaves_a_whole_checkpoint(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "f"
    kills_while_writing = 0
    deadline = time.monotonic() + 3
    while kills_while_writing < 3 or time.monotonic() < deadline:
        assert time.monotonic() < deadline + 60, "hardly a kill meets a write: the test shows nothing"
        process = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
        loaded = dl.load(path)
        assert loaded["a"].shape == (100_000,)
        assert set(loaded["a"].numpy().tolist()) == {float(loaded["n"].item())}
        for left in set(os.listdir(tmp_path)) - {"f"}:
            kills_while_writing += 1
            os.unlink(tmp_path / left)
