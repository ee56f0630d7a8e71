"""Launches through the simulator's RawModule and RawKernel: limits and arguments, checked before anything runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import namespace as cp
from dlcore.backends.cusim.errors import ArgumentError

CUDADriverError = cp.cuda.driver.CUDADriverError

SOURCE = """
struct half_t { unsigned short bits; };
struct float4_t { float x, y, z, w; };
extern "C" __global__ void ids(int* out) {
    int i = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    int t = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    out[i * blockDim.x * blockDim.y * blockDim.z + t] = 1 + i;
}
extern "C" __global__ void __launch_bounds__(64) bounded(int* out) {
    if (threadIdx.x == 0) out[0] = blockDim.x;
}
extern "C" __global__ void shared(int* out) {
    __shared__ int fixed[1024];
    extern __shared__ int given[];
    fixed[threadIdx.x] = 3;
    given[threadIdx.x] = 4;
    out[threadIdx.x] = fixed[threadIdx.x] + given[threadIdx.x];
}
"""


@pytest.fixture(scope="module")
def module() -> Any:
    return cp.RawModule(code=SOURCE, options=("--std=c++17",))


@pytest.fixture
def out() -> Any:
    return cp.zeros(64, dtype=cp.int32)


# --- geometry -------------------------------------------------------------------------------------


def test_grid_and_block(module: Any, out: Any) -> None:
    ids = module.get_function("ids")
    ids((2, 1, 3), (2, 2, 1), (out,))
    assert out.tolist()[:24] == [1 + i // 4 for i in range(24)]
    assert not out[24:].any()
    ids((np.int64(1),), (np.int32(3),), (out,))  # anything with __index__
    assert out.tolist()[:4] == [1, 1, 1, 1]


def test_no_blocks_are_one_block(module: Any, out: Any) -> None:
    """CuPy passes max(1, size) on; a backend must not launch for empty arrays."""
    module.get_function("ids")((0,), (0, 0), (out,))
    assert out.tolist()[:2] == [1, 0]


@pytest.mark.parametrize(
    ("grid", "block", "text"),
    [
        ((1,), (1025,), "larger than"),
        ((1,), (1, 1025), "larger than"),
        ((1,), (1, 1, 65), "larger than"),
        ((1,), (512, 3), "1536 threads"),
        ((1, 65536), (1,), "larger than"),
        ((1, 1, 65536), (1,), "larger than"),
        ((2**31,), (1,), "larger than"),
    ],
)
def test_limits_of_the_device(module: Any, out: Any, grid: Any, block: Any, text: str) -> None:
    with pytest.raises(CUDADriverError, match=f"CUDA_ERROR_INVALID_VALUE: invalid argument .*ids.*{text}"):
        module.get_function("ids")(grid, block, (out,))
    assert not out.any()


def test_the_largest_launch(module: Any) -> None:
    big = cp.zeros(1024, dtype=cp.int32)
    module.get_function("ids")((1,), (16, 1, 64), (big,))
    assert big.all()


def test_launch_bounds(module: Any, out: Any) -> None:
    bounded = module.get_function("bounded")
    bounded((1,), (64,), (out,))
    assert int(out[0]) == 64
    with pytest.raises(CUDADriverError, match=r"65 threads, __launch_bounds__ allows 64"):
        bounded((1,), (65,), (out,))
    assert bounded.max_threads_per_block == 64
    assert module.get_function("ids").max_threads_per_block == 1024


def test_shared_memory(module: Any, out: Any) -> None:
    shared = module.get_function("shared")
    assert shared.shared_size_bytes == 4096
    assert shared.max_dynamic_shared_size_bytes == 48 * 1024 - 4096
    shared((1,), (64,), (out,), shared_mem=48 * 1024 - 4096)
    assert (out == 7).all()
    with pytest.raises(CUDADriverError, match="45057 bytes of dynamic shared memory, at most 45056 beside 4096"):
        shared((1,), (64,), (out,), shared_mem=48 * 1024 - 4096 + 1)
    shared.max_dynamic_shared_size_bytes = 99 * 1024 - 4096
    shared((1,), (64,), (out,), shared_mem=99 * 1024 - 4096)
    with pytest.raises(CUDADriverError, match="more than 101376"):
        shared.max_dynamic_shared_size_bytes = 99 * 1024 - 4096 + 1
    with pytest.raises(CUDADriverError):
        shared((1,), (64,), (out,), shared_mem=-1)
    # Each kernel object has limits of its own.
    assert module.get_function("shared").max_dynamic_shared_size_bytes == 48 * 1024 - 4096


@pytest.mark.parametrize(("grid", "block"), [([1], (1,)), ((1,), [1]), (1, (1,)), ((1.0,), (1,))])
def test_grid_and_block_are_tuples_of_integers(module: Any, out: Any, grid: Any, block: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        module.get_function("ids")(grid, block, (out,))


# --- arguments ------------------------------------------------------------------------------------

# C++ type: what fits it, and what does not.
ARGUMENTS: dict[str, tuple[list[Any], list[Any]]] = {
    "int": ([np.int32(-3)], [3, np.int64(3), np.uint32(3), np.float32(3), True, 3.0, None]),
    "unsigned": ([np.uint32(3)], [3, np.int32(3), np.uint64(3)]),
    "long long": ([3, -3, np.int64(3)], [np.int32(3), np.uint64(3), 3.0, 2**63, True]),
    "unsigned long long": ([np.uint64(3), 3, 2**64 - 1], [-3, np.int64(3), np.uint32(3)]),
    "float": ([np.float32(0.5)], [0.5, np.float64(0.5), np.float16(0.5), 1, np.int32(1)]),
    "double": ([0.5, np.float64(0.5)], [np.float32(0.5), 1, np.int64(1)]),
    "bool": ([True, np.bool_(False)], [1, np.uint8(1), np.int32(1)]),
    "unsigned char": ([np.uint8(3)], [3, True, np.int8(3)]),
    "half_t": ([np.float16(0.5)], [0.5, np.float32(0.5), np.uint16(1)]),
    "float*": (["float32", None, np.uintp(0)], ["float64", "float16", "int32", 0.5, 0, np.int32(0)]),
    "const double*": (["float64"], ["float32", "complex64", "int64"]),
    "int*": (["int32"], ["uint32", "int64", "float32"]),
    "const long long*": (["int64"], ["int32", "uint64"]),
    "unsigned char*": (["uint8", "bool"], ["int8", "int32"]),
    "bool*": (["bool"], ["uint8", "int32"]),
    "half_t*": (["float16"], ["float32", "float64"]),
    "float4_t*": (["float32"], ["complex64"]),
    "void*": (["float32", "int8", None], [1.0]),
}


def value_of(argument: Any) -> Any:
    return cp.zeros(4, dtype=argument) if isinstance(argument, str) else argument


@pytest.fixture(scope="module")
def kernels() -> dict[str, Any]:
    structs = SOURCE.split("extern")[0]
    text = [f'extern "C" __global__ void k{i}({kind} argument) {{}}' for i, kind in enumerate(ARGUMENTS)]
    module = cp.RawModule(code="\n".join([structs, *text]))
    return {kind: module.get_function(f"k{i}") for i, kind in enumerate(ARGUMENTS)}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_arguments(kernels: dict[str, Any], kind: str) -> None:
    right, wrong = ARGUMENTS[kind]
    for argument in right:
        kernels[kind]((1,), (1,), (value_of(argument),))
    for argument in wrong:
        with pytest.raises(ArgumentError, match=r"kernel k\d+, parameter argument: expected .*, got "):
            kernels[kind]((1,), (1,), (value_of(argument),))


def test_the_error_says_what_came_and_what_was_expected(kernels: dict[str, Any]) -> None:
    for kind, argument, text in [
        ("float", 0.5, "expected float of 4 bytes, got the Python float 0.5, which CuPy sends as float64"),
        ("int", np.int64(7), "expected int of 4 bytes, got int64 7"),
        ("float*", "float64", "expected a pointer to float of 4 bytes, got an array of float64"),
        ("int", "int32", "expected int of 4 bytes, got an array of int32"),
    ]:
        with pytest.raises(ArgumentError, match=text):
            kernels[kind]((1,), (1,), (value_of(argument),))


def test_what_is_no_argument_at_all(kernels: dict[str, Any]) -> None:
    for argument, text in [
        (np.zeros(4, np.float32), "numpy.ndarray of shape"), (np.float32([1]), "numpy.ndarray of shape"),
        ("text", "Unsupported type"), ([1], "Unsupported type"),
    ]:  # fmt: skip
        with pytest.raises(TypeError, match=text):
            kernels["float*"]((1,), (1,), (argument,))
    with pytest.raises(ArgumentError, match=r"0 arguments for 1 parameters \(argument\)"):
        kernels["float*"]((1,), (1,), ())
    with pytest.raises(ArgumentError, match="2 arguments for 1"):
        kernels["float*"]((1,), (1,), (None, None))


def test_values_arrive() -> None:
    kernel = cp.RawKernel(
        """extern "C" __global__ void sum(double* out, bool b, unsigned char c, int i, long long l, float f, double d,
               unsigned long long u) { *out = b + c + i + double(l) + f + d + u; }""",
        "sum",
    )
    out = cp.zeros(1)
    kernel((1,), (1,), (out, True, np.uint8(2), np.int32(-4), -(2**40), np.float32(0.5), 0.25, 2**41))
    assert float(out[0]) == 1 + 2 - 4 - 2**40 + 0.75 + 2**41


def test_views_and_pointers_arrive_at_their_place() -> None:
    kernel = cp.RawKernel('extern "C" __global__ void set(float* out) { *out = 9; }', "set")
    x = cp.zeros(6, dtype=cp.float32)
    kernel((1,), (1,), (x[2:],))
    kernel((1,), (1,), (x.data + 16,))
    assert x.tolist() == [0, 0, 9, 0, 9, 0]


# --- modules --------------------------------------------------------------------------------------


def test_errors_of_the_source() -> None:
    with pytest.raises(cp.cuda.compiler.CompileException, match="undefined_function") as error:
        cp.RawModule(code='extern "C" __global__ void f() { undefined_function(); }').get_function("f")
    assert error.value.source.startswith("extern")
    with pytest.raises(CUDADriverError, match=r"CUDA_ERROR_NOT_FOUND: named symbol not found .*g"):
        cp.RawModule(code='extern "C" __global__ void f() {}').get_function("g")


def test_arguments_of_modules() -> None:
    with pytest.raises(TypeError, match="Exactly one of"):
        cp.RawModule()
    with pytest.raises(TypeError, match="expected tuple, got list"):
        cp.RawModule(code="", options=["-DX"])
    with pytest.raises(NotImplementedError):
        cp.RawModule(code="", name_expressions=["f<int>"])
    value = cp.zeros(1, dtype=cp.int32)
    kernel = cp.RawModule(code='extern "C" __global__ void f(int* x) { *x = N; }', options=("-DN=5",)).get_function("f")
    kernel((1,), (1,), (value,))
    assert int(value[0]) == 5


def test_what_is_not_known_is_minus_one(module: Any) -> None:
    attributes = module.get_function("ids").attributes
    assert attributes["num_regs"] == attributes["ptx_version"] == -1
    assert attributes["max_threads_per_block"] == 1024


@pytest.mark.parametrize("order", ["0", "1", "2"])
def test_thread_order(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_ORDER", order)
    kernel = cp.RawKernel(
        'extern "C" __global__ void f(int* next, int* out) { out[threadIdx.x] = atomicAdd(next, 1); }', "f"
    )
    out = cp.zeros(64, dtype=cp.int32)
    kernel((1,), (64,), (cp.zeros(1, dtype=cp.int32), out))
    ranks = out.tolist()
    assert sorted(ranks) == list(range(64))
    if order == "0":
        assert ranks == list(range(64))
    else:  # reverse and shuffled; the runtime reverses the threads of a block as well
        assert ranks != list(range(64))
        assert (ranks == list(range(64))[::-1]) == (order == "1")


def test_a_thread_order_that_there_is_not(module: Any, out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_ORDER", "forward")
    with pytest.raises(ValueError, match="DLCORE_CUSIM_ORDER=forward: expected 0"):
        module.get_function("ids")((1,), (1,), (out,))


def test_the_mode_is_read_at_each_launch(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = module.get_function("ids")
    small = cp.zeros(3, dtype=cp.int32)
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    with pytest.raises(RuntimeError, match="'out'"):
        ids((1,), (4,), (small,))
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "0")
    ids((1,), (4,), (small,))
    with pytest.raises(RuntimeError, match="behind the end"):
        cp.cuda.Device().synchronize()


def test_the_engine_is_asked_with_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a launch hands on, seen by an engine that only writes it down."""
    seen: list[Any] = []
    parameter = SimpleNamespace(name="n", kind="i", size=4, pointee_kind=" ", pointee_size=0)
    function = SimpleNamespace(
        name="f", parameters=[parameter], max_threads=None, static_shared=0,
        launch=lambda *arguments: seen.append(arguments) or SimpleNamespace(bytes_read=0, bytes_written=0),
    )  # fmt: skip
    kernel = cp.RawKernel("", "f")
    monkeypatch.setattr(kernel, "_function", lambda: function)
    kept = cp.zeros(3)
    kernel((2,), (3, 4), (np.int32(5),), shared_mem=16)
    grid, block, arguments, shared, buffers, order = seen[0]
    assert (grid, block, arguments, shared, order) == ((2, 1, 1), (3, 4, 1), [b"\5\0\0\0"], 16, 0)
    assert any(buffer.address == kept.data.ptr and buffer.nbytes == 24 for buffer in buffers)
