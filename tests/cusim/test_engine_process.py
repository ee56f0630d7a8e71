"""The engine in its process: threads, interrupts, faults, many launches, other compilers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cusim.engine_support import Array, launch, program

from dlcore import _build
from dlcore._build import BuildError
from dlcore.backends.cusim import engine, library
from dlcore.backends.cusim.engine import KernelError, Program, Shadow

WRONG, RIGHT = "engine_wrong.cu", "engine_right.cu"


def test_threads_of_python_take_turns(rng: np.random.Generator) -> None:
    function, wrong = program(RIGHT, True).function("block_sums"), program(WRONG, True).function("traps")
    problems: list[str] = []

    def work(values: np.ndarray) -> None:
        for _ in range(5):
            x, out = Array(values), Array(np.zeros(2, np.float32))
            launch(function, 2, 64, x, out, values.size)
            if not np.allclose(out.values.sum(), values.sum(), atol=1e-3):
                problems.append("wrong sum")
            try:
                launch(wrong, 1, 64, x, out, 1)
                problems.append("nothing raised")
            except KernelError as error:
                if error.kind != "trap":
                    problems.append(str(error))

    threads = [threading.Thread(target=work, args=(rng.standard_normal(500).astype(np.float32),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


WAIT = 'extern "C" __global__ void wait(volatile int* go) { while (*go == 0) { } }'


def test_python_goes_on_while_a_kernel_runs() -> None:
    go = Array(np.zeros(1, np.int32))
    thread = threading.Thread(target=lambda: launch(Program(WAIT).function("wait"), 1, 1, go), daemon=True)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive() or go.values[0] == 0
    go.values[0] = 1
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("check", [False, True])
def test_control_c_ends_a_kernel(check: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    function = Program(WAIT, check=check).function("wait")
    monkeypatch.setenv("DLCORE_CUSIM_STEPS", str(1 << 40))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        launch(function, 1, 1, Array(np.zeros(1, np.int32)))
    timer.join()
    x, out = Array(np.ones(1, np.float32)), Array(np.zeros(1, np.float32))
    launch(program(WRONG, check).function("plain_copy"), 1, 1, x, out, 1)
    assert out.values[0] == 1


def test_a_fault_outside_of_kernels_is_none_of_ours() -> None:
    """The handlers are gone after a launch: a real crash of the process stays one."""
    code = f"""
        import sys, ctypes
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import numpy as np
        from cusim.engine_support import Array, launch, program
        launch(program({RIGHT!r}, False).function("static_kernel"), 1, 4, Array(np.zeros(4, np.float32)), 1.0)
        ctypes.string_at(8)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGSEGV


def test_what_a_kernel_prints_comes_out() -> None:
    code = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import numpy as np
        from cusim.engine_support import Array, launch
        from dlcore.backends.cusim.engine import Program
        source = 'extern "C" __global__ void say(int* x) {{ printf("%d of %u\\\\n", x[threadIdx.x], blockDim.x); }}'
        launch(Program(source).function("say"), 1, 2, Array(np.arange(5, 7, dtype=np.int32)))
        print("then Python", flush=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert done.stdout == "5 of 2\n6 of 2\nthen Python\n", done.stderr


def test_block_numbers_begin_anew_before_they_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    function = program(WRONG, True).function("plain_copy")
    x, middle, out = (Array(np.zeros(64, np.float32)) for _ in range(3))
    library.runtime().cusim_count_blocks_from(2**32 - 20)
    for _ in range(20):
        launch(function, 4, 16, x, middle, 64)
    monkeypatch.setenv("DLCORE_CUSIM_INITIALISED", "1")
    launch(function, 4, 16, middle, out, 64)  # what was written is known to be
    with pytest.raises(KernelError, match="race between blocks"):
        launch(program(WRONG, True).function("race_between_blocks"), 4, 16, middle, out, 64)


def test_shadows_live_as_long_as_their_buffers() -> None:
    shadow = Shadow(1000)
    shadow.mark_written(3, 5)  # cells of one byte
    shadow.mark_written(8, 992)
    with pytest.raises(MemoryError, match="no memory for the checks of a buffer of"):
        Shadow(1 << 60)


def test_without_a_compiler_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match=r"CXX='no-such-compiler': there is no such compiler; name a C\+\+ compiler"):
        Program("")


@pytest.mark.parametrize(("what", "value"), [("system", "Plan9"), ("machine", "vax")])
def test_on_other_machines_the_error_says_which_will_do(what: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.platform, what, lambda: value)
    with pytest.raises(BuildError, match=f"the simulator runs on Linux on x86-64 and aarch64; this is .*{value}"):
        Program("")


def test_without_addr2line_a_message_has_the_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Program((Path(__file__).parent / WRONG).read_text(), check=True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(KernelError) as raised:
        launch(made.function("traps"), 1, 64, Array(np.ones(1, np.float32)), Array(np.ones(1, np.float32)), 1)
    assert re.search(r"traps: code offset 0x[0-9a-f]+ \(install binutils for file and line\): block", str(raised.value))
    assert (raised.value.file, raised.value.line) == ("", 0)


@pytest.mark.skipif(shutil.which("clang++") is None, reason="clang++ is not installed")
def test_clang_serves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "clang++")
    source = (Path(__file__).parent / WRONG).read_text()
    made = Program(f'#line 1 "{WRONG}"\n{source}', check=True)
    x, out = Array(np.ones(64, np.float32), "x"), Array(np.zeros(64, np.float32), "out")
    for kernel, kind in (
        ("dead_load", "out of bounds"),
        ("missing_syncwarp", "race"),
        ("sum_overflows", "integer overflow"),
    ):
        with pytest.raises(KernelError) as raised:
            launch(made.function(kernel), 1, 64, x, out, 64)
        assert raised.value.kind == kind
        assert raised.value.file == WRONG


def test_an_old_compiler_finds_endless_loops_by_their_accesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """GCC 11 cannot leave a function out of counting basic blocks, so blocks are not counted with it."""
    monkeypatch.setattr(_build.Compiler, "version", property(lambda self: 11))
    monkeypatch.setenv("DLCORE_CUSIM_STEPS", "1000")
    with pytest.raises(KernelError, match="a thread has executed 1000 steps") as raised:
        launch(Program(WAIT, check=True).function("wait"), 1, 1, Array(np.zeros(1, np.int32)))
    assert (raised.value.kind, raised.value.line) == ("endless", 1)
