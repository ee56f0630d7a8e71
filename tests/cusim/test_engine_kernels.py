"""Kernels that are right: no finding in any order, NumPy's values, in both modes; signatures and statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cusim.engine_support import ORDERS, Array, launch, program

from dlcore.backends.cusim.engine import CompileError, Function, Parameter, Program

FILE = "engine_right.cu"
Run = Callable[[Function, int, np.random.Generator], None]
CASES: dict[str, Run] = {}


def case(run: Run) -> Run:
    CASES[run.__name__] = run
    return run


def floats(rng: np.random.Generator, *shape: int) -> Array:
    return Array(rng.standard_normal(shape).astype(np.float32))


def zeros(shape: Any, dtype: Any = np.float32) -> Array:
    return Array(np.zeros(shape, dtype))


def close(got: Array, expected: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(got.values, expected, rtol=tolerance, atol=tolerance)


@case
def block_sums(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 1000), zeros(3)
    launch(function, 3, 128, x, out, 1000, order=order)
    padded = np.zeros(3 * 3 * 128)
    padded[:1000] = x.values
    close(out, padded.reshape(3, 3, 128).sum(axis=(0, 2)))


def last_block(function: Function, order: int, rng: np.random.Generator) -> None:
    x, partial, ticket, out = floats(rng, 5), zeros(5 * 64), zeros(1, np.uint32), zeros(1)
    for _ in range(2):  # the ticket is as it was
        out.values[:] = 0
        launch(function, 5, 64, x, partial, ticket, out, order=order)
        close(out, [x.values.sum()])
        assert ticket.values[0] == 0


for name in ("last_block_thread_0", "last_block_fence_in_all", "last_block_barrier_then_fence"):
    CASES[name] = last_block


@case
def warp_to_warp(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 32), zeros(32)
    launch(function, 1, 64, x, out, order=order)
    close(out, x.values[::-1])


@case
def transpose(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 37, 21), zeros((21, 37))
    launch(function, (2, 3, 1), (16, 16, 1), x, out, 37, 21, order=order)
    assert (out.values == x.values.T).all()


@case
def double_buffered(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 5, 64), zeros(64)
    launch(function, 1, 64, x, out, 5, order=order)
    close(out, x.values.sum(axis=0)[::-1])


@case
def warp_scan(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 2, 32), zeros((2, 32))
    launch(function, 1, 64, x, out, order=order)
    close(out, np.cumsum(x.values, axis=1))


@case
def syncwarps_in_two_branches(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 64), zeros(64)
    launch(function, 1, 64, x, out, order=order)
    close(out, x.values[np.arange(64) ^ 1] * np.tile([1, -1], 32))


@case
def unaligned_structs(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = Array(rng.integers(0, 256, 42, np.uint8)), zeros(42, np.uint8)
    launch(function, 1, 32, x, out, 42, order=order)
    assert (out.values[1:41] == x.values[1:41]).all()
    assert out.values[[0, 41]].tolist() == [0, 0]


@case
def swap_in_halves(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 64), zeros(64)
    launch(function, 1, 64, x, out, order=order)
    close(out, x.values[np.arange(64) ^ 8])


@case
def broadcast_then_write(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 64), zeros(64)
    launch(function, 1, 64, x, out, order=order)
    close(out, np.repeat(x.values[[0, 32]] + 3, 32))


@case
def shuffle_orders(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 64), zeros(64)
    launch(function, 1, 64, x, out, order=order)
    close(out, x.values[np.arange(64) ^ 31] + np.repeat(x.values[[0, 32]], 32))


@case
def histogram(function: Function, order: int, rng: np.random.Generator) -> None:
    x, bins = Array(rng.integers(0, 8, 300, np.int32)), zeros(8, np.uint32)
    launch(function, 5, 64, x, bins, 300, order=order)
    assert (bins.values == np.bincount(x.values, minlength=8)).all()


@case
def bytes_and_halfwords(function: Function, order: int, rng: np.random.Generator) -> None:
    x, reverse, words = Array(rng.integers(0, 256, 64, np.uint8)), zeros(64, np.uint8), zeros(32, np.uint16)
    launch(function, 1, 64, x, reverse, words, 64, order=order)
    assert (reverse.values == x.values[::-1]).all()
    assert (words.values == x.values[::2]).all()


@case
def ballots(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = Array(rng.integers(0, 4, 32, np.int32)), zeros((32, 4), np.uint32)
    launch(function, 1, 32, x, out, 20, order=order)
    v = x.values[:20]
    bits = 1 << np.arange(20)
    expected = [
        [bits[v % 2 == 1].sum(), bits[v == own].sum(), (v == 3).any() + 2 * (v < 7).all(), v.sum()] for own in v
    ]
    assert (out.values[:20] == expected).all()
    assert (out.values[20:] == 0).all()


@case
def shuffles(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = Array(rng.permutation(32).astype(np.int32)), zeros((5, 32), np.int32)
    launch(function, 1, 32, x, out, order=order)
    t, v = np.arange(32), x.values
    up = np.where(t >= 3, t - 3, t)
    down = np.where(t % 8 + 3 < 8, t + 3, t)
    xor = np.where((t ^ 5) // 16 == t // 16, t ^ 5, t)
    index = t // 4 * 4 + (t + 1) % 4
    assert (out.values == [v[up], v[down % 32], v[xor], v[index], v[::-1]]).all()


@case
def votes_of_the_block(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = Array(rng.integers(0, 4, 96, np.int32)), zeros(3, np.int32)
    launch(function, 1, 96, x, out, order=order)
    assert out.values.tolist() == [(x.values % 2).sum(), (x.values == 3).any(), 1]


@case
def dynamic_in_two_parts(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 32), zeros(32)
    launch(function, 1, 32, x, out, 32, shared=32 * 12, order=order)
    close(out, 3 * x.values[::-1])


@case
def vectors(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 71), zeros(71)
    launch(function, 1, 32, x, out, 71, order=order)
    expected = x.values.copy()
    expected[:68:4] += 1
    expected[3:68:4] *= 2
    close(out, expected)


@case
def constants(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 100), zeros(100)
    launch(function, 2, 64, x, out, 100, order=order)
    before = out.values[0]
    launch(function, 2, 64, x, out, 100, order=order)
    close(Array(out.values[1:-1]), np.convolve(x.values, [0.25, 0.5, 0.25], "valid"))
    assert out.values[0] == before + 1  # a __device__ variable lives as long as the module


@case
def shared_outside_of_functions(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 64), zeros(64)
    launch(function, 1, 64, x, out, order=order)
    close(out, x.values[::-1])


@case
def several_declarators(function: Function, order: int, rng: np.random.Generator) -> None:
    x, out = floats(rng, 64), zeros(64)
    launch(function, 1, 64, x, out, order=order)
    v, t = x.values, np.arange(64)
    close(out, v[t % 16] + 2 * v[::-1] + v[32 + t % 32] + 1)


@case
def static_kernel(function: Function, order: int, rng: np.random.Generator) -> None:
    out = zeros(64)
    launch(function, 2, 32, out, 2.5, order=order)
    assert (out.values == 2.5).all()


@case
def pointers_in_memory(function: Function, order: int, rng: np.random.Generator) -> None:
    x = floats(rng, 32)
    before = x.values.copy()
    launch(function, 1, 32, x, Array(np.array([x.address], np.uint64)), 32, order=order)
    close(x, 2 * before)


@pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", CASES)
def test_a_right_kernel_runs_without_a_finding(name: str, order: int, check: bool, rng: np.random.Generator) -> None:
    CASES[name](program(FILE, check).function(name), order, rng)


def test_the_blocks_run_in_different_orders(rng: np.random.Generator) -> None:
    source = 'extern "C" __global__ void note(unsigned* count, unsigned* place) {\n' \
             "    place[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(count, 1u);\n}\n"  # fmt: skip
    function = Program(source).function("note")
    seen = []
    for order in (0, 1, 2, 3, 2):
        count, place = zeros(1, np.uint32), zeros((5, 70), np.uint32)
        launch(function, 5, 70, count, place, order=order)
        assert sorted(place.values.ravel()) == list(range(350))
        seen.append(place.values)
    forward, reverse, shuffled, other, again = seen
    assert (forward.ravel() == np.arange(350)).all()
    assert (reverse.ravel() == np.arange(350)[::-1]).all()
    assert (shuffled == again).all()
    assert len({array.tobytes() for array in (forward, reverse, shuffled, other)}) == 4
    assert (np.diff(np.sort(shuffled.argsort(axis=1)[0][:32])) >= 1).all()


# --- signatures ----------------------------------------------------------------------------------------------


def test_kernels_and_their_signatures() -> None:
    source = (__import__("pathlib").Path(__file__).parent / FILE).read_text()
    made = Program(source, options=("-DUNUSED=1", "--std=c++17", "-arch=sm_80"), instantiate=["template_kernel<short>"])
    assert {"static_kernel", "template_kernel<short>", "many_parameters"} < set(made.names)
    assert not {"not_compiled", "in_a_comment", "template_kernel"} & set(made.names)
    with pytest.raises(KeyError, match="there is no kernel 'nonsense'; there are block_sums, "):
        made.function("nonsense")

    assert made.function("many_parameters").parameters == [
        Parameter("settings", "s", 8, " ", 0, False),
        Parameter("x", "p", 8, "f", 8, True),
        Parameter("out", "p", 8, "f", 8, False),
        Parameter("negate", "b", 1, " ", 0, False),
        Parameter("small", "u", 1, " ", 0, False),
        Parameter("n", "i", 8, " ", 0, False),
        Parameter("add", "f", 8, " ", 0, False),
        Parameter("anything", "p", 8, "v", 0, True),
        Parameter("pairs", "p", 8, "s", 8, True),
    ]
    assert [parameter.pointee_size for parameter in made.function("template_kernel<short>").parameters] == [2, 0]
    out = zeros(8, np.int16)
    launch(made.function("template_kernel<short>"), 2, 4, out, 3)
    assert (out.values == 3).all()

    x, out = Array(np.arange(3.0)), zeros(3, np.float64)
    packed = np.array([(1, 2.0)], "i4,f4").tobytes()
    pointers = [array.address.to_bytes(8, "little") for array in (x, out)]
    rest = [b"\1", b"\5", np.int64(3).tobytes(), np.float64(0.5).tobytes(), bytes(8), bytes(8)]
    made.function("many_parameters").launch((1, 1, 1), (32, 1, 1), [packed, *pointers, *rest], 0, [x, out], 0)
    assert out.values.tolist() == [-6.5, -8.5, -10.5]

    assert made.function("block_sums").max_threads == 256
    assert made.function("bounds_by_macro").max_threads == 128
    assert made.function("bounds_in_front").max_threads == 64
    assert made.function("static_kernel").max_threads is None


@pytest.mark.parametrize("check", [False, True])
def test_static_shared_memory_is_that_of_the_kernel_and_what_it_calls(check: bool) -> None:
    made = program(FILE, check)
    expected = {
        "block_sums": 128, "transpose": 16 * 17 * 4, "double_buffered": 512, "shared_outside_of_functions": 256,
        "several_declarators": 256 + 256 + 8 + 4 + 256 + 8, "dynamic_in_two_parts": 0, "vectors": 0,
    }  # fmt: skip
    found = {name: made.function(name).static_shared for name in expected}
    for name, size in expected.items():
        assert size - 16 <= found[name] <= size + 16, name  # padded to its alignment, or a variable optimised away


def test_the_geometry_is_bounded() -> None:
    function, out = program(FILE, False).function("static_kernel"), zeros(1)
    for grid, block, shared in ((0, 1, 0), (1, 1025, 0), (1, 1, 1 << 20), (1, 1, -1)):
        with pytest.raises(ValueError, match="static_kernel: grid"):
            launch(function, grid, block, out, 1.0, shared=shared)
    with pytest.raises(ValueError, match="static_kernel: 1 arguments for 2 parameters"):
        function.launch((1, 1, 1), (1, 1, 1), [bytes(8)], 0, [], 0)


WRONG = {
    "an error": (
        'extern "C" __global__ void f(float* x) {\n    x[0] = undeclared;\n}',
        r"kernel.cu:2:\d+: error: .*undeclared",
    ),
    "after #line": ('#line 7 "a.cuh"\nint x = ;', r"a.cuh:7:\d+: error"),
    "shared in a macro": ("#define S __shared__ float s[4]", "line 1: __shared__ must stand in a plain declaration"),
    "shared struct": ("__shared__ struct { int a; } s;", "name the type first"),
    "extern with a size": (
        'extern "C" __global__ void f() {\n extern __shared__ float s[3]; }',
        "line 2: .*unknown length",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_compile_says_where(what: str) -> None:
    source, message = WRONG[what]
    with pytest.raises(CompileError, match=message):
        Program(source)
    with pytest.raises(CompileError, match="there is no template kernel 'nothing'"):
        Program("", instantiate=["nothing<int>"])
