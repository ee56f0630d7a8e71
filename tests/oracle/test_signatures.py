"""Arguments, their order and their defaults are PyTorch's, but for what docs/differences.md says."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

DIFFERENCES = (Path(__file__).parents[2] / "docs" / "differences.md").read_text(encoding="utf-8")

# Arguments of PyTorch's that are not there, by function; "*": wherever PyTorch has them.
NOT_THERE = {
    "*": {"inplace", "size_average", "reduce", "foreach", "fused", "capturable",
          "differentiable"},
    "softmax": {"dtype", "_stacklevel"},
    "log_softmax": {"dtype", "_stacklevel"},
    "softmin": {"dtype", "_stacklevel"},
    "Hardtanh": {"min_value", "max_value"},
}  # fmt: skip
OURS_ALONE = {"generator"}
REQUIRED_HERE = {(name, "dim") for name in ("softmax", "log_softmax", "softmin", "Softmax", "LogSoftmax", "Softmin")}


def pairs() -> list[Any]:
    found = []
    for mine, other in ((dl.nn.functional, torch.nn.functional), (dl.nn, torch.nn), (dl.nn.init, torch.nn.init),
                        (dl.optim, torch.optim)):  # fmt: skip
        for name in mine.__all__:
            here, there = getattr(mine, name), getattr(other, name, None)
            if there is not None and callable(here) and name not in ("Module", "Optimizer", "Parameter", "Sequential"):
                found.append(pytest.param(name, here, there, id=f"{mine.__name__}.{name}"))
    return found


def arguments(thing: Any) -> dict[str, Any] | None:
    """Defaults by name; None if they cannot be known, as of what PyTorch implements in C++."""
    try:
        signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
    except ValueError:
        return None
    kept = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    variable = [p for p in signature.parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if variable and not kept[1:]:  # a wrapper; but a class without constructor has that signature, too, and no argument
        return {} if inspect.isclass(thing) and thing.__init__ is object.__init__ else None
    return {p.name: p.default for p in kept if p.name != "self"}


@pytest.mark.parametrize(("name", "here", "there"), pairs())
def test_arguments_are_pytorchs(name: str, here: Any, there: Any) -> None:
    mine, other = arguments(here), arguments(there)
    if other is None:
        pytest.skip("PyTorch's signature cannot be read")
    assert mine is not None
    left_out = NOT_THERE["*"] | NOT_THERE.get(name, set())
    expected = {k: v for k, v in other.items() if k not in left_out}
    actual = {k: v for k, v in mine.items() if k not in OURS_ALONE or k in expected}
    for argument, default in expected.items():
        if (name, argument) in REQUIRED_HERE:
            expected[argument] = inspect.Parameter.empty
        elif isinstance(default, bool) or default is None or isinstance(default, str):
            assert actual.get(argument, "missing") is default, argument
    assert list(actual) == list(expected)
    assert actual == expected


def test_what_is_not_there_is_documented() -> None:
    for names in NOT_THERE.values():
        for name in names - {"_stacklevel"}:
            assert f"`{name}`" in DIFFERENCES or f"`{name}=`" in DIFFERENCES, name
