"""Workers of DataLoader: the same batches, in order, from any number of them; errors, and no hanging."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import DataLoader, Subset, TensorDataset
from dlcore.data import _workers as workers_module
from dlcore.data import loader as loader_module
from dlcore.data._epoch import Epoch

from .items import Broken, BrokenOddly, Dying, Environment, Leaving, Rows, Slow, noisy

KINDS = ["threads", "processes"]


def values(loader: DataLoader) -> list[Any]:
    return [[entry.tolist() for entry in (batch if isinstance(batch, tuple) else (batch,))] for batch in loader]


def epochs(dataset: Any, count: int = 2, **options: Any) -> list[Any]:
    loader = DataLoader(dataset, batch_size=4, generator=dl.Generator(5), **options)
    return [values(loader) for _ in range(count)]


# --- the same batches -----------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("transform", [None, noisy])
def test_any_number_of_threads_gives_the_same(shuffle: bool, transform: Any) -> None:
    table = TensorDataset(np.arange(46, dtype=np.float32).reshape(23, 2), np.arange(23))
    part = Subset(Subset(table, np.arange(22, -1, -1)), range(1, 20))
    for dataset in (table, part, Rows()) if transform is None else (table, part):
        alone = epochs(dataset, shuffle=shuffle, transform=transform)
        for count in (1, 2, 5, 40):
            for ahead in (1, 3):
                found = epochs(dataset, shuffle=shuffle, transform=transform, num_workers=count, prefetch_factor=ahead)
                assert found == alone
        drawn = transform is not None or dataset is not table
        if shuffle or (drawn and dataset is not part):
            assert alone[0] != alone[1]  # every epoch draws anew


@pytest.mark.parametrize(("transform", "count"), [(None, 2), (noisy, 1)])
def test_processes_give_the_same(transform: Any, count: int) -> None:
    dataset = Rows() if transform is None else TensorDataset(np.ones((23, 2), np.float32), np.arange(23))
    alone = epochs(dataset, shuffle=True, transform=transform, count=1)
    assert epochs(dataset, shuffle=True, transform=transform, count=1, num_workers=count, workers="processes") == alone


def test_the_seed_of_the_batches_does_not_change_the_orders() -> None:
    table, items = TensorDataset(np.arange(30)), [(i,) for i in range(30)]
    assert epochs(table, 3, shuffle=True) == epochs(items, 3, shuffle=True)


def test_what_items_draw_does_not_touch_the_callers_generator() -> None:
    dl.manual_seed(3)
    loader = iter(DataLoader(Rows(), batch_size=4))
    expected = dl.rand(3).tolist()
    dl.manual_seed(3)
    loader = iter(DataLoader(Rows(), batch_size=4))
    next(loader)
    assert dl.rand(3).tolist() == expected


def test_every_batch_draws_numbers_of_its_own() -> None:
    dataset = TensorDataset(np.zeros((12, 1), np.float32))
    for options in ({}, {"num_workers": 2}):
        drawn = [batch[0].tolist() for batch in DataLoader(dataset, batch_size=4, transform=noisy, **options)]
        assert len({str(batch) for batch in drawn}) == 3


def test_the_seed_of_the_batches_is_no_number_that_the_caller_draws() -> None:
    for moved in (False, True):
        own, other = dl.Generator(5), dl.Generator(5)
        seed = loader_module._seed(own, moved)
        assert seed != int(dl.randint(-(2**63), 2**63, (1,), generator=other).item()) + 2**63
        assert (own.state_dict()["offset"] == 0) is moved


class Recording(Rows):
    def __getitem__(self, index: int) -> Any:
        return dl.is_grad_enabled()


def test_threads_have_the_settings_of_the_caller() -> None:
    assert values(DataLoader(Recording(3), batch_size=3, num_workers=2)) == [[[True] * 3]]
    with dl.no_grad():
        assert values(DataLoader(Recording(3), batch_size=3, num_workers=2)) == [[[False] * 3]]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_come_in_order_whatever_their_speed(kind: str) -> None:
    loader = DataLoader(Slow(), batch_size=2, num_workers=3 if kind == "threads" else 2, workers=kind)
    assert [first[0][0] for first in values(loader)] == list(range(0, 23, 2))


def test_the_device_of_the_caller() -> None:
    for batch in DataLoader(Rows(), batch_size=8, num_workers=2, device="numpy"):
        assert batch[0].device == batch[1].device == "numpy"
    with dl.device("numpy"):
        (first, *_) = DataLoader(TensorDataset(np.arange(5)), batch_size=8, num_workers=2)
    assert first[0].device == "numpy"


# --- how far ahead ----------------------------------------------------------------------------------


class Counting(Rows):
    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.taken = 0

    def __getitem__(self, index: int) -> Any:
        self.taken += 1
        return index


@pytest.mark.parametrize(("count", "ahead"), [(1, 1), (2, 3), (3, 2)])
def test_threads_are_a_bounded_number_of_batches_ahead(count: int, ahead: int) -> None:
    dataset = Counting(100)
    epoch = iter(DataLoader(dataset, num_workers=count, prefetch_factor=ahead))
    assert dataset.taken == 0
    for used in range(1, 6):
        next(epoch)
        limit = used - 1 + count * ahead
        deadline = time.monotonic() + 10
        while dataset.taken < limit and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.005)
        assert dataset.taken == limit


def test_serving_waits_for_permission() -> None:
    """The worker of a process, in a thread: it makes `ahead` batches, and then one for each that was taken."""
    here, there = multiprocessing.Pipe()
    dataset = Counting(20)
    epoch = Epoch(dataset, np.arange(20), 1, 20, None, None)  # type: ignore[arg-type]
    thread = threading.Thread(target=workers_module.serve, args=(there, epoch, 1, 3, 2), daemon=True)
    thread.start()
    found = []
    for taken in range(6):
        deadline = time.monotonic() + 10
        while dataset.taken < min(taken + 2, 7) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.002)
        assert dataset.taken == taken + 2
        kind, batch = here.recv()
        assert kind == "batch"
        found += batch.values
        here.send_bytes(b"+")
    assert found == [1, 4, 7, 10, 13, 16]
    here.close()
    thread.join(10)
    assert not thread.is_alive()


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 2])
def test_an_exception_in_a_thread_surfaces_in_its_place_with_its_traceback(count: int) -> None:
    epoch = iter(DataLoader(Broken(), batch_size=4, num_workers=count))
    assert [next(epoch).tolist() for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(KeyError, match="item 9") as caught:
        next(epoch)
    assert "inner_part_that_fails" in "".join(traceback.format_exception(caught.value))
    assert list(epoch) == []


def test_an_exception_in_a_process_surfaces_with_its_traceback() -> None:
    epoch = iter(DataLoader(Broken(), batch_size=4, num_workers=1, workers="processes"))
    assert [next(epoch).tolist() for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(KeyError, match="item 9") as caught:
        next(epoch)
    text = "".join(traceback.format_exception(caught.value))
    assert "inner_part_that_fails" in text
    assert "items.py" in text
    assert list(epoch) == []


def test_what_cannot_be_raised_again_is_told() -> None:
    epoch = Epoch(BrokenOddly(), np.arange(2), 1, 2, None, None)  # type: ignore[arg-type]
    kind, (error, text) = pickle.loads(workers_module._message(epoch, 0))
    assert kind == "error"
    assert str(error) == "DataLoader: OddError in a worker process: 1 and 2"
    assert "raise OddError(1, 2)" in text


@pytest.mark.parametrize(("dataset", "how"), [(Dying(), "signal SIGKILL"), (Leaving(), "exit code 3")])
def test_a_process_that_dies_is_noticed_at_once(dataset: Any, how: str) -> None:
    started = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"worker process 0 \(pid \d+\) died with {how}"):
        values(DataLoader(dataset, batch_size=4, num_workers=1, workers="processes"))
    assert time.monotonic() - started < 60
    assert not [child for child in multiprocessing.active_children() if child.name.startswith("DataLoader")]


def test_what_cannot_be_sent_to_a_process() -> None:
    before = dict(os.environ)
    loader = DataLoader(Rows(), transform=lambda x, generator: x, num_workers=1, workers="processes")
    with pytest.raises(TypeError, match=r"cannot be sent to worker processes: .*lambda"):
        next(iter(loader))
    assert dict(os.environ) == before


def test_a_process_has_one_thread_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (batch,) = DataLoader(Environment(1), num_workers=3, workers="processes", device="numpy")
    assert batch.tolist()[0][:3] == [1, 1, 1]
    assert batch.tolist()[0][3] != os.getpid()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in os.environ


# --- the end ------------------------------------------------------------------------------------------


def alive(kind: str) -> list[Any]:
    found = threading.enumerate() if kind == "threads" else multiprocessing.active_children()
    return [worker for worker in found if worker.name.startswith("DataLoader")]


def wait_for_none(kind: str) -> None:
    deadline = time.monotonic() + 10
    while alive(kind) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not alive(kind)


ENDS = ["to the end", "left", "closed", "forgotten", "never begun"]


@pytest.mark.parametrize(("kind", "how"), [*(("threads", how) for how in ENDS), ("processes", "left")])
def test_workers_end_with_the_epoch(kind: str, how: str) -> None:
    loader = DataLoader(Rows(), batch_size=2, num_workers=2, workers=kind)
    if how == "to the end":
        values(loader)
    elif how == "left":
        for _ in loader:
            assert alive(kind)
            break
    elif how == "never begun":
        iter(loader)
    else:
        epoch = iter(loader)
        next(epoch)
        if how == "closed":
            epoch.close()  # type: ignore[attr-defined]
        del epoch
    gc.collect()
    wait_for_none(kind)


SCRIPT = textwrap.dedent(
    """
    import sys, time
    import dlcore as dl

    class Slow:
        def __len__(self):
            return 1000
        def __getitem__(self, index):
            if index > 3:
                time.sleep(60)
            return index

    if __name__ == "__main__":
        loader = dl.data.DataLoader(Slow(), batch_size=2, num_workers=2, workers=sys.argv[1])
        for batch in loader:
            print("batch", flush=True)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_does_not_hang(kind: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "DLCORE_DEVICE": "numpy"},
    ) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == "batch\n"
        time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, errors = process.communicate(timeout=30)
    assert process.returncode in (1, 130, -signal.SIGINT)
    assert "KeyboardInterrupt" in errors
    assert "Process DataLoader" not in errors  # the workers are silent


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_is_not_the_workers_business() -> None:
    epoch = iter(DataLoader(Rows(), batch_size=2, num_workers=1, workers="processes"))
    found = [next(epoch)[0].tolist()]
    for child in alive("processes"):
        os.kill(child.pid, signal.SIGINT)
    found += [batch[0].tolist() for batch in epoch]
    assert found == [list(range(23))[i : i + 2] for i in range(0, 23, 2)]


def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run(
        [sys.executable, str(script), "processes"], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "DLCORE_DEVICE": "numpy"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "a script must start its work under `if __name__ == '__main__':`" in done.stderr


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_workers": -1}, ValueError, "num_workers must be at least 0, got -1"),
        ({"num_workers": 1.0}, TypeError, r"num_workers must be an integer, got 1\.0"),
        ({"num_workers": True}, TypeError, "num_workers must be an integer, got True"),
        ({"prefetch_factor": 0}, ValueError, "prefetch_factor must be at least 1, got 0"),
        ({"prefetch_factor": None}, TypeError, "prefetch_factor must be an integer, got None"),
        ({"workers": "fork"}, ValueError, "workers must be 'threads' or 'processes', got 'fork'"),
        ({"transform": 3}, TypeError, "transform must be a function, got 3"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^DataLoader: {message}"):
        DataLoader(Rows(), **arguments)


def test_a_transform_needs_an_array() -> None:
    with pytest.raises(TypeError, match="transform needs batches whose first entry is an array, got Numbers"):
        next(iter(DataLoader([1, 2], transform=noisy)))


def test_the_first_entry_is_transformed() -> None:
    def doubled(x: Any, generator: Any) -> dl.Tensor:
        return dl.asarray(x) * 2

    (batch,) = DataLoader([{"x": np.ones(1), "y": 5}, {"x": np.ones(1), "y": 6}], batch_size=2, transform=doubled)
    assert batch["x"].tolist() == [[2], [2]]
    assert batch["y"].tolist() == [5, 6]
    (plain,) = DataLoader([np.ones(1)], transform=doubled, num_workers=1)
    assert plain.tolist() == [[2]]
