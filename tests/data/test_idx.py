"""The IDX parser: every dtype, and every way in which a file can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.data._idx import read_idx

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def packed(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 5), ()])
@pytest.mark.parametrize("compress", [False, True])
def test_round_trip(tmp_path: Path, dtype: str, shape: tuple[int, ...], compress: bool) -> None:
    array = (np.arange(np.prod(shape, dtype=int)) - 3).astype(dtype).reshape(shape)
    content = packed(array)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if compress else content)
    read = read_idx(path, hashlib.sha256(content).hexdigest())
    np.testing.assert_array_equal(read, array, strict=True)
    assert read.dtype.isnative


GOOD = packed(np.arange(6, dtype=np.int16).reshape(2, 3))
BAD = {
    "empty": (b"", "truncated: the magic number takes 4 bytes, only 0"),
    "wrong magic": (b"\x89PNG\r\n", r"no IDX file: it begins with b'\\x89PNG'"),
    "wrong dtype code": (b"\0\0\x0a\x01" + bytes(8), "unknown IDX dtype code 0x0a; known: 0x08 uint8"),
    "no dimensions": (GOOD[:9], "2 dimensions takes 8 bytes, only 5"),
    "truncated": (GOOD[:-1], r"shape \(2, 3\) of int16 needs 12 bytes|takes 12 bytes, only 11"),
    "trailing": (GOOD + b"x", r"more data than the 12 bytes of shape \(2, 3\) of int16"),
    "absurd": (struct.pack(">BBBB4I", 0, 0, 8, 4, *[2**32 - 1] * 4) + bytes(9), r"shape \(4294967295, .* needs"),
    "65 dimensions": (struct.pack(">BBBB65I", 0, 0, 8, 65, *[1] * 65) + b"x", "65 dimensions; NumPy allows 64"),
}


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_corrupt_files(tmp_path: Path, content: bytes, message: str, compress: bool) -> None:
    path = tmp_path / "bad-idx"
    path.write_bytes(gzip.compress(content) if compress else content)
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert "bad-idx" in str(caught.value)


@pytest.mark.parametrize("damage", ["cut short", "changed", "more after it"])
def test_corrupt_gzip(tmp_path: Path, damage: str) -> None:
    content = gzip.compress(packed(np.random.default_rng(0).integers(0, 255, 1000).astype(np.uint8)))
    changed = content[:500] + bytes([content[500] ^ 255]) + content[501:]
    path = tmp_path / "bad.gz"
    path.write_bytes({"cut short": content[:-100], "changed": changed, "more after it": content + b"junk"}[damage])
    with pytest.raises(ValueError, match=r"bad\.gz' is truncated or corrupt"):
        read_idx(path)


@pytest.mark.parametrize("compress", [False, True])
def test_no_memory_for_mere_claims(tmp_path: Path, compress: bool) -> None:
    content = struct.pack(">BBBB2I", 0, 0, 8, 2, 60_000, 60_000) + bytes(1000)
    path = tmp_path / "claim"
    path.write_bytes(gzip.compress(content) + bytes(4_000_000) if compress else content)  # so that gzip could hold it
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="truncated"):
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_wrong_hash(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(GOOD)
    with pytest.raises(ValueError, match=f"its sha256 is {hashlib.sha256(GOOD).hexdigest()}, expected 00"):
        read_idx(tmp_path / "file", "00" * 32)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        read_idx(tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_give_an_array_or_a_value_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, plausible: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-idx"
    path.write_bytes(b"\0\0\x08\x01\0\0\0" + content if plausible else content)
    try:
        array = read_idx(path)
    except ValueError:
        return
    assert packed(array) == path.read_bytes()
