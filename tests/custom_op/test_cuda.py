"""CUDA source in the simulator: the same text, the same launches, as on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _build

SOURCE = """
#include "common.cuh"

extern "C" __global__ void swish(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, long long n, REAL beta) {
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i < n) {
        REAL v = to_real(x[i]);
        out[i] = from_real<SCALAR>(v / (1 + exponential(-beta * v)));
    }
}

extern "C" __global__ void swish_gradient(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                          SCALAR* __restrict__ out, long long n, REAL beta) {
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i < n) {
        REAL v = to_real(x[i]);
        REAL s = 1 / (1 + exponential(-beta * v));
        out[i] = from_real<SCALAR>(to_real(grad[i]) * (s + beta * v * s * (1 - s)));
    }
}

// The sums of blocks of TILE numbers, by a tree in dynamic shared memory.
extern "C" __global__ void __launch_bounds__(TILE) block_sums(const SCALAR* x, SCALAR* out, int n) {
    extern __shared__ REAL part[];
    int i = blockIdx.x * TILE + threadIdx.x;
    part[threadIdx.x] = i < n ? to_real(x[i]) : REAL(0);
    __syncthreads();
    for (int half = TILE / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = from_real<SCALAR>(part[0]);
}

extern "C" __global__ void pick(const float* x, const long long* index, const unsigned char* keep, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = keep == 0 || keep[i] ? x[index[i]] : 0;
}
"""


@pytest.fixture(autouse=True)
def _simulator() -> Iterator[None]:
    try:
        _build.find_compiler("c++")
    except _build.BuildError as error:
        pytest.skip(str(error))
    with dl.device("cusim"):
        yield


def like(x: dl.Tensor, *, beta: float = 1.0) -> tuple[Any, Any]:
    return x.shape, x.dtype


def launch(kernels: Any, out: Any, x: Any, beta: float) -> None:
    kernels["swish"]((-(-x.size // 32),), (32,), (x, out, x.size, beta))


def launch_gradient(kernels: Any, out: Any, grad: Any, x: Any, beta: float) -> None:
    kernels["swish_gradient"]((-(-x.size // 32),), (32,), (grad, x, out, x.size, beta))


def second(gg: dl.Tensor, grad: dl.Tensor, x: dl.Tensor, beta: float) -> tuple[dl.Tensor, dl.Tensor]:
    s = 1 / (1 + dl.exp(-beta * x))
    return gg * (s + beta * x * s * (1 - s)), gg * grad * beta * s * (1 - s) * (2 + beta * x * (1 - 2 * s))


MACROS = {"TILE": 64}
swish_gradient = dl.custom_op(
    "swish_gradient", lambda grad, x, *, beta: (x.shape, x.dtype),
    cuda=dl.CudaSource(SOURCE, launch_gradient, MACROS), backward=second,
)  # fmt: skip
swish = dl.custom_op("swish", like, cuda=dl.CudaSource(SOURCE, launch, MACROS), backward=swish_gradient)
TOLERANCE = {"float16": 1e-3, "float32": 1e-6, "float64": 1e-14}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(), (1,), (5, 13), (0, 3)])
def test_values(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = np.asarray(rng.normal(size=shape), dtype)
    y = swish(dl.tensor(x), beta=1.5)
    wide = x.astype("f8")
    assert str(y.device) == "cusim:0"
    assert y.dtype == dtype
    np.testing.assert_allclose(y.numpy(), wide / (1 + np.exp(-1.5 * wide)), rtol=TOLERANCE[dtype], atol=1e-7)


def test_arguments_with_any_strides(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 6))
    for view in (lambda t: t.mT, lambda t: t[::2, 1:], lambda t: t[::-1]):
        np.testing.assert_allclose(
            swish(view(dl.tensor(x))).numpy(),
            swish(dl.tensor(np.ascontiguousarray(view(dl.tensor(x)).numpy()))).numpy(),
        )


def test_first_and_second_derivatives(rng: np.random.Generator) -> None:
    x = dl.tensor(rng.normal(size=(2, 3)), requires_grad=True)
    assert dl.gradcheck(lambda x: swish(x, beta=0.7), [x], second_order=True)


def test_several_launches_with_memory_between_them(rng: np.random.Generator) -> None:
    def launch_sums(kernels: Any, out: Any, x: Any) -> None:
        threads, itemsize = MACROS["TILE"], 8 if x.dtype == np.float64 else 4
        blocks = -(-x.size // threads)
        parts = dl.zeros(blocks, dtype=x.dtype).array
        kernels["block_sums"]((blocks,), (threads,), (x, parts, x.size), shared_memory=threads * itemsize)
        kernels["block_sums"]((1,), (threads,), (parts, out, blocks), shared_memory=threads * itemsize)

    total = dl.custom_op("total", lambda x: ((), x.dtype), cuda=dl.CudaSource(SOURCE, launch_sums, MACROS))
    for dtype in ("float32", "float64"):
        x = rng.normal(size=1000).astype(dtype)
        assert total(dl.tensor(x)).item() == pytest.approx(x.astype("f8").sum(), abs=1e-4)


def test_other_dtypes_and_null_pointers() -> None:
    def launch_pick(kernels: Any, out: Any, x: Any, index: Any, keep: Any) -> None:
        kernels["pick"]((1,), (32,), (x, index, keep, out, index.size))

    pick = dl.custom_op("pick", lambda x, index, keep=None: (index.shape, x.dtype),
                        cuda=dl.CudaSource(SOURCE, launch_pick, MACROS))  # fmt: skip
    x, index = dl.tensor([1.0, 2.0, 3.0]), dl.tensor([2, 0, 2, 1])
    assert pick(x, index).tolist() == [3.0, 1.0, 3.0, 2.0]
    assert pick(x, index, dl.tensor([1, 0, 0, 1], dtype="uint8")).tolist() == [3.0, 0.0, 0.0, 2.0]
    with pytest.raises(dl.DTypeError, match="pick: index must be int64, got int32"):
        pick(x, index.astype("int32"))


def test_it_trains_on_the_device(rng: np.random.Generator) -> None:
    """And as on the CPU."""
    python = dl.custom_op("python", like, forward=lambda xp, x, beta: x / (1 + xp.exp(-beta * x)),
                          backward=lambda grad, x, beta: second(grad, x, x, beta)[0])  # fmt: skip
    start, data = rng.normal(size=(3,)), [rng.normal(size=(3,)) for _ in range(5)]
    found = []
    for name, op in (("cusim", swish), ("numpy", python)):
        with dl.device(name):
            w = dl.nn.Parameter(dl.tensor(start))
            optimizer = dl.optim.SGD([w], lr=0.1)
            for x in data:
                optimizer.zero_grad()
                op(w * dl.tensor(x), beta=1.5).sum().backward()
                optimizer.step()
            found.append(w.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def ones(*arguments: Any) -> Callable[..., None]:
    def launch(kernels: Any, out: Any, x: Any, beta: float) -> None:
        kernels["swish"](*[a(x, out) if callable(a) else a for a in arguments])

    return launch


BAD: dict[str, tuple[str, Callable[..., None], type[Exception], str]] = {
    "too few arguments": (SOURCE, ones((1,), (32,), lambda x, out: (x, out)), TypeError, "swish: 2 arguments for 4"),
    "dtype": (
        SOURCE.replace("SCALAR* __restrict__ x", "double* __restrict__ x"), launch, dl.DTypeError,
        "swish: x must be float64, got float32",
    ),
    "a number that does not fit": (
        SOURCE, ones((1,), (32,), lambda x, out: (x, out, 2**63, 1.0)), OverflowError, "swish: n=9223372036854775808",
    ),
    "an array of the host": (
        SOURCE, ones((1,), (32,), lambda x, out: (np.ones(3, "f4"), out, 3, 1.0)), TypeError,
        "swish: x must be an array of the device, got ndarray",
    ),
    "no such kernel": (SOURCE.replace("void swish(", "void swoosh("), launch, LookupError, "no kernel swish"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    source, function, error, message = BAD[name]
    op = dl.custom_op("op", like, cuda=dl.CudaSource(source, function, MACROS))
    with pytest.raises(error, match=message):
        op(dl.ones(3))


def test_source_that_does_not_compile() -> None:
    op = dl.custom_op("op", like, cuda=dl.CudaSource(SOURCE.replace("1 + exponential", "nothing + exponential"), launch,
                                                     MACROS))  # fmt: skip
    with pytest.raises(
        RuntimeError, match=r"(?s)custom op 'op': kernel 'swish' does not compile for cusim:0: .*nothing"
    ):
        op(dl.ones(3))


def test_check_mode_finds_a_missing_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    x = dl.ones(30)
    assert swish(x).shape == (30,)
    careless = dl.CudaSource(SOURCE.replace("if (i < n) {", "{", 1), launch, MACROS)
    op = dl.custom_op("op", like, cuda=careless)
    with pytest.raises(RuntimeError, match=r"swish: .*:\d+: block \(0, 0, 0\), thread \(30, 0, 0\): .* out of bounds"):
        op(x)


def test_each_device_has_kernels_of_its_own() -> None:
    for name in ("cusim:0", "cusim:1"):
        with dl.device(name):
            y = swish(dl.tensor([2.0]))
            assert str(y.device) == name
            assert y.item() == pytest.approx(2 / (1 + np.exp(-2)), rel=1e-6)
    with pytest.raises(dl.DeviceError, match=r"^swish_gradient: all tensors must be on one device"):
        swish_gradient(dl.ones(2, device="cusim:0"), dl.ones(2, device="cusim:1"), beta=1.0)
