"""Data sets and the loader that makes batches of them."""

from dlcore.data import transforms
from dlcore.data._digits import digits
from dlcore.data._images import ImageFolder
from dlcore.data._mnist import fashion_mnist, mnist
from dlcore.data._tables import breast_cancer, diabetes, iris, wine
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.data.loader import DataLoader
from dlcore.data.subset import ConcatDataset, Subset, random_split

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
