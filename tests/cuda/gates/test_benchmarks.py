"""The timing harness: it runs on the simulator, refuses to time what is wrong, and computes floors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import correctness
from benchmarks.gpu.cases import CASES, find
from benchmarks.gpu.peers import im2col
from benchmarks.gpu.table import markdown
from benchmarks.gpu.timing import TINY, Effort, Rates, Spread, Timer
from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cp
from tools.cuda_check import simulated
from tools.cuda_check.simulated import new_backend


def test_the_command_on_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures, table = tmp_path / "figures.json", tmp_path / "table.md"
    files = ["--json", str(figures), "--markdown", str(table)]
    arguments = ["--device", "cusim", "--tiny", *files, "bias_relu forward 64", "Adagrad"]
    monkeypatch.setattr("sys.argv", ["benchmarks.gpu", *arguments])
    assert command.main() == 0
    result = json.loads(figures.read_text())
    assert [row["name"] for row in result["rows"]] == ["bias_relu forward 64 112^2", "Adagrad 25M"]
    assert {"cupy", "numpy", "TF32", "copy GB/s", "float32 GEMM TFLOP/s"} <= result["about"].keys()
    for row in result["rows"]:
        assert row["times"]["ours"].keys() == {"hot", "cold", "host"}
        assert row["percent_of_floor"] > 0
    assert "| Adagrad 25M |" in table.read_text()


def test_a_wrong_kernel_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = new_backend()
    right = backend.avg_pool2d_forward
    monkeypatch.setattr(backend, "avg_pool2d_forward", lambda *arguments: right(*arguments) * 1.001)
    result = command.run(backend, find(["avg_pool2d forward"]), tiny=True)
    (row,) = result["rows"]
    assert row["problem"].startswith("result 0: error ")
    assert "times" not in row
    assert row["problem"] in markdown(result)


@pytest.mark.parametrize("primitive", ["random_uniform", "adam_update", "softmax_cross_entropy"])
def test_errors_are_of_every_result_and_of_what_is_changed_in_place(
    primitive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = new_backend()
    case = next(case for case in CASES if case.primitive == primitive)
    work = case.make(np.random.default_rng(0), 1, 16)
    _, problem = correctness.error_of(backend, case, work)
    assert problem is None
    right = getattr(backend, primitive)

    def wrong(*arguments: Any, **options: Any) -> Any:
        result = right(*arguments, **options)
        changed = (result[1] if isinstance(result, tuple) else result) if result is not None else arguments[2]
        changed[...] += np.float32(0.01)
        return result

    monkeypatch.setattr(backend, primitive, wrong)
    _, problem = correctness.error_of(backend, case, work)
    assert problem is not None


def test_every_kernel_is_timed() -> None:
    """At one image of its real size, each kernel of the table is launched by a case; larger batches take no others."""
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    backend = new_backend()
    with simulated.recorded() as launches:
        for case in CASES:
            arguments, options = correctness.on_device(
                backend, case.make(np.random.default_rng(0), case.batch // 32, 1)
            )
            getattr(backend, case.primitive)(*arguments, **options)
    missing = {launch[:2] for launch in simulated.everything()} - {launch[:2] for launch in launches}
    assert missing == set()


def test_floors_and_spreads() -> None:
    rates = Rates(copy=2e12, gemm=2e13, gemm_tf32=None)
    assert rates.floor(2_000_000, 0) == 1
    assert rates.floor(2_000_000, 4e7) == 2
    assert Spread.of([float(i) for i in range(101)]) == (50, 10, 90)


def test_calls_are_warmed_up_and_the_host_never_waits_between_them() -> None:
    x = cp.zeros(8, np.float32)
    timer = Timer(cp, Effort(warm_up=2, groups=3, calls=4, cold_calls=5))
    with counters.record() as record:
        times = timer.measure(lambda: x.sum())
    assert record.by_op["sum"] == 2 + 3 * 4 + 3 * (1 + 4) + 5
    assert times.hot.p10 <= times.hot.median <= times.hot.p90
    assert record.by_synchronisation == {
        "Stream.synchronize": 3 + 3 + 1
    }  # each group of host times, of hot calls; all cold


@pytest.mark.parametrize("primitive", ["conv2d_forward", "conv2d_backward_input", "conv2d_backward_weight"])
def test_the_peer_is_right(primitive: str, rng: np.random.Generator) -> None:
    backend = new_backend()
    case = next(case for case in CASES if case.primitive == primitive)
    work = case.make(rng, 2, 16)
    if primitive == "conv2d_forward":  # the peer has no bias, and no activation
        work = work._replace(arguments=(*work.arguments[:2], None, work.arguments[3]))
    arguments, _ = correctness.on_device(backend, work)
    wanted = backend.to_host(getattr(backend, primitive)(*arguments))
    (peer,) = im2col(backend, case, arguments).values()
    np.testing.assert_allclose(backend.to_host(peer()), wanted, atol=1e-5 * np.abs(wanted).max())


def test_tiny_effort_is_tiny() -> None:
    assert Timer(cp, TINY).l2_bytes == 1 << 16
