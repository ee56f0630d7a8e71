"""Data sets: something with a length whose items can be had by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, asarray

if TYPE_CHECKING:
    from collections.abc import Sequence


class Dataset(Protocol):
    """What `DataLoader` needs. Derive from it, or just have these two methods: a list will do.

    >>> from dlcore.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return float(index), index**2
    >>> for batch in DataLoader(Squares(), batch_size=2):
    ...     print(batch)
    (tensor([0., 1.]), tensor([0, 1]))
    (tensor([2., 3.]), tensor([4, 9]))
    """

    def __len__(self) -> int:
        """How many items there are."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __getitem__(self, index: int, /) -> Any:
        """Item `index`, 0 <= index < len: a tensor, an array, a number, or a tuple or dict of these."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")


class TensorDataset(Dataset):
    """Tensors that belong together: item i is the tuple of their rows i.

    Args:
        *arrays: tensors, NumPy arrays or nested lists of shape (N, ...), at least one, all with the same N. NumPy
            arrays are shared, not copied, where the current device can; tensors are kept as they are.

    Attributes:
        tensors: the tuple of tensors.

    Raises:
        ShapeError: an argument is 0-d, or the lengths differ.
        TypeError: no argument.

    An integer gives rows of shape (...), a slice or an array of M integers gives (M, ...): a whole batch at once.
    A slice shares memory with the data set.

    >>> import numpy as np
    >>> from dlcore.data import TensorDataset
    >>> ds = TensorDataset(np.eye(3, dtype=np.float32), [7, 8, 9])
    >>> len(ds)
    3
    >>> ds[1]
    (tensor([0., 1., 0.]), tensor(8))
    >>> ds[[2, 0]][1]
    tensor([9, 7])
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *arrays: Tensor | np.ndarray[Any, Any] | Sequence[Any]) -> None:
        if not arrays:
            raise TypeError("TensorDataset: expected at least one array, got none")
        tensors = tuple(array if isinstance(array, Tensor) else asarray(array) for array in arrays)
        for position, tensor in enumerate(tensors):
            if tensor.ndim == 0:
                raise ShapeError(f"TensorDataset: array {position} is 0-d; expected shape (N, ...)")
        lengths = [tensor.shape[0] for tensor in tensors]
        if len(set(lengths)) > 1:
            raise ShapeError(f"TensorDataset: the arrays must have the same length, got {lengths}")
        self.tensors = tensors

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray[Any, Any] | Tensor, /) -> tuple[Tensor, ...]:
        if isinstance(index, list | tuple):  # a tuple would index several axes
            index = np.asarray(index) if index else np.empty(0, np.int64)
        if not isinstance(index, slice):
            dtype = index.dtype if isinstance(index, np.ndarray | np.generic | Tensor) else np.asarray(index).dtype
            if dtype.kind not in "iu":
                raise DTypeError(f"TensorDataset: the index must be an integer, a slice or integers, got {index!r:.80}")
        return tuple(tensor[index] for tensor in self.tensors)

    def __repr__(self) -> str:
        return f"TensorDataset({', '.join(f'{tensor.shape} {tensor.dtype}' for tensor in self.tensors)})"
