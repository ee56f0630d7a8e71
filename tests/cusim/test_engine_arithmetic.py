"""What CUDA's arithmetic, bit and atomic functions compute, held against NumPy and Python's integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cusim.engine_support import Array, launch, program

FILE = "engine_arithmetic.cu"
N = 64
both_modes = pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])


def rows(
    kernel: str, check: bool, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], count: int
) -> np.ndarray[Any, Any]:
    out = Array(np.zeros((count, N), a.dtype))
    launch(program(FILE, check).function(kernel), 1, N, Array(a), Array(b), out, N)
    return out.values


def signed(x: int, bits: int) -> int:
    return x - (1 << bits) if x >> (bits - 1) else x


def expected_integers(x: int, y: int) -> Iterator[int]:
    u, v, s, both = signed(x, 32), signed(y, 32), y & 31, y << 32 | x
    yield x * y >> 32
    yield u * v >> 32
    yield x.bit_count()
    yield 32 - x.bit_length()
    yield (x & -x).bit_length()
    yield int(f"{x:032b}"[::-1], 2)
    yield both << s >> 32
    yield both >> s
    yield x
    yield y
    yield int.from_bytes(bytes(both.to_bytes(8, "little")[k] for k in (1, 5, 3, 7)), "little")
    yield min(u, v)
    yield max(x, y)
    yield max(x, y)
    yield (x & 0xFFFFFF) * (y & 0xFFFFFF)
    yield (u + v) >> 1
    yield signed(x & 0xFFFFFF, 24) * signed(y & 0xFFFFFF, 24)
    yield abs(u - v) + y
    yield abs(int(u / 2))
    yield x


def expected_long_integers(x: int, y: int) -> Iterator[int]:
    yield x * y >> 64
    yield signed(x, 64) * signed(y, 64) >> 64
    yield x.bit_count()
    yield 64 - x.bit_length()
    yield (x & -x).bit_length()
    yield int(f"{x:064b}"[::-1], 2)
    yield x
    yield x >> 32
    yield x & 0xFFFFFFFF
    yield min(x, y)


@both_modes
@pytest.mark.parametrize(
    ("kernel", "bits", "expected"), [("integers", 32, expected_integers), ("long_integers", 64, expected_long_integers)]
)
def test_integers(
    kernel: str, bits: int, expected: Callable[[int, int], Iterator[int]], check: bool, rng: np.random.Generator
) -> None:
    dtype = np.dtype(f"u{bits // 8}")
    edges = np.array([0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 5, 64], dtype)
    a = np.concatenate([edges, rng.integers(0, 2**bits, N - edges.size, dtype)])
    b = np.concatenate([edges[::-1], rng.integers(0, 2**bits, N - edges.size, dtype)])
    wanted = np.array(
        [[value % 2**bits for value in expected(int(x), int(y))] for x, y in zip(a, b, strict=True)], dtype
    ).T
    got = rows(kernel, check, a, b, len(wanted))
    for row, (one, other) in enumerate(zip(got, wanted, strict=True)):
        assert (one == other).all(), f"row {row}"


def some_floats(rng: np.random.Generator, dtype: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    edges = np.array([0, -0.0, 1, -1.5, 2.5, 3.5, np.inf, -np.inf, np.nan, 3e9, -3e9, 5e9, 1e-30, 0.3], dtype)
    a = np.concatenate([edges, rng.standard_normal(N - edges.size) * 100]).astype(dtype)
    b = np.concatenate([edges[::-1], rng.standard_normal(N - edges.size)]).astype(dtype)
    return a, b


@both_modes
def test_floats(check: bool, rng: np.random.Generator) -> None:
    a, b = some_floats(rng, np.float32)
    with np.errstate(all="ignore"):
        whole = {
            name: np.nan_to_num(getattr(np, name)(a.astype(float)), nan=0.0)
            for name in ("rint", "trunc", "floor", "ceil")
        }
        wanted = [
            a + b, a - b, a * b, a / b, np.sqrt(abs(a)), 1 / b, np.fmax(a, b), np.fmin(a, b),
            np.isnan(a) + 2 * np.isinf(a) + 4 * np.isfinite(a) + 8 * np.signbit(a),
            *(np.clip(value, -(2.0**31), 2.0**31 - 1) for value in whole.values()),
            np.clip(whole["trunc"], 0, 2.0**32 - 1),
            np.copysign(a, b), 1 / np.sqrt(abs(a)), np.fmin(np.fmax(a, 0), 1), np.exp(a), a,
        ]  # fmt: skip
        got = rows("floats", check, a, b, len(wanted))
        for row, (one, other) in enumerate(zip(got, wanted, strict=True)):
            exact = row not in (15, 17)  # two roundings, and the C library's exponential
            np.testing.assert_allclose(one, np.float32(other), rtol=0 if exact else 1e-6, err_msg=f"row {row}")


@both_modes
def test_doubles(check: bool, rng: np.random.Generator) -> None:
    a, b = some_floats(rng, np.float64)
    finite = np.isfinite(a)
    with np.errstate(all="ignore"):
        longs = np.clip(np.nan_to_num(np.rint(a), nan=0.0), -(2.0**63), 2.0**63)
        wanted = [a + b, a * b, a / b, np.sqrt(abs(a)), a * b + 1, np.fmax(a, b), longs, a, np.log1p(abs(a))]
        got = rows("doubles", check, a, b, len(wanted))
        for row, (one, other) in enumerate(zip(got, wanted, strict=True)):
            where = finite if row == 4 else slice(None)
            tolerance = {4: 1e-13, 8: 1e-15}.get(row, 0.0)
            np.testing.assert_allclose(one[where], other[where], rtol=tolerance, err_msg=f"row {row}")


@both_modes
def test_what_must_be_rounded_twice_is(check: bool) -> None:
    x = np.float32(1 + 2.0**-12)
    out = Array(np.zeros(6, np.float32))
    launch(program(FILE, check).function("contraction"), 1, 1, Array(np.array([x])), out)
    twice, once = x * x - np.float32(1), np.float32(float(x) * float(x) - 1)
    assert twice != once
    assert out.values[:4].tolist() == [twice, twice, once, once]
    assert out.values[4] in (once, twice)  # as nvcc, which fuses where it can
    assert out.values[5] == twice


@both_modes
def test_halves(check: bool) -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    out, again = Array(np.zeros(2**16, np.float32)), Array(np.zeros(2**16, np.uint16))
    launch(program(FILE, check).function("halves"), 1, 64, Array(bits), out, again, bits.size)
    expected = bits.view(np.float16).astype(np.float32)
    np.testing.assert_array_equal(out.values, expected)
    number = ~np.isnan(expected)
    assert (again.values[number] == bits[number]).all()
    assert np.isnan(again.values.view(np.float16)[~number]).all()


@both_modes
@pytest.mark.parametrize("order", [0, 1, 2])
def test_atomics(check: bool, order: int, rng: np.random.Generator) -> None:
    a = Array(rng.integers(-50, 50, N, np.int32))
    i, u = Array(np.array([1, 2, 40, -40, 3, -1, 8], np.int32)), Array(np.array([0, 5, 0, 7, 0], np.uint32))
    wide, f, d = Array(np.zeros(2, np.uint64)), Array(np.zeros(1, np.float32)), Array(np.zeros(1))
    a.values[5] = 60
    olds = Array(np.zeros(N, np.int32))
    launch(program(FILE, check).function("atomics"), 1, N, a, i, u, wide, f, d, olds, order=order)
    v = a.values
    assert i.values.tolist() == [
        1 + v.sum(), 2 - v.sum(), min(40, v.min()), 60, 3 ^ np.bitwise_xor.reduce(v),
        np.bitwise_and.reduce(v | 4), 8 | np.bitwise_or.reduce(v),
    ]  # fmt: skip
    assert np.bincount(olds.values, minlength=10).tolist() == [7, 7, 7, 7, 6, 6, 6, 6, 6, 6]  # 64 turns of 0..9
    assert u.values[0] == 64 % 10
    assert u.values[1] == (5 - 64) % 10
    assert u.values[2] == 3 * 64
    assert u.values[3] == {0: 0, 1: 63}.get(order, u.values[3])
    assert u.values[4] == 11
    assert wide.values.tolist() == [64 << 40, max(v.astype(np.int64).astype(np.uint64))]
    assert f.values[0] == 32
    assert d.values[0] == 16
