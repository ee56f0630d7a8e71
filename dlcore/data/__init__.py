"""Data sets and the loader that makes batches of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlcore.data._digits import digits
from dlcore.data._images import ImageFolder
from dlcore.data._mnist import fashion_mnist, mnist
from dlcore.data._tables import breast_cancer, diabetes, iris, wine
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.data.loader import DataLoader
from dlcore.data.subset import ConcatDataset, Subset, random_split

if TYPE_CHECKING:
    from dlcore.data import transforms

__all__ = [
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "ImageFolder",
    "Subset",
    "TensorDataset",
    "breast_cancer",
    "diabetes",
    "digits",
    "fashion_mnist",
    "iris",
    "mnist",
    "random_split",
    "transforms",
    "wine",
]


def __getattr__(name: str) -> Any:
    """`transforms` at its first use: `import dlcore` is to cost little."""
    if name == "transforms":
        return import_module("dlcore.data.transforms")
    raise AttributeError(f"module 'dlcore.data' has no attribute {name!r}")
