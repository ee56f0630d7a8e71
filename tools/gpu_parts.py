"""What tools/gpu_check.py runs on the device, in a process of its own: `python tools/gpu_parts.py parity`.

The last line that is printed sums up; the status is 1 if something is wrong.

    parity       every primitive over every case of the parity tests
    parity-few   a few small cases of each, for compute-sanitizer
    demo         the demo's network trained on `numpy` and on the device from one seed, dropout included
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import dlcore as dl
import dlcore.nn.functional as F

ROOT = Path(__file__).resolve().parents[1]
SMALL, FEW = 2000, 4  # elements of a case, cases of a primitive: under compute-sanitizer all is a hundred times slower


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("parity", "parity-few", "demo"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if options.part == "demo":
        return demo(options.device, epochs=1 if options.tiny else 5)
    return parity(options.device, few=options.tiny or options.part == "parity-few")


# --- primitives -----------------------------------------------------------------------------------


def parity(device: str, few: bool) -> int:
    """Compare with the reference; each case that differs is printed."""
    sys.path.insert(0, str(ROOT / "tests"))
    from primitives import test_parity as test

    with dl.device(device):
        backend = dl.current_device().backend
    if os.environ.get("DLCORE_GPU_CHECK_NO_POOL"):
        backend.launcher.cp.cuda.set_allocator(None)
    count, wrong, started = 0, 0, time.perf_counter()
    for primitive in test.overrides(backend):
        cases = test.CASES[primitive]
        if few:
            small = [case for case in cases if _elements(case) <= SMALL]
            cases = small[:: max(1, len(small) // FEW)][:FEW]
        for case in cases:
            count += 1
            try:
                test.check(backend, primitive, case)
            except Exception as error:
                wrong += 1
                said = " ".join(str(error).split())[:400]
                print(f"{primitive}: {case.name!r}: {type(error).__name__}: {said}", flush=True)
    primitives, seconds = len(test.overrides(backend)), time.perf_counter() - started
    print(f"{count} cases of {primitives} primitives, {wrong} wrong, {seconds:.0f} s")
    return bool(wrong)


def _elements(case: Any) -> int:
    arguments, options = case.make(np.random.default_rng(0))
    return sum(value.size for value in [*arguments, *options.values()] if isinstance(value, np.ndarray))


# --- the demo -------------------------------------------------------------------------------------

STEPS, BATCH = 20, 64


def adam(parameters: Any) -> Any:
    return dl.optim.Adam(parameters, lr=1e-3)


#: name: dtype, optimizer, and how far the loss curves of the first 20 steps may be apart, relative to the first loss
CURVES = {
    "float64, 20 steps of Adam": ("float64", adam, 1e-9),
    "float32, 20 steps of SGD": ("float32", lambda parameters: dl.optim.SGD(parameters, lr=0.05), 1e-4),
}


def demo(device: str, epochs: int) -> int:
    """Loss curves from one seed, then the accuracy after some epochs."""
    network = _demo_module().small_cnn
    wrong = []
    for name, (dtype, optimizer, allowed) in CURVES.items():
        mine, theirs = (train(where, network, optimizer, dtype, STEPS)[0] for where in (device, "numpy"))
        apart = float(np.abs(np.subtract(mine, theirs)).max() / theirs[0])
        print(f"{name}: {device} {mine[0]:.6f} ... {mine[-1]:.6f}, apart by {apart:.1e}, allowed are {allowed:.0e}")
        if not apart <= allowed:
            wrong.append(name)
    accuracy = {}
    for where in (device, "numpy"):
        started = time.perf_counter()
        _, accuracy[where] = train(where, network, adam, "float32", steps=None, epochs=epochs)
        print(f"{where}: {epochs} epochs, accuracy {accuracy[where]:.2%}, {time.perf_counter() - started:.1f} s")
    if abs(accuracy[device] - accuracy["numpy"]) > 0.02:
        wrong.append("accuracy")
    print(f"loss curves and accuracy on {device} and numpy: {', '.join(wrong) or 'no'} differences")
    return bool(wrong)


def train(
    device: str, network: Any, make_optimizer: Any, dtype: str, steps: int | None, epochs: int = 1
) -> tuple[list[float], float]:
    """The loss of each step, and the accuracy on digits that were not trained on."""
    train_set, test_set = dl.data.digits(train=True), dl.data.digits(train=False)
    with dl.device(device):
        dl.manual_seed(1)
        model = network().to(dtype)
        optimizer = make_optimizer(model.parameters())
        losses: list[Any] = []
        for _ in range(epochs):
            for images, labels in dl.data.DataLoader(train_set, batch_size=BATCH, shuffle=True):
                if steps is not None and len(losses) == steps:
                    break
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images.to(dtype)), labels)
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
        model.eval()
        with dl.no_grad():
            logits, labels = [], []
            for images, wanted in dl.data.DataLoader(test_set, batch_size=256):
                logits.append(model(images.to(dtype)).numpy())
                labels.append(wanted.numpy())
        correct = np.concatenate(logits).argmax(axis=1) == np.concatenate(labels)
        return [loss.item() for loss in losses], float(correct.mean())


def _demo_module() -> Any:
    path = ROOT / "examples" / "digits.py"
    spec = importlib.util.spec_from_file_location("digits_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
