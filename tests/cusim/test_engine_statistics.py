"""What check mode counts: bytes, sectors, bank conflicts, by line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cusim.engine_support import ORDERS, Array, launch, lines_of, program

from dlcore.backends.cusim.statistics import LineStatistics, Statistics

FILE = "engine_traffic.cu"


def run(
    kernel: str, size: int, dtype: Any = np.float32, grid: int = 1, threads: int = 32, n: int = 0, order: int = 0
) -> Statistics:
    x, out = Array(np.ones(size, dtype)), Array(np.zeros(size, dtype))
    return launch(program(FILE, True).function(kernel), grid, threads, x, out, n, order=order)


def line(statistics: Statistics, name: str) -> LineStatistics:
    (number,) = lines_of(FILE, name)
    return statistics.lines[(FILE, number)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("kernel", "dtype", "size"),
    [("contiguous", np.float32, 1003), ("vectors", np.float32, 1004), ("grid_stride", np.float64, 997)],
)
def test_a_contiguous_stream_counts_its_own_bytes(kernel: str, dtype: Any, size: int, order: int) -> None:
    grid = {"contiguous": 16, "vectors": 4, "grid_stride": 3}[kernel]
    statistics = run(kernel, size, dtype, grid, 64, size, order)
    nbytes = size * np.dtype(dtype).itemsize
    assert (statistics.bytes_read, statistics.bytes_written) == (nbytes, nbytes)
    assert (statistics.unique_read, statistics.unique_written) == (nbytes, nbytes)
    assert statistics.accesses == 2 * (size // 4 if kernel == "vectors" else size)
    assert statistics.uncoalesced == statistics.bank_conflicts == {}


@pytest.mark.parametrize(
    ("kernel", "n", "sectors", "least", "bytes_read"),
    [
        ("strided", 1, 4, 4, 128),
        ("strided", 2, 8, 4, 6 * 32 + 2 * 16),
        ("strided", 8, 32, 4, 30 * 32 + 2 * 4),
        ("strided", 32, 32, 4, 30 * 32 + 2 * 4),
        ("broadcast", 0, 1, 1, 4),
        ("off_by_one", 0, 5, 4, 128),
    ],
)
def test_sectors_of_global_memory(kernel: str, n: int, sectors: int, least: int, bytes_read: int) -> None:
    statistics = run(kernel, 1024, n=n)
    counted = line(statistics, kernel)
    assert (counted.requests, counted.sectors, counted.least_sectors) == (1, sectors, least)
    assert counted.bytes_read == statistics.bytes_read == bytes_read
    expected = {(FILE, *lines_of(FILE, kernel)): sectors / least} if sectors >= 2 * least else {}
    assert statistics.uncoalesced == expected


def test_what_is_read_twice_counts_twice_but_is_unique_once() -> None:
    statistics = run("read_twice", 64, grid=2)
    assert (statistics.bytes_read, statistics.unique_read) == (512, 256)
    assert (statistics.bytes_written, statistics.unique_written) == (256, 256)
    again = run("read_twice", 64, grid=2)  # other buffers, same counts
    assert again.lines == statistics.lines


@pytest.mark.parametrize("order", ORDERS)
def test_lanes_that_diverge_are_put_together_by_turn(order: int) -> None:
    counted = line(run("diverging", 128, order=order), "diverging")
    assert counted.accesses == 16 * 4 + 16 * 2
    assert counted.requests == 4
    assert (counted.sectors, counted.least_sectors) == (16, 2 * 4 + 2 * 2)


@pytest.mark.parametrize(("stride", "conflicts"), [(1, 0), (2, 1), (3, 0), (4, 3), (8, 7), (32, 31), (33, 0), (0, 0)])
def test_bank_conflicts(stride: int, conflicts: int) -> None:
    statistics = run("shared_access", 2048, n=stride)
    assert line(statistics, "shared_access").bank_conflicts == conflicts
    assert statistics.bank_conflicts == ({(FILE, *lines_of(FILE, "shared_access")): conflicts} if conflicts else {})


@pytest.mark.parametrize(("stride", "conflicts"), [(4, 0), (8, 4), (0, 0)])
def test_bank_conflicts_of_vectors_count_by_quarter_warps(stride: int, conflicts: int) -> None:
    counted = line(run("shared_vectors", 2048, n=stride), "shared_vectors")
    assert (counted.shared_requests, counted.bank_conflicts) == (1, conflicts)


def test_lanes_that_read_one_word_share_it() -> None:
    assert run("shared_broadcast", 64).bank_conflicts == {}


def test_fast_mode_counts_nothing() -> None:
    x, out = Array(np.ones(64, np.float32)), Array(np.zeros(64, np.float32))
    statistics = launch(program(FILE, False).function("contiguous"), 1, 64, x, out, 64)
    assert statistics == Statistics("contiguous")
    assert statistics.lines == {}
    assert (out.values == 1).all()
