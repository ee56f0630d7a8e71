"""What the layers above the primitives cost: one training step of a 784-128-10 MLP, batch 32, Adam, float32.

    python benchmarks/mlp_step.py              dlcore, PyTorch (if installed) and the bare primitives
    python benchmarks/mlp_step.py --rounds 11

Each candidate runs in a process of its own, one after the other, round by round, because thread pools in
one process disturb each other. A process reports the median of its steps; the table gives the median over
the rounds and their range, and ratios and differences are taken round by round before their median is.

`dlcore` is a step through nn, autograd and optim. `primitives` calls the same primitives of the same
device by hand, on the same shapes, without tensors, tape, modules or optimizer object. PyTorch runs
eagerly with its fused Adam, its fastest eager setting here.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

BATCH, SIZES = 32, (784, 128, 10)


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((BATCH, SIZES[0]), dtype=np.float32), rng.integers(0, SIZES[2], BATCH)


def dlcore_step() -> Callable[[], object]:
    import dlcore as dl
    import dlcore.nn.functional as F
    from dlcore import nn

    model = nn.Sequential(nn.Linear(*SIZES[:2]), nn.ReLU(), nn.Linear(*SIZES[1:]))
    optimizer = dl.optim.Adam(model.parameters())
    x, y = (dl.tensor(array) for array in data())

    def step() -> None:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    return step


def primitives_step() -> Callable[[], object]:
    import dlcore as dl

    backend = dl.current_device().backend
    xp = backend.xp
    x, y = (backend.from_host(array) for array in data())
    (n0, n1, n2), offsets, total = SIZES, [], 0
    shapes = [(n1, n0), (n1,), (n2, n1), (n2,)]
    for shape in shapes:
        offsets.append(total)
        total += int(np.prod(shape))
    values, grads, first, second = (xp.zeros(total, dtype=xp.float32) for _ in range(4))
    values[...] = backend.from_host(np.random.default_rng(1).standard_normal(total).astype(np.float32) * 0.03)

    def views(flat: np.ndarray) -> list[np.ndarray]:
        return [
            xp.reshape(flat[start : start + int(np.prod(shape))], shape)
            for start, shape in zip(offsets, shapes, strict=True)
        ]

    (w1, b1, w2, b2), (dw1, db1, dw2, db2) = views(values), views(grads)
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1
        h = backend.matmul(x, w1.T)
        h = backend.bias_activation_forward(h, b1, out=h)
        a = backend.bias_activation_forward(h, None, "relu")
        z = backend.matmul(a, w2.T)
        z = backend.bias_activation_forward(z, b2, out=z)
        backend.check_index_range(y, 0, n2, "labels")
        _, dz = backend.softmax_cross_entropy(z, y)
        backend.matmul(dz.T, a, dw2)
        db2[...] = backend.sum(dz, (0,))
        da = backend.matmul(dz, w2)
        dh, _ = backend.bias_activation_backward(da, a, "relu")
        backend.matmul(dh.T, x, dw1)
        db1[...] = backend.sum(dh, (0,))
        backend.adam_update(values, grads, first, second, None, lr=1e-3, step=taken)

    return step


def torch_step() -> Callable[[], object]:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(*SIZES[:2]), torch.nn.ReLU(), torch.nn.Linear(*SIZES[1:]))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    x, y = (torch.from_numpy(array) for array in data())

    def step() -> None:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    return step


CANDIDATES = {"dlcore": dlcore_step, "primitives": primitives_step, "torch": torch_step}


def measure(name: str, steps: int) -> float:
    """The median time of a step in microseconds, in this process."""
    step = CANDIDATES[name]()
    for _ in range(steps // 5):
        step()
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="processes of each candidate (%(default)s)")
    parser.add_argument("--steps", type=int, default=1500, help="timed steps in a process (%(default)s)")
    parser.add_argument("--only", choices=CANDIDATES, help="run one candidate here and print its median (us)")
    options = parser.parse_args()
    if options.only:
        print(measure(options.only, options.steps))
        return
    names = [name for name in CANDIDATES if name != "torch" or importlib.util.find_spec("torch")]
    rounds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            command = [sys.executable, __file__, "--only", name, "--steps", str(options.steps)]
            rounds[name].append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    for name in names:
        print(f"{name:12} {spread(rounds[name], 'us')}")
    overhead = [a - b for a, b in zip(rounds["dlcore"], rounds["primitives"], strict=True)]
    print(f"dlcore - primitives: {spread(overhead, 'us')}")
    if "torch" in rounds:
        ratios = [a / b for a, b in zip(rounds["dlcore"], rounds["torch"], strict=True)]
        print(f"dlcore / torch: {spread(ratios, '', digits=2)}")


def spread(values: list[float], unit: str, digits: int = 0) -> str:
    """Median and range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"median {middle:.{digits}f} {unit}".rstrip() + f" ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
