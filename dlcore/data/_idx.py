"""The IDX format of MNIST and its relatives: a header of big-endian numbers, then the values in row-major order.

Byte 0 and 1 are zero, byte 2 is the code of the dtype, byte 3 the number of dimensions; then come the
dimensions, four bytes each (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database", file format).
"""

from __future__ import annotations

import contextlib
import math
import os
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_MAX_RATIO = 1032  # what deflate can compress at most (zlib's technical notes)
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> np.ndarray[Any, Any]:
    """The array in an IDX file, plain or compressed by gzip (told by the content, not the name).

    Args:
        path: the file.
        sha256: what the uncompressed content must hash to, in hexadecimal. None does not ask.

    Returns:
        An array of the file's shape and dtype, in the machine's byte order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the content is no IDX, is shorter or longer than its header claims, or has another hash. Memory
            is taken as data arrives, never for what a header merely claims.
    """
    import hashlib
    import zlib

    name = os.fspath(path)
    digest = hashlib.sha256()
    try:
        with _opened(path) as (stream, most):
            header = _read(stream, 4, name, "the magic number")
            if header[:2] != b"\0\0":
                raise ValueError(
                    f"{name!r} is no IDX file: it begins with {bytes(header[:4])!r}, expected two zero bytes"
                )
            if header[2] not in _DTYPES:
                raise ValueError(f"{name!r}: unknown IDX dtype code 0x{header[2]:02x}; known: {_known_codes()}")
            dtype = np.dtype(_DTYPES[header[2]])
            dimensions = _read(stream, 4 * header[3], name, f"{header[3]} dimensions")
            shape = tuple(int(size) for size in np.frombuffer(dimensions, ">u4"))
            size = math.prod(shape) * dtype.itemsize
            if size > most:
                raise ValueError(
                    f"{name!r} is truncated or corrupt: shape {shape} of {dtype.name} needs {size} bytes, "
                    f"the file cannot hold more than {most}"
                )
            values = _read(stream, size, name, f"shape {shape} of {dtype.name}")
            if stream.read(1):
                raise ValueError(f"{name!r} has more data than the {size} bytes of shape {shape} of {dtype.name}")
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and not _is_bad_gzip(error):
            raise
        raise ValueError(f"{name!r} is truncated or corrupt: {error}") from error

    if sha256 is not None:
        for part in (header, dimensions, values):
            digest.update(part)
        if digest.hexdigest() != sha256:
            raise ValueError(f"{name!r} has unexpected content: its sha256 is {digest.hexdigest()}, expected {sha256}")
    if len(shape) > 64:
        raise ValueError(f"{name!r} has {len(shape)} dimensions; NumPy allows 64")
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[IO[bytes], int]]:
    """The uncompressed content, and how many bytes that can be at most."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        compressed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if compressed:
            import gzip

            with gzip.open(file, "rb") as content:
                yield cast("IO[bytes]", content), size * _GZIP_MAX_RATIO
        else:
            yield file, size


def _read(stream: IO[bytes], size: int, name: str, what: str) -> bytearray:
    data = bytearray()
    while len(data) < size:
        chunk = stream.read(min(_CHUNK, size - len(data)))
        if not chunk:
            raise ValueError(f"{name!r} is truncated: {what} takes {size} bytes, only {len(data)} are there")
        data += chunk
    return data


def _is_bad_gzip(error: OSError) -> bool:
    import gzip

    return isinstance(error, gzip.BadGzipFile)


def _known_codes() -> str:
    return ", ".join(f"0x{code:02x} {np.dtype(dtype).name}" for code, dtype in _DTYPES.items())
