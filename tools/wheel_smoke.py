"""What tools/wheel_check.py runs in an empty environment that has only the wheel: imports, and a short training."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import dlcore as dl

package = Path(dl.__file__).parent
if "site-packages" not in package.parts or Path(sys.prefix) not in package.parents:
    raise SystemExit(f"dlcore was imported from {package}, not from the installed wheel in {sys.prefix}")
if not (package / "py.typed").is_file():
    raise SystemExit("the wheel lacks py.typed: type checkers would ignore its hints")
if version("dlcore-nn") != dl.__version__:
    raise SystemExit(f"the wheel says version {version('dlcore-nn')}, the package {dl.__version__}")

with dl.device("numpy"):
    dl.manual_seed(0)
    network = dl.nn.Sequential(dl.nn.Flatten(), dl.nn.Linear(64, 32), dl.nn.ReLU(), dl.nn.Linear(32, 10))
    optimizer = dl.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for images, labels in dl.data.DataLoader(dl.data.digits(), batch_size=64, shuffle=True):
        loss = dl.nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    dl.save(network.state_dict(), "network.safetensors")
    network.load_state_dict(dl.load("network.safetensors"))

if not losses[-1] < 0.7 * losses[0]:
    raise SystemExit(f"the loss did not go down: {losses}")
print(f"dlcore {dl.__version__} in {sys.prefix}: the loss went from {losses[0]:.2f} to {losses[-1]:.2f}")
