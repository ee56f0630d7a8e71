"""Data sets and the loader that makes batches of them."""

from dlcore.data._digits import digits
from dlcore.data._mnist import fashion_mnist, mnist
from dlcore.data._tables import breast_cancer, diabetes, iris, wine
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.data.loader import DataLoader

__all__ = [
    "DataLoader",
    "Dataset",
    "TensorDataset",
    "breast_cancer",
    "diabetes",
    "digits",
    "fashion_mnist",
    "iris",
    "mnist",
    "wine",
]
