"""Kernels that are wrong on purpose: each is caught in all three orders, with its line, block and thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from cusim.engine_support import ORDERS, Array, launch, lines_of, program

from dlcore.backends.cusim.engine import Function, KernelError

FILE = "engine_wrong.cu"


def simple(function: Function, order: int, grid: int = 2, threads: int = 64, n: int = 64, shared: int = 0) -> None:
    """x and out hold 64 floats, and 64 more are between them and everything else."""
    x, out = Array(np.ones(64, np.float32)), Array(np.zeros(64, np.float32))
    launch(function, grid, threads, x, out, n, order=order, shared=shared)


def one(function: Function, order: int) -> None:
    simple(function, order, grid=1)


def elements(n: int) -> Callable[[Function, int], None]:
    return lambda function, order: simple(function, order, grid=1, n=n)


def warps(threads: int) -> Callable[[Function, int], None]:
    return lambda function, order: simple(function, order, grid=1, threads=threads)


def ragged(function: Function, order: int) -> None:
    """62 elements: the last vector of four does not fit."""
    x, out = Array(np.ones(62, np.float32)), Array(np.zeros(62, np.float32))
    launch(function, 1, 64, x, out, 62, order=order)


def host_pointer(function: Function, order: int) -> None:
    host, out = np.ones(1_000_000, np.float32), Array(np.zeros(64, np.float32))  # far from everything else
    launch(function, 1, 64, host.ctypes.data + 2_000_000, out, 64, order=order)


def freed(function: Function, order: int) -> None:
    x, out = Array(np.ones(64, np.float32)), Array(np.zeros(64, np.float32))
    launch(function, 1, 64, x, out, 64, order=order, buffers=[x])


def bytes_out(function: Function, order: int) -> None:
    x, out = Array(np.ones(64, np.float32)), Array(np.zeros(64, np.uint8))
    launch(function, 1, 64, x, out, 64, order=order)


def ticket(function: Function, order: int) -> None:
    x, partial = Array(np.ones(8, np.float32)), Array(np.zeros(8 * 64, np.float32))
    count, out = Array(np.zeros(1, np.uint32)), Array(np.zeros(1, np.float32))
    launch(function, 8, 64, x, partial, count, out, order=order)


def with_shared(nbytes: int) -> Callable[[Function, int], None]:
    return lambda function, order: simple(function, order, grid=1, shared=nbytes)


class Case(NamedTuple):
    kernel: str
    kind: str
    message: str  # a regular expression
    run: Callable[[Function, int], None] = one
    thread: int | None = None  # where it is the same in every order


ADDRESS = "0x[0-9a-f]+"
CASES = [
    Case("read_past_the_end", "out of bounds",
         f"4-byte read of {ADDRESS}, out of bounds: 256 bytes from the start of 'x', which has 256 bytes", thread=63),
    Case("write_before_the_start", "out of bounds",
         f"4-byte write of {ADDRESS}, out of bounds: 4 bytes before 'out', which has 256 bytes", thread=0),
    Case("dead_load", "out of bounds", "4-byte read of .* from the start of 'x'"),
    Case("dead_store", "out of bounds", "4-byte write of .* from the start of 'out'"),
    Case("vector_past_the_end", "out of bounds",
         "16-byte (read|write) of .* 240 bytes from the start of '(x|out)', which has 248",
         ragged, thread=15),
    Case("shared_past_the_end", "out of bounds", "4-byte write of .* 256 bytes from the start of __shared__ 'first'",
         thread=63),
    Case("shared_row_overflow", "out of bounds", r"index 16 is out of bounds of an array of type 'float ?\[16\]'"),
    Case("dynamic_shared_past_the_end", "out of bounds",
         r"(200|2\d\d) bytes from the start of .*dynamic shared memory.*200",
         with_shared(200)),
    Case("stack_array_past_the_end", "out of bounds", r"index \d+ is out of bounds of an array of type 'float ?\[4\]'"),
    Case("copy_past_the_end", "out of bounds", "260-byte read of .* 0 bytes from the start of 'x', which has 256",
         thread=0),
    Case("null_pointer", "null pointer", "read through a null pointer"),
    Case("plain_copy", "not device memory", f"4-byte read of {ADDRESS}, which is not, or no longer, device memory",
         host_pointer),
    Case("plain_copy", "not device memory|out of bounds", f"4-byte write of {ADDRESS}", freed),
    Case("stack_of_another_thread", "not device memory", "on the stack of another thread", thread=6),
    Case("read_then_write_without_barrier", "race",
         f"data race within a block on {ADDRESS}, __shared__ 's' \\+ \\d+ bytes: (write|read) here, and a (read|write) "
         r"by thread \(\d+, 0, 0\) at engine_wrong.cu:\d+, with no barrier between"),
    Case("all_write_one", "race", r"__shared__ 's' \+ 0 bytes: write here, and a write by thread"),
    Case("read_by_all_then_written", "race",
         r"__shared__ 's' \+ 0 bytes: write here, and (a|threads of several warps) read"),
    Case("global_race_in_block", "race", r"data race within a block on .*'out' \+ 0 bytes: read here, and a write by"),
    Case("race_between_blocks", "race",
         r"data race between blocks on .*'out' \+ 0 bytes: read here, and a write by block \(\d, 0, 0\) thread",
         simple, thread=0),
    Case("neighbouring_block_overlaps", "race", r"between blocks on .*'out' \+ 124 bytes: write here, and a write by",
         lambda function, order: simple(function, order, grid=2, threads=32)),
    Case("byte_race", "race",
         r"data race within a block on .*'out' \+ \d+ bytes: write here, and a write by", bytes_out),
    Case("missing_syncwarp", "race", "write here, and a read by thread|read here, and a write by thread"),
    Case("half_of_the_warp_syncs", "race", r"read here, and a write by thread|write here, and a read by thread"),
    Case("other_half_reads", "race|uninitialised", "write here, and a read|read here, and a write|not written yet",
         lambda function, order: simple(function, order, grid=1, threads=32)),
    Case("syncwarp_across_warps", "race", "read here, and a write by thread|write here, and a read by thread"),
    Case("atomic_and_plain", "race", "write here, and an atomic operation by|atomic operation here, and a write by"),
    Case("device_variable_race", "race", "__device__ variables .* read here, and a write by"),
    Case("ticket_without_fence", "race", "between blocks .*'partial' .* with no fence and atomic operation between",
         ticket),
    Case("fence_without_ticket", "race", "between blocks .*'partial'", ticket),
    Case("fence_before_the_write", "race", "between blocks .*'partial'", ticket),
    Case("ticket_before_the_barrier", "race", "between blocks .*'partial'", ticket),
    Case("fence_of_the_block_only", "race", "between blocks .*'partial'", ticket),
    Case("barrier_after_exit", "divergent barrier",
         r"divergent __syncthreads\(\): 50 of 64 threads wait here, 14 have exited without it, thread \(50, 0, 0\)"),
    Case("two_barriers", "divergent barrier", r"this thread is at engine_wrong.cu:\d+, thread .* waits at another one"),
    Case("two_barriers_on_one_line", "divergent barrier", "waits at another one"),
    Case("mask_without_the_caller", "wrong mask", "mask 0x7fffffff, in which the calling lane 31 is missing"),
    Case("shuffle_from_exited", "divergent warp operation",
         r"__shfl_down_sync: lane \d+ reads from lane \d+, which has exited \(mask 0xffffffff\)"),
    Case("shuffle_from_nobody", "divergent warp operation",
         r"lane \d+ reads from lane \d+, which does not exist", warps(40)),
    Case("shuffle_out_of_mask", "divergent warp operation", r"lane \d+ reads from lane 20, which is not in the mask"),
    Case("diverged_shuffles", "divergent warp operation",
         r"lane \d+ is at engine_wrong.cu:\d+, lanes .* wait at another"),
    Case("overlapping_masks", "wrong mask",
         "mask 0x0001ffff waits for lanes 0x00010000|mask 0xffff8000 waits for lanes"),
    Case("shuffle_and_barrier", "deadlock",
         r"waits for lanes 0xffff0000, which wait at the __syncthreads\(\) of engine_wrong"),
    Case("misaligned_vector", "misaligned", "needs 16-byte alignment: 'x' . 4 bytes"),
    Case("misaligned_atomic", "misaligned", "for an atomic operation, which needs 8-byte alignment: 'out' . 4 bytes"),
    Case("misaligned_plain", "misaligned", "needs 4-byte alignment: 'x' . 2 bytes"),
    Case("misaligned_shared", "misaligned", r"needs 16-byte alignment: __shared__ 's' \+ \d+ bytes"),
    Case("uninitialised_shared", "uninitialised",
         r"__shared__ 's' \+ 2[45]\d bytes, which this block has not written yet"),
    Case("kept_from_the_last_block", "uninitialised", r"__shared__ 's' \+ \d+ bytes, which this block has not written",
         simple),
    Case("sum_overflows", "integer overflow", "64 \\+ 2147483647 as 'int'", warps(1), 0),
    Case("product_overflows", "integer overflow", "64 \\* 50000000 as 'int'", warps(1), 0),
    Case("negation_overflows", "integer overflow", r"-\(-2147483648\) as 'int'", warps(1), 0),
    Case("shift_too_far", "shift", "shift of 1, a value of type 'unsigned int', by 64", warps(1), 0),
    Case("divided_by_zero", "division", "division of 64 by 0 as 'int'", thread=3),
    Case("write_to_const", "write to const",
         "4-byte write of .*'x' .* which is const: the kernel takes only pointers to const"),
    Case("write_to_constant_memory", "write to const", "__constant__ memory"),
    Case("assertion_fails", "assertion", r"assertion failed: n < 3 \|\| threadIdx.x < 7"),
    Case("assumes_what_is_not_so", "assertion", "__builtin_assume is told what is not so: n < 3"),
    Case("traps", "trap", "__trap", thread=9),
    Case("reaches_the_unreachable", "unreachable", "__builtin_unreachable", thread=9),
]  # fmt: skip


def caught(function: Function, run: Callable[[Function, int], None], order: int) -> KernelError:
    with pytest.raises(KernelError) as raised:
        run(function, order)
    return raised.value


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("case", CASES, ids=[f"{case.kernel}-{case.kind}" for case in CASES])
def test_what_is_wrong_is_caught(case: Case, order: int) -> None:
    function = program(FILE, True).function(case.kernel)
    error = caught(function, case.run, order)
    assert re.fullmatch(case.kind, error.kind), error
    assert re.search(case.message, str(error)), error
    assert error.kernel == case.kernel
    assert error.file == FILE
    assert error.line in lines_of(FILE, case.kernel), error
    if case.thread is not None:
        assert error.thread == (case.thread, 0, 0)
    x, y, z = error.thread
    assert str(error).startswith(
        f"{case.kernel}: {FILE}:{error.line}: block ({error.block[0]}, 0, 0), thread ({x}, {y}, {z}): "
    )
    if error.kind in ("out of bounds", "race", "misaligned", "uninitialised", "write to const") and "index" not in str(
        error
    ):
        assert error.address is not None
        assert hex(error.address) in str(error)
    # The failure leaves nothing behind.
    simple(program(FILE, True).function("plain_copy"), order, grid=1)


@pytest.mark.parametrize(
    ("kernel", "grid", "order"),
    [*(("runs_forever", 1, order) for order in ORDERS), ("waits_forever", 2, 0)],  # for a block that comes later
)
def test_a_kernel_that_never_ends_is_stopped(
    kernel: str, grid: int, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_STEPS", "100000")
    function = program(FILE, True).function(kernel)
    error = caught(function, lambda function, order: simple(function, order, grid=grid, threads=1), order)
    assert (error.kind, error.file) == ("endless", FILE)
    assert error.line in lines_of(FILE, kernel)
    assert "has executed 100000 steps" in str(error)
    assert "DLCORE_CUSIM_STEPS" in str(error)


@pytest.mark.parametrize("check", [False, True])
def test_recursion_without_end_is_no_crash(check: bool) -> None:
    error = caught(program(FILE, check).function("recursion_without_end"), warps(1), 0)
    assert (error.kind, error.file) == ("stack overflow", FILE)
    assert "the stack of 262144 bytes" in str(error)
    simple(program(FILE, check).function("plain_copy"), 0, grid=1)


def test_global_memory_that_nobody_has_written(monkeypatch: pytest.MonkeyPatch) -> None:
    function = program(FILE, True).function("plain_copy")
    x, middle, out = (Array(np.zeros(64, np.float32)) for _ in range(3))
    launch(function, 1, 64, x, middle, 64)  # not asked for, not checked
    monkeypatch.setenv("DLCORE_CUSIM_INITIALISED", "1")
    launch(function, 1, 64, middle, out, 64)  # a kernel has written it
    fresh = Array(np.zeros(64, np.float32))
    with pytest.raises(KernelError, match=r"'x' \+ 0 bytes, which nobody has written") as raised:
        launch(function, 1, 64, fresh, out, 64)
    assert raised.value.line in lines_of(FILE, "plain_copy")
    fresh.shadow.mark_written(0, 128)  # by the host
    with pytest.raises(KernelError, match=r"'x' \+ 128 bytes, which nobody has written"):
        launch(function, 1, 64, fresh, out, 64)
    fresh.shadow.mark_written()
    launch(function, 1, 64, fresh, out, 64)


def test_a_message_names_the_line_that_the_source_says() -> None:
    from dlcore.backends.cusim.engine import Program

    source = """
#line 70 "some/other.cuh"
__device__ __forceinline__ float head(const float* p) { return p[0]; }
#line 5 "main.cu"
extern "C" __global__ void broken(const float* x, float* out) {
    out[0] = head(x + 1000);
}
"""
    x: Any = Array(np.zeros(4, np.float32))
    with pytest.raises(
        KernelError, match=r"^broken: some/other.cuh:70: block \(0, 0, 0\), thread \(0, 0, 0\): "
    ) as raised:
        launch(Program(source, check=True).function("broken"), 1, 1, x, Array(np.zeros(4, np.float32)))
    assert (raised.value.file, raised.value.line) == ("some/other.cuh", 70)


FAST = [
    ("stack_of_another_thread", None),  # not noticed
    ("barrier_after_exit", "divergent barrier"),
    ("mask_without_the_caller", "wrong mask"),
    ("overlapping_masks", "wrong mask"),
    ("shuffle_and_barrier", "deadlock"),
    ("null_pointer", "illegal address"),
    ("divided_by_zero", "arithmetic"),
    ("assertion_fails", "assertion"),
    ("traps", "trap"),
]


@pytest.mark.parametrize(("kernel", "kind"), FAST)
def test_in_fast_mode_what_cannot_go_on_is_an_error(kernel: str, kind: str | None) -> None:
    function = program(FILE, False).function(kernel)
    if kind is None:
        return simple(function, 0, grid=1)
    error = caught(function, one, 0)
    assert error.kind == kind
    assert error.file == FILE
    assert error.line in lines_of(FILE, kernel)
    simple(program(FILE, False).function("plain_copy"), 0, grid=1)
    return None
