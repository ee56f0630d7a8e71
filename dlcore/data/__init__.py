"""Data sets and the loader that makes batches of them."""

from dlcore.data._digits import digits
from dlcore.data._mnist import mnist
from dlcore.data.dataset import Dataset, TensorDataset
from dlcore.data.loader import DataLoader

__all__ = ["DataLoader", "Dataset", "TensorDataset", "digits", "mnist"]
