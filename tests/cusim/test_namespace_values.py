"""The simulator's module against NumPy: one expression, two namespaces, the same values, dtypes and shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import namespace as cp

DTYPES = ["bool", "int8", "uint8", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "complex64"]
FLOATS = ["float16", "float32", "float64"]


def data(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    values = rng.integers(0, 2, shape) if dtype == "bool" else rng.integers(1, 5, shape)
    if dtype in ("float16", "float32", "float64", "complex64"):
        values = values + rng.random(shape)
    return np.asarray(values).astype(dtype)


def host(x: Any) -> Any:
    if isinstance(x, cp.ndarray):
        return x.get()
    if isinstance(x, (tuple, list)):
        return [host(part) for part in x]
    return x


def check(expression: Any, *arrays: Any, exact: bool = True) -> None:
    """`expression(xp, *arrays)` gives the same on both, and arrays of the simulator there."""
    expected = expression(np, *[a.copy() for a in arrays])
    found = expression(cp, *[cp.asarray(a) for a in arrays])
    for one, other in zip(*([x] if not isinstance(x, (tuple, list)) else x for x in (found, expected)), strict=True):
        if isinstance(other, (np.ndarray, np.generic)):
            assert type(one) is cp.ndarray
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            np.testing.assert_array_equal(one.get(), other)
        else:
            assert type(one) is type(other)
            assert one == other


# --- one array ------------------------------------------------------------------------------------

SHAPED = {
    "reshape": lambda xp, x: xp.reshape(x, (4, -1)),
    "reshape method": lambda xp, x: x.reshape(2, 6),
    "reshape F": lambda xp, x: xp.reshape(x, (2, 6), order="F"),
    "ravel": lambda xp, x: xp.ravel(x),
    "ravel of T": lambda xp, x: x.T.ravel(),
    "flatten": lambda xp, x: x.flatten(),
    "transpose": lambda xp, x: xp.transpose(x, (1, 0)),
    "transpose method": lambda xp, x: x.transpose(1, 0),
    "T": lambda xp, x: x.T,
    "swapaxes": lambda xp, x: xp.swapaxes(x, 0, 1),
    "moveaxis": lambda xp, x: xp.moveaxis(x[None], 0, 2),
    "expand_dims": lambda xp, x: xp.expand_dims(x, 1),
    "squeeze": lambda xp, x: xp.squeeze(x[None], axis=0),
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 3, 4)),
    "concatenate": lambda xp, x: xp.concatenate([x, x[:1]], axis=0),
    "stack": lambda xp, x: xp.stack((x, x), axis=1),
    "vstack": lambda xp, x: xp.vstack([x, x]),
    "split": lambda xp, x: xp.split(x, 2, axis=1),
    "tile": lambda xp, x: xp.tile(x, (2, 1)),
    "repeat": lambda xp, x: xp.repeat(x, 2, axis=1),
    "flip": lambda xp, x: xp.flip(x, axis=0),
    "roll": lambda xp, x: xp.roll(x, 1, axis=1),
    "tril": lambda xp, x: xp.tril(x),
    "diagonal": lambda xp, x: x.diagonal(1),
    "trace": lambda xp, x: xp.trace(x),
    "take": lambda xp, x: xp.take(x, xp.asarray([2, 0, 1, 1]), axis=1),
    "take flat": lambda xp, x: xp.take(x, xp.asarray([7, 0])),
    "take_along_axis": lambda xp, x: xp.take_along_axis(x, xp.asarray([[1, 0], [2, 1], [0, 0]]), axis=1),
    "where": lambda xp, x: xp.where(x > 1, x, xp.zeros_like(x)),
    "where with a number": lambda xp, x: xp.where(x > 1, x, 0),
    "nonzero": lambda xp, x: xp.nonzero(x),
    "argwhere": lambda xp, x: xp.argwhere(x),
    "zeros_like": lambda xp, x: xp.zeros_like(x),
    "ones_like": lambda xp, x: xp.ones_like(x, shape=(2, 2)),
    "full_like": lambda xp, x: xp.full_like(x, 1),
    "copy": lambda xp, x: x.copy(),
    "astype": lambda xp, x: x.astype(xp.complex64),
    "asarray of lists": lambda xp, x: xp.asarray([[1, 2.5], [3, 4]]),
    "array of arrays": lambda xp, x: xp.array([x[0], x[1]]),
    "sort": lambda xp, x: xp.sort(x, axis=1),
    "argsort": lambda xp, x: xp.argsort(x, axis=1, kind="stable"),
    "unique": lambda xp, x: xp.unique(x),
    "count_nonzero": lambda xp, x: xp.asarray(xp.count_nonzero(x, axis=1)),
    "all": lambda xp, x: xp.all(x, axis=0),
    "any": lambda xp, x: xp.any(x, axis=(0, 1)),
    "sum": lambda xp, x: xp.sum(x, axis=1, keepdims=True),
    "sum all": lambda xp, x: xp.sum(x),
    "sum to a dtype": lambda xp, x: xp.sum(x, axis=0, dtype=xp.complex64),
    "prod": lambda xp, x: x.prod(axis=0),
    "cumsum": lambda xp, x: xp.cumsum(x, axis=1),
    "max": lambda xp, x: xp.max(x, axis=1),
    "min": lambda xp, x: x.min(axis=0, keepdims=True),
    "argmax": lambda xp, x: xp.argmax(x, axis=1),
    "argmin": lambda xp, x: x.argmin(),
    "real": lambda xp, x: xp.real(x),
    "imag": lambda xp, x: xp.imag(x),
    "equal": lambda xp, x: x == x[0],
    "not_equal": lambda xp, x: x != 1,
    "shape": lambda xp, x: xp.shape(x),
    "ndim": lambda xp, x: xp.ndim(x),
    "result_type": lambda xp, x: xp.result_type(x, xp.float32),
    "can_cast": lambda xp, x: xp.can_cast(x.dtype, xp.float32),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("expression", SHAPED.values(), ids=SHAPED.keys())
def test_functions_of_every_dtype(expression: Any, dtype: str, rng: np.random.Generator) -> None:
    check(expression, data(rng, (3, 4), dtype))


REAL = {
    "mean": lambda xp, x: xp.mean(x, axis=1),
    "ptp": lambda xp, x: xp.ptp(x, axis=0),
    "cumprod": lambda xp, x: x.cumprod(axis=1),
    "searchsorted": lambda xp, x: xp.searchsorted(xp.sort(x[0]), v=x[1], side="right"),
    "clip by name": lambda xp, x: xp.clip(x, a_max=3, a_min=None),
    "compress": lambda xp, x: xp.compress(xp.asarray([True, False, True]), x, axis=0),
    "average": lambda xp, x: xp.average(x, axis=0),
    "sort flat": lambda xp, x: xp.sort(x, axis=None),
    "partition": lambda xp, x: xp.partition(x, 1, axis=1)[:, 1],
    "argpartition": lambda xp, x: xp.take_along_axis(x, xp.argpartition(x, 1, axis=1), axis=1)[:, 1],
    "fmod": lambda xp, x: xp.fmod(x, 2),
    "pad by parts": lambda xp, x: xp.concatenate([xp.zeros((1, 4), dtype=x.dtype), x]),
    "+x": lambda xp, x: +x,
    "2 - x, 2 / x, 2 // x, 2 % x": lambda xp, x: (2 - x) + (2 / x) + (2 // x) + (2 % x),
    "conj": lambda xp, x: x.conj(),
    "var": lambda xp, x: x.var(axis=0, ddof=1),
    "std": lambda xp, x: xp.std(x),
    "clip": lambda xp, x: xp.clip(x, 1.5, 3),
    "clip below": lambda xp, x: x.clip(2, None),
    "sigmoid": lambda xp, x: 1 / (1 + xp.exp(-x)),
    "log1p expm1": lambda xp, x: xp.log1p(xp.expm1(x)),
    "sqrt tanh sign floor": lambda xp, x: xp.sqrt(xp.tanh(x)) * xp.sign(x) + xp.floor(x),
    "maximum of a number": lambda xp, x: xp.maximum(x, 2),
    "minimum": lambda xp, x: xp.minimum(x, x[::-1]),
    "isnan": lambda xp, x: xp.isnan(x / 0) | xp.isinf(x / 0),
    "power": lambda xp, x: x**2 + 2**x + x**0.5,
    "matmul": lambda xp, x: x @ x.T,
    "matmul of batches": lambda xp, x: xp.matmul(x[None], x.T),
    "dot": lambda xp, x: xp.dot(x[0], x[1]),
    "tensordot": lambda xp, x: xp.tensordot(x, x, axes=([1], [1])),
    "einsum": lambda xp, x: xp.einsum("ij,ik->jk", x, x),
    "outer": lambda xp, x: xp.outer(x[0], x[1]),
    "scalars do not widen": lambda xp, x: 2.5 * x - 3 + x / 7,
    "NumPy scalars do": lambda xp, x: x + np.float64(1),
    "linspace": lambda xp, x: xp.linspace(0, 1, 5, dtype=x.dtype),
    "reversed": lambda xp, x: x[::-1, ::2] + 1,
    "divmod": lambda xp, x: divmod(x, 2),
    "modf": lambda xp, x: xp.modf(x),
    "negative abs": lambda xp, x: abs(-x),
    "round": lambda xp, x: xp.round(x, 1),
    "isclose": lambda xp, x: xp.isclose(x, x + 1e-3),
    "nan_to_num": lambda xp, x: xp.nan_to_num(x / 0),
}  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("expression", REAL.values(), ids=REAL.keys())
def test_functions_of_floats(expression: Any, dtype: str, rng: np.random.Generator) -> None:
    with np.errstate(all="ignore"):  # a GPU gives no warnings; NumPy, for comparison, would
        check(expression, data(rng, (3, 4), dtype))


INTEGER = {
    "and or xor": lambda xp, x: ((x & 3) | 4) ^ x,
    "shifts": lambda xp, x: (x << 2) >> 1,
    "invert": lambda xp, x: ~x,
    "floor_divide remainder": lambda xp, x: x // 2 + x % 3,
    "true_divide": lambda xp, x: x / 2,
    "bincount": lambda xp, x: xp.bincount(x[0].astype(xp.int64)),
    "wraps around": lambda xp, x: x * x * x * x,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("expression", INTEGER.values(), ids=INTEGER.keys())
def test_functions_of_integers(expression: Any, dtype: str, rng: np.random.Generator) -> None:
    check(expression, data(rng, (3, 4), dtype))


# --- two dtypes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("second", DTYPES)
@pytest.mark.parametrize("first", DTYPES)
def test_promotion(first: str, second: str, rng: np.random.Generator) -> None:
    x, y = data(rng, (3, 4), first), data(rng, (4,), second)
    check(lambda xp, x, y: x + y, x, y)
    check(lambda xp, x, y: x * y[0], x, y)  # an array of no dimensions counts in full
    check(lambda xp, x, y: x < y, x, y)
    check(lambda xp, x, y: xp.where(y > 1, x, y), x, y)
    check(lambda xp, x, y: xp.concatenate([x[0], y]), x, y)


SCALARS = [2, 2.5, True, 1j, np.float32(2.5), np.float64(2.5), np.int64(3), np.uint8(3), np.bool_(True)]


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda scalar: f"{type(scalar).__name__}")
@pytest.mark.parametrize("dtype", DTYPES)
def test_promotion_of_scalars(dtype: str, scalar: Any, rng: np.random.Generator) -> None:
    x = data(rng, (3,), dtype)
    check(lambda xp, x: x + scalar, x)
    check(lambda xp, x: scalar * x, x)
    check(lambda xp, x: x == scalar, x)


@pytest.mark.parametrize("exponent", [2, 2.0, 0.5, -1.0, 3, 1.5, 0, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_powers(dtype: str, exponent: Any, rng: np.random.Generator) -> None:
    x = data(rng, (5,), dtype)
    function = {2: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}.get(exponent)
    with np.errstate(divide="ignore"):
        wanted = np.power(x, exponent)
        if function is not None:
            wanted = function(x, dtype=wanted.dtype)
    found = cp.asarray(x) ** exponent
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found.get(), wanted)


def test_a_python_integer_must_fit() -> None:
    with pytest.raises(OverflowError):
        cp.ones(2, dtype=cp.uint8) + 300
    with pytest.raises(OverflowError):
        cp.ones(2, dtype=cp.uint8)[...] = 300


# --- making arrays --------------------------------------------------------------------------------

MADE = {
    "zeros": lambda xp: xp.zeros((2, 3)),
    "zeros of a number": lambda xp: xp.zeros(3, dtype=xp.int32),
    "ones": lambda xp: xp.ones((2, 3), dtype="float32"),
    "full": lambda xp: xp.full((2,), 7),
    "full of float": lambda xp: xp.full((), 1.5),
    "full of a dtype": lambda xp: xp.full((2, 2), True, dtype=xp.float16),
    "arange": lambda xp: xp.arange(5),
    "arange of floats": lambda xp: xp.arange(1, 2, 0.25),
    "arange of a dtype": lambda xp: xp.arange(3, dtype=xp.float32),
    "eye": lambda xp: xp.eye(3, 4, 1, dtype=xp.float32),
    "linspace": lambda xp: xp.linspace(0, 1, 5),
    "meshgrid": lambda xp: xp.meshgrid(xp.arange(2), xp.arange(3)),
    "asarray of a number": lambda xp: xp.asarray(3.5),
    "asarray of a dtype": lambda xp: xp.asarray([1, 2], dtype=xp.float32),
    "empty": lambda xp: xp.empty((2, 0, 3)),
}  # fmt: skip


@pytest.mark.parametrize("expression", MADE.values(), ids=MADE.keys())
def test_making_arrays(expression: Any) -> None:
    check(expression)


def test_layout_follows_the_operands(rng: np.random.Generator) -> None:
    x = data(rng, (2, 3, 4), "float32")
    for order in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]:
        check(lambda xp, x, order=order: x.transpose(order) + 1, x)
        assert (cp.asarray(x).transpose(order) + 1).strides == (x.transpose(order) + 1).strides
        assert cp.zeros_like(cp.asarray(x).transpose(order)).strides == np.zeros_like(x.transpose(order)).strides
    assert cp.asarray(np.asfortranarray(x)).flags.f_contiguous
    assert cp.zeros((2, 3), order="F").flags.f_contiguous
    assert not cp.zeros((2, 3), order="F").flags.c_contiguous


def test_out(rng: np.random.Generator) -> None:
    x, y = cp.asarray(data(rng, (3, 4), "float32")), cp.empty((3, 4), dtype=cp.float32)
    assert cp.add(x, 1, out=y) is y
    assert cp.multiply(y, 2, y) is y
    np.testing.assert_array_equal(y.get(), (x.get() + 1) * 2)
    total = cp.empty((4,), dtype=cp.float32)
    assert cp.sum(x, axis=0, out=total) is total
    np.testing.assert_array_equal(total.get(), x.get().sum(axis=0))
    product = cp.empty((3, 3), dtype=cp.float32)
    assert cp.matmul(x, x.T, out=product) is product
    np.testing.assert_array_equal(product.get(), x.get() @ x.get().T)
    with pytest.raises(TypeError, match="same_kind"):
        cp.add(x, 1.5, out=cp.empty((3, 4), dtype=cp.int32))


def test_conversions_to_the_host() -> None:
    x = cp.asarray([[1.5, 2.5]])
    assert (float(x[0, 0]), int(x[0, 1]), complex(x[0, 0]), bool(x[0, 0])) == (1.5, 2, 1.5 + 0j, True)
    assert x.tolist() == [[1.5, 2.5]]
    assert x[0, 0].item() == 1.5
    assert len(x) == 1
    assert [part.shape for part in x] == [(2,)]
    assert repr(x) == "array([[1.5, 2.5]])"
    assert f"{x[0, 1]:.2f}" == "2.50"
    np.testing.assert_array_equal(cp.asnumpy(x), [[1.5, 2.5]])
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(TypeError, match="unsized"):
        len(x[0, 0])
    with pytest.raises(TypeError):
        range(cp.asarray(3))  # CuPy's arrays have no __index__


def test_get_and_set() -> None:
    x = cp.zeros((2, 3), dtype=cp.float32)
    x.set(np.arange(6, dtype=np.float32).reshape(2, 3))
    out = np.empty((2, 3), np.float32)
    assert x.get(out=out) is out
    np.testing.assert_array_equal(out, [[0, 1, 2], [3, 4, 5]])
    for wrong, error in [
        (np.zeros((2, 3)), TypeError), (np.zeros((3, 2), np.float32), ValueError), ([1], TypeError),
    ]:  # fmt: skip
        with pytest.raises(error):
            x.set(wrong)
    with pytest.raises(RuntimeError, match="non-contiguous"):
        x[:, 1:].set(np.zeros((2, 2), np.float32))


def test_methods_that_change_an_array(rng: np.random.Generator) -> None:
    def change(xp: Any, x: Any) -> Any:
        x = x.copy()
        x[0].sort()
        x[1].partition(1)
        x.put(xp.asarray([0, 11, 13]), xp.asarray([7, 8, 9], dtype=x.dtype), mode="wrap")
        x[2].put([1, 2], [5, 6])
        x.real = x.real + 1
        x //= 2
        x **= 2
        return x

    check(change, np.sort(data(rng, (3, 4), "float32")))


def test_choose() -> None:
    check(lambda xp, x: xp.choose(x, xp.asarray([[1, 2, 3], [4, 5, 6]])), np.array([0, 1, 0]))


def test_arrays_from_arrays(rng: np.random.Generator) -> None:
    x = cp.asarray(data(rng, (2, 3), "float32"))
    assert cp.array([[x, x], [x, x]], dtype=cp.float64).shape == (2, 2, 2, 3)
    assert cp.array(x, ndmin=4).shape == (1, 1, 2, 3)
    assert cp.array(x, order="F").flags.f_contiguous
    assert cp.asfortranarray(x).flags.f_contiguous
    assert cp.ascontiguousarray(x, dtype=cp.float64).dtype == cp.float64
    assert cp.ascontiguousarray(x[0, 0]).shape == (1,)
    assert cp.array(x, copy=None) is x
    assert cp.copy(x).tolist() == x.tolist()
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        cp.array(x, dtype=cp.float64, copy=False)
    with pytest.raises(TypeError, match="incorrect type"):
        cp.ascontiguousarray([1.0])
    np.testing.assert_array_equal(cp.asnumpy(np.ones(2)), np.ones(2))


def test_ufunc_methods(rng: np.random.Generator) -> None:
    x = data(rng, (3, 4), "float32")
    check(lambda xp, x: xp.add.reduce(x, axis=1), x)
    check(lambda xp, x: xp.multiply.accumulate(x, axis=1), x)
    check(lambda xp, x: xp.subtract.outer(x[0], x[1]), x)
    check(lambda xp, x: xp.add.reduceat(x, xp.asarray([0, 2]), axis=1), x)
    sums = cp.zeros(3, dtype=cp.float32)
    cp.add.at(sums, cp.asarray([0, 2, 0]), cp.asarray([1, 2, 3], dtype=cp.float32))
    assert sums.tolist() == [4, 0, 2]
    for name, method in [("subtract", "reduce"), ("maximum", "accumulate"), ("exp", "at")]:
        with pytest.raises(NotImplementedError):
            getattr(getattr(cp, name), method)(sums, cp.asarray([0]))
    with pytest.raises(TypeError, match=r"add\.at only supports"):
        cp.add.at(cp.zeros(2, dtype=cp.int8), cp.asarray([0]), 1)


def test_numpy_functions_are_redirected(rng: np.random.Generator) -> None:
    x = cp.asarray(data(rng, (3, 4), "float32"))
    for found in (np.sum(x, axis=0), np.exp(x), np.concatenate([x, x]), np.float32(2) * x, np.add(x, x)):
        assert type(found) is cp.ndarray
    with pytest.raises(TypeError):
        np.linalg.cond(x)  # not in the simulator


def test_get_array_module() -> None:
    assert cp.get_array_module(np.zeros(1), cp.zeros(1)) is cp
    assert cp.get_array_module(np.zeros(1)) is np
