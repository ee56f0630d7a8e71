"""Workers that make batches ahead of time: threads, or processes. Both hand them out in order, a bounded number ahead.

A batch is made by worker number (batch % workers). Threads are daemons and processes are ended with the epoch, so that
neither keeps a program from ending.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import pickle
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dlcore._device import device
from dlcore.data._epoch import Epoch

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: What keeps NumPy's libraries, and our own kernels, to one thread in a worker process.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                     "VECLIB_MAXIMUM_THREADS", "DLCORE_NUM_THREADS")}  # fmt: skip
_numbers = itertools.count(1)
_environment = threading.Lock()


# --- threads ----------------------------------------------------------------------------------------


def by_threads(epoch: Epoch, workers: int, ahead: int) -> Iterator[Any]:
    """The batches of the epoch, made by `workers` threads, at most `workers * ahead` before they are asked for.

    An exception in a thread is raised where its batch was due, as it was raised there.
    """
    tasks: queue.SimpleQueue[tuple[Future[Any], int, contextvars.Context] | None] = queue.SimpleQueue()

    def work() -> None:
        while (task := tasks.get()) is not None:
            future, number, context = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(context.run(epoch.batch, number))
            except BaseException as error:  # also what ends programs: the one who asked has to know
                future.set_exception(error)
            del task, future, context  # a batch must not live as long as the thread waits for the next

    for _ in range(workers):
        threading.Thread(target=work, name=f"DataLoader-{next(_numbers)}", daemon=True).start()
    waiting: deque[Future[Any]] = deque()
    following = 0
    try:
        while following < epoch.count or waiting:
            while following < epoch.count and len(waiting) < workers * ahead:
                future: Future[Any] = Future()
                tasks.put((future, following, contextvars.copy_context()))  # with the caller's device and settings
                waiting.append(future)
                following += 1
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(workers):
            tasks.put(None)


# --- processes --------------------------------------------------------------------------------------


class WorkerError(Exception):
    """The traceback of an exception in a worker process, as text: the cause of the exception that is raised here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def by_processes(epoch: Epoch, workers: int, ahead: int) -> Iterator[Any]:
    """The batches of the epoch, made by `workers` spawned processes, each at most `ahead` before they are asked for.

    Raises:
        What the data set or the transform raised, with the worker's traceback as its cause.
        RuntimeError: a process died. TypeError: the data set or the transform cannot be pickled.
    """
    from multiprocessing import get_context

    method = get_context("spawn")
    processes: list[Any] = []
    connections: list[Connection] = []
    try:
        for worker in range(workers):
            here, there = method.Pipe()
            connections.append(here)
            process = method.Process(
                target=serve,
                args=(there, epoch, worker, workers, ahead),
                name=f"DataLoader-{next(_numbers)}",
                daemon=True,
            )
            try:
                with _one_thread():
                    process.start()
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise TypeError(
                    f"DataLoader: the data set or the transform cannot be sent to worker processes: {error}"
                ) from error
            finally:
                there.close()
            processes.append(process)
        for number in range(epoch.count):
            yield _received(connections[number % workers], processes[number % workers], number % workers)
    finally:
        for connection in connections:
            connection.close()
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(1)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def _received(connection: Connection, process: Any, worker: int) -> Any:
    """The next batch of a process; then it may make another. Raises at once if the process has died."""
    try:
        kind, content = connection.recv()
        if kind == "batch":
            with suppress(BrokenPipeError):  # it has nothing more to do and ended
                connection.send_bytes(b"+")
            return content
    except (EOFError, ConnectionResetError):
        process.join(5)
        code = process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        raise RuntimeError(
            f"DataLoader: worker process {worker} (pid {process.pid}) died with {how}. If it said nothing, memory may "
            "have run out; a script must start its work under `if __name__ == '__main__':`, as it is imported anew"
        ) from None
    error, text = content
    error.__cause__ = WorkerError(text)
    raise error


@contextmanager
def _one_thread() -> Iterator[None]:
    """What is set in the environment now, a process that is started has from its first import on."""
    with _environment:
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def serve(connection: Connection, epoch: Epoch, worker: int, workers: int, ahead: int) -> None:
    """What a worker process does: its batches one after the other, then it waits to be ended."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business, which then ends this process
    allowed = ahead
    with device("numpy"), suppress(EOFError, OSError):  # the parent is gone, or wants no more
        for number in range(worker, epoch.count, workers):
            if allowed == 0:
                connection.recv_bytes()
                allowed += 1
            allowed -= 1
            connection.send_bytes(_message(epoch, number))
        while True:
            connection.recv_bytes()


def _message(epoch: Epoch, number: int) -> bytes:
    try:
        return pickle.dumps(("batch", epoch.batch(number)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        text = traceback.format_exc()
        try:
            content = pickle.dumps(("error", (error, text)))
            pickle.loads(content)  # some exceptions can be pickled, but not made again
        except Exception:
            named = RuntimeError(f"DataLoader: {type(error).__name__} in a worker process: {error}")
            content = pickle.dumps(("error", (named, text)))
        return content
