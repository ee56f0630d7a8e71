"""What is installed: the version, what an import pulls in, and a device from someone else's package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

import dlcore as dl

ROOT = Path(__file__).parents[2]


def python(code: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_is_stated_once() -> None:
    assert dl.__version__ == version("dlcore-nn")
    assert f'__version__ = "{dl.__version__}"' in (ROOT / "dlcore" / "_version.py").read_text()
    assert f'version = "{dl.__version__}"' not in (ROOT / "pyproject.toml").read_text()


OPTIONAL = ["safetensors", "tqdm", "matplotlib", "scipy", "torch", "cupy", "PIL", "hypothesis", "pytest"]
COSTLY = ["urllib.request", "http.client", "socket", "ssl", "asyncio", "importlib.metadata", "unittest"]


def test_an_import_pulls_in_numpy_and_nothing_else(tmp_path: Path) -> None:
    """What NumPy itself imports is no fault of ours, so only the difference counts."""
    code = """
        import json, sys
        import numpy
        before = set(sys.modules)
        import dlcore
        at_once = sorted(set(sys.modules) - before)
        import dlcore.data, dlcore.linalg, dlcore.nn, dlcore.optim
        print(json.dumps([at_once, sorted(set(sys.modules) - before)]))
    """
    at_once, imported = json.loads(python(code, tmp_path))
    assert "dlcore.data.loader" in imported
    assert "dlcore.data" not in at_once
    assert [name for name in imported if name.split(".")[0] in OPTIONAL] == []
    assert [name for name in imported if name in COSTLY] == []
    assert [name for name in imported if name.startswith("dlcore.backends")] == []


def test_an_import_needs_no_network(tmp_path: Path) -> None:
    code = """
        import sys
        def refuse(event, arguments):
            if event.startswith("socket."):
                raise RuntimeError(f"{event} {arguments}")
        sys.addaudithook(refuse)
        import dlcore as dl
        assert len(dl.data.digits(train=False)) == 359
        dl.save({"a": dl.zeros((2,))}, "f")
        dl.load("f")
    """
    python(code, tmp_path)


def test_import_time_can_be_measured() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "import_time.py"), "1"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "times NumPy's" in done.stdout


# --- a device from a third party ---------------------------------------------------------------

TOY_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "toy-device"
version = "1.0"

[project.entry-points."dlcore.backends"]
toy = "toy_backend:create"
broken = "toy_backend:missing"
wrong = "toy_backend:create_nothing"

[tool.setuptools]
py-modules = ["toy_backend"]
"""

TOY_BACKEND = '''
"""The least that a device needs: everything else is the reference implementation."""

import numpy as np

from dlcore.backend import Backend


class ToyBackend(Backend):
    name = "toy"
    xp = np
    array_type = np.ndarray

    def from_host(self, array, dtype=None, copy=None):
        return np.array(array, dtype=dtype, copy=copy)

    def to_host(self, x):
        return x

    def shares_memory(self, x, y):
        return np.may_share_memory(x, y)


def create(index):
    return ToyBackend()


def create_nothing(index):
    return None
'''

TRAIN_ON_TOY = """
    import sys
    import dlcore as dl

    assert str(dl.current_device()) == "toy"
    dl.manual_seed(0)
    network = dl.nn.Sequential(
        dl.nn.Conv2d(1, 4, 3), dl.nn.ReLU(), dl.nn.MaxPool2d(2), dl.nn.Flatten(), dl.nn.Linear(36, 10)
    )
    optimizer = dl.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for images, labels in list(dl.data.DataLoader(dl.data.digits(), batch_size=64, shuffle=True))[:12]:
        assert images.device == "toy"
        loss = dl.nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0], losses
    assert not any(name.startswith("dlcore.backends") for name in sys.modules)
    assert dl.device_info()["devices"]["toy"]["available"]
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the package with the device was installed; it is on no path of this process."""
    source, target = tmp_path_factory.mktemp("toy"), tmp_path_factory.mktemp("installed")
    (source / "pyproject.toml").write_text(TOY_PROJECT)
    (source / "toy_backend.py").write_text(TOY_BACKEND)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps",
         "--no-build-isolation", "--no-index", "--target", str(target), str(source)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


def test_a_device_from_another_package_trains(toy: Path, tmp_path: Path) -> None:
    python(TRAIN_ON_TOY, tmp_path, PYTHONPATH=str(toy), DLCORE_DEVICE="toy")


def test_faulty_devices_of_others_say_whose_fault_it_is(toy: Path, tmp_path: Path) -> None:
    code = """
        import dlcore as dl
        for name, reason in [
            ("broken", "its package failed to load (toy_backend:missing: AttributeError"),
            ("wrong", "toy_backend:create_nothing returned None, not a dlcore.backend.Backend"),
            ("toi", "unknown device 'toi': expected one of "),
        ]:
            try:
                dl.device(name)
            except dl.DeviceError as error:
                assert reason in str(error), error
            else:
                raise AssertionError(name)
        devices = dl.device_info()["devices"]
        assert devices["toy"]["available"] and not devices["broken"]["available"]
    """
    python(code, tmp_path, PYTHONPATH=str(toy))
    assert "toy" not in dl.device_info()["devices"]
