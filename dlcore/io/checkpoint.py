"""`dl.save` and `dl.load`: dicts of tensors in the safetensors format.

The format (https://github.com/huggingface/safetensors) is a JSON header and raw little-endian values: no code
is run by loading a file, and PyTorch, JAX and others read it. The package is imported at first use.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor, asarray
from dlcore.io._atomic import atomic_write

if TYPE_CHECKING:
    from dlcore._device import device as Device

_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip
_RESERVED = "__metadata__"  # the header's own entry


def save(
    state_dict: Mapping[str, Tensor | np.ndarray[Any, Any]],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors to a safetensors file, atomically: whatever happens, `path` holds the old file or the new one.

    Views, transposed and negatively strided arrays are written as the values they show. Nothing is kept of graphs,
    of devices and of which tensors shared memory. The same tensors and metadata give the same bytes.

    Args:
        state_dict: tensors or NumPy arrays by name, for example `model.state_dict()`; of dtype bool, (u)int8 to
            (u)int64, float16, float32, float64 or complex64, of any shape, 0-d and empty ones included.
        path: the file to write; its folder must exist.
        metadata: strings by name that `dlcore.io.load_metadata` gives back. Default: none.

    Raises:
        TypeError: a name or a piece of metadata is not a string, a value is no tensor, or `path` is no path.
        ValueError: a name is `"__metadata__"`, which the format reserves, or no valid Unicode.
        DTypeError: a tensor has a dtype that the format lacks.
        OSError: the file could not be written; the old one is untouched.

    All of them are raised before anything is written, but the last.

    >>> import dlcore as dl, os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.safetensors")
    >>> dl.save({"weight": dl.tensor([[1.0, 2.0]])}, path, metadata={"epoch": "3"})
    >>> dl.load(path)["weight"].numpy()
    array([[1., 2.]], dtype=float32)
    >>> dl.io.load_metadata(path)
    {'epoch': '3'}
    >>> folder.cleanup()
    """
    arrays = _checked_arrays(state_dict)
    texts = _checked_metadata(metadata)
    path = _checked_path("save", path)

    from safetensors.numpy import save as serialize

    header, values = _in_order(serialize(arrays, metadata=texts))
    with atomic_write(path) as file:
        file.write(header)
        file.write(values)


def load(path: str | os.PathLike[str], device: str | Device | None = None) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Args:
        path: the file, written by `dl.save` or by any other library.
        device: where the tensors are made. Default: the current device.

    Returns:
        Tensors by name, in alphabetical order (the format keeps no other), with the dtypes and shapes of the file.
        They do not require gradients and share no memory with the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, corrupt or no safetensors file; the message says what is wrong.
        DTypeError: an entry has a dtype that NumPy lacks, such as bfloat16 or float8.
        TypeError: `path` is no path.
    """
    path = _checked_path("load", path)
    # All entries are read before the first tensor is made: a bad file leaves nothing half done.
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    with _opened(path) as file:
        for name in sorted(file.keys()):
            code = file.get_slice(name).get_dtype()
            if code not in _DTYPES:
                raise DTypeError(
                    f"load: entry {name!r} of {path!r} has dtype {code}; dlcore can load {', '.join(_DTYPES.values())}"
                )
            array = file.get_tensor(name)
            if code == "BOOL" and array.view(np.uint8).max(initial=0) > 1:
                raise ValueError(f"entry {name!r} of dtype bool holds bytes other than 0 and 1")
            arrays[name] = array
    return {name: asarray(array, device=device) for name, array in arrays.items()}


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The metadata of a safetensors file, `{}` if it has none; the tensors are not read.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, corrupt or no safetensors file.
        TypeError: `path` is no path.

    >>> import dlcore as dl, os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "empty.safetensors")
    >>> dl.save({}, path, metadata={"made by": "an example"})
    >>> dl.io.load_metadata(path)
    {'made by': 'an example'}
    >>> folder.cleanup()
    """
    with _opened(_checked_path("load_metadata", path)) as file:
        return dict(file.metadata() or {})


def _checked_arrays(state_dict: Mapping[str, Tensor | np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"save: state_dict must be a dict of tensors by name, got {type(state_dict).__name__}")
    for name, value in state_dict.items():
        if not isinstance(name, str):
            raise TypeError(f"save: the names in state_dict must be strings, got {name!r}")
        if name == _RESERVED:
            raise ValueError(f"save: the name {_RESERVED!r} is reserved by the file format; pass metadata= instead")
        _check_unicode("a name in state_dict", name)
        if not isinstance(value, Tensor | np.ndarray):
            raise TypeError(
                f"save: state_dict[{name!r}] must be a tensor or a NumPy array, "
                f"got {value!r:.80} of type {type(value).__name__}"
            )
        if np.dtype(value.dtype).newbyteorder("=").name not in _DTYPES.values():
            raise DTypeError(
                f"save: state_dict[{name!r}] has dtype {value.dtype}; the format has {', '.join(_DTYPES.values())}"
            )
    arrays = {name: value.numpy() if isinstance(value, Tensor) else value for name, value in state_dict.items()}
    # Row-major and of the machine's byte order; not ascontiguousarray, which makes (1,) of ().
    return {name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}


def _checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise TypeError(f"save: metadata must be a dict of strings by name, got {type(metadata).__name__}")
    for name, value in metadata.items():
        for part, text in (("the names in metadata", name), (f"metadata[{name!r}]", value)):
            if not isinstance(text, str):
                raise TypeError(f"save: {part} must be strings, got {text!r:.80} of type {type(text).__name__}")
            _check_unicode(part, text)
    return dict(metadata)


def _checked_path(name: str, path: Any) -> str:
    """The path as a string. An int is none, though `open` would take it for a file descriptor."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{name}: path must be a string or a path, got {path!r:.80} of type {type(path).__name__}")
    return os.fsdecode(path)


def _check_unicode(what: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"save: {what}, {text!r}, is no valid Unicode: {error}") from None


def _in_order(data: bytes) -> tuple[bytes, memoryview]:
    """The header of a safetensors file and what follows it; the package puts metadata in an order that is random."""
    import json

    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    if _RESERVED in header:
        header[_RESERVED] = dict(sorted(header[_RESERVED].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the values are aligned
    return len(text).to_bytes(8, "little") + text, memoryview(data)[start:]


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """The open file; what the package or NumPy find wrong with it becomes a ValueError that names it."""
    with open(path, "rb"):
        pass  # a missing file, a folder, a lack of permission: Python's own errors say it best

    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"cannot load {path!r}: it is truncated, corrupt or no safetensors file ({error})") from error
