"""Data sets for the tests of workers, which processes can import."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

import dlcore as dl


class Rows:
    """Item i is (i, a few random numbers): what a worker draws has to belong to the batch."""

    def __init__(self, count: int = 23) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return index, dl.rand(2).numpy()


class Slow(Rows):
    """The items of the first batches take longest."""

    def __getitem__(self, index: int) -> Any:
        time.sleep(0.02 if index < 4 else 0.0)
        return index, np.float32(index)


class Broken(Rows):
    """Item 9 raises."""

    def __getitem__(self, index: int) -> Any:
        if index == 9:
            return self.inner_part_that_fails(index)
        return index

    def inner_part_that_fails(self, index: int) -> Any:
        raise KeyError(f"item {index}")


class OddError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


class BrokenOddly(Rows):
    """It raises what cannot be made again from a pickle."""

    def __getitem__(self, index: int) -> Any:
        raise OddError(1, 2)


class Dying(Rows):
    """Item 9 ends the process."""

    def __getitem__(self, index: int) -> Any:
        if index == 9:
            os.kill(os.getpid(), 9)
        return index


class Leaving(Rows):
    """Item 9 ends the process, with an exit code."""

    def __getitem__(self, index: int) -> Any:
        if index == 9:
            os._exit(3)
        return index


class Environment(Rows):
    """What a process is told about threads and devices."""

    def __getitem__(self, index: int) -> Any:
        threads = [int(os.environ.get(name, "0")) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")]
        return np.array([*threads, dl.current_device() == "numpy", os.getpid()])


def noisy(batch: np.ndarray[Any, Any], generator: dl.Generator) -> np.ndarray[Any, Any]:
    """A transform with a random number for each image."""
    return batch + dl.rand(len(batch), device="numpy", generator=generator).numpy().reshape(-1, 1)
