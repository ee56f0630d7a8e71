"""The picture of the activations: complete, right where it is easily checked, readable."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import functional

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "activations.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("activations_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["activations_example"] = module
    spec.loader.exec_module(module)
    return module


def test_every_panel_shows_a_function_and_its_derivative(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: list[Any] = []
    close = example.plt.close
    monkeypatch.setattr(example.plt, "close", drawn.append)
    path = example.main(["--output", str(tmp_path / "new")])
    assert path == tmp_path / "new" / "activations.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert str(path) in capsys.readouterr().out
    (figure,) = drawn
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == list(example.ACTIVATIONS)
    for axes in panels:
        function, slope = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert (function.get_label(), slope.get_label()) == ("f(x)", "df/dx")
        assert function.get_linestyle() != slope.get_linestyle()  # told apart without colours
        assert all(set(line.get_color()) <= set("0.456black") for line in (function, slope))
        x, y, dy = np.asarray(function.get_xdata()), np.asarray(function.get_ydata()), np.asarray(slope.get_ydata())
        quotients = np.diff(y) / np.diff(x)
        smooth = (np.abs(np.diff(dy)) < 0.02) & ~np.isnan(quotients)
        assert smooth.mean() > 0.98
        np.testing.assert_allclose(dy[:-1][smooth], quotients[smooth], atol=0.02, err_msg=axes.get_title())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["f(x)", "df/dx"]
    assert figure.axes[0].get_ylabel() == "f(x), df/dx"
    assert figure.axes[-1].get_xlabel() == "x"
    close(figure)


def test_no_activation_is_missing(example: ModuleType) -> None:
    """Those of nn by their classes; functions by their names in the example's text."""
    text = EXAMPLE.read_text(encoding="utf-8")
    modules = (dl.nn.activation, dl.nn.rectifier, dl.nn.smooth)
    names = {
        name.lower()
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, dl.nn.Module) and thing.__module__ == module.__name__
    }
    functions = {name.replace("_", ""): name for name in functional.__all__}
    assert names <= functions.keys()
    missing = [functions[name] for name in names if f"F.{functions[name]}" not in text]
    assert missing == []
    assert len(names) == 27


def test_a_jump_leaves_a_gap(example: ModuleType) -> None:
    x = np.linspace(-1, 1, 201)
    value, slope = example.curves(example.ACTIVATIONS["step (heaviside)"], x)
    assert not slope.any()
    assert np.isnan(example._broken(value, x)).sum() == 1
