"""PyTorch's own sample inputs of modules (`torch.testing._internal.common_modules.module_db`) tried here.

For each sample: the same state by the same names, the same outputs, first and second gradients of inputs and
parameters, and the same buffers afterwards, in training and in evaluation. Samples that have something which does not
exist here must raise. What PyTorch lists as errors raises here too.

    TABLE = {"BatchNorm1d": Module(dl.nn.BatchNorm1d)}

    @pytest.mark.every_device  # `make test-cusim` runs it, too, on the samples that are small
    @pytest.mark.parametrize(("name", "training"), product(TABLE, (True, False)))
    def test_samples(name, training, rng):
        check_module(name, TABLE[name], training, rng)
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import (
    ERRORS,
    RTOL,
    SECOND_ORDER,
    SMALL,
    NoError,
    Skip,
    close,
    convert,
    differentiated,
    flat,
    host,
    on_a_gpu,
    quiet,
    torch,
    without_constants,
)

import dlcore as dl


@dataclass(frozen=True)
class Module:
    """How a module of PyTorch is made here; `Skip.when` gets PyTorch's ModuleInput."""

    here: Callable[..., Any]
    skips: tuple[Skip, ...] = ()
    no_errors: tuple[NoError, ...] = ()
    second: bool = True
    rtol: float = RTOL


@cache
def module_infos() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db

    return {info.module_cls.__name__: info for info in module_db}


def inputs(name: str, training: bool, rng: np.random.Generator) -> list[Any]:
    info = module_infos()[name]
    torch.manual_seed(int(rng.integers(2**32)))
    options: dict[str, Any] = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": training}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(info.module_inputs_func(info, **options))
    return [sample for sample in found if _elements(sample) <= SMALL] if on_a_gpu() else found


def _elements(sample: Any) -> int:
    given = sample.forward_input
    return sum(x.numel() for x in (*given.args, *given.kwargs.values()) if isinstance(x, torch.Tensor))


def check_module(name: str, entry: Module, training: bool, rng: np.random.Generator) -> None:
    used: set[Skip] = set()
    compared = 0
    for number, sample in enumerate(inputs(name, training, rng)):
        skip = next((skip for skip in entry.skips if skip.when(sample)), None)
        try:
            if skip is None:
                compare_modules(name, entry, sample, training, rng)
                compared += 1
            else:
                used.add(skip)
                if skip.raises:
                    refuse(entry, sample)
        except BaseException as error:
            error.add_note(f"sample {number} of {name}, training={training}: {described(sample)}")
            raise
    if on_a_gpu():  # where all samples may be too large
        return
    assert compared, f"{name} has no samples"
    unused = [skip.reason for skip in entry.skips if skip not in used]
    assert not unused, f"{name}: no sample is set aside by: {unused}"


def refuse(entry: Module, sample: Any) -> None:
    made, given = sample.constructor_input, sample.forward_input
    with pytest.raises(ERRORS), quiet():
        entry.here(*ours(made.args), **ours(made.kwargs))(*ours(given.args), **ours(given.kwargs))


def ours(arguments: Any) -> Any:
    """Arguments, in a list or a dict, with our tensors in them."""
    if isinstance(arguments, dict):
        return {key: convert(value, []) for key, value in arguments.items()}
    return [convert(value, []) for value in arguments]


def compare_modules(name: str, entry: Module, sample: Any, training: bool, rng: np.random.Generator) -> None:
    made, given = sample.constructor_input, sample.forward_input
    theirs = getattr(torch.nn, name)(*made.args, **made.kwargs).to(torch.float64).train(training)
    mine = entry.here(*ours(made.args), **ours(made.kwargs)).to("float64").train(training)
    with torch.no_grad():  # ones and zeros as new weights would hide what they are multiplied with
        for parameter in theirs.parameters():
            parameter.copy_(torch.from_numpy(np.asarray(rng.uniform(0.5, 1.5, tuple(parameter.shape)))))
    same_state(mine, theirs, exact_values=False)
    mine.load_state_dict({key: dl.tensor(host(value)) for key, value in theirs.state_dict().items()})

    pairs: list[tuple[Any, Any]] = []
    arguments = [convert(value, pairs) for value in given.args]
    keywords = {key: convert(value, pairs) for key, value in given.kwargs.items()}
    pairs += zip(mine.parameters(), theirs.parameters(), strict=True)
    with quiet():
        outputs = flat(mine(*arguments, **keywords))
    ends = list(zip(outputs, flat(theirs(*given.args, **given.kwargs)), strict=True))
    for i, (a, b) in enumerate(ends):
        close(a.numpy(), host(b), entry.rtol, f"output {i}")
        assert a.requires_grad == b.requires_grad, f"output {i}: requires_grad is {a.requires_grad}"
    same_state(mine, theirs, exact_values=True)

    leaves = [(a, b) for a, b in pairs if a.requires_grad]
    elements = sum(b.numel() for _, b in leaves) + sum(b.numel() for _, b in ends)
    second = entry.second and elements <= SECOND_ORDER
    for order in ("gradient", "second gradient")[: 2 if second else 1]:
        ends = [(a, b) for a, b in ends if a is not None and b is not None and b.requires_grad]
        if not ends or not leaves:
            return
        ends = differentiated(ends, leaves, rng, second and order == "gradient")
        for i, ((a, b), (leaf, _)) in enumerate(zip(ends, leaves, strict=True)):
            zero = np.zeros(leaf.shape, leaf.dtype)
            close(zero if a is None else a.numpy(), zero if b is None else host(b), entry.rtol, f"{order} {i}")
        ends = without_constants(ends, leaves) if order == "gradient" and second else []
        ends = [(a, b) for a, b in ends if a is not None and a.requires_grad]  # the others are constants of this one


def same_state(mine: Any, theirs: Any, exact_values: bool) -> None:
    """The same keys in the same order, dtypes and shapes; with `exact_values` also the values, to rounding."""
    state, other = mine.state_dict(), theirs.state_dict()
    assert list(state) == list(other)
    for key, value in other.items():
        assert (str(state[key].dtype), state[key].shape) == (str(host(value).dtype), tuple(value.shape)), key
        if exact_values:
            np.testing.assert_allclose(state[key].numpy(), host(value), rtol=RTOL, atol=1e-12, err_msg=key)


def check_module_errors(name: str, entry: Module, rng: np.random.Generator) -> None:
    info = module_infos()[name]
    if info.module_error_inputs_func is None:
        return
    torch.manual_seed(int(rng.integers(2**32)))
    options: dict[str, Any] = {"device": "cpu", "dtype": torch.float64, "requires_grad": False, "training": True}
    for bad in info.module_error_inputs_func(info, **options):
        if any(re.search(allowed.pattern, str(bad.error_regex)) for allowed in entry.no_errors):
            continue
        sample = bad.module_error_input
        raised = False
        try:
            with quiet():
                mine = entry.here(*ours(sample.constructor_input.args), **ours(sample.constructor_input.kwargs))
                mine.to("float64")(*ours(sample.forward_input.args), **ours(sample.forward_input.kwargs))
        except ERRORS:
            raised = True
        assert raised, f"{name} takes {described(sample)}; PyTorch says: {bad.error_regex}"


def described(sample: Any) -> str:
    def show(x: Any) -> str:
        return str(list(x.shape)) if isinstance(x, torch.Tensor) else repr(x)

    def call(given: Any) -> str:
        return ", ".join([*map(show, given.args), *(f"{key}={show(value)}" for key, value in given.kwargs.items())])

    forward = "" if sample.forward_input is None else call(sample.forward_input)
    return f"({call(sample.constructor_input)})({forward})"
