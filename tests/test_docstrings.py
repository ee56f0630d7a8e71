"""Every public function and class has a docstring with an example, and every example is true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import dlcore as dl

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NEEDS_NO_EXAMPLE = (BaseException, np.dtype)
WITHOUT_EXAMPLE = {
    "load": "the example of save shows it",
    "mnist": "an example would download it",
    "fashion_mnist": "the same",
    "Optimizer": "a base class: the examples are those of SGD and Adam",
}


def modules() -> list[str]:
    found = [name for _, name, _ in pkgutil.walk_packages(dl.__path__, "dlcore.")]
    return ["dlcore", *sorted(name for name in found if not name.endswith("__main__"))]


def public(module: ModuleType) -> list[tuple[str, Any]]:
    """Functions and classes of `__all__` that are written in dlcore, each where it is exported."""
    named = [(name, getattr(module, name)) for name in getattr(module, "__all__", ())]
    return [
        (f"{module.__name__}.{name}", thing)
        for name, thing in named
        if inspect.isroutine(thing) or (inspect.isclass(thing) and not issubclass(thing, NEEDS_NO_EXAMPLE))
    ]


@pytest.fixture(autouse=True)
def _as_found() -> Any:
    """Examples choose devices and seeds; the next test must not notice."""
    yield
    dl.set_device(None)


@pytest.mark.parametrize("name", modules())
def test_examples(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # examples may write files
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(
        module, name, extraglobs={"dl": dl, "np": np, "F": dl.nn.functional}
    ):
        output: list[str] = []
        runner.run(test, out=output.append)
        assert not output, "".join(output)


def test_examples_are_found() -> None:
    """A finder that finds nothing would pass everything."""
    finder = doctest.DocTestFinder()
    assert any(test.examples for test in finder.find(dl.matmul, "matmul"))
    assert len(modules()) > 30


@pytest.mark.parametrize("name", modules())
def test_public_names_are_documented_with_an_example(name: str) -> None:
    if name in ("dlcore.reference", "dlcore.contract"):
        pytest.skip("the methods of dlcore.backend.Backend document what it implements")
    module = importlib.import_module(name)
    for where, thing in public(module):
        text = inspect.getdoc(thing)
        assert text, f"{where} has no docstring"
        if thing.__name__ not in WITHOUT_EXAMPLE:
            assert ">>>" in text, f"{where} has no example"


def test_public_methods_of_tensor_are_documented() -> None:
    own = {n: m for n, m in vars(dl.Tensor).items() if not n.startswith("_") and callable(m)}
    assert {"numpy", "item", "tolist", "detach", "backward", "to", "sum", "reshape"} <= set(own)
    assert [n for n, method in own.items() if not inspect.getdoc(method)] == []


@pytest.mark.parametrize("name", modules())
def test_modules_say_what_they_are(name: str) -> None:
    assert (importlib.import_module(name).__doc__ or "").strip()
